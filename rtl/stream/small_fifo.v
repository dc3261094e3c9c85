// SPDX-License-Identifier: MIT OR Apache-2.0
// A queue of few, narrow words in distributed memory, its head and its flags in registers.
//
//   in ──┬──► memory ──┬──► head ──► out
//        └─────────────┘ (nothing in memory)
//
// A word that meets an empty queue is at the head in the next cycle. `out_data` is meaningful only
// while `out_valid`.
//
// Invariant: never more than DEPTH words, and none is taken that was not put in.

`default_nettype none

module small_fifo #(
  parameter WIDTH = 2,  // bits of a word
  parameter DEPTH = 64  // words, a power of two
) (
  input  wire             clk,
  input  wire             rst,

  // in: whoever fills
  input  wire             in_valid,
  output reg              in_ready,
  input  wire [WIDTH-1:0] in_data,

  // out: whoever empties
  output reg              out_valid,
  input  wire             out_ready,
  output reg  [WIDTH-1:0] out_data
);

  localparam PLACE_BITS = $clog2(DEPTH);
  localparam [PLACE_BITS:0] ALMOST_FULL = {1'b0, {PLACE_BITS{1'b1}}};

  reg [WIDTH-1:0]      memory [0:DEPTH-1];
  reg [PLACE_BITS-1:0] write_place;
  reg [PLACE_BITS-1:0] read_place;
  reg                  stored;  // the memory is not empty
  reg [PLACE_BITS:0]   count;   // the head included

  wire push  = in_valid && in_ready;
  wire pop   = out_valid && out_ready;
  wire open  = !out_valid || out_ready;  // the head takes a word
  wire load  = open && stored;
  wire store = push && !(open && !stored);

  // The head is one of DEPTH, so the place to be written next is always free: until it is counted,
  // whatever stands there does no harm, and writing need not wait for `in_valid`.
  always @(posedge clk) begin
    memory[write_place] <= in_data;
    if (open) out_data <= stored ? memory[read_place] : in_data;
  end

  always @(posedge clk)
    if (rst) begin
      write_place <= 0;
      read_place  <= 0;
      stored      <= 1'b0;
      count       <= 0;
      in_ready    <= 1'b1;
      out_valid   <= 1'b0;
    end else begin
      if (store) write_place <= write_place + 1'b1;
      if (load)  read_place  <= read_place + 1'b1;
      if (store)     stored <= 1'b1;
      else if (load) stored <= read_place + 1'b1 != write_place;
      if (open) out_valid <= stored || push;
      if (push != pop) begin
        count    <= push ? count + 1'b1 : count - 1'b1;
        in_ready <= !(push && count == ALMOST_FULL);
      end
    end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && (count > ALMOST_FULL + 1'b1 || out_valid != (count != 0))) begin
      $display("small_fifo: never more than DEPTH words, and none is taken that was not put in");
      $stop;
    end
`endif

endmodule

`default_nettype wire
