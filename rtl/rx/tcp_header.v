// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Collects the fields of a TCP header and works out where its payload lies.
//
//   slot 0:  | ports  sequence | ack  offset,flags |             the window is with the flags
//   slot 1:  | .      ports    | sequence      ack | offset,flags ..
//
// The payload starts at least two words behind the flags. The fields are announced when the lookup
// has answered, three cycles after the ports. It reads no options and checks no sum.
//
// Invariant: the fields are announced at least three cycles after the ports.

`default_nettype none

module tcp_header (
  input  wire        clk,
  input  wire        rst,

  // in: the parser
  input  wire        beat_valid,
  input  wire        beat_first,
  input  wire        beat_last,
  input  wire [31:0] word_0,
  input  wire [31:0] word_1,
  input  wire        tcp_start,
  input  wire        tcp_slot,
  input  wire [15:0] tcp_length,

  // out: the segment
  output wire        payload_found,
  output wire        payload_some,
  output wire [3:0]  payload_skip,
  output wire        payload_near,
  output wire        payload_skew,
  output wire [15:0] payload_length,
  output reg         fields_valid,
  output reg         fields_clean,
  output reg  [31:0] sequence_number,
  output reg  [31:0] acknowledgement_number,
  output reg  [15:0] window,
  output reg  [7:0]  flags,

  // out: what is known of this frame
  output reg         tcp_seen,
  output reg         tcp_malformed
);

  localparam SYN = 1;  // its place in the flags

  reg second_here;  // the beat behind the one with the ports
  reg offset_here;  // the beat with data offset, flags and window
  reg slot;
  reg early;        // the fields are there; they may wait one more cycle for the lookup

  wire [3:0]  header_words = slot ? word_0[31:28] : word_1[31:28];
  wire [16:0] length_left  = {1'b0, tcp_length} - {11'd0, header_words, 2'b00};

  // Words from the start of the next beat to the payload, for header_words >= 5.
  wire [4:0]  distance     = {1'b0, header_words} - (slot ? 5'd5 : 5'd4);

  // A frame that ends here, before the header does, is truncated: no segment.
  assign payload_found  = beat_valid && offset_here && (slot || !beat_last);
  assign payload_skip   = distance[4:1] + {3'd0, distance[0]};
  assign payload_near   = slot && word_0[31:28] == 4'd5;  // distance 0
  assign payload_skew   = distance[0];
  assign payload_length = length_left[15:0];
  assign payload_some   = tcp_length != {10'd0, header_words, 2'b00};

  always @(posedge clk)
    if (rst) begin
      second_here  <= 1'b0;
      offset_here  <= 1'b0;
      early        <= 1'b0;
      fields_valid <= 1'b0;
    end else begin
      if (beat_valid) begin
        second_here <= !beat_last && tcp_start;
        offset_here <= !beat_last && (tcp_start ? !tcp_slot : second_here && slot);
      end
      early        <= payload_found;
      fields_valid <= slot ? payload_found : early;
    end

  wire [7:0] flags_now = slot ? word_0[23:16] : word_1[23:16];
  wire       malformed = header_words < 4'd5 || length_left[16];

  always @(posedge clk)
    if (beat_valid) begin
      if (tcp_start) slot <= tcp_slot;

      if (tcp_start && !tcp_slot)           sequence_number        <= word_1;
      else if (second_here && slot)         sequence_number        <= word_0;
      if (second_here)                      acknowledgement_number <= slot ? word_1 : word_0;

      if (offset_here) begin
        flags         <= flags_now;
        window        <= slot ? word_0[15:0] : word_1[15:0];
        tcp_malformed <= malformed;
        fields_clean  <= !malformed && !flags_now[SYN];
      end

      if (beat_first)         tcp_seen <= 1'b0;
      else if (payload_found) tcp_seen <= 1'b1;
    end

`ifdef ASSERTIONS
  reg [1:0] since_ports;
  always @(posedge clk) begin
    since_ports <= tcp_start ? 2'd0 : since_ports + {1'b0, since_ports != 2'd3};
    if (!rst && fields_valid && since_ports < 2'd2) begin
      $display("tcp_header: the fields are announced at least three cycles after the ports");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
