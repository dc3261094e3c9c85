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
  output wire        address_valid,   // a pair of words of the addresses
  output wire        address_start,   // the first pair
  output wire [63:0] address,
  output wire        address_ipv6,
  output wire        ports_valid,     // source and destination port; the tuple is complete
  output wire [31:0] ports,

  // out: the checksums, for this beat's words 0 and 1
  output wire        ip_word_0,       // belongs to the IPv4 header
  output wire        ip_word_1,
  output wire        tcp_word_0,      // belongs to the pseudo header or to TCP
  output wire        tcp_word_1,
  output wire        tcp_body,        // behind the beat in which TCP starts
  output wire [16:0] ip_left,         // bytes of the IP packet from this beat's first byte on
  output wire [15:0] tcp_length,      // final when ports_valid

  // out: the segment, fields hold until the next frame's
  output wire        payload_found,   // the place of the payload, for the beats that follow
  output wire [3:0]  payload_skip,    // beats before the one that completes its first two words
  output wire        payload_skew,    // it starts at word 1
  output wire [15:0] payload_length,
  output wire        fields_valid,    // the lookup's answer for the fields below is there
  output wire [31:0] sequence_number,
  output wire [31:0] acknowledgement_number,
  output wire [15:0] window,
  output wire [7:0]  flags,
  output wire [31:0] previous_word,   // word 1 of the beat before

  // out: what is known of this frame
  output wire        ip_seen,
  output wire        ipv4_seen,
  output wire        ip_malformed,
  output wire        tcp_seen,
  output wire        tcp_malformed
);

  // ------------------------------------------------------------- Ethernet
  localparam [2:0] DESTINATION = 3'd0,  // beat 0: destination address
                   TYPE        = 3'd1,  // beat 1: source address, type or first tag's identifier
                   TAGS        = 3'd2,  // beat 2: IP header, or one or two tags
                   TAGGED      = 3'd3,  // beat 3: first whole pair of words of a tagged IP header
                   BODY        = 3'd4;  // the rest

  localparam [15:0] TYPE_IPV4    = 16'h0800,
                    TYPE_IPV6    = 16'h86DD,
                    TYPE_802_1Q  = 16'h8100,
                    TYPE_802_1AD = 16'h88A8;

  reg [2:0]  state;
  reg        skew;         // the IP header starts at word 1
  reg        type_tag, type_ipv4, type_ipv6;
  reg        tagged_ipv6;
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

  wire untagged     = type_ipv4 || type_ipv6;
  wire tagged_once  = type_tag && (at_0_ipv4 || at_0_ipv6);
  wire tagged_twice = type_tag && at_0_tag && (at_1_ipv4 || at_1_ipv6);

  wire ip_start  = beat_valid && (state == TAGS && untagged || state == TAGGED);
  wire ip_ipv6   = state == TAGS ? type_ipv6 : tagged_ipv6;
  wire ip_ahead  = state == TAGS && type_tag && at_0_ipv4;  // word 1 starts an IPv4 header

  assign previous_word = previous;

  always @(posedge clk)
    if (rst) begin
      state <= DESTINATION;
      skew  <= 1'b0;
    end else if (beat_valid) begin
      skew <= !beat_last && (state == TAGS ? tagged_once : skew);
      if (beat_last) state <= DESTINATION;
      else case (state)
        DESTINATION: state <= TYPE;
        TYPE:        state <= TAGS;
        TAGS:        state <= tagged_once || tagged_twice ? TAGGED : BODY;
        default:     state <= BODY;
      endcase
    end

  always @(posedge clk)
    if (beat_valid) begin
      previous <= word_1;
      if (state == TYPE) begin
        type_tag  <= at_1_tag;
        type_ipv4 <= at_1_ipv4;
        type_ipv6 <= at_1_ipv6;
      end
      if (state == TAGS) tagged_ipv6 <= at_0_tag ? at_1_ipv6 : at_0_ipv6;
    end

  // ------------------------------------------------------------- IP, TCP
  wire tcp_start, tcp_slot;
  wire ip_word_1_known, ip_word_0_known;

  assign ip_word_0 = ip_word_0_known;
  assign ip_word_1 = ip_word_1_known || ip_ahead;

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
    .address_valid (address_valid),
    .address_start (address_start),
    .address       (address),
    .address_ipv6  (address_ipv6),
    .ip_word_0     (ip_word_0_known),
    .ip_word_1     (ip_word_1_known),
    .tcp_word_0    (tcp_word_0),
    .tcp_word_1    (tcp_word_1),
    .tcp_body      (tcp_body),
    .ip_left       (ip_left),
    .tcp_length    (tcp_length),
    .tcp_start     (tcp_start),
    .tcp_slot      (tcp_slot),
    .ip_seen       (ip_seen),
    .ipv4_seen     (ipv4_seen),
    .ip_malformed  (ip_malformed)
  );

  assign ports_valid = tcp_start;
  assign ports       = tcp_slot ? word_1 : word_0;

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
    .payload_skip           (payload_skip),
    .payload_skew           (payload_skew),
    .payload_length         (payload_length),
    .fields_valid           (fields_valid),
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
