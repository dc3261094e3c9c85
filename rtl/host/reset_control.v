// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Resets the adapter on the driver's word, once the buses are quiet.
//
//   reset_request --> hold the register port and the bus master --> both quiet --> adapter_reset
//
// It is not itself reset by what it does: the register port's handshakes and this state outlive it.
// A bus that never answers a write keeps it waiting; only `rst` helps then.
//
// Invariant: the adapter is reset only while nothing of it is under way on a bus.

`default_nettype none

module reset_control (
  input  wire clk,
  input  wire rst,

  // in: the registers
  input  wire reset_request,
  // in and out: the register port
  input  wire port_busy,
  output reg  port_hold,
  // in and out: the bus master; `quiet`: nothing is under way
  output wire bus_hold,
  input  wire bus_quiet,
  // out: all the rest
  output reg  adapter_reset
);

  localparam RUNNING   = 2'd0;  // the adapter works
  localparam QUIETING  = 2'd1;  // what is under way comes to its end; then a few quiet cycles
  localparam RESETTING = 2'd2;  // the adapter is held in reset

  reg [1:0] state;
  reg       quiet;      // a cycle ago
  reg [3:0] left;       // cycles of this state; 15 follows 0

  assign bus_hold = state != RUNNING;

  initial adapter_reset = 1'b1;  // nothing works before the first cycle

  always @(posedge clk) begin
    adapter_reset <= rst || state == RESETTING;
    port_hold     <= state != RUNNING;
    quiet         <= bus_quiet && !port_busy;
    case (state)
      RUNNING: begin
        left <= 4'd15;
        if (reset_request) state <= QUIETING;
      end
      QUIETING: begin
        left <= quiet ? left - 1'b1 : 4'd15;
        if (left == 0 && quiet) state <= RESETTING;
      end
      default: begin
        left <= left - 1'b1;
        if (left == 0) state <= RUNNING;
      end
    endcase
    if (rst) begin
      state     <= RUNNING;
      port_hold <= 1'b1;
    end
  end

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && state == RESETTING && port_busy) begin
      $display("reset_control: the adapter is reset while the register port is busy");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
