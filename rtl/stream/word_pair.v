// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Two registers in turn between a producer and a consumer: nothing stands before them.
//
//   in ──┬──► one ───┬──► out
//        └──► other ─┘
//
// A skid buffer chooses before its output register, this one behind: for words that come late.
//
// Invariant: a word that is offered stays offered, unchanged, until it is taken.

`default_nettype none

module word_pair #(
  parameter WIDTH = 8  // bits
) (
  input  wire             clk,
  input  wire             rst,

  // in: the producer
  input  wire             in_valid,
  output reg              in_ready,
  input  wire [WIDTH-1:0] in_data,

  // out: the consumer
  output reg              out_valid,
  input  wire             out_ready,
  output wire [WIDTH-1:0] out_data
);

  reg [WIDTH-1:0] one, other;
  reg             to_other;    // the next word goes there; all that comes until then is overwritten
  reg             from_other;

  wire enters = in_valid && in_ready;
  wire leaves = out_valid && out_ready;
  wire both   = out_valid && !in_ready;

  assign out_data = from_other ? other : one;

  always @(posedge clk) begin
    if (!to_other && in_ready) one <= in_data;
    if (to_other && in_ready) other <= in_data;
  end

  always @(posedge clk)
    if (rst) begin
      to_other   <= 1'b0;
      from_other <= 1'b0;
      out_valid  <= 1'b0;
      in_ready   <= 1'b1;
    end else begin
      if (enters) to_other <= !to_other;
      if (leaves) from_other <= !from_other;
      out_valid <= enters || (leaves ? both : out_valid);
      in_ready  <= leaves || !(both || enters && out_valid);
    end

`ifdef ASSERTIONS
  reg             was_waiting;
  reg [WIDTH-1:0] was_data;

  always @(posedge clk) begin
    was_waiting <= !rst && out_valid && !out_ready;
    was_data    <= out_data;
    if (!rst && was_waiting && (!out_valid || out_data != was_data)) begin
      $display("word_pair: a word that is offered stays offered, unchanged, until it is taken");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
