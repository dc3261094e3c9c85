// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A queue of sixteen words in distributed memory, the first of them in a register.
//
//   in ──┬────────────────► output register ──► out
//        └──► 16 words ──►
//
// A word is offered the cycle after it came in when nothing is before it. The queue cannot refuse a
// word: whoever fills it looks at `fill` and stops in time.
//
// Invariant: never more words than places.
// Invariant: a word that is offered stays offered, unchanged, until it is taken.

`default_nettype none

module short_queue #(
  parameter WIDTH = 64  // bits of a word
) (
  input  wire             clk,
  input  wire             rst,

  // in: whoever fills
  input  wire             in_valid,
  input  wire [WIDTH-1:0] in_data,
  output reg  [4:0]       fill,       // words; one that left counts a cycle longer

  // out: whoever empties
  output reg              out_valid,
  input  wire             out_ready,
  output reg  [WIDTH-1:0] out_data
);

  // Every word is written to memory, also one that goes straight to the output register: so where
  // the next is written hangs on nothing but that one comes.
  reg [WIDTH-1:0] memory [0:15];
  reg [3:0]       write_at;
  reg [3:0]       read_next;  // of the word behind the one in the register
  reg             more;       // there are words behind the one in the register
  reg             popped;

  wire [3:0] last_at = read_next + 4'd1;

  wire advance = !out_valid || out_ready;
  wire pop     = out_valid && out_ready;

  always @(posedge clk) begin
    memory[write_at] <= in_data;
    if (advance) out_data <= more ? memory[read_next] : in_data;
  end

  always @(posedge clk)
    if (rst) begin
      write_at  <= 4'd0;
      read_next <= 4'd1;
      fill      <= 5'd0;
      popped    <= 1'b0;
      more      <= 1'b0;
      out_valid <= 1'b0;
    end else begin
      if (in_valid) write_at <= write_at + 4'd1;
      if (pop) read_next <= read_next + 4'd1;
      if (in_valid != pop) more <= in_valid ? out_valid : more && last_at != write_at;
      popped <= pop;
      if (in_valid != popped) fill <= in_valid ? fill + 5'd1 : fill - 5'd1;
      if (advance) out_valid <= more || in_valid;
    end

`ifdef ASSERTIONS
  reg             was_offered;
  wire [4:0]      words = fill - {4'd0, popped};
  reg [WIDTH-1:0] was_data;

  always @(posedge clk) begin
    was_offered <= !rst && out_valid && !out_ready;
    was_data    <= out_data;
    if (!rst && (words > 5'd16 || more != (words > 5'd1))) begin
      $display("short_queue: never more words than places");
      $stop;
    end
    if (!rst && was_offered && (!out_valid || out_data != was_data)) begin
      $display("short_queue: a word that is offered stays offered, unchanged, until it is taken");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
