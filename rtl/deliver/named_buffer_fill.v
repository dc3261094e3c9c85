// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Owns where in a Named Buffer the next byte of each connection goes, and how much fits there.
//
//   look ──► room of one transfer ──► fetch ──► advance: less what is placed ──► store
//                                      page ──► measure: less what is skipped ──► load
//
// It keeps the page under way: the address of its next byte, the bytes left in it, and how many
// bytes of the buffer are filled once it is full. What is filled now is the difference.
//
// One transfer takes MOST bytes at most: so a long page keeps nobody waiting. When a transfer fills
// the last page, and that was known beforehand, the event that the buffer is full rides with it;
// that a buffer was accepted rides with its first bytes, if they were there already.
//
// It does one thing after the other: the delivery scheduler and the Named Buffer turn give the
// steps.
//
// Invariant: no byte is placed outside the page under way.

`default_nettype none
`include "toe_registers.vh"

module named_buffer_fill #(
  parameter CONNECTIONS     = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler, one step after the other
  input  wire                       look,
  input  wire [CONNECTION_BITS-1:0] head_connection,
  input  wire [CONNECTION_BITS-1:0] arrival_connection,
  input  wire                       look_arrival,
  input  wire                       fetch,
  input  wire                       placing,        // after fetch: bytes are placed
  input  wire [15:0]                placed_bytes,   // ... so many
  input  wire                       store,
  input  wire                       clear,          // no Named Buffer is left
  input  wire [CONNECTION_BITS-1:0] connection,     // whose turn it is

  // in: the host
  input  wire [2:0]                 anonymous_lane,

  // in: the Named Buffer queue
  input  wire [63:0]                page_address,
  input  wire [31:0]                page_bytes,
  input  wire [15:0]                page_request,
  input  wire                       page_last_read,
  input  wire                       page_push_mode,

  // in: the Named Buffer turn
  input  wire                       measure,
  input  wire                       load,
  input  wire                       first_page,     // of its buffer
  input  wire [31:0]                skip,           // bytes of the page that the driver copies
  input  wire                       announce_later,

  // out: with look, for whom is looked at
  output wire                       named_next,
  output wire [15:0]                room_next,

  // out: after look
  output reg                        named,          // a Named Buffer is accepted
  output reg  [2:0]                 target_lane,
  output reg                        final_part,     // the buffer is full if all that fits comes
  output reg                        unannounced,    // the driver does not know that it is accepted

  // out: the transfer composer, with fetch
  output wire [63:0]                target_address,
  output wire [31:0]                filled_then,    // of the buffer, when its page is full

  // out: the Named Buffer turn
  output reg                        accepted,       // after fetch: the same as named
  output reg  [31:0]                filled_at_end,
  output reg  [31:0]                rest,
  output reg  [15:0]                request,
  output reg                        page_last,
  output reg                        push_mode,
  output wire                       exhausted,      // two cycles after fetch: the page is full
  output reg                        fits            // after measure: the skip ends in the page
);

  localparam MOST_BITS  = 12;                // a transfer takes 4096 bytes at most
  localparam LIMIT_BITS = 3 + 3 + MOST_BITS + 1;
  localparam STATE_BITS = 64 + 32 + 32 + 16 + 2;

  // ---------------------------------------------------------------- of every connection

  reg [LIMIT_BITS-1:0] limit_kept [0:CONNECTIONS-1];
  reg [LIMIT_BITS-1:0] limit_copy [0:CONNECTIONS-1];  // both who may be next are read at once
  reg [STATE_BITS-1:0] kept [0:CONNECTIONS-1];

  wire [LIMIT_BITS-1:0] head_limit = limit_kept[head_connection];
  wire [LIMIT_BITS-1:0] comer_limit = limit_copy[arrival_connection];
  wire [LIMIT_BITS-1:0] turn_limit = limit_kept[connection];
  wire [LIMIT_BITS-1:0] limit = look_arrival ? comer_limit : head_limit;
  wire [STATE_BITS-1:0] state = kept[connection];

  wire                 final_next, unannounced_next;
  wire [2:0]           lane_next;
  wire [MOST_BITS:0]   room;

  assign {named_next, final_next, unannounced_next, lane_next, room} = limit;
  assign room_next      = {{15-MOST_BITS{1'b0}}, room};
  assign target_address = state[STATE_BITS-1 -: 64];
  assign filled_then    = unannounced ? 32'd0 : state[STATE_BITS-65 -: 32];

  // ---------------------------------------------------------------- of the one in turn

  reg [63:0] base, address;   // of the page, before the amount is gone, and after
  reg [31:0] base_rest;
  reg        untold;
  reg        advance;         // always follows fetch and measure
  reg        measured;

  wire [31:0] amount = measured ? skip : placing ? {16'd0, placed_bytes} : 32'd0;

  assign exhausted = rest == 0;

  wire               long_rest = rest[31:MOST_BITS] != 0;
  wire [MOST_BITS:0] cut   = long_rest ? {1'b1, {MOST_BITS{1'b0}}} : {1'b0, rest[MOST_BITS-1:0]};

  wire [LIMIT_BITS-1:0] limit_now = {1'b1, page_last && !long_rest, untold, address[2:0],
                                     cut};

  always @(posedge clk) begin
    if (look) begin
      named          <= named_next;
      final_part     <= final_next;
      unannounced    <= unannounced_next;
      target_lane    <= named_next ? lane_next : anonymous_lane;
    end
    if (fetch) begin
      {base, filled_at_end, base_rest, request, page_last, push_mode} <= state;
      accepted <= turn_limit[LIMIT_BITS-1];
      untold   <= 1'b0;  // what is placed carries the event
    end
    advance  <= fetch || measure;
    measured <= measure;
    if (advance) begin
      address <= base + {32'd0, amount};
      rest    <= base_rest - amount;
    end
    if (measure) begin
      {base, base_rest} <= {page_address, page_bytes};
      filled_at_end <= (first_page ? 32'd0 : filled_at_end) + page_bytes;
      fits          <= page_bytes > skip;
      if (first_page) {request, push_mode} <= {page_request, page_push_mode};
    end
    if (load) begin
      page_last <= page_last_read;
      untold    <= announce_later;
    end
    if (store) kept[connection] <= {address, filled_at_end, rest, request, page_last, push_mode};
    if (store || clear) begin
      limit_kept[connection] <= clear ? {LIMIT_BITS{1'b0}} : limit_now;
      limit_copy[connection] <= clear ? {LIMIT_BITS{1'b0}} : limit_now;
    end
    if (store || clear) accepted <= !clear;
    if (clear) named <= 1'b0;
  end

  wire unused = &{1'b0, rst, turn_limit};

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && ((advance && !measured && placing && base_rest < amount)
                 || (store && page_last && filled_at_end < rest))) begin
      $display("named_buffer_fill: no byte is placed outside the page under way");
      $stop;
    end
`endif

endmodule

`default_nettype wire
