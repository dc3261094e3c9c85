// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Gives each connection its turn, and says in it what goes to the host: bytes or an event.
//
//   arrival ────────► ready queue ──► turn: look ──► decide ──► settle ──► keep
//      └────── nobody waits ───────────┘               │                    └─► again to the queue
//   window command ─────────────────────┘              └─► transfer, ring reader's job
//
// A turn takes four cycles and one delivery: the bytes held in order, or what the indicate window
// or one Anonymous Buffer takes of them (B8). Who has more to do goes to the end of the ready
// queue. Who waits for its window (B9) stands in no queue until a command wakes it.
//
// It does not wait for Anonymous Buffers: a turn that finds none is given back, so that events of
// other connections are not held up.
//
// Invariant: bytes held are in a turn, in the queue, or wait for room.
// Invariant: what goes finds room, and its connection offloaded.

`default_nettype none
`include "toe_registers.vh"

module delivery_scheduler #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                         clk,
  input  wire                         rst,

  // in: the segment acceptor
  input  wire                         arrival_valid,
  output wire                         arrival_ready,
  input  wire [`ARRIVAL_BITS-1:0]     arrival,

  // in: the host
  input  wire                         window_command_valid,
  output wire                         window_command_ready,
  input  wire [15:0]                  window_command_connection,
  input  wire                         anonymous_buffer_valid,
  output wire                         anonymous_buffer_ready,

  // the ready queue
  output wire                         returns,
  output wire                         comes,
  output wire [CONNECTION_BITS-1:0]   comer,
  input  wire                         head_valid,
  input  wire [CONNECTION_BITS-1:0]   head_connection,
  output wire                         head_taken,

  // out: the indicate window and the ledger, one step after the other
  output wire                         look,
  output wire                         look_arrival,
  output wire                         decide,
  output wire                         grant,
  output wire                         charge,
  output wire                         told,
  output wire                         settle,
  output wire                         keep_window,
  output wire                         keep_ledger,
  output wire [CONNECTION_BITS-1:0]   connection,    // whose turn it is
  output reg                          live,          // it is offloaded

  // in: the indicate window
  input  wire                         allowed,       // the allowance is not 0
  input  wire                         widened,

  // in: the ledger
  input  wire                         has_bytes,
  input  wire                         finish,
  input  wire                         closing,
  input  wire [31:0]                  taken,
  input  wire [1:0]                   final_flags,

  // the ring reader
  input  wire                         reader_ready,
  input  wire                         reader_idle,

  // the transfer composer
  output wire                         compose,
  output wire                         with_bytes,    // should it compose: the grant goes along
  output wire [`EVENT_KIND_BITS-1:0]  kind,
  output wire [`STATE_FIELD_BITS-1:0] field,
  output wire [31:0]                  content,
  input  wire                         transfer_valid,

  // out: the host
  output reg                          closed_valid,
  output wire [15:0]                  closed_connection,

  // out: the counters
  output reg  [`COUNTERS-1:0]         count
);

  localparam LOOK   = 3'd0;  // whoever is next: its state is read
  localparam DECIDE = 3'd1;  // bytes, an event, or nothing
  localparam SETTLE = 3'd2;  // the window is charged, opened, or changed by a command
  localparam KEEP   = 3'd3;  // the state is written back; those who wait go to the queue
  localparam NEXT   = 3'd4;  // upload, once the ring is read: the state event of RCV.NXT
  localparam FLAGS  = 3'd5;  // ... of the flags
  localparam END    = 3'd6;  // ... and the end

  reg [2:0] state, state_next;
  reg       looking;  // state == LOOK

  reg [CONNECTIONS-1:0] offloaded;
  reg [CONNECTIONS-1:0] held_back;  // waits for its window
  reg                   starved;    // the last delivery found no Anonymous Buffer

  // ---------------------------------------------------------------- whoever is next
  wire chosen, urgent, straight, at_once, command, deciding, opens, resets, in_range;

  assign look = looking;

  turn_choice #(.CONNECTION_BITS(CONNECTION_BITS)) choice (
    .clk(clk), .rst(rst), .choose(look), .outlet(!transfer_valid && reader_ready),
    .arrival_valid(arrival_valid), .arrival(arrival),
    .head_valid(head_valid), .head_connection(head_connection), .head_taken(head_taken),
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_connection(window_command_connection),
    .chosen(chosen), .look_arrival(look_arrival), .urgent(urgent), .straight(straight),
    .at_once(at_once), .comer(comer), .connection(connection), .command(command),
    .plain(deciding), .opens(opens), .resets(resets), .in_range(in_range)
  );

  // ---------------------------------------------------------------- the turn
  reg was_held;
  reg again;       // it has more to do: in the cycle of KEEP
  reg woken;       // it was held back and a command has made room: in the cycle after KEEP
  reg charged;
  reg holds_back;

  wire delivers  = deciding && has_bytes && allowed && anonymous_buffer_valid;
  wire waits     = deciding && has_bytes && !allowed;
  wire starves   = deciding && has_bytes && allowed && !anonymous_buffer_valid;
  wire finishes  = deciding && !has_bytes && finish && !closing;
  wire empties   = deciding && !has_bytes && closing;
  wire reporting = !transfer_valid
                && ((state == NEXT && reader_idle) || state == FLAGS || state == END);

  assign decide = state == DECIDE;
  assign charge = deciding;  // it counts with keep_window
  assign told   = finishes || (state == END && reporting);
  assign settle = state == SETTLE;

  assign keep_window = state == KEEP && (command || opens || charged);
  assign keep_ledger = state == KEEP && !command;

  assign {grant, anonymous_buffer_ready} = {2{delivers}};
  assign with_bytes = has_bytes && !resets;
  assign compose = delivers || finishes || reporting || (state == DECIDE && resets);
  assign kind    = state == END ? `EVENT_UPLOADED
                 : state != DECIDE ? `EVENT_STATE
                 : resets ? `EVENT_PEER_RESET
                 : !has_bytes ? `EVENT_PEER_CLOSED
                 : closing ? `EVENT_UPLOAD_DATA : `EVENT_INDICATE_DATA;
  assign field   = state == FLAGS ? `STATE_FIELD_FLAGS : 0;
  assign content = state == NEXT ? taken + {31'd0, final_flags[0]}
                 : state == FLAGS ? {30'd0, final_flags} : 32'd0;

  always @(*) begin
    state_next = state;
    case (state)
      LOOK:    if (chosen) state_next = DECIDE;
      DECIDE:  state_next = empties ? NEXT : SETTLE;
      SETTLE:  state_next = KEEP;
      NEXT:    if (reporting) state_next = FLAGS;
      FLAGS:   if (reporting) state_next = END;
      END:     if (reporting) state_next = KEEP;
      default: state_next = LOOK;
    endcase
  end
  always @(posedge clk) {looking, state} <= rst ? {1'b1, LOOK} : {state_next == LOOK, state_next};

  always @(posedge clk) begin
    if (state == DECIDE) begin
      live       <= offloaded[connection] && in_range;
      was_held   <= held_back[connection];
      charged    <= delivers && !closing;
      holds_back <= waits;
    end
    again <= state == SETTLE && !command && !opens && !resets && !holds_back
          && (has_bytes || finish || closing);
    woken <= state == KEEP && command && widened && was_held;
  end

  always @(posedge clk)
    if (rst) begin
      offloaded <= 0;
      held_back <= 0;
      starved   <= 1'b0;
    end else begin
      if (starves || delivers) starved <= starves;
      if (state == KEEP && opens) offloaded[connection] <= 1'b1;
      if (state == END && reporting) offloaded[connection] <= 1'b0;
      if (state == KEEP && !resets && !command) held_back[connection] <= holds_back;
      if (woken) held_back[connection] <= 1'b0;
    end

  // ---------------------------------------------------------------- the ready queue
  // A connection that is held back is not pushed by what arrives: only room helps it. Who comes
  // enters in the second cycle, when it is known whether it is.
  reg comer_known, comer_held;
  assign returns       = again || woken;
  assign comes         = comer_known && !urgent && !straight && !returns && !comer_held;
  assign arrival_ready = urgent ? at_once : straight || (comer_known && !returns);

  always @(posedge clk) begin
    comer_known <= !rst && arrival_valid && !arrival_ready;
    comer_held  <= connection != comer ? held_back[comer]
                 : woken ? 1'b0
                 : state == KEEP && !resets && !command ? holds_back : held_back[comer];
  end

  // ---------------------------------------------------------------- towards the host
  assign closed_connection = {{16-CONNECTION_BITS{1'b0}}, connection};

  always @(posedge clk) begin
    closed_valid <= !rst && state == END && reporting;
    count <= 0;
    count[`COUNT_DELIVERIES]          <= delivers;
    count[`COUNT_WINDOW_CLOSED]       <= settle && holds_back && !was_held;
    count[`COUNT_NO_ANONYMOUS_BUFFER] <= starves && !starved;
  end

`ifdef ASSERTIONS
  reg  [CONNECTIONS-1:0] holding;  // bytes that no turn has seen, or that it has left
  reg  [CONNECTIONS-1:0] queued;
  wire [CONNECTIONS-1:0] in_turn = look || command ? 0 : 1 << connection;

  always @(posedge clk) begin
    if (at_once || head_taken) holding[at_once ? comer : head_connection] <= 1'b0;
    if (arrival_valid && arrival_ready && !at_once) holding[comer] <= 1'b1;
    if (keep_ledger && has_bytes) holding[connection] <= 1'b1;
    if (head_taken) queued[head_connection] <= 1'b0;
    if (returns || comes) queued[returns ? connection : comer] <= 1'b1;
    if (rst) {holding, queued} <= 0;
    if (!rst && (holding & ~in_turn & ~queued & ~held_back) != 0) begin
      $display("delivery_scheduler: bytes held are in a turn, in the queue, or wait for room");
      $stop;
    end
    if (!rst && ((compose && (transfer_valid || !offloaded[connection]))
                 || (grant && !reader_ready))) begin
      $display("delivery_scheduler: what goes finds room, and its connection offloaded");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
