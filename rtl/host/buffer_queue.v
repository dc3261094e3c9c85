// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Holds granted buffers until they are used, in the order granted.
//
//   granted --> [ DEPTH buffers ] --> buffer
//
// It does not refuse: its room says what it can still take.
//
// Invariant: it never takes more than DEPTH buffers.

`default_nettype none

module buffer_queue #(
  parameter DEPTH = 256  // buffers, a power of two, 2 to 32768
) (
  input  wire        clk,
  input  wire        rst,

  // in: the grant expander
  input  wire        granted_valid,
  input  wire [63:0] granted_address,
  input  wire [15:0] granted_number,
  output wire [15:0] room,

  // out: the group that writes to the buffers
  output wire        buffer_valid,
  input  wire        buffer_ready,
  output wire [63:0] buffer_address,
  output wire [15:0] buffer_number
);

  localparam BITS = $clog2(DEPTH);

  reg  [BITS:0] free;
  wire          granted_ready;
  wire          take = buffer_valid && buffer_ready;

  assign room = {{(15 - BITS){1'b0}}, free};

  always @(posedge clk) begin
    if (granted_valid != take) free <= free + {{BITS{granted_valid}}, 1'b1};
    if (rst) free <= DEPTH[BITS:0];
  end

  sync_fifo #(.WIDTH(80), .DEPTH(DEPTH)) fifo (
    .clk(clk), .rst(rst),
    .in_valid(granted_valid), .in_ready(granted_ready),
    .in_data({granted_address, granted_number}),
    .out_valid(buffer_valid), .out_ready(buffer_ready),
    .out_data({buffer_address, buffer_number})
  );

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && granted_valid && (free == 0 || !granted_ready)) begin
      $display("buffer_queue: takes a buffer beyond its %0d", DEPTH);
      $stop;
    end
  end
`else
  wire unused = &{1'b0, granted_ready};
`endif

endmodule

`default_nettype wire
