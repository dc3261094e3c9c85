// SPDX-License-Identifier: MIT OR Apache-2.0
// Carries transfers to host memory and tells the driver: payload first, then its event.
//
//   delivery, host frames, host events
//        │
//   transfer_arbiter ──► payload_writer ──► axi_write_port ──► m_axi
//        │                  │ completion       ▲
//        └── event ──► event_writer ───────────┘──► interrupt_line
//
// Wires only. Every output is a function of registers.
//
// `stop` ends the use of the bus without harm: no burst and no event is begun, and once `idle` is
// high nothing is owed in either direction, so that a reset cannot be mistaken for an answer. After
// a bus error the group stops in the same way by itself, having tried a BUS_ERROR event.

`default_nettype none
`include "toe_registers.vh"

module dma (
  input  wire                            clk,
  input  wire                            rst,

  // in: delivery
  input  wire                            transfer_valid,
  output wire                            transfer_ready,
  input  wire [`TRANSFER_BITS-1:0]       transfer_header,
  input  wire                            transfer_data_valid,
  output wire                            transfer_data_ready,
  input  wire [63:0]                     transfer_data,
  input  wire                            push_found_valid,  // of a delivery, once it is read
  input  wire                            push_found,

  // in: the host-frame path
  input  wire                            host_transfer_valid,
  output wire                            host_transfer_ready,
  input  wire [`TRANSFER_BITS-1:0]       host_transfer_header,
  input  wire                            host_data_valid,
  output wire                            host_data_ready,
  input  wire [63:0]                     host_data,

  // in: the host group; events without data
  input  wire                            host_event_valid,
  output wire                            host_event_ready,
  input  wire [`TRANSFER_EVENT_BITS-1:0] host_event,

  // in: registers
  input  wire                            stop,
  input  wire [63:0]                     event_ring_address,
  input  wire [16:0]                     event_ring_entries,
  input  wire [31:0]                     event_consumer,
  input  wire [7:0]                      commands_taken,
  input  wire                            interrupt_enable,

  // out: the host group
  output wire                            event_written,  // in this cycle with `commands_taken`
  output wire                            idle,           // `stop` is obeyed, nothing in flight

  // out: the host
  output wire                            interrupt_line,
  output wire [0:0]                      m_axi_awid,
  output wire [63:0]                     m_axi_awaddr,
  output wire [7:0]                      m_axi_awlen,
  output wire [2:0]                      m_axi_awsize,
  output wire [1:0]                      m_axi_awburst,
  output wire [3:0]                      m_axi_awcache,
  output wire [2:0]                      m_axi_awprot,
  output wire                            m_axi_awvalid,
  input  wire                            m_axi_awready,
  output wire [63:0]                     m_axi_wdata,
  output wire [7:0]                      m_axi_wstrb,
  output wire                            m_axi_wlast,
  output wire                            m_axi_wvalid,
  input  wire                            m_axi_wready,
  input  wire [0:0]                      m_axi_bid,
  input  wire [1:0]                      m_axi_bresp,
  input  wire                            m_axi_bvalid,
  output wire                            m_axi_bready
);

  localparam PAYLOAD_IN_FLIGHT = 64;
  localparam EVENTS_IN_FLIGHT  = 64;
  localparam EVENT_QUEUE       = 128;

  wire        writer_valid, writer_ready, writer_door, writer_move;
  wire        writer_data_valid, writer_data_ready;
  // One identifier is in use: answers come in order and need not be told apart.
  wire        unused = &{1'b0, m_axi_bid, writer_ready};
  wire [63:0] writer_address, writer_data;
  wire [15:0] writer_length;
  wire [2:0]  writer_lane;

  wire        event_valid, event_ready;
  wire [`TRANSFER_EVENT_BITS-1:0] event_word;

  wire        completion_valid, failed, payload_idle, event_idle;
  wire [1:0]  completion_response;

  wire        payload_awvalid, payload_awready, payload_wvalid, payload_wready, payload_wlast;
  wire        payload_bvalid, payload_bready;
  wire [63:0] payload_awaddr, payload_wdata;
  wire [7:0]  payload_awlen, payload_wstrb;
  wire [1:0]  payload_bresp;

  wire        event_awvalid, event_awready, event_wvalid, event_wready, event_bvalid;
  wire [63:0] event_awaddr, event_wdata;
  wire [1:0]  event_bresp;

  assign idle = payload_idle && event_idle;

  transfer_arbiter arbiter (
    .clk                 (clk),
    .rst                 (rst),
    .delivery_valid      (transfer_valid),
    .delivery_ready      (transfer_ready),
    .delivery_header     (transfer_header),
    .delivery_data_valid (transfer_data_valid),
    .delivery_data_ready (transfer_data_ready),
    .delivery_data       (transfer_data),
    .frame_valid         (host_transfer_valid),
    .frame_ready         (host_transfer_ready),
    .frame_header        (host_transfer_header),
    .frame_data_valid    (host_data_valid),
    .frame_data_ready    (host_data_ready),
    .frame_data          (host_data),
    .host_event_valid    (host_event_valid),
    .host_event_ready    (host_event_ready),
    .host_event          (host_event),
    .transfer_valid      (writer_valid),
    .transfer_door       (writer_door),
    .transfer_move       (writer_move),
    .transfer_address    (writer_address),
    .transfer_length     (writer_length),
    .transfer_lane       (writer_lane),
    .transfer_data_valid (writer_data_valid),
    .transfer_data_ready (writer_data_ready),
    .transfer_data       (writer_data),
    .event_valid         (event_valid),
    .event_ready         (event_ready),
    .event_word          (event_word)
  );

  payload_writer #(.IN_FLIGHT(PAYLOAD_IN_FLIGHT)) payload (
    .clk                 (clk),
    .rst                 (rst),
    .transfer_valid      (writer_valid),
    .transfer_ready      (writer_ready),
    .transfer_door       (writer_door),
    .transfer_move       (writer_move),
    .transfer_address    (writer_address),
    .transfer_length     (writer_length),
    .transfer_lane       (writer_lane),
    .transfer_data_valid (writer_data_valid),
    .transfer_data_ready (writer_data_ready),
    .transfer_data       (writer_data),
    .stop                (stop || failed),
    .completion_valid    (completion_valid),
    .completion_response (completion_response),
    .idle                (payload_idle),
    .payload_awvalid     (payload_awvalid),
    .payload_awready     (payload_awready),
    .payload_awaddr      (payload_awaddr),
    .payload_awlen       (payload_awlen),
    .payload_wvalid      (payload_wvalid),
    .payload_wready      (payload_wready),
    .payload_wdata       (payload_wdata),
    .payload_wstrb       (payload_wstrb),
    .payload_wlast       (payload_wlast),
    .payload_bvalid      (payload_bvalid),
    .payload_bready      (payload_bready),
    .payload_bresp       (payload_bresp)
  );

  event_writer #(.DEPTH(EVENT_QUEUE), .IN_FLIGHT(EVENTS_IN_FLIGHT)) events (
    .clk                 (clk),
    .rst                 (rst),
    .event_valid         (event_valid),
    .event_ready         (event_ready),
    .event_word          (event_word),
    .push_found_valid    (push_found_valid),
    .push_found          (push_found),
    .completion_valid    (completion_valid),
    .completion_response (completion_response),
    .stop                (stop),
    .event_ring_address  (event_ring_address),
    .event_ring_entries  (event_ring_entries),
    .event_consumer      (event_consumer),
    .commands_taken      (commands_taken),
    .interrupt_enable    (interrupt_enable),
    .event_written       (event_written),
    .failed              (failed),
    .idle                (event_idle),
    .interrupt_line      (interrupt_line),
    .event_awvalid       (event_awvalid),
    .event_awready       (event_awready),
    .event_awaddr        (event_awaddr),
    .event_wvalid        (event_wvalid),
    .event_wready        (event_wready),
    .event_wdata         (event_wdata),
    .event_bvalid        (event_bvalid),
    .event_bresp         (event_bresp)
  );

  axi_write_port #(.IN_FLIGHT(PAYLOAD_IN_FLIGHT + EVENTS_IN_FLIGHT)) port (
    .clk             (clk),
    .rst             (rst),
    .payload_awvalid (payload_awvalid),
    .payload_awready (payload_awready),
    .payload_awaddr  (payload_awaddr),
    .payload_awlen   (payload_awlen),
    .payload_wvalid  (payload_wvalid),
    .payload_wready  (payload_wready),
    .payload_wdata   (payload_wdata),
    .payload_wstrb   (payload_wstrb),
    .payload_wlast   (payload_wlast),
    .payload_bvalid  (payload_bvalid),
    .payload_bready  (payload_bready),
    .payload_bresp   (payload_bresp),
    .event_awvalid   (event_awvalid),
    .event_awready   (event_awready),
    .event_awaddr    (event_awaddr),
    .event_wvalid    (event_wvalid),
    .event_wready    (event_wready),
    .event_wdata     (event_wdata),
    .event_bvalid    (event_bvalid),
    .event_bresp     (event_bresp),
    .m_axi_awid      (m_axi_awid),
    .m_axi_awaddr    (m_axi_awaddr),
    .m_axi_awlen     (m_axi_awlen),
    .m_axi_awsize    (m_axi_awsize),
    .m_axi_awburst   (m_axi_awburst),
    .m_axi_awcache   (m_axi_awcache),
    .m_axi_awprot    (m_axi_awprot),
    .m_axi_awvalid   (m_axi_awvalid),
    .m_axi_awready   (m_axi_awready),
    .m_axi_wdata     (m_axi_wdata),
    .m_axi_wstrb     (m_axi_wstrb),
    .m_axi_wlast     (m_axi_wlast),
    .m_axi_wvalid    (m_axi_wvalid),
    .m_axi_wready    (m_axi_wready),
    .m_axi_bresp     (m_axi_bresp),
    .m_axi_bvalid    (m_axi_bvalid),
    .m_axi_bready    (m_axi_bready)
  );

endmodule

`default_nettype wire
