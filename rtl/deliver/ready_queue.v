// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The connections that wait for their turn, each at most once: first in, first out is round
// robin.
//
//   push ──► places ──► head ──► the delivery scheduler
//
// A connection that is pushed while it waits keeps its place; one that is pushed while it is
// taken waits anew. There is a place for every connection, so a push is never refused.
//
// Invariant: no connection waits twice, and none that was pushed is lost.

`default_nettype none

module ready_queue #(
  parameter CONNECTIONS     = 16,  // a power of two
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler; who returns from a turn goes before who comes
  input  wire                       returns,
  input  wire [CONNECTION_BITS-1:0] returner,
  input  wire                       comes,          // not in the comer's first cycle
  input  wire [CONNECTION_BITS-1:0] comer,

  // out: the delivery scheduler
  output reg                        head_valid,
  output reg  [CONNECTION_BITS-1:0] head_connection,
  input  wire                       head_taken
);

  reg [CONNECTION_BITS-1:0] places [0:CONNECTIONS-1];  // those behind the head
  reg [CONNECTION_BITS-1:0] first;
  reg [CONNECTION_BITS-1:0] last;                      // one after it
  reg [CONNECTIONS-1:0]     waits;                     // the head included

  wire behind   = first != last;  // never all the places: one connection at least is the head
  // Both are looked up before it is known who enters; whether the comer waits, a cycle ahead.
  reg  comer_waits;
  wire again_returner = head_taken && head_connection == returner;
  wire again_comer    = head_taken && head_connection == comer;
  wire returner_new   = !waits[returner] || again_returner;
  wire comer_new      = !comer_waits || again_comer;

  wire [CONNECTION_BITS-1:0] entrant = returns ? returner : comer;

  wire enters   = returns ? returner_new : comes && comer_new;
  wire moves_up = head_taken || !head_valid;
  wire straight = moves_up && !behind;  // who enters becomes the head

  always @(posedge clk)
    comer_waits <= (returns || comes) && entrant == comer || waits[comer] && !again_comer;

  always @(posedge clk) begin
    places[last] <= entrant;  // it is free, whoever enters or not
    if (moves_up) head_connection <= behind ? places[first] : entrant;
  end

  always @(posedge clk)
    if (rst) begin
      head_valid <= 1'b0;
      first      <= 0;
      last       <= 0;
      waits      <= 0;
    end else begin
      if (head_taken) waits[head_connection] <= 1'b0;
      if (returns || comes) waits[entrant] <= 1'b1;
      if (moves_up) head_valid <= behind || enters;
      if (moves_up && behind) first <= first + 1'b1;
      if (enters && !straight) last <= last + 1'b1;
    end

`ifdef ASSERTIONS
  // As many places are taken as connections wait: so each stands in one of them.
  integer waiting, place;
  wire [CONNECTION_BITS:0] counted = {{CONNECTION_BITS{1'b0}}, head_valid} + {1'b0, last - first};

  always @(*) begin
    waiting = 0;
    for (place = 0; place < CONNECTIONS; place = place + 1)
      waiting = waiting + (waits[place] ? 1 : 0);
  end

  always @(posedge clk) begin
    if (!rst && (waiting != {{31-CONNECTION_BITS{1'b0}}, counted} || (head_taken && !head_valid)
                 || (head_valid && !waits[head_connection])
                 || (behind && !waits[places[first]]))) begin
      $display("ready_queue: no connection waits twice, and none that was pushed is lost");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
