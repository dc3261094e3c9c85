// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Remembers of each connection, in a bit each, whether it is offloaded, has ended, or waits for its
// window.
//
//   the turn's steps ──► bits ──► of the one whose turn it is, after decide
//
// It does not know why.
//
// Invariant: a connection that ends or waits is offloaded.

`default_nettype none

module turn_standing #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler
  input  wire [CONNECTION_BITS-1:0] connection,  // whose turn it is
  input  wire                       in_range,    // it is one that there is
  input  wire                       decide,
  input  wire                       opens,       // it is new
  input  wire                       ends,        // its end is told, or is next
  input  wire                       uploaded,
  input  wire                       keep_hold,
  input  wire                       holds_back,  // with keep_hold: it waits for its window
  input  wire                       woken,       // it waits no longer

  // out: the delivery scheduler
  output reg                        live,        // after decide: it is offloaded
  output reg                        was_held,
  output reg                        ended,
  output reg  [CONNECTIONS-1:0]     offloaded,
  output reg  [CONNECTIONS-1:0]     held_back
);

  reg [CONNECTIONS-1:0] at_end;
  reg                   ends_late;  // the turn lasts longer
  reg [CONNECTIONS-1:0] whose;      // one bit: whose turn it is, after decide

  always @(posedge clk)
    if (decide) begin
      live     <= offloaded[connection] && in_range;
      was_held <= held_back[connection];
      ended    <= at_end[connection];
    end

  always @(posedge clk) whose <= {{CONNECTIONS-1{1'b0}}, 1'b1} << connection;

  always @(posedge clk)
    if (rst) begin
      offloaded <= 0;
      at_end    <= 0;
      held_back <= 0;
      ends_late <= 1'b0;
    end else begin
      ends_late <= ends;
      at_end    <= (at_end | (whose & {CONNECTIONS{ends_late}})) & ~(whose & {CONNECTIONS{opens}});
      offloaded <= (offloaded | (whose & {CONNECTIONS{opens}}))
                 & ~(whose & {CONNECTIONS{uploaded}});
      held_back <= (held_back | (whose & {CONNECTIONS{keep_hold && holds_back}}))
                 & ~(whose & {CONNECTIONS{keep_hold && !holds_back || woken}});
    end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && ((ends || keep_hold && holds_back) && !offloaded[connection])) begin
      $display("turn_standing: a connection that ends or waits is offloaded");
      $stop;
    end
`endif

endmodule

`default_nettype wire
