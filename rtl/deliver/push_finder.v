// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Finds out of each delivery whether one of its bytes came last in a segment with PSH.
//
//   ring reader ──► word asked for ──────────► lanes of it that are delivered
//   receive ring ──► its marks, a cycle later ──► those ──► any ──► found, after the last word
//
// The marks go to a register first: block memory answers late. What was found is there three cycles
// after the reader has done with the job.
//
// Lanes are those of the ring: the bytes of a word stand from lane `turn` on, around; the first
// word's from `start` on, the last word's up to `finish`.
//
// Invariant: something is found of every job, and of none twice.

`default_nettype none

module push_finder #(
  parameter CONNECTION_BITS = 4
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the ring reader
  input  wire                       word_asked,
  input  wire                       word_first,       // of its job
  input  wire [2:0]                 word_start,       // lane of the first byte of the job
  input  wire [2:0]                 word_turn,        // lane of the first byte of a word
  input  wire                       job_ends,         // no word follows
  input  wire [2:0]                 job_turn,
  input  wire [CONNECTION_BITS-1:0] job_connection,
  input  wire [31:0]                job_end,          // position after the last byte
  input  wire                       job_anonymous,    // for an Anonymous Buffer
  input  wire [1:0]                 job_parity,

  // in: the receive ring
  input  wire [7:0]                 read_marks,

  // out: the push watch
  output reg                        found_valid,
  output reg                        found_push,
  output reg                        found_anonymous,
  output reg  [1:0]                 found_parity,
  output reg  [CONNECTION_BITS-1:0] found_connection,
  output reg  [31:0]                found_end
);

  localparam TAG_BITS = CONNECTION_BITS + 32 + 3;

  // Lanes at or after, and at or before, another, when counting begins at lane `from`.
  function [7:0] onward(input [2:0] lane, input [2:0] from);
    integer i;
    reg [2:0] a, b;
    for (i = 0; i < 8; i = i + 1) begin
      a = i[2:0] - from;
      b = lane - from;
      onward[i] = a >= b;
    end
  endfunction

  function [7:0] upto(input [2:0] lane, input [2:0] from);
    integer i;
    reg [2:0] a, b;
    for (i = 0; i < 8; i = i + 1) begin
      a = i[2:0] - from;
      b = lane - from;
      upto[i] = a <= b;
    end
  endfunction

  reg                shown;          // the ring shows the marks of a word
  reg                shown_first;
  reg [2:0]          shown_start, shown_turn;
  reg [7:0]          marks, lanes;   // of the word before
  reg                pending;        // they are not counted
  reg                ended, ended_2;
  reg [2:0]          ended_turn, ended_finish;
  reg [7:0]          last_lanes;
  reg [TAG_BITS-1:0] tag, tag_2;
  reg                any;            // of the words counted of the job

  wire [7:0] delivered = marks & lanes & {8{pending}};

  always @(posedge clk) begin
    {shown_first, shown_start, shown_turn} <= {word_first, word_start, word_turn};
    if (shown) begin
      marks <= read_marks;
      lanes <= shown_first ? onward(shown_start, shown_turn) : 8'hFF;
    end

    {ended_turn, ended_finish} <= {job_turn, job_end[2:0] - 3'd1};
    last_lanes <= upto(ended_finish, ended_turn);
    tag        <= {job_connection, job_end, job_anonymous, job_parity};
    tag_2      <= tag;

    if (rst || ended_2) any <= 1'b0;
    else if (shown) any <= any || delivered != 0;
    found_push <= any || (delivered & last_lanes) != 0;
    {found_connection, found_end, found_anonymous, found_parity} <= tag_2;
  end

  always @(posedge clk)
    if (rst) begin
      {shown, pending, ended, ended_2, found_valid} <= 5'd0;
    end else begin
      shown       <= word_asked;
      pending     <= shown || (pending && !ended_2);
      ended       <= job_ends;
      ended_2     <= ended;
      found_valid <= ended_2;
    end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && ended_2 && !pending) begin
      $display("push_finder: something is found of every job, and of none twice");
      $stop;
    end
`endif

endmodule

`default_nettype wire
