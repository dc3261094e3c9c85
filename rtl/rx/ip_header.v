// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Walks one IPv4 or IPv6 header with its options or extension headers up to TCP.
//
//   skew 0:  beat k = words 2k, 2k+1 of the packet        pair k = this beat
//   skew 1:  beat k = words 2k+1, 2k+2                    pair k = word before, word 0
//
// Pairs are aligned to the packet. What a beat holds is worked out a beat ahead, so that `..._here`
// comes from registers. A packet that is no TCP segment, is a fragment, or has another version than
// its Ethernet type says, is walked no further. Checksums are somebody else's.
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
  input  wire        ip_start,       // pair 0 is in this beat
  input  wire        ip_ipv6,        // what the Ethernet type says

  // out: the lookup
  output reg         address_here,   // this beat, if it is one, completes two words of addresses
  output reg         address_split,  // the word before and word 0; else words 0 and 1
  output wire        address_ipv6,

  // out: the checksums
  output wire        ip_word_0,
  output wire        ip_word_1,
  output wire        tcp_word_0,
  output wire        tcp_word_1,
  output wire        tcp_body,
  output reg  [16:0] ip_left,
  output reg         ip_far,         // it is at least 16, once TCP has started
  output reg  [15:0] tcp_length,

  // out: the TCP header
  output reg         tcp_here,       // its first word is in this beat, if this is a beat
  output wire        tcp_start,      // it is
  output reg         tcp_slot,       // in this word of it

  // out: what is known of this frame
  output reg         ip_seen,
  output reg         ipv4_seen,
  output wire        ip_malformed,
  output reg         ip_short        // the same, known a cycle later
);

  localparam [7:0] HOP_BY_HOP = 8'd0, TCP = 8'd6, ROUTING = 8'd43, DESTINATION = 8'd60;

  wire [31:0] first  = pair[63:32];
  wire [31:0] second = pair[31:0];

  // ------------------------------------------------------------- what this beat holds
  reg       ipv4_pair_1, ipv4_pair_2;  // source address, destination address
  reg       ipv4_here;                 // words of an IPv4 header, behind pair 0
  reg       ipv4_end;                  // the last of them
  reg [2:0] ipv4_beats;                // beats to that
  reg       ipv6_here;                 // address words of an IPv6 header, behind pair 0
  reg [3:0] ipv6_pair;                 // which pair of them
  reg       options_here;              // an IPv6 header with options starts
  reg       routing_here;
  reg [7:0] skip;                      // beats to the next extension header or TCP
  reg       in_tcp;

  // ------------------------------------------------------------- what will follow
  reg       is_tcp, is_options, is_routing;  // by the header before
  reg       fragment;
  reg       check;                     // these and tcp_length are new
  reg       disagree_words;            // header lengths do: the first header's own,
  reg       disagree_first;            // with the packet's,
  reg       disagree_later;            // or those of one behind it
  reg       overdrawn;                 // an extension header is longer than what is left

  wire       version_4    = first[31:28] == 4'd4 && !ip_ipv6;
  wire       version_6    = first[31:28] == 4'd6 && ip_ipv6;
  wire [3:0] header_words = first[27:24];
  wire [3:0] tcp_position = header_words - {3'd0, skew};  // in words, from beat 0

  wire       extending    = options_here || routing_here && extension[7:0] == 8'd0;
  wire       chain_next   = extending && extension[23:16] == 8'd0;
  wire       fixed_next   = ipv6_pair[skew ? 2 : 3] || skip == 8'd1;

  wire [7:0] next_header  = ip_start    ? second[15:8] :
                            ipv4_pair_1 ? first[23:16] : extension[31:24];
  wire       next_tcp     = next_header == TCP;
  wire       next_options = next_header == HOP_BY_HOP || next_header == DESTINATION;
  wire       next_routing = next_header == ROUTING;

  wire       disagree     = disagree_words || disagree_first || disagree_later;

  assign tcp_start = beat_valid && tcp_here && !disagree && !overdrawn;

  always @(posedge clk)
    if (rst) begin
      address_here                                    <= 1'b0;
      {ipv4_pair_1, ipv4_pair_2, ipv4_here, ipv4_end} <= 4'd0;
      {ipv6_here, ipv6_pair, skip}                    <= 13'd0;
      {tcp_here, options_here, routing_here, in_tcp}  <= 4'd0;
    end else if (beat_valid) begin
      address_here <= !beat_last && (ip_start ? version_6 || version_4 && skew
                                              : ipv6_here && !ipv6_pair[3]
                                                || ipv4_pair_1 && !skew);
      ipv4_pair_1  <= !beat_last && ip_start && version_4;
      ipv4_pair_2  <= !beat_last && ipv4_pair_1;
      ipv4_here    <= !beat_last && (ip_start ? version_4 : ipv4_here && !ipv4_end);
      ipv4_end     <= ipv4_beats == 3'd1 && !ip_start;
      ipv6_here    <= !beat_last && (ip_start ? version_6 : ipv6_here && !ipv6_pair[3]);
      ipv6_pair    <= beat_last ? 4'd0 : {ipv6_pair[2:0], ip_start && version_6};
      skip         <= beat_last || ip_start ? 8'd0 : extending ? extension[23:16]
                                            : skip - {7'd0, skip != 8'd0};
      tcp_here     <= !beat_last && (fixed_next && is_tcp || chain_next && next_tcp
                                  || ipv4_here && ipv4_beats == 3'd1 && !fragment
                                     && (ipv4_pair_1 ? next_tcp : is_tcp));
      options_here <= !beat_last && (fixed_next && is_options || chain_next && next_options);
      routing_here <= !beat_last && (fixed_next && is_routing || chain_next && next_routing);
      in_tcp       <= !beat_last && (in_tcp || tcp_start);
    end

  always @(posedge clk)
    if (beat_valid) begin
      ipv4_beats <= ip_start ? tcp_position[3:1] - 3'd1 : ipv4_beats - 3'd1;
      if (ip_start) begin
        tcp_slot      <= ip_ipv6 ? skew : tcp_position[0];
        address_split <= ip_ipv6 ? skew : !skew;
        fragment      <= version_4 && second[13:0] != 14'd0;  // more of them, or an offset
      end
      // What a routing header that is still to be followed says here is never asked for.
      if (ip_start || ipv4_pair_1 || options_here || routing_here) begin
        is_tcp     <= next_tcp;
        is_options <= next_options && !ipv4_pair_1;
        is_routing <= next_routing && !ipv4_pair_1;
      end
    end

  // ------------------------------------------------------------- lengths
  wire [15:0] packet_bytes = ip_ipv6 ? second[31:16] : first[15:0];

  // What is left behind the header or the extension header.
  // It has 8 bytes more than it says, 8 for each: less n + 1 is plus the complement of n.
  wire [16:0] extension_left  = {1'b0, tcp_length} + {6'h3F, ~extension[23:16], 3'b000};
  wire [16:0] header_left     = {1'b0, packet_bytes}
                              - {11'd0, header_words & {4{!ip_ipv6}}, 2'b00};

  // Bytes of the packet that lie behind this beat, when it holds pair 0. A length of less than 16
  // is a lie: then none.
  wire        tiny   = !ip_ipv6 && first[15:4] == 12'd0;
  wire [16:0] behind = {1'b0, packet_bytes}
                     + (ip_ipv6 ? (skew ? 17'd28 : 17'd32) : (skew ? -17'd12 : -17'd8));

  always @(posedge clk)
    if (beat_valid) begin
      if (ip_start) ip_left <= tiny ? 17'd0 : behind;
      else          ip_left <= |ip_left[16:3] ? ip_left - 17'd8 : 17'd0;

      ip_far <= ip_left[16:5] != 12'd0 || ip_left[4:3] == 2'b11;

      if (ip_start) begin
        tcp_length <= header_left[15:0];
        overdrawn  <= 1'b0;
      end else if (options_here || routing_here) begin
        tcp_length <= extension_left[15:0];
        overdrawn  <= extending && extension_left[16];
      end
    end

  // No room for the header that should follow.
  wire short = check && (overdrawn || (is_tcp ? tcp_length < 16'd20 && !fragment
                                       : tcp_length < 16'd8 && (is_options || is_routing)));

  always @(posedge clk)
    if (rst) check <= 1'b0;
    else     check <= beat_valid && (ip_start && version_6 || ipv4_pair_1 || extending);

  // What is known of a frame stands until the next one begins.
  always @(posedge clk)
    if (beat_valid && beat_first) begin
      ip_seen        <= 1'b0;
      ipv4_seen      <= 1'b0;
      disagree_words <= 1'b0;
      disagree_first <= 1'b0;
    end else if (beat_valid && ip_start) begin
      ip_seen        <= version_4 || version_6;
      ipv4_seen      <= version_4;
      disagree_words <= version_4 && header_words < 4'd5;
      disagree_first <= version_4 && header_left[16];
    end

  always @(posedge clk) begin
    disagree_later <= (short || disagree_later) && !(beat_valid && beat_first);
    ip_short       <= short && !rst;
  end

  assign ip_malformed = disagree;

  // ------------------------------------------------------------- the words of this beat
  // IPv4: source and destination are words 3 and 4, the last of pair 1 and the first of pair 2.
  assign address_ipv6 = ipv6_here;

  assign ip_word_0  = ip_start || ipv4_here && (!ipv4_end || tcp_slot);
  assign ip_word_1  = ip_start || ipv4_here && !ipv4_end;

  assign tcp_body   = in_tcp;
  assign tcp_word_0 = ipv6_here || (skew ? ipv4_pair_1 : ipv4_pair_2)
                   || in_tcp || tcp_here && !tcp_slot;
  assign tcp_word_1 = ipv6_here && !(skew && ipv6_pair[3]) || ipv4_pair_1
                   || ip_start && ip_ipv6 && skew
                   || in_tcp || tcp_here;

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && tcp_start && (disagree || !ip_seen)) begin
      $display("ip_header: TCP starts only in a packet whose header lengths agree");
      $stop;
    end
`endif

endmodule

`default_nettype wire
