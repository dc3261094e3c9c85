// SPDX-License-Identifier: MIT OR Apache-2.0
// The design of the speed bench: a stream of 64-bit words goes through STAGES stages, each with a
// checksum, a scrambler, a small memory and stalls of its own. About the size of a small protocol
// engine; it is of no use.
`default_nettype none

module mill #(
  parameter STAGES = 12
) (
  input  wire        clk,
  input  wire        rst,
  input  wire        in_valid,
  output wire        in_ready,
  input  wire [63:0] in_data,
  input  wire [7:0]  in_keep,
  input  wire        in_last,
  output wire        out_valid,
  input  wire        out_ready,
  output wire [63:0] out_data,
  output wire        out_last,
  output reg  [31:0] checksum
);
  wire [STAGES:0]    valid;
  wire [STAGES:0]    ready;
  wire [STAGES:0]    last;
  wire [63:0]        data [0:STAGES];

  assign valid[0]  = in_valid;
  assign in_ready  = ready[0];
  assign last[0]   = in_last;
  assign data[0]   = in_data & {{8{in_keep[7]}}, {8{in_keep[6]}}, {8{in_keep[5]}},
    {8{in_keep[4]}}, {8{in_keep[3]}}, {8{in_keep[2]}}, {8{in_keep[1]}}, {8{in_keep[0]}}};
  assign out_valid = valid[STAGES];
  assign ready[STAGES] = out_ready;
  assign out_last  = last[STAGES];
  assign out_data  = data[STAGES];

  genvar i;
  generate
    for (i = 0; i < STAGES; i = i + 1) begin : stage
      mill_stage #(.SEED(i + 1)) mill_stage (
        .clk(clk), .rst(rst),
        .in_valid(valid[i]), .in_ready(ready[i]), .in_data(data[i]), .in_last(last[i]),
        .out_valid(valid[i+1]), .out_ready(ready[i+1]), .out_data(data[i+1]),
        .out_last(last[i+1])
      );
    end
  endgenerate

  always @(posedge clk)
    if (rst) checksum <= 0;
    else if (out_valid && out_ready)
      checksum <= {checksum[30:0], checksum[31]} ^ out_data[63:32] ^ out_data[31:0];
endmodule

`default_nettype wire
