// SPDX-License-Identifier: MIT OR Apache-2.0
// Knows where in the ring the next event goes, with which phase, and whether the driver has left
// room for it.
//
//   event_written ──► produced ──┬──► slot address, phase
//   ring, event_consumer ────────┴──► room
//
// The phase is 1 in the first turn of the ring and flips with every turn. All that comes out
// follows `event_written` two cycles later: the writer does not look meanwhile. It does not know
// what events say nor whether their writes were answered.
//
// Invariant: never more than `event_ring_entries` events beyond what the driver has read.

`default_nettype none

module event_slot (
  input  wire        clk,
  input  wire        rst,

  // in: registers
  input  wire [63:0] event_ring_address,
  input  wire [16:0] event_ring_entries,  // a power of two; 0 leaves no room
  input  wire [31:0] event_consumer,

  // in: the event writer
  input  wire        event_written,

  // out: the event writer
  output reg  [63:0] slot_address,
  output reg         slot_phase,
  output reg         slot_room
);

  reg [31:0] produced;  // events written since reset
  reg [31:0] limit;     // the ring is full when `produced` gets there
  reg [15:0] slot_mask;

  always @(posedge clk) begin
    slot_mask    <= event_ring_entries[15:0] - 1'b1;
    slot_address <= event_ring_address + {45'd0, produced[15:0] & slot_mask, 3'd0};
    slot_phase   <= (produced[16:0] & event_ring_entries) == 0;
  end

  always @(posedge clk)
    if (rst) begin
      produced  <= 0;
      limit     <= 0;
      slot_room <= 1'b0;
    end else begin
      if (event_written) produced <= produced + 1'b1;
      limit     <= event_consumer + {15'd0, event_ring_entries};
      slot_room <= produced != limit;
    end

`ifdef ASSERTIONS
  // A driver that counts wrongly is not this module's fault: only a new event can overrun.
  always @(posedge clk)
    if (!rst && event_written && produced - event_consumer >= {15'd0, event_ring_entries}) begin
      $display("event_slot: never more than event_ring_entries beyond what the driver has read");
      $stop;
    end
`endif

endmodule

`default_nettype wire
