// SPDX-License-Identifier: MIT OR Apache-2.0
// Turns words by whole bytes and joins each with what the word before it left over, so that bytes
// arrive in the lanes that their bus address calls for.
//
//   word ──► turn by `rotation` ──┬──────────► join ──► beat
//                                 └──► held ──►
//
// Bytes that the turn carries past the top lane belong to the next beat: they wait in `held`. It
// counts nothing and knows neither first nor last beat: the lanes outside a transfer carry whatever
// was there.

`default_nettype none

module lane_aligner (
  input  wire        clk,

  // in: the words, and how far to turn them
  input  wire        take,       // `word` is used in this cycle: keep what it leaves over
  input  wire [63:0] word,
  input  wire [2:0]  rotation,   // lanes upwards
  input  wire [7:0]  from_held,  // lanes that the word before fills

  // out: the beat
  output wire [63:0] beat
);

  wire [63:0] by_4 = rotation[2] ? {word[31:0], word[63:32]} : word;
  wire [63:0] by_2 = rotation[1] ? {by_4[47:0], by_4[63:48]} : by_4;
  wire [63:0] by_1 = rotation[0] ? {by_2[55:0], by_2[63:56]} : by_2;

  reg  [63:0] held;

  always @(posedge clk) if (take) held <= by_1;

  genvar lane;
  generate
    for (lane = 0; lane < 8; lane = lane + 1) begin : lanes
      assign beat[8*lane +: 8] = from_held[lane] ? held[8*lane +: 8] : by_1[8*lane +: 8];
    end
  endgenerate

endmodule

`default_nettype wire
