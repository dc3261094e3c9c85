// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Says, one pulse a segment, what became of it.
//
//   verdict and what was found out ──► count
//
// A segment with payload counts once among: in order, out of order, duplicate, beyond the window,
// no gap record, after close. Trimmed counts beside these.
//
// Invariant: a segment counts once at most.

`default_nettype none
`include "toe_registers.vh"

module segment_counters (
  input  wire                 clk,
  input  wire                 rst,

  // in: the segment acceptor
  input  wire                 good,         // the verdict, in this cycle
  input  wire                 fill,         // and it has bytes that are kept
  input  wire                 has_payload,
  input  wire                 reset,
  input  wire                 finished,
  input  wire                 shut,

  // in: the window check, the gap tracker
  input  wire                 early,
  input  wire                 old,
  input  wire                 beyond,
  input  wire                 over,
  input  wire                 next_up,
  input  wire                 resets,
  input  wire                 covered,

  // out: the counters
  output reg  [`COUNTERS-1:0] count
);

  // What is known of the segment stands for a cycle longer than its verdict.
  reg  was_good, was_filled;
  wire judged = !rst && was_good && has_payload && !reset;
  wire closed = shut || (finished && !old);

  always @(posedge clk) begin
    {was_good, was_filled} <= {good, fill};
    count <= 0;
    count[`COUNT_RESETS_REFUSED]         <= !rst && was_good && reset && !shut && !resets;
    count[`COUNT_SEGMENTS_AFTER_CLOSE]   <= judged && closed;
    count[`COUNT_SEGMENTS_BEYOND_WINDOW] <= judged && !closed && !old && beyond;
    count[`COUNT_SEGMENTS_DUPLICATE]     <= judged && !closed && (old || (!beyond && covered));
    count[`COUNT_SEGMENTS_IN_ORDER]      <= judged && was_filled && next_up;
    count[`COUNT_SEGMENTS_OUT_OF_ORDER]  <= judged && was_filled && !next_up;
    count[`COUNT_SEGMENTS_NO_GAP]        <= judged && !closed && !old && !beyond && !covered
                                         && !was_filled;
    count[`COUNT_SEGMENTS_TRIMMED]       <= judged && was_filled && (early || over);
  end

`ifdef ASSERTIONS
  wire [5:0] fates = {count[`COUNT_SEGMENTS_AFTER_CLOSE], count[`COUNT_SEGMENTS_BEYOND_WINDOW],
                      count[`COUNT_SEGMENTS_DUPLICATE], count[`COUNT_SEGMENTS_IN_ORDER],
                      count[`COUNT_SEGMENTS_OUT_OF_ORDER], count[`COUNT_SEGMENTS_NO_GAP]};

  always @(posedge clk)
    if (!rst && (fates & (fates - 1'b1)) != 0) begin
      $display("segment_counters: a segment counts once at most");
      $stop;
    end
`endif

endmodule

`default_nettype wire
