// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Keeps RCV.NXT, the window's end and the FIN of every connection while no segment of it is in
// hand.
//
//   read ──► RCV.NXT, window's end, flags, in the same cycle
//   keep ──► written back        freed ──► window's end
//
// The window's end has a memory of its own, for it is written when bytes were read out of the
// ring and not when segments come. Once the FIN is known it stands there, whatever is freed.
//
// It changes nothing by itself.

`default_nettype none

module connection_store #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS)
) (
  input  wire                       clk,

  // in: the segment acceptor
  input  wire [CONNECTION_BITS-1:0] read_connection,
  output wire [31:0]                read_receive_next,
  output wire [31:0]                read_window_end,
  output wire                       read_fin_known,
  output wire                       read_finished,
  output wire                       read_shut,

  // in: the segment acceptor
  input  wire                       keep,
  input  wire [CONNECTION_BITS-1:0] keep_connection,
  input  wire [31:0]                keep_receive_next,
  input  wire [31:0]                keep_fin,          // counts if the FIN is known
  input  wire                       keep_fin_known,
  input  wire                       keep_finished,
  input  wire                       keep_shut,
  input  wire                       open,              // with nothing freed in this cycle
  input  wire [31:0]                open_position,

  // in: the ring reader
  input  wire                       freed_valid,
  input  wire [CONNECTION_BITS-1:0] freed_connection,
  input  wire [31:0]                freed_position     // bytes before it were read
);

  localparam RING_BITS = $clog2(RECEIVE_RING_BYTES);

  reg [31:0] receive_next [0:CONNECTIONS-1];
  reg [31:0] window_end [0:CONNECTIONS-1];
  reg [31:0] fin [0:CONNECTIONS-1];
  reg [2:0]  flags [0:CONNECTIONS-1];

  // A byte that is freed makes room for the one a ring further on.
  wire [31:0]                from    = freed_valid ? freed_position : open_position;
  wire [31:0]                to      = {from[31:RING_BITS] + 1'b1, from[RING_BITS-1:0]};
  wire [CONNECTION_BITS-1:0] mover   = freed_valid ? freed_connection : keep_connection;

  assign read_receive_next = receive_next[read_connection];
  assign read_window_end   = read_fin_known ? fin[read_connection] : window_end[read_connection];
  assign {read_shut, read_finished, read_fin_known} = flags[read_connection];

  always @(posedge clk) begin
    if (keep) begin
      receive_next[keep_connection] <= keep_receive_next;
      fin[keep_connection]          <= keep_fin;
      flags[keep_connection]        <= {keep_shut, keep_finished, keep_fin_known};
    end
    if (freed_valid || open) window_end[mover] <= to;
  end

endmodule

`default_nettype wire
