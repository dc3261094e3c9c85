// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Says which event a turn sends.
//
//   the turn's step ──────────► kind, field, content
//   the Named Buffer's turn ──►
//
// Bytes for a Named Buffer need no event of their own: the one that goes with them tells that the
// buffer was accepted, or that it is full, or there is none. It does not know when the event goes.
//
// Invariant: only bytes go without an event.

`default_nettype none
`include "toe_registers.vh"

module turn_event (
  input  wire                         clk,
  input  wire                         rst,

  // in: the delivery scheduler
  input  wire                         next,         // a step of an upload: RCV.NXT is told
  input  wire                         flags,        // ... the flags
  input  wire                         last,         // ... the end
  input  wire                         named_turn,   // the Named Buffer turn tells
  input  wire                         resets,
  input  wire                         decide,
  input  wire                         compose,

  // in: the delivery ledger
  input  wire                         has_bytes,
  input  wire                         closing,
  input  wire [31:0]                  taken,
  input  wire [1:0]                   final_flags,
  input  wire                         reaches,

  // in: the Named Buffer fill
  input  wire                         named,
  input  wire                         unannounced,
  input  wire                         final_part,

  // in: the Named Buffer turn
  input  wire                         tell_returned,
  input  wire [`RETURN_REASON_BITS-1:0] tell_reason,
  input  wire [31:0]                  tell_value, skipped,

  // out: the transfer composer
  output wire                         with_bytes,   // should it compose: the grant goes along
  output wire [`EVENT_KIND_BITS-1:0]  kind,
  output wire                         fills,        // no kind, but the bytes fill the Named Buffer
  output wire [`EVENT_DETAIL_BITS-1:0] detail,
  output wire [31:0]                  content,

  // out: the Named Buffer turn, after the bytes
  output reg                          told_full
);

  reg [31:0] reached;  // RCV.NXT at the end, before it is told
  always @(posedge clk) reached <= taken + {31'd0, final_flags[0]};

  wire plain = !next && !flags && !last && !named_turn;

  wire tells_full = final_part && reaches && !unannounced;

  always @(posedge clk) if (decide) told_full <= tells_full;

  wire [`EVENT_KIND_BITS-1:0] kind_named = unannounced ? `EVENT_NAMED_BUFFER_ACCEPTED : 0;
  wire [`EVENT_KIND_BITS-1:0] kind_step  = last ? `EVENT_UPLOADED
                                         : !named_turn ? `EVENT_STATE
                                         : tell_returned ? `EVENT_NAMED_BUFFER_RETURNED
                                         : `EVENT_NAMED_BUFFER_ACCEPTED;
  wire [`EVENT_KIND_BITS-1:0] kind_data  = resets ? `EVENT_PEER_RESET
                                         : !has_bytes ? `EVENT_PEER_CLOSED
                                         : closing ? `EVENT_UPLOAD_DATA
                                         : named ? kind_named : `EVENT_INDICATE_DATA;

  assign with_bytes = has_bytes && !resets && plain;
  assign kind       = plain ? kind_data : kind_step;
  assign fills      = plain && !resets && has_bytes && !closing && named && tells_full;
  assign detail     = named_turn ? (tell_returned ? tell_reason : 0)
                    : flags ? `STATE_FIELD_FLAGS : 0;
  assign content    = named_turn ? (tell_returned ? tell_value : skipped)
                    : next ? reached
                    : flags ? {30'd0, final_flags} : 32'd0;

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && compose && kind == 0 && !with_bytes) begin
      $display("turn_event: only bytes go without an event");
      $stop;
    end
`else
  wire unused = &{1'b0, rst, compose};
`endif

endmodule

`default_nettype wire
