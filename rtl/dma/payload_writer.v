// SPDX-License-Identifier: MIT OR Apache-2.0
// Writes the bytes of each transfer to their place in host memory, as AXI4 bursts, and tells in
// order when each is there.
//
//   transfer ──► step ──────────────┬──► skid buffer ──► AW
//                 │                 └──► write tracker ◄── B ──► completion
//   data ──► turned to the lanes ──────► word pair ────► W
//            of the bus address
//
// One step a cycle: it takes a word of data and emits it as a beat. All that a step needs to know
// was decided in the cycle before, so a transfer of a single beat takes a single cycle and the next
// one follows at once. The address of a burst leaves together with its first beat.
//
// Bursts end at multiples of 2 KiB: so none crosses 4 KiB, none has more than 256 beats, and the
// length of each follows from the address alone.
//
// It does not know who owns the memory, keeps no event, and does not order its writes with anyone
// else's. When `stop` is high it begins no further burst; those begun are finished. Completions
// cannot be refused.
//
// Invariant: no byte outside address to address + length - 1 is written.
// Invariant: as many bytes are written as the transfer has.
// Invariant: no burst crosses a multiple of 4 KiB.
// Invariant: a burst has as many beats as its address said.

`default_nettype none

module payload_writer #(
  parameter IN_FLIGHT = 64  // bursts that the bus may leave unanswered, a power of two
) (
  input  wire        clk,
  input  wire        rst,

  // in: the transfer arbiter; data begins after the transfer was taken. A word of it holds the
  // bytes of one word of the bus, turned so that the transfer's first is in lane `transfer_lane`.
  input  wire        transfer_valid,
  output wire        transfer_ready,      // both of these: the first early, the second late
  output wire        transfer_door,       // the next transfer may begin
  output wire        transfer_move,       // and what was under way has gone on
  input  wire [63:0] transfer_address,
  input  wire [15:0] transfer_length,
  input  wire [2:0]  transfer_lane,
  input  wire        transfer_data_valid,
  output wire        transfer_data_ready,
  input  wire [63:0] transfer_data,

  // in: the event writer
  input  wire        stop,

  // out: the event writer
  output wire        completion_valid,
  output wire [1:0]  completion_response,

  // out: the host; `stop` is obeyed and nothing is in flight
  output wire        idle,

  // out: the bus
  output wire        payload_awvalid,
  input  wire        payload_awready,
  output wire [63:0] payload_awaddr,
  output wire [7:0]  payload_awlen,
  output wire        payload_wvalid,
  input  wire        payload_wready,
  output wire [63:0] payload_wdata,
  output wire [7:0]  payload_wstrb,
  output wire        payload_wlast,
  input  wire        payload_bvalid,
  output wire        payload_bready,
  input  wire [1:0]  payload_bresp
);

  // ---------------------------------------------------------------- the transfer under way

  reg        active;
  (* keep *) reg active_too;  // the same, for the many bits of word and left
  reg        empty;       // it has no data: its only step does nothing but take its turn
  reg        first;       // no beat was emitted yet
  reg        last;        // this step is the last
  reg        begins;      // this step's beat is the first of a burst, or the transfer is empty
  reg        burst_last;  // this step's beat is the last of a burst
  reg [60:0] word;        // bus address of the beat, in words
  reg [16:0] left;        // bytes from lane 0 of the beat to the end of the transfer
  reg [2:0]  rotation, offset;  // offset: lane of the first byte

  // ---------------------------------------------------------------- taking a transfer

  wire [2:0]  lane          = transfer_address[2:0];
  wire        none          = transfer_length == 0;
  wire [16:0] reach         = {14'd0, lane} + {1'b0, transfer_length};

  // The last byte's lane, counted from lane 0 of the first beat, less whole words: one beat more is
  // needed than for the same length in lane 0 if that carries.
  wire [2:0]  low           = transfer_length[2:0] - 3'd1;
  wire        one_more_beat = carries(low, lane);
  wire        at_most_a_word = transfer_length[15:4] == 0
                            && (!transfer_length[3] || transfer_length[2:0] == 0);
  wire        one_beat      = at_most_a_word && !one_more_beat;
  wire [2:0]  turn          = lane - transfer_lane;

  // The carry out of a sum, as gates: shorter than a carry chain.
  function carries(input [2:0] a, input [2:0] b);
    carries = (a[2] & b[2]) | ((a[2] | b[2]) & ((a[1] & b[1]) | ((a[1] | b[1]) & a[0] & b[0])));
  endfunction

  // ---------------------------------------------------------------- one step

  wire burst_space, address_space, beat_space;
  reg  halted;  // `stop`, a cycle later: it is not worth a long path
  always @(posedge clk) halted <= stop;

  wire blocked = !beat_space || (begins && (!burst_space || !address_space || halted));
  wire step    = active && !blocked && (transfer_data_valid || empty);
  wire emit    = step && !empty;

  assign transfer_data_ready = active && !empty && !blocked;
  assign transfer_ready      = door && move;
  assign transfer_door       = door;
  assign transfer_move       = move;

  // With a move the registers below take what stands at the door or what the next step needs. Which
  // of the two is known early, whether to move only late. While there is no transfer, anything at
  // the door is taken: only `active` says that it is one.
  wire door = !active || last;
  wire move = !active || step;
  wire move_many = !active_too || active_too && !blocked && (transfer_data_valid || empty);

  // Whether the step after this one is the last.
  wire last_next = left[16:5] == 0 && (!left[4] || left[3:0] == 0);

  always @(posedge clk)
    if (rst)                 {active, active_too} <= 2'b00;
    else if (transfer_ready) {active, active_too} <= {2{transfer_valid}};

  always @(posedge clk)
    if (move) begin
      empty      <= door && none;
      first      <= door;
      last       <= door ? none || one_beat : last_next;
      begins     <= door || burst_last;
      burst_last <= door ? one_beat || &transfer_address[10:3] : last_next || word[7:0] == 8'hFE;
      offset     <= lane;  // it counts with the first beat alone
      rotation   <= door ? turn : rotation;
    end

  always @(posedge clk)
    if (move_many) begin
      word <= door ? transfer_address[63:3] : word + 1'b1;
      left <= door ? reach : {left[16:3] - 1'b1, left[2:0]};
    end

  // ---------------------------------------------------------------- beats

  // Lanes outside a transfer carry whatever was there.
  wire [63:0] data = transfer_data;
  wire [63:0] by_4 = rotation[2] ? {data[31:0], data[63:32]} : data;
  wire [63:0] by_2 = rotation[1] ? {by_4[47:0], by_4[63:48]} : by_4;
  wire [63:0] beat = rotation[0] ? {by_2[55:0], by_2[63:56]} : by_2;

  wire [7:0] from_first = 8'hFF << offset;
  wire [7:0] to_last    = left[2:0] == 0 ? 8'hFF : ~(8'hFF << left[2:0]);
  wire [7:0] strobe     = (first ? from_first : 8'hFF) & (last ? to_last : 8'hFF);

  word_pair #(.WIDTH(64 + 8 + 1)) beats (
    .clk(clk), .rst(rst),
    .in_valid(emit), .in_ready(beat_space), .in_data({burst_last, strobe, beat}),
    .out_valid(payload_wvalid), .out_ready(payload_wready),
    .out_data({payload_wlast, payload_wstrb, payload_wdata})
  );

  // ---------------------------------------------------------------- bursts

  // Beats of the burst, less one: all that is left, or up to the next multiple of 2 KiB.
  wire [17:0] page_end     = {1'b0, left} + {7'd0, word[7:0], 3'b000} - 18'd2049;
  wire        fits         = page_end[17];  // it ends at the next multiple or before
  wire        unused       = &{1'b0, page_end[16:0]};
  wire [7:0]  beats_left   = left[10:3] - {7'd0, left[2:0] == 0};
  wire [7:0]  burst_length = fits ? beats_left : ~word[7:0];
  wire [60:0] burst_word;

  skid_buffer #(.WIDTH(61 + 8)) addresses (
    .clk(clk), .rst(rst),
    .in_valid(emit && begins), .in_ready(address_space), .in_data({burst_length, word}),
    .out_valid(payload_awvalid), .out_ready(payload_awready),
    .out_data({payload_awlen, burst_word})
  );

  assign payload_awaddr = {burst_word, 3'd0};

  wire all_answered;
  assign idle = halted && all_answered && !payload_awvalid && !payload_wvalid
             && (!active || begins);

  // A burst is entered with its last beat, which is before its answer can come.
  write_tracker #(.IN_FLIGHT(IN_FLIGHT)) tracker (
    .clk(clk), .rst(rst),
    .burst_valid(empty ? step : emit && burst_last), .burst_ready(burst_space), .burst_last(last),
    .burst_empty(empty), .answer_valid(payload_bvalid), .answer_ready(payload_bready),
    .answer_response(payload_bresp), .completion_valid(completion_valid),
    .completion_response(completion_response), .idle(all_answered)
  );

`ifdef ASSERTIONS
  reg  [63:0] from;      // the transfer's address, length and bytes written so far
  reg  [15:0] length, written, strobed;
  reg  [7:0]  due;       // beats of the burst still to come
  reg         outside;
  integer     i;

  always @(*) begin
    {strobed, outside} = 0;
    for (i = 0; i < 8; i = i + 1) begin
      strobed = strobed + {15'd0, emit && strobe[i]};
      if (strobe[i] && {word, i[2:0]} - from >= {48'd0, length}) outside = 1'b1;
    end
  end

  always @(posedge clk) begin
    if (transfer_ready) {from, length, written} <= {transfer_address, transfer_length, 16'd0};
    else                written <= written + strobed;
    if (emit) due <= (begins ? burst_length : due) - 1'b1;
    if (!rst && emit && outside) begin
      $display("payload_writer: no byte outside address to address + length - 1 is written");
      $stop;
    end
    if (!rst && step && last && written + strobed != length) begin
      $display("payload_writer: as many bytes are written as the transfer has");
      $stop;
    end
    if (!rst && emit && begins && {1'b0, word[8:0]} + {2'd0, burst_length} > 10'd511) begin
      $display("payload_writer: no burst crosses a multiple of 4 KiB");
      $stop;
    end
    if (!rst && emit && burst_last != ((begins ? burst_length : due) == 0)) begin
      $display("payload_writer: a burst has as many beats as its address said");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
