// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Writes the payload of a segment to its place in the receive ring, as it streams in.
//
//   payload ──► turned to the lanes of its sequence number ──► ring
//                          lanes: from RCV.NXT, before the segment's and the window's end,
//                                 and outside the islands
//
// A beat is written in the cycle after it is taken, every cycle one. Whether it counts is for the
// verdict to say: what is written here lies where nothing counts yet.
//
// The last byte of a segment with PSH is marked, the others are not: so PSH is remembered by stream
// position, of any number of segments (B29).
//
// It does not trim the segment: the bytes that may not be written are masked one by one.
//
// Invariant: a byte is written in the window, RCV.NXT on, on no island.

`default_nettype none

module payload_placer #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter POSITION_BITS      = 17,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS),
  parameter RING_BITS          = $clog2(RECEIVE_RING_BYTES)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the segment acceptor, one step after the other
  input  wire                       load,            // a segment comes
  input  wire [POSITION_BITS-1:0]   load_position,   // its first byte's
  input  wire                       measure,         // the positions below are there
  input  wire                       compare,
  input  wire                       has_payload,
  input  wire                       writable,        // after compare: it may be written
  input  wire                       push,            // it carries PSH
  input  wire [CONNECTION_BITS-1:0] connection,
  input  wire [POSITION_BITS-1:0]   window_start,    // RCV.NXT when the segment came
  input  wire                       from_start,      // the segment begins at or after it
  input  wire [POSITION_BITS-1:0]   sequence_end,
  input  wire [POSITION_BITS-1:0]   window_end,

  // out: the segment acceptor
  output reg                        busy,            // beats are still to come

  // in: the payload queue
  input  wire                       payload_valid,
  output wire                       payload_ready,
  input  wire [63:0]                payload_data,
  input  wire                       payload_last,

  // the gap tracker
  output wire                       first,
  output wire                       step,
  output reg  [POSITION_BITS-4:0]   scan_word,
  output reg  [7:0]                 wraps,
  input  wire [7:0]                 proven,

  // out: the receive ring
  output reg  [7:0]                 write_lanes,
  output reg  [7:0]                 write_wraps,
  output wire [CONNECTION_BITS-1:0] write_connection,
  output reg  [RING_BITS-4:0]       write_word,
  output reg  [RING_BITS-4:0]       write_following,
  output reg  [63:0]                write_data,
  output reg  [7:0]                 write_marks      // bytes that came last in a segment with PSH
);

  localparam WORD_BITS = POSITION_BITS - 3;

  reg [2:0]           offset;     // lane of the segment's first byte
  reg [7:0]           last_lane;  // lane of its last byte, if it carries PSH
  reg [RING_BITS-4:0] word;       // the words that the beat touches
  reg [RING_BITS-4:0] following;
  reg [CONNECTION_BITS-1:0] ring;

  wire take = payload_valid && busy;

  assign payload_ready    = busy;
  assign first            = compare;
  assign step             = measure || compare || take;
  assign write_connection = ring;

  // ---------------------------------------------------------------- which lanes

  wire [7:0] from_window, from_end, from_window_end;

  boundary #(.WORD_BITS(WORD_BITS)) start_boundary (
    .clk(clk), .position(window_start), .past_first(from_start),
    .first(first), .step(step), .scan_word(scan_word), .wraps(wraps), .beyond(from_window)
  );

  boundary #(.WORD_BITS(WORD_BITS)) end_boundary (
    .clk(clk), .position(sequence_end), .past_first(1'b0),
    .first(first), .step(step), .scan_word(scan_word), .wraps(wraps), .beyond(from_end)
  );

  boundary #(.WORD_BITS(WORD_BITS)) window_boundary (
    .clk(clk), .position(window_end), .past_first(1'b0),
    .first(first), .step(step), .scan_word(scan_word), .wraps(wraps), .beyond(from_window_end)
  );

  wire [7:0] lanes = from_window & ~from_end & ~from_window_end & ~proven;

  // ---------------------------------------------------------------- the turn and the write

  // Byte 0 of the beat goes to lane `offset`, the others follow, around.
  wire [63:0] by_1 = offset[0] ? {payload_data[55:0], payload_data[63:56]} : payload_data;
  wire [63:0] by_2 = offset[1] ? {by_1[47:0], by_1[63:48]} : by_1;
  wire [63:0] by_4 = offset[2] ? {by_2[31:0], by_2[63:32]} : by_2;

  integer lane;

  wire [2:0] last_offset = sequence_end[2:0] - 3'd1;

  always @(posedge clk) begin
    if (measure) last_lane <= push ? 8'd1 << last_offset : 8'd0;
    if (load) begin
      offset    <= load_position[2:0];
      scan_word <= load_position[POSITION_BITS-1:3];
      for (lane = 0; lane < 8; lane = lane + 1) wraps[lane] <= lane[2:0] < load_position[2:0];
    end else if (step) begin
      scan_word <= scan_word + 1'b1;
      following <= scan_word[RING_BITS-4:0];
      word      <= following;
    end

    ring            <= connection;
    write_wraps     <= wraps;
    write_word      <= word;
    write_following <= following;
    write_data      <= by_4;
    write_marks     <= payload_last ? last_lane : 8'd0;
    write_lanes     <= take && writable && !rst ? lanes : 8'd0;
  end

  always @(posedge clk)
    if (rst) busy <= 1'b0;
    else if (compare && has_payload) busy <= 1'b1;
    else if (take && payload_last) busy <= 1'b0;

`ifdef ASSERTIONS
  // The same, byte by byte, in plain arithmetic.
  reg  [POSITION_BITS-1:0] position;  // of the beat's first byte
  wire [POSITION_BITS-1:0] ahead = position - window_start;
  wire [POSITION_BITS-1:0] room  = window_end - window_start;
  integer                  index;

  always @(posedge clk) begin
    if (load) position <= load_position;
    else if (take) position <= position + 8;
    if (!rst && take && writable)
      for (index = 0; index < 8; index = index + 1)
        if (lanes[offset + index[2:0]]
            && (ahead + index[POSITION_BITS-1:0] >= room || proven[offset + index[2:0]]
                || room > RECEIVE_RING_BYTES[POSITION_BITS-1:0])) begin
          $display("payload_placer: a byte is written in the window, RCV.NXT on, on no island");
          $stop;
        end
  end
`endif

endmodule

`default_nettype wire
