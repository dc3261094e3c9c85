// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Owns indicateWindowSize and indicatedBytesPending of each connection, and says how many bytes
// may go.
//
//   look ──► allowance
//   fetch ──► pending, room ──► operate: open, charge, acknowledge, resize ──► keep ──► answer
//                └──► absorb: as if all that is pending were acknowledged (B12)
//
// Room is the window less what is pending, and is kept beside it: so each operation is one
// addition to each, and the allowance, never more than one Anonymous Buffer, is there when a
// connection's turn comes. After a smaller window was set (B15) room is below zero until enough
// is acknowledged.
//
// It does one thing after the other: the delivery scheduler gives the steps.
//
// Invariant: pending never exceeds the window unless it was made smaller.
// Invariant: no more is acknowledged than is pending.

`default_nettype none
`include "toe_registers.vh"

module indicate_window #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the registers
  input  wire [15:0]                anonymous_buffer_bytes,

  // in: the delivery scheduler, one step after the other
  input  wire                       look,
  input  wire [CONNECTION_BITS-1:0] head_connection,
  input  wire [CONNECTION_BITS-1:0] arrival_connection,
  input  wire                       look_arrival,   // not at the head's state, but the arrival's
  input  wire [31:0]                open_bytes,     // the window, should it be a new connection
  input  wire                       look_command,   // not at either, but at the host's command
  input  wire                       head_all,       // the window does not count: upload
  input  wire                       arrival_all,    // the same, for look_arrival
  input  wire                       named_next,     // a Named Buffer is accepted: neither does it
  input  wire [15:0]                named_room,     // what that takes
  input  wire                       fetch,
  input  wire                       absorb,         // after fetch: all that is pending goes (B12)
  input  wire                       charge,         // with fetch: bytes are sent (B7)
  input  wire                       operate,
  input  wire [15:0]                charge_bytes,   // with operate
  input  wire                       keep,
  input  wire [CONNECTION_BITS-1:0] connection,     // whose turn it is
  input  wire                       live,           // it is offloaded

  // in: the host, with look_command
  input  wire [7:0]                 window_command_opcode,
  input  wire [31:0]                window_command_bytes,

  // out: the delivery scheduler
  output reg  [15:0]                allowance,      // bytes that one delivery may take
  output reg                        allowed,        // that is not 0
  output wire                       widened,        // with keep: a command left room to deliver

  // out: the Named Buffer turn, after fetch
  output reg  [31:0]                pending,
  output reg  [32:0]                room,           // signed

  // out: the host
  output reg                        window_answer_valid,
  output reg                        window_answer_refused,
  output reg  [7:0]                 window_answer_reason
);

  localparam OPEN        = 2'd0;
  localparam CHARGE      = 2'd1;
  localparam ACKNOWLEDGE = 2'd2;
  localparam RESIZE      = 2'd3;

  // ---------------------------------------------------------------- state of every connection

  reg [31:0] pending_kept [0:CONNECTIONS-1];
  reg [32:0] room_kept [0:CONNECTIONS-1];   // signed
  reg [16:0] limit_kept [0:CONNECTIONS-1];  // room, cut to 0 and a buffer; the top bit: not 0
  reg [16:0] limit_copy [0:CONNECTIONS-1];  // the same: so both who may be next are read at once

  // ---------------------------------------------------------------- the one whose turn it is

  reg [1:0]  operation;
  reg [31:0] bytes;
  reg        commanded;    // on account of a command
  reg        known;        // the command is one of the two
  reg        too_much;     // more is acknowledged than is pending
  reg        zero_window;

  wire       opens   = operation == OPEN;
  wire       charges = operation == CHARGE;
  wire       acks    = operation == ACKNOWLEDGE;
  wire       resizes = operation == RESIZE;

  wire [32:0] charged      = {17'd0, charge_bytes};
  wire [31:0] pending_next = (opens ? 32'd0 : pending)
                           + (charges ? charged[31:0] : acks ? ~bytes : 32'd0)
                           + {31'd0, acks};
  wire [32:0] room_next    = (opens ? 33'd0 : resizes ? {1'b0, bytes} : room)
                           + (charges ? ~charged : resizes ? ~{1'b0, pending} : {1'b0, bytes})
                           + {32'd0, charges || resizes};

  wire        refused = !live || !known || too_much || zero_window;
  wire        writes  = keep && !(commanded && refused);

  wire        some    = !room[32] && room[31:0] != 0;
  wire        narrow  = room[31:0] < {16'd0, anonymous_buffer_bytes};
  wire [15:0] cut     = room[32] ? 16'd0 : narrow ? room[15:0] : anonymous_buffer_bytes;

  assign widened = commanded && !refused && some;

  // ---------------------------------------------------------------- steps

  wire [16:0] limit_head    = limit_kept[head_connection];
  wire [16:0] limit_arrival = limit_copy[arrival_connection];
  wire [15:0] limit         = look_arrival ? limit_arrival[15:0] : limit_head[15:0];
  wire [15:0] most          = named_next ? named_room : anonymous_buffer_bytes;
  wire        cuts          = !named_next && (look_arrival ? !arrival_all : !head_all);
  wire        opened        = look_arrival ? arrival_all || limit_arrival[16]
                                           : head_all || limit_head[16];

  always @(posedge clk) begin
    if (look) begin
      allowance <= cuts ? limit : most;
      allowed   <= named_next || (opened && anonymous_buffer_bytes != 0);
      commanded <= look_command;
      known     <= window_command_opcode == `COMMAND_INDICATE_ACKNOWLEDGE
                || window_command_opcode == `COMMAND_SET_INDICATE_WINDOW_SIZE;
      bytes     <= look_command ? window_command_bytes : open_bytes;
      operation <= !look_command ? OPEN
                 : window_command_opcode == `COMMAND_INDICATE_ACKNOWLEDGE ? ACKNOWLEDGE : RESIZE;
    end
    if (fetch) begin
      pending <= pending_kept[connection];
      room    <= room_kept[connection];
    end
    if (charge) operation <= CHARGE;
    if (absorb) begin
      bytes     <= pending;
      operation <= ACKNOWLEDGE;
      commanded <= 1'b0;
    end
    if (operate) begin
      pending     <= pending_next;
      room        <= room_next;
      too_much    <= acks && pending < bytes;
      zero_window <= resizes && bytes == 0;
    end
    if (writes) begin
      pending_kept[connection] <= pending;
      room_kept[connection]    <= room;
      limit_kept[connection]   <= {some, cut};
      limit_copy[connection]   <= {some, cut};
    end
  end

  always @(posedge clk) begin
    window_answer_valid   <= keep && commanded && !rst;
    window_answer_refused <= refused;
    window_answer_reason  <= !refused ? 8'd0 : !known ? `REFUSAL_UNSUPPORTED
                           : !live ? `REFUSAL_NOT_OFFLOADED
                           : zero_window ? `REFUSAL_ZERO_WINDOW : `REFUSAL_MORE_THAN_PENDING;
  end

`ifdef ASSERTIONS
  // Room below zero is pending beyond the window.
  always @(posedge clk) begin
    if (!rst && writes && charges && room[32]) begin
      $display("indicate_window: pending never exceeds the window unless it was made smaller");
      $stop;
    end
    if (!rst && operate && charges && pending_next < pending) begin
      $display("indicate_window: pending fits its 32 bits");
      $stop;
    end
    if (!rst && writes && acks && too_much) begin
      $display("indicate_window: no more is acknowledged than is pending");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
