// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Keeps the Named Buffers that were posted to each connection, as a queue of pages.
//
//   page ──► write ──► tail ──► ... ──► place ──► page read, two cycles later
//            entered   posted            head: the first that is not in use yet
//
// Pages are entered at `write` and are not seen until the last of their buffer is: then the tail
// moves over all of them, or `write` goes back to it and they are forgotten. A page is free again
// as soon as it is consumed: earlier than the map promises.
//
// Whether a buffer was cancelled while it waited, and its Push Mode, which only the last page
// tells, stand in a memory of their own: so they can be noted where its first page lies.
//
// It does one thing after the other: the Named Buffer turn gives the steps. It does not judge.
//
// Invariant: never more than PAGES pages, and none is read that was not posted.

`default_nettype none
`include "toe_registers.vh"

module named_buffer_queue #(
  parameter CONNECTIONS     = 16,
  parameter PAGES           = 16,  // of each connection, a power of two
  parameter CONNECTION_BITS = $clog2(CONNECTIONS),
  parameter PLACE_BITS      = $clog2(PAGES)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler
  input  wire                       fetch,
  input  wire                       fetch_none,     // with fetch: a new connection, nothing posted
  input  wire                       keep_none,
  input  wire [CONNECTION_BITS-1:0] connection,     // whose turn it is

  // in: the host, while it posts a page
  input  wire [159:0]               window_command_words,

  // in: the Named Buffer turn, one step after the other
  input  wire                       enter,          // the page, with the sum of its buffer so far
  input  wire [31:0]                sum,
  input  wire                       commit,
  input  wire                       forget,         // the page and those before it of its buffer
  input  wire [1:0]                 forget_mark,    // kept until the next page
  input  wire                       read,
  input  wire                       consume,        // all up to the page read
  input  wire                       cancel,         // the page read
  input  wire                       keep,

  // out: the Named Buffer turn, after fetch
  output reg  [31:0]                total,          // bytes of the pages entered
  output reg  [1:0]                 mark,           // of a buffer that was forgotten in part
  output reg                        full,
  output wire                       none_left,      // every page posted was read

  // out: the Named Buffer fill, two cycles after read
  output reg  [63:0]                page_address,
  output reg  [31:0]                page_bytes,
  output reg  [15:0]                page_request,
  output reg                        page_last,
  output reg                        page_push_mode, // of the first page of a buffer
  output reg                        page_cancelled
);

  localparam PAGE_BITS  = 64 + 32 + 16 + 1;
  localparam STATE_BITS = 3 * (PLACE_BITS + 1) + 1 + 2 + 32;

  // ---------------------------------------------------------------- of every connection

  reg [STATE_BITS-1:0] kept [0:CONNECTIONS-1];

  (* ram_style = "block", no_rw_check *)  // a page is not read while it is written
  reg [PAGE_BITS-1:0] pages [0:CONNECTIONS*PAGES-1];
  (* ram_style = "block", no_rw_check *)
  reg [1:0]           notes [0:CONNECTIONS*PAGES-1];  // cancelled, Push Mode

  // ---------------------------------------------------------------- of the one in turn

  reg [PLACE_BITS:0] head, tail, write, place;  // they count on, modulo twice the pages
  reg [PLACE_BITS:0] place_read;

  wire [PLACE_BITS:0] entered = write + 1'b1 - head;
  wire [PLACE_BITS:0] posted  = tail - head;

  assign none_left = place == tail;

  wire push_mode = window_command_words[`POST_NAMED_BUFFER_PUSH_MODE];

  // With the commit the first page's note is written again, now with the last page's Push Mode.
  wire                 notes_write = enter || commit || cancel;
  wire [PLACE_BITS:0]  note_place  = enter ? write : commit ? tail : place_read;

  reg [PAGE_BITS-1:0] page_out;
  reg [1:0]           note_out;
  reg                 comes;  // the page that was asked for

  always @(posedge clk) begin
    if (enter)
      pages[{connection, write[PLACE_BITS-1:0]}] <=
        {window_command_words[`POST_NAMED_BUFFER_ADDRESS],
         window_command_words[`POST_NAMED_BUFFER_BYTES],
         window_command_words[`POST_NAMED_BUFFER_REQUEST],
         window_command_words[`POST_NAMED_BUFFER_LAST_PAGE]};
    if (notes_write)
      notes[{connection, note_place[PLACE_BITS-1:0]}] <= {cancel, push_mode};
    page_out <= pages[{connection, place[PLACE_BITS-1:0]}];
    note_out <= notes[{connection, place[PLACE_BITS-1:0]}];
    comes    <= read;
    if (comes) begin
      {page_address, page_bytes, page_request, page_last} <= page_out;
      {page_cancelled, page_push_mode} <= note_out;
    end
  end

  always @(posedge clk) begin
    if (fetch) {head, tail, write, full, mark, total} <= kept[connection];
    if (fetch) place <= kept[connection][STATE_BITS-1 -: PLACE_BITS+1];
    if (enter) {write, full, total} <= {write + 1'b1, entered[PLACE_BITS], sum};
    if (commit) {tail, total} <= {write, 32'd0};
    if (forget) {write, full, mark, total} <= {tail, posted[PLACE_BITS], forget_mark, 32'd0};
    if (read) {place_read, place} <= {place, place + 1'b1};
    if (consume) {head, full} <= {place, 1'b0};
    if (keep || keep_none) kept[connection] <= {head, tail, write, full, mark, total};
    if (fetch && fetch_none) {head, tail, write, full, mark, total} <= {STATE_BITS{1'b0}};
  end

  wire unused = &{1'b0, rst, window_command_words, entered, posted, note_place};

`ifdef ASSERTIONS
  wire [PLACE_BITS:0] behind = tail - place;
  wire [PLACE_BITS:0] taken  = write - head;

  always @(posedge clk)
    if (!rst && ((enter && full) || (read && none_left) || (keep && full != taken[PLACE_BITS])
                 || (keep && (posted > PAGES[PLACE_BITS:0] || behind > posted)))) begin
      $display("named_buffer_queue: never more than PAGES pages, and none read not posted");
      $stop;
    end
`endif

endmodule

`default_nettype wire
