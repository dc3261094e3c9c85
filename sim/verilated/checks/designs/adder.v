// SPDX-License-Identifier: MIT OR Apache-2.0
// No clock at all.
`default_nettype none

module adder #(
  parameter WIDTH = 8,
  parameter [63:0] LABEL = "adder"
) (
  input  wire [WIDTH-1:0] a,
  input  wire [WIDTH-1:0] b,
  output wire [WIDTH:0]   sum,
  output wire [63:0]      label
);
  assign sum  = {1'b0, a} + {1'b0, b};
  assign label = LABEL;
endmodule

`default_nettype wire
