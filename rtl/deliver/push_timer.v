// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The Push Timer of every connection: it runs from the latest byte placed in a buffer in Push Mode.
//
//   start ──► now + push_timer_cycles ──► deadlines
//   one connection a cycle, in turn ──► its deadline ──► compared with now ──► expiry
//
// It looks at each connection once in CONNECTIONS cycles, and not while an expiry stands: so much
// later than set a timer may expire, and never earlier. An expiry stands until its timer is started
// or stopped: what overtakes it makes it forgotten (B32). It does not know whether the buffer is
// partly full.
//
// *chosen*: a byte counts as placed when its transfer is decided.
//
// Invariant: an expiry that stands is of a buffer in Push Mode.

`default_nettype none

module push_timer #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the registers
  input  wire [31:0]                push_timer_cycles,

  // in: the delivery scheduler and the Named Buffer turn
  input  wire                       start,
  input  wire                       stop,
  input  wire [CONNECTION_BITS-1:0] connection,    // stays for a cycle

  // in: the push watch
  input  wire [CONNECTIONS-1:0]     watched,        // who has a buffer in Push Mode

  // out: the push watch
  output wire                       expiry_valid,
  output reg  [CONNECTION_BITS-1:0] expiry_connection
);

  // The top bit: it runs. What stands there of connections that are not watched does not matter.
  reg [33:0]                deadlines [0:CONNECTIONS-1];

  reg [32:0]                now, next_deadline;
  reg [CONNECTION_BITS-1:0] at, looked_at;  // whose turn it is, and was
  reg [33:0]                deadline;
  reg                       runs;

  wire [32:0] late  = now - deadline[32:0];
  reg         touch, touch_starts;  // a cycle later, when it is still the same connection's turn
  reg         expired;
  wire        moves = !expired;

  assign expiry_valid = expired && !(touch && connection == expiry_connection);

  always @(posedge clk) begin
    next_deadline <= now + {1'b0, push_timer_cycles};
    touch_starts  <= !stop;
    if (touch) deadlines[connection] <= {touch_starts, next_deadline};
    if (moves) begin
      looked_at         <= at;
      deadline          <= deadlines[at];
      expiry_connection <= looked_at;
    end
  end

  always @(posedge clk)
    if (rst) begin
      touch        <= 1'b0;
      now          <= 0;
      at           <= 0;
      runs         <= 1'b0;
      expired      <= 1'b0;
    end else begin
      touch <= start || stop;
      now   <= now + 1'b1;
      if (moves) at <= at + 1'b1;
      if (moves) runs <= watched[at] && !(touch && connection == at);
      else if (touch && connection == looked_at) runs <= 1'b0;
      if (moves)
        expired <= runs && deadline[33] && !late[32] && !(touch && connection == looked_at);
      else if (touch && connection == expiry_connection) expired <= 1'b0;
    end

  wire unused = &{1'b0, late};

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && expiry_valid && !watched[expiry_connection]) begin
      $display("push_timer: an expiry that stands is of a buffer in Push Mode");
      $stop;
    end
`endif

endmodule

`default_nettype wire
