// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Adapter memory: one ring of bytes for each connection, where a byte lies at its sequence
// number.
//
//                 lane 7     ...      lane 0
//   word       ┌──────────┬────────┬──────────┐
//   following  │  8 memories of one byte each │ ──► read word, one cycle later
//              └──────────┴────────┴──────────┘
//
// Eight bytes that do not begin at lane 0 end in the following word: each lane has an address of
// its own, so they are written in one cycle, and read in one.
//
// Beside each byte stands a mark, in a memory of its own: so the bytes fill block memory without a
// multiplexer behind it. What a mark says is not known here.
//
// It does not know which bytes count; a byte that is read while it is written may be any.

`default_nettype none

module receive_ring #(
  parameter CONNECTIONS        = 16,    // rings, a power of two
  parameter RECEIVE_RING_BYTES = 4096,  // bytes of a ring, a power of two
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS),
  parameter WORD_BITS          = $clog2(RECEIVE_RING_BYTES) - 3
) (
  input  wire                       clk,

  // in: the payload placer
  input  wire [7:0]                 write_lanes,      // bytes that are written
  input  wire [7:0]                 write_wraps,      // lanes that lie in the following word
  input  wire [CONNECTION_BITS-1:0] write_connection,
  input  wire [WORD_BITS-1:0]       write_word,
  input  wire [WORD_BITS-1:0]       write_following,  // write_word + 1
  input  wire [63:0]                write_data,
  input  wire [7:0]                 write_marks,      // one of each byte

  // in: the ring reader
  input  wire                       read_enable,
  input  wire [7:0]                 read_wraps,       // lanes that lie in the following word
  input  wire [CONNECTION_BITS-1:0] read_connection,
  input  wire [WORD_BITS-1:0]       read_word,
  input  wire [WORD_BITS-1:0]       read_following,

  // out: the ring reader
  output wire [63:0]                read_data,        // stays until the next read_enable
  output wire [7:0]                 read_marks
);

  localparam WORDS = CONNECTIONS * RECEIVE_RING_BYTES / 8;

  genvar lane;
  generate
    for (lane = 0; lane < 8; lane = lane + 1) begin : lanes
      (* no_rw_check *)  // a byte that counts was written earlier
      reg [7:0] bytes [0:WORDS-1];
      reg [7:0] read_byte;
      (* ram_style = "block", no_rw_check *)
      reg       marks [0:WORDS-1];
      reg       read_mark;

      wire [WORD_BITS-1:0] write_at = write_wraps[lane] ? write_following : write_word;
      wire [WORD_BITS-1:0] read_at  = read_wraps[lane] ? read_following : read_word;

      always @(posedge clk) begin
        if (write_lanes[lane]) bytes[{write_connection, write_at}] <= write_data[8*lane +: 8];
        if (write_lanes[lane]) marks[{write_connection, write_at}] <= write_marks[lane];
        if (read_enable) read_byte <= bytes[{read_connection, read_at}];
        if (read_enable) read_mark <= marks[{read_connection, read_at}];
      end

      assign read_data[8*lane +: 8] = read_byte;
      assign read_marks[lane]       = read_mark;
    end
  endgenerate

`ifdef ASSERTIONS
  initial
    if (RECEIVE_RING_BYTES < 64 || (RECEIVE_RING_BYTES & (RECEIVE_RING_BYTES - 1)) != 0
        || CONNECTIONS < 2 || (CONNECTIONS & (CONNECTIONS - 1)) != 0) begin
      $display("receive_ring: rings and bytes of a ring are powers of two, at least 2 and 64");
      $stop;
    end
`endif

endmodule

`default_nettype wire
