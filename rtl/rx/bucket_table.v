// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One of the two tables in which a connection may stand: buckets of four ways, each a tag and a
// connection number.
//
//   index ──► memory ──► | ways | ──► compare with tag ──► match, number
//
// The tag stands for a cycle longer than the index. It searches no free place by itself and clears
// nothing at reset: its owner writes every bucket before the first lookup. The memory is small: it
// is read in the cycle before the comparison, as distributed memory is and block memory is slow to.
//
// Invariant: no two ways of a bucket match.

`default_nettype none

module bucket_table #(
  parameter INDEX_BITS  = 4,
  parameter TAG_BITS    = 24,
  parameter NUMBER_BITS = 4  // of a connection number
) (
  input  wire                   clk,
  input  wire                   rst,

  // in: a lookup
  input  wire [INDEX_BITS-1:0]  index,
  input  wire [TAG_BITS-1:0]    tag,

  // out: its answer, the cycle after the index
  input  wire                   answer_valid,
  output wire                   match,
  output wire [NUMBER_BITS-1:0] number,
  output wire [3:0]             used,          // ways of the bucket that are taken

  // in: a change
  input  wire [3:0]             write_ways,
  input  wire [INDEX_BITS-1:0]  write_index,
  input  wire                   write_used,
  input  wire [TAG_BITS-1:0]    write_tag,
  input  wire [NUMBER_BITS-1:0] write_number
);

  localparam WAY_BITS = 1 + TAG_BITS + NUMBER_BITS;
  localparam PARTS    = 6;                 // half of the comparing comes before the register
  localparam PART     = TAG_BITS / PARTS;

  wire [3:0]             equal;
  wire [NUMBER_BITS-1:0] numbers [0:3];

  genvar way;
  generate
    for (way = 0; way < 4; way = way + 1) begin : ways
      reg [WAY_BITS-1:0]    memory [0:(1 << INDEX_BITS)-1];
      reg                   taken;
      reg [PARTS-1:0]       same;  // parts of the tag that are as asked for
      reg [NUMBER_BITS-1:0] its_number;

      wire [WAY_BITS-1:0]     entry   = memory[index];
      wire [PARTS*PART-1:0]   its_tag = entry[WAY_BITS-2 -: TAG_BITS] ^ tag;

      integer part;

      always @(posedge clk) begin
        if (write_ways[way]) memory[write_index] <= {write_used, write_tag, write_number};
        taken      <= entry[WAY_BITS-1];
        its_number <= entry[NUMBER_BITS-1:0];
        for (part = 0; part < PARTS; part = part + 1)
          same[part] <= its_tag[PART*part +: PART] == 0;
      end

      assign used[way]    = taken;
      assign equal[way]   = taken && &same;
      assign numbers[way] = its_number & {NUMBER_BITS{equal[way]}};
    end
  endgenerate

  assign match  = answer_valid && |equal;
  assign number = numbers[0] | numbers[1] | numbers[2] | numbers[3];

  wire unused = rst;

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && answer_valid && (equal & (equal - 4'd1)) != 4'd0) begin
      $display("bucket_table: no two ways of a bucket match");
      $stop;
    end
`endif

endmodule

`default_nettype wire
