// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Decides of every frame whether it is a segment of ours, is good, goes to the host or is dropped.
//
//   last beat     ended          settled        counted
//   length    ──► what is    ──► sums and   ──► host path, counters
//                 known          tuple ──► verdict
//
// A segment is accepted on a tag, early; its verdict follows the last beat. Reasons to drop are
// tried in the order of the counters, one a frame. Nothing is stored here.
//
// Invariant: every frame is counted once: offloaded, to the host, or dropped for one reason.

`default_nettype none

`include "toe_registers.vh"

module frame_verdict (
  input  wire                 clk,
  input  wire                 rst,

  // in: the intake
  input  wire                 beat_valid,
  input  wire                 beat_first,
  input  wire                 beat_last,
  input  wire                 beat_bad,
  input  wire [3:0]           beat_bytes,

  // in: the parser
  input  wire [16:0]          ip_left,
  input  wire                 ip_seen,
  input  wire                 ipv4_seen,
  input  wire                 ip_malformed,
  input  wire                 ip_short,       // the same, known a cycle later
  input  wire                 tcp_seen,
  input  wire                 tcp_malformed,
  input  wire                 syn,
  input  wire                 fields_valid,
  input  wire                 fields_clean,

  // in: the lookup and the checksums
  input  wire                 hit,
  input  wire [8:0]           tuple_parts,    // all 1, two cycles after the last beat
  input  wire                 ip_good,        // likewise
  input  wire [3:0]           tcp_parts,      // likewise, when all are 1

  // out: the segment
  output wire                 accept,         // its header goes out now
  output reg                  frame_ended,    // the cycle after the last beat
  output wire                 verdict_valid,  // the cycle after that, for an accepted segment
  output wire [13:0]          verdict_parts,  // good when all are 1

  // out: the host path
  output reg  [15:0]          frame_bytes,    // two cycles after the last beat
  output reg                  host_wanted,    // four cycles after it
  input  wire                 host_kept,
  input  wire                 host_oversize,
  input  wire                 host_overrun,

  // out: the counters
  output reg  [`COUNTERS-1:0] count
);

  localparam [13:0] RUNT_BEATS = 14'd7;  // 60 bytes are seven beats and four bytes
  localparam [3:0]  RUNT_BYTES = 4'd4;

  assign accept = fields_valid && fields_clean && hit;

  // ------------------------------------------------------------- the last beat
  reg  [13:0] beats;  // before this one; stays at 8192
  wire [13:0] beats_before = beat_first ? 14'd0 : beats;

  reg         accepted;
  reg         ended_bad, ended_runt, ended_oversize, ended_truncated;
  reg  [15:0] ended_bytes;

  always @(posedge clk)
    if (beat_valid) begin
      beats           <= beats_before + {13'd0, !beats_before[13]};
      ended_bad       <= beat_bad;
      ended_runt      <= beats_before < RUNT_BEATS
                      || beats_before == RUNT_BEATS && beat_bytes < RUNT_BYTES;
      ended_oversize  <= beats_before[13] || &beats_before[12:0] && beat_bytes[3];
      ended_truncated <= ip_seen && (ip_left[16:4] != 13'd0 || ip_left[3:0] > beat_bytes + 4'd2);
      ended_bytes     <= {beats_before[12:0], 3'd0} + {12'd0, beat_bytes};
    end

  always @(posedge clk)
    if (rst) begin
      frame_ended <= 1'b0;
      accepted    <= 1'b0;
    end else begin
      frame_ended <= beat_valid && beat_last;
      accepted    <= (accept || accepted) && !frame_ended;
    end

  // ------------------------------------------------------------- what is known
  reg        known, known_accepted, known_ours, known_ipv4, known_short;
  reg        known_bad, known_runt, known_oversize, known_truncated, known_malformed;
  reg        known_sound;

  always @(posedge clk)
    if (rst) known <= 1'b0;
    else     known <= frame_ended;

  always @(posedge clk) begin
    known_accepted  <= accept || accepted;
    known_ours      <= tcp_seen && hit && !syn;
    known_short     <= tcp_malformed;
    known_ipv4      <= ipv4_seen;
    known_bad       <= ended_bad;
    known_runt      <= ended_runt;
    known_oversize  <= ended_oversize;
    known_truncated <= ended_truncated;
    known_malformed <= ip_malformed;
    known_sound     <= !ended_bad && !ended_runt && !ended_oversize && !ended_truncated
                    && !ip_malformed;
    frame_bytes     <= ended_bytes;
  end

  // Of a segment, the IP header's sum stood a cycle before: twenty bytes of TCP follow it.
  reg ip_was_good;

  always @(posedge clk) ip_was_good <= ip_good;

  assign verdict_valid = known && known_accepted;
  assign verdict_parts = {tcp_parts, tuple_parts,
                          known_sound && !ip_short && (ip_was_good || !known_ipv4)};

  // ------------------------------------------------------------- what becomes of it
  reg [8:0] tuple;
  reg settled, candidate, short, bad, runt, oversize, truncated, malformed, sound;
  reg ipv4;
  wire ip_wrong = ipv4 && !ip_was_good;
  reg [3:0] tcp_right;

  always @(posedge clk)
    if (rst) settled <= 1'b0;
    else     settled <= known;

  always @(posedge clk) begin
    candidate   <= known_ours;
    tuple       <= tuple_parts;
    short       <= known_short;
    bad         <= known_bad;
    runt        <= known_runt && !known_bad;
    oversize    <= known_oversize && !known_bad;
    truncated   <= known_truncated && !known_bad && !known_runt && !known_oversize;
    malformed   <= known_malformed || ip_short;
    sound       <= known_sound && !ip_short;
    ipv4        <= known_ipv4;
    tcp_right   <= tcp_parts;
  end

  wire ours  = candidate && &tuple;
  wire tcp_wrong = !(&tcp_right);
  wire whole = !bad && !runt && !oversize && !truncated;

  always @(posedge clk) host_wanted <= !rst && settled && sound && !ip_wrong && !ours;

  wire segment = settled && sound && !ip_wrong && ours;

  always @(posedge clk) begin
    count <= {`COUNTERS{1'b0}};
    if (!rst) begin
      count[`COUNT_FRAMES_RECEIVED]      <= settled;
      count[`COUNT_FRAMES_OFFLOADED]     <= segment && !short && !tcp_wrong;
      count[`COUNT_FRAMES_TO_HOST]       <= host_kept;
      count[`COUNT_DROPPED_BAD_FRAME]    <= settled && bad;
      count[`COUNT_DROPPED_RUNT]         <= settled && runt;
      count[`COUNT_DROPPED_OVERSIZE]     <= settled && oversize || host_oversize;
      count[`COUNT_DROPPED_TRUNCATED]    <= settled && truncated;
      count[`COUNT_DROPPED_MALFORMED]    <= settled && whole && malformed || segment && short;
      count[`COUNT_DROPPED_IP_CHECKSUM]  <= settled && sound && ip_wrong;
      count[`COUNT_DROPPED_TCP_CHECKSUM] <= segment && !short && tcp_wrong;
      count[`COUNT_DROPPED_HOST_OVERRUN] <= host_overrun;
    end
  end

`ifdef ASSERTIONS
  wire [8:0] outcomes = {segment && !short && !tcp_wrong, segment && !short && tcp_wrong,
                         settled && bad, settled && runt, settled && oversize,
                         settled && truncated, settled && whole && malformed || segment && short,
                         settled && sound && ip_wrong,
                         settled && sound && !ip_wrong && !ours};
  wire [2:0] of_host  = {host_kept, host_oversize, host_overrun};

  always @(posedge clk)
    if (!rst && (settled != (outcomes != 0) || (outcomes & (outcomes - 9'd1)) != 0
                 || host_wanted != (of_host != 0) || (of_host & (of_host - 3'd1)) != 0)) begin
      $display("frame_verdict: every frame is counted once");
      $stop;
    end
`endif

endmodule

`default_nettype wire
