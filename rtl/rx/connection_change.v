// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Takes connections into the lookup's tables and out of them, one command at a time between frames.
//
//   command ──► hold frames ──► feed the tuple ──► decide ──► write a way ──► answer, open or close
//                               as a frame does     ▲ where each connection stands
//
// Also empties the tables after reset. The hash, the tables and the tuples are the lookup's.
//
// Invariant: a refused command writes nothing.

`default_nettype none

`include "toe_registers.vh"

module connection_change #(
  parameter CONNECTION_BITS = 4,
  parameter INDEX_BITS      = 4   // of a bucket in either table
) (
  input  wire                  clk,
  input  wire                  rst,

  // in: the command dispatch
  input  wire                  lookup_command_valid,
  output wire                  lookup_command_ready,
  input  wire                  lookup_command_insert,
  input  wire [15:0]           lookup_command_connection,
  input  wire [127:0]          lookup_command_source,
  input  wire [127:0]          lookup_command_destination,
  input  wire [15:0]           lookup_command_source_port,
  input  wire [15:0]           lookup_command_destination_port,
  input  wire                  lookup_command_ipv6,
  output wire                  lookup_answer_valid,
  output reg  [2:0]            lookup_answer_status,

  // out: the intake
  output wire                  hold,
  input  wire                  quiet,

  // out: the segments, for the command that is being answered
  output reg                   change_valid,
  input  wire                  change_ready,

  // out: the command's tuple, instead of a frame's
  output reg                   feed_start,
  output reg                   feed_address_valid,
  output wire [63:0]           feed_address_ahead,  // one cycle before, zero unless valid then
  output reg                   feed_ports_valid,
  output reg  [31:0]           feed_ports,          // zero unless valid

  // in: what the tables know of it
  input  wire                  hit,
  input  wire                  tuple_good,
  input  wire [INDEX_BITS-1:0] index_a,
  input  wire [INDEX_BITS-1:0] index_b,
  input  wire [3:0]            used_a,
  input  wire [3:0]            used_b,

  // out: changes of the tables
  output reg                   write_used,     // a way is taken, not given up
  output reg  [3:0]            write_a,        // ways
  output reg  [3:0]            write_b,
  output reg  [INDEX_BITS-1:0] write_index
);

  localparam CLEAR_BITS    = CONNECTION_BITS > INDEX_BITS ? CONNECTION_BITS : INDEX_BITS;
  localparam LOCATION_BITS = 1 + 1 + 2 + INDEX_BITS;

  localparam [2:0] CLEAR  = 3'd0,  // empties the tables after reset
                   IDLE   = 3'd1,  // frames only
                   FEED   = 3'd2,  // a command's tuple goes the way of a frame's
                   WAIT   = 3'd3,  // for the tables
                   DECIDE = 3'd4,  // what becomes of the command
                   WRITE  = 3'd5,  // changes the tables
                   ANSWER = 3'd6;  // tells

  localparam [3:0] STEP_PORTS  = 4'd4,  // steps 0 to 3 are addresses
                   STEP_REMOVE = 4'd8,  // a removal only waits for its location
                   STEP_LAST   = 4'd10;

  reg [2:0]            state;
  reg [3:0]            step;
  reg [CLEAR_BITS-1:0] clear_at;

  wire insert = lookup_command_insert;
  wire ok     = lookup_answer_status == `OFFLOAD_STATUS_OK;

  assign hold                 = state != IDLE || lookup_command_valid;
  assign lookup_command_ready = state == ANSWER;
  assign lookup_answer_valid  = state == ANSWER;

  always @(posedge clk)
    if (rst) begin
      state    <= CLEAR;
      clear_at <= {CLEAR_BITS{1'b0}};
    end else case (state)
      CLEAR: begin
        clear_at <= clear_at + {{CLEAR_BITS-1{1'b0}}, 1'b1};
        if (&clear_at) state <= IDLE;
      end
      IDLE: begin
        step <= insert ? 4'd0 : STEP_REMOVE;
        if (lookup_command_valid && quiet && change_ready) state <= insert ? FEED : WAIT;
      end
      FEED: begin
        step <= !lookup_command_ipv6 && step == 4'd0 ? STEP_PORTS : step + 4'd1;
        if (step == STEP_PORTS) state <= WAIT;
      end
      WAIT: begin
        step <= step + 4'd1;
        if (step == STEP_LAST) state <= DECIDE;
      end
      DECIDE:  state <= WRITE;
      WRITE:   state <= ANSWER;
      default: state <= IDLE;
    endcase

  // ------------------------------------------------------------- the tuple
  // Two words at a time, as the parser has them.
  wire [63:0] address = !lookup_command_ipv6 ?
                        {lookup_command_source[31:0], lookup_command_destination[31:0]} :
                        step[1] ? (step[0] ? lookup_command_destination[63:0]
                                           : lookup_command_destination[127:64])
                                : (step[0] ? lookup_command_source[63:0]
                                           : lookup_command_source[127:64]);

  wire feed_address_now = state == FEED && step != STEP_PORTS;
  wire feed_ports_now   = state == FEED && step == STEP_PORTS;

  assign feed_address_ahead = address & {64{feed_address_now}};

  always @(posedge clk) begin
    change_valid       <= state == WRITE && ok && !rst;  // with ANSWER
    feed_start         <= state == IDLE && quiet && !rst;
    feed_address_valid <= feed_address_now && !rst;
    feed_ports_valid   <= feed_ports_now && !rst;
    feed_ports         <= {lookup_command_source_port, lookup_command_destination_port}
                        & {32{feed_ports_now}};
  end

  // ------------------------------------------------------------- where each connection stands
  reg  [LOCATION_BITS-1:0] locations [0:(1 << CONNECTION_BITS)-1];
  reg  [LOCATION_BITS-1:0] location;

  wire                     located, located_b;
  wire [1:0]               located_way;
  wire [INDEX_BITS-1:0]    located_index;
  wire [CONNECTION_BITS-1:0] number = lookup_command_connection[CONNECTION_BITS-1:0];

  assign {located, located_b, located_way, located_index} = location;

  // ------------------------------------------------------------- the decision
  wire       in_range = lookup_command_connection >> CONNECTION_BITS == 16'd0;
  wire [2:0] count_a  = {2'd0, used_a[0]} + {2'd0, used_a[1]}
                      + {2'd0, used_a[2]} + {2'd0, used_a[3]};
  wire [2:0] count_b  = {2'd0, used_b[0]} + {2'd0, used_b[1]}
                      + {2'd0, used_b[2]} + {2'd0, used_b[3]};
  reg        take_b;   // the emptier bucket
  reg        same;     // the tuple that the hit belongs to
  wire [3:0] used     = take_b ? used_b : used_a;
  wire [1:0] free_way = !used[0] ? 2'd0 : !used[1] ? 2'd1 : !used[2] ? 2'd2 : 2'd3;

  always @(posedge clk) begin
    take_b <= count_b < count_a;
    same   <= tuple_good;
  end

  reg        chosen_b;
  reg [1:0]  chosen_way;
  reg [INDEX_BITS-1:0] chosen_index;

  always @(posedge clk)
    if (state == DECIDE) begin
      lookup_answer_status <=
          !insert           ? (in_range && located ? `OFFLOAD_STATUS_OK : `OFFLOAD_STATUS_BUSY) :
          !in_range         ? `OFFLOAD_STATUS_BAD_CONNECTION :
          located           ? `OFFLOAD_STATUS_BUSY :
          hit && same       ? `OFFLOAD_STATUS_DUPLICATE :
          hit || &used      ? `OFFLOAD_STATUS_NO_ROOM :  // a hit: another tuple of the same hash
                              `OFFLOAD_STATUS_OK;
      chosen_b     <= insert ? take_b : located_b;
      chosen_way   <= insert ? free_way : located_way;
      chosen_index <= !insert ? located_index : take_b ? index_b : index_a;
    end

  // ------------------------------------------------------------- the change
  wire       clear  = state == CLEAR;
  wire       write  = state == WRITE && ok;
  wire [3:0] chosen = 4'd1 << chosen_way;

  // With ANSWER: the tables are large, and far away.
  always @(posedge clk) begin
    write_used  <= write && insert;
    write_a     <= clear ? 4'b1111 : chosen & {4{write && !chosen_b}};
    write_b     <= clear ? 4'b1111 : chosen & {4{write && chosen_b}};
    write_index <= clear ? clear_at[INDEX_BITS-1:0] : chosen_index;
  end

  always @(posedge clk) begin
    location <= locations[number];
    if (clear || write)
      locations[clear ? clear_at[CONNECTION_BITS-1:0] : number]
        <= {write && insert, chosen_b, chosen_way, chosen_index};
  end

`ifdef ASSERTIONS
  reg cleared;

  always @(posedge clk) begin
    cleared <= clear || rst;
    if (!rst && !cleared && (write_a != 4'd0 || write_b != 4'd0) && !ok) begin
      $display("connection_change: a refused command writes nothing");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
