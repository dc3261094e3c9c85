// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Drops the rest of a frame whose beginning the adapter forgot in a reset.
//
//   s_axis_rx --> [ between frames, or dropping? ] --> frames that are whole
//
// The driver may reset the adapter while the MAC is in mid-frame. This module outlives that reset
// and takes what is left of the frame out of the way; otherwise it lets everything pass, in the
// same cycle. It drops no other frame.
//
// Invariant: the first beat that passes after a reset is the first of a frame.

`default_nettype none

module frame_gate (
  input  wire clk,
  input  wire rst,
  input  wire adapter_reset,

  // in: the MAC
  input  wire s_axis_rx_tvalid,
  output wire s_axis_rx_tready,
  input  wire s_axis_rx_tlast,

  // out: rx
  output wire frame_valid,
  input  wire frame_ready
);

  reg in_frame;  // a frame has begun and not ended
  reg dropping;  // the rest of it is not for rx

  assign frame_valid      = s_axis_rx_tvalid && !dropping;
  assign s_axis_rx_tready = frame_ready || dropping;

  wire take   = s_axis_rx_tvalid && s_axis_rx_tready;
  wire remain = take ? !s_axis_rx_tlast : in_frame;

  always @(posedge clk) begin
    in_frame <= remain;
    dropping <= remain && (dropping || adapter_reset);
    if (rst) begin
      in_frame <= 1'b0;
      dropping <= 1'b0;
    end
  end

`ifdef ASSERTIONS
  reg fresh;  // rx has taken nothing since the reset

  always @(posedge clk) begin
    if (adapter_reset) fresh <= 1'b1;
    else if (frame_valid && frame_ready) fresh <= 1'b0;
    if (!rst && !adapter_reset && fresh && frame_valid && frame_ready && in_frame) begin
      $display("frame_gate: what passes first after a reset is not the first beat of a frame");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
