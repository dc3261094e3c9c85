// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Owns how far each connection's bytes are proven and how far they are taken, and what is to be
// told.
//
//   arrival ──► proven ──┐
//                        ├── look ──► held ──► grant: all of it, or the allowance ──► taken
//               taken  ──┘
//
// Both ways of granting are worked out side by side, and one comparison chooses: so the grant and
// the words of its buffer are there in the cycle after the look, where it ends a cycle later.
//
// It does not know whose turn it is, nor why the allowance is what it is.
//
// Invariant: for each connection, accepted = delivered + held.
// Invariant: a delivery has a byte, and no more than are held or allowed.

`default_nettype none
`include "toe_registers.vh"

module delivery_ledger #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS),
  parameter RING_BITS          = $clog2(RECEIVE_RING_BYTES)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the segment acceptor
  input  wire                       arrival_taken,
  input  wire [`ARRIVAL_BITS-1:0]   arrival,

  // in: the delivery scheduler, one step after the other
  input  wire                       look,
  input  wire [CONNECTION_BITS-1:0] head_connection,
  input  wire                       look_arrival,   // not at the head's state, but the arrival's
  input  wire                       grant,          // the grant is delivered
  input  wire                       told,           // finish or closing was told to the host
  input  wire                       keep,
  input  wire [CONNECTION_BITS-1:0] connection,     // whose turn it is

  // in: the indicate window
  input  wire [15:0]                allowance,

  // in: the host
  input  wire [2:0]                 buffer_lane,    // of the grant's first byte

  // out: the indicate window, with look
  output wire                       head_closing,   // upload: the window does not count
  output wire                       comer_closing,  // the same, should the arrival be looked at

  // out: the delivery scheduler
  output reg                        has_bytes,      // after grant: has more
  output reg                        finish,         // the peer's FIN is to be told
  output reg                        closing,        // the connection is being uploaded

  // out: the transfer composer
  output wire                       reaches,        // the grant is all of the allowance

  // out: the push watch
  output wire [31:0]                taken_before,   // as it was kept: also with a command

  // out: whoever carries out the grant
  output wire [15:0]                grant_bytes,
  output wire                       grant_one_word,      // it touches one word of the buffer
  output wire                       grant_two_words,     // ... two, or one
  output wire                       granted_three_words, // a cycle later: ... three at most
  output wire [13:0]                granted_more_words,  // ... how many after the first
  output reg  [31:0]                taken,          // position of the first byte
  output reg  [7:0]                 taken_wraps,    // lanes before it
  output reg  [28:0]                taken_next,     // the word after its own

  // out: the same, in the cycle after the grant
  output wire [31:0]                granted_end,    // position after the last byte

  // out: the event of an upload
  output reg  [1:0]                 final_flags     // the state field of an upload
);

  localparam HELD_BITS = RING_BITS + 1;
  localparam SUM_BITS  = HELD_BITS > 17 ? HELD_BITS : 17;

  // ---------------------------------------------------------------- state of every connection

  reg [31:0] proven_kept [0:CONNECTIONS-1];  // written by arrivals
  reg [31:0] taken_kept [0:CONNECTIONS-1];   // written by turns
  reg [31:0] taken_copy [0:CONNECTIONS-1];   // the same: so both who may be next are read at once
  reg [3:0]  flags_kept [0:CONNECTIONS-1];
  reg [3:0]  flags_copy [0:CONNECTIONS-1];

  // ---------------------------------------------------------------- look

  // Both who may be next are read, and then one is chosen: the choice takes as long as the reading.
  wire [`ARRIVAL_KIND_BITS-1:0]       kind     = arrival[`ARRIVAL_KIND];
  wire [`ARRIVAL_CONNECTION_BITS-1:0] comer    = arrival[`ARRIVAL_CONNECTION];
  wire [31:0]                         position = arrival[`ARRIVAL_SEQUENCE_NUMBER];
  wire [`ARRIVAL_VALUE_BITS-1:0]      value    = arrival[`ARRIVAL_VALUE];

  wire [CONNECTION_BITS-1:0] arriver = comer[CONNECTION_BITS-1:0];

  wire        opens       = look_arrival && kind == `ARRIVAL_KIND_OPEN;
  wire        closes      = look_arrival && kind == `ARRIVAL_KIND_CLOSE;
  wire        finishes    = look_arrival && kind == `ARRIVAL_KIND_FINISH;
  wire [31:0] head_proven = proven_kept[head_connection];
  wire [31:0] head_taken  = taken_kept[head_connection];
  wire [31:0] comer_taken = taken_copy[arriver];
  wire [3:0]  head_flags  = flags_kept[head_connection];
  wire [3:0]  comer_flags = flags_copy[arriver];

  wire [HELD_BITS-1:0] head_held  = head_proven[HELD_BITS-1:0] - head_taken[HELD_BITS-1:0];
  wire [HELD_BITS-1:0] comer_held = position[HELD_BITS-1:0] - comer_taken[HELD_BITS-1:0];
  // No more than a ring is held, so less than nothing is something: a carry is sooner there than
  // a comparison.
  wire [HELD_BITS-1:0] head_lacks  = head_taken[HELD_BITS-1:0] - head_proven[HELD_BITS-1:0];
  wire [HELD_BITS-1:0] comer_lacks = comer_taken[HELD_BITS-1:0] - position[HELD_BITS-1:0];
  wire                 head_has    = head_lacks[HELD_BITS-1];
  wire                 comer_has   = comer_lacks[HELD_BITS-1];

  reg  [31:0]          proven;
  reg  [HELD_BITS-1:0] held;

  assign head_closing  = head_flags[1];
  assign comer_closing = kind == `ARRIVAL_KIND_CLOSE
                      || (kind != `ARRIVAL_KIND_OPEN && comer_flags[1]);

  // ---------------------------------------------------------------- grant

  wire [SUM_BITS:0]   missing       = {{SUM_BITS-15{1'b0}}, allowance}
                                    - {{SUM_BITS+1-HELD_BITS{1'b0}}, held};
  wire                whole         = !missing[SUM_BITS];
  wire [SUM_BITS-1:0] whole_reach   = {{SUM_BITS-HELD_BITS{1'b0}}, held}
                                    + {{SUM_BITS-3{1'b0}}, buffer_lane} - 1'b1;
  wire [SUM_BITS-1:0] part_reach    = {{SUM_BITS-16{1'b0}}, allowance}
                                    + {{SUM_BITS-3{1'b0}}, buffer_lane} - 1'b1;
  wire [SUM_BITS-1:0] held_extended = {{SUM_BITS-HELD_BITS{1'b0}}, held};

  assign reaches          = {{SUM_BITS-HELD_BITS{1'b0}}, held} >= {{SUM_BITS-16{1'b0}}, allowance};
  assign taken_before     = taken_copy[connection];
  assign grant_bytes      = whole ? held_extended[15:0] : allowance;

  // Few words are seen by the lowest bits, without waiting for the sums.
  function few(input [15:0] count, input [2:0] lane, input [4:0] bytes);
    few = count[15:5] == 0 && {1'b0, count[4:0]} + {3'd0, lane} <= {1'b0, bytes};
  endfunction

  assign grant_one_word  = whole ? few(held_extended[15:0], buffer_lane, 5'd8)
                                 : few(allowance, buffer_lane, 5'd8);
  assign grant_two_words = whole ? few(held_extended[15:0], buffer_lane, 5'd16)
                                 : few(allowance, buffer_lane, 5'd16);

  reg        granted, granted_whole;
  reg        whole_three, part_three;
  reg [13:0] whole_words, part_words;

  assign granted_three_words = granted_whole ? whole_three : part_three;
  assign granted_more_words  = granted_whole ? whole_words : part_words;
  assign granted_end = granted_whole ? proven : taken + {16'd0, allowance};

  function [7:0] lanes_before(input [2:0] lane);
    lanes_before = ~(8'hFF << lane);
  endfunction

  always @(posedge clk) begin
    if (arrival_taken) proven_kept[arriver] <= position;
    if (look) begin
      proven      <= look_arrival ? position : head_proven;
      taken       <= opens ? position : look_arrival ? comer_taken : head_taken;
      taken_next  <= (look_arrival ? comer_taken[31:3] : head_taken[31:3]) + 1'b1;
      taken_wraps <= opens ? lanes_before(position[2:0])
                   : look_arrival ? lanes_before(comer_taken[2:0]) : lanes_before(head_taken[2:0]);
      held        <= look_arrival ? comer_held : head_held;
      has_bytes   <= !opens && (look_arrival ? comer_has : head_has);
      finish      <= finishes || (!opens && (look_arrival ? comer_flags[0] : head_flags[0]));
      closing     <= look_arrival ? comer_closing : head_closing;
      final_flags <= closes ? value[1:0] : opens ? 2'd0
                   : look_arrival ? comer_flags[3:2] : head_flags[3:2];
    end
    granted       <= grant;
    granted_whole <= whole;
    whole_three   <= few(held_extended[15:0], buffer_lane, 5'd24);
    part_three    <= few(allowance, buffer_lane, 5'd24);
    whole_words   <= whole_reach[16:3];
    part_words    <= part_reach[16:3];
    if (grant) has_bytes <= !whole;
    if (granted) taken <= granted_end;
    if (told) {finish, closing} <= 2'b00;
    if (keep) begin
      taken_kept[connection] <= taken;
      taken_copy[connection] <= taken;
      flags_kept[connection] <= {final_flags, closing, finish};
      flags_copy[connection] <= {final_flags, closing, finish};
    end
  end

  wire unused = &{1'b0, arrival, comer, value, rst, held_extended, whole_reach, part_reach, missing,
                  head_lacks, comer_lacks};

`ifdef ASSERTIONS
  reg [63:0] accepted [0:CONNECTIONS-1];
  reg [63:0] delivered [0:CONNECTIONS-1];

  wire [31:0] gained = position - proven_kept[arriver];
  wire [13:0] more_words = whole ? whole_reach[16:3] : part_reach[16:3];

  always @(posedge clk) begin
    if (arrival_taken) begin
      if (kind == `ARRIVAL_KIND_OPEN) begin
        accepted[arriver]  <= 0;
        delivered[arriver] <= 0;
      end else begin
        accepted[arriver] <= accepted[arriver] + {32'd0, gained};
        if (!rst && gained > RECEIVE_RING_BYTES) begin
          $display("delivery_ledger: an arrival goes on from the one before, within the ring");
          $stop;
        end
      end
    end
    if (!rst && granted
        && granted_end - taken != {16'd0, granted_whole ? held_extended[15:0] : allowance}) begin
      $display("delivery_ledger: a delivery ends where its bytes do");
      $stop;
    end
    if (grant) delivered[connection] <= delivered[connection] + {48'd0, grant_bytes};
    if (!rst && keep && accepted[connection] - delivered[connection]
                        != {32'd0, proven_kept[connection] - taken}) begin
      $display("delivery_ledger: for each connection, accepted = delivered + held");
      $stop;
    end
    if (!rst && grant && (grant_bytes == 0 || grant_bytes > allowance
                          || grant_one_word != (more_words == 0)
                          || grant_two_words != (more_words < 2)
                          || proven - taken < {16'd0, grant_bytes})) begin
      $display("delivery_ledger: a delivery has a byte, and no more than are held or allowed");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
