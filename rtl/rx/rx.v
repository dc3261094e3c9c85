// SPDX-License-Identifier: MIT OR Apache-2.0
//
// From the MAC's frames to the segments of offloaded connections, and to the host all that is not.
//
//   s_axis_rx ─► frame_intake ─┬─► frame_parser ─┬─► connection_lookup ─► hit ─┐
//                              │                 ├─► checksum_check ──► good ──┼─► frame_verdict
//                              │                 └─► payload_aligner ─┐        │     │
//                              └─► host_frame_path ◄──────────────────┼────────┼─────┤ not ours
//                                     │                segment_output ◄────────┴─────┘ ours
//                                     ▼                     ▼
//                               host_transfer      segment, payload, verdict
//
// The pipeline never stalls inside: the intake stops while an output queue fills. It keeps no TCP
// state. Payload of a frame that ends too early ends with it, and its verdict is bad; whoever takes
// payload goes by `payload_last`.
//
// Invariant: a command's pseudo-segment never meets a segment.

`default_nettype none

`include "toe_registers.vh"

module rx #(
  parameter CONNECTIONS      = 16,    // a power of two, 2 to 4096
  parameter HOST_FRAME_BYTES = 16384  // room for host frames that wait, a power of two
) (
  input  wire                      clk,
  input  wire                      rst,

  // in: the registers
  input  wire                      enable,                   // 0: no further frame is taken
  input  wire [15:0]               host_frame_buffer_bytes,

  // in: the MAC
  input  wire [63:0]               s_axis_rx_tdata,
  input  wire [7:0]                s_axis_rx_tkeep,
  input  wire                      s_axis_rx_tvalid,
  output wire                      s_axis_rx_tready,
  input  wire                      s_axis_rx_tlast,
  input  wire                      s_axis_rx_tuser,

  // in: the command dispatch
  input  wire                      lookup_command_valid,
  output wire                      lookup_command_ready,
  input  wire                      lookup_command_insert,    // 0: remove
  input  wire [15:0]               lookup_command_connection,
  input  wire [127:0]              lookup_command_source,
  input  wire [127:0]              lookup_command_destination,
  input  wire [15:0]               lookup_command_source_port,
  input  wire [15:0]               lookup_command_destination_port,
  input  wire                      lookup_command_ipv6,
  input  wire [31:0]               lookup_command_receive_next,
  input  wire [31:0]               lookup_command_indicate_window_size,
  output wire                      lookup_answer_valid,
  output wire [2:0]                lookup_answer_status,

  // in: host-frame buffers that the driver granted
  input  wire                      host_buffer_valid,
  output wire                      host_buffer_ready,
  input  wire [63:0]               host_buffer_address,
  input  wire [15:0]               host_buffer_number,

  // out: the segment acceptor
  output wire                      segment_valid,
  input  wire                      segment_ready,
  output wire [`SEGMENT_BITS-1:0]  segment_header,
  output wire                      payload_valid,
  input  wire                      payload_ready,
  output wire [63:0]               payload_data,
  output wire                      payload_last,
  output wire                      verdict_valid,
  input  wire                      verdict_ready,
  output wire                      verdict_good,

  // out: the payload writer
  output wire                      host_transfer_valid,
  input  wire                      host_transfer_ready,
  output wire [`TRANSFER_BITS-1:0] host_transfer_header,
  output wire                      host_data_valid,
  input  wire                      host_data_ready,
  output wire [63:0]               host_data,

  // out: the counters
  output wire [`COUNTERS-1:0]      count
);

  localparam CONNECTION_BITS = $clog2(CONNECTIONS);

  generate
    if (1 << CONNECTION_BITS != CONNECTIONS || CONNECTIONS < 2 || CONNECTIONS > 4096)
      CONNECTIONS_is_a_power_of_two_from_2_to_4096 wrong ();
  endgenerate

  // ------------------------------------------------------------- frames
  wire        room, hold, quiet;
  wire        beat_valid, beat_first, beat_last, beat_bad, frame_ended;
  wire [3:0]  beat_bytes;
  wire [63:0] beat;
  wire [15:0] beat_rest;

  frame_intake frame_intake (
    .clk(clk), .rst(rst), .s_axis_rx_tdata(s_axis_rx_tdata), .s_axis_rx_tkeep(s_axis_rx_tkeep),
    .s_axis_rx_tvalid(s_axis_rx_tvalid), .s_axis_rx_tready(s_axis_rx_tready),
    .s_axis_rx_tlast(s_axis_rx_tlast), .s_axis_rx_tuser(s_axis_rx_tuser), .room(room),
    .hold(hold || !enable), .quiet(quiet), .beat_valid(beat_valid), .beat_first(beat_first),
    .beat_last(beat_last), .beat_bad(beat_bad), .beat_bytes(beat_bytes), .beat(beat),
    .beat_rest(beat_rest)
  );

  // ------------------------------------------------------------- headers
  wire        address_clear, address_valid, address_ipv6, ports_valid;
  wire [63:0] address;
  wire [31:0] ports;
  wire        ip_word_0, ip_word_1, tcp_word_0, tcp_word_1, tcp_body;
  wire [16:0] ip_left;
  wire [15:0] tcp_length;
  wire        payload_found, payload_some, payload_skew, payload_near, ip_far;
  wire [3:0]  payload_skip;
  wire [15:0] payload_length, payload_left, window;
  wire [31:0] previous_word, sequence_number, acknowledgement_number;
  wire [7:0]  flags;
  wire        fields_valid, fields_clean, ip_seen, ipv4_seen, tcp_seen;
  wire        ip_malformed, ip_short, tcp_malformed;

  frame_parser frame_parser (
    .clk(clk), .rst(rst), .beat_valid(beat_valid), .beat_first(beat_first), .beat_last(beat_last),
    .beat(beat), .address_valid(address_valid), .address_clear(address_clear), .address(address),
    .address_ipv6(address_ipv6), .ports_valid(ports_valid), .ports(ports), .ip_word_0(ip_word_0),
    .ip_word_1(ip_word_1), .tcp_word_0(tcp_word_0), .tcp_word_1(tcp_word_1), .tcp_body(tcp_body),
    .ip_left(ip_left), .ip_far(ip_far), .tcp_length(tcp_length), .payload_found(payload_found),
    .payload_some(payload_some), .payload_skip(payload_skip), .payload_near(payload_near),
    .payload_skew(payload_skew), .payload_length(payload_length), .previous_word(previous_word),
    .fields_valid(fields_valid), .fields_clean(fields_clean), .sequence_number(sequence_number),
    .acknowledgement_number(acknowledgement_number), .window(window), .flags(flags),
    .ip_seen(ip_seen), .ipv4_seen(ipv4_seen), .ip_malformed(ip_malformed),
    .ip_short(ip_short), .tcp_seen(tcp_seen), .tcp_malformed(tcp_malformed)
  );

  // ------------------------------------------------------------- connection, checksums, verdict
  wire                       hit, ip_good, accept, change_valid, header_ready, judged_valid;
  wire [CONNECTION_BITS-1:0] connection;
  wire [8:0]                 tuple_parts;
  wire [3:0]                 tcp_parts;
  wire [13:0]                judged_parts;
  wire                       host_wanted, host_kept, host_oversize, host_overrun;
  wire [15:0]                frame_bytes;

  connection_lookup #(.CONNECTIONS(CONNECTIONS)) connection_lookup (
    .clk(clk), .rst(rst), .frame_address_valid(address_valid), .frame_start(address_clear),
    .frame_address(address), .frame_address_ipv6(address_ipv6), .frame_ports_valid(ports_valid),
    .frame_ports(ports), .hit(hit), .connection(connection), .tuple_parts(tuple_parts),
    .lookup_command_valid(lookup_command_valid), .lookup_command_ready(lookup_command_ready),
    .lookup_command_insert(lookup_command_insert),
    .lookup_command_connection(lookup_command_connection),
    .lookup_command_source(lookup_command_source),
    .lookup_command_destination(lookup_command_destination),
    .lookup_command_source_port(lookup_command_source_port),
    .lookup_command_destination_port(lookup_command_destination_port),
    .lookup_command_ipv6(lookup_command_ipv6), .lookup_answer_valid(lookup_answer_valid),
    .lookup_answer_status(lookup_answer_status), .hold(hold), .quiet(quiet),
    .change_valid(change_valid), .change_ready(header_ready)
  );

  checksum_check checksum_check (
    .clk(clk), .beat_valid(beat_valid), .beat_first(beat_first), .beat_last(beat_last),
    .beat(beat), .beat_rest(beat_rest), .ip_word_0(ip_word_0), .ip_word_1(ip_word_1),
    .tcp_word_0(tcp_word_0), .tcp_word_1(tcp_word_1), .tcp_body(tcp_body), .ip_left(ip_left[3:0]),
    .ip_far(ip_far), .tcp_start(ports_valid), .tcp_length(tcp_length), .ip_good(ip_good),
    .tcp_parts(tcp_parts)
  );

  frame_verdict frame_verdict (
    .clk(clk), .rst(rst), .beat_valid(beat_valid), .beat_first(beat_first), .beat_last(beat_last),
    .beat_bad(beat_bad), .beat_bytes(beat_bytes), .ip_left(ip_left), .ip_seen(ip_seen),
    .ipv4_seen(ipv4_seen), .ip_malformed(ip_malformed),
    .ip_short(ip_short), .tcp_seen(tcp_seen),
    .tcp_malformed(tcp_malformed), .syn(flags[1]), .fields_valid(fields_valid),
    .fields_clean(fields_clean), .hit(hit), .tuple_parts(tuple_parts), .ip_good(ip_good),
    .tcp_parts(tcp_parts), .accept(accept), .frame_ended(frame_ended), .verdict_valid(judged_valid),
    .verdict_parts(judged_parts), .host_wanted(host_wanted), .frame_bytes(frame_bytes),
    .host_kept(host_kept), .host_oversize(host_oversize), .host_overrun(host_overrun),
    .count(count)
  );

  // ------------------------------------------------------------- to the segment acceptor
  wire                     aligned_valid, aligned_last;
  wire [63:0]              aligned_data;
  wire [`SEGMENT_BITS-1:0] header;

  payload_aligner payload_aligner (
    .clk(clk), .rst(rst), .beat_valid(beat_valid), .beat(beat), .frame_ended(frame_ended),
    .previous_word(previous_word), .payload_found(payload_found), .payload_some(payload_some),
    .payload_skip(payload_skip), .payload_near(payload_near), .payload_skew(payload_skew),
    .payload_length(payload_length), .accept(accept), .payload_valid(aligned_valid),
    .payload_data(aligned_data), .payload_last(aligned_last), .payload_left(payload_left)
  );

  // A command's pseudo-segment stands between frames, so that it never meets a segment.
  reg        change_insert;  // the command comes from afar, and long before its pseudo-segment
  reg [15:0] change_connection;
  reg [31:0] change_receive_next, change_window;
  always @(posedge clk)
    {change_insert, change_connection, change_receive_next, change_window} <=
      {lookup_command_insert, lookup_command_connection, lookup_command_receive_next,
       lookup_command_indicate_window_size};

  assign header[`SEGMENT_KIND] = !change_valid ? `SEGMENT_KIND_DATA :
                                 change_insert ? `SEGMENT_KIND_OPEN : `SEGMENT_KIND_CLOSE;
  assign header[`SEGMENT_CONNECTION] =
      change_valid ? change_connection : {{16-CONNECTION_BITS{1'b0}}, connection};
  assign header[`SEGMENT_SEQUENCE_NUMBER] = change_valid ? change_receive_next : sequence_number;
  assign header[`SEGMENT_ACKNOWLEDGEMENT_NUMBER] =
      change_valid ? change_window : acknowledgement_number;
  assign header[`SEGMENT_WINDOW]         = window;
  assign header[`SEGMENT_FLAGS]          = flags;
  assign header[`SEGMENT_PAYLOAD_LENGTH] = payload_left;

  segment_output segment_output (
    .clk(clk), .rst(rst), .header_valid(accept || change_valid), .header_ready(header_ready),
    .header(header), .beat_valid(aligned_valid), .beat_data(aligned_data),
    .beat_last(aligned_last), .judged_valid(judged_valid), .judged_parts(judged_parts),
    .room(room), .segment_valid(segment_valid), .segment_ready(segment_ready),
    .segment_header(segment_header), .payload_valid(payload_valid), .payload_ready(payload_ready),
    .payload_data(payload_data), .payload_last(payload_last), .verdict_valid(verdict_valid),
    .verdict_ready(verdict_ready), .verdict_good(verdict_good)
  );

  // ------------------------------------------------------------- to the host
  host_frame_path #(.HOST_FRAME_BYTES(HOST_FRAME_BYTES)) host_frame_path (
    .clk(clk), .rst(rst), .beat_valid(beat_valid), .beat_last(beat_last), .beat(beat[47:0]),
    .beat_rest(beat_rest), .host_wanted(host_wanted), .frame_bytes(frame_bytes),
    .host_kept(host_kept), .host_oversize(host_oversize), .host_overrun(host_overrun),
    .host_frame_buffer_bytes(host_frame_buffer_bytes), .host_buffer_valid(host_buffer_valid),
    .host_buffer_ready(host_buffer_ready), .host_buffer_address(host_buffer_address),
    .host_buffer_number(host_buffer_number), .host_transfer_valid(host_transfer_valid),
    .host_transfer_ready(host_transfer_ready), .host_transfer_header(host_transfer_header),
    .host_data_valid(host_data_valid), .host_data_ready(host_data_ready), .host_data(host_data)
  );

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && accept && change_valid) begin
      $display("rx: a command's pseudo-segment never meets a segment");
      $stop;
    end
`endif

endmodule

`default_nettype wire
