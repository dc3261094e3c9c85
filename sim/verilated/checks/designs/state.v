// SPDX-License-Identifier: MIT OR Apache-2.0
// Registers and a memory that nothing initialises, random numbers, and plus-args.
`default_nettype none

module state (
  input  wire        clk,
  input  wire        load,
  input  wire [3:0]  address,
  input  wire [63:0] value,
  output reg  [63:0] stored,
  output wire [31:0] never_set,
  output reg  [31:0] random,
  output reg  [31:0] depth,
  output reg         verbose,
  output reg  [39:0] counter
);
  reg [31:0] untouched;
  reg [63:0] memory [0:15];

  assign never_set = untouched;

  initial begin
    depth = 0;
    if (!$value$plusargs("depth=%d", depth)) depth = 7;
    verbose = 0;
    if ($test$plusargs("verbose")) verbose = 1;
    counter = 0;
  end

  always @(posedge clk) begin
    counter <= counter + 1;
    random  <= $random;
    stored  <= memory[address];
    if (load) memory[address] <= value;
    if (load && address == 15) untouched <= value[31:0];
  end
endmodule

`default_nettype wire
