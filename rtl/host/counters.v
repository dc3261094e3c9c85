// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Counts pulses, and answers what was counted.
//
//   pulses --> [ low 5 bits of each, in flip-flops ]
//                    | one counter a cycle, in turn
//                    v
//              [ all 32 bits of each, in memory ] --> answer
//
// The memory holds each counter as it was when its turn last came; the low bits have run on since.
// They wrapped once at most, as a turn comes more often than every 32 cycles: so every counter may
// count in every cycle. A reader waits for the turn of its counter. Numbers beyond the last read as
// 0.
//
// Invariant: no pulse is lost.

`default_nettype none
`include "toe_registers.vh"

module counters (
  input  wire                clk,
  input  wire                rst,

  // in: every group
  input  wire [`COUNTERS-1:0] pulses,

  // in: the registers; valid for one cycle, the index stands until the answer
  input  wire                counter_read_valid,
  input  wire [5:0]          counter_read_index,
  output reg                 counter_answer_valid,
  output reg  [31:0]         counter_answer_value
);

  localparam LOW  = 5;
  localparam LAST = `COUNTERS - 1;

  reg [`COUNTERS*LOW-1:0] low;
  (* ram_style = "block", no_rw_check *)  // a counter is written long before it is read again
  reg [31:0] memory [0:31];

  integer index;
  always @(posedge clk) begin
    for (index = 0; index < `COUNTERS; index = index + 1)
      low[index*LOW +: LOW] <= low[index*LOW +: LOW] + {4'd0, pulses[index]};
    if (rst) low <= {(`COUNTERS * LOW){1'b0}};
  end

  // -------------------------------------------------------------- whose turn it is

  reg [4:0]     turn;
  reg           first_turn;    // what the memory holds is from before the reset
  reg [4:0]     fetched;       // counter whose memory word arrives
  reg           fetched_first;
  reg [31:0]    memory_out;
  reg [4:0]     seen_of;       // counter of which these are:
  reg [31:LOW]  high;
  reg [LOW-1:0] seen;          // low bits as they were
  reg [LOW-1:0] now;           // low bits as they are
  reg [4:0]     carried;       // and a cycle later
  reg [31:LOW]  carried_high;
  reg [LOW-1:0] carried_low;
  reg           wrapped;
  reg [4:0]     updated;       // counter whose new value is written
  reg [31:0]    value;

  always @(posedge clk) begin
    memory_out    <= memory[turn];
    fetched       <= turn;
    fetched_first <= first_turn;

    {high, seen} <= fetched_first ? 32'd0 : memory_out;
    now          <= low[fetched*LOW +: LOW];
    seen_of      <= fetched;

    carried_high <= high;
    carried_low  <= now;
    wrapped      <= now < seen;
    carried      <= seen_of;

    value   <= {carried_high + {26'd0, wrapped}, carried_low};
    updated <= carried;
    if (updated <= LAST) memory[updated] <= value;
  end

  always @(posedge clk) begin
    turn <= turn == LAST ? 5'd0 : turn + 1'b1;
    if (turn == LAST) first_turn <= 1'b0;
    if (rst) begin
      turn       <= 5'd0;
      first_turn <= 1'b1;
    end
  end

  // -------------------------------------------------------------- reading

  reg asked;

  wire beyond = counter_read_index > LAST;

  always @(posedge clk) begin
    counter_answer_valid <= 1'b0;
    counter_answer_value <= beyond ? 32'd0 : value;
    if (counter_read_valid) asked <= 1'b1;
    if (asked && (beyond || counter_read_index == {1'b0, updated})) begin
      asked                <= 1'b0;
      counter_answer_valid <= 1'b1;
    end
    if (rst) begin
      asked                <= 1'b0;
      counter_answer_valid <= 1'b0;
    end
  end

`ifdef ASSERTIONS
  // The claim in full: what the turn writes is the count of all pulses so far.
  reg [31:0]  whole [0:LAST];
  reg [31:0]  whole_seen, whole_carried, whole_now;
  reg [3:0]   steady;  // cycles since the reset, one bit each
  integer     each;

  always @(posedge clk) begin
    steady        <= rst ? 4'd0 : {steady[2:0], 1'b1};
    whole_seen    <= whole[fetched];
    whole_carried <= whole_seen;
    whole_now     <= whole_carried;
    for (each = 0; each <= LAST; each = each + 1)
      if (rst) whole[each] <= 32'd0;
      else if (pulses[each]) whole[each] <= whole[each] + 1'b1;
    if (!rst && steady[3] && value != whole_now) begin
      $display("counters: counter %0d holds %0d after %0d pulses", updated, value, whole_now);
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
