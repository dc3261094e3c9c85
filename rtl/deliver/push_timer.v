// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The Push Timer of every connection: it runs from the latest byte placed in a buffer in Push Mode.
//
//   start ──► now + push_timer_cycles ──► deadlines
//   one connection a cycle, in turn ──► its deadline ──► compared with now ──► expiry
//
// It looks at each connection once in CONNECTIONS cycles, and not while an expiry waits: so much
// later than set it may expire, and never earlier. A start or stop overtakes an expiry that is not
// yet taken: that is forgotten (B32). It does not know whether the buffer is partly full.
//
// *chosen*: a byte counts as placed when its transfer is decided.
//
// Invariant: only a timer that runs expires.

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
  input  wire [CONNECTION_BITS-1:0] connection,

  // out: the push watch
  output reg                        expiry_valid,
  input  wire                       expiry_ready,
  output reg  [CONNECTION_BITS-1:0] expiry_connection
);

  reg [32:0]            deadlines [0:CONNECTIONS-1];
  reg [CONNECTIONS-1:0] running;

  reg [32:0]                now, next_deadline;
  reg [CONNECTION_BITS-1:0] at, looked_at;  // whose turn it is, and was
  reg [32:0]                deadline;
  reg                       runs;

  wire [32:0] late = now - deadline;
  wire        moves = !expiry_valid || expiry_ready;
  wire        touch = start || stop;

  always @(posedge clk) begin
    now           <= now + 1'b1;
    next_deadline <= now + {1'b0, push_timer_cycles};
    if (start) deadlines[connection] <= next_deadline;
    if (moves) begin
      at                <= at + 1'b1;
      looked_at         <= at;
      deadline          <= deadlines[at];
      runs              <= running[at] && !(touch && connection == at);
      expiry_connection <= looked_at;
    end else if (touch && connection == looked_at) runs <= 1'b0;
    expiry_valid <= moves ? runs && !late[32] && !(touch && connection == looked_at)
                          : !(touch && connection == expiry_connection);
    if (expiry_valid && expiry_ready) running[expiry_connection] <= 1'b0;
    if (start) running[connection] <= 1'b1;
    if (stop) running[connection] <= 1'b0;
    if (rst) begin
      running      <= 0;
      now          <= 0;
      at           <= 0;
      runs         <= 1'b0;
      expiry_valid <= 1'b0;
    end
  end

  wire unused = &{1'b0, late};

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && expiry_valid && !running[expiry_connection]) begin
      $display("push_timer: only a timer that runs expires");
      $stop;
    end
`endif

endmodule

`default_nettype wire
