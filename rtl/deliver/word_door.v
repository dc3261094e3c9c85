// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Takes the words that the ring shows to a register, and offers them to dma.
//
//   ring ──► word_out ──┬──► transfer data
//               └─► aside
//
// What the ring shows goes straight to a register: block memory answers late. When the register
// cannot leave, what comes behind pushes it aside.
//
// Invariant: a word that is offered stays offered, unchanged, until it is taken.

`default_nettype none

module word_door (
  input  wire        clk,
  input  wire        rst,

  // in: the receive ring
  input  wire        read_valid,          // it shows a word that was asked for
  input  wire [63:0] read_data,

  // out: the ring reader
  output wire        advance,             // the word shown is taken

  // out: dma
  output reg         transfer_data_valid,
  input  wire        transfer_data_ready,
  output wire [63:0] transfer_data
);

  reg        word_valid;
  reg        aside_valid;
  reg [63:0] word_out;
  reg [63:0] aside;

  assign transfer_data = aside_valid ? aside : word_out;
  assign advance       = !aside_valid;

  always @(posedge clk)
    if (rst) begin
      word_valid          <= 1'b0;
      aside_valid         <= 1'b0;
      transfer_data_valid <= 1'b0;
    end else begin
      if (advance) word_valid <= read_valid;
      aside_valid         <= transfer_data_valid && !transfer_data_ready;
      transfer_data_valid <= transfer_data_valid && !transfer_data_ready
                             || (aside_valid ? word_valid : read_valid);
    end

  always @(posedge clk)
    if (advance) begin
      word_out <= read_data;
      aside    <= word_out;
    end

`ifdef ASSERTIONS
  reg        was_offered;
  reg [63:0] was_data;

  always @(posedge clk) begin
    was_offered <= !rst && transfer_data_valid && !transfer_data_ready;
    was_data    <= transfer_data;
    if (!rst && was_offered && (!transfer_data_valid || transfer_data != was_data)) begin
      $display("word_door: a word that is offered stays offered, unchanged, until it is taken");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
