// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Takes frames from the MAC and moves them by two bytes, so that every header starts at a word.
//
//   wire bytes    | 0  1  2  3  4  5  6  7 | 8  9 10 11 12 13 14 15 |  MAC addresses 0..11,
//                                                                      type or tag from 12
//   beat          | .  .  0  1  2  3  4  5 | 6  7  8  9 10 11 12 13 | 14 15 ...
//                   `-- word 0 --' `-word 1-'                         `-- IP header
//
// A beat's first byte stands in bits 63 to 56, as the headers are written. The last two bytes of a
// frame's last beat are `beat_rest`; one cycle later, they also stand at the front of `beat`.
// Never stalls inside: what follows must take every beat. It stops taking when `room` is low, and
// between two frames when `hold` is high. It does not look into frames.
//
// Invariant: while `quiet`, no beat is offered.

`default_nettype none

module frame_intake (
  input  wire        clk,
  input  wire        rst,

  // in: the MAC
  input  wire [63:0] s_axis_rx_tdata,
  input  wire [7:0]  s_axis_rx_tkeep,
  input  wire        s_axis_rx_tvalid,
  output wire        s_axis_rx_tready,
  input  wire        s_axis_rx_tlast,
  input  wire        s_axis_rx_tuser,

  // in: what follows
  input  wire        room,        // a few more beats can be taken
  input  wire        hold,        // no further frame may be taken
  output wire        quiet,       // held, and every effect of the frames before is over

  // out: one beat of a frame
  output reg         beat_valid,
  output reg         beat_first,
  output reg         beat_last,
  output reg         beat_bad,    // with beat_last: the MAC saw an error
  output reg  [3:0]  beat_bytes,  // wire bytes taken with this beat; 8 unless last
  output reg  [63:0] beat,
  output reg  [15:0] beat_rest
);

  localparam DRAIN_CYCLES = 4'd10;  // from a beat taken to the last register it changes

  reg       ready;
  reg       boundary;  // the next beat starts a frame
  reg [3:0] drain;

  wire take          = s_axis_rx_tvalid && ready;
  wire boundary_next = take ? s_axis_rx_tlast : boundary;

  assign s_axis_rx_tready = ready;
  assign quiet            = drain == 4'd0 && boundary && !ready;

  always @(posedge clk)
    if (rst) begin
      ready      <= 1'b0;
      boundary   <= 1'b1;
      drain      <= DRAIN_CYCLES;
      beat_valid <= 1'b0;
    end else begin
      ready      <= room && !(boundary_next && hold);
      boundary   <= boundary_next;
      drain      <= ready ? DRAIN_CYCLES : drain - {3'd0, drain != 4'd0};
      beat_valid <= take;
    end

  wire [63:0] wire_order;  // first byte in bits 63 to 56

  genvar lane;
  generate
    for (lane = 0; lane < 8; lane = lane + 1) begin : swap
      assign wire_order[63 - 8 * lane -: 8] = s_axis_rx_tdata[8 * lane +: 8];
    end
  endgenerate

  // Bytes up to the first that is not kept.
  reg [3:0] kept;
  always @(*)
    casez (s_axis_rx_tkeep)
      8'b???????0: kept = 4'd0;
      8'b??????01: kept = 4'd1;
      8'b?????011: kept = 4'd2;
      8'b????0111: kept = 4'd3;
      8'b???01111: kept = 4'd4;
      8'b??011111: kept = 4'd5;
      8'b?0111111: kept = 4'd6;
      8'b01111111: kept = 4'd7;
      default:     kept = 4'd8;
    endcase

  always @(posedge clk) begin
    if (take || beat_valid && beat_last) beat <= {beat_rest, wire_order[63:16]};
    if (take) begin
      beat_rest  <= wire_order[15:0];
      beat_first <= boundary;
      beat_last  <= s_axis_rx_tlast;
      beat_bad   <= s_axis_rx_tuser;
      beat_bytes <= s_axis_rx_tlast ? kept : 4'd8;
    end
  end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && quiet && beat_valid) begin
      $display("frame_intake: while quiet, no beat is offered");
      $stop;
    end
`endif

endmodule

`default_nettype wire
