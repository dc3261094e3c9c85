// SPDX-License-Identifier: MIT OR Apache-2.0
// Writes the event of each transfer into the event ring in host memory, once its data is there and
// the driver has left room for it.
//
//   event ──► event queue ─┐                       ┌──► AW, W ──► ring slot
//   completion ──► count ──┴── + phase, commands ──┘         B ──► visible ──► interrupt_line
//                                   event slot
//
// A transfer whose event has kind 0 has none: it is passed over. IndicateData takes its PSH flag
// from the push line.
//
// An event is 8 bytes. Without room in the ring events wait here, and then transfers behind them.
//
// When the bus answers a write with an error, the events of the transfers completed before are
// written, then one BUS_ERROR event is tried, then nothing more until reset: `failed` is high from
// the error on and stops the payload writer. BUS_ERROR carries connection and buffer of the failed
// transfer; both are 0 when it was the write of an event that failed, and then the slot of that
// event may hold anything, so that a driver need not find the BUS_ERROR behind it.
//
// `stop` holds it without an error. It does not moderate interrupts.
//
// Invariant: no event is written before the data of its transfer was acknowledged by the bus.

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

  // in: deliver
  input  wire                            push_found_valid,
  input  wire                            push_found,

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

  // out: the payload writer
  output wire                            failed,

  // out: the host group
  output wire                            event_written,  // `commands_taken` goes out as it is now
  output wire                            idle,           // `stop` is obeyed, nothing in flight
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
  wire                            issue;  // the event at the head goes
  wire                            pass;   // there is none: it is passed over
  wire [`EVENT_KIND_BITS-1:0]     head_kind = head[`EVENT_KIND];
  wire                            speaks = head_kind != 0;
  wire                            indicates = head_kind == `EVENT_INDICATE_DATA;
  wire                            push;

  event_queue #(.WIDTH(`TRANSFER_EVENT_BITS), .DEPTH(DEPTH)) queue (
    .clk       (clk),
    .rst       (rst),
    .in_valid  (event_valid),
    .in_ready  (event_ready),
    .in_data   (event_word),
    .out_valid (head_valid),
    .out_ready (issue || pass),
    .out_data  (head)
  );

  push_line #(.DEPTH(2 * DEPTH)) pushes (
    .clk(clk), .rst(rst), .push_found_valid(push_found_valid), .push_found(push_found),
    .push(push), .push_used(issue && indicates)
  );

  // ---------------------------------------------------------------- good, failing, stopped

  localparam [1:0] RUNNING = 2'd0,  // every completion is followed by its event
                   FAILING = 2'd1,  // an error came: write what completed before, then report
                   STOPPED = 2'd2;  // until reset

  reg [1:0]            state;
  reg [1:0]            error_response;
  reg                  error_in_event;  // the write of an event failed, not that of data
  reg [COUNT_BITS-1:0] completed;       // transfers whose event may be written
  reg                  some;            // completed != 0

  wire issue_error;
  wire done        = state == RUNNING && completion_valid && !completion_response[1];
  wire data_error  = completion_valid && completion_response[1];
  wire event_error = event_bvalid && event_bresp[1];

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
    end else if (done != (issue || pass)) begin
      completed <= done ? completed + 1'b1 : completed - 1'b1;
      some      <= done || completed != 1;
    end

  // ---------------------------------------------------------------- now or not yet

  wire [63:0] slot_address;
  wire        slot_phase, slot_room;

  event_slot slot (
    .clk                (clk),
    .rst                (rst),
    .event_ring_address (event_ring_address),
    .event_ring_entries (event_ring_entries),
    .event_consumer     (event_consumer),
    .event_written      (event_written),
    .slot_address       (slot_address),
    .slot_phase         (slot_phase),
    .slot_room          (slot_room)
  );

  reg [$clog2(IN_FLIGHT):0] in_flight;  // address taken, not answered
  reg halted;                           // `stop`, a cycle later
  reg just_written;                     // the slot is not known yet
  reg armed;                            // decided a cycle ahead: an event may go

  always @(posedge clk) halted <= stop;

  always @(posedge clk)
    if (rst) begin
      armed        <= 1'b0;
      just_written <= 1'b0;
    end else begin
      just_written <= event_written;
      armed        <= !event_awvalid && !event_wvalid && slot_room
                   && !event_written && !just_written && !halted && state != STOPPED
                   && (head_valid && (speaks || !some) && !pass || error_in_event)
                   && !in_flight[$clog2(IN_FLIGHT)];
    end

  assign issue         = armed && some && speaks;
  assign pass          = head_valid && some && !speaks && state != STOPPED;
  assign issue_error   = armed && !some && state == FAILING;
  assign event_written = issue || issue_error;

  // ---------------------------------------------------------------- AW, W, B

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
    if (push && indicates && !issue_error) event_now[`EVENT_INDICATE_DATA_PUSH] = 1'b1;
    event_now[`EVENT_TAKEN] = commands_taken;
    event_now[`EVENT_PHASE] = slot_phase;
  end

  always @(posedge clk)
    if (event_written) begin
      event_awaddr <= slot_address;
      event_wdata  <= event_now;
    end

  // A driver may find an event in the ring before the bus has answered: it can be ahead.
  reg  [31:0] visible;  // events whose write was answered
  wire [31:0] unread = event_consumer - visible;  // below 0: so many
  wire        unused = &{1'b0, unread[30:0]};

  always @(posedge clk)
    if (rst) begin
      event_awvalid  <= 1'b0;
      event_wvalid   <= 1'b0;
      in_flight      <= 0;
      visible        <= 0;
      interrupt_line <= 1'b0;
    end else begin
      event_awvalid  <= event_written || (event_awvalid && !event_awready);
      event_wvalid   <= event_written || (event_wvalid && !event_wready);
      if ((event_awvalid && event_awready) != event_bvalid)
        in_flight    <= event_bvalid ? in_flight - 1'b1 : in_flight + 1'b1;
      if (event_bvalid)
        visible      <= visible + 1'b1;
      interrupt_line <= interrupt_enable && unread[31];
    end

  assign idle = halted && !armed && in_flight == 0 && !event_awvalid && !event_wvalid;

`ifdef ASSERTIONS
  reg [31:0] uncovered;  // good completions less events

  always @(posedge clk) begin
    uncovered <= rst ? 0 : uncovered + {31'd0, done} - {31'd0, issue || pass};
    if (!rst && (issue || pass) && uncovered == 0) begin
      $display("event_writer: no event is written before its data was acknowledged by the bus");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
