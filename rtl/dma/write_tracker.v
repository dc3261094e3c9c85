// SPDX-License-Identifier: MIT OR Apache-2.0
// Remembers the bursts that the bus has not answered yet, and tells when all bursts of a transfer
// are answered.
//
//   burst ──► in flight ──┬──► completion
//   answer (B) ───────────┘
//
// Answers come in the order of the bursts. A transfer without data stands in the same line as an
// entry that needs no answer, so that it completes in order. It knows neither addresses nor
// lengths; a completion cannot be refused.
//
// Invariant: an answer comes only when a burst waits for it.

`default_nettype none

module write_tracker #(
  parameter IN_FLIGHT = 64  // entries, a power of two
) (
  input  wire       clk,
  input  wire       rst,

  // in: the payload writer
  input  wire       burst_valid,
  output wire       burst_ready,
  input  wire       burst_last,   // the last of its transfer
  input  wire       burst_empty,  // the transfer has no data: no answer will come

  // in: answers from the bus
  input  wire       answer_valid,
  output wire       answer_ready,
  input  wire [1:0] answer_response,

  // out: the event writer
  output reg        completion_valid,
  output reg  [1:0] completion_response,  // the first error of the transfer, or OKAY

  // out: nothing is in flight
  output wire       idle
);

  localparam [1:0] OKAY = 2'b00;

  wire head_valid, head_last, head_empty;
  wire done = head_valid && (head_empty || answer_valid);

  small_fifo #(.WIDTH(2), .DEPTH(IN_FLIGHT)) line (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (burst_valid),
    .in_ready  (burst_ready),
    .in_data   ({burst_last, burst_empty}),
    .out_valid (head_valid),
    .out_ready (done),
    .out_data  ({head_last, head_empty})
  );

  assign answer_ready = head_valid && !head_empty;
  assign idle         = !head_valid;

  // Bit 1 says error: EXOKAY would answer a question that is never asked.
  reg  [1:0] error;
  wire [1:0] response = error[1] ? error
                      : !head_empty && answer_response[1] ? answer_response : OKAY;

  always @(posedge clk)
    if (rst) begin
      error            <= OKAY;
      completion_valid <= 1'b0;
    end else begin
      if (done) error <= head_last ? OKAY : response;
      completion_valid <= done && head_last;
    end

  always @(posedge clk) completion_response <= response;

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && answer_valid && idle) begin
      $display("write_tracker: an answer comes only when a burst waits for it");
      $stop;
    end
`endif

endmodule

`default_nettype wire
