// SPDX-License-Identifier: MIT OR Apache-2.0
// Keeps the event of every transfer, in order, until its data is in host memory.
//
//   in ──► block memory ──► word read ──► head ──► out
//
// The head stands in registers because block memory answers late in the cycle; an event is at the
// head four cycles after it came. It does not look into the events.
//
// Invariant: never more than DEPTH - 1 events in memory.

`default_nettype none

module event_queue #(
  parameter WIDTH = 63,  // bits of an event
  parameter DEPTH = 128  // events, a power of two
) (
  input  wire             clk,
  input  wire             rst,

  // in: the transfer arbiter
  input  wire             in_valid,
  output reg              in_ready,
  input  wire [WIDTH-1:0] in_data,

  // out: the event writer
  output reg              out_valid,
  input  wire             out_ready,
  output reg  [WIDTH-1:0] out_data
);

  localparam PLACE_BITS = $clog2(DEPTH);
  localparam [PLACE_BITS:0] ALMOST_FULL = DEPTH - 4;

  // No event is read in the cycle in which it is written, so the memory need not care.
  (* ram_style = "block", no_rw_check *)
  reg [WIDTH-1:0]      memory [0:DEPTH-1];
  reg [WIDTH-1:0]      word_read;
  reg                  word_valid;
  reg [PLACE_BITS-1:0] write_place;
  reg [PLACE_BITS-1:0] read_place;
  reg [PLACE_BITS:0]   count;  // in memory, without the one that came last

  // Whether an event comes is known late. It only moves the place to be written, which is free
  // whatever stands there, and is counted in the next cycle.
  reg pushed;

  wire push = in_valid && in_ready;
  wire move = word_valid && (!out_valid || out_ready);
  wire read = (pushed || count != 0) && (!word_valid || move);

  always @(posedge clk) begin
    memory[write_place] <= in_data;
    if (read) word_read <= memory[read_place];
    if (move) out_data <= word_read;
  end

  always @(posedge clk)
    if (rst) begin
      write_place <= 0;
      read_place  <= 0;
      count       <= 0;
      pushed      <= 1'b0;
      in_ready    <= 1'b1;
      word_valid  <= 1'b0;
      out_valid   <= 1'b0;
    end else begin
      if (push) write_place <= write_place + 1'b1;
      if (read) read_place  <= read_place + 1'b1;
      pushed   <= push;
      in_ready <= count <= ALMOST_FULL;
      if (pushed != read) count <= pushed ? count + 1'b1 : count - 1'b1;
      word_valid <= read || (word_valid && !move);
      out_valid  <= move || (out_valid && !out_ready);
    end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && count + {{PLACE_BITS{1'b0}}, pushed} >= {1'b1, {PLACE_BITS{1'b0}}}) begin
      $display("event_queue: never more than DEPTH - 1 events in memory");
      $stop;
    end
`endif

endmodule

`default_nettype wire
