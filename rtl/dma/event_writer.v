// SPDX-License-Identifier: MIT OR Apache-2.0
// Writes the event of each transfer into the event ring in host memory, once its data is there, and
// never beyond the room that the driver has left.
//
//   event ──► queue ──────┐
//   completion ──► count ─┴──► + phase, commands_taken ──► AW, W ──► ring slot
//                                    B ──► visible ──► interrupt
//
// An event is 8 bytes. `phase` is 1 in the first turn of the ring and flips with every turn. Room
// is what the driver's count of read events leaves; without it events wait here, and transfers
// behind them in turn.
//
// When the bus answers a write with an error, the events of the transfers completed before are
// written, then one BUS_ERROR event is tried, then nothing more until reset: `failed` is high from
// the error on and stops the payload writer. It carries connection and buffer of the failed
// transfer; both are 0 when the write of an event failed, and that event's slot may then hold
// anything.
//
// `stop` holds it without an error. It does not moderate interrupts.
//
// Invariant: no event is written before the data of its transfer was acknowledged by the bus.
// Invariant: never more than `event_ring_entries` events beyond what the driver has read.

`default_nettype none
`include "toe_registers.vh"

module event_writer #(
  parameter DEPTH     = 128,  // transfers whose event is not written yet, a power of two
  parameter IN_FLIGHT = 64    // events that the bus may leave unanswered, a power of two
) (
  input  wire                            clk,
  input  wire                            rst,

  // in: the transfer arbiter
  input  wire                            event_valid,
  output wire                            event_ready,
  input  wire [`TRANSFER_EVENT_BITS-1:0] event_word,

  // in: the payload writer
  input  wire                            completion_valid,
  input  wire [1:0]                      completion_response,

  // in: registers
  input  wire                            stop,
  input  wire [63:0]                     event_ring_address,
  input  wire [16:0]                     event_ring_entries,
  input  wire [31:0]                     event_consumer,
  input  wire [7:0]                      commands_taken,
  input  wire                            interrupt_enable,

  // out: the payload writer, the host
  output wire                            failed,
  output wire                            issue,  // an event takes commands_taken with it
  output wire                            idle,  // `stop` is obeyed and nothing is in flight
  output reg                             interrupt_line,

  // out: the bus; AW and W begin together
  output reg                             event_awvalid,
  input  wire                            event_awready,
  output reg  [63:0]                     event_awaddr,
  output reg                             event_wvalid,
  input  wire                            event_wready,
  output reg  [63:0]                     event_wdata,
  input  wire                            event_bvalid,
  input  wire [1:0]                      event_bresp
);

  localparam COUNT_BITS = $clog2(DEPTH) + 2;  // the queue holds two more on the way out

  // ---------------------------------------------------------------- events that wait

  wire                            head_valid;
  wire [`TRANSFER_EVENT_BITS-1:0] head;
  wire                            issue_error;

  event_queue #(.WIDTH(`TRANSFER_EVENT_BITS), .DEPTH(DEPTH)) queue (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (event_valid),
    .in_ready  (event_ready),
    .in_data   (event_word),
    .out_valid (head_valid),
    .out_ready (issue),
    .out_data  (head)
  );

  // ---------------------------------------------------------------- good, failing, stopped

  localparam [1:0] RUNNING = 2'd0,  // every completion is followed by its event
                   FAILING = 2'd1,  // an error came: write what completed before, then report
                   STOPPED = 2'd2;  // until reset

  reg [1:0]            state;
  reg [1:0]            error_response;
  reg                  error_in_event;   // the write of an event failed, not that of data
  reg [COUNT_BITS-1:0] completed;        // transfers whose event may be written
  reg                  some;             // completed != 0

  wire done        = state == RUNNING && completion_valid && !completion_response[1];
  wire data_error  = completion_valid && completion_response[1];
  wire event_error = event_bvalid && event_bresp[1];
  wire due         = some || done;

  assign failed = state != RUNNING;

  always @(posedge clk)
    if (rst) state <= RUNNING;
    else case (state)
      RUNNING: if (data_error || event_error) state <= FAILING;
      FAILING: if (issue_error) state <= STOPPED;
      default: ;
    endcase

  always @(posedge clk)
    if (rst) error_in_event <= 1'b0;
    else if (state != STOPPED && event_error) error_in_event <= 1'b1;

  always @(posedge clk)
    if (state == RUNNING) error_response <= event_error ? event_bresp : completion_response;

  always @(posedge clk)
    if (rst || event_error) begin
      completed <= 0;
      some      <= 1'b0;
    end else if (done != issue) begin
      completed <= done ? completed + 1'b1 : completed - 1'b1;
      some      <= done || completed != 1;
    end

  // ---------------------------------------------------------------- where the next event goes

  reg [31:0] produced;       // events issued
  reg [31:0] limit;          // of `produced`: the ring is full there
  reg [15:0] slot_mask;
  reg [63:0] slot_address;
  reg        slot_phase;
  reg        room;

  // All but `produced` follow it a cycle later. Meanwhile the event issued stands in AW and W, so
  // that no other one is issued.
  always @(posedge clk) begin
    slot_mask    <= event_ring_entries[15:0] - 1'b1;
    slot_address <= event_ring_address + {45'd0, produced[15:0] & slot_mask, 3'd0};
    slot_phase   <= (produced[16:0] & event_ring_entries) == 0;
  end

  always @(posedge clk)
    if (rst) begin
      produced <= 0;
      limit    <= 0;
      room     <= 1'b0;
    end else begin
      if (issue || issue_error) produced <= produced + 1'b1;
      limit <= event_consumer + {15'd0, event_ring_entries};
      room  <= produced != limit;
    end

  // ---------------------------------------------------------------- AW, W

  reg  [$clog2(IN_FLIGHT):0] in_flight;  // address taken, not answered
  reg                        halted;  // `stop`, a cycle later

  always @(posedge clk) halted <= stop;

  // Decided a cycle ahead: the slot of the next event is known, and it may be written.
  reg  armed, issued;
  wire open = armed && !event_awvalid && !event_wvalid;

  assign issue       = open && due;
  assign issue_error = open && !due && state == FAILING;

  always @(posedge clk)
    if (rst) begin
      armed  <= 1'b0;
      issued <= 1'b0;
    end else begin
      issued <= issue || issue_error;
      armed  <= room && !issue && !issue_error && !issued && !in_flight[$clog2(IN_FLIGHT)]
             && (head_valid || error_in_event) && !halted && state != STOPPED;
    end

  reg [63:0] event_now;
  always @* begin
    event_now = {1'b0, head};
    if (issue_error) begin
      event_now[`EVENT_KIND]   = `EVENT_BUS_ERROR;
      event_now[`EVENT_DETAIL] = 0;
      event_now[`EVENT_LENGTH] = {14'd0, error_response};
      if (error_in_event) begin
        event_now[`EVENT_CONNECTION] = 0;
        event_now[`EVENT_BUFFER]     = 0;
      end
    end
    event_now[`EVENT_TAKEN] = commands_taken;
    event_now[`EVENT_PHASE] = slot_phase;
  end

  always @(posedge clk)
    if (issue || issue_error) begin
      event_awaddr <= slot_address;
      event_wdata  <= event_now;
    end

  always @(posedge clk)
    if (rst) begin
      event_awvalid <= 1'b0;
      event_wvalid  <= 1'b0;
      in_flight     <= 0;
    end else begin
      event_awvalid <= issue || issue_error || (event_awvalid && !event_awready);
      event_wvalid  <= issue || issue_error || (event_wvalid && !event_wready);
      if ((event_awvalid && event_awready) != event_bvalid)
        in_flight <= event_bvalid ? in_flight - 1'b1 : in_flight + 1'b1;
    end

  assign idle = halted && in_flight == 0 && !event_awvalid && !event_wvalid;

  // ---------------------------------------------------------------- what the driver can see

  reg [31:0] visible;  // events whose write was answered

  always @(posedge clk)
    if (rst) begin
      visible        <= 0;
      interrupt_line <= 1'b0;
    end else begin
      if (event_bvalid) visible <= visible + 1'b1;
      interrupt_line <= interrupt_enable && visible != event_consumer;
    end

`ifdef ASSERTIONS
  reg [31:0] completions;  // good ones, before any error

  always @(posedge clk) begin
    if (rst) completions <= 0;
    else if (done) completions <= completions + 1;
    if (!rst && issue && completions + {31'd0, done} == produced) begin
      $display("event_writer: no event is written before its data was acknowledged by the bus");
      $stop;
    end
    if (!rst && produced - event_consumer > {15'd0, event_ring_entries}) begin
      $display("event_writer: never more than event_ring_entries beyond what the driver has read");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
