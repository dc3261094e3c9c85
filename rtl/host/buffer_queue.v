// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Holds granted buffers until they are used, in the order granted.
//
//   granted --> [ DEPTH buffers ] --> [ read out ] --> buffer
//
// It does not refuse: its room says what it can still take. Once it holds buffers, one can be taken
// in every cycle.
//
// Invariant: it never takes more than DEPTH buffers, and hands out none that it did not take.

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
  output reg         buffer_valid,
  input  wire        buffer_ready,
  output wire [63:0] buffer_address,
  output wire [15:0] buffer_number
);

  localparam BITS = $clog2(DEPTH);

  (* no_rw_check *)  // what is read was written earlier
  reg [79:0]     memory [0:DEPTH-1];
  reg [79:0]     memory_out;
  reg            memory_out_valid;
  reg [79:0]     head;
  reg [BITS-1:0] write_at;
  reg [BITS-1:0] read_at;
  reg [BITS:0]   stored;  // buffers in `memory` alone
  reg [BITS:0]   free;

  wire take  = buffer_valid && buffer_ready;
  wire shift = memory_out_valid && (!buffer_valid || buffer_ready);
  wire fetch = stored != 0 && (!memory_out_valid || shift);

  assign {buffer_address, buffer_number} = head;
  assign room = {{(15 - BITS){1'b0}}, free};

  always @(posedge clk) begin
    if (granted_valid) memory[write_at] <= {granted_address, granted_number};
    if (fetch) memory_out <= memory[read_at];
    if (shift) head <= memory_out;
  end

  always @(posedge clk) begin
    if (granted_valid) write_at <= write_at + 1'b1;
    if (fetch) read_at <= read_at + 1'b1;
    if (granted_valid != fetch) stored <= stored + {{BITS{fetch}}, 1'b1};
    if (granted_valid != take) free <= free + {{BITS{granted_valid}}, 1'b1};

    if (fetch) memory_out_valid <= 1'b1;
    else if (shift) memory_out_valid <= 1'b0;
    if (shift) buffer_valid <= 1'b1;
    else if (buffer_ready) buffer_valid <= 1'b0;

    if (rst) begin
      write_at         <= {BITS{1'b0}};
      read_at          <= {BITS{1'b0}};
      stored           <= {(BITS + 1){1'b0}};
      free             <= DEPTH[BITS:0];
      memory_out_valid <= 1'b0;
      buffer_valid     <= 1'b0;
    end
  end

`ifdef ASSERTIONS
  wire [BITS:0] held = stored + {{BITS{1'b0}}, memory_out_valid} + {{BITS{1'b0}}, buffer_valid};

  always @(posedge clk) begin
    if (!rst && held + free != DEPTH[BITS:0]) begin
      $display("buffer_queue: holds %0d buffers and has room for %0d of %0d", held, room, DEPTH);
      $stop;
    end
    if (!rst && granted_valid && room == 0) begin
      $display("buffer_queue: takes a buffer beyond its %0d", DEPTH);
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
