// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Holds the segment in hand, and measures it against RCV.NXT and the window's end of its
// connection.
//
//   header ──► load ──► measure: distances, modulo 2^32 ──► compare: what may be done with it
//                              └──► start, finish: what it would fill
//
//   RCV.NXT                                      window's end
//   ──┴──────────── open window ─────────────────────┴──
//   old ──┘│└── early, trimmed      over, trimmed ──┘│└── beyond
//
// Each answer is a register behind one subtraction. It does not know of islands, nor of the
// verdict.
//
// Invariant: what the segment would fill lies in the window, if it is writable.

`default_nettype none
`include "toe_registers.vh"

module segment_check #(
  parameter RECEIVE_RING_BYTES = 4096  // for the assertion
) (
  input  wire                      clk,
  input  wire                      rst,

  // in: rx
  input  wire [`SEGMENT_BITS-1:0]  segment_header,

  // in: the segment acceptor, one step after the other
  input  wire                      load,
  input  wire                      measure,
  input  wire                      compare,
  input  wire [31:0]               receive_next,
  input  wire [31:0]               window_end,
  input  wire                      fin_known,      // window_end is where the FIN stands
  input  wire                      finished,       // RCV.NXT has got there
  input  wire                      shut,           // nothing is accepted any more

  // out: after load
  output reg  [`SEGMENT_KIND_BITS-1:0] kind,
  output reg  [31:0]               sequence_number,
  output reg  [31:0]               sequence_end,
  output reg  [31:0]               open_value,     // indicateWindowSize, if this is an open
  output reg                       has_payload,
  output reg                       several,        // beats, not one
  output reg                       reset,          // it carries RST
  output reg                       push,           // it carries PSH

  // out: after measure
  output reg  [31:0]               start,          // what it would fill
  output reg  [31:0]               finish,
  output reg                       early,          // it begins before RCV.NXT
  output reg                       old,            // and has nothing after it
  output reg                       beyond,         // all of it lies outside the window
  output reg                       over,           // it ends outside the window

  // out: after compare
  output reg                       next_up,        // it begins at RCV.NXT or before
  output reg                       writable,       // it may have bytes that are new
  output reg                       resets,         // RST at exactly RCV.NXT
  output reg                       closes          // its FIN stands where one may
);

  localparam FLAG_FIN = 0;  // in SEGMENT_FLAGS
  localparam FLAG_RST = 2;
  localparam FLAG_PSH = 3;

  wire [31:0] header_sequence = segment_header[`SEGMENT_SEQUENCE_NUMBER];
  wire [7:0]  header_flags    = segment_header[`SEGMENT_FLAGS];
  wire [15:0] header_length   = segment_header[`SEGMENT_PAYLOAD_LENGTH];

  reg         fin;
  reg  [31:0] distance;  // from RCV.NXT to its first byte
  reg         behind;    // it ends before RCV.NXT

  wire [31:0] from_next       = sequence_number - receive_next;
  wire [31:0] end_from_next   = sequence_end - receive_next;
  wire [31:0] from_window_end = sequence_number - window_end;
  wire [31:0] left_in_window  = window_end - sequence_end;

  always @(posedge clk) begin
    if (load) begin
      kind            <= segment_header[`SEGMENT_KIND];
      sequence_number <= header_sequence;
      sequence_end    <= header_sequence + {16'd0, header_length};
      open_value      <= segment_header[`SEGMENT_ACKNOWLEDGEMENT_NUMBER];
      has_payload     <= header_length != 0;
      several         <= header_length > 8;
      fin             <= header_flags[FLAG_FIN];
      reset           <= header_flags[FLAG_RST];
      push            <= header_flags[FLAG_PSH];
    end
    if (measure) begin
      distance <= from_next;
      early    <= from_next[31];
      behind   <= end_from_next[31];
      old      <= from_next[31] && (end_from_next[31] || sequence_end == receive_next);
      beyond   <= from_next[31] ? receive_next == window_end : !from_window_end[31];
      over     <= left_in_window[31];
      start    <= from_next[31] ? receive_next : sequence_number;
      finish   <= left_in_window[31] ? window_end : sequence_end;
    end
    if (compare) begin
      next_up  <= early || distance == 0;
      writable <= has_payload && !reset && !shut && !finished && !old && !beyond;
      resets   <= reset && !shut && distance == {31'd0, finished};
      closes   <= fin && !reset && !shut && !fin_known && !behind && !over;
    end
  end

  wire unused = &{1'b0, segment_header, header_flags, end_from_next, from_window_end,
                  left_in_window, RECEIVE_RING_BYTES[0], rst};

`ifdef ASSERTIONS
  reg compared;

  always @(posedge clk) begin
    compared <= !rst && compare;
    if (!rst && compared && writable && finish - start - 1 >= RECEIVE_RING_BYTES) begin
      $display("segment_check: what the segment would fill lies in the window, if it is writable");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
