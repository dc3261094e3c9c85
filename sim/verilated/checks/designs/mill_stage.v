// SPDX-License-Identifier: MIT OR Apache-2.0
// A stage of the mill: checksum, scrambler, histogram.
`default_nettype none

module mill_stage #(
  parameter SEED = 1
) (
  input  wire        clk,
  input  wire        rst,
  input  wire        in_valid,
  output wire        in_ready,
  input  wire [63:0] in_data,
  input  wire        in_last,
  output reg         out_valid,
  input  wire        out_ready,
  output reg  [63:0] out_data,
  output reg         out_last
);
  reg         skid_valid;
  reg  [63:0] skid_data;
  reg         skid_last;
  reg  [15:0] sum;
  reg  [31:0] lfsr;
  reg  [31:0] crc;
  reg  [31:0] histogram [0:255];
  reg  [15:0] frames;

  wire        take      = in_valid && in_ready;
  wire        free      = !out_valid || out_ready;
  wire [63:0] word      = skid_valid ? skid_data : in_data;
  wire        word_last = skid_valid ? skid_last : in_last;
  wire        word_here = skid_valid || in_valid;

  assign in_ready = !skid_valid;

  // the ones' complement sum of the four 16-bit parts
  wire [18:0] parts  = {3'd0, word[15:0]} + {3'd0, word[31:16]} + {3'd0, word[47:32]}
    + {3'd0, word[63:48]} + {3'd0, sum};
  wire [16:0] folded = {1'b0, parts[15:0]} + {14'd0, parts[18:16]};

  function [31:0] crc_word(input [31:0] start, input [63:0] bits);
    integer n;
    begin
      crc_word = start;
      for (n = 0; n < 64; n = n + 1)
        crc_word = {crc_word[30:0], 1'b0}
          ^ ((crc_word[31] ^ bits[n]) ? 32'h04c11db7 : 32'd0);
    end
  endfunction

  integer k;
  initial for (k = 0; k < 256; k = k + 1) histogram[k] = 0;

  always @(posedge clk) begin
    if (in_ready) begin
      skid_data <= in_data;
      skid_last <= in_last;
    end
    if (free) begin
      out_data <= word ^ {lfsr, lfsr};
      out_last <= word_last;
    end
    if (take) histogram[in_data[7:0]] <= histogram[in_data[7:0]] + 1;
  end

  always @(posedge clk)
    if (rst) begin
      out_valid  <= 0;
      skid_valid <= 0;
      sum        <= 0;
      lfsr       <= SEED;
      crc        <= 32'hffffffff;
      frames     <= 0;
    end else begin
      if (free) begin
        out_valid  <= word_here;
        skid_valid <= 0;
      end else skid_valid <= word_here;
      if (free && word_here) begin
        lfsr <= {lfsr[30:0], lfsr[31] ^ lfsr[21] ^ lfsr[1] ^ lfsr[0]} ^ {16'd0, sum};
        sum  <= word_last ? 16'd0 : folded[15:0] + {15'd0, folded[16]};
        crc  <= word_last ? 32'hffffffff : crc_word(crc, word);
        if (word_last) frames <= frames + 1'b1;
        if (word_last && crc[7:0] == frames[7:0]) lfsr <= crc ^ histogram[crc[7:0]];
      end
    end
endmodule

`default_nettype wire
