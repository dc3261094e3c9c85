// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Holds the settings that the driver wrote and answers what it reads.
//
//   write --> decoder --> settings ------------------------> the adapter
//                    \--> command window ------------------> command port
//   read ---> decoder --> settings, constants, counter ----> answer
//
// It holds neither commands nor counters. A write is answered in the next cycle, a read in the next
// but one, a counter when the counters come to it. Writing where nothing can be written, a command
// that does not fit the queue, and an indicateWindowSize or a Push Timer of 0 are refused and
// change nothing.
//
// Invariant: indicate_window_size and push_timer_cycles are never 0.

`default_nettype none
`include "toe_registers.vh"

module registers #(
  parameter CONNECTIONS                = 16,
  parameter RECEIVE_RING_BYTES         = 4096,
  parameter ANONYMOUS_BUFFERS          = 256,
  parameter HOST_FRAME_BUFFERS         = 256,
  parameter NVRAM_INDICATE_WINDOW_SIZE = 0,
  parameter NAMED_BUFFER_PAGES         = 16,
  parameter CLOCK_PERIOD_PICOSECONDS   = 6400
) (
  input  wire                     clk,
  input  wire                     rst,

  // in: the AXI4-Lite port
  input  wire                     write_valid,
  input  wire [`ADDRESS_BITS-1:2] write_address,
  input  wire [31:0]              write_data,
  output reg                      write_answer_valid,
  output reg                      write_answer_refused,
  input  wire                     read_valid,
  input  wire [`ADDRESS_BITS-1:2] read_address,
  output wire                     read_answer_valid,
  output wire                     read_answer_refused,
  output wire [31:0]              read_answer_data,

  // out: the reset control
  output reg                      reset_request,

  // out: the command port
  output reg                      command_write_valid,
  output wire [2:0]               command_write_index,
  output wire [31:0]              command_write_data,
  input  wire                     command_full,
  input  wire [31:0]              commands_taken,

  // out: the counters
  output reg                      counter_read_valid,
  output wire [5:0]               counter_read_index,
  input  wire                     counter_answer_valid,
  input  wire [31:0]              counter_answer_value,

  // out: the adapter
  output reg                      enable,
  output reg                      interrupt_enable,
  output wire [63:0]              event_ring_address,
  output reg  [16:0]              event_ring_entries,
  output reg  [31:0]              event_consumer,
  output reg  [15:0]              anonymous_buffer_bytes,
  output reg  [15:0]              host_frame_buffer_bytes,
  output reg  [31:0]              indicate_window_size,
  output reg  [31:0]              push_timer_cycles
);

  // -------------------------------------------------------------- write

  // The decoder's word is kept for a cycle: what is written is done while the answer is given.
  wire at_control, at_interrupt_enable, at_consumer, at_window, at_ring_low, at_ring_high;
  wire at_ring_entries, at_anonymous_bytes, at_host_frame_bytes, at_command, at_push, writable;
  reg  write_control, write_interrupt_enable, write_consumer, write_window, write_ring_low;
  reg  write_ring_high, write_ring_entries, write_anonymous_bytes, write_host_frame_bytes, keep;
  reg  write_push;

  /* verilator lint_off PINCONNECTEMPTY */  // the decoder names read-only registers too
  register_decoder write_decoder (
    .address(write_address),
    .select_identity(), .select_version(), .select_connections(), .select_receive_ring_bytes(),
    .select_control(at_control),
    .select_interrupt_enable(at_interrupt_enable),
    .select_event_ring_address_low(at_ring_low),
    .select_event_ring_address_high(at_ring_high),
    .select_event_ring_entries(at_ring_entries),
    .select_event_consumer(at_consumer),
    .select_anonymous_buffer_bytes(at_anonymous_bytes),
    .select_host_frame_buffer_bytes(at_host_frame_bytes),
    .select_indicate_window_size(at_window),
    .select_nvram_indicate_window_size(), .select_commands_taken(), .select_buffer_room(),
    .select_command(at_command), .command_index(), .select_named_buffer_pages(),
    .select_clock_period_picoseconds(), .select_push_timer_cycles(at_push),
    .select_counter(), .counter_index(),
    .readable(), .writable(writable)
  );
  /* verilator lint_on PINCONNECTEMPTY */

  localparam [31:0] ANONYMOUS_RESET  = `REGISTER_ANONYMOUS_BUFFER_BYTES_RESET;
  localparam [31:0] HOST_FRAME_RESET = `REGISTER_HOST_FRAME_BUFFER_BYTES_RESET;

  // What the register keeps of the word.
  wire bit_0   = !write_ring_low;
  wire bits_1  = bit_0 && bits_6;
  wire bits_6  = !write_control && !write_interrupt_enable;
  wire bits_16 = bits_17 || write_ring_entries;
  wire bits_17 = write_ring_low || write_ring_high || write_consumer || write_window || write_push;

  wire [31:0] kept = write_data & {{15{bits_17}}, bits_16, {10{bits_6}}, {5{bits_1}}, bit_0};

  reg  [63:6] ring_address;
  wire        zero_window = (at_window || at_push) && write_data == 0;
  wire        allowed     = write_valid && writable && !at_command && !zero_window && !rst;

  assign event_ring_address  = {ring_address, 6'd0};
  assign command_write_index = write_address[4:2];
  assign command_write_data  = write_data;

  always @(posedge clk) begin
    keep                   <= allowed;
    write_control          <= allowed && at_control;
    write_interrupt_enable <= allowed && at_interrupt_enable;
    write_ring_low         <= allowed && at_ring_low;
    write_ring_high        <= allowed && at_ring_high;
    write_ring_entries     <= allowed && at_ring_entries;
    write_consumer         <= allowed && at_consumer;
    write_anonymous_bytes  <= allowed && at_anonymous_bytes;
    write_host_frame_bytes <= allowed && at_host_frame_bytes;
    write_window           <= allowed && at_window;
    write_push             <= allowed && at_push;
  end

  always @(posedge clk) begin
    write_answer_valid   <= write_valid;
    write_answer_refused <= !writable || zero_window || (at_command && command_full);
    command_write_valid  <= write_valid && at_command && !command_full;
    reset_request        <= write_valid && at_control && write_data[`CONTROL_RESET];
    if (write_control) enable <= write_data[`CONTROL_ENABLE];
    if (write_interrupt_enable) interrupt_enable <= write_data[`INTERRUPT_ENABLE_EVENT];
    if (write_ring_low) ring_address[31:6] <= write_data[31:6];
    if (write_ring_high) ring_address[63:32] <= write_data;
    if (write_ring_entries) event_ring_entries <= write_data[16:0];
    if (write_consumer) event_consumer <= write_data;
    if (write_anonymous_bytes) anonymous_buffer_bytes <= write_data[15:0];
    if (write_host_frame_bytes) host_frame_buffer_bytes <= write_data[15:0];
    if (write_window) indicate_window_size <= write_data;
    if (write_push) push_timer_cycles <= write_data;
    if (rst) begin
      write_answer_valid      <= 1'b0;
      command_write_valid     <= 1'b0;
      reset_request           <= 1'b0;
      enable                  <= 1'b0;
      interrupt_enable        <= 1'b0;
      ring_address            <= 58'd0;
      event_ring_entries      <= 17'd0;
      event_consumer          <= `REGISTER_EVENT_CONSUMER_RESET;
      anonymous_buffer_bytes  <= ANONYMOUS_RESET[15:0];
      host_frame_buffer_bytes <= HOST_FRAME_RESET[15:0];
      indicate_window_size    <= `REGISTER_INDICATE_WINDOW_SIZE_RESET;
      push_timer_cycles       <= `REGISTER_PUSH_TIMER_CYCLES_RESET;
    end
  end

  // -------------------------------------------------------------- read
  // A second copy of the settings, in memory, spares a multiplexer of them all. Until a setting is
  // written, and for what is no setting, a constant is read.

  localparam [11:0] COUNTER_AT = `REGISTER_COUNTER;
  localparam [11:0] TAKEN_AT   = `REGISTER_COMMANDS_TAKEN;
  localparam [11:0] COMMAND_AT = `REGISTER_COMMAND;
  localparam [11:0] LAST_AT    = `REGISTER_PUSH_TIMER_CYCLES;

  (* no_rw_check *)  // the port has one access under way at a time in either direction
  reg  [31:0] copies [0:31];
  reg  [31:0] written;  // registers that `copies` holds
  reg  [31:0] copy;
  reg  [31:0] constant;
  reg         from_copies, from_taken, unknown;
  reg         looking;
  reg         plain_answer_valid;
  reg         read_refused;
  reg  [31:0] value;

  wire [4:0]  slot       = read_address[6:2];
  wire        is_counter = read_address[11:8] == COUNTER_AT[11:8];

  assign counter_read_index  = read_address[7:2];
  assign read_answer_valid   = plain_answer_valid || counter_answer_valid;
  assign read_answer_refused = plain_answer_valid && read_refused;
  assign read_answer_data    = plain_answer_valid ? value : counter_answer_value;

  always @(posedge clk) begin
    if (keep) copies[write_address[6:2]] <= kept;
    if (keep) written[write_address[6:2]] <= 1'b1;
    if (rst) written <= 32'd0;

    copy        <= copies[slot];
    from_copies <= written[slot];
    from_taken  <= read_address == TAKEN_AT[11:2];
    unknown     <= read_address[11:2] > LAST_AT[11:2] || read_address[11:5] == COMMAND_AT[11:5];
    case ({5'd0, slot, 2'b00})
      `REGISTER_IDENTITY: constant <= `ADAPTER_IDENTITY;
      `REGISTER_VERSION: constant <= `ADAPTER_VERSION;
      `REGISTER_CONNECTIONS: constant <= CONNECTIONS;
      `REGISTER_RECEIVE_RING_BYTES: constant <= RECEIVE_RING_BYTES;
      `REGISTER_ANONYMOUS_BUFFER_BYTES: constant <= `REGISTER_ANONYMOUS_BUFFER_BYTES_RESET;
      `REGISTER_HOST_FRAME_BUFFER_BYTES: constant <= `REGISTER_HOST_FRAME_BUFFER_BYTES_RESET;
      `REGISTER_INDICATE_WINDOW_SIZE: constant <= `REGISTER_INDICATE_WINDOW_SIZE_RESET;
      `REGISTER_NVRAM_INDICATE_WINDOW_SIZE: constant <= NVRAM_INDICATE_WINDOW_SIZE;
      `REGISTER_BUFFER_ROOM: constant <= {HOST_FRAME_BUFFERS[15:0], ANONYMOUS_BUFFERS[15:0]};
      `REGISTER_NAMED_BUFFER_PAGES: constant <= NAMED_BUFFER_PAGES;
      `REGISTER_CLOCK_PERIOD_PICOSECONDS: constant <= CLOCK_PERIOD_PICOSECONDS;
      `REGISTER_PUSH_TIMER_CYCLES: constant <= `REGISTER_PUSH_TIMER_CYCLES_RESET;
      default: constant <= 32'd0;
    endcase

    value        <= unknown ? 32'd0 : from_taken ? commands_taken : from_copies ? copy : constant;
    read_refused <= unknown;

    looking            <= read_valid && !is_counter;
    counter_read_valid <= read_valid && is_counter;
    plain_answer_valid <= looking;
    if (rst) begin
      looking            <= 1'b0;
      plain_answer_valid <= 1'b0;
      counter_read_valid <= 1'b0;
    end
  end

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && (indicate_window_size == 0 || push_timer_cycles == 0)) begin
      $display("registers: indicate_window_size and push_timer_cycles are never 0");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
