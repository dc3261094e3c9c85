// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Judges a page of a Named Buffer that is posted, and with the last the whole buffer.
//
//   total + bytes ──► less what is pending ──► more than the window's room? ──► turned down
//
// A buffer is taken only if it is larger than indicateWindowSize and than what is pending (B26):
// the window is what is pending and its room. Why a page was turned down is kept for the further
// pages of its buffer, which are turned down too.
//
// Everything follows the page by four cycles, one sum or comparison in each. It changes nothing.
//
// Invariant: what is skipped of a buffer that passes is less than the buffer.

`default_nettype none
`include "toe_registers.vh"

module named_buffer_check (
  input  wire         clk,
  input  wire         rst,

  // in: the host, the delivery scheduler
  input  wire [159:0] window_command_words,
  input  wire         live,                  // the connection is offloaded

  // in: the Named Buffer queue
  input  wire [31:0]  total,                 // of the pages before
  input  wire [1:0]   mark,
  input  wire         full,

  // in: the indicate window
  input  wire [31:0]  pending,
  input  wire [32:0]  window_room,           // signed

  // in: the Named Buffer turn
  input  wire         enter,                 // it passed

  // out: the Named Buffer turn and queue
  output reg  [31:0]  sum,
  output reg          turned_down,
  output reg  [7:0]   turned_down_reason,
  output reg  [1:0]   forget_mark
);

  localparam [1:0] MARK_FULL = 2'b01, MARK_BAD = 2'b10;

  wire [31:0] bytes = window_command_words[`POST_NAMED_BUFFER_BYTES];
  wire        last  = window_command_words[`POST_NAMED_BUFFER_LAST_PAGE];

  reg         carried, none, short_one;
  reg  [32:0] beyond;

  always @(posedge clk) begin
    {carried, sum} <= {1'b0, total} + {1'b0, bytes};
    none           <= bytes == 0;
    beyond         <= {1'b0, sum} - {1'b0, pending};
    short_one      <= beyond[32] || beyond[31:0] == 0
                   || (!window_room[32] && beyond[31:0] <= window_room[31:0]);
  end

  wire unfit = full || mark[0];
  wire bad   = none || carried || mark[1];

  always @(posedge clk) begin
    turned_down        <= !live || unfit || bad || (last && short_one);
    turned_down_reason <= !live ? `REFUSAL_NOT_OFFLOADED : unfit ? `REFUSAL_BUFFERS_FULL
                        : bad ? `REFUSAL_BAD_PAGE : `REFUSAL_TOO_SMALL;
    forget_mark        <= last ? 2'b00 : unfit ? MARK_FULL : MARK_BAD;
  end

  wire unused = &{1'b0, window_command_words, rst, enter};

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && enter && (turned_down || last && sum <= pending)) begin
      $display("named_buffer_check: what is skipped of a buffer that passes is less than it");
      $stop;
    end
`endif

endmodule

`default_nettype wire
