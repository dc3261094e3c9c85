// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Knows of which connection PSH or the Push Timer wants the Named Buffer back (B29, B30).
//
//   found PSH ──► of the accepted buffer: pushed ──► alarm ──► ready queue
//            └──► of an Anonymous Buffer: where it ended ──► skipped with the next buffer?
//   expiry ──────────────────────────────────────► alarm
//
// A delivery's PSH is found when it was read, which may be after its buffer returned: then it does
// not count for the next one. Each delivery carries the `parity` of the buffer of its time, two
// bits: two deliveries are under way at most, each of which may have filled a buffer.
//
// *chosen*: a PSH counts for the bytes of its whole delivery, as it does in IndicateData: if one of
// them is skipped, PSH is skipped. It comes back within a turn of the ready queue.
//
// Invariant: only a buffer in Push Mode is wanted back.

`default_nettype none

module push_watch #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the push finder; a delivery was read
  input  wire                       found_valid,
  input  wire                       found_push,
  input  wire                       found_anonymous,
  input  wire [1:0]                 found_parity,
  input  wire [CONNECTION_BITS-1:0] found_connection,
  input  wire [31:0]                found_end,

  // in: the Push Timer
  input  wire                       expiry_valid,   // stands until the timer is touched
  input  wire [CONNECTION_BITS-1:0] expiry_connection,

  // in: the delivery scheduler
  input  wire [CONNECTION_BITS-1:0] head_connection,
  input  wire [CONNECTION_BITS-1:0] arrival_connection,
  input  wire                       look_arrival,
  input  wire [CONNECTION_BITS-1:0] connection,     // whose turn it is
  input  wire                       open,

  // in: the Named Buffer turn
  input  wire                       absorb,         // what is pending will be skipped
  input  wire [31:0]                taken,          // position after it
  input  wire [31:0]                pending,
  input  wire                       begins,
  input  wire                       push_mode,      // of the buffer that begins
  input  wire                       skips,          // some byte
  input  wire                       returns,

  // out: the Push Timer
  output reg  [CONNECTIONS-1:0]     watched,        // a buffer in Push Mode is accepted

  // out: the delivery scheduler
  output wire                       due_next,       // with look
  output wire [1:0]                 parity,
  output wire                       pushed,
  output wire                       alarm_valid,
  input  wire                       alarm_ready,
  output wire [CONNECTION_BITS-1:0] alarm_connection
);

  reg [1:0]             parities [0:CONNECTIONS-1];
  reg [CONNECTIONS-1:0] was_pushed;
  reg [CONNECTIONS-1:0] seen;  // there was a PSH for an Anonymous Buffer:
  reg [31:0]            seen_end [0:CONNECTIONS-1];

  // Whose arrival will come is known long before it comes.
  reg  comer_pushed;
  always @(posedge clk) comer_pushed <= was_pushed[arrival_connection];

  wire comer_due = comer_pushed
                || (expiry_valid && expiry_connection == arrival_connection);
  wire head_due  = was_pushed[head_connection]
                || (expiry_valid && expiry_connection == head_connection);

  assign due_next = look_arrival ? comer_due : head_due;
  assign parity = parities[connection];
  assign pushed = was_pushed[connection];

  // A PSH that counts, a cycle later.
  reg                       found, anonymous;
  reg [CONNECTION_BITS-1:0] whose;
  reg [CONNECTIONS-1:0]     its;       // one bit: whose
  reg [31:0]                ended;
  wire                      changes = returns || open;

  localparam [CONNECTIONS-1:0] ONE = 1;
  wire [CONNECTIONS-1:0] alarmed_now  = its & watched & {CONNECTIONS{found}};
  wire [CONNECTIONS-1:0] recorded_now = its & ~watched & {CONNECTIONS{found && anonymous}};
  wire                   alarms       = |alarmed_now;

  always @(posedge clk) begin
    found <= !rst && found_valid && found_push && parities[found_connection] == found_parity
          && !(changes && connection == found_connection);
    {anonymous, whose, ended} <= {found_anonymous, found_connection, found_end};
    its <= ONE << found_connection;
  end

  // ---------------------------------------------------------------- PSH that is skipped

  reg [31:0] from;       // position of the first byte pending
  reg [31:0] last_seen;
  reg        ever_seen, skipped_push, skips_known;
  reg        beginning;    // a buffer, from absorb on
  reg        found_since;  // of what is pending, and is not in last_seen

  wire [31:0] under      = from - last_seen;
  wire        finds_late = (absorb || beginning) && found && anonymous && whose == connection;

  always @(posedge clk) begin
    if (found && anonymous) seen_end[whose] <= ended;
    if (absorb) begin
      from      <= taken - pending;
      last_seen <= seen_end[connection];
      ever_seen <= seen[connection];
    end
    beginning   <= !rst && (absorb || beginning && !begins);
    found_since <= finds_late || beginning && found_since;
    skips_known <= absorb;
    if (skips_known) skipped_push <= ever_seen && under[31];
  end

  wire unused = &{1'b0, under[30:0]};

  // ---------------------------------------------------------------- who is wanted back

  wire alarm_room;
  reg  alarmed;    // the expiry's alarm was given
  reg  alarm_now;  // for PSH
  reg  [CONNECTION_BITS-1:0] alarm_whose;

  reg [CONNECTIONS-1:0] turn;  // one bit: whose turn it is, after decide
  wire                  wanted = push_mode && skips && (skipped_push || found_since || finds_late);

  always @(posedge clk) begin
    turn <= ONE << connection;
    watched <= (watched | (turn & {CONNECTIONS{begins && push_mode}}))
             & ~(turn & {CONNECTIONS{begins && !push_mode || changes}});
    was_pushed <= (was_pushed | alarmed_now | (turn & {CONNECTIONS{begins && wanted}}))
                & ~(turn & {CONNECTIONS{begins && !wanted || changes}});
    seen <= (seen | recorded_now) & ~(turn & {CONNECTIONS{open}});
    {alarm_now, alarm_whose} <= {alarms && !rst, whose};
    alarmed <= expiry_valid && (alarmed || (alarm_room && !alarm_now));
    if (changes) parities[connection] <= parity + 1'b1;
    if (rst) begin
      watched    <= 0;
      was_pushed <= 0;
      alarmed    <= 1'b0;
      seen       <= 0;
    end
  end

  // Deliveries end seldom and turns are long: so a few places are enough.
  small_fifo #(.WIDTH(CONNECTION_BITS), .DEPTH(8)) alarm (
    .clk(clk), .rst(rst),
    .in_valid(alarm_now || (expiry_valid && !alarmed)), .in_ready(alarm_room),
    .in_data(alarm_now ? alarm_whose : expiry_connection),
    .out_valid(alarm_valid), .out_ready(alarm_ready), .out_data(alarm_connection)
  );

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && (was_pushed & ~watched) != 0) begin
      $display("push_watch: only a buffer in Push Mode is wanted back");
      $stop;
    end
    if (!rst && alarm_now && !alarm_room) begin
      $display("push_watch: an alarm finds a place");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
