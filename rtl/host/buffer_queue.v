// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Holds granted buffers until they are used, in the order granted.
//
//   granted --> [ DEPTH buffers ] --> [ as read ] --> buffer
//
// There is no way around the memory as in other queues: a buffer has time, and the slow output of a
// block memory goes straight to flip-flops. It does not refuse: its room says what it can still
// take. Once buffers are there, one can be taken in every cycle.
//
// Invariant: it never takes more than DEPTH buffers, and hands out each once.

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
  output reg  [63:0] buffer_address,
  output reg  [15:0] buffer_number
);

  localparam BITS = $clog2(DEPTH);

  (* no_rw_check *)  // what is read was written earlier
  reg [79:0]     memory [0:DEPTH-1];
  reg [79:0]     word;        // read in every cycle, then registered: memory answers late
  reg [79:0]     head;
  reg            word_valid;  // of `read_at`, and so `head_valid`
  reg            head_valid;
  reg [BITS-1:0] write_at;
  reg [BITS-1:0] read_at;
  reg [BITS:0]   stored;  // buffers in `memory`, the head's included
  reg            empty;   // stored == 0
  reg [BITS:0]   free;

  wire take  = buffer_valid && buffer_ready;
  wire shift = !buffer_valid || buffer_ready;
  wire fetch = head_valid && shift;  // in every third cycle at most

  assign room = {{(15 - BITS){1'b0}}, free};

  always @(posedge clk) begin
    if (granted_valid) memory[write_at] <= {granted_address, granted_number};
    word <= memory[read_at];
    head <= word;
    if (shift) {buffer_address, buffer_number} <= head;
  end

  always @(posedge clk) begin
    if (granted_valid) write_at <= write_at + 1'b1;
    if (fetch) read_at <= read_at + 1'b1;
    if (granted_valid != fetch) stored <= stored + {{BITS{fetch}}, 1'b1};
    if (granted_valid != take) free <= free + {{BITS{granted_valid}}, 1'b1};
    if (granted_valid) empty <= 1'b0;
    else if (fetch) empty <= stored == 1;
    word_valid <= !empty && !fetch;
    head_valid <= word_valid && !fetch;
    if (shift) buffer_valid <= head_valid;

    if (rst) begin
      write_at     <= {BITS{1'b0}};
      read_at      <= {BITS{1'b0}};
      stored       <= {(BITS + 1){1'b0}};
      empty        <= 1'b1;
      free         <= DEPTH[BITS:0];
      word_valid   <= 1'b0;
      head_valid   <= 1'b0;
      buffer_valid <= 1'b0;
    end
  end

`ifdef ASSERTIONS
  wire [BITS:0] held = stored + {{BITS{1'b0}}, buffer_valid};

  always @(posedge clk) begin
    if (!rst && granted_valid && free == 0) begin
      $display("buffer_queue: takes a buffer beyond its %0d", DEPTH);
      $stop;
    end
    if (!rst && (held + free != DEPTH[BITS:0] || empty != (stored == 0))) begin
      $display("buffer_queue: %0d buffers and room for %0d are not %0d", held, free, DEPTH);
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
