// SPDX-License-Identifier: MIT OR Apache-2.0
// Keeps of each delivery to an Anonymous Buffer whether PSH was found in it, until its event is
// written.
//
//   push found ──► line ──► the flag of the next IndicateData
//
// A delivery's flag is here before its data can be acknowledged, so it does not wait for one. There
// are never more than deliveries whose event is not written.
//
// Invariant: a flag finds a place.

`default_nettype none

module push_line #(
  parameter DEPTH = 256  // deliveries, a power of two
) (
  input  wire clk,
  input  wire rst,

  // in: the push finder
  input  wire push_found_valid,
  input  wire push_found,

  // the event writer
  output wire push,      // of the next delivery whose event is written
  input  wire push_used
);

  wire room, valid, flag;

  assign push = valid && flag;

  small_fifo #(.WIDTH(1), .DEPTH(DEPTH)) line (
    .clk(clk), .rst(rst), .in_valid(push_found_valid), .in_ready(room), .in_data(push_found),
    .out_valid(valid), .out_ready(push_used), .out_data(flag)
  );

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && push_found_valid && !room) begin
      $display("push_line: a flag finds a place");
      $stop;
    end
`else
  wire unused = room;
`endif

endmodule

`default_nettype wire
