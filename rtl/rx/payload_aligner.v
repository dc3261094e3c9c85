// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Moves the payload of a segment so that its first byte stands in lane 0.
//
//   skew 0:  | word 0  word 1 |                    ──► | word 0  word 1 |
//   skew 1:  | .       word 1 | word 0  ...  |     ──► | word 1  word 0 |
//
// Cuts Ethernet padding by the length. A frame that ends before its payload does still yields a
// last beat, so that whoever waits for one is never left waiting. It judges no frame.
//
// Invariant: the payload of an accepted segment ends with one last beat, not after its frame.

`default_nettype none

module payload_aligner (
  input  wire        clk,
  input  wire        rst,

  // in: the intake
  input  wire        beat_valid,
  input  wire [63:0] beat,
  input  wire        frame_ended,     // the cycle after the last beat

  // in: the parser
  input  wire [31:0] previous_word,   // word 1 of the beat before
  input  wire        payload_found,
  input  wire        payload_some,
  input  wire [3:0]  payload_skip,
  input  wire        payload_near,    // that is 0
  input  wire        payload_skew,
  input  wire [15:0] payload_length,

  // in: the segment is one of ours
  input  wire        accept,

  // out: payload
  output wire        payload_valid,
  output wire [63:0] payload_data,    // first byte in bits 7 to 0
  output wire        payload_last,
  output reg  [15:0] payload_left     // bytes; whole until the segment is accepted
);

  reg [3:0] skip;
  reg       skipped;   // skip is 0
  reg       skew;
  reg       more;      // payload_left is not 0
  reg       accepted;

  assign payload_valid = (accept || accepted) && more && (frame_ended || beat_valid && skipped);
  assign payload_last  = payload_left <= 16'd8 || frame_ended;

  wire [63:0] aligned = skew ? {previous_word, beat[63:32]} : beat;

  genvar lane;
  generate
    for (lane = 0; lane < 8; lane = lane + 1) begin : swap
      assign payload_data[8 * lane +: 8] = aligned[63 - 8 * lane -: 8];
    end
  endgenerate

  always @(posedge clk)
    if (rst) accepted <= 1'b0;
    else     accepted <= (accept || accepted) && !frame_ended;

  always @(posedge clk) begin
    if (payload_found) begin
      skip         <= payload_skip;
      skipped      <= payload_near;
      skew         <= payload_skew;
      more         <= payload_some;
      payload_left <= payload_length;
    end else begin
      if (beat_valid && !skipped) begin
        skip    <= skip - 4'd1;
        skipped <= skip == 4'd1;
      end
      if (payload_valid) begin
        more         <= !payload_last;
        payload_left <= payload_left - 16'd8;
      end
    end
  end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && accept && accepted) begin
      $display("payload_aligner: the payload of an accepted segment ends with its frame");
      $stop;
    end
`endif

endmodule

`default_nettype wire
