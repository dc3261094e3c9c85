// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Knows which connection numbers are in use: from the offload until deliver says the upload is
// complete.
//
//   number_mark ------\
//                      > [ one bit a connection ] --> number_used
//   closed_valid -----/
//
// It does not know whether a connection still receives. A number that is closed in the cycle of a
// mark goes first; the mark follows, and `number_busy` is high until it is done, as it is after a
// reset.
//
// Invariant: a number is not marked twice without having been closed.

`default_nettype none

module connection_numbers #(
  parameter CONNECTIONS = 16
) (
  input  wire        clk,
  input  wire        rst,

  // in: the dispatch; range and use follow the connection by a cycle
  input  wire [15:0] number_connection,
  output reg         number_in_range,
  output reg         number_used,
  output wire        number_busy,
  input  wire        number_mark,

  // in: deliver
  input  wire        closed_valid,
  input  wire [15:0] closed_connection
);

  localparam BITS = $clog2(CONNECTIONS);

  (* no_rw_check *)  // a number is not looked at while it is marked
  reg            in_use [0:CONNECTIONS-1];
  reg            clearing;     // after a reset every number becomes free
  reg [BITS-1:0] clear_at;
  reg            marking;
  reg [BITS-1:0] mark_at;

  wire [BITS-1:0] write_at = clearing ? clear_at
                                      : closed_valid ? closed_connection[BITS-1:0] : mark_at;

  assign number_busy = clearing || marking;

  always @(posedge clk) begin
    if (clearing || closed_valid || marking) in_use[write_at] <= !clearing && !closed_valid;
    number_used     <= in_use[number_connection[BITS-1:0]];
    number_in_range <= {16'd0, number_connection} < CONNECTIONS;
    if (number_mark) mark_at <= number_connection[BITS-1:0];
  end

  always @(posedge clk) begin
    if (number_mark) marking <= 1'b1;
    else if (!closed_valid) marking <= 1'b0;
    clear_at <= clear_at + 1'b1;
    if (&clear_at) clearing <= 1'b0;
    if (rst) begin
      marking  <= 1'b0;
      clearing <= 1'b1;
      clear_at <= {BITS{1'b0}};
    end
  end

  wire unused = &{1'b0, closed_connection};

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && number_mark && in_use[number_connection[BITS-1:0]]) begin
      $display("connection_numbers: connection %0d is marked twice", number_connection);
      $stop;
    end
    if (!rst && closed_valid && !in_use[closed_connection[BITS-1:0]]) begin
      $display("connection_numbers: connection %0d is closed, not in use", closed_connection);
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
