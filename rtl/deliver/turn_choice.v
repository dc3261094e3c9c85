// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Chooses who is next: a command, an arrival, or the head of the ready queue.
//
//   window command ──► every second time ───────────────┐
//   arrival ─────────► if it is urgent, or nobody waits ─┼──► whose turn, and what for
//   ready queue ─────► else ────────────────────────────┘
//
// Urgent is an arrival that is more than data: open, finish, reset, close. A turn begins only while
// a delivery can leave; a command needs no room. What was chosen stands in registers from the next
// cycle on. It does not know what a turn does.
//
// Invariant: one at most is chosen in a cycle.

`default_nettype none
`include "toe_registers.vh"

module turn_choice #(
  parameter CONNECTION_BITS = 4
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler
  input  wire                       choose,         // no turn is under way
  input  wire                       outlet,         // a delivery can leave

  // in: who may be next
  input  wire                       arrival_valid,
  input  wire [`ARRIVAL_BITS-1:0]   arrival,
  input  wire                       head_valid,
  input  wire [CONNECTION_BITS-1:0] head_connection,
  output wire                       head_taken,
  input  wire                       window_command_valid,
  output wire                       window_command_ready,
  input  wire [15:0]                window_command_connection,

  // out: the delivery scheduler
  output wire                       chosen,         // someone is
  output wire                       look_arrival,   // should a turn begin: it is the arrival's
  output wire                       free,           // an arrival that is urgent has its turn
  output wire                       urgent_kind,    // if an arrival is there, it is urgent
  output wire                       urgent,
  output wire                       straight,       // an arrival of data has its turn at once
  output wire                       at_once,        // the arrival's turn begins
  output wire [CONNECTION_BITS-1:0] comer,          // whose arrival it is

  // out: the delivery scheduler, from the next cycle on
  output reg  [CONNECTION_BITS-1:0] connection,     // whose turn it is
  output reg                        command,        // no turn, but a command
  output reg                        plain,          // a turn for what is held, for one cycle
  output reg                        opens,
  output reg                        resets,         // the turn is for the event alone
  output reg                        in_range        // the command names a connection that there is
);

  reg command_first;  // a turn came last, or there was none to take
  reg open;           // the outlet, a cycle ago: since then only a turn could have closed it
  reg commanded;      // a command was there a cycle ago, and waits still

  wire [`ARRIVAL_KIND_BITS-1:0]       arrival_kind = arrival[`ARRIVAL_KIND];
  wire [`ARRIVAL_CONNECTION_BITS-1:0] comer_field  = arrival[`ARRIVAL_CONNECTION];

  always @(posedge clk) {open, commanded} <= {outlet && !rst, window_command_valid && !rst};

  assign free = choose && open && !(commanded && command_first);
  wire turn = free && (arrival_valid || head_valid);

  assign window_command_ready = choose && commanded && command_first;

  assign comer        = comer_field[CONNECTION_BITS-1:0];
  assign urgent_kind  = !arrival_kind[`ARRIVAL_KIND_BITS-1];
  assign urgent       = arrival_valid && urgent_kind;
  assign look_arrival = urgent || !head_valid;
  assign straight     = free && !head_valid;
  assign at_once      = arrival_valid && (urgent ? free : straight);
  assign head_taken   = free && head_valid && !urgent;
  assign chosen       = window_command_ready || turn;

  always @(posedge clk)
    if (rst)         command_first <= 1'b0;
    else if (choose) command_first <= !window_command_ready;

  always @(posedge clk)
    plain <= !rst && turn && !(look_arrival && (arrival_kind == `ARRIVAL_KIND_OPEN
                                                || arrival_kind == `ARRIVAL_KIND_RESET));

  always @(posedge clk)
    if (choose) begin
      connection <= window_command_ready ? window_command_connection[CONNECTION_BITS-1:0]
                  : look_arrival ? comer : head_connection;
      command    <= window_command_ready;
      opens      <= !window_command_ready && look_arrival && arrival_kind == `ARRIVAL_KIND_OPEN;
      resets     <= !window_command_ready && look_arrival && arrival_kind == `ARRIVAL_KIND_RESET;
      in_range   <= (window_command_connection >> CONNECTION_BITS) == 0;
    end

  wire unused = &{1'b0, arrival, comer_field};

`ifdef ASSERTIONS
  wire [1:0] number = {1'b0, window_command_ready} + {1'b0, at_once} + {1'b0, head_taken};

  always @(posedge clk)
    if (!rst && (number > 1 || chosen != number[0] || (at_once && !arrival_valid)
                 || (head_taken && !head_valid))) begin
      $display("turn_choice: one at most is chosen in a cycle");
      $stop;
    end
`endif

endmodule

`default_nettype wire
