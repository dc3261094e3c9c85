// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Sixteen words in distributed memory before an output register.
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
  output reg  [4:0]       fill,       // words in memory

  // out: whoever empties
  output reg              out_valid,
  input  wire             out_ready,
  output reg  [WIDTH-1:0] out_data
);

  reg [WIDTH-1:0] memory [0:15];
  reg [3:0]       write_at, read_at;
  reg             some;                // fill != 0

  wire advance = !out_valid || out_ready;
  wire store   = in_valid && !(advance && !some);
  wire load    = advance && some;

  wire [4:0] fill_next = fill + {4'd0, store} - {4'd0, load};

  always @(posedge clk) begin
    if (store) memory[write_at] <= in_data;
    if (advance) out_data <= some ? memory[read_at] : in_data;
  end

  always @(posedge clk)
    if (rst) begin
      write_at  <= 4'd0;
      read_at   <= 4'd0;
      fill      <= 5'd0;
      some      <= 1'b0;
      out_valid <= 1'b0;
    end else begin
      write_at  <= write_at + {3'd0, store};
      read_at   <= read_at + {3'd0, load};
      fill      <= fill_next;
      if (store != load) some <= store || fill != 5'd1;
      if (advance) out_valid <= some || in_valid;
    end

`ifdef ASSERTIONS
  reg             was_offered;
  reg [WIDTH-1:0] was_data;

  always @(posedge clk) begin
    was_offered <= !rst && out_valid && !out_ready;
    was_data    <= out_data;
    if (!rst && fill > 5'd16) begin
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
