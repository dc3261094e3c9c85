// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from rtl/registers/map.toml by `make registers`: do not edit.

// Names the register that a word address speaks of.
//
//   address --> one select_* wire, the index in a row of registers, and what may be done
//
// Combinational. It holds no register and answers no bus.
// Invariant: at most one select wire is high.

`default_nettype none

module register_decoder (
  input  wire [11:2] address,
  output wire        select_identity,
  output wire        select_version,
  output wire        select_connections,
  output wire        select_receive_ring_bytes,
  output wire        select_control,
  output wire        select_interrupt_enable,
  output wire        select_event_ring_address_low,
  output wire        select_event_ring_address_high,
  output wire        select_event_ring_entries,
  output wire        select_event_consumer,
  output wire        select_anonymous_buffer_bytes,
  output wire        select_host_frame_buffer_bytes,
  output wire        select_indicate_window_size,
  output wire        select_nvram_indicate_window_size,
  output wire        select_commands_taken,
  output wire        select_buffer_room,
  output wire        select_command,
  output wire [2:0]  command_index,
  output wire        select_named_buffer_pages,
  output wire        select_clock_period_picoseconds,
  output wire        select_push_timer_cycles,
  output wire        select_counter,
  output wire [5:0]  counter_index,
  output wire        readable,
  output wire        writable
);

  assign select_identity = address == 10'h0;
  assign select_version = address == 10'h1;
  assign select_connections = address == 10'h2;
  assign select_receive_ring_bytes = address == 10'h3;
  assign select_control = address == 10'h4;
  assign select_interrupt_enable = address == 10'h5;
  assign select_event_ring_address_low = address == 10'h6;
  assign select_event_ring_address_high = address == 10'h7;
  assign select_event_ring_entries = address == 10'h8;
  assign select_event_consumer = address == 10'h9;
  assign select_anonymous_buffer_bytes = address == 10'hA;
  assign select_host_frame_buffer_bytes = address == 10'hB;
  assign select_indicate_window_size = address == 10'hC;
  assign select_nvram_indicate_window_size = address == 10'hD;
  assign select_commands_taken = address == 10'hE;
  assign select_buffer_room = address == 10'hF;
  assign select_command = address[11:5] == 7'h2;
  assign command_index = address[4:2];
  assign select_named_buffer_pages = address == 10'h18;
  assign select_clock_period_picoseconds = address == 10'h19;
  assign select_push_timer_cycles = address == 10'h1A;
  assign select_counter = address[11:8] == 4'h1;
  assign counter_index = address[7:2];

  assign readable = select_identity
    || select_version
    || select_connections
    || select_receive_ring_bytes
    || select_control
    || select_interrupt_enable
    || select_event_ring_address_low
    || select_event_ring_address_high
    || select_event_ring_entries
    || select_event_consumer
    || select_anonymous_buffer_bytes
    || select_host_frame_buffer_bytes
    || select_indicate_window_size
    || select_nvram_indicate_window_size
    || select_commands_taken
    || select_buffer_room
    || select_named_buffer_pages
    || select_clock_period_picoseconds
    || select_push_timer_cycles
    || select_counter;

  assign writable = select_control
    || select_interrupt_enable
    || select_event_ring_address_low
    || select_event_ring_address_high
    || select_event_ring_entries
    || select_event_consumer
    || select_anonymous_buffer_bytes
    || select_host_frame_buffer_bytes
    || select_indicate_window_size
    || select_command
    || select_push_timer_cycles;

`ifdef ASSERTIONS
  wire [31:0] selected = 0 + {31'd0, select_identity} + {31'd0, select_version}
    + {31'd0, select_connections} + {31'd0, select_receive_ring_bytes} + {31'd0, select_control}
    + {31'd0, select_interrupt_enable} + {31'd0, select_event_ring_address_low}
    + {31'd0, select_event_ring_address_high} + {31'd0, select_event_ring_entries}
    + {31'd0, select_event_consumer} + {31'd0, select_anonymous_buffer_bytes}
    + {31'd0, select_host_frame_buffer_bytes} + {31'd0, select_indicate_window_size}
    + {31'd0, select_nvram_indicate_window_size} + {31'd0, select_commands_taken}
    + {31'd0, select_buffer_room} + {31'd0, select_command} + {31'd0, select_named_buffer_pages}
    + {31'd0, select_clock_period_picoseconds} + {31'd0, select_push_timer_cycles}
    + {31'd0, select_counter};

  always @* begin
    if (selected > 1) begin
      $display("register_decoder: one address selects two registers");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
