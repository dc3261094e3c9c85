// SPDX-License-Identifier: MIT OR Apache-2.0
// Makes one stream of transfers out of three, whole transfers in turn, and parts each into what the
// payload writer needs and the event that follows.
//
//   delivery ──────► ┐                        ┌──► transfer ──► payload writer
//   host frames ───► ├── one of three, whole ─┤
//   host events ───► ┘                        └──► event ─────► event writer
//
// The choice is a register, made a cycle ahead: a source that waits is chosen while another one is
// served, and when none waits the choice rests on delivery, which therefore never waits for it. A
// host frame or host event that comes to an idle adapter waits one cycle.
//
// Data follows the transfer taken last: the payload writer takes the next transfer only with the
// last word of the one before. Nothing is stored here.
//
// Invariant: a transfer goes to both takers in the same cycle, or to none.

`default_nettype none
`include "toe_registers.vh"

module transfer_arbiter (
  input  wire                            clk,
  input  wire                            rst,

  // in: delivery
  input  wire                            delivery_valid,
  output wire                            delivery_ready,
  input  wire [`TRANSFER_BITS-1:0]       delivery_header,
  input  wire                            delivery_data_valid,
  output wire                            delivery_data_ready,
  input  wire [63:0]                     delivery_data,

  // in: the host-frame path
  input  wire                            frame_valid,
  output wire                            frame_ready,
  input  wire [`TRANSFER_BITS-1:0]       frame_header,
  input  wire                            frame_data_valid,
  output wire                            frame_data_ready,
  input  wire [63:0]                     frame_data,

  // in: the host group; events without data
  input  wire                            host_event_valid,
  output wire                            host_event_ready,
  input  wire [`TRANSFER_EVENT_BITS-1:0] host_event,

  // out: the payload writer
  output wire                            transfer_valid,
  input  wire                            transfer_door,   // ready is both of these: the first is
  input  wire                            transfer_move,   // known early, the second late
  output wire [63:0]                     transfer_address,
  output wire [15:0]                     transfer_length,
  output wire [2:0]                      transfer_lane,
  output wire                            transfer_data_valid,
  input  wire                            transfer_data_ready,
  output wire [63:0]                     transfer_data,

  // out: the event writer
  output wire                            event_valid,
  input  wire                            event_ready,
  output wire [`TRANSFER_EVENT_BITS-1:0] event_word
);

  // One bit each: a wide choice hangs on every one.
  localparam [2:0] DELIVERY = 3'b001,
                   FRAME    = 3'b010,
                   EVENT    = 3'b100;

  // ---------------------------------------------------------------- whose turn it is

  reg [2:0] turn;
  reg       from_frame;     // data comes from the host-frame path
  reg       from_delivery;  // !from_frame: one for the many bits of data, one for the handshake

  wire delivery_turn = turn[0];
  wire frame_turn    = turn[1];
  wire event_turn    = turn[2];

  reg  held;  // one was taken that the payload writer has not begun

  wire offered = delivery_turn && delivery_valid || frame_turn && frame_valid
              || event_turn && host_event_valid;
  wire taken   = offered && !held && event_ready;

  // The next in turn that waits; what the present one offers next is not known yet.
  reg [2:0] turn_next;
  always @* begin
    if (delivery_turn)
      turn_next = frame_valid      ? FRAME    : host_event_valid ? EVENT    : DELIVERY;
    else if (frame_turn)
      turn_next = host_event_valid ? EVENT    : delivery_valid || !frame_valid ? DELIVERY : FRAME;
    else
      turn_next = delivery_valid   ? DELIVERY : frame_valid ? FRAME
                : host_event_valid ? EVENT    : DELIVERY;
  end

  always @(posedge clk)
    if (rst)                    turn <= DELIVERY;
    else if (taken || !offered) turn <= turn_next;

  // ---------------------------------------------------------------- transfers

  // Whether the payload writer begins is known late. So what it does not begin at once is held, and
  // whose turn it is never waits for it. Only deliveries are in a hurry: the others are held first.
  reg [63:0] held_address;
  reg [15:0] held_length;
  reg [2:0]  held_lane;
  reg        held_frame;

  wire [`TRANSFER_BITS-1:0] header   = frame_turn ? frame_header : delivery_header;
  wire                      straight = delivery_turn && delivery_valid && event_ready;
  wire                      goes     = transfer_door && transfer_move;

  always @(posedge clk)
    if (!held) begin
      held_address <= header[`TRANSFER_ADDRESS];
      held_length  <= event_turn ? 16'd0 : header[`TRANSFER_LENGTH];
      held_lane    <= header[`TRANSFER_LANE];
      held_frame   <= frame_turn;
    end

  always @(posedge clk)
    if (rst) held <= 1'b0;
    else     held <= held ? !goes : taken && !(delivery_turn && goes);

  // What stands here while nothing is under way does not matter.
  wire frame_next = transfer_door ? held && held_frame : from_frame;

  always @(posedge clk)
    if (transfer_move) {from_frame, from_delivery} <= {frame_next, !frame_next};

  assign transfer_valid   = held || straight;
  assign transfer_address = held ? held_address : delivery_header[`TRANSFER_ADDRESS];
  assign transfer_length  = held ? held_length  : delivery_header[`TRANSFER_LENGTH];
  assign transfer_lane    = held ? held_lane    : delivery_header[`TRANSFER_LANE];

  assign event_valid      = offered && !held;
  assign event_word       = event_turn ? host_event : header[`TRANSFER_EVENT];

  assign delivery_ready   = delivery_turn && !held && event_ready;
  assign frame_ready      = frame_turn    && !held && event_ready;
  assign host_event_ready = event_turn    && !held && event_ready;

  // ---------------------------------------------------------------- data

  assign transfer_data_valid = from_delivery ? delivery_data_valid : frame_data_valid;
  assign transfer_data       = from_frame ? frame_data       : delivery_data;

  assign frame_data_ready    = !from_delivery && transfer_data_ready;
  assign delivery_data_ready = from_delivery  && transfer_data_ready;

`ifdef ASSERTIONS
  reg begun;  // whether as many transfers were begun as events were handed over

  always @(posedge clk) begin
    if (rst) begun <= 1'b1;
    else     begun <= begun ^ (event_valid && event_ready) ^ (transfer_valid && goes);
    if (!rst && begun != !held) begin
      $display("transfer_arbiter: a transfer goes to both takers, and one at most to one alone");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
