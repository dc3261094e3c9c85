// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Says which bytes of a beat lie at or beyond one position of the stream.
//
//   beat        │ lanes 3..7 of a word, lanes 0..2 of the following one (`wraps` = 00000111)
//   position    │ ─────────────▲
//   beyond      │ 0 0 0 0 0 0 0 1 ...
//
// A beat of payload touches two words of the ring. Both were compared with the position before,
// when they were ahead: so the answer is a few gates behind registers.
//
// It takes positions as they are, modulo 2^(WORD_BITS + 3): the caller sees to it that a scan is
// shorter than that.

`default_nettype none

module boundary #(
  parameter WORD_BITS = 14  // bits of a word's index
) (
  input  wire                 clk,

  // in: whose boundary it is
  input  wire [WORD_BITS+2:0] position,
  input  wire                 past_first,  // with `first`: the position is not after what counts

  // in: the payload placer
  input  wire                 first,       // the next step arrives at the first beat
  input  wire                 step,        // move on by a word
  input  wire [WORD_BITS-1:0] scan_word,   // the word after the two that the beat touches
  input  wire [7:0]           wraps,       // lanes of the beat that lie in the second word

  // out: the payload placer
  output wire [7:0]           beyond
);

  reg       past;       // the position lies before the first word
  reg       in_first;   // it lies in the first word that the beat touches
  reg       in_second;  // it lies in the second
  reg [7:0] at_or_after;

  integer lane;

  always @(posedge clk)
    if (step) begin
      past      <= first ? past_first : past || in_first;
      in_first  <= in_second;
      in_second <= scan_word == position[WORD_BITS+2:3];
      for (lane = 0; lane < 8; lane = lane + 1) at_or_after[lane] <= lane[2:0] >= position[2:0];
    end

  assign beyond = {8{past}}
                | ({8{in_first}} & (wraps | at_or_after))
                | ({8{in_second}} & wraps & at_or_after);

endmodule

`default_nettype wire
