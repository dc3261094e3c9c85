// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Walks the headers of a frame as it streams by, up to and through the TCP header.
//
//   beats ──► Ethernet type, up to two tags ──► ip_header ──► tcp_header ──► fields of the segment
//               │ skew: IP starts at word 0 or 1   │ addresses     │ ports
//               ▼                                  ▼               ▼
//              pair of words, aligned to IP    lookup, checksums
//
// Understands Ethernet II, 802.1Q and 802.1ad tags, IPv4 with options, IPv6 with hop-by-hop,
// destination and routing headers, TCP with options. Everything else is left to the host: then no
// segment is found. It drops nothing and knows no connection.
//
// Invariant: a frame has at most one TCP header.

`default_nettype none

module frame_parser (
  input  wire        clk,
  input  wire        rst,

  // in: the intake
  input  wire        beat_valid,
  input  wire        beat_first,
  input  wire        beat_last,
  input  wire [63:0] beat,

  // out: the lookup
  output wire        address_clear,   // a frame began, its addresses are still to come
  output wire        address_valid,   // two words of the addresses
  output wire [63:0] address,         // zero where there is none
  output wire        address_ipv6,
  output wire        ports_valid,     // source and destination port; the tuple is complete
  output wire [31:0] ports,           // zero where there are none

  // out: the checksums, for this beat's words 0 and 1
  output wire        ip_word_0,       // belongs to the IPv4 header
  output wire        ip_word_1,
  output wire        tcp_word_0,      // belongs to the pseudo header or to TCP
  output wire        tcp_word_1,
  output wire        tcp_body,        // behind the beat in which TCP starts
  output wire [16:0] ip_left,         // bytes of the IP packet from this beat's first byte on
  output wire        ip_far,          // at least 16 of them, once TCP has started
  output wire [15:0] tcp_length,      // final when ports_valid

  // out: the segment, fields hold until the next frame's
  output wire        payload_found,   // the place of the payload, for the beats that follow
  output wire        payload_some,    // its length is not zero
  output wire [3:0]  payload_skip,    // beats before the one that completes its first two words
  output wire        payload_near,    // that is 0
  output wire        payload_skew,    // it starts at word 1
  output wire [15:0] payload_length,
  output wire        fields_valid,    // the lookup's answer for the fields below is there
  output wire        fields_clean,    // no SYN, and its lengths agree
  output wire [31:0] sequence_number,
  output wire [31:0] acknowledgement_number,
  output wire [15:0] window,
  output wire [7:0]  flags,
  output wire [31:0] previous_word,   // word 1 of the beat before

  // out: what is known of this frame
  output wire        ip_seen,
  output wire        ipv4_seen,
  output wire        ip_malformed,
  output wire        ip_short,        // the same, known a cycle later
  output wire        tcp_seen,
  output wire        tcp_malformed
);

  // ------------------------------------------------------------- Ethernet
  localparam [15:0] TYPE_IPV4    = 16'h0800,
                    TYPE_IPV6    = 16'h86DD,
                    TYPE_802_1Q  = 16'h8100,
                    TYPE_802_1AD = 16'h88A8;

  reg        type_here;  // beat 1: source address, type or the first tag's identifier
  reg        tag_here;   // beat 2, when it holds a tag, or two
  reg        skew;       // the IP header starts at word 1
  reg        ip_start;   // this beat completes the first pair of words of an IP header
  reg        ip_ipv6;
  reg [31:0] previous;

  wire [31:0] word_0 = beat[63:32];
  wire [31:0] word_1 = beat[31:0];
  wire [63:0] pair   = skew ? {previous, word_0} : beat;

  wire at_0_tag  = word_0[15:0] == TYPE_802_1Q || word_0[15:0] == TYPE_802_1AD;
  wire at_0_ipv4 = word_0[15:0] == TYPE_IPV4;
  wire at_0_ipv6 = word_0[15:0] == TYPE_IPV6;
  wire at_1_tag  = word_1[15:0] == TYPE_802_1Q || word_1[15:0] == TYPE_802_1AD;
  wire at_1_ipv4 = word_1[15:0] == TYPE_IPV4;
  wire at_1_ipv6 = word_1[15:0] == TYPE_IPV6;

  wire at_0_ip = at_0_ipv4 || at_0_ipv6;
  wire at_1_ip = at_1_ipv4 || at_1_ipv6;

  assign previous_word = previous;

  always @(posedge clk)
    if (rst) begin
      type_here <= 1'b0;
      tag_here  <= 1'b0;
      ip_start  <= 1'b0;
      skew      <= 1'b0;
    end else if (beat_valid) begin
      type_here <= !beat_last && beat_first;
      tag_here  <= !beat_last && type_here && at_1_tag;
      ip_start  <= !beat_last && (type_here && at_1_ip
                               || tag_here && (at_0_ip || at_0_tag && at_1_ip));
      skew      <= !beat_last && (tag_here ? at_0_ip : skew);
    end

  always @(posedge clk)
    if (beat_valid) begin
      previous <= word_1;
      ip_ipv6  <= tag_here && at_0_ip ? at_0_ipv6 : at_1_ipv6;
    end

  // ------------------------------------------------------------- IP, TCP
  wire tcp_start, tcp_here, tcp_slot, address_here, address_split;
  wire ip_word_1_known, ip_word_0_known;

  assign ip_word_0 = ip_word_0_known;
  assign ip_word_1 = ip_word_1_known || tag_here && at_0_ipv4;  // here starts an IPv4 header

  ip_header ip_header (
    .clk           (clk),
    .rst           (rst),
    .beat_valid    (beat_valid),
    .beat_first    (beat_first),
    .beat_last     (beat_last),
    .pair          (pair),
    .skew          (skew),
    .extension     (skew ? word_1 : word_0),
    .ip_start      (ip_start),
    .ip_ipv6       (ip_ipv6),
    .address_here  (address_here),
    .address_split (address_split),
    .address_ipv6  (address_ipv6),
    .ip_word_0     (ip_word_0_known),
    .ip_word_1     (ip_word_1_known),
    .tcp_word_0    (tcp_word_0),
    .tcp_word_1    (tcp_word_1),
    .tcp_body      (tcp_body),
    .ip_left       (ip_left),
    .ip_far        (ip_far),
    .tcp_length    (tcp_length),
    .tcp_here      (tcp_here),
    .tcp_start     (tcp_start),
    .tcp_slot      (tcp_slot),
    .ip_seen       (ip_seen),
    .ipv4_seen     (ipv4_seen),
    .ip_malformed  (ip_malformed),
    .ip_short      (ip_short)
  );

  assign ports_valid = tcp_start;
  assign ports       = (tcp_slot ? word_1 : word_0) & {32{tcp_here}};

  assign address_valid = beat_valid && address_here;
  assign address       = (address_split ? {previous, word_0} : beat) & {64{address_here}};

  // Not with the first beat: the frame before is still being compared.
  assign address_clear = beat_valid && type_here;

  tcp_header tcp_header (
    .clk                    (clk),
    .rst                    (rst),
    .beat_valid             (beat_valid),
    .beat_first             (beat_first),
    .beat_last              (beat_last),
    .word_0                 (word_0),
    .word_1                 (word_1),
    .tcp_start              (tcp_start),
    .tcp_slot               (tcp_slot),
    .tcp_length             (tcp_length),
    .payload_found          (payload_found),
    .payload_some           (payload_some),
    .payload_skip           (payload_skip),
    .payload_near           (payload_near),
    .payload_skew           (payload_skew),
    .payload_length         (payload_length),
    .fields_valid           (fields_valid),
    .fields_clean           (fields_clean),
    .sequence_number        (sequence_number),
    .acknowledgement_number (acknowledgement_number),
    .window                 (window),
    .flags                  (flags),
    .tcp_seen               (tcp_seen),
    .tcp_malformed          (tcp_malformed)
  );

`ifdef ASSERTIONS
  reg found;
  always @(posedge clk)
    if (rst || beat_valid && beat_last) found <= 1'b0;
    else if (tcp_start) begin
      found <= 1'b1;
      if (found) begin
        $display("frame_parser: a frame has at most one TCP header");
        $stop;
      end
    end
`endif

endmodule

`default_nettype wire
