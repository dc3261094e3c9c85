// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Offers each segment's header, payload and verdict in their order, whatever the receiver stalls.
//
//   header  ──► at once, or skid_buffer ──────────────► segment
//   payload ──► short_queue ──► after its header ──────► payload
//   verdict ──► short_queue ──► not before both ───────► verdict
//
// The pipeline before it never stalls; `room` stops the intake early enough for all that is under
// way. It does not judge.
//
// Invariant: payload is offered once its header was taken, a verdict no earlier than all of it.

`default_nettype none

`include "toe_registers.vh"

module segment_output (
  input  wire                     clk,
  input  wire                     rst,

  // in: the rest of the group
  input  wire                     header_valid,
  output wire                     header_ready,
  input  wire [`SEGMENT_BITS-1:0] header,
  input  wire                     beat_valid,
  input  wire [63:0]              beat_data,
  input  wire                     beat_last,
  input  wire                     judged_valid,
  input  wire [13:0]              judged_parts,   // good when all are 1
  output reg                      room,           // for the intake

  // out: the segment acceptor
  output wire                     segment_valid,
  input  wire                     segment_ready,
  output wire [`SEGMENT_BITS-1:0] segment_header,
  output wire                     payload_valid,
  input  wire                     payload_ready,
  output wire [63:0]              payload_data,
  output wire                     payload_last,
  output wire                     verdict_valid,
  input  wire                     verdict_ready,
  output wire                     verdict_good
);

  localparam [4:0] ENOUGH = 5'd8;  // words in a queue at which the intake stops

  // ------------------------------------------------------------- the header
  wire header_data = header[`SEGMENT_KIND] == `SEGMENT_KIND_DATA;
  wire header_long = header_data && header[`SEGMENT_PAYLOAD_LENGTH] != 16'd0;
  wire segment_data, segment_long;  // it is a data segment, it has payload

  // A header is offered in the cycle in which it comes, for it is what a short frame waits for.
  wire                     waiting;
  wire [`SEGMENT_BITS+1:0] waiting_header;

  assign segment_valid = waiting || header_valid;
  assign {segment_data, segment_long, segment_header} =
      waiting ? waiting_header : {header_data, header_long, header};

  skid_buffer #(.WIDTH(2 + `SEGMENT_BITS)) headers (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (header_valid && (waiting || !segment_ready)),
    .in_ready  (header_ready),
    .in_data   ({header_data, header_long, header}),
    .out_valid (waiting),
    .out_ready (segment_ready),
    .out_data  (waiting_header)
  );

  // ------------------------------------------------------------- payload and verdict
  wire       beat_offered, verdict_offered, verdict_long;
  wire [4:0] payload_fill, verdict_fill;
  wire [13:0] verdict_parts;
  reg        pending_long;  // the accepted segment, not yet judged, has payload

  short_queue #(.WIDTH(65)) beats (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (beat_valid),
    .in_data   ({beat_last, beat_data}),
    .fill      (payload_fill),
    .out_valid (beat_offered),
    .out_ready (payload_ready && unpaid_some),
    .out_data  ({payload_last, payload_data})
  );

  short_queue #(.WIDTH(15)) verdicts (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (judged_valid),
    .in_data   ({pending_long, judged_parts}),
    .fill      (verdict_fill),
    .out_valid (verdict_offered),
    .out_ready (verdict_ready && unjudged_some && (payload_was || !verdict_long)),
    .out_data  ({verdict_long, verdict_parts})
  );

  assign verdict_good = &verdict_parts;

  always @(posedge clk) begin
    if (header_valid && header_data) pending_long <= header_long;
    room <= !rst && header_ready && payload_fill < ENOUGH && verdict_fill < ENOUGH;
  end

  // ------------------------------------------------------------- the order
  // -1 while a verdict was taken before the last beat that is offered.
  reg [4:0] complete;  // payloads taken to their end, less verdicts of such segments taken
  reg [4:0] unpaid;    // headers taken, less payloads taken to their end
  reg [4:0] unjudged;  // headers taken, less verdicts taken

  wire segment_taken = segment_valid && segment_ready;
  wire payload_taken = payload_valid && payload_ready && payload_last;
  wire verdict_taken = verdict_valid && verdict_ready;

  // 0 and more than 0, as registers.
  reg        unpaid_some, unjudged_some, complete_none, complete_some;

  wire payload_was = complete_some || complete_none && payload_valid && payload_last;

  wire unpaid_up     = segment_taken && segment_long;
  wire unjudged_up   = segment_taken && segment_data;
  wire complete_down = verdict_taken && verdict_long;

  assign payload_valid = beat_offered && unpaid_some;
  assign verdict_valid = verdict_offered && unjudged_some && (payload_was || !verdict_long);

  always @(posedge clk)
    if (rst) begin
      unpaid   <= 5'd0;
      unjudged <= 5'd0;
      complete <= 5'd0;
      complete_none <= 1'b1;
      {unpaid_some, unjudged_some, complete_some} <= 3'b000;
    end else begin
      if (unpaid_up != payload_taken) begin
        unpaid      <= unpaid_up ? unpaid + 5'd1 : unpaid - 5'd1;
        unpaid_some <= unpaid_up || unpaid != 5'd1;
      end
      if (unjudged_up != verdict_taken) begin
        unjudged      <= unjudged_up ? unjudged + 5'd1 : unjudged - 5'd1;
        unjudged_some <= unjudged_up || unjudged != 5'd1;
      end
      if (payload_taken != complete_down) begin
        complete      <= payload_taken ? complete + 5'd1 : complete - 5'd1;
        complete_none <= payload_taken ? complete[4] : complete == 5'd1;
        complete_some <= payload_taken ? !complete[4] : complete_some && complete != 5'd1;
      end
    end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && (unpaid[4] || unjudged[4]
                 || complete[4] && !(&complete && payload_valid && payload_last))) begin
      $display("segment_output: payload is offered once its header was taken, a verdict then too");
      $stop;
    end

  always @(posedge clk)
    if (!rst && header_valid && !header_ready) begin
      $display("segment_output: the intake stops before a header finds no place");
      $stop;
    end
`endif

endmodule

`default_nettype wire
