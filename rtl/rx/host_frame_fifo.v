// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Block memory for whole frames, each written as it streams in and then kept or rolled back.
//
//   beats ──► memory, write_at ──► kept up to `committed` ──► read_at ──► word, in two cycles
//                 ▲ rolled back here
//
// A frame that finds no room is written no further, and its owner is told with its last beat. It
// knows no frame lengths: what comes out is one row of words, of which the owner reads as many as
// he knows to be kept.
//
// Invariant: words come out only of frames that were kept.

`default_nettype none

module host_frame_fifo #(
  parameter BYTES = 16384  // a power of two
) (
  input  wire        clk,
  input  wire        rst,

  // in: frames
  input  wire        in_valid,
  input  wire        in_last,
  input  wire        in_keep,     // with in_last: keep the frame, if all of it found room
  input  wire [63:0] in_data,
  output wire        in_overrun,  // with in_last: it did not

  // out: words
  input  wire        read,
  output reg  [63:0] word         // two cycles after it was read
);

  localparam BITS = $clog2(BYTES / 8);

  (* no_rw_check *)  // what is read was kept earlier
  reg [63:0]   memory [0:(1 << BITS)-1];
  reg [BITS:0] write_at, committed, read_at;
  reg          full;      // perhaps only almost
  reg          overrun;
  reg [63:0]   read_data;

  wire [BITS:0] held    = write_at - read_at;
  wire [BITS:0] kept    = committed - read_at;
  wire          write   = in_valid && !full && !overrun;
  wire [BITS:0] next_at = write_at + {{BITS{1'b0}}, 1'b1};

  assign in_overrun = full || overrun;

  wire keep      = in_keep && !in_overrun;
  wire roll_back = in_valid && in_last && !keep;

  // Read in every cycle: block memory is far from whoever would have to say when.
  always @(posedge clk) begin
    if (write) memory[write_at[BITS-1:0]] <= in_data;
    read_data <= memory[read_at[BITS-1:0]];
    word      <= read_data;
  end

  always @(posedge clk)
    if (rst) begin
      write_at   <= {BITS+1{1'b0}};
      committed  <= {BITS+1{1'b0}};
      read_at    <= {BITS+1{1'b0}};
      full       <= 1'b0;
      overrun    <= 1'b0;
    end else begin
      // The word that is written now may take the last place; a frame rolled back gives up its own.
      full <= roll_back ? kept[BITS] : held[BITS] || &held[BITS-1:0];

      if (in_valid) begin
        overrun <= in_overrun && !in_last;
        if (!in_last)  write_at <= write ? next_at : write_at;
        else if (keep) {write_at, committed} <= {next_at, next_at};
        else           write_at <= committed;
      end

      if (read) read_at <= read_at + {{BITS{1'b0}}, 1'b1};
    end

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && (kept > held || held > 1 << BITS || (read && kept == 0))) begin
      $display("host_frame_fifo: words come out only of frames that were kept");
      $stop;
    end
`endif

endmodule

`default_nettype wire
