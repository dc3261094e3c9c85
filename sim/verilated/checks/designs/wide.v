// SPDX-License-Identifier: MIT OR Apache-2.0
// Ports of every width that is stored differently, each with its complement a cycle later.
`default_nettype none

module wide (
  input  wire         clk,
  input  wire         bit_in,
  input  wire [6:0]   seven_in,
  input  wire [7:0]   eight_in,
  input  wire [12:0]  thirteen_in,
  input  wire [31:0]  word_in,
  input  wire [32:0]  long_in,
  input  wire [63:0]  double_in,
  input  wire [64:0]  wide_in,
  input  wire [255:0] wider_in,
  // names that Rust or C++ keep for themselves
  input  wire         match,
  input  wire         delete,
  input  wire         cycle,
  input  wire         double__underscore,
  output reg          bit_out,
  output reg  [6:0]   seven_out,
  output reg  [7:0]   eight_out,
  output reg  [12:0]  thirteen_out,
  output reg  [31:0]  word_out,
  output reg  [32:0]  long_out,
  output reg  [63:0]  double_out,
  output reg  [64:0]  wide_out,
  output reg  [255:0] wider_out,
  output wire [3:0]   names_out
);
  assign names_out = {match, delete, cycle, double__underscore};

  always @(posedge clk) begin
    bit_out      <= ~bit_in;
    seven_out    <= ~seven_in;
    eight_out    <= ~eight_in;
    thirteen_out <= ~thirteen_in;
    word_out     <= ~word_in;
    long_out     <= ~long_in;
    double_out   <= ~double_in;
    wide_out     <= ~wide_in;
    wider_out    <= ~wider_in;
  end
endmodule

`default_nettype wire
