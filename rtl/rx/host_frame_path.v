// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Brings frames that are not offloaded, whole, into the host-frame buffers of the driver.
//
//   beats ──► delay of 4 ──► host_frame_fifo ──► short queue ───────────► host_data
//             until settled └► lengths ──► next host-frame buffer, event ─► host_transfer
//
// Every frame is written as it streams, and rolled back when it turns out to be offloaded or bad.
// It never stalls the frames: one that finds no room, or that no buffer is large enough for, is
// told to the counters. It does not choose frames.
//
// Invariant: no word is offered before the header of its transfer.
// Invariant: a word that was read finds room.

`default_nettype none

`include "toe_registers.vh"

module host_frame_path #(
  parameter HOST_FRAME_BYTES = 16384  // room for frames that wait, a power of two
) (
  input  wire                      clk,
  input  wire                      rst,

  // in: the intake
  input  wire                      beat_valid,
  input  wire                      beat_last,
  input  wire [47:0]               beat,                     // its last six bytes
  input  wire [15:0]               beat_rest,

  // in: the verdict
  input  wire [15:0]               frame_bytes,    // two cycles after the last beat
  input  wire                      host_wanted,    // four cycles after it
  output wire                      host_kept,
  output wire                      host_oversize,
  output wire                      host_overrun,

  // in: the registers
  input  wire [15:0]               host_frame_buffer_bytes,

  // in: buffers that the driver granted
  input  wire                      host_buffer_valid,
  output reg                       host_buffer_ready,
  input  wire [63:0]               host_buffer_address,      // a multiple of 8
  input  wire [15:0]               host_buffer_number,

  // out: the payload writer
  output reg                       host_transfer_valid,
  input  wire                      host_transfer_ready,
  output wire [`TRANSFER_BITS-1:0] host_transfer_header,
  output wire                      host_data_valid,
  input  wire                      host_data_ready,
  output wire [63:0]               host_data
);

  localparam LENGTH_BITS = $clog2(HOST_FRAME_BYTES / 64);  // a frame is 60 bytes at least
  localparam WORD_BITS   = $clog2(HOST_FRAME_BYTES / 8);
  localparam OWED_BITS   = WORD_BITS < 13 ? 15 : WORD_BITS + 2;

  // ------------------------------------------------------------- until settled
  reg [3:0]  late_valid, late_last;
  reg [63:0] late_1, late_2, late_3, late_4;

  wire [63:0] wire_order = {beat, beat_rest};
  wire [63:0] in_lanes;

  genvar lane;
  generate
    for (lane = 0; lane < 8; lane = lane + 1) begin : swap
      assign in_lanes[8 * lane +: 8] = wire_order[63 - 8 * lane -: 8];
    end
  endgenerate

  always @(posedge clk)
    late_valid <= rst ? 4'd0 : {late_valid[2:0], beat_valid};

  always @(posedge clk) begin
    late_last <= {late_last[2:0], beat_last};
    late_1    <= in_lanes;
    late_2    <= late_1;
    late_3    <= late_2;
    late_4    <= late_3;
  end

  // ------------------------------------------------------------- the frame's end
  wire       overrun;
  reg        oversize, kept;
  reg [15:0] bytes, bytes_wanted, kept_bytes;

  always @(posedge clk) begin
    bytes        <= frame_bytes;
    bytes_wanted <= bytes;
    oversize     <= bytes > host_frame_buffer_bytes;
    kept         <= host_kept && !rst;
    kept_bytes   <= bytes_wanted;
  end

  assign host_oversize = host_wanted && oversize;
  assign host_overrun  = host_wanted && !oversize && overrun;
  assign host_kept     = host_wanted && !oversize && !overrun;

  wire        fetch;
  wire [63:0] word;

  host_frame_fifo #(.BYTES(HOST_FRAME_BYTES)) words (
    .clk        (clk),
    .rst        (rst),
    .in_valid   (late_valid[3]),
    .in_last    (late_last[3]),
    .in_keep    (host_wanted && !oversize),
    .in_data    (late_4),
    .in_overrun (overrun),
    .read       (fetch),
    .word       (word)
  );

  // ------------------------------------------------------------- the lengths
  (* no_rw_check *)  // what is read was written earlier
  reg [15:0]          lengths [0:(1 << LENGTH_BITS)-1];
  reg [LENGTH_BITS:0] length_write_at, length_read_at;
  reg                 length_valid;
  reg [15:0]          length;

  wire transfer_load = length_valid && host_buffer_valid && !host_transfer_valid;
  // A length is fetched in every second cycle at most: so a look at the places a cycle ago will do.
  reg  length_there;
  wire length_fetch  = !length_valid && length_there;

  always @(posedge clk) host_buffer_ready <= transfer_load && !rst;

  always @(posedge clk) begin
    if (kept) lengths[length_write_at[LENGTH_BITS-1:0]] <= kept_bytes;
    if (length_fetch) length <= lengths[length_read_at[LENGTH_BITS-1:0]];
  end

  always @(posedge clk)
    if (rst) begin
      length_write_at <= {LENGTH_BITS+1{1'b0}};
      length_read_at  <= {LENGTH_BITS+1{1'b0}};
      length_valid    <= 1'b0;
      length_there    <= 1'b0;
    end else begin
      length_write_at <= length_write_at + {{LENGTH_BITS{1'b0}}, kept};
      length_read_at  <= length_read_at + {{LENGTH_BITS{1'b0}}, length_fetch};
      length_there    <= length_read_at != length_write_at && !length_fetch;
      length_valid    <= length_fetch || length_valid && !transfer_load;
    end

  // ------------------------------------------------------------- the transfer
  reg  [63:3] transfer_address;
  reg  [15:0] transfer_length, transfer_buffer;
  reg         transfer_new;  // first cycle of a header
  reg  [13:0] words_new;     // its words, a cycle later

  wire [`TRANSFER_EVENT_BITS-1:0] host_event;

  assign host_event[`EVENT_LENGTH]     = transfer_length;
  assign host_event[`EVENT_BUFFER]     = transfer_buffer;
  assign host_event[`EVENT_CONNECTION] = 16'd0;
  assign host_event[`EVENT_TAKEN]      = 8'd0;
  assign host_event[`EVENT_DETAIL]     = 3'd0;
  assign host_event[`EVENT_KIND]       = `EVENT_HOST_FRAME;

  assign host_transfer_header[`TRANSFER_ADDRESS] = {transfer_address, 3'd0};
  assign host_transfer_header[`TRANSFER_LENGTH]  = transfer_length;
  assign host_transfer_header[`TRANSFER_LANE]    = 3'd0;
  assign host_transfer_header[`TRANSFER_EVENT]   = host_event;

  always @(posedge clk) begin
    words_new <= {1'b0, transfer_length[15:3]} + {13'd0, transfer_length[2:0] != 3'd0};
    if (transfer_load) begin
      transfer_address <= host_buffer_address[63:3];
      transfer_buffer  <= host_buffer_number;
      transfer_length  <= length;
    end
  end

  always @(posedge clk)
    if (rst) begin
      host_transfer_valid <= 1'b0;
      transfer_new        <= 1'b0;
    end else begin
      host_transfer_valid <= transfer_load || host_transfer_valid && !host_transfer_ready;
      transfer_new        <= transfer_load;
    end

  // ------------------------------------------------------------- words behind their header
  // Of a header that was offered, all words are in memory.
  reg  [OWED_BITS-1:0] owed;       // words of headers that were offered
  reg                  some_owed;  // owed != 0
  reg                  room;       // for this word and those that are on their way from memory
  reg  [1:0]           fetched;
  wire [4:0]           fill;
  reg                  owes;       // they count now

  assign fetch = some_owed && room;

  always @(posedge clk)
    if (rst) begin
      owed      <= {OWED_BITS{1'b0}};
      some_owed <= 1'b0;
      room      <= 1'b0;
      fetched   <= 2'b00;
      owes      <= 1'b0;
    end else begin
      owes      <= transfer_new;
      owed      <= owed + ({{OWED_BITS-14{1'b0}}, words_new} & {OWED_BITS{owes}})
                   - {{OWED_BITS-1{1'b0}}, fetch};
      some_owed <= owes
                   || some_owed && !(fetch && owed == {{OWED_BITS-1{1'b0}}, 1'b1});
      room      <= fill < 5'd12;
      fetched   <= {fetched[0], fetch};
    end

  short_queue #(.WIDTH(64)) door (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (fetched[1]),
    .in_data   (word),
    .fill      (fill),
    .out_valid (host_data_valid),
    .out_ready (host_data_ready),
    .out_data  (host_data)
  );

  wire unused = &{1'b0, host_buffer_address[2:0]};

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && fetch && owed == {OWED_BITS{1'b0}}) begin
      $display("host_frame_path: no word is offered before the header of its transfer");
      $stop;
    end

  always @(posedge clk)
    if (!rst && fetched[1] && fill == 5'd16) begin
      $display("host_frame_path: a word that was read finds room");
      $stop;
    end

  always @(posedge clk)
    if (!rst && host_wanted && !(late_valid[3] && late_last[3])) begin
      $display("host_frame_path: a frame is wanted with its last beat");
      $stop;
    end
`endif

endmodule

`default_nettype wire
