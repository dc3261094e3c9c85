// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Checks the IPv4 header checksum and the TCP checksum of a frame as it streams by.
//
//   beat ──► words of the IPv4 header ───────────────────► sum ──► ip_good
//        └─► words of pseudo header and TCP, cut at the ──► sum ──► tcp_parts
//            end of the packet, and the TCP length
//
// The answers stand two cycles after the frame's last beat, for one cycle. It does not know whether
// the frame has such headers at all.
//
// Invariant: bytes behind the IP packet do not count.

`default_nettype none

module checksum_check (
  input  wire        clk,

  // in: the intake
  input  wire        beat_valid,
  input  wire        beat_first,
  input  wire        beat_last,
  input  wire [63:0] beat,
  input  wire [15:0] beat_rest,

  // in: the parser
  input  wire        ip_word_0,
  input  wire        ip_word_1,
  input  wire        tcp_word_0,
  input  wire        tcp_word_1,
  input  wire        tcp_body,     // behind the beat in which TCP starts
  input  wire [3:0]  ip_left,      // bytes of the packet from this beat's first byte on, or
  input  wire        ip_far,       // at least 16
  input  wire        tcp_start,
  input  wire [15:0] tcp_length,

  // out: the outcome
  output wire        ip_good,
  output wire [3:0]  tcp_parts     // good when all are 1
);

  localparam [15:0] PROTOCOL_TCP = 16'd6;

  reg        first;
  reg [63:0] ip_halves;
  reg [79:0] tcp_halves;

  // Which of the ten bytes, the two of the rest included, count as TCP.
  wire [9:0] counts;

  genvar n;
  generate
    for (n = 0; n < 10; n = n + 1) begin : cut
      assign counts[n] = beat_valid && (n < 8 ? (n < 4 ? tcp_word_0 : tcp_word_1) : beat_last)
                      && (!tcp_body ? n < 8 : ip_far || ip_left > n);
    end
    for (n = 0; n < 8; n = n + 1) begin : mask
      always @(posedge clk) begin
        tcp_halves[79 - 8 * n -: 8] <= beat[63 - 8 * n -: 8] & {8{counts[n]}};
        ip_halves[63 - 8 * n -: 8]  <= beat[63 - 8 * n -: 8]
                                     & {8{beat_valid && (n < 4 ? ip_word_0 : ip_word_1)}};
      end
    end
  endgenerate

  always @(posedge clk) begin
    first            <= beat_valid && beat_first;
    tcp_halves[15:0] <= beat_rest & {{8{counts[8]}}, {8{counts[9]}}}
                      | tcp_length & {16{tcp_start}};
  end

  wire [3:0] ip_parts;

  assign ip_good = &ip_parts;

  ones_sum ip_sum (
    .clk        (clk),
    .first      (first),
    .halves     ({ip_halves, 16'd0}),
    .ones_parts (ip_parts)
  );

  ones_sum #(.SEED(PROTOCOL_TCP)) tcp_sum (
    .clk        (clk),
    .first      (first),
    .halves     (tcp_halves),
    .ones_parts (tcp_parts)
  );

`ifdef ASSERTIONS
  always @(posedge clk)
    if (beat_valid && tcp_body && !ip_far && ip_left == 4'd0 && counts != 10'd0) begin
      $display("checksum_check: bytes behind the IP packet do not count");
      $stop;
    end
`endif

endmodule

`default_nettype wire
