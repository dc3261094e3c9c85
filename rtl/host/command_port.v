// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Queues the commands that the driver writes and hands them on, whole, one at a time.
//
//   word, index --> [ queue: 64 commands of 8 words ] --> [ words 0 to 4 ] --> command
//
// The word of index 7 commits; the others may come in any order, and words that a command has no
// use for need not come at all. It does not look into a command: words 5 and 6 are kept, and are
// not handed on as no command uses them. A command counts as taken once its owner has answered.
//
// Invariant: commands_taken never overtakes the commands committed, nor falls behind by more than
//            the queue holds.

`default_nettype none
`include "toe_registers.vh"

module command_port (
  input  wire         clk,
  input  wire         rst,

  // in: the registers
  input  wire         command_write_valid,
  input  wire [2:0]   command_write_index,
  input  wire [31:0]  command_write_data,
  output wire         command_full,
  output reg  [31:0]  commands_taken,

  // out: the dispatch; ready says that the command is done
  output reg          command_valid,
  input  wire         command_ready,
  output reg  [159:0] command
);

  localparam SLOT_BITS = 6;  // clog2 of COMMAND_QUEUE_DEPTH
  localparam WORDS     = 5;  // words of a command that any owner uses
  localparam LATENCY   = 2;  // cycles from a word's address to the word

  (* no_rw_check *)  // what is read was written earlier
  reg [31:0] memory [0:`COMMAND_QUEUE_DEPTH*8-1];
  reg [31:0] memory_out;
  reg [31:0] word;

  reg [SLOT_BITS-1:0] write_slot;
  reg [SLOT_BITS-1:0] read_slot;
  reg [SLOT_BITS:0]   held;  // commands in the queue, the one being handed on included
  reg [2:0]           step;  // of fetching a command: addresses first, words LATENCY later
  reg                 fetching;

  wire commit = command_write_valid && command_write_index == 3'd7;
  wire done   = command_valid && command_ready;
  reg  was_done;  // it counts a cycle later

  assign command_full = held[SLOT_BITS];

  always @(posedge clk) begin
    if (command_write_valid) memory[{write_slot, command_write_index}] <= command_write_data;
    memory_out <= memory[{read_slot, step}];
    word       <= memory_out;
    if (fetching && step >= LATENCY) command <= {word, command[159:32]};
  end

  always @(posedge clk) begin
    if (commit) write_slot <= write_slot + 1'b1;
    was_done <= done;
    case ({commit, was_done})
      2'b10: held <= held + 1'b1;
      2'b01: held <= held - 1'b1;
      default: ;
    endcase

    if (!fetching) begin
      step     <= 3'd0;
      fetching <= held != 0 && !command_valid && !was_done;
    end else begin
      step <= step + 1'b1;
      if (step == WORDS + LATENCY - 1) begin
        fetching      <= 1'b0;
        command_valid <= 1'b1;
      end
    end
    if (done) begin
      command_valid <= 1'b0;
      read_slot     <= read_slot + 1'b1;
    end
    if (was_done) commands_taken <= commands_taken + 1'b1;

    if (rst) begin
      write_slot     <= {SLOT_BITS{1'b0}};
      read_slot      <= {SLOT_BITS{1'b0}};
      held           <= {(SLOT_BITS + 1){1'b0}};
      fetching       <= 1'b0;
      was_done       <= 1'b0;
      command_valid  <= 1'b0;
      commands_taken <= 32'd0;
    end
  end

`ifdef ASSERTIONS
  reg [31:0] committed;

  always @(posedge clk) begin
    if (rst) committed <= 32'd0;
    else if (commit) committed <= committed + 1'b1;
    if (!rst && committed - commands_taken > `COMMAND_QUEUE_DEPTH) begin
      $display("command_port: commands taken are not within the queue of those written");
      $stop;
    end
    if (!rst && command_write_valid && command_full) begin
      $display("command_port: a word is written over a command that waits");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
