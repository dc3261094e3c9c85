// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Walks one IPv4 or IPv6 header with its options or extension headers up to TCP.
//
//   skew 0:  beat k = words 2k, 2k+1 of the packet        pair k = this beat
//   skew 1:  beat k = words 2k+1, 2k+2                    pair k = word before, word 0
//
// Pairs are aligned to the packet; the words of a beat are known by `k` and `skew`. A packet that
// is no TCP segment, is a fragment, or has another version than its Ethernet type says, is walked
// no further. Checksums are somebody else's.
//
// Invariant: TCP starts only in a packet whose header lengths agree.

`default_nettype none

module ip_header (
  input  wire        clk,
  input  wire        rst,

  // in: the parser
  input  wire        beat_valid,
  input  wire        beat_first,
  input  wire        beat_last,
  input  wire [63:0] pair,
  input  wire        skew,
  /* verilator lint_off UNUSEDSIGNAL */  // the type of routing does not matter
  input  wire [31:0] extension,      // the word where an IPv6 extension header may start
  /* verilator lint_on UNUSEDSIGNAL */
  input  wire        ip_start,       // pair 0
  input  wire        ip_ipv6,        // what the Ethernet type says

  // out: the lookup
  output wire        address_valid,
  output wire        address_start,
  output wire [63:0] address,
  output wire        address_ipv6,

  // out: the checksums
  output wire        ip_word_0,
  output wire        ip_word_1,
  output wire        tcp_word_0,
  output wire        tcp_word_1,
  output wire        tcp_body,
  output reg  [16:0] ip_left,
  output reg  [15:0] tcp_length,

  // out: the TCP header
  output wire        tcp_start,      // its first word is in this beat
  output wire        tcp_slot,       // in this word of it

  // out: what is known of this frame
  output reg         ip_seen,
  output reg         ipv4_seen,
  output reg         ip_malformed
);

  localparam [7:0] HOP_BY_HOP = 8'd0, TCP = 8'd6, ROUTING = 8'd43, DESTINATION = 8'd60;

  localparam [1:0] IDLE  = 2'd0,  // no header, or nothing more to be found in it
                   IPV4  = 2'd1,  // in an IPv4 header
                   IPV6  = 2'd2,  // in the fixed part of an IPv6 header
                   CHAIN = 2'd3;  // in IPv6 extension headers

  wire [31:0] first  = pair[63:32];
  wire [31:0] second = pair[31:0];

  reg [1:0]  state;
  reg [2:0]  k;               // number of the pair
  reg [3:0]  tcp_position;    // IPv4: word 0 or 1 of beat k where TCP starts, 2 k + word
  reg        is_tcp;          // the next header is TCP
  reg        is_options;      // ... hop-by-hop or destination options
  reg        is_routing;
  reg        fragment;
  reg [7:0]  skip;            // beats to the next extension header
  reg        in_tcp;

  wire [7:0] next_header = ip_start      ? second[15:8] :
                           state == IPV4 ? first[23:16] : extension[31:24];

  // ------------------------------------------------------------- lengths
  wire        version_4     = first[31:28] == 4'd4 && !ip_ipv6;
  wire        version_6     = first[31:28] == 4'd6 && ip_ipv6;
  wire [3:0]  header_words  = first[27:24];
  wire [15:0] packet_bytes  = ip_ipv6 ? second[31:16] : first[15:0];
  wire        chained       = state == CHAIN || state == IPV6 && k == (skew ? 3'd4 : 3'd5);
  wire        extension_now = beat_valid && chained && skip == 8'd0;

  // What the header or the extension header takes off the length, in units of four bytes.
  wire [8:0]  extension_units = {1'b0, extension[23:16]} + 9'd1;
  wire [9:0]  taken_words     = !ip_start ? {extension_units, 1'b0} :
                                ip_ipv6   ? 10'd0 : {6'd0, header_words};
  wire [16:0] length_left     = {1'b0, ip_start ? packet_bytes : tcp_length}
                              - {5'd0, taken_words, 2'b00};

  // Bytes of the packet that lie behind this beat, when it holds pair 0.
  wire [16:0] behind = {1'b0, packet_bytes}
                     + (ip_ipv6 ? (skew ? 17'd28 : 17'd32) : (skew ? -17'd12 : -17'd8));

  always @(posedge clk)
    if (beat_valid) begin
      if (ip_start) ip_left <= behind;
      else          ip_left <= |ip_left[16:3] ? ip_left - 17'd8 : 17'd0;
    end

  // ------------------------------------------------------------- the walk
  wire at_tcp_ipv4 = beat_valid && state == IPV4 && k == tcp_position[3:1];
  wire at_tcp_ipv6 = extension_now && is_tcp;
  wire walks_on    = is_options || is_routing && extension[7:0] == 8'd0;

  assign tcp_start = (at_tcp_ipv4 && is_tcp && !fragment || at_tcp_ipv6) && !ip_malformed;
  assign tcp_slot  = state == IPV4 ? tcp_position[0] : skew;

  always @(posedge clk)
    if (rst) begin
      state  <= IDLE;
      in_tcp <= 1'b0;
    end else if (beat_valid) begin
      if (beat_last)                                  state <= IDLE;
      else if (ip_start)                              state <= version_6 ? IPV6 :
                                                               version_4 ? IPV4 : IDLE;
      else if (at_tcp_ipv4)                           state <= IDLE;
      else if (extension_now)                         state <= walks_on ? CHAIN : IDLE;

      in_tcp <= !beat_last && (in_tcp || tcp_start);
    end

  always @(posedge clk)
    if (beat_valid) begin
      k <= ip_start ? 3'd1 : k + 3'd1;

      if (ip_start)                      skip <= 8'd0;
      else if (extension_now)            skip <= extension[23:16];
      else                               skip <= skip - {7'd0, skip != 8'd0};

      if (ip_start || extension_now && walks_on) tcp_length <= length_left[15:0];

      if (ip_start) begin
        tcp_position <= header_words - {3'd0, skew};
        fragment     <= second[13:0] != 14'd0;  // more fragments, or an offset
      end

      if (ip_start || state == IPV4 && k == 3'd1 || extension_now) begin
        is_tcp     <= next_header == TCP;
        is_options <= next_header == HOP_BY_HOP || next_header == DESTINATION;
        is_routing <= next_header == ROUTING;
      end
    end

  // What is known of a frame stands until the next one begins.
  always @(posedge clk)
    if (beat_valid) begin
      if (beat_first) begin
        ip_seen      <= 1'b0;
        ipv4_seen    <= 1'b0;
        ip_malformed <= 1'b0;
      end else if (ip_start) begin
        ip_seen      <= version_4 || version_6;
        ipv4_seen    <= version_4;
        ip_malformed <= version_4 && (header_words < 4'd5 || length_left[16]);
      end else if (extension_now && walks_on && length_left[16]
                   || tcp_start && tcp_length < 16'd20)
        ip_malformed <= 1'b1;
    end

  // ------------------------------------------------------------- the words of this beat
  wire fixed_ipv6 = state == IPV6 && k != 3'd5;

  assign address_valid = beat_valid && (fixed_ipv6 || state == IPV4 && (k == 3'd1 || k == 3'd2));
  assign address_start = k == 3'd1;
  assign address       = {first & {32{fixed_ipv6 || k != 3'd1}},
                          second & {32{fixed_ipv6 || k == 3'd1}}};
  assign address_ipv6  = fixed_ipv6;

  assign ip_word_0 = ip_start && version_4
                  || state == IPV4 && (k != tcp_position[3:1] || tcp_position[0]);
  assign ip_word_1 = ip_start && version_4
                  || state == IPV4 && k != tcp_position[3:1];

  assign tcp_body   = in_tcp;
  assign tcp_word_0 = fixed_ipv6 || state == IPV4 && k == (skew ? 3'd1 : 3'd2)
                   || in_tcp || tcp_start && !tcp_slot;
  assign tcp_word_1 = fixed_ipv6 && !(skew && k == 3'd4) || state == IPV4 && k == 3'd1
                   || ip_start && version_6 && skew
                   || in_tcp || tcp_start;

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && tcp_start && (ip_malformed || !ip_seen)) begin
      $display("ip_header: TCP starts only in a packet whose header lengths agree");
      $stop;
    end
`endif

endmodule

`default_nettype wire
