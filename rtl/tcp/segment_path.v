// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Brings segments in: payload into the receive ring, and what it adds up to as arrivals.
//
//   segment, verdict ──► segment acceptor ──────────► arrival
//                           ▲      │ steps, positions
//              gap tracker ◄┘      ▼
//   payload ──► queue ──────► payload placer ───────► ring
//
// It only connects: what is decided is decided in its modules.

`default_nettype none
`include "toe_registers.vh"

module segment_path #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter GAPS               = 4,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS),
  parameter RING_BITS          = $clog2(RECEIVE_RING_BYTES)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: rx
  input  wire                       segment_valid,
  output wire                       segment_ready,
  input  wire [`SEGMENT_BITS-1:0]   segment_header,
  input  wire                       payload_valid,
  output wire                       payload_ready,
  input  wire [63:0]                payload_data,
  input  wire                       payload_last,
  input  wire                       verdict_valid,
  output wire                       verdict_ready,
  input  wire                       verdict_good,

  // in: the ring reader
  input  wire                       freed_valid,
  input  wire [CONNECTION_BITS-1:0] freed_connection,
  input  wire [31:0]                freed_position,

  // out: the receive ring
  output wire [7:0]                 write_lanes,
  output wire [7:0]                 write_wraps,
  output wire [CONNECTION_BITS-1:0] write_connection,
  output wire [RING_BITS-4:0]       write_word,
  output wire [RING_BITS-4:0]       write_following,
  output wire [63:0]                write_data,
  output wire [7:0]                 write_marks,

  // out: the delivery path
  output wire                       arrival_valid,
  input  wire                       arrival_ready,
  output wire [`ARRIVAL_BITS-1:0]   arrival,

  // out: the counters
  output wire [`COUNTERS-1:0]       count
);

  localparam COMPARE_BITS  = RING_BITS + 2;
  // More than a segment and a ring together, so that no position is taken for another.
  localparam POSITION_BITS = COMPARE_BITS > 17 ? COMPARE_BITS : 17;

  wire                       load, measure, compare;
  wire [CONNECTION_BITS-1:0] load_connection, connection;
  wire [31:0]                load_sequence, start, finish, sequence_end, window_end;
  wire [POSITION_BITS-1:0]   window_start, reached;
  wire                        reached_high;
  wire                       fill, in_order, forget, keep_islands;
  wire                       covered, holds, reaches, beyond_finish;
  wire                       has_payload, writable, push, early, placer_busy;

  wire        queue_valid, queue_ready, queue_last;
  wire [63:0] queue_data;

  segment_acceptor #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES),
    .POSITION_BITS(POSITION_BITS)
  ) acceptor (
    .clk(clk), .rst(rst),
    .segment_valid(segment_valid), .segment_ready(segment_ready), .segment_header(segment_header),
    .verdict_valid(verdict_valid), .verdict_ready(verdict_ready), .verdict_good(verdict_good),
    .freed_valid(freed_valid), .freed_connection(freed_connection),
    .freed_position(freed_position),
    .load(load), .load_connection(load_connection), .load_sequence(load_sequence),
    .measure(measure), .compare(compare), .connection(connection),
    .start(start), .finish(finish), .fill(fill), .in_order(in_order), .forget(forget),
    .keep(keep_islands), .covered(covered), .holds(holds), .reaches(reaches),
    .reached(reached), .reached_high(reached_high), .beyond_finish(beyond_finish),
    .has_payload(has_payload), .writable(writable), .push(push), .window_start(window_start),
    .early(early),
    .sequence_end(sequence_end), .window_end(window_end), .placer_busy(placer_busy),
    .placer_takes(queue_valid), .placer_ends(queue_valid && queue_last),
    .arrival_valid(arrival_valid), .arrival_ready(arrival_ready), .arrival(arrival),
    .count(count)
  );

  wire                     scan_first, scan_step;
  wire [POSITION_BITS-4:0] scan_word;
  wire [7:0]               scan_wraps, proven;

  gap_tracker #(
    .CONNECTIONS(CONNECTIONS), .GAPS(GAPS), .POSITION_BITS(POSITION_BITS),
    .COMPARE_BITS(COMPARE_BITS)
  ) gaps (
    .clk(clk), .rst(rst),
    .look(load), .look_connection(load_connection), .compare(compare),
    .start(start[POSITION_BITS-1:0]), .finish(finish[POSITION_BITS-1:0]), .fill(fill),
    .in_order(in_order), .forget(forget), .keep(keep_islands),
    .keep_connection(connection),
    .covered(covered), .holds(holds), .reaches(reaches), .reached(reached),
    .reached_high(reached_high),
    .beyond_finish(beyond_finish),
    .first(scan_first), .step(scan_step), .scan_word(scan_word), .wraps(scan_wraps),
    .proven(proven)
  );

  // Hides the acceptor's three cycles from rx.
  small_fifo #(.WIDTH(65), .DEPTH(16)) queue (
    .clk(clk), .rst(rst),
    .in_valid(payload_valid), .in_ready(payload_ready), .in_data({payload_last, payload_data}),
    .out_valid(queue_valid), .out_ready(queue_ready), .out_data({queue_last, queue_data})
  );

  payload_placer #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES),
    .POSITION_BITS(POSITION_BITS)
  ) placer (
    .clk(clk), .rst(rst),
    .load(load), .load_position(load_sequence[POSITION_BITS-1:0]), .measure(measure),
    .compare(compare), .has_payload(has_payload), .writable(writable), .push(push),
    .connection(connection),
    .window_start(window_start), .from_start(!early),
    .sequence_end(sequence_end[POSITION_BITS-1:0]),
    .window_end(window_end[POSITION_BITS-1:0]), .busy(placer_busy),
    .payload_valid(queue_valid), .payload_ready(queue_ready), .payload_data(queue_data),
    .payload_last(queue_last),
    .first(scan_first), .step(scan_step), .scan_word(scan_word), .wraps(scan_wraps),
    .proven(proven),
    .write_lanes(write_lanes), .write_wraps(write_wraps), .write_connection(write_connection),
    .write_word(write_word), .write_following(write_following), .write_data(write_data),
    .write_marks(write_marks)
  );

  wire unused = &{1'b0, load_sequence, start, finish, sequence_end, window_end};

endmodule

`default_nettype wire
