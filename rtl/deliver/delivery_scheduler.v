// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Gives each connection its turn, and says in it what goes to the host: bytes or an event.
//
//   arrival ────────► ready queue ──► turn: look ──► decide ──► settle ──► keep
//      └────── nobody waits ───────────┘               │                    └─► again to the queue
//   window command ─────────────────────┘              └─► transfer, ring reader's job
//   alarm ──────────► ready queue        Named Buffer turn ◄──► decide, keep
//
// A turn takes four cycles and one delivery: the bytes held in order, or what the indicate window,
// one Anonymous Buffer, or the page of a Named Buffer takes of them (B8). Who has more to do goes
// to the end of the ready queue. Who waits for its window (B9) stands in no queue until a command
// wakes it. Pages change, and Named Buffers are posted and returned, in turns that take longer.
//
// It does not wait for Anonymous Buffers: a turn that finds none is given back, so that events of
// other connections are not held up.
//
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
  input  wire                         named_command, // it is the Named Buffer turn's
  input  wire                         anonymous_buffer_valid,
  output reg                          anonymous_buffer_ready, // after decide

  // the ready queue
  output reg                          returns,       // it has more to do, or a command made room
  output wire                         comes, head_taken,
  output wire [CONNECTION_BITS-1:0]   entrant,       // who comes
  input  wire                         head_valid,
  input  wire [CONNECTION_BITS-1:0]   head_connection,

  // out: the indicate window and the ledger, one step after the other
  output wire                         look, look_arrival, decide, grant, charge, told, settle,
  output wire                         keep_window, keep_ledger,
  output wire [CONNECTION_BITS-1:0]   connection,    // whose turn it is
  output wire                         opens,         // with keep_ledger: it is new
  output wire                         live,          // it is offloaded

  // in: the indicate window
  input  wire                         allowed, widened,  // allowed: the allowance is not 0

  // in: the ledger
  input  wire                         has_bytes, finish, closing,

  // the Named Buffer fill and the push watch
  input  wire                         named_next,    // with look: a Named Buffer is accepted
  input  wire                         named,         // after it
  input  wire                         due_next,      // with look: it is wanted back
  input  wire                         push_mode, exhausted,  // with keep: its page is full
  input  wire                         alarm_valid,
  output wire                         alarm_ready,
  input  wire [CONNECTION_BITS-1:0]   alarm_connection,
  output reg                          placing,       // after decide: bytes go to a Named Buffer
  output wire                         store, placed, // placed: in Push Mode

  // the Named Buffer turn
  output wire                         named_go, named_ends, command, resets,
  output reg                          named_advance,
  output wire                         ended,         // its end was told, or is next
  input  wire                         named_begins, named_done, tell,

  // the ring reader
  input  wire                         reader_ready, reader_idle,

  // the transfer composer; what goes, the turn's event says
  output wire                         compose,
  output wire                         tells_next, tells_flags, tells_end,
  input  wire                         transfer_valid,

  // out: the host, the counters
  output reg                          closed_valid,
  output wire [15:0]                  closed_connection,
  output reg  [`COUNTERS-1:0]         count
);

  localparam LOOK   = 3'd0;  // whoever is next: its state is read
  localparam DECIDE = 3'd1;  // bytes, an event, or nothing
  localparam SETTLE = 3'd2;  // the window is charged, opened, or changed by a command
  localparam KEEP   = 3'd3;  // the state is written back; those who wait go to the queue
  localparam NEXT   = 3'd4;  // upload, once the ring is read: the state event of RCV.NXT
  localparam FLAGS  = 3'd5;  // ... of the flags
  localparam END    = 3'd6;  // ... and the end
  localparam NAMED  = 3'd7;  // the Named Buffer turn, after DECIDE or KEEP

  reg [2:0] state, state_next;
  reg       looking;  // state == LOOK

  // ---------------------------------------------------------------- whoever is next
  wire [CONNECTION_BITS-1:0] comer;
  wire chosen, free, urgent_kind, urgent, straight, at_once, deciding, in_range, was_held;
  wire [CONNECTIONS-1:0] offloaded, held_back;

  assign look = looking;

  turn_choice #(.CONNECTION_BITS(CONNECTION_BITS)) choice (
    .clk(clk), .rst(rst), .choose(look), .outlet(!transfer_valid && reader_ready && !compose),
    .arrival_valid(arrival_valid), .arrival(arrival),
    .head_valid(head_valid), .head_connection(head_connection), .head_taken(head_taken),
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_connection(window_command_connection),
    .chosen(chosen), .look_arrival(look_arrival), .free(free), .urgent_kind(urgent_kind),
    .urgent(urgent), .straight(straight), .at_once(at_once), .comer(comer), .connection(connection),
    .command(command), .plain(deciding), .opens(opens), .resets(resets), .in_range(in_range)
  );

  // ---------------------------------------------------------------- the turn
  reg starved;     // the last delivery found no Anonymous Buffer
  reg due;
  reg woken;       // it was held back and a command has made room: in the cycle after KEEP
  reg charged;
  reg holds_back;
  reg named_turn;  // the command is the Named Buffer turn's
  reg receives;    // what there is to receive, if there are bytes, was there with the look
  reg began;       // a Named Buffer was accepted

  wire sends     = deciding && has_bytes && allowed && !(named && closing);
  wire delivers  = sends && receives;
  wire waits     = deciding && has_bytes && !allowed;
  wire starves   = sends && !receives && !named;
  wire finishes  = deciding && !has_bytes && finish && !closing && !named;
  wire empties   = deciding && !has_bytes && closing && !named;
  wire breaks    = state == DECIDE && resets && !named;
  wire hands     = state == DECIDE && (named_turn || named && (resets
                   || deciding && (due || closing || !has_bytes && finish)));
  wire reporting = !transfer_valid
                && ((state == NEXT && reader_idle) || state == FLAGS || state == END);

  assign {decide, settle} = {state == DECIDE, state == SETTLE};
  assign charge = deciding;  // it counts with keep_window
  assign told   = finishes || (state == END && !transfer_valid);

  assign keep_window = state == KEEP && (command || opens || charged);
  assign keep_ledger = state == KEEP && !command;

  assign grant = delivers;
  always @(posedge clk) anonymous_buffer_ready <= !rst && delivers && !named;

  assign store      = state == KEEP && placing;
  assign placed     = store && push_mode;
  assign named_go   = state == NAMED;
  assign named_ends = !command && !named_advance && (resets || closing || !due && finish);

  assign compose = delivers || finishes || reporting || breaks || tell;
  assign {tells_next, tells_flags, tells_end} = {state == NEXT, state == FLAGS, state == END};

  always @(*) begin
    state_next = state;
    case (state)
      LOOK:    if (chosen) state_next = DECIDE;
      DECIDE:  state_next = hands ? NAMED : empties ? NEXT : SETTLE;
      SETTLE:  state_next = KEEP;
      KEEP:    state_next = placing && exhausted ? NAMED : LOOK;
      NAMED:   if (named_done) state_next = command || named_advance ? LOOK
                                          : resets ? DECIDE : SETTLE;
      NEXT:    if (reporting) state_next = FLAGS;
      FLAGS:   if (reporting) state_next = END;
      END:     if (reporting) state_next = KEEP;
      default: state_next = LOOK;
    endcase
  end
  wire wakes = state == KEEP && command && widened && was_held
            || named_done && command && (began || named_begins);

  always @(posedge clk) {looking, state} <= rst ? {1'b1, LOOK} : {state_next == LOOK, state_next};

  always @(posedge clk) begin
    if (look) begin
      named_turn <= window_command_ready && named_command;
      receives   <= named_next ? !due_next : anonymous_buffer_valid;
      due        <= due_next;
    end
    named_advance <= state == KEEP || (named_advance && state == NAMED);
    began         <= state == NAMED && (began || named_begins);
    if (state == DECIDE) begin
      placing    <= delivers && named;
      charged    <= delivers && !closing && !named;
      holds_back <= waits;
    end
    woken   <= wakes;
    returns <= wakes || state == SETTLE && !command && !opens && !resets && !holds_back
                        && (has_bytes || finish || closing);
  end

  turn_standing #(.CONNECTIONS(CONNECTIONS)) standing (
    .clk(clk), .rst(rst), .connection(connection), .in_range(in_range), .decide(decide),
    .opens(state == KEEP && opens), .ends(finishes || breaks || deciding && closing),
    .uploaded(state == END && reporting), .keep_hold(keep_hold),
    .holds_back(holds_back), .woken(woken), .live(live), .was_held(was_held), .ended(ended),
    .offloaded(offloaded), .held_back(held_back)
  );

  wire keep_hold = state == KEEP && !resets && !command;

  ready_entry #(.CONNECTIONS(CONNECTIONS)) entry (
    .clk(clk), .rst(rst), .returns(returns), .connection(connection), .held_back(held_back),
    .keep_hold(keep_hold), .holds_back(holds_back), .woken(woken),
    .turn(!look && !command), .leaves(keep_ledger && has_bytes),
    .head_taken(head_taken), .head_connection(head_connection),
    .arrival_valid(arrival_valid), .arrival_ready(arrival_ready), .comer(comer),
    .free(free), .urgent_kind(urgent_kind), .urgent(urgent), .straight(straight),
    .at_once(at_once), .alarm_valid(alarm_valid), .alarm_ready(alarm_ready),
    .alarm_connection(alarm_connection), .comes(comes), .entrant(entrant)
  );

  // ---------------------------------------------------------------- towards the host
  assign closed_connection = {{16-CONNECTION_BITS{1'b0}}, connection};

  always @(posedge clk) begin
    starved      <= !rst && (starves || starved && !anonymous_buffer_ready);
    closed_valid <= !rst && state == END && reporting;
    count <= 0;
    count[`COUNT_DELIVERIES]          <= anonymous_buffer_ready;
    count[`COUNT_NAMED_DELIVERIES]    <= delivers && named;
    count[`COUNT_WINDOW_CLOSED]       <= settle && holds_back && !was_held;
    count[`COUNT_NO_ANONYMOUS_BUFFER] <= starves && !starved;
  end

  wire unused = &{1'b0, offloaded};

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && ((compose && (transfer_valid || !offloaded[connection]))
                 || (grant && !reader_ready))) begin
      $display("delivery_scheduler: what goes finds room, and its connection offloaded");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
