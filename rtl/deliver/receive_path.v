// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The way of a byte through the adapter: from a segment's payload to a transfer to the host.
//
//   segment, payload, verdict ──► segment path ──► receive ring ──► delivery path ──► transfer
//                                   │    ▲ freed ───────────────────── │  ▲
//                                   └────────────── arrival ──────────────┘ commands, buffers
//
// Payload is written to its place as it streams in, and counts from its verdict on. What arrives
// in order is delivered as far as the connection's indicate window allows.
//
// It only connects: what is decided is decided in its modules.

`default_nettype none
`include "toe_registers.vh"

module receive_path #(
  parameter CONNECTIONS        = 16,    // a power of two, 2 to 65536
  parameter RECEIVE_RING_BYTES = 4096,  // bytes of each receive ring, a power of two, at least 64
  parameter GAPS               = 4,     // islands of data beyond a gap, for each connection
  parameter NAMED_BUFFER_PAGES = 16     // posted at a time, for each connection, a power of two
) (
  input  wire                      clk,
  input  wire                      rst,

  // in: rx
  input  wire                      segment_valid,
  output wire                      segment_ready,
  input  wire [`SEGMENT_BITS-1:0]  segment_header,
  input  wire                      payload_valid,
  output wire                      payload_ready,
  input  wire [63:0]               payload_data,
  input  wire                      payload_last,
  input  wire                      verdict_valid,
  output wire                      verdict_ready,
  input  wire                      verdict_good,

  // in: the host
  input  wire                      window_command_valid,
  output wire                      window_command_ready,
  input  wire [7:0]                window_command_opcode,
  input  wire [15:0]               window_command_connection,
  input  wire [31:0]               window_command_bytes,
  input  wire [159:0]              window_command_words,  // all of the command
  input  wire [31:0]               push_timer_cycles,
  input  wire                      anonymous_buffer_valid,
  output wire                      anonymous_buffer_ready,
  input  wire [63:0]               anonymous_buffer_address,
  input  wire [15:0]               anonymous_buffer_number,
  input  wire [15:0]               anonymous_buffer_bytes,

  // out: dma
  output wire                      transfer_valid,
  input  wire                      transfer_ready,
  output wire [`TRANSFER_BITS-1:0] transfer_header,
  output wire                      transfer_data_valid,
  input  wire                      transfer_data_ready,
  output wire [63:0]               transfer_data,
  output wire                      push_found_valid,      // of a delivery to an Anonymous Buffer
  output wire                      push_found,

  // out: the host
  output wire                      window_answer_valid,
  output wire                      window_answer_refused,
  output wire [7:0]                window_answer_reason,
  output wire                      closed_valid,
  output wire [15:0]               closed_connection,
  output wire [`COUNTERS-1:0]      count
);

  localparam CONNECTION_BITS = $clog2(CONNECTIONS);
  localparam RING_BITS       = $clog2(RECEIVE_RING_BYTES);

  wire [7:0]                 write_lanes, write_wraps, read_wraps, write_marks, read_marks;
  wire [CONNECTION_BITS-1:0] write_connection, read_connection, freed_connection;
  wire [RING_BITS-4:0]       write_word, write_following, read_word, read_following;
  wire [63:0]                write_data, read_data;
  wire                       read_enable, freed_valid, arrival_valid, arrival_ready;
  wire [31:0]                freed_position;
  wire [`ARRIVAL_BITS-1:0]   arrival;
  wire [`COUNTERS-1:0]       count_segments, count_deliveries;

  segment_path #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES), .GAPS(GAPS)
  ) segments (
    .clk(clk), .rst(rst),
    .segment_valid(segment_valid), .segment_ready(segment_ready), .segment_header(segment_header),
    .payload_valid(payload_valid), .payload_ready(payload_ready), .payload_data(payload_data),
    .payload_last(payload_last),
    .verdict_valid(verdict_valid), .verdict_ready(verdict_ready), .verdict_good(verdict_good),
    .freed_valid(freed_valid), .freed_connection(freed_connection),
    .freed_position(freed_position),
    .write_lanes(write_lanes), .write_wraps(write_wraps), .write_connection(write_connection),
    .write_word(write_word), .write_following(write_following), .write_data(write_data),
    .write_marks(write_marks),
    .arrival_valid(arrival_valid), .arrival_ready(arrival_ready), .arrival(arrival),
    .count(count_segments)
  );

  receive_ring #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) ring (
    .clk(clk),
    .write_lanes(write_lanes), .write_wraps(write_wraps), .write_connection(write_connection),
    .write_word(write_word), .write_following(write_following), .write_data(write_data),
    .write_marks(write_marks), .read_marks(read_marks),
    .read_enable(read_enable), .read_wraps(read_wraps), .read_connection(read_connection),
    .read_word(read_word), .read_following(read_following), .read_data(read_data)
  );

  delivery_path #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES),
    .NAMED_BUFFER_PAGES(NAMED_BUFFER_PAGES)
  ) deliveries (
    .clk(clk), .rst(rst),
    .arrival_valid(arrival_valid), .arrival_ready(arrival_ready), .arrival(arrival),
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_opcode(window_command_opcode),
    .window_command_connection(window_command_connection),
    .window_command_bytes(window_command_bytes),
    .window_command_words(window_command_words), .push_timer_cycles(push_timer_cycles),
    .anonymous_buffer_valid(anonymous_buffer_valid),
    .anonymous_buffer_ready(anonymous_buffer_ready),
    .anonymous_buffer_address(anonymous_buffer_address),
    .anonymous_buffer_number(anonymous_buffer_number),
    .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .read_enable(read_enable), .read_wraps(read_wraps), .read_connection(read_connection),
    .read_word(read_word), .read_following(read_following), .read_data(read_data),
    .read_marks(read_marks), .push_found_valid(push_found_valid), .push_found(push_found),
    .transfer_valid(transfer_valid), .transfer_ready(transfer_ready),
    .transfer_header(transfer_header),
    .transfer_data_valid(transfer_data_valid), .transfer_data_ready(transfer_data_ready),
    .transfer_data(transfer_data),
    .freed_valid(freed_valid), .freed_connection(freed_connection),
    .freed_position(freed_position),
    .window_answer_valid(window_answer_valid), .window_answer_refused(window_answer_refused),
    .window_answer_reason(window_answer_reason),
    .closed_valid(closed_valid), .closed_connection(closed_connection), .count(count_deliveries)
  );

  assign count = count_segments | count_deliveries;

endmodule

`default_nettype wire
