// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Takes bytes out: from arrivals to transfers, under the indicate window of each connection.
//
//   arrival ──────────► delivery scheduler ◄──► ready queue           push finder ──► push line
//   command ─────────►        │  ▲  ▲ └───────► indicate window           ▲
//                             │  └──┴─────────► delivery ledger ──► ring reader ──► transfer data
//   Named Buffers ◄─────────► │
//   Anonymous Buffers ──────► transfer composer ──────────────────────────────────► transfer header
//
// It only connects: what is decided is decided in its modules.

`default_nettype none
`include "toe_registers.vh"

module delivery_path #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter NAMED_BUFFER_PAGES = 16,
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
  input  wire [159:0]               window_command_words,    // all of the command
  input  wire [31:0]                push_timer_cycles,
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
  input  wire [7:0]                 read_marks,

  // out: dma
  output wire                       transfer_valid,
  input  wire                       transfer_ready,
  output wire [`TRANSFER_BITS-1:0]  transfer_header,
  output wire                       transfer_data_valid,
  input  wire                       transfer_data_ready,
  output wire [63:0]                transfer_data,
  output wire                       push_found_valid,  // of a delivery to an Anonymous Buffer
  output wire                       push_found,

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
  wire [CONNECTION_BITS-1:0]   entrant, head_connection;
  wire                         look, look_arrival;
  wire                         head_closing, comer_closing;
  wire [CONNECTION_BITS-1:0]   turn_connection;
  wire                         decide;
  wire [`ARRIVAL_CONNECTION_BITS-1:0] arrival_connection_field = arrival[`ARRIVAL_CONNECTION];
  wire [CONNECTION_BITS-1:0]   arrival_connection = arrival_connection_field[CONNECTION_BITS-1:0];
  wire                         unused = &{1'b0, arrival_connection_field, taken_next};
  wire                         grant, charge, told, settle, keep_window, keep_ledger, live;
  wire                         opens, command, resets, ended, placing, store, placed;
  wire [15:0]                  allowance, grant_bytes;
  wire                         allowed, widened, has_bytes, fin_due, closing;
  // The composer has the bytes of the grant a cycle after it, which is when they are charged.
  wire [`TRANSFER_LENGTH_BITS-1:0] charge_bytes = transfer_header[`TRANSFER_LENGTH];
  wire [31:0]                  taken, granted_end, content;
  wire [7:0]                   taken_wraps;
  wire [28:0]                  taken_next;
  wire [13:0]                  granted_more_words;
  wire                         grant_one_word, grant_two_words, granted_three_words;
  wire [1:0]                   final_flags, parity, found_parity;
  wire                         reader_ready, reader_idle, compose, with_bytes;
  wire [`EVENT_KIND_BITS-1:0]  kind;
  wire [`EVENT_DETAIL_BITS-1:0] detail;
  wire                         tells_next, tells_flags, tells_end, tell, tell_returned, told_full;
  wire [`RETURN_REASON_BITS-1:0] tell_reason;
  wire [31:0]                  tell_value, skipped, pending, taken_before, filled_then, found_end;
  wire [32:0]                  window_room;
  wire                         named_next, named, named_go, named_advance, named_ends;
  wire                         named_begins, named_done, due_next, push_mode, exhausted;
  wire                         alarm_valid, alarm_ready, absorb, absorb_operate, absorb_keep;
  wire                         unannounced, final_part, reaches, fills;
  wire [15:0]                  named_room;
  wire [2:0]                   target_lane;
  wire [63:0]                  target_address;
  wire                         found_valid, found_push, found_anonymous;
  wire [CONNECTION_BITS-1:0]   found_connection, alarm_connection;
  wire                         window_valid, window_refused, named_valid, named_refused;
  wire [7:0]                   window_reason, named_reason;
  wire [`COUNTERS-1:0]         count_turns, count_named;
  wire named_command = window_command_opcode == `COMMAND_POST_NAMED_BUFFER
                    || window_command_opcode == `COMMAND_CANCEL_NAMED_BUFFER;

  assign window_answer_valid   = window_valid || named_valid;
  assign window_answer_refused = named_valid ? named_refused : window_refused;
  assign window_answer_reason  = named_valid ? named_reason : window_reason;
  assign count                 = count_turns | count_named;
  assign push_found_valid      = found_valid && found_anonymous;
  assign push_found            = found_push;

  delivery_scheduler #(.CONNECTIONS(CONNECTIONS)) scheduler (
    .clk(clk), .rst(rst), .arrival_valid(arrival_valid), .arrival_ready(arrival_ready),
    .arrival(arrival), .window_command_valid(window_command_valid),
    .window_command_ready(window_command_ready),
    .window_command_connection(window_command_connection), .named_command(named_command),
    .anonymous_buffer_valid(anonymous_buffer_valid),
    .anonymous_buffer_ready(anonymous_buffer_ready), .returns(returns), .comes(comes),
    .entrant(entrant), .head_valid(head_valid), .head_connection(head_connection),
    .head_taken(head_taken), .look(look), .look_arrival(look_arrival), .decide(decide),
    .grant(grant), .charge(charge), .told(told), .settle(settle), .keep_window(keep_window),
    .keep_ledger(keep_ledger), .connection(turn_connection), .opens(opens), .live(live),
    .allowed(allowed), .widened(widened), .has_bytes(has_bytes), .finish(fin_due),
    .closing(closing), .named_next(named_next), .named(named), .due_next(due_next),
    .push_mode(push_mode), .exhausted(exhausted), .alarm_valid(alarm_valid),
    .alarm_ready(alarm_ready), .alarm_connection(alarm_connection), .placing(placing),
    .store(store), .placed(placed), .named_go(named_go), .command(command),
    .named_advance(named_advance), .named_ends(named_ends), .resets(resets), .ended(ended),
    .named_begins(named_begins), .named_done(named_done), .tell(tell), .reader_ready(reader_ready),
    .reader_idle(reader_idle), .compose(compose), .tells_next(tells_next),
    .tells_flags(tells_flags), .tells_end(tells_end), .transfer_valid(transfer_valid),
    .closed_valid(closed_valid), .closed_connection(closed_connection), .count(count_turns)
  );

  named_buffers #(.CONNECTIONS(CONNECTIONS), .PAGES(NAMED_BUFFER_PAGES)) named_buffers (
    .clk(clk), .rst(rst), .window_command_words(window_command_words),
    .anonymous_lane(anonymous_buffer_address[2:0]), .push_timer_cycles(push_timer_cycles),
    .look(look), .look_arrival(look_arrival), .decide(decide), .placing(placing), .store(store),
    .placed(placed), .clear(keep_ledger && opens), .head_connection(head_connection),
    .arrival_connection(arrival_connection), .connection(turn_connection), .opens(opens),
    .live(live), .ended(ended), .command(command), .resets(resets), .named_go(named_go),
    .named_advance(named_advance), .named_ends(named_ends), .named_begins(named_begins),
    .named_done(named_done), .has_bytes(has_bytes), .taken_before(taken_before),
    .placed_bytes(charge_bytes), .pending(pending), .window_room(window_room), .absorb(absorb),
    .absorb_operate(absorb_operate), .absorb_keep(absorb_keep), .named_next(named_next),
    .named_room(named_room), .transfer_valid(transfer_valid), .told_full(told_full),
    .found_valid(found_valid), .found_push(found_push), .found_anonymous(found_anonymous),
    .found_parity(found_parity), .found_connection(found_connection), .found_end(found_end),
    .named(named), .push_mode(push_mode), .exhausted(exhausted), .due_next(due_next),
    .parity(parity), .alarm_valid(alarm_valid), .alarm_ready(alarm_ready),
    .alarm_connection(alarm_connection), .target_lane(target_lane), .target_address(target_address),
    .filled_then(filled_then), .unannounced(unannounced), .final_part(final_part), .tell(tell),
    .tell_returned(tell_returned), .tell_reason(tell_reason), .tell_value(tell_value),
    .skipped(skipped), .answer_valid(named_valid), .answer_refused(named_refused),
    .answer_reason(named_reason), .count(count_named)
  );

  turn_event turn_event (
    .clk(clk), .rst(rst), .next(tells_next), .flags(tells_flags), .last(tells_end),
    .named_turn(named_go), .resets(resets), .decide(decide), .compose(compose),
    .has_bytes(has_bytes), .closing(closing), .taken(taken), .final_flags(final_flags),
    .reaches(reaches), .named(named), .unannounced(unannounced), .final_part(final_part),
    .tell_returned(tell_returned), .tell_reason(tell_reason), .tell_value(tell_value),
    .skipped(skipped), .with_bytes(with_bytes), .kind(kind), .fills(fills), .detail(detail),
    .content(content), .told_full(told_full)
  );

  ready_queue #(.CONNECTIONS(CONNECTIONS)) ready (
    .clk(clk), .rst(rst),
    .returns(returns), .returner(turn_connection), .comes(comes), .comer(entrant),
    .head_valid(head_valid), .head_connection(head_connection), .head_taken(head_taken)
  );

  indicate_window #(.CONNECTIONS(CONNECTIONS)) window (
    .clk(clk), .rst(rst), .anonymous_buffer_bytes(anonymous_buffer_bytes),
    .look(look), .head_connection(head_connection), .arrival_connection(arrival_connection),
    .look_arrival(look_arrival), .open_bytes(arrival[`ARRIVAL_VALUE]),
    .look_command(window_command_ready), .head_all(head_closing),
    .arrival_all(comer_closing), .named_next(named_next), .named_room(named_room),
    .fetch(decide), .absorb(absorb), .charge(charge), .operate(settle || absorb_operate),
    .charge_bytes(charge_bytes), .keep(keep_window || absorb_keep),
    .connection(turn_connection), .live(live), .window_command_opcode(window_command_opcode),
    .window_command_bytes(window_command_bytes),
    .allowance(allowance), .allowed(allowed), .widened(widened), .pending(pending),
    .room(window_room), .window_answer_valid(window_valid),
    .window_answer_refused(window_refused), .window_answer_reason(window_reason)
  );

  delivery_ledger #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) ledger (
    .clk(clk), .rst(rst), .arrival_taken(arrival_valid && arrival_ready), .arrival(arrival),
    .look(look), .head_connection(head_connection), .look_arrival(look_arrival), .grant(grant),
    .told(told), .keep(keep_ledger), .connection(turn_connection), .allowance(allowance),
    .buffer_lane(target_lane), .reaches(reaches), .taken_before(taken_before),
    .head_closing(head_closing), .comer_closing(comer_closing), .has_bytes(has_bytes),
    .finish(fin_due), .closing(closing), .grant_bytes(grant_bytes),
    .granted_more_words(granted_more_words), .granted_three_words(granted_three_words),
    .grant_one_word(grant_one_word), .grant_two_words(grant_two_words),
    .taken(taken), .taken_wraps(taken_wraps), .taken_next(taken_next), .granted_end(granted_end),
    .final_flags(final_flags)
  );

  transfer_composer #(.CONNECTION_BITS(CONNECTION_BITS)) composer (
    .clk(clk), .rst(rst), .compose(compose), .with_bytes(with_bytes), .kind(kind),
    .connection(turn_connection), .detail_now(detail), .content(content), .fills(fills),
    .grant_bytes(grant_bytes), .grant_lane(taken[2:0]), .named(named), .target_lane(target_lane),
    .target_address(target_address), .filled_then(filled_then),
    .anonymous_buffer_address(anonymous_buffer_address),
    .anonymous_buffer_number(anonymous_buffer_number), .transfer_valid(transfer_valid),
    .transfer_ready(transfer_ready), .transfer_header(transfer_header)
  );

  delivery_reader #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) reader (
    .clk(clk), .rst(rst), .job_valid(grant), .job_ready(reader_ready),
    .job_connection(turn_connection), .job_position(taken[RING_BITS-1:0]),
    .job_before(taken_wraps), .job_word_after(taken_next[RING_BITS-4:0]), .job_lane(target_lane),
    .job_more_words(granted_more_words), .job_three_words(granted_three_words),
    .job_one_word(grant_one_word), .job_two_words(grant_two_words), .job_end(granted_end),
    .job_anonymous(!named && !closing), .job_parity(parity), .idle(reader_idle),
    .read_enable(read_enable), .read_wraps(read_wraps), .read_connection(read_connection),
    .read_word(read_word), .read_following(read_following), .read_data(read_data),
    .read_marks(read_marks), .transfer_data_valid(transfer_data_valid),
    .transfer_data_ready(transfer_data_ready), .transfer_data(transfer_data),
    .found_valid(found_valid), .found_push(found_push), .found_anonymous(found_anonymous),
    .found_parity(found_parity), .found_connection(found_connection), .found_end(found_end),
    .freed_valid(freed_valid), .freed_connection(freed_connection), .freed_position(freed_position)
  );

endmodule

`default_nettype wire
