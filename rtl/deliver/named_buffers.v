// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The Named Buffers of every connection: posted, accepted, filled and returned.
//
//   command ──► Named Buffer check ──► Named Buffer turn ──► event, answer
//                                        │      ▲
//                    Named Buffer queue ◄┴──► Named Buffer fill ──► where the next bytes go
//   found PSH ──► push watch ──► due, alarm
//                   ▲  Push Timer
//
// It only connects: what is decided is decided in its modules.

`default_nettype none
`include "toe_registers.vh"

module named_buffers #(
  parameter CONNECTIONS     = 16,
  parameter PAGES           = 16,
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the host
  input  wire [159:0]               window_command_words,
  input  wire [2:0]                 anonymous_lane,
  input  wire [31:0]                push_timer_cycles,

  // in: the delivery scheduler, one step after the other
  input  wire                       look, look_arrival, decide, placing, store, placed, clear,
  input  wire [CONNECTION_BITS-1:0] head_connection,
  input  wire [CONNECTION_BITS-1:0] arrival_connection,
  input  wire [CONNECTION_BITS-1:0] connection,      // whose turn it is
  input  wire                       opens, live, ended, command, resets,
  input  wire                       named_go, named_advance, named_ends,
  output wire                       named_begins, named_done,

  // in: the delivery ledger
  input  wire                       has_bytes,
  input  wire [31:0]                taken_before,

  // the indicate window
  input  wire [31:0]                pending,
  input  wire [32:0]                window_room,
  output wire                       absorb, absorb_operate, absorb_keep,
  output wire                       named_next,      // with look
  output wire [15:0]                named_room,

  // in: the transfer composer and the turn's event
  input  wire                       transfer_valid,
  input  wire [15:0]                placed_bytes,    // after decide
  input  wire                       told_full,

  // in: the push finder
  input  wire                       found_valid, found_push, found_anonymous,
  input  wire [1:0]                 found_parity,
  input  wire [CONNECTION_BITS-1:0] found_connection,
  input  wire [31:0]                found_end,

  // out: the delivery scheduler
  output wire                       named, push_mode, exhausted, due_next,
  output wire [1:0]                 parity,
  output wire                       alarm_valid,
  input  wire                       alarm_ready,
  output wire [CONNECTION_BITS-1:0] alarm_connection,

  // out: the transfer composer and the turn's event
  output wire [2:0]                 target_lane,
  output wire [63:0]                target_address,
  output wire [31:0]                filled_then,
  output wire                       unannounced, final_part, tell, tell_returned,
  output wire [`RETURN_REASON_BITS-1:0] tell_reason,
  output wire [31:0]                tell_value, skipped,

  // out: the host
  output reg                        answer_valid,
  output reg                        answer_refused,
  output reg  [7:0]                 answer_reason,
  output wire [`COUNTERS-1:0]       count
);

  wire [31:0] total, sum, page_bytes, filled_at_end, rest, skip;
  wire [1:0]  mark, forget_mark;
  wire        full, none_left, enter, commit, forget, read, consume, cancel, keep;
  wire [63:0] page_address;
  wire [15:0] page_request, request;
  wire        page_last_read, page_push_mode, page_cancelled, turned_down, measure, load;
  wire        first_page, announce_later, turn_store, turn_clear, accepted, page_last, fits;
  wire        pushed, returns, refused;
  wire [7:0]  reason, turned_down_reason;
  wire        expiry_valid;
  wire [CONNECTIONS-1:0] watched;
  wire [CONNECTION_BITS-1:0] expiry_connection;

  named_buffer_check check (
    .clk(clk), .rst(rst), .window_command_words(window_command_words), .live(live),
    .total(total), .mark(mark), .full(full), .pending(pending), .window_room(window_room),
    .enter(enter), .sum(sum), .turned_down(turned_down), .turned_down_reason(turned_down_reason),
    .forget_mark(forget_mark)
  );

  named_buffer_queue #(.CONNECTIONS(CONNECTIONS), .PAGES(PAGES)) queue (
    .clk(clk), .rst(rst), .fetch(decide), .fetch_none(opens), .keep_none(clear),
    .connection(connection),
    .window_command_words(window_command_words), .enter(enter), .sum(sum), .commit(commit),
    .forget(forget), .forget_mark(forget_mark), .read(read), .consume(consume),
    .cancel(cancel), .keep(keep), .total(total), .mark(mark), .full(full),
    .none_left(none_left), .page_address(page_address), .page_bytes(page_bytes),
    .page_request(page_request), .page_last(page_last_read), .page_push_mode(page_push_mode),
    .page_cancelled(page_cancelled)
  );

  named_buffer_turn turn (
    .clk(clk), .rst(rst), .go(named_go), .command(command), .advance(named_advance),
    .ends(named_ends), .resets(resets), .ended(ended), .live(live), .has_bytes(has_bytes),
    .done(named_done), .window_command_words(window_command_words),
    .transfer_valid(transfer_valid), .told_full(told_full), .turned_down(turned_down),
    .turned_down_reason(turned_down_reason), .pending(pending), .absorb(absorb),
    .absorb_operate(absorb_operate), .absorb_keep(absorb_keep), .none_left(none_left),
    .page_bytes(page_bytes), .page_request(page_request), .page_last_read(page_last_read),
    .page_cancelled(page_cancelled), .enter(enter), .commit(commit), .forget(forget),
    .read(read), .consume(consume), .cancel(cancel), .keep(keep), .accepted(accepted),
    .filled_at_end(filled_at_end), .rest(rest), .request(request), .page_last(page_last),
    .fits(fits), .measure(measure), .load(load), .store(turn_store), .clear(turn_clear),
    .first_page(first_page), .skip(skip), .announce_later(announce_later), .pushed(pushed),
    .begins(named_begins), .skipped(skipped), .returns(returns), .tell(tell),
    .tell_returned(tell_returned), .tell_reason(tell_reason), .tell_value(tell_value),
    .refused(refused), .reason(reason), .count(count)
  );

  named_buffer_fill #(.CONNECTIONS(CONNECTIONS)) fill (
    .clk(clk), .rst(rst), .look(look), .head_connection(head_connection),
    .arrival_connection(arrival_connection), .look_arrival(look_arrival), .fetch(decide),
    .placing(placing), .placed_bytes(placed_bytes), .store(store || turn_store),
    .clear(clear || turn_clear), .connection(connection), .anonymous_lane(anonymous_lane),
    .page_address(page_address), .page_bytes(page_bytes), .page_request(page_request),
    .page_last_read(page_last_read), .page_push_mode(page_push_mode), .measure(measure),
    .load(load), .first_page(first_page), .skip(skip), .announce_later(announce_later),
    .named_next(named_next), .room_next(named_room), .named(named),
    .target_lane(target_lane), .final_part(final_part), .unannounced(unannounced),
    .target_address(target_address), .filled_then(filled_then), .accepted(accepted),
    .filled_at_end(filled_at_end), .rest(rest), .request(request), .page_last(page_last),
    .push_mode(push_mode), .exhausted(exhausted), .fits(fits)
  );

  // What is skipped is placed, too.
  reg skips;
  always @(posedge clk) skips <= skipped != 0;

  push_watch #(.CONNECTIONS(CONNECTIONS)) watch (
    .clk(clk), .rst(rst), .found_valid(found_valid), .found_push(found_push),
    .found_anonymous(found_anonymous), .found_parity(found_parity),
    .found_connection(found_connection), .found_end(found_end), .expiry_valid(expiry_valid),
    .expiry_connection(expiry_connection), .watched(watched),
    .head_connection(head_connection), .arrival_connection(arrival_connection),
    .look_arrival(look_arrival), .connection(connection), .open(clear),
    .absorb(absorb), .taken(taken_before), .pending(pending), .begins(named_begins),
    .push_mode(push_mode), .skips(skips), .returns(returns), .due_next(due_next),
    .parity(parity), .pushed(pushed), .alarm_valid(alarm_valid), .alarm_ready(alarm_ready),
    .alarm_connection(alarm_connection)
  );

  push_timer #(.CONNECTIONS(CONNECTIONS)) timer (
    .clk(clk), .rst(rst), .push_timer_cycles(push_timer_cycles),
    .start(placed || named_begins && push_mode && skips), .stop(returns || clear),
    .connection(connection), .watched(watched), .expiry_valid(expiry_valid),
    .expiry_connection(expiry_connection)
  );

  always @(posedge clk) begin
    answer_valid   <= !rst && named_done && command;
    answer_refused <= refused;
    answer_reason  <= reason;
  end

endmodule

`default_nettype wire
