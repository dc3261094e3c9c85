// SPDX-License-Identifier: MIT OR Apache-2.0
// A first-in first-out queue of one clock whose output comes from flip-flops.
//
//   in ──┬──────────────────────────────────────┐
//        └──► RAM ──► RAM's output word ──► select ──► output register ──► out
//             DEPTH        (head)         the older
//
// A word into an empty queue takes one cycle; a word through the RAM takes three, at one word a
// cycle. The RAM has a registered read and maps to block RAM; in_ready comes from a flip-flop too.
// It holds DEPTH words and up to two more on the way out.
//
// It does not tell how full it is, and does not let words overtake or be taken back.
//
// Invariant: as many words leave as entered, less those that are held.
// Invariant: out_valid and out_data stay until out_ready.
`default_nettype none

module sync_fifo #(
  parameter WIDTH = 8,   // bits
  parameter DEPTH = 16   // words, a power of 2, at least 2
) (
  input  wire             clk,
  input  wire             rst,

  // in: the producer
  input  wire             in_valid,
  output wire             in_ready,
  input  wire [WIDTH-1:0] in_data,

  // out: the consumer
  output reg              out_valid,
  input  wire             out_ready,
  output reg  [WIDTH-1:0] out_data
);
  localparam ADDRESS_BITS = $clog2(DEPTH);

  // Nothing is written where is read at the same time, so that the RAM need not care.
  (* no_rw_check *)
  reg [WIDTH-1:0]        ram [0:DEPTH-1];
  reg [ADDRESS_BITS-1:0] write_address;
  reg [ADDRESS_BITS-1:0] read_address;
  reg [ADDRESS_BITS:0]   ram_words;  // written and not yet read
  reg                    ram_empty;  // ram_words == 0
  reg                    ram_full;   // ram_words == DEPTH
  reg                    head_valid; // the RAM's output word is the oldest one in the RAM
  reg [WIDTH-1:0]        head_data;

  wire out_free   = !out_valid || out_ready;
  wire push       = in_valid && in_ready;
  wire bypass     = out_free && ram_empty && !head_valid;
  wire ram_write  = push && !bypass;
  wire ram_read   = !ram_empty && (!head_valid || out_free);

  assign in_ready = !ram_full;

  always @(posedge clk) begin
    if (ram_write) ram[write_address] <= in_data;
    if (ram_read) head_data <= ram[read_address];
    if (out_free) out_data <= head_valid ? head_data : in_data;
  end

  always @(posedge clk)
    if (rst) begin
      write_address <= 0;
      read_address  <= 0;
      ram_words     <= 0;
      ram_empty     <= 1'b1;
      ram_full      <= 1'b0;
      head_valid    <= 1'b0;
      out_valid     <= 1'b0;
    end else begin
      if (ram_write) write_address <= write_address + 1'b1;
      if (ram_read) read_address <= read_address + 1'b1;
      if (ram_write && !ram_read) begin
        ram_words <= ram_words + 1'b1;
        ram_empty <= 1'b0;
        ram_full  <= &ram_words[ADDRESS_BITS-1:0];
      end
      if (ram_read && !ram_write) begin
        ram_words <= ram_words - 1'b1;
        ram_empty <= ram_words == 1;
        ram_full  <= 1'b0;
      end
      if (ram_read) head_valid <= 1'b1;
      else if (out_free) head_valid <= 1'b0;
      if (out_free) out_valid <= head_valid || (push && bypass);
    end

`ifdef ASSERTIONS
  reg [31:0]      words_in;
  reg [31:0]      words_out;
  reg             was_waiting;
  reg [WIDTH-1:0] was_data;

  initial
    if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin
      $display("sync_fifo: DEPTH is %0d, not a power of 2", DEPTH);
      $stop;
    end

  always @(posedge clk) begin
    was_waiting <= !rst && out_valid && !out_ready;
    was_data    <= out_data;
    words_in    <= rst ? 0 : words_in + {31'd0, push};
    words_out   <= rst ? 0 : words_out + {31'd0, out_valid && out_ready};
    if (!rst && words_in - words_out != {{31-ADDRESS_BITS{1'b0}}, ram_words}
        + {31'd0, head_valid} + {31'd0, out_valid}) begin
      $display("sync_fifo: a word was lost or made");
      $stop;
    end
    if (!rst && was_waiting && (!out_valid || out_data != was_data)) begin
      $display("sync_fifo: the output changed before it was taken");
      $stop;
    end
    if (!rst && ram_write && ram_read && write_address == read_address) begin
      $display("sync_fifo: a word is read while it is written");
      $stop;
    end
  end
`endif
endmodule

`default_nettype wire
