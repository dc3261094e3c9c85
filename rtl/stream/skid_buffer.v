// SPDX-License-Identifier: MIT OR Apache-2.0
// A stage that cuts a stream's paths in both directions: valid, data and ready from flip-flops.
//
//   in ──┬──────────► select ──► output register ──► out
//        └──► skid ──────┘
//
// A word takes one cycle, at one word a cycle. The skid register takes the word that was already
// under way when the consumer stopped; in_ready is low while it is occupied.
//
// It does not hold more than two words: small_fifo does.
//
// Invariant: the skid register is occupied only behind an occupied output register.
// Invariant: out_valid and out_data stay until out_ready.
`default_nettype none

module skid_buffer #(
  parameter WIDTH = 8  // bits
) (
  input  wire             clk,
  input  wire             rst,

  // in: the producer
  input  wire             in_valid,
  output reg              in_ready,
  input  wire [WIDTH-1:0] in_data,

  // out: the consumer
  output reg              out_valid,
  input  wire             out_ready,
  output reg  [WIDTH-1:0] out_data
);
  reg             skid_valid;  // !in_ready: one for the many bits of data, one for the producer
  reg [WIDTH-1:0] skid_data;

  wire out_free = !out_valid || out_ready;

  always @(posedge clk) begin
    if (!skid_valid) skid_data <= in_data;
    if (out_free) out_data <= skid_valid ? skid_data : in_data;
  end

  always @(posedge clk)
    if (rst) begin
      out_valid  <= 1'b0;
      skid_valid <= 1'b0;
      in_ready   <= 1'b1;
    end else if (out_free) begin
      out_valid  <= skid_valid || in_valid;
      skid_valid <= 1'b0;
      in_ready   <= 1'b1;
    end else begin
      skid_valid <= skid_valid || in_valid;
      in_ready   <= !skid_valid && !in_valid;
    end

`ifdef ASSERTIONS
  reg             was_waiting;
  reg [WIDTH-1:0] was_data;

  always @(posedge clk) begin
    was_waiting <= !rst && out_valid && !out_ready;
    was_data    <= out_data;
    if (!rst && skid_valid && !out_valid) begin
      $display("skid_buffer: a word waits behind an empty output");
      $stop;
    end
    if (!rst && was_waiting && (!out_valid || out_data != was_data)) begin
      $display("skid_buffer: the output changed before it was taken");
      $stop;
    end
  end
`endif
endmodule

`default_nettype wire
