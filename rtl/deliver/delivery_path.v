// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Takes bytes out: from arrivals to transfers, under the indicate window of each connection.
//
//   arrival ──────────► delivery scheduler ◄──► ready queue
//   window command ──►        │  ▲  ▲ └───────► indicate window
//                             │  └──┴─────────► delivery ledger ──► ring reader ──► transfer data
//   Anonymous Buffers ──────► transfer composer ──────────────────────────────────► transfer header
//
// It only connects: what is decided is decided in its modules.

`default_nettype none
`include "toe_registers.vh"

module delivery_path #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS),
  parameter RING_BITS          = $clog2(RECEIVE_RING_BYTES)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the segment path
  input  wire                       arrival_valid,
  output wire                       arrival_ready,
  input  wire [`ARRIVAL_BITS-1:0]   arrival,

  // in: the host
  input  wire                       window_command_valid,
  output wire                       window_command_ready,
  input  wire [7:0]                 window_command_opcode,
  input  wire [15:0]                window_command_connection,
  input  wire [31:0]                window_command_bytes,
  input  wire                       anonymous_buffer_valid,
  output wire                       anonymous_buffer_ready,
  input  wire [63:0]                anonymous_buffer_address,
  input  wire [15:0]                anonymous_buffer_number,
  input  wire [15:0]                anonymous_buffer_bytes,

  // the receive ring
  output wire                       read_enable,
  output wire [7:0]                 read_wraps,
  output wire [CONNECTION_BITS-1:0] read_connection,
  output wire [RING_BITS-4:0]       read_word,
  output wire [RING_BITS-4:0]       read_following,
  input  wire [63:0]                read_data,

  // out: dma
  output wire                       transfer_valid,
  input  wire                       transfer_ready,
  output wire [`TRANSFER_BITS-1:0]  transfer_header,
  output wire                       transfer_data_valid,
  input  wire                       transfer_data_ready,
  output wire [63:0]                transfer_data,

  // out: the segment path
  output wire                       freed_valid,
  output wire [CONNECTION_BITS-1:0] freed_connection,
  output wire [31:0]                freed_position,

  // out: the host
  output wire                       window_answer_valid,
  output wire                       window_answer_refused,
  output wire [7:0]                 window_answer_reason,
  output wire                       closed_valid,
  output wire [15:0]                closed_connection,
  output wire [`COUNTERS-1:0]       count
);

  wire                         returns, comes, head_valid, head_taken;
  wire [CONNECTION_BITS-1:0]   comer, head_connection;
  wire                         look, look_arrival;
  wire                         head_closing, comer_closing;
  wire [CONNECTION_BITS-1:0]   turn_connection;
  wire                         decide;
  wire [`ARRIVAL_CONNECTION_BITS-1:0] arrival_connection_field = arrival[`ARRIVAL_CONNECTION];
  wire [CONNECTION_BITS-1:0]   arrival_connection = arrival_connection_field[CONNECTION_BITS-1:0];
  wire                         unused = &{1'b0, arrival_connection_field, taken_next};
  wire                         grant, charge, told, settle, keep_window, keep_ledger, live;
  wire [15:0]                  allowance, grant_bytes;
  wire                         allowed, widened, has_bytes, fin_due, closing;
  // The composer has the bytes of the grant a cycle after it, which is when they are charged.
  wire [`TRANSFER_LENGTH_BITS-1:0] charge_bytes = transfer_header[`TRANSFER_LENGTH];
  wire [31:0]                  taken, granted_end, content;
  wire [7:0]                   taken_wraps;
  wire [28:0]                  taken_next;
  wire [13:0]                  grant_more_words;
  wire                         grant_one_word, grant_two_words;
  wire [1:0]                   final_flags;
  wire                         reader_ready, reader_idle, compose, with_bytes;
  wire [`EVENT_KIND_BITS-1:0]  kind;
  wire [`STATE_FIELD_BITS-1:0] field;

  delivery_scheduler #(.CONNECTIONS(CONNECTIONS)) scheduler (
    .clk(clk), .rst(rst),
    .arrival_valid(arrival_valid), .arrival_ready(arrival_ready), .arrival(arrival),
    .window_command_valid(window_command_valid), .window_command_ready(window_command_ready),
    .window_command_connection(window_command_connection),
    .anonymous_buffer_valid(anonymous_buffer_valid),
    .anonymous_buffer_ready(anonymous_buffer_ready),
    .returns(returns), .comes(comes), .comer(comer), .head_valid(head_valid),
    .head_connection(head_connection), .head_taken(head_taken),
    .look(look), .look_arrival(look_arrival), .decide(decide),
    .grant(grant), .charge(charge), .told(told), .settle(settle), .keep_window(keep_window),
    .keep_ledger(keep_ledger),
    .connection(turn_connection), .live(live),
    .allowed(allowed), .widened(widened),
    .has_bytes(has_bytes), .finish(fin_due), .closing(closing), .taken(taken),
    .final_flags(final_flags),
    .reader_ready(reader_ready), .reader_idle(reader_idle),
    .compose(compose), .with_bytes(with_bytes), .kind(kind), .field(field), .content(content),
    .transfer_valid(transfer_valid),
    .closed_valid(closed_valid), .closed_connection(closed_connection), .count(count)
  );

  ready_queue #(.CONNECTIONS(CONNECTIONS)) ready (
    .clk(clk), .rst(rst),
    .returns(returns), .returner(turn_connection), .comes(comes), .comer(comer),
    .head_valid(head_valid), .head_connection(head_connection), .head_taken(head_taken)
  );

  indicate_window #(.CONNECTIONS(CONNECTIONS)) window (
    .clk(clk), .rst(rst),
    .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .look(look), .head_connection(head_connection), .arrival_connection(arrival_connection),
    .look_arrival(look_arrival), .open_bytes(arrival[`ARRIVAL_VALUE]),
    .look_command(window_command_ready), .head_all(head_closing),
    .arrival_all(comer_closing), .fetch(decide), .charge(charge),
    .operate(settle), .charge_bytes(charge_bytes), .keep(keep_window),
    .connection(turn_connection), .live(live),
    .window_command_opcode(window_command_opcode),
    .window_command_bytes(window_command_bytes),
    .allowance(allowance), .allowed(allowed), .widened(widened),
    .window_answer_valid(window_answer_valid), .window_answer_refused(window_answer_refused),
    .window_answer_reason(window_answer_reason)
  );

  delivery_ledger #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) ledger (
    .clk(clk), .rst(rst),
    .arrival_taken(arrival_valid && arrival_ready), .arrival(arrival),
    .look(look), .head_connection(head_connection), .look_arrival(look_arrival),
    .grant(grant), .told(told), .keep(keep_ledger), .connection(turn_connection),
    .allowance(allowance), .buffer_lane(anonymous_buffer_address[2:0]),
    .head_closing(head_closing), .comer_closing(comer_closing),
    .has_bytes(has_bytes), .finish(fin_due), .closing(closing),
    .grant_bytes(grant_bytes), .grant_more_words(grant_more_words),
    .grant_one_word(grant_one_word), .grant_two_words(grant_two_words),
    .taken(taken), .taken_wraps(taken_wraps), .taken_next(taken_next),
    .granted_end(granted_end), .final_flags(final_flags)
  );

  transfer_composer #(.CONNECTION_BITS(CONNECTION_BITS)) composer (
    .clk(clk), .rst(rst),
    .compose(compose), .with_bytes(with_bytes), .kind(kind), .connection(turn_connection),
    .field(field), .content(content), .grant_bytes(grant_bytes), .grant_lane(taken[2:0]),
    .anonymous_buffer_address(anonymous_buffer_address),
    .anonymous_buffer_number(anonymous_buffer_number),
    .transfer_valid(transfer_valid), .transfer_ready(transfer_ready),
    .transfer_header(transfer_header)
  );

  ring_reader #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) reader (
    .clk(clk), .rst(rst),
    .job_valid(grant), .job_ready(reader_ready), .job_connection(turn_connection),
    .job_position(taken[RING_BITS-1:0]), .job_before(taken_wraps),
    .job_word_after(taken_next[RING_BITS-4:0]),
    .job_lane(anonymous_buffer_address[2:0]), .job_more_words(grant_more_words),
    .job_one_word(grant_one_word), .job_two_words(grant_two_words), .job_end(granted_end),
    .idle(reader_idle),
    .read_enable(read_enable), .read_wraps(read_wraps), .read_connection(read_connection),
    .read_word(read_word), .read_following(read_following), .read_data(read_data),
    .transfer_data_valid(transfer_data_valid), .transfer_data_ready(transfer_data_ready),
    .transfer_data(transfer_data),
    .freed_valid(freed_valid), .freed_connection(freed_connection),
    .freed_position(freed_position)
  );

endmodule

`default_nettype wire
