// SPDX-License-Identifier: MIT OR Apache-2.0
// Joins payload and event writes into one AXI4 write master.
//
//   payload AW, W ──► ┐                      ┌──► m_axi AW, W
//   event AW, W ────► ┴── one burst's turn ──┘
//   payload B ◄─── who asked, in order ◄──── m_axi B
//   event B ◄────┘
//
// Turns are bursts. AW takes the turns first; W takes the same turns in the same order, up to
// ORDERED bursts behind, or at most one burst ahead (data may go before its address was taken). A
// turn rests on payload and goes to an event when one waits, as soon as no payload address waits to
// be taken. Nothing is stored but the order, and every output is a function of registers of this
// module and of the two sources.
//
// A source offers data no earlier than its address. Events are bursts of one beat.
//
// Invariant: data goes in the order of the addresses, whole bursts.

`default_nettype none

module axi_write_port #(
  parameter IN_FLIGHT = 128  // bursts of both sources that may be unanswered, a power of two
) (
  input  wire        clk,
  input  wire        rst,

  // in: the payload writer
  input  wire        payload_awvalid,
  output wire        payload_awready,
  input  wire [63:0] payload_awaddr,
  input  wire [7:0]  payload_awlen,
  input  wire        payload_wvalid,
  output wire        payload_wready,
  input  wire [63:0] payload_wdata,
  input  wire [7:0]  payload_wstrb,
  input  wire        payload_wlast,
  output wire        payload_bvalid,
  input  wire        payload_bready,
  output wire [1:0]  payload_bresp,

  // in: the event writer
  input  wire        event_awvalid,
  output wire        event_awready,
  input  wire [63:0] event_awaddr,
  input  wire        event_wvalid,
  output wire        event_wready,
  input  wire [63:0] event_wdata,
  output wire        event_bvalid,
  output wire [1:0]  event_bresp,

  // out: the bus
  output wire [0:0]  m_axi_awid,
  output wire [63:0] m_axi_awaddr,
  output wire [7:0]  m_axi_awlen,
  output wire [2:0]  m_axi_awsize,
  output wire [1:0]  m_axi_awburst,
  output wire [3:0]  m_axi_awcache,
  output wire [2:0]  m_axi_awprot,
  output wire        m_axi_awvalid,
  input  wire        m_axi_awready,
  output wire [63:0] m_axi_wdata,
  output wire [7:0]  m_axi_wstrb,
  output wire        m_axi_wlast,
  output wire        m_axi_wvalid,
  input  wire        m_axi_wready,
  input  wire [1:0]  m_axi_bresp,
  input  wire        m_axi_bvalid,
  output wire        m_axi_bready
);

  localparam ORDERED = 4;  // bursts whose address went and whose data has not all gone

  reg               aw_event;  // this turn of AW is an event's
  reg               w_event;   // this turn of W is an event's
  reg               w_ahead;   // all data of this turn went before its address
  reg [ORDERED-1:0] order;     // turns that W is behind, the next one in bit 0: 1 is an event's
  reg [ORDERED-1:0] behind;    // which bits of `order` hold a turn

  // ---------------------------------------------------------------- AW

  assign m_axi_awvalid   = !behind[ORDERED-1] && (aw_event ? event_awvalid : payload_awvalid);
  assign m_axi_awaddr    = aw_event ? event_awaddr : payload_awaddr;
  assign m_axi_awlen     = aw_event ? 8'd0 : payload_awlen;

  wire   aw_taken        = m_axi_awvalid && m_axi_awready;
  wire   aw_event_next   = aw_event ? !aw_taken : event_awvalid && (aw_taken || !payload_awvalid);
  assign payload_awready = !aw_event && !behind[ORDERED-1] && m_axi_awready;
  assign event_awready   = aw_event  && !behind[ORDERED-1] && m_axi_awready;

  assign m_axi_awid    = 1'b0;
  assign m_axi_awsize  = 3'b011;   // 8 bytes a beat
  assign m_axi_awburst = 2'b01;    // INCR
  assign m_axi_awcache = 4'b0011;  // normal, non-cacheable, bufferable
  assign m_axi_awprot  = 3'b000;

  always @(posedge clk)
    if (rst) aw_event <= 1'b0;
    else     aw_event <= aw_event_next;

  // ---------------------------------------------------------------- W

  wire   level   = !behind[0];  // AW and W are in the same turn
  wire   w_open  = !(level && w_ahead);

  assign m_axi_wvalid   = w_open && (w_event ? event_wvalid : payload_wvalid);
  assign m_axi_wdata    = w_event ? event_wdata : payload_wdata;
  assign m_axi_wstrb    = w_event ? 8'hFF       : payload_wstrb;
  assign m_axi_wlast    = w_event || payload_wlast;
  assign payload_wready = w_open && !w_event && m_axi_wready;
  assign event_wready   = w_open && w_event  && m_axi_wready;

  wire   w_ended = m_axi_wvalid && m_axi_wready && m_axi_wlast;

  // ---------------------------------------------------------------- W after AW, turn by turn

  wire push = aw_taken && !(level && (w_ahead || w_ended));
  wire pop  = !level && w_ended;

  always @(posedge clk)
    if (rst) begin
      w_ahead <= 1'b0;
      behind  <= 0;
    end else begin
      w_ahead <= !aw_taken && (w_ahead || (level && w_ended));
      if (push && !pop) behind <= {behind[ORDERED-2:0], 1'b1};
      if (pop && !push) behind <= behind >> 1;
    end

  // The turn enters at the first free bit of what is left after a pop.
  wire [ORDERED-1:0] order_left  = pop ? order >> 1  : order;
  wire [ORDERED-1:0] behind_left = pop ? behind >> 1 : behind;

  // The turn of W was AW's own, or is what was entered first.
  always @(posedge clk)
    if (rst)                         w_event <= 1'b0;
    else if (behind_left[0])         w_event <= order_left[0];
    else                             w_event <= push ? aw_event : aw_event_next;

  integer i;
  always @(posedge clk)
    for (i = 0; i < ORDERED; i = i + 1)
      order[i] <= behind_left[i] ? order_left[i] : aw_event;

  // ---------------------------------------------------------------- B

  wire owner_valid, owner_event, owners_ready;

  small_fifo #(.WIDTH(1), .DEPTH(IN_FLIGHT)) owners (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (aw_taken),
    .in_ready  (owners_ready),
    .in_data   (aw_event),
    .out_valid (owner_valid),
    .out_ready (m_axi_bvalid && m_axi_bready),
    .out_data  (owner_event)
  );

  assign m_axi_bready   = owner_valid && (owner_event || payload_bready);
  assign payload_bvalid = owner_valid && !owner_event && m_axi_bvalid;
  assign event_bvalid   = owner_valid && owner_event  && m_axi_bvalid;
  assign payload_bresp  = m_axi_bresp;
  assign event_bresp    = m_axi_bresp;

`ifdef ASSERTIONS
  reg was_mid_burst, was_event;

  always @(posedge clk) begin
    if (rst) was_mid_burst <= 1'b0;
    else if (m_axi_wvalid && m_axi_wready) was_mid_burst <= !m_axi_wlast;
    was_event <= w_event;
    if (!rst && was_mid_burst && w_event != was_event) begin
      $display("axi_write_port: data goes in the order of the addresses, whole bursts");
      $stop;
    end
    if (!rst && level && payload_wvalid && !payload_awvalid) begin
      $display("axi_write_port: a source offers data no earlier than its address");
      $stop;
    end
    if (!rst && aw_taken && !owners_ready) begin
      $display("axi_write_port: no more than IN_FLIGHT bursts are unanswered");
      $stop;
    end
  end
`else
  wire unused = &{1'b0, owners_ready};
`endif

endmodule

`default_nettype wire
