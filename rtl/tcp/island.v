// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One place for an island: a range that a connection holds beyond a gap, for each connection one.
//
//   look ──► begin, end ──► compared with start, finish of what a segment would fill
//                      └──► bytes of a beat that it holds
//
// It does not know whether its place is in use: the gap tracker does.

`default_nettype none

module island #(
  parameter CONNECTIONS     = 16,
  parameter POSITION_BITS   = 17,
  parameter COMPARE_BITS    = 14,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,

  // in: the gap tracker
  input  wire                       look,
  input  wire [CONNECTION_BITS-1:0] look_connection,
  input  wire [POSITION_BITS-1:0]   start,
  input  wire [POSITION_BITS-1:0]   finish,
  input  wire                       keep,
  input  wire [CONNECTION_BITS-1:0] keep_connection,
  input  wire [POSITION_BITS-1:0]   keep_begin,
  input  wire [POSITION_BITS-1:0]   keep_end,

  // out: the gap tracker
  output reg  [POSITION_BITS-1:0]   begin_position,
  output reg  [POSITION_BITS-1:0]   end_position,
  output wire                       begins_by_start,    // at it or before
  output wire                       begins_by_finish,
  output wire                       ends_before_start,
  output wire                       ends_by_finish,
  output wire                       ends_before_finish,

  // in: the payload placer
  input  wire                       first,
  input  wire                       step,
  input  wire [POSITION_BITS-4:0]   scan_word,
  input  wire [7:0]                 wraps,

  // out: the gap tracker
  output wire [7:0]                 held                // bytes of the beat
);

  reg [2*POSITION_BITS-1:0] kept [0:CONNECTIONS-1];

  always @(posedge clk) begin
    if (look) {end_position, begin_position} <= kept[look_connection];
    if (keep) kept[keep_connection] <= {keep_end, keep_begin};
  end

  // Distances within a ring: the sign of the difference tells the order.
  wire [COMPARE_BITS-1:0] begin_near  = begin_position[COMPARE_BITS-1:0];
  wire [COMPARE_BITS-1:0] end_near    = end_position[COMPARE_BITS-1:0];
  wire [COMPARE_BITS-1:0] start_near  = start[COMPARE_BITS-1:0];
  wire [COMPARE_BITS-1:0] finish_near = finish[COMPARE_BITS-1:0];

  function precedes(input [COMPARE_BITS-1:0] distance);  // a before b, of distance a - b
    precedes = distance[COMPARE_BITS-1];
  endfunction

  assign begins_by_start   = !precedes(start_near - begin_near);
  assign begins_by_finish  = !precedes(finish_near - begin_near);
  assign ends_before_start = precedes(end_near - start_near);
  assign ends_by_finish    = !precedes(finish_near - end_near);
  assign ends_before_finish = precedes(end_near - finish_near);

  wire [7:0] from_begin, from_end;

  boundary #(.WORD_BITS(POSITION_BITS - 3)) island_begin (
    .clk(clk), .position(begin_position), .past_first(begins_by_start),
    .first(first), .step(step), .scan_word(scan_word), .wraps(wraps), .beyond(from_begin)
  );

  boundary #(.WORD_BITS(POSITION_BITS - 3)) island_end (
    .clk(clk), .position(end_position), .past_first(ends_before_start),
    .first(first), .step(step), .scan_word(scan_word), .wraps(wraps), .beyond(from_end)
  );

  assign held = from_begin & ~from_end;

  wire unused = &{1'b0, start, finish};

endmodule

`default_nettype wire
