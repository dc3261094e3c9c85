// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Posts, accepts, changes pages of, and returns Named Buffers, step by step, within a turn.
//
//   post ────► check ──► enter ──► commit ──► nobody was accepted: fetch
//   cancel ──► the accepted one: return ──► fetch     another: scan ──► tell
//   full, push, time-out: return ───────────► fetch
//   end: return all, one after the other ◄──► fetch
//   fetch ──► page ──► skip what is pending ──► store ──► tell that it is accepted
//
// A buffer is accepted in the turn in which it is posted, or in which the one before it returns.
// So there is no moment between the two in which bytes could go to an Anonymous Buffer, and what is
// skipped, less than the whole buffer, is exactly indicatedBytesPending (B12, B25).
//
// *chosen*: a buffer posted to a connection that has ended returns at once, and is not accepted:
// what is pending may belong to buffers that returned before it. What is cancelled before the
// driver was told of its acceptance returns without that event.
//
// A page posted takes 6 cycles, and an acceptance 10 more; a change of page or buffer 8; a cancel
// of a buffer that waits 4 for each page before and in it. It waits while the transfer before is
// not taken, if it has something to tell.
//
// Invariant: a Named Buffer is returned with no more bytes than it has.

`default_nettype none
`include "toe_registers.vh"

module named_buffer_turn (
  input  wire                         clk,
  input  wire                         rst,

  // in: the delivery scheduler
  input  wire                         go,             // until done
  input  wire                         advance,        // a page was filled
  input  wire                         ends, ended,    // the connection ends, or did before
  input  wire                         resets,         // who goes on needs the transfer's place
  input  wire                         command, live, has_bytes,  // live: of a command's
  output wire                         done,

  // in: the host
  input  wire [159:0]                 window_command_words,

  // in: the transfer composer
  input  wire                         transfer_valid,
  input  wire                         told_full,      // with the transfer that filled the page

  // in: the Named Buffer check, four cycles after go
  input  wire                         turned_down,
  input  wire [7:0]                   turned_down_reason,

  // the indicate window
  input  wire [31:0]                  pending,
  output wire                         absorb, absorb_operate, absorb_keep,

  // the Named Buffer queue
  input  wire                         none_left,
  input  wire [31:0]                  page_bytes,
  input  wire [15:0]                  page_request, request,
  input  wire                         page_last_read, page_cancelled,
  output wire                         enter, commit, forget, read, consume, cancel, keep,

  // the Named Buffer fill
  input  wire                         accepted, page_last, fits,
  input  wire [31:0]                  filled_at_end, rest,
  output wire                         measure, load, store, clear,
  output reg                          first_page,
  output wire                         announce_later,
  output reg  [31:0]                  skip,

  // the push watch
  input  wire                         pushed,
  output wire                         begins,         // a buffer, of which so much is skipped:
  output reg  [31:0]                  skipped,
  output wire                         returns,

  // out: the transfer composer
  output wire                         tell,
  output reg                          tell_returned,  // not accepted
  output reg  [`RETURN_REASON_BITS-1:0] tell_reason,
  output reg  [31:0]                  tell_value,     // if it is returned; else what is skipped

  // out: the host, with done
  output reg                          refused,
  output reg  [7:0]                   reason,

  // out: the counters
  output reg  [`COUNTERS-1:0]         count
);

  localparam IDLE    = 5'd0;   // what is to be done
  localparam CHECK   = 5'd1;   // post: it is judged
  localparam CHECK_2 = 5'd2, CHECK_3 = 5'd21;
  localparam COMPARE = 5'd3;   // cancel: the page's request with the one named
  localparam JUDGE   = 5'd4;   // ... entered or refused
  localparam COMMIT  = 5'd5;   // ... the buffer is posted
  localparam ABSORB  = 5'd6;   // ... and accepted: pending goes to 0
  localparam OPENED  = 5'd7;   // ... which is kept
  localparam RETURN  = 5'd8;   // the accepted buffer
  localparam TELL    = 5'd9;   // the driver
  localparam FETCH   = 5'd10;  // a page: its place
  localparam READ    = 5'd11;  // it comes out of the memory
  localparam PAGE    = 5'd12;  // it is there: dropped, returned, or used
  localparam MEASURE = 5'd13;  // less what is skipped
  localparam LOAD    = 5'd14;  // it is the page under way, or all of it is skipped
  localparam STORE   = 5'd15;
  localparam SCAN    = 5'd16;  // cancel: a page's place
  localparam LISTEN  = 5'd17;  // ... it comes out of the memory
  localparam MATCH   = 5'd18;  // ... is it of the buffer?
  localparam EMPTY   = 5'd19;  // no buffer is left
  localparam FINISH  = 5'd20;

  reg [4:0]  state, after;
  reg       fresh;       // the page begins another buffer than was accepted
  reg       dropping;    // pages of a buffer that is returned
  reg       ending;      // all are returned
  reg       same;        // of the buffer to be cancelled
  reg       page_named, buffer_named, compared;  // the page read; the buffer accepted

  wire [7:0]  opcode      = window_command_words[`COMMAND_OPCODE];
  wire        is_post     = opcode == `COMMAND_POST_NAMED_BUFFER;
  wire        post_last   = window_command_words[`POST_NAMED_BUFFER_LAST_PAGE];
  wire [15:0] named       = window_command_words[`CANCEL_NAMED_BUFFER_REQUEST];
  wire fitting = same || (!page_cancelled && page_named), announce = command || !has_bytes;

  assign forget      = state == JUDGE && live && turned_down;
  assign enter       = state == JUDGE && !turned_down;
  assign absorb      = state == COMMIT && !accepted && !ended;
  assign {absorb_operate, absorb_keep} = {state == ABSORB, state == OPENED};
  assign read        = (state == FETCH || state == SCAN) && !none_left;
  assign cancel      = state == MATCH && fitting;
  assign keep        = state == FINISH && (live || !command);
  assign measure     = state == MEASURE;
  assign load        = state == LOAD && fits;
  assign {store, clear, consume, commit} = {state == STORE, state == EMPTY, state == PAGE,
                                            state == COMMIT};
  assign announce_later = fresh && !announce;
  assign begins      = state == STORE && fresh;
  assign returns     = state == RETURN;
  assign tell        = state == TELL && !transfer_valid;
  assign done        = state == FINISH && (!transfer_valid || !(command || resets));

  always @(posedge clk) begin
    {page_named, buffer_named} <= {page_request == named, request == named};
    case (state)
      IDLE: begin
        {fresh, first_page, dropping, same} <= 4'b1100;
        {refused, reason, compared} <= 10'd0;
        {skip, skipped} <= 64'd0;
        ending      <= ends;
        after       <= FETCH;
        tell_reason <= ends ? `RETURN_REASON_ENDED : advance ? `RETURN_REASON_FULL
                     : pushed ? `RETURN_REASON_PUSH : `RETURN_REASON_TIMEOUT;
        if (command) begin
          tell_reason <= `RETURN_REASON_CANCELLED;
          refused     <= !is_post && !(live && accepted);
          reason      <= live ? `REFUSAL_NOT_POSTED : `REFUSAL_NOT_OFFLOADED;
          if (go) state <= is_post ? CHECK : !(live && accepted) ? FINISH : COMPARE;
        end else if (advance && !page_last) begin
          {fresh, first_page} <= 2'b00;
          if (go) state <= FETCH;
        end else if (go) state <= RETURN;
      end
      COMPARE: state <= compared ? MATCH : buffer_named ? RETURN : SCAN;
      CHECK:   state <= CHECK_2;
      CHECK_2, CHECK_3: state <= state == CHECK_2 ? CHECK_3 : JUDGE;
      JUDGE: begin
        refused <= turned_down;
        reason  <= turned_down_reason;
        state   <= turned_down || !post_last ? FINISH : COMMIT;
      end
      COMMIT: begin
        skip    <= pending;
        skipped <= pending;
        if (ended) {ending, tell_reason} <= {1'b1, `RETURN_REASON_ENDED};
        state   <= accepted ? FINISH : ended ? FETCH : ABSORB;
      end
      ABSORB, OPENED: state <= state == ABSORB ? OPENED : FETCH;
      RETURN: begin
        tell_returned <= 1'b1;
        tell_value    <= filled_at_end - rest;
        dropping      <= !page_last;
        {fresh, first_page} <= 2'b11;
        {skip, skipped} <= 64'd0;
        after         <= FETCH;
        state         <= advance && told_full ? FETCH : TELL;
      end
      TELL: if (!transfer_valid) state <= after;
      FETCH: state <= none_left ? EMPTY : READ;
      READ:  state <= PAGE;
      PAGE:
        if (page_cancelled) state <= FETCH;
        else if (dropping) begin
          dropping <= !page_last_read;
          state    <= FETCH;
        end else if (ending) begin
          dropping      <= !page_last_read;
          tell_returned <= 1'b1;
          tell_value    <= 32'd0;
          state         <= TELL;
        end else state <= MEASURE;
      MEASURE: state <= LOAD;
      LOAD: begin
        first_page <= 1'b0;
        if (!fits) skip <= skip - page_bytes;
        state      <= fits ? STORE : FETCH;
      end
      STORE: begin
        tell_returned <= 1'b0;
        after         <= FINISH;
        state         <= fresh && announce ? TELL : FINISH;
      end
      SCAN: begin
        {refused, compared} <= {none_left, 1'b1};
        state <= none_left ? FINISH : LISTEN;
      end
      LISTEN: state <= COMPARE;
      MATCH: begin
        tell_returned <= 1'b1;
        tell_value    <= 32'd0;
        after         <= FINISH;
        same          <= fitting;
        state         <= fitting && page_last_read ? TELL : SCAN;
      end
      EMPTY:   state <= FINISH;
      default: if (done) state <= IDLE;
    endcase
    if (rst) state <= IDLE;
  end

  always @(posedge clk) begin
    count <= 0;
    count[`COUNT_NAMED_BUFFERS_ACCEPTED]  <= begins;
    count[`COUNT_NAMED_BUFFERS_FULL]      <= returns && tell_reason == `RETURN_REASON_FULL;
    count[`COUNT_NAMED_BUFFERS_PUSHED]    <= returns && tell_reason == `RETURN_REASON_PUSH;
    count[`COUNT_NAMED_BUFFERS_TIMED_OUT] <= returns && tell_reason == `RETURN_REASON_TIMEOUT;
  end

  wire unused = &{1'b0, window_command_words};
`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && returns && (rest > filled_at_end || !accepted)) begin
      $display("named_buffer_turn: a Named Buffer is returned with no more bytes than it has");
      $stop;
    end
`endif

endmodule

`default_nettype wire
