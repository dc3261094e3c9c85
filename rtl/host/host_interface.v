// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Joins the parts that the driver speaks to: registers, commands, buffers granted, counters.
//
//   AXI4-Lite --> axi_lite_port --> registers --> command_engine --> rx, deliver, host_event
//                      |               |                   \-------> buffers granted
//                 reset_control     counters
//
// Wiring only. It writes nothing to host memory itself: its events are transfers like others.

`default_nettype none
`include "toe_registers.vh"

module host_interface #(
  parameter CONNECTIONS                = 16,
  parameter RECEIVE_RING_BYTES         = 4096,
  parameter ANONYMOUS_BUFFERS          = 256,
  parameter HOST_FRAME_BUFFERS         = 256,
  parameter NVRAM_INDICATE_WINDOW_SIZE = 0,
  parameter NAMED_BUFFER_PAGES         = 16
) (
  input  wire                     clk,
  input  wire                     rst,

  // in: the driver
  input  wire [`ADDRESS_BITS-1:0] s_axil_awaddr,
  input  wire [2:0]               s_axil_awprot,
  input  wire                     s_axil_awvalid,
  output wire                     s_axil_awready,
  input  wire [31:0]              s_axil_wdata,
  input  wire [3:0]               s_axil_wstrb,
  input  wire                     s_axil_wvalid,
  output wire                     s_axil_wready,
  output wire [1:0]               s_axil_bresp,
  output wire                     s_axil_bvalid,
  input  wire                     s_axil_bready,
  input  wire [`ADDRESS_BITS-1:0] s_axil_araddr,
  input  wire [2:0]               s_axil_arprot,
  input  wire                     s_axil_arvalid,
  output wire                     s_axil_arready,
  output wire [31:0]              s_axil_rdata,
  output wire [1:0]               s_axil_rresp,
  output wire                     s_axil_rvalid,
  input  wire                     s_axil_rready,

  // out: the whole adapter
  output wire                     adapter_reset,
  output wire                     enable,
  // in: the counters' pulses of every group but this
  input  wire [`COUNTERS-1:0]     count,

  // out and in: rx
  output wire                     lookup_command_valid,
  input  wire                     lookup_command_ready,
  output wire                     lookup_command_insert,
  output wire [15:0]              lookup_command_connection,
  output wire [127:0]             lookup_command_source,
  output wire [127:0]             lookup_command_destination,
  output wire [15:0]              lookup_command_source_port,
  output wire [15:0]              lookup_command_destination_port,
  output wire                     lookup_command_ipv6,
  output wire [31:0]              lookup_command_receive_next,
  output wire [31:0]              lookup_command_indicate_window_size,
  input  wire                     lookup_answer_valid,
  input  wire [2:0]               lookup_answer_status,
  output wire [15:0]              host_frame_buffer_bytes,
  output wire                     host_buffer_valid,
  input  wire                     host_buffer_ready,
  output wire [63:0]              host_buffer_address,
  output wire [15:0]              host_buffer_number,

  // out and in: deliver
  output wire                     window_command_valid,
  input  wire                     window_command_ready,
  output wire [7:0]               window_command_opcode,
  output wire [15:0]              window_command_connection,
  output wire [31:0]              window_command_bytes,
  output wire [159:0]             window_command_words,
  output wire [31:0]              push_timer_cycles,
  input  wire                     window_answer_valid,
  input  wire                     window_answer_refused,
  input  wire [7:0]               window_answer_reason,
  input  wire                     closed_valid,
  input  wire [15:0]              closed_connection,
  output wire [15:0]              anonymous_buffer_bytes,
  output wire                     anonymous_buffer_valid,
  input  wire                     anonymous_buffer_ready,
  output wire [63:0]              anonymous_buffer_address,
  output wire [15:0]              anonymous_buffer_number,

  // out and in: dma
  output wire [63:0]              event_ring_address,
  output wire [16:0]              event_ring_entries,
  output wire [31:0]              event_consumer,
  output wire [7:0]               commands_taken,  // modulo 256
  output wire                     interrupt_enable,
  input  wire                     event_written,
  output wire                     bus_hold,
  input  wire                     bus_quiet,
  output wire                     host_event_valid,
  input  wire                     host_event_ready,
  output wire [62:0]              host_event
);

  // -------------------------------------------------------------- registers

  wire                     write_valid, write_answer_valid, write_answer_refused;
  wire [`ADDRESS_BITS-1:2] write_address, read_address;
  wire [31:0]              write_data, read_answer_data;
  wire                     read_valid, read_answer_valid, read_answer_refused;
  wire [31:0]              all_commands_taken;
  wire                     port_busy, port_hold, reset_request;

  assign commands_taken = all_commands_taken[7:0];

  axi_lite_port #(.ADDRESS_BITS(`ADDRESS_BITS)) axi_lite_port (
    .clk(clk), .rst(rst),
    .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot),
    .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
    .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
    .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
    .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
    .s_axil_araddr(s_axil_araddr), .s_axil_arprot(s_axil_arprot),
    .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
    .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
    .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
    .write_valid(write_valid), .write_address(write_address), .write_data(write_data),
    .write_answer_valid(write_answer_valid), .write_answer_refused(write_answer_refused),
    .read_valid(read_valid), .read_address(read_address),
    .read_answer_valid(read_answer_valid), .read_answer_refused(read_answer_refused),
    .read_answer_data(read_answer_data),
    .hold(port_hold), .busy(port_busy)
  );

  reset_control reset_control (
    .clk(clk), .rst(rst),
    .reset_request(reset_request),
    .port_busy(port_busy), .port_hold(port_hold),
    .bus_hold(bus_hold), .bus_quiet(bus_quiet),
    .adapter_reset(adapter_reset)
  );

  wire        command_write_valid, command_full;
  wire [2:0]  command_write_index;
  wire [31:0] command_write_data;
  wire        counter_read_valid, counter_answer_valid;
  wire [5:0]  counter_read_index;
  wire [31:0] counter_answer_value;
  wire [31:0] indicate_window_size;

  registers #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES),
    .ANONYMOUS_BUFFERS(ANONYMOUS_BUFFERS), .HOST_FRAME_BUFFERS(HOST_FRAME_BUFFERS),
    .NVRAM_INDICATE_WINDOW_SIZE(NVRAM_INDICATE_WINDOW_SIZE),
    .NAMED_BUFFER_PAGES(NAMED_BUFFER_PAGES)
  ) registers (
    .clk(clk), .rst(adapter_reset),
    .write_valid(write_valid), .write_address(write_address), .write_data(write_data),
    .write_answer_valid(write_answer_valid), .write_answer_refused(write_answer_refused),
    .read_valid(read_valid), .read_address(read_address),
    .read_answer_valid(read_answer_valid), .read_answer_refused(read_answer_refused),
    .read_answer_data(read_answer_data),
    .reset_request(reset_request),
    .command_write_valid(command_write_valid), .command_write_index(command_write_index),
    .command_write_data(command_write_data), .command_full(command_full),
    .commands_taken(all_commands_taken),
    .counter_read_valid(counter_read_valid), .counter_read_index(counter_read_index),
    .counter_answer_valid(counter_answer_valid), .counter_answer_value(counter_answer_value),
    .enable(enable), .interrupt_enable(interrupt_enable),
    .event_ring_address(event_ring_address), .event_ring_entries(event_ring_entries),
    .event_consumer(event_consumer),
    .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .host_frame_buffer_bytes(host_frame_buffer_bytes),
    .indicate_window_size(indicate_window_size), .push_timer_cycles(push_timer_cycles)
  );

  // -------------------------------------------------------------- counters

  wire                 refused_pulse;
  wire [`COUNTERS-1:0] refused_count = {{(`COUNTERS - 1){1'b0}}, refused_pulse}
                                       << `COUNT_COMMANDS_REFUSED;

  counters counters (
    .clk(clk), .rst(adapter_reset),
    .pulses(count | refused_count),
    .counter_read_valid(counter_read_valid), .counter_read_index(counter_read_index),
    .counter_answer_valid(counter_answer_valid), .counter_answer_value(counter_answer_value)
  );

  // -------------------------------------------------------------- commands

  command_engine #(
    .CONNECTIONS(CONNECTIONS),
    .ANONYMOUS_BUFFERS(ANONYMOUS_BUFFERS), .HOST_FRAME_BUFFERS(HOST_FRAME_BUFFERS)
  ) command_engine (
    .clk(clk), .rst(adapter_reset),
    .command_write_valid(command_write_valid), .command_write_index(command_write_index),
    .command_write_data(command_write_data), .command_full(command_full),
    .commands_taken(all_commands_taken), .indicate_window_size(indicate_window_size),
    .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .host_frame_buffer_bytes(host_frame_buffer_bytes),
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
    .host_buffer_valid(host_buffer_valid), .host_buffer_ready(host_buffer_ready),
    .host_buffer_address(host_buffer_address), .host_buffer_number(host_buffer_number),
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_opcode(window_command_opcode),
    .window_command_connection(window_command_connection),
    .window_command_bytes(window_command_bytes),
    .window_command_words(window_command_words),
    .window_answer_valid(window_answer_valid), .window_answer_refused(window_answer_refused),
    .window_answer_reason(window_answer_reason),
    .closed_valid(closed_valid), .closed_connection(closed_connection),
    .anonymous_buffer_valid(anonymous_buffer_valid),
    .anonymous_buffer_ready(anonymous_buffer_ready),
    .anonymous_buffer_address(anonymous_buffer_address),
    .anonymous_buffer_number(anonymous_buffer_number),
    .host_event_valid(host_event_valid), .host_event_ready(host_event_ready),
    .host_event(host_event), .event_written(event_written),
    .refused_pulse(refused_pulse)
  );

endmodule

`default_nettype wire
