// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Brings connections into the ready queue, one a cycle.
//
//   the turn: it has more to do ──┐
//   arrival: bytes came ──────────┼─► push
//   alarm: a buffer is due ───────┘
//
// The first that wants to goes first; an arrival waits a cycle for the turn, an alarm for both. An
// arrival of a connection that is held back does not push it: only room helps it.
//
// Invariant: bytes held are in a turn, in the queue, or wait for room.

`default_nettype none

module ready_entry #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler
  input  wire                       returns,
  input  wire [CONNECTION_BITS-1:0] connection,
  input  wire [CONNECTIONS-1:0]     held_back,
  input  wire                       turn,        // the connection has its turn
  input  wire                       leaves,      // with bytes left
  input  wire                       head_taken,
  input  wire [CONNECTION_BITS-1:0] head_connection,

  // in: the arrival
  input  wire                       arrival_valid,
  output wire                       arrival_ready,
  input  wire [CONNECTION_BITS-1:0] comer,
  input  wire                       urgent,
  input  wire                       straight,
  input  wire                       at_once,

  // in: the push watch
  input  wire                       alarm_valid,
  output wire                       alarm_ready,
  input  wire [CONNECTION_BITS-1:0] alarm_connection,

  // out: the ready queue
  output wire                       push_valid,
  output wire [CONNECTION_BITS-1:0] push_connection
);

  wire comes = arrival_valid && !urgent && !straight && !held_back[comer];

  assign arrival_ready   = urgent ? at_once : straight || !returns;
  assign alarm_ready     = !returns && !comes;
  assign push_valid      = returns || comes || alarm_valid;
  assign push_connection = returns ? connection : comes ? comer : alarm_connection;

`ifdef ASSERTIONS
  reg  [CONNECTIONS-1:0] holding;  // bytes that no turn has seen, or that it has left
  reg  [CONNECTIONS-1:0] queued;
  wire [CONNECTIONS-1:0] in_turn = turn ? 1 << connection : 0;

  always @(posedge clk) begin
    if (at_once || head_taken) holding[at_once ? comer : head_connection] <= 1'b0;
    if (arrival_valid && arrival_ready && !at_once) holding[comer] <= 1'b1;
    if (leaves) holding[connection] <= 1'b1;
    if (head_taken) queued[head_connection] <= 1'b0;
    if (push_valid) queued[push_connection] <= 1'b1;
    if (rst) {holding, queued} <= 0;
    if (!rst && (holding & ~in_turn & ~queued & ~held_back) != 0) begin
      $display("ready_entry: bytes held are in a turn, in the queue, or wait for room");
      $stop;
    end
  end
`else
  wire unused = &{1'b0, clk, rst, turn, leaves, head_taken, head_connection};
`endif

endmodule

`default_nettype wire
