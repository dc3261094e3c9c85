// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Keeps the islands: what each connection holds beyond its first gap, as ranges of the stream.
//
//   RCV.NXT          island              island              window's end
//   ──┴── gap ──┬── begin..end ──┬── gap ──┬── begin..end ──┬── gap ──┴──
//
//   look ──► islands of one connection ──► compared with start, finish ──► joined ──► kept
//
// A range that a segment fills may touch any number of islands: it becomes one with them, in the
// place of one of them, and what the others held is free for the next. Islands are in no order,
// so nothing is ever moved. Positions are sequence numbers modulo 2^POSITION_BITS, more than
// twice a ring.
//
// It does not know RCV.NXT and does not judge: the acceptor says whether a range counts, and
// whether it is in order, so that it and what it touches are islands no more.
//
// Invariant: the islands of a connection neither overlap nor touch.
// Invariant: a range is kept in exactly one place.

`default_nettype none

module gap_tracker #(
  parameter CONNECTIONS     = 16,
  parameter GAPS            = 4,   // islands of one connection
  parameter POSITION_BITS   = 17,
  parameter COMPARE_BITS    = 14,  // enough for the sign of a distance within one ring
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the segment acceptor, one step after the other
  input  wire                       look,             // fetch the islands of
  input  wire [CONNECTION_BITS-1:0] look_connection,
  input  wire                       compare,          // with what the segment would fill
  input  wire [POSITION_BITS-1:0]   start,            // its first byte
  input  wire [POSITION_BITS-1:0]   finish,           // after its last
  input  wire                       fill,             // the range counts
  input  wire                       in_order,         // with fill: it begins at RCV.NXT
  input  wire                       forget,           // drop all
  input  wire                       keep,             // write back
  input  wire [CONNECTION_BITS-1:0] keep_connection,

  // out: the segment acceptor, after compare
  output wire                       covered,          // an island has it all
  output reg                        holds,            // there is room to keep it
  output wire                       reaches,          // an island carries on at or after `finish`
  output wire [POSITION_BITS-1:0]   reached,          // where that one ends
  output wire                       reached_high,     // the highest bit of that, sooner
  output reg                        beyond_finish,    // an island goes on after `finish`

  // in: the payload placer
  input  wire                       first,
  input  wire                       step,
  input  wire [POSITION_BITS-4:0]   scan_word,
  input  wire [7:0]                 wraps,

  // out: the payload placer
  output wire [7:0]                 proven            // bytes of the beat that an island has
);

  reg  [GAPS-1:0] valid_kept [0:CONNECTIONS-1];
  reg  [GAPS-1:0] valid;
  reg  [GAPS-1:0] scanned;      // as they were when the segment came
  reg  [GAPS-1:0] place;        // where the joined range is kept

  reg  [POSITION_BITS-1:0] joined_begin;
  reg  [POSITION_BITS-1:0] joined_end;

  // ---------------------------------------------------------------- each against each island

  wire [GAPS-1:0] begins_by_start, begins_by_finish;
  wire [GAPS-1:0] ends_before_start, ends_by_finish, ends_before_finish;
  wire [GAPS*POSITION_BITS-1:0] begins, ends;
  wire [GAPS*8-1:0]             insides;

  wire [GAPS-1:0] touching = valid & ~ends_before_start & begins_by_finish;
  wire [GAPS-1:0] reaching = valid & ~ends_before_start & begins_by_finish & ~ends_before_finish;
  wire [GAPS-1:0] ends_high;  // the highest bit of each end

  reg  [GAPS-1:0] touched;      // overlaps the range or is adjacent
  reg  [GAPS-1:0] from_before;  // touched, and begins no later
  reg  [GAPS-1:0] to_after;     // touched, and ends no earlier
  reg  [GAPS-1:0] covering;     // both
  reg  [GAPS-1:0] high;         // to_after, and the highest bit of its end is 1

  wire [GAPS-1:0] free    = ~valid | touched;
  wire [GAPS-1:0] lowest  = free & ~(free - 1'b1);

  // ---------------------------------------------------------------- one of them, or all together

  reg [POSITION_BITS-1:0] begin_before;
  reg [POSITION_BITS-1:0] end_after;
  reg [7:0]               inside_any;
  reg                     looked;

  integer n;

  always @(*) begin
    begin_before = 0;
    end_after    = 0;
    inside_any   = 0;
    for (n = 0; n < GAPS; n = n + 1) begin
      if (from_before[n]) begin_before = begin_before | begins[n*POSITION_BITS +: POSITION_BITS];
      if (to_after[n]) end_after = end_after | ends[n*POSITION_BITS +: POSITION_BITS];
      if (scanned[n]) inside_any = inside_any | insides[8*n +: 8];
    end
  end

  assign covered      = |covering;
  assign reaches      = |to_after;
  assign reached      = end_after;
  assign reached_high = |high;
  assign proven  = inside_any;

  always @(posedge clk) begin
    looked <= look;
    if (look) begin
      scanned <= valid_kept[look_connection];
      place   <= 0;
    end
    if (looked) valid <= scanned;
    if (compare) begin
      touched       <= touching;
      from_before   <= touching & begins_by_start;
      to_after      <= reaching;
      covering      <= reaching & begins_by_start;
      holds         <= !(&valid) || |touching;
      high          <= reaching & ends_high;
      beyond_finish <= |(valid & ~ends_by_finish);
    end
    // They stand from compare on, until they are kept.
    joined_begin <= |from_before ? begin_before : start;
    joined_end   <= reaches ? end_after : finish;
    if (fill) begin
      place        <= in_order ? 0 : lowest;
      valid        <= (valid & ~touched) | (in_order ? 0 : lowest);
    end
    if (forget) valid <= 0;
    if (keep) valid_kept[keep_connection] <= valid;
  end

  genvar i;
  generate
    for (i = 0; i < GAPS; i = i + 1) begin : islands
      assign ends_high[i] = ends[(i+1)*POSITION_BITS-1];

      island #(
        .CONNECTIONS(CONNECTIONS), .POSITION_BITS(POSITION_BITS), .COMPARE_BITS(COMPARE_BITS)
      ) place_of_one (
        .clk(clk),
        .look(look), .look_connection(look_connection), .start(start), .finish(finish),
        .keep(keep && place[i]), .keep_connection(keep_connection),
        .keep_begin(joined_begin), .keep_end(joined_end),
        .begin_position(begins[i*POSITION_BITS +: POSITION_BITS]),
        .end_position(ends[i*POSITION_BITS +: POSITION_BITS]),
        .begins_by_start(begins_by_start[i]), .begins_by_finish(begins_by_finish[i]),
        .ends_before_start(ends_before_start[i]), .ends_by_finish(ends_by_finish[i]),
        .ends_before_finish(ends_before_finish[i]),
        .first(first), .step(step), .scan_word(scan_word), .wraps(wraps),
        .held(insides[8*i +: 8])
      );
    end
  endgenerate

  wire unused = rst;  // state of no connection counts before it is opened

`ifdef ASSERTIONS
  // The range that is kept lies clear of an island that stays beside it if it begins after its end,
  // or ends before its begin.
  wire [GAPS-1:0] clear;
  reg             kept_range;

  always @(posedge clk) begin
    kept_range <= !rst && fill && !in_order;
    if (!rst && kept_range && |(valid & ~place & ~clear)) begin
      $display("gap_tracker: the islands of a connection neither overlap nor touch");
      $stop;
    end
    if (!rst && kept_range && (place == 0 || (place & (place - 1'b1)) != 0)) begin
      $display("gap_tracker: a range is kept in exactly one place");
      $stop;
    end
  end

  generate
    for (i = 0; i < GAPS; i = i + 1) begin : checks
      wire [POSITION_BITS-1:0] after = ends[i*POSITION_BITS +: POSITION_BITS] - joined_begin;
      wire [POSITION_BITS-1:0] ahead = joined_end - begins[i*POSITION_BITS +: POSITION_BITS];
      assign clear[i] = after[POSITION_BITS-1] || ahead[POSITION_BITS-1];
    end
  endgenerate
`endif

endmodule

`default_nettype wire
