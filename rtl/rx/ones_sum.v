// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Adds five 16-bit halves a cycle in ones' complement and says whether the sum is all ones.
//
//   halves ──► carry-save, 5 to 2 ──► add ──► | part | ──► add to | sum, carry | ──► ones?
//                                      ▲ carry of the sum, one cycle later
//
// A carry out of the top comes back in at the bottom a stage later, so that no stage holds more
// than one adder, and no carry of the last fold is lost. Halves that do not count are given as
// zero, and every cycle adds. A sum of nothing but zeros is not all ones. It knows no packet.
//
// Invariant: the sum is the ones' complement sum of the halves since `first`, SEED included.

`default_nettype none

module ones_sum #(
  parameter [15:0] SEED = 16'd0  // where every sum starts
) (
  input  wire        clk,

  // in: halves
  input  wire        first,    // a new sum starts, these halves do not count
  input  wire [79:0] halves,

  // out: one cycle after the last halves, for that cycle
  output wire [3:0]  ones_parts  // the sum is all ones when all are 1
);

  reg        part_first;
  reg [16:0] part;
  reg [15:0] sum;
  reg        carry;

  wire [15:0] a = halves[15:0], b = halves[31:16], c = halves[47:32];
  wire [15:0] d = halves[63:48], e = halves[79:64];

  // Three words to two: the carries turn round from the top to the bottom.
  wire [15:0] save_1  = a ^ b ^ c;
  wire [15:0] carry_1 = a & b | a & c | b & c;
  wire [15:0] turn_1  = {carry_1[14:0], carry_1[15]};
  wire [15:0] save_2  = save_1 ^ turn_1 ^ d;
  wire [15:0] carry_2 = save_1 & turn_1 | save_1 & d | turn_1 & d;
  wire [15:0] turn_2  = {carry_2[14:0], carry_2[15]};
  wire [15:0] save_3  = save_2 ^ turn_2 ^ e;
  wire [15:0] carry_3 = save_2 & turn_2 | save_2 & e | turn_2 & e;
  wire [15:0] turn_3  = {carry_3[14:0], carry_3[15]};

  wire        carry_in = carry && !part_first;
  wire [16:0] total    = {1'b0, sum} + {1'b0, part[15:0]} + {16'd0, part[16]};

  always @(posedge clk) begin
    part_first    <= first;
    part          <= {1'b0, save_3} + {1'b0, turn_3} + {16'd0, carry_in};
    {carry, sum}  <= part_first ? {1'b0, SEED} : total;
  end

  // Two carries may still be on their way: compare with all ones less their number.
  wire [1:0] carries = {1'b0, total[16]} + {1'b0, carry};

  assign ones_parts = {&total[15:12], &total[11:8], &total[7:4],
                       &total[3:2] && total[1:0] == ~carries};

`ifdef ASSERTIONS
  // The same sum, kept wide and folded at once.
  reg [47:0] wide;
  reg        was_first;
  reg [79:0] was;
  wire [47:0] wide_next = wide + {32'd0, was[15:0]} + {32'd0, was[31:16]} + {32'd0, was[47:32]}
                        + {32'd0, was[63:48]} + {32'd0, was[79:64]};
  always @(posedge clk) begin
    was       <= halves;
    was_first <= first;
    wide      <= was_first ? {32'd0, SEED} : wide_next;
    if (!was_first && ^wide !== 1'bx && wide_next != 48'd0
        && &ones_parts != (wide_next % 48'd65535 == 48'd0)) begin
      $display("ones_sum: the sum is the ones' complement sum of the halves since first");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
