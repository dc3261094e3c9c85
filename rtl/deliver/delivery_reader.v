// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Takes deliveries out of the receive ring: their bytes, and whether PSH came with one of them.
//
//   job ──► ring reader ──► transfer data, freed
//             │
//   marks ──► push finder ──► found PSH
//
// It only connects: what is decided is decided in its modules.

`default_nettype none

module delivery_reader #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS),
  parameter WORD_BITS          = $clog2(RECEIVE_RING_BYTES) - 3
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the delivery scheduler
  input  wire                       job_valid,
  output wire                       job_ready,
  input  wire [CONNECTION_BITS-1:0] job_connection,
  input  wire [WORD_BITS+2:0]       job_position,    // of the first byte, in the ring
  input  wire [7:0]                 job_before,      // lanes before it
  input  wire [WORD_BITS-1:0]       job_word_after,  // the word after its own
  input  wire [2:0]                 job_lane,        // of the first byte, in the buffer
  input  wire                       job_one_word,    // it touches one word of the buffer
  input  wire                       job_two_words,   // ... two, or one
  input  wire                       job_three_words, // a cycle later: ... three at most
  input  wire [13:0]                job_more_words,  // ... how many after the first
  input  wire [31:0]                job_end,         // ... position after the last byte
  input  wire                       job_anonymous,   // for an Anonymous Buffer
  input  wire [1:0]                 job_parity,      // the push watch's
  output wire                       idle,            // all is read and freed

  // the receive ring
  output wire                       read_enable,
  output wire [7:0]                 read_wraps,
  output wire [CONNECTION_BITS-1:0] read_connection,
  output wire [WORD_BITS-1:0]       read_word,
  output wire [WORD_BITS-1:0]       read_following,
  input  wire [63:0]                read_data,
  input  wire [7:0]                 read_marks,

  // out: dma
  output wire                       transfer_data_valid,
  input  wire                       transfer_data_ready,
  output wire [63:0]                transfer_data,

  // out: the push watch
  output wire                       found_valid,
  output wire                       found_push,
  output wire                       found_anonymous,
  output wire [1:0]                 found_parity,
  output wire [CONNECTION_BITS-1:0] found_connection,
  output wire [31:0]                found_end,

  // out: the segment acceptor
  output wire                       freed_valid,
  output wire [CONNECTION_BITS-1:0] freed_connection,
  output wire [31:0]                freed_position
);

  wire                       word_asked, word_first, job_ends, ended_anonymous;
  wire [1:0]                 ended_parity;
  wire [2:0]                 word_start, word_turn, ended_turn;
  wire [CONNECTION_BITS-1:0] ended_connection;
  wire [31:0]                ended_position;

  ring_reader #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) reader (
    .clk(clk), .rst(rst),
    .job_valid(job_valid), .job_ready(job_ready), .job_connection(job_connection),
    .job_position(job_position), .job_before(job_before), .job_word_after(job_word_after),
    .job_lane(job_lane), .job_one_word(job_one_word), .job_two_words(job_two_words),
    .job_three_words(job_three_words), .job_more_words(job_more_words), .job_end(job_end),
    .job_anonymous(job_anonymous), .job_parity(job_parity), .idle(idle),
    .read_enable(read_enable), .read_wraps(read_wraps), .read_connection(read_connection),
    .read_word(read_word), .read_following(read_following), .read_data(read_data),
    .transfer_data_valid(transfer_data_valid), .transfer_data_ready(transfer_data_ready),
    .transfer_data(transfer_data), .word_asked(word_asked), .word_first(word_first),
    .word_start(word_start), .word_turn(word_turn), .job_ends(job_ends),
    .ended_turn(ended_turn), .ended_connection(ended_connection),
    .ended_position(ended_position), .ended_anonymous(ended_anonymous),
    .ended_parity(ended_parity),
    .freed_valid(freed_valid), .freed_connection(freed_connection),
    .freed_position(freed_position)
  );

  push_finder #(.CONNECTION_BITS(CONNECTION_BITS)) finder (
    .clk(clk), .rst(rst), .word_asked(word_asked), .word_first(word_first),
    .word_start(word_start), .word_turn(word_turn), .job_ends(job_ends),
    .job_turn(ended_turn), .job_connection(ended_connection), .job_end(ended_position),
    .job_anonymous(ended_anonymous), .job_parity(ended_parity), .read_marks(read_marks),
    .found_valid(found_valid), .found_push(found_push), .found_anonymous(found_anonymous),
    .found_parity(found_parity), .found_connection(found_connection), .found_end(found_end)
  );

endmodule

`default_nettype wire
