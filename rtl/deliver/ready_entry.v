// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Brings connections into the ready queue, one a cycle.
//
//   the turn: it has more to do ──┐
//   arrival: bytes came ──────────┼─► push
//   alarm: a buffer is due ───────┘
//
// An arrival and an alarm wait for the turn, and an alarm that comes later waits for the arrival.
// They enter in their third cycle: in the second they stand in a register, and it is looked up
// whether the connection is held back. Then bytes do not push it, only room helps it.
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
  input  wire                       keep_hold,   // its connection is held back from now on, or not
  input  wire                       holds_back,
  input  wire                       woken,       // it is not
  input  wire                       turn,        // the connection has its turn
  input  wire                       leaves,      // with bytes left
  input  wire                       head_taken,
  input  wire [CONNECTION_BITS-1:0] head_connection,

  // in: the arrival
  input  wire                       arrival_valid,
  output wire                       arrival_ready,
  input  wire [CONNECTION_BITS-1:0] comer,
  input  wire                       free,
  input  wire                       urgent_kind,
  input  wire                       urgent,
  input  wire                       straight,
  input  wire                       at_once,

  // in: the push watch
  input  wire                       alarm_valid,
  output wire                       alarm_ready,
  input  wire [CONNECTION_BITS-1:0] alarm_connection,

  // out: the ready queue, besides who returns
  output wire                       comes,
  output reg  [CONNECTION_BITS-1:0] entrant
);

  reg there, is_arrival;  // the entrant was there in the cycle before, and is an arrival
  reg known;              // and in the one before that
  reg held;               // held back

  wire stays       = there && (is_arrival ? arrival_valid && !arrival_ready
                                          : !arrival_valid && !alarm_ready);
  wire comes_bytes = known && is_arrival && !urgent && !straight && !returns && !held;

  assign arrival_ready = urgent_kind ? free : straight || (known && is_arrival && !returns);
  assign alarm_ready   = known && !is_arrival && !returns;
  assign comes         = comes_bytes || alarm_ready;

  always @(posedge clk) begin
    entrant    <= arrival_valid ? comer : alarm_connection;
    is_arrival <= arrival_valid;
    there      <= !rst && (arrival_valid ? !arrival_ready : alarm_valid && !alarm_ready);
    known      <= !rst && stays;
    held       <= connection != entrant ? held_back[entrant]
                   : !woken && (keep_hold ? holds_back : held_back[entrant]);
  end

`ifdef ASSERTIONS
  reg  [CONNECTIONS-1:0] holding;  // bytes that no turn has seen, or that it has left
  reg  [CONNECTIONS-1:0] queued;
  wire [CONNECTIONS-1:0] in_turn = turn ? 1 << connection : 0;

  always @(posedge clk) begin
    if (at_once || head_taken) holding[at_once ? comer : head_connection] <= 1'b0;
    if (arrival_valid && arrival_ready && !at_once) holding[comer] <= 1'b1;
    if (leaves) holding[connection] <= 1'b1;
    if (head_taken) queued[head_connection] <= 1'b0;
    if (returns || comes) queued[returns ? connection : entrant] <= 1'b1;
    if (rst) {holding, queued} <= 0;
    if (!rst && (holding & ~in_turn & ~queued & ~held_back) != 0) begin
      $display("ready_entry: bytes held are in a turn, in the queue, or wait for room");
      $stop;
    end
  end
`else
  wire unused = &{1'b0, turn, leaves, at_once, head_taken, head_connection};
`endif

endmodule

`default_nettype wire
