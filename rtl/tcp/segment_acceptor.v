// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Decides what of each segment is accepted, and moves RCV.NXT.
//
//   header ──► state of its connection ──► measured against RCV.NXT and the window
//          ──► compared with the islands ──► placed; with the verdict it counts ──► arrival
//
// One segment at a time, five cycles each: so the next segment of the same connection finds the
// state written. The header waits for nobody; payload that comes meanwhile waits in a queue. A
// verdict need not wait for the last beats on their way to the ring, if reading begins with the
// segment's first byte: it starts later and goes no faster.
//
// A FIN is believed when it stands in the window and nothing that is held lies beyond it; a RST
// when it carries RCV.NXT. After a FIN the window ends there; after a RST nothing is accepted.
// It does not acknowledge and does not answer.
//
// Invariant: RCV.NXT never goes back and never passes the window's end.
// Invariant: an offered arrival stays, unchanged, until it is taken.

`default_nettype none
`include "toe_registers.vh"

module segment_acceptor #(
  parameter CONNECTIONS        = 16,
  parameter RECEIVE_RING_BYTES = 4096,
  parameter POSITION_BITS      = 17,
  parameter CONNECTION_BITS    = $clog2(CONNECTIONS)
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: rx
  input  wire                       segment_valid,
  output reg                        segment_ready,    // in IDLE, with no arrival or payload left
  input  wire [`SEGMENT_BITS-1:0]   segment_header,
  input  wire                       verdict_valid,
  output wire                       verdict_ready,
  input  wire                       verdict_good,

  // in: the ring reader
  input  wire                       freed_valid,
  input  wire [CONNECTION_BITS-1:0] freed_connection,
  input  wire [31:0]                freed_position,

  // out: the gap tracker and the payload placer
  output wire                       load,             // a segment is taken
  output wire [CONNECTION_BITS-1:0] load_connection,
  output wire [31:0]                load_sequence,
  output wire                       measure,
  output wire                       compare,
  output reg  [CONNECTION_BITS-1:0] connection,

  // the gap tracker
  output wire [31:0]                start,            // what the segment would fill
  output wire [31:0]                finish,
  output wire                       fill,
  output wire                       in_order,
  output wire                       forget,
  output wire                       keep,
  input  wire                       covered,
  input  wire                       holds,
  input  wire                       reaches,
  input  wire [POSITION_BITS-1:0]   reached,
  input  wire                       reached_high,     // its highest bit, sooner
  input  wire                       beyond_finish,

  // the payload placer
  output wire                       has_payload,
  output wire                       writable, push,   // push: the segment carries PSH
  output wire                       early,            // it begins before window_start
  output reg  [POSITION_BITS-1:0]   window_start,     // RCV.NXT when the segment came
  output wire [31:0]                sequence_end,
  output reg  [31:0]                window_end,
  input  wire                       placer_busy,
  input  wire                       placer_takes,     // a beat, if it is busy
  input  wire                       placer_ends,      // and the last

  // out: the delivery scheduler
  output reg                        arrival_valid,
  input  wire                       arrival_ready,
  output wire [`ARRIVAL_BITS-1:0]   arrival,

  // out: the counters
  output wire [`COUNTERS-1:0]       count
);

  localparam IDLE    = 3'd0;  // a header is taken, the state of its connection read
  localparam MEASURE = 3'd1;  // its sequence numbers against RCV.NXT and the window's end
  localparam COMPARE = 3'd2;  // what is left of it against the islands
  localparam PLACE   = 3'd3;  // payload goes to the ring; the verdict decides
  localparam FINISH  = 3'd4;  // a FIN is known: was it reached?
  localparam TELL    = 3'd5;  // if so, it is told
  localparam KEEP    = 3'd6;  // the state is written back

  reg [2:0] state, state_next;

  // ---------------------------------------------------------------- the segment in hand
  wire [15:0] header_connection = segment_header[`SEGMENT_CONNECTION];
  wire [`SEGMENT_KIND_BITS-1:0] kind;
  wire [31:0] sequence_number, open_value;
  wire        reset, several, old, beyond, over, resets, closes;
  reg         placing, ahead;  // in PLACE; reading stays behind the beats that are to come
  always @(posedge clk) segment_ready <= !rst && (keep || (state == IDLE && !load))
    && (!arrival_valid || arrival_ready) && (!placer_busy || placer_ends);
  assign verdict_ready   = placing && (!placer_busy || ahead || !several && placer_takes);
  assign load            = segment_valid && segment_ready;
  assign load_connection = header_connection[CONNECTION_BITS-1:0];
  assign load_sequence   = segment_header[`SEGMENT_SEQUENCE_NUMBER];
  assign {measure, compare, keep} = {state == MEASURE, state == COMPARE, state == KEEP};
  // ---------------------------------------------------------------- its connection
  reg  [31:0] receive_next, arrival_position;  // receive_next: as it was when the segment came
  reg         advanced;                        // it is now where the arrival is
  wire [31:0] next_now = advanced ? arrival_position : receive_next;
  reg         fin_known, finished, shut, at_fin, fin_here;  // fin_here: it is this segment's
  reg  [31:POSITION_BITS] above_next;  // the bits of RCV.NXT above a position, plus one

  wire [31:0] read_receive_next, read_window_end;
  wire        read_fin_known, read_finished, read_shut;
  // There is one write of a window's end in a cycle, and what is freed cannot wait.
  wire [31:0] final_end = fin_here ? sequence_end : window_end;
  wire opens  = measure && kind == `SEGMENT_KIND_OPEN && !freed_valid;
  wire leaves = measure && kind == `SEGMENT_KIND_CLOSE;

  connection_store #(
    .CONNECTIONS(CONNECTIONS), .RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)
  ) store (
    .clk(clk),
    .read_connection(load_connection), .read_receive_next(read_receive_next),
    .read_window_end(read_window_end), .read_fin_known(read_fin_known),
    .read_finished(read_finished), .read_shut(read_shut),
    .keep(keep), .keep_connection(connection), .keep_receive_next(next_now),
    .keep_fin(final_end), .keep_fin_known(fin_known), .keep_finished(finished),
    .keep_shut(shut), .open(opens), .open_position(sequence_number), .freed_valid(freed_valid),
    .freed_connection(freed_connection), .freed_position(freed_position)
  );

  segment_check #(.RECEIVE_RING_BYTES(RECEIVE_RING_BYTES)) check (
    .clk(clk), .rst(rst), .segment_header(segment_header), .load(load), .measure(measure),
    .compare(compare), .receive_next(receive_next), .window_end(window_end),
    .fin_known(fin_known), .finished(finished), .shut(shut),
    .kind(kind), .sequence_number(sequence_number), .sequence_end(sequence_end),
    .open_value(open_value), .has_payload(has_payload), .several(several), .reset(reset),
    .push(push), .start(start), .finish(finish), .early(early), .old(old), .beyond(beyond),
    .over(over), .next_up(in_order), .writable(writable), .resets(resets), .closes(closes)
  );

  // ---------------------------------------------------------------- the verdict
  wire good     = verdict_valid && verdict_ready && verdict_good;
  wire advances = fill && in_order, breaks = good && resets;
  wire ends     = state == TELL && at_fin && !arrival_valid;
  wire informs  = opens || leaves || advances || breaks || ends;

  // Where an island ends, completed by the bits of RCV.NXT above it.
  wire wraps = window_start[POSITION_BITS-1] && !reached_high;
  wire [31:0] island_end = {wraps ? above_next : receive_next[31:POSITION_BITS], reached};

  assign fill   = good && writable && !covered && (in_order || holds);
  assign forget = opens || breaks;

  segment_counters counters (
    .clk(clk), .rst(rst), .good(good), .fill(fill), .has_payload(has_payload), .reset(reset),
    .finished(finished), .shut(shut), .early(early), .old(old), .beyond(beyond), .over(over),
    .next_up(in_order), .resets(resets), .covered(covered), .count(count)
  );

  always @(*) begin
    state_next = state;
    case (state)
      IDLE:    if (load) state_next = MEASURE;
      MEASURE: if (kind == `SEGMENT_KIND_DATA) state_next = COMPARE;
               else if (opens || leaves) state_next = KEEP;
      COMPARE: state_next = PLACE;
      PLACE:   if (verdict_valid && verdict_ready) state_next = fin_known || closes ? FINISH : KEEP;
      FINISH:  state_next = TELL;
      TELL:    if (!at_fin || !arrival_valid) state_next = KEEP;
      default: state_next = IDLE;
    endcase
  end

  always @(posedge clk)
    {placing, state} <= rst ? {1'b0, IDLE} : {state_next == PLACE, state_next};

  always @(posedge clk) begin
    if (segment_ready) begin  // a segment or not
      connection   <= load_connection;
      {receive_next, window_start} <= {read_receive_next, read_receive_next[POSITION_BITS-1:0]};
      window_end   <= read_window_end;
      {shut, finished, fin_known, fin_here} <= {read_shut, read_finished, read_fin_known, 1'b0};
    end
    if (compare) {above_next, ahead} <= {receive_next[31:POSITION_BITS] + 1'b1, several && !early};
    if (opens) {receive_next, shut, finished, fin_known} <= {sequence_number, 3'b000};
    if (leaves || breaks) shut <= 1'b1;
    advanced <= advances || (advanced && !segment_ready);
    if (good && closes && !beyond_finish) {fin_known, fin_here} <= 2'b11;
    at_fin <= fin_known && !finished && !shut
           && next_now[POSITION_BITS-1:0] == final_end[POSITION_BITS-1:0];
    if (ends) finished <= 1'b1;
  end

  // ---------------------------------------------------------------- arrivals
  reg [`ARRIVAL_KIND_BITS-1:0] arrival_kind;
  reg [31:0]                   arrival_value;
  (* keep *) reg [CONNECTION_BITS-1:0] arrival_connection;  // far from the segment's tables

  assign arrival[`ARRIVAL_KIND]            = arrival_kind;
  assign arrival[`ARRIVAL_CONNECTION]      = {{16-CONNECTION_BITS{1'b0}}, arrival_connection};
  assign arrival[`ARRIVAL_SEQUENCE_NUMBER] = arrival_position;
  assign arrival[`ARRIVAL_VALUE]           = arrival_value;

  always @(posedge clk) begin
    if (segment_ready) arrival_connection <= load_connection;
    arrival_valid <= !rst && (informs || arrival_valid && !arrival_ready);
    if (!arrival_valid) begin  // what informs finds none offered
      arrival_kind  <= measure ? (kind == `SEGMENT_KIND_OPEN ? `ARRIVAL_KIND_OPEN
                                                             : `ARRIVAL_KIND_CLOSE)
                     : state == TELL ? `ARRIVAL_KIND_FINISH
                     : resets ? `ARRIVAL_KIND_RESET : `ARRIVAL_KIND_DATA;
      arrival_value <= leaves ? {30'd0, shut, finished} : open_value;
      // Should the verdict be good: it is not waited for.
      arrival_position <= measure && kind == `SEGMENT_KIND_OPEN ? sequence_number
                        : placing && in_order && writable ? (reaches ? island_end : finish)
                        : next_now;
    end
  end

  wire unused = &{1'b0, segment_header, header_connection};
`ifdef ASSERTIONS
  reg                     was_offered;
  reg [`ARRIVAL_BITS-1:0] was_arrival;
  wire [POSITION_BITS-1:0] moved = next_now[POSITION_BITS-1:0] - window_start;

  always @(posedge clk) begin
    was_offered <= !rst && arrival_valid && !arrival_ready;
    was_arrival <= arrival;
    if (!rst && was_offered && (!arrival_valid || arrival != was_arrival)) begin
      $display("segment_acceptor: an offered arrival stays, unchanged, until it is taken");
      $stop;
    end
    if (!rst && keep && kind == `SEGMENT_KIND_DATA
        && (final_end - next_now > RECEIVE_RING_BYTES
            || moved > RECEIVE_RING_BYTES[POSITION_BITS-1:0])) begin
      $display("segment_acceptor: RCV.NXT never goes back and never passes the window's end");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
