// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Streams the bytes of one delivery after the other out of the receive ring, and frees them.
//
//   job ──► one under way, one waiting ──► word after word ──► ring ──► register ──► transfer data
//                                             └──► freed, once the last was read
//
// The first word of a job that finds the reader idle is read in the cycle in which the job comes;
// a waiting job follows the one before without an idle cycle.
//
// A word that leaves holds the bytes of one word of the buffer, wherever that begins in the ring:
//
//   lane             0  1  2  3  4  5  6  7     0  1  2  3  4  5  6  7
//   buffer, bytes  │ .  .  0  1  2  3  4  5  │  6  7  8  9 10 11 12 13  │    job_lane 2
//   leaves, bytes  │ 3  4  5  .  .  0  1  2  │ 11 12 13  6  7  8  9 10  │    position 5
//
// It does not turn the bytes: each is in the lane that its position says.
//
// Invariant: a job comes only when it is taken.
// Invariant: as many words leave as the bytes of the jobs touch in their buffers.

`default_nettype none

module ring_reader #(
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

  // out: dma
  output wire                       transfer_data_valid,
  input  wire                       transfer_data_ready,
  output wire [63:0]                transfer_data,

  // out: the push finder
  output wire                       word_asked,
  output wire                       word_first,
  output wire [2:0]                 word_start,
  output wire [2:0]                 word_turn,
  output wire                       job_ends,
  output wire [2:0]                 ended_turn,
  output wire [CONNECTION_BITS-1:0] ended_connection,
  output wire [31:0]                ended_position,
  output wire                       ended_anonymous,
  output wire [1:0]                 ended_parity,

  // out: the segment acceptor
  output reg                        freed_valid,
  output reg  [CONNECTION_BITS-1:0] freed_connection,
  output reg  [31:0]                freed_position
);

  // The job under way.
  reg                       reading;
  reg [CONNECTION_BITS-1:0] connection;
  reg [WORD_BITS-1:0]       word;
  reg [WORD_BITS-1:0]       following;
  reg [7:0]                 wraps;     // lanes read from the following word
  reg [13:0]                left;      // words still to be read, or one less:
  reg                       one_extra; // ... which it is
  reg                       some;      // there is a word to be read
  reg                       goes_on;   // the word read now is not the last
  reg [31:0]                end_position;
  reg                       begins;    // no word of it was asked for
  reg [8:0]                 tag;       // where its words begin, and whose they are

  // The job that waits for it.
  reg                       waiting;
  reg [CONNECTION_BITS-1:0] waiting_connection;
  reg [WORD_BITS-1:0]       waiting_word;
  reg [WORD_BITS-1:0]       waiting_following;
  reg [7:0]                 waiting_wraps;
  reg [13:0]                waiting_more_words;
  reg                       waiting_one_word;
  reg [31:0]                waiting_end;
  reg [8:0]                 waiting_tag;

  reg                       read_valid;  // the ring shows a word that was asked for

  wire advance;  // the word shown is taken
  wire room    = !read_valid || advance;  // a word that is read now has a place
  wire at_once = job_valid && !reading && room;
  wire reads   = reading && some;
  wire ends    = reading && room && !goes_on;

  assign job_ready = !waiting;
  assign idle      = !reading && !waiting;

  // The first word may begin before the first byte, perhaps in the word of the ring before it:
  // then that byte is in the following one, and the lanes of the one before do not matter.
  wire [WORD_BITS-1:0] job_word      = job_position[WORD_BITS+2:3];
  wire                 job_crosses   = job_position[2:0] >= job_lane;
  wire [2:0]           job_turn      = job_position[2:0] - job_lane;
  wire [7:0]           job_wraps     = ~(8'hFF << job_turn);
  wire [WORD_BITS-1:0] job_following = job_word + {{WORD_BITS-1{1'b0}}, job_crosses};
  wire [WORD_BITS-1:0] job_third     = job_word + {{WORD_BITS-2{1'b0}}, job_crosses, !job_crosses};

  // A word read at once cannot wait for the difference. Lanes before the first byte hold what comes
  // after it, if anything that matters: so they may all be read from the word after it.
  wire [8:0] job_tag = {job_anonymous, job_parity, job_position[2:0], job_turn};

  assign word_asked = room && (reads || at_once);
  assign word_first = !reading || begins;
  assign {word_start, word_turn} = reading ? tag[5:0] : job_tag[5:0];

  assign {ended_anonymous, ended_parity, ended_turn} = {tag[8:6], tag[2:0]};
  assign job_ends         = ends;
  assign ended_connection = connection;
  assign ended_position   = end_now;

  assign read_enable     = room;
  assign read_wraps      = reading ? wraps : job_before;
  assign read_connection = reading ? connection : job_connection;
  assign read_word       = reading ? word : job_word;
  assign read_following  = reading ? following : job_word_after;

  // How many words a job has comes a cycle after the job.
  reg         begun_late, waits_late;  // the job of the cycle before is under way, or waits
  wire [13:0] left_now         = begun_late ? job_more_words : left;
  wire [13:0] waiting_left_now = waits_late ? job_more_words : waiting_more_words;
  wire        more_than_two    = begun_late ? !job_three_words
                               : left[13:2] != 0 || left[1] && (one_extra || left[0]);

  // What stands here while nothing is read does not matter: so it does not wait to be known whether
  // a job comes.
  always @(posedge clk) begin
    if (room || !reading) begin
      begins    <= !(reading && goes_on) && (reading || waiting);
      one_extra <= reading && goes_on ? one_extra && !begun_late : reading || waiting;
      if (reading && goes_on) begin
        word      <= following;
        following <= following + 1'b1;
        some      <= 1'b1;
        goes_on   <= more_than_two;
      end else if (reading || waiting) begin
        connection   <= waiting_connection;
        word         <= waiting_word;
        following    <= waiting_following;
        wraps        <= waiting_wraps;
        some         <= 1'b1;
        goes_on      <= !waiting_one_word;
        tag          <= waiting_tag;
      end else begin
        connection   <= job_connection;
        word         <= job_following;
        following    <= job_third;
        wraps        <= job_wraps;
        some         <= !job_one_word;
        goes_on      <= !job_two_words;
        tag          <= job_tag;
      end
    end
    if (!waiting) begin
      waiting_connection <= job_connection;
      waiting_word       <= job_word;
      waiting_following  <= job_following;
      waiting_wraps      <= job_wraps;
      waiting_one_word   <= job_one_word;
      waiting_tag        <= job_tag;
    end
    freed_connection <= connection;
    freed_position   <= end_now;
  end

  // So does where it ends.
  wire [31:0] end_now         = begun_late ? job_end : end_position;
  wire [31:0] waiting_end_now = waits_late ? job_end : waiting_end;

  always @(posedge clk) begin
    begun_late   <= at_once && !rst;
    waits_late   <= job_valid && !at_once && !rst;
    end_position <= (room || !reading) && (reading ? !goes_on : waiting) ? waiting_end_now
                  : end_now;
    waiting_end  <= waiting_end_now;
    left         <= !room && reading ? left_now
                  : reading && goes_on ? left_now - 1'b1 : waiting_left_now;
    waiting_more_words <= waiting_left_now;
  end

  always @(posedge clk)
    if (rst) begin
      reading             <= 1'b0;
      waiting             <= 1'b0;
      read_valid          <= 1'b0;
      freed_valid         <= 1'b0;
    end else begin
      reading <= waiting || (reading ? !ends : job_valid && room);
      waiting <= (job_valid && !at_once) || (waiting && reading && !ends);
      if (room) read_valid <= reads || at_once;
      freed_valid <= ends;
    end

  word_door door (
    .clk(clk), .rst(rst), .read_valid(read_valid), .read_data(read_data), .advance(advance),
    .transfer_data_valid(transfer_data_valid), .transfer_data_ready(transfer_data_ready),
    .transfer_data(transfer_data)
  );

`ifdef ASSERTIONS
  reg         came;  // a job, in the cycle before
  reg  [31:0] owed_then;
  wire [31:0] owed = owed_then + (came ? {18'd0, job_more_words} + 1 : 0);  // less words that left

  always @(posedge clk) begin
    came      <= job_valid && !rst;
    owed_then <= rst ? 0 : owed - (transfer_data_valid && transfer_data_ready ? 1 : 0);
    if (!rst && job_valid && !job_ready) begin
      $display("ring_reader: a job comes only when it is taken");
      $stop;
    end
    if (!rst && (owed == 0 ? transfer_data_valid || read_valid || !idle
                           : !transfer_data_valid && !read_valid && idle)) begin
      $display("ring_reader: as many words leave as the bytes of the jobs touch");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
