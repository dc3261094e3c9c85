// SPDX-License-Identifier: MIT OR Apache-2.0
// Counts the clock cycles in which `enable` is high, up to LIMIT.
`default_nettype none

module counter #(
  parameter WIDTH = 8,
  parameter LIMIT = 100
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             enable,
  output reg  [WIDTH-1:0] count,
  output wire             full
);
  assign full = count == LIMIT[WIDTH-1:0];

  always @(posedge clk)
    if (rst) count <= 0;
    else if (enable) count <= count + 1'b1;

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && enable && full) begin
      $display("counter: counted beyond its limit");
      $stop;
    end
`endif
endmodule

`default_nettype wire
