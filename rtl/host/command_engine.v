// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Carries commands from the window of registers to their owners, and keeps the buffers granted.
//
//   words --> command_port --> command_dispatch --> lookup_command, window_command, host_event
//                               |          \
//                 connection_numbers     grant_expander --> buffer_queue --> anonymous_buffer
//                                                      \--> buffer_queue --> host_buffer
//
// Wiring, and a register for events.

`default_nettype none
`include "toe_registers.vh"

module command_engine #(
  parameter CONNECTIONS        = 16,
  parameter ANONYMOUS_BUFFERS  = 256,
  parameter HOST_FRAME_BUFFERS = 256
) (
  input  wire         clk,
  input  wire         rst,

  // in: the registers
  input  wire         command_write_valid,
  input  wire [2:0]   command_write_index,
  input  wire [31:0]  command_write_data,
  output wire         command_full,
  output wire [31:0]  commands_taken,
  input  wire [31:0]  indicate_window_size,
  input  wire [15:0]  anonymous_buffer_bytes,
  input  wire [15:0]  host_frame_buffer_bytes,

  // out and in: rx
  output wire         lookup_command_valid,
  input  wire         lookup_command_ready,
  output wire         lookup_command_insert,
  output wire [15:0]  lookup_command_connection,
  output wire [127:0] lookup_command_source,
  output wire [127:0] lookup_command_destination,
  output wire [15:0]  lookup_command_source_port,
  output wire [15:0]  lookup_command_destination_port,
  output wire         lookup_command_ipv6,
  output wire [31:0]  lookup_command_receive_next,
  output wire [31:0]  lookup_command_indicate_window_size,
  input  wire         lookup_answer_valid,
  input  wire [2:0]   lookup_answer_status,
  output wire         host_buffer_valid,
  input  wire         host_buffer_ready,
  output wire [63:0]  host_buffer_address,
  output wire [15:0]  host_buffer_number,

  // out and in: deliver
  output wire         window_command_valid,
  input  wire         window_command_ready,
  output wire [7:0]   window_command_opcode,
  output wire [15:0]  window_command_connection,
  output wire [31:0]  window_command_bytes,
  output wire [159:0] window_command_words,  // all of the command
  input  wire         window_answer_valid,
  input  wire         window_answer_refused,
  input  wire [7:0]   window_answer_reason,
  input  wire         closed_valid,
  input  wire [15:0]  closed_connection,
  output wire         anonymous_buffer_valid,
  input  wire         anonymous_buffer_ready,
  output wire [63:0]  anonymous_buffer_address,
  output wire [15:0]  anonymous_buffer_number,

  // out: dma
  output reg          host_event_valid,
  input  wire         host_event_ready,
  output reg  [62:0]  host_event,
  input  wire         event_written,

  // out: the counters
  output wire         refused_pulse
);

  wire         command_valid, command_ready;
  wire [159:0] command;

  assign window_command_words = command;

  command_port command_port (
    .clk(clk), .rst(rst),
    .command_write_valid(command_write_valid), .command_write_index(command_write_index),
    .command_write_data(command_write_data), .command_full(command_full),
    .commands_taken(commands_taken),
    .command_valid(command_valid), .command_ready(command_ready), .command(command)
  );

  wire [15:0] number_connection;
  wire        number_in_range, number_used, number_busy, number_mark;
  wire        grant_valid, grant_ready, grant_host_frame;
  wire [63:0] grant_address;
  wire [15:0] grant_first, grant_count;
  wire        grant_answer_valid, grant_answer_refused;

  // The event leaves through registers, so that no command waits on a path from the bus.
  wire        told_valid;
  wire [62:0] told;

  always @(posedge clk) begin
    host_event_valid <= !rst && (host_event_valid ? !host_event_ready : told_valid);
    if (!host_event_valid) host_event <= told;
  end

  command_dispatch command_dispatch (
    .clk(clk), .rst(rst),
    .command_valid(command_valid), .command_ready(command_ready), .command(command),
    .indicate_window_size(indicate_window_size),
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
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_opcode(window_command_opcode),
    .window_command_connection(window_command_connection),
    .window_command_bytes(window_command_bytes),
    .window_answer_valid(window_answer_valid), .window_answer_refused(window_answer_refused),
    .window_answer_reason(window_answer_reason),
    .number_connection(number_connection), .number_in_range(number_in_range),
    .number_used(number_used), .number_busy(number_busy), .number_mark(number_mark),
    .grant_valid(grant_valid), .grant_ready(grant_ready), .grant_host_frame(grant_host_frame),
    .grant_address(grant_address), .grant_first(grant_first), .grant_count(grant_count),
    .grant_answer_valid(grant_answer_valid), .grant_answer_refused(grant_answer_refused),
    .host_event_valid(told_valid), .host_event_ready(!host_event_valid),
    .host_event(told), .event_written(event_written),
    .refused_pulse(refused_pulse)
  );

  connection_numbers #(.CONNECTIONS(CONNECTIONS)) connection_numbers (
    .clk(clk), .rst(rst),
    .number_connection(number_connection), .number_in_range(number_in_range),
    .number_used(number_used), .number_busy(number_busy), .number_mark(number_mark),
    .closed_valid(closed_valid), .closed_connection(closed_connection)
  );

  wire        granted_anonymous, granted_host_frame;
  wire [63:0] granted_address;
  wire [15:0] granted_number;
  wire [15:0] anonymous_room, host_frame_room;

  grant_expander grant_expander (
    .clk(clk), .rst(rst),
    .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .host_frame_buffer_bytes(host_frame_buffer_bytes),
    .grant_valid(grant_valid), .grant_ready(grant_ready), .grant_host_frame(grant_host_frame),
    .grant_address(grant_address), .grant_first(grant_first), .grant_count(grant_count),
    .grant_answer_valid(grant_answer_valid), .grant_answer_refused(grant_answer_refused),
    .anonymous_valid(granted_anonymous), .host_frame_valid(granted_host_frame),
    .buffer_address(granted_address), .buffer_number(granted_number),
    .anonymous_room(anonymous_room), .host_frame_room(host_frame_room)
  );

  buffer_queue #(.DEPTH(ANONYMOUS_BUFFERS)) anonymous_queue (
    .clk(clk), .rst(rst),
    .granted_valid(granted_anonymous), .granted_address(granted_address),
    .granted_number(granted_number), .room(anonymous_room),
    .buffer_valid(anonymous_buffer_valid), .buffer_ready(anonymous_buffer_ready),
    .buffer_address(anonymous_buffer_address), .buffer_number(anonymous_buffer_number)
  );

  buffer_queue #(.DEPTH(HOST_FRAME_BUFFERS)) host_frame_queue (
    .clk(clk), .rst(rst),
    .granted_valid(granted_host_frame), .granted_address(granted_address),
    .granted_number(granted_number), .room(host_frame_room),
    .buffer_valid(host_buffer_valid), .buffer_ready(host_buffer_ready),
    .buffer_address(host_buffer_address), .buffer_number(host_buffer_number)
  );

endmodule

`default_nettype wire
