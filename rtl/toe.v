// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The adapter: frames in, commands in; bytes and events out to host memory.
//
//   s_axis_rx --> frame_gate --> rx --> receive_path --> dma --> m_axi
//                                |           ^            ^
//                                '--- host frames --------'
//   s_axil --> host_interface: commands, buffers granted, counters, events of its own
//
// Wiring only. Every output comes from flip-flops alone, never in the same cycle from an input.
// `rst` resets everything; the driver's reset leaves the register port and what a bus is owed.

`default_nettype none
`include "toe_registers.vh"

module toe #(
  parameter CONNECTIONS                = 16,     // a power of two, 2 to 4096
  parameter RECEIVE_RING_BYTES         = 4096,   // of each connection, a power of two
  parameter GAPS                       = 4,      // of each connection
  parameter ANONYMOUS_BUFFERS          = 256,    // granted at a time, a power of two
  parameter HOST_FRAME_BUFFERS         = 256,    // granted at a time, a power of two
  parameter HOST_FRAME_BYTES           = 16384,  // of frames that wait for the host, a power of two
  parameter NAMED_BUFFER_PAGES         = 16,     // of each connection, a power of two
  parameter NVRAM_INDICATE_WINDOW_SIZE = 0       // 0: none
) (
  input  wire        clk,
  input  wire        rst,

  // in: the MAC; frames without FCS, `tuser` with `tlast` marks a bad one
  input  wire [63:0] s_axis_rx_tdata,
  input  wire [7:0]  s_axis_rx_tkeep,
  input  wire        s_axis_rx_tvalid,
  output wire        s_axis_rx_tready,
  input  wire        s_axis_rx_tlast,
  input  wire        s_axis_rx_tuser,

  // in: the driver
  input  wire [11:0] s_axil_awaddr,
  input  wire [2:0]  s_axil_awprot,
  input  wire        s_axil_awvalid,
  output wire        s_axil_awready,
  input  wire [31:0] s_axil_wdata,
  input  wire [3:0]  s_axil_wstrb,
  input  wire        s_axil_wvalid,
  output wire        s_axil_wready,
  output wire [1:0]  s_axil_bresp,
  output wire        s_axil_bvalid,
  input  wire        s_axil_bready,
  input  wire [11:0] s_axil_araddr,
  input  wire [2:0]  s_axil_arprot,
  input  wire        s_axil_arvalid,
  output wire        s_axil_arready,
  output wire [31:0] s_axil_rdata,
  output wire [1:0]  s_axil_rresp,
  output wire        s_axil_rvalid,
  input  wire        s_axil_rready,

  // out: host memory
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
  input  wire [0:0]  m_axi_bid,
  input  wire [1:0]  m_axi_bresp,
  input  wire        m_axi_bvalid,
  output wire        m_axi_bready,

  output wire        interrupt_line
);

  wire adapter_reset, enable, frame_valid, frame_ready;

  frame_gate frame_gate (
    .clk(clk), .rst(rst), .adapter_reset(adapter_reset), .s_axis_rx_tvalid(s_axis_rx_tvalid),
    .s_axis_rx_tready(s_axis_rx_tready), .s_axis_rx_tlast(s_axis_rx_tlast),
    .frame_valid(frame_valid), .frame_ready(frame_ready)
  );

  // -------------------------------------------------------------- from frames to segments

  wire         lookup_command_valid, lookup_command_ready, lookup_command_insert;
  wire         lookup_command_ipv6, lookup_answer_valid, host_buffer_valid, host_buffer_ready;
  wire [15:0]  lookup_command_connection, host_buffer_number, host_frame_buffer_bytes;
  wire [15:0]  lookup_command_source_port, lookup_command_destination_port;
  wire [127:0] lookup_command_source, lookup_command_destination;
  wire [31:0]  lookup_command_receive_next, lookup_command_indicate_window_size;
  wire [2:0]   lookup_answer_status;
  wire [63:0]  host_buffer_address, anonymous_buffer_address, event_ring_address, transfer_data;

  wire segment_valid, segment_ready, payload_valid, payload_ready, payload_last, verdict_good;
  wire verdict_valid, verdict_ready, host_transfer_valid, host_transfer_ready, host_data_valid;
  wire host_data_ready;
  wire [`SEGMENT_BITS-1:0]  segment_header;
  wire [63:0]               payload_data, host_data;
  wire [`TRANSFER_BITS-1:0] host_transfer_header;
  wire [`COUNTERS-1:0]      count_rx, count_receive_path;

  rx #(.CONNECTIONS(CONNECTIONS), .HOST_FRAME_BYTES(HOST_FRAME_BYTES)) rx (
    .clk(clk), .rst(adapter_reset), .enable(enable),
    .host_frame_buffer_bytes(host_frame_buffer_bytes), .s_axis_rx_tdata(s_axis_rx_tdata),
    .s_axis_rx_tkeep(s_axis_rx_tkeep), .s_axis_rx_tvalid(frame_valid),
    .s_axis_rx_tready(frame_ready), .s_axis_rx_tlast(s_axis_rx_tlast),
    .s_axis_rx_tuser(s_axis_rx_tuser), .lookup_command_valid(lookup_command_valid),
    .lookup_command_ready(lookup_command_ready), .lookup_command_insert(lookup_command_insert),
    .lookup_command_connection(lookup_command_connection),
    .lookup_command_source(lookup_command_source),
    .lookup_command_destination(lookup_command_destination),
    .lookup_command_source_port(lookup_command_source_port),
    .lookup_command_destination_port(lookup_command_destination_port),
    .lookup_command_ipv6(lookup_command_ipv6),
    .lookup_command_receive_next(lookup_command_receive_next),
    .lookup_command_indicate_window_size(lookup_command_indicate_window_size),
    .lookup_answer_valid(lookup_answer_valid), .lookup_answer_status(lookup_answer_status),
    .host_buffer_valid(host_buffer_valid), .host_buffer_ready(host_buffer_ready),
    .host_buffer_address(host_buffer_address), .host_buffer_number(host_buffer_number),
    .segment_valid(segment_valid), .segment_ready(segment_ready), .segment_header(segment_header),
    .payload_valid(payload_valid), .payload_ready(payload_ready), .payload_data(payload_data),
    .payload_last(payload_last), .verdict_valid(verdict_valid), .verdict_ready(verdict_ready),
    .verdict_good(verdict_good), .host_transfer_valid(host_transfer_valid),
    .host_transfer_ready(host_transfer_ready), .host_transfer_header(host_transfer_header),
    .host_data_valid(host_data_valid), .host_data_ready(host_data_ready), .host_data(host_data),
    .count(count_rx)
  );

  // -------------------------------------------------------------- from segments to transfers

  wire        window_command_valid, window_command_ready;
  wire        window_answer_valid, window_answer_refused, closed_valid;
  wire        anonymous_buffer_valid, anonymous_buffer_ready, push_found_valid, push_found;
  wire [7:0]  window_command_opcode, window_answer_reason, commands_taken;
  wire [15:0] window_command_connection, closed_connection;
  wire [31:0] window_command_bytes, push_timer_cycles, event_consumer;
  wire [159:0] window_command_words;
  wire [15:0] anonymous_buffer_number, anonymous_buffer_bytes;

  wire transfer_valid, transfer_ready, transfer_data_valid, transfer_data_ready;
  wire [`TRANSFER_BITS-1:0] transfer_header;

  receive_path #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES), .GAPS(GAPS),
    .NAMED_BUFFER_PAGES(NAMED_BUFFER_PAGES)
  ) receive_path (
    .clk(clk), .rst(adapter_reset), .segment_valid(segment_valid), .segment_ready(segment_ready),
    .segment_header(segment_header), .payload_valid(payload_valid), .payload_ready(payload_ready),
    .payload_data(payload_data), .payload_last(payload_last), .verdict_valid(verdict_valid),
    .verdict_ready(verdict_ready), .verdict_good(verdict_good),
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_opcode(window_command_opcode),
    .window_command_connection(window_command_connection),
    .window_command_bytes(window_command_bytes), .window_command_words(window_command_words),
    .push_timer_cycles(push_timer_cycles), .push_found_valid(push_found_valid),
    .push_found(push_found), .anonymous_buffer_valid(anonymous_buffer_valid),
    .anonymous_buffer_ready(anonymous_buffer_ready),
    .anonymous_buffer_address(anonymous_buffer_address),
    .anonymous_buffer_number(anonymous_buffer_number),
    .anonymous_buffer_bytes(anonymous_buffer_bytes), .transfer_valid(transfer_valid),
    .transfer_ready(transfer_ready), .transfer_header(transfer_header),
    .transfer_data_valid(transfer_data_valid), .transfer_data_ready(transfer_data_ready),
    .transfer_data(transfer_data), .window_answer_valid(window_answer_valid),
    .window_answer_refused(window_answer_refused), .window_answer_reason(window_answer_reason),
    .closed_valid(closed_valid), .closed_connection(closed_connection), .count(count_receive_path)
  );

  // -------------------------------------------------------------- to host memory
  wire [16:0] event_ring_entries;
  wire interrupt_enable, event_written, bus_hold, bus_quiet, host_event_valid, host_event_ready;
  wire [62:0] host_event;

  dma dma (
    .clk(clk), .rst(adapter_reset), .transfer_valid(transfer_valid),
    .transfer_ready(transfer_ready), .transfer_header(transfer_header),
    .transfer_data_valid(transfer_data_valid), .transfer_data_ready(transfer_data_ready),
    .transfer_data(transfer_data), .push_found_valid(push_found_valid), .push_found(push_found),
    .host_transfer_valid(host_transfer_valid), .host_transfer_ready(host_transfer_ready),
    .host_transfer_header(host_transfer_header), .host_data_valid(host_data_valid),
    .host_data_ready(host_data_ready), .host_data(host_data), .host_event_valid(host_event_valid),
    .host_event_ready(host_event_ready), .host_event(host_event), .stop(bus_hold),
    .idle(bus_quiet), .event_written(event_written), .event_ring_address(event_ring_address),
    .event_ring_entries(event_ring_entries), .event_consumer(event_consumer),
    .commands_taken(commands_taken), .interrupt_enable(interrupt_enable),
    .interrupt_line(interrupt_line), .m_axi_awid(m_axi_awid), .m_axi_awaddr(m_axi_awaddr),
    .m_axi_awlen(m_axi_awlen), .m_axi_awsize(m_axi_awsize), .m_axi_awburst(m_axi_awburst),
    .m_axi_awcache(m_axi_awcache), .m_axi_awprot(m_axi_awprot), .m_axi_awvalid(m_axi_awvalid),
    .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
    .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready),
    .m_axi_bid(m_axi_bid), .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid),
    .m_axi_bready(m_axi_bready)
  );

  // -------------------------------------------------------------- the driver's side

  host_interface #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES),
    .ANONYMOUS_BUFFERS(ANONYMOUS_BUFFERS), .HOST_FRAME_BUFFERS(HOST_FRAME_BUFFERS),
    .NVRAM_INDICATE_WINDOW_SIZE(NVRAM_INDICATE_WINDOW_SIZE),
    .NAMED_BUFFER_PAGES(NAMED_BUFFER_PAGES)
  ) host_interface (
    .clk(clk), .rst(rst), .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot),
    .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready), .s_axil_wdata(s_axil_wdata),
    .s_axil_wstrb(s_axil_wstrb), .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
    .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
    .s_axil_araddr(s_axil_araddr), .s_axil_arprot(s_axil_arprot), .s_axil_arvalid(s_axil_arvalid),
    .s_axil_arready(s_axil_arready), .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
    .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready), .adapter_reset(adapter_reset),
    .enable(enable), .count(count_rx | count_receive_path),
    .lookup_command_valid(lookup_command_valid), .lookup_command_ready(lookup_command_ready),
    .lookup_command_insert(lookup_command_insert),
    .lookup_command_connection(lookup_command_connection),
    .lookup_command_source(lookup_command_source),
    .lookup_command_destination(lookup_command_destination),
    .lookup_command_source_port(lookup_command_source_port),
    .lookup_command_destination_port(lookup_command_destination_port),
    .lookup_command_ipv6(lookup_command_ipv6),
    .lookup_command_receive_next(lookup_command_receive_next),
    .lookup_command_indicate_window_size(lookup_command_indicate_window_size),
    .lookup_answer_valid(lookup_answer_valid), .lookup_answer_status(lookup_answer_status),
    .host_frame_buffer_bytes(host_frame_buffer_bytes), .host_buffer_valid(host_buffer_valid),
    .host_buffer_ready(host_buffer_ready), .host_buffer_address(host_buffer_address),
    .host_buffer_number(host_buffer_number), .window_command_valid(window_command_valid),
    .window_command_ready(window_command_ready), .window_command_opcode(window_command_opcode),
    .window_command_connection(window_command_connection),
    .window_command_bytes(window_command_bytes), .window_command_words(window_command_words),
    .push_timer_cycles(push_timer_cycles), .window_answer_valid(window_answer_valid),
    .window_answer_refused(window_answer_refused), .window_answer_reason(window_answer_reason),
    .closed_valid(closed_valid), .closed_connection(closed_connection),
    .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .anonymous_buffer_valid(anonymous_buffer_valid),
    .anonymous_buffer_ready(anonymous_buffer_ready),
    .anonymous_buffer_address(anonymous_buffer_address),
    .anonymous_buffer_number(anonymous_buffer_number), .event_ring_address(event_ring_address),
    .event_ring_entries(event_ring_entries), .event_consumer(event_consumer),
    .commands_taken(commands_taken), .interrupt_enable(interrupt_enable),
    .event_written(event_written), .bus_hold(bus_hold), .bus_quiet(bus_quiet),
    .host_event_valid(host_event_valid), .host_event_ready(host_event_ready),
    .host_event(host_event)
  );

endmodule

`default_nettype wire
