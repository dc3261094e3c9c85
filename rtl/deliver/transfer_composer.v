// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Puts together the transfer header: where bytes go, if any, and the event that follows them.
//
//   grant, its place in a buffer ──┐
//   event of a connection ─────────┴─► transfer header
//
// One header is held until dma takes it. Who composes the next one waits for that.
//
// Invariant: an offered transfer stays, unchanged, until it is taken.

`default_nettype none
`include "toe_registers.vh"

module transfer_composer #(
  parameter CONNECTION_BITS = 4
) (
  input  wire                         clk,
  input  wire                         rst,

  // in: the delivery scheduler
  input  wire                         compose,
  input  wire                         with_bytes,  // the grant goes along
  input  wire [`EVENT_KIND_BITS-1:0]  kind,
  input  wire                         fills,       // no kind, but the Named Buffer is full
  input  wire [CONNECTION_BITS-1:0]   connection,
  input  wire [`EVENT_DETAIL_BITS-1:0] detail_now,
  input  wire [31:0]                  content,     // of an event without bytes

  // in: the delivery ledger
  input  wire [15:0]                  grant_bytes,
  input  wire [2:0]                   grant_lane,

  // in: the Named Buffer fill
  input  wire                         named,
  input  wire [2:0]                   target_lane,
  input  wire [63:0]                  target_address,
  input  wire [31:0]                  filled_then,

  // in: the host
  input  wire [63:0]                  anonymous_buffer_address,
  input  wire [15:0]                  anonymous_buffer_number,

  // out: dma
  output reg                          transfer_valid,
  input  wire                         transfer_ready,
  output wire [`TRANSFER_BITS-1:0]    transfer_header
);

  reg [63:0]                  address;
  reg [15:0]                  length;
  reg [2:0]                   lane;
  reg [31:0]                  value;
  reg [CONNECTION_BITS-1:0]   whose;
  reg [`EVENT_DETAIL_BITS-1:0] detail;
  reg [`EVENT_KIND_BITS-1:0]  event_kind;
  reg                         full;      // a bit of its own: it is known last
  reg                         delivered; // the event speaks of bytes: their length is known last

  wire [`EVENT_VALUE_BITS-1:0] value_delivered, value_late;
  wire [`EVENT_BITS-1:0]       event_word;

  assign value_delivered[`EVENT_LENGTH] = 16'd0;
  assign value_delivered[`EVENT_BUFFER] = anonymous_buffer_number;
  assign value_late[`EVENT_LENGTH]      = delivered ? length : 16'd0;
  assign value_late[`EVENT_BUFFER]      = 16'd0;

  assign event_word[`EVENT_VALUE]      = value | value_late;
  assign event_word[`EVENT_CONNECTION] = {{16-CONNECTION_BITS{1'b0}}, whose};
  assign event_word[`EVENT_TAKEN]      = 8'd0;
  assign event_word[`EVENT_DETAIL]     = detail;
  assign event_word[`EVENT_KIND]       = event_kind | (full ? `EVENT_NAMED_BUFFER_RETURNED : 0);
  assign event_word[`EVENT_PHASE]      = 1'b0;

  assign transfer_header[`TRANSFER_ADDRESS] = address;
  assign transfer_header[`TRANSFER_LENGTH]  = length;
  assign transfer_header[`TRANSFER_LANE]    = lane;
  assign transfer_header[`TRANSFER_EVENT]   = event_word[`TRANSFER_EVENT_BITS-1:0];

  always @(posedge clk)
    if (!transfer_valid) begin
      address    <= {named ? target_address[63:3] : anonymous_buffer_address[63:3], target_lane};
      length     <= with_bytes ? grant_bytes : 16'd0;
      lane       <= grant_lane;
      value      <= !with_bytes ? content : named ? filled_then : value_delivered;
      delivered  <= with_bytes && !named;
      whose      <= connection;
      detail     <= detail_now;
      event_kind <= kind;
      full       <= fills;
    end

  always @(posedge clk)
    if (rst) transfer_valid <= 1'b0;
    else if (compose) transfer_valid <= 1'b1;
    else if (transfer_ready) transfer_valid <= 1'b0;

  wire unused = &{1'b0, event_word, target_address, anonymous_buffer_address};

`ifdef ASSERTIONS
  reg                      was_offered;
  reg [`TRANSFER_BITS-1:0] was_header;

  always @(posedge clk) begin
    was_offered <= !rst && transfer_valid && !transfer_ready;
    was_header  <= transfer_header;
    if (!rst && was_offered && (!transfer_valid || transfer_header != was_header)) begin
      $display("transfer_composer: an offered transfer stays, unchanged, until it is taken");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
