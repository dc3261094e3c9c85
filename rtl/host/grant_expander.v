// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Turns a grant of buffers into the buffers, one a cycle.
//
//   {address, first, count} --> room? --> {address, number}, {address + stride, number + 1} ...
//                                 \--> answer
//
// The stride is the buffers' size rounded up to a multiple of 64. A grant for which the queue has
// no room is refused as a whole; the answer comes with the last buffer, and the grant stands
// until then.
// It holds no buffer itself.
//
// Invariant: no buffer comes that the queue has no room for.
// Invariant: an accepted grant yields as many buffers as it names.

`default_nettype none

module grant_expander (
  input  wire        clk,
  input  wire        rst,

  // in: the registers
  input  wire [15:0] anonymous_buffer_bytes,
  input  wire [15:0] host_frame_buffer_bytes,

  // in: the dispatch; the grant stands until the answer
  input  wire        grant_valid,
  output wire        grant_ready,
  input  wire        grant_host_frame,
  input  wire [63:0] grant_address,
  input  wire [15:0] grant_first,
  input  wire [15:0] grant_count,
  output reg         grant_answer_valid,
  output reg         grant_answer_refused,

  // out: the queues of buffers; they take a buffer in the cycle it comes
  output reg         anonymous_valid,
  output reg         host_frame_valid,
  output reg  [63:0] buffer_address,
  output reg  [15:0] buffer_number,
  input  wire [15:0] anonymous_room,
  input  wire [15:0] host_frame_room
);

  localparam IDLE   = 3'd0;  // waits for a grant
  localparam LOOK   = 3'd1;  // the room is known
  localparam CHECK  = 3'd2;  // is it enough?
  localparam EXPAND = 3'd3;  // buffers come
  localparam DONE   = 3'd4;  // the queue's room follows

  reg [2:0]  state;
  reg [15:0] index;   // of the buffer in the grant
  reg [31:6] offset;  // of the buffer from the first
  reg [10:0] stride;  // in units of 64 bytes
  reg [15:0] room;

  wire [15:0] bytes    = grant_host_frame ? host_frame_buffer_bytes : anonymous_buffer_bytes;
  wire [16:0] bytes_up = {1'b0, bytes} + 17'd63;
  reg         refused;  // there is not enough room
  reg         empty;    // or no buffer is granted
  reg  [15:0] left;     // buffers, the present one included
  wire        last     = left == 16'd1;

  assign grant_ready = state == IDLE;

  always @(posedge clk) begin
    room    <= grant_host_frame ? host_frame_room : anonymous_room;
    stride  <= bytes_up[16:6];
    refused <= grant_count > room;
    empty   <= grant_count == 0;
    left    <= state == EXPAND ? left - 1'b1 : grant_count;

    buffer_address       <= {grant_address[63:6] + {32'd0, offset}, grant_address[5:0]};
    buffer_number        <= grant_first + index;
    anonymous_valid      <= state == EXPAND && !grant_host_frame;
    host_frame_valid     <= state == EXPAND && grant_host_frame;
    grant_answer_valid   <= state == CHECK && (refused || empty) || state == EXPAND && last;
    grant_answer_refused <= state == CHECK && refused;

    if (state == EXPAND) begin
      index  <= index + 1'b1;
      offset <= offset + {15'd0, stride};
    end else begin
      index  <= 16'd0;
      offset <= 26'd0;
    end

    case (state)
      IDLE: if (grant_valid) state <= LOOK;
      LOOK: state <= CHECK;
      CHECK: state <= refused || empty ? DONE : EXPAND;
      EXPAND: if (last) state <= DONE;
      default: state <= IDLE;
    endcase
    if (rst) begin
      state              <= IDLE;
      anonymous_valid    <= 1'b0;
      host_frame_valid   <= 1'b0;
      grant_answer_valid <= 1'b0;
    end
  end

  wire unused = &{1'b0, bytes_up[5:0]};

`ifdef ASSERTIONS
  reg [15:0] produced;

  always @(posedge clk) begin
    if (state == IDLE) produced <= 16'd0;
    else if (anonymous_valid || host_frame_valid) produced <= produced + 1'b1;
    if (!rst && (anonymous_valid && anonymous_room == 0
                 || host_frame_valid && host_frame_room == 0)) begin
      $display("grant_expander: a buffer comes that the queue has no room for");
      $stop;
    end
    if (!rst && grant_answer_valid && produced + {15'd0, anonymous_valid || host_frame_valid}
                                      != (grant_answer_refused ? 16'd0 : grant_count)) begin
      $display("grant_expander: a grant of %0d buffers yields %0d", grant_count, produced);
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
