// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Says which offloaded connection a frame belongs to, and takes connections in and out.
//
//   tuple of a frame ───┐
//   tuple of a command ─┴─► hash ──► two bucket_tables ──► hit, connection  3 cycles behind ports
//                        └─► compare with the connection's whole tuple ──► tuple_parts   4 cycles
//
// A tag that matches gives the connection early; whoever uses it waits for `tuple_parts` before it
// believes a byte. Commands are obeyed between frames, while the intake holds, so that the open and
// close segments stand in the order in which frames saw the change. A tuple stands in one of eight
// ways, four in each table, in the emptier bucket. It knows nothing of the connection's state.
//
// Invariant: a frame and a command never ask at once.
// Invariant: no two ways match one tuple.

`default_nettype none

module connection_lookup #(
  parameter CONNECTIONS     = 16,                  // a power of two, 2 to 4096
  parameter CONNECTION_BITS = $clog2(CONNECTIONS)  // leave as it is
) (
  input  wire                       clk,
  input  wire                       rst,

  // in: the parser
  input  wire                       frame_start,         // a cycle before its addresses, or more
  input  wire                       frame_address_valid,
  input  wire [63:0]                frame_address,       // zero unless valid
  input  wire                       frame_address_ipv6,
  input  wire                       frame_ports_valid,
  input  wire [31:0]                frame_ports,         // zero unless valid

  // out: the frame's connection
  output reg                        hit,
  output reg  [CONNECTION_BITS-1:0] connection,
  output wire [8:0]                 tuple_parts,     // it is when all are 1

  // in: the command dispatch
  input  wire                       lookup_command_valid,
  output wire                       lookup_command_ready,
  input  wire                       lookup_command_insert,
  input  wire [15:0]                lookup_command_connection,
  input  wire [127:0]               lookup_command_source,
  input  wire [127:0]               lookup_command_destination,
  input  wire [15:0]                lookup_command_source_port,
  input  wire [15:0]                lookup_command_destination_port,
  input  wire                       lookup_command_ipv6,
  output wire                       lookup_answer_valid,
  output wire [2:0]                 lookup_answer_status,

  // out: the intake
  output wire                       hold,
  input  wire                       quiet,

  // out: the segments, for the command that is being answered
  output wire                       change_valid,
  input  wire                       change_ready
);

  // Four ways for each connection, at least 128: room is practically never wanting.
  localparam INDEX_BITS    = CONNECTION_BITS > 5 ? CONNECTION_BITS - 1 : 4;
  localparam TAG_BITS   = 24;
  localparam TUPLE_BITS = 1 + 32 + 256;

  wire                  feed_start, feed_address_valid, feed_ports_valid;
  wire [63:0]           feed_address_ahead;
  reg  [63:0]           feed_address;
  wire [31:0]           feed_ports;
  wire                  write_used;
  wire [3:0]            write_a, write_b;
  wire [INDEX_BITS-1:0] write_index;

  // ------------------------------------------------------------- the tuple
  wire        start         = frame_start || feed_start;
  wire        address_valid = frame_address_valid || feed_address_valid;
  wire        ports_valid   = frame_ports_valid || feed_ports_valid;
  wire [31:0] ports         = frame_ports | feed_ports;

  reg                   tuple_ipv6;
  reg  [31:0]           tuple_ports;
  reg  [255:0]          tuple_addresses;
  wire [TUPLE_BITS-1:0] tuple = {tuple_ipv6, tuple_ports, tuple_addresses};

  always @(posedge clk) begin
    feed_address <= feed_address_ahead;

    if (start) tuple_addresses <= 256'd0;
    else if (address_valid) begin
      tuple_ipv6      <= feed_address_valid ? lookup_command_ipv6 : frame_address_ipv6;
      tuple_addresses <= {frame_address | feed_address, tuple_addresses[255:64]};
    end
    if (ports_valid) tuple_ports <= ports;
  end

  /* verilator lint_off UNUSEDSIGNAL */  // a small table needs fewer bits below the tag
  wire [31:0] hash;
  /* verilator lint_on UNUSEDSIGNAL */
  reg         asked, answered;  // one cycle after the ports, two

  tuple_hash tuple_hash (
    .clk           (clk),
    .clear         (start),
    .address_valid (address_valid),
    .address       (frame_address),
    .address_ahead (feed_address_ahead),
    .ports_valid   (ports_valid),
    .ports         (ports),
    .hash          (hash)
  );

  always @(posedge clk)
    if (rst) {asked, answered} <= 2'b00;
    else     {asked, answered} <= {ports_valid, asked};

  // ------------------------------------------------------------- the tables
  // Either index follows from the other and the tag: equal tags in one bucket mean equal hashes.
  wire [INDEX_BITS-1:0] index_a = hash[INDEX_BITS-1:0];
  wire [INDEX_BITS-1:0] index_b = index_a ^ hash[8 +: INDEX_BITS];

  wire                       match_a, match_b;
  wire [CONNECTION_BITS-1:0] number_a, number_b;
  wire [3:0]                 used_a, used_b;
  reg  [3:0]                 taken_a, taken_b;
  wire [CONNECTION_BITS-1:0] command_number = lookup_command_connection[CONNECTION_BITS-1:0];

  bucket_table #(
    .INDEX_BITS(INDEX_BITS), .TAG_BITS(TAG_BITS), .NUMBER_BITS(CONNECTION_BITS)
  ) table_a (
    .clk          (clk),
    .rst          (rst),
    .index        (index_a),
    .tag          (hash[31:8]),
    .answer_valid (answered),
    .match        (match_a),
    .number       (number_a),
    .used         (used_a),
    .write_ways   (write_a),
    .write_index  (write_index),
    .write_used   (write_used),
    .write_tag    (hash[31:8]),
    .write_number (command_number)
  );

  bucket_table #(
    .INDEX_BITS(INDEX_BITS), .TAG_BITS(TAG_BITS), .NUMBER_BITS(CONNECTION_BITS)
  ) table_b (
    .clk          (clk),
    .rst          (rst),
    .index        (index_b),
    .tag          (hash[31:8]),
    .answer_valid (answered),
    .match        (match_b),
    .number       (number_b),
    .used         (used_b),
    .write_ways   (write_b),
    .write_index  (write_index),
    .write_used   (write_used),
    .write_tag    (hash[31:8]),
    .write_number (command_number)
  );

  always @(posedge clk)
    if (answered) begin
      hit        <= match_a || match_b;
      connection <= number_a | number_b;
      taken_a    <= used_a;
      taken_b    <= used_b;
    end

  // ------------------------------------------------------------- the whole tuple
  reg [TUPLE_BITS-1:0] tuples [0:CONNECTIONS-1];
  reg [TUPLE_BITS-1:0] stored;

  always @(posedge clk) begin
    if (write_used) tuples[command_number] <= tuple;
    stored <= tuples[connection];
  end

  // In parts: whoever registers them shares the work of joining them.
  reg [8:0] parts_kept;

  assign tuple_parts[8] = stored[288:256] == tuple[288:256];

  genvar part;
  generate
    for (part = 0; part < 8; part = part + 1) begin : words
      assign tuple_parts[part] = stored[32*part +: 32] == tuple[32*part +: 32];
    end
  endgenerate

  always @(posedge clk) parts_kept <= tuple_parts;

  // ------------------------------------------------------------- commands
  connection_change #(
    .CONNECTION_BITS(CONNECTION_BITS), .INDEX_BITS(INDEX_BITS)
  ) connection_change (
    .clk                             (clk),
    .rst                             (rst),
    .lookup_command_valid            (lookup_command_valid),
    .lookup_command_ready            (lookup_command_ready),
    .lookup_command_insert           (lookup_command_insert),
    .lookup_command_connection       (lookup_command_connection),
    .lookup_command_source           (lookup_command_source),
    .lookup_command_destination      (lookup_command_destination),
    .lookup_command_source_port      (lookup_command_source_port),
    .lookup_command_destination_port (lookup_command_destination_port),
    .lookup_command_ipv6             (lookup_command_ipv6),
    .lookup_answer_valid             (lookup_answer_valid),
    .lookup_answer_status            (lookup_answer_status),
    .hold                            (hold),
    .quiet                           (quiet),
    .change_valid                    (change_valid),
    .change_ready                    (change_ready),
    .feed_start                      (feed_start),
    .feed_address_valid              (feed_address_valid),
    .feed_address_ahead              (feed_address_ahead),
    .feed_ports_valid                (feed_ports_valid),
    .feed_ports                      (feed_ports),
    .hit                             (hit),
    .tuple_good                      (&parts_kept),
    .index_a                         (index_a),
    .index_b                         (index_b),
    .used_a                          (taken_a),
    .used_b                          (taken_b),
    .write_used                      (write_used),
    .write_a                         (write_a),
    .write_b                         (write_b),
    .write_index                     (write_index)
  );

`ifdef ASSERTIONS
  always @(posedge clk)
    if (!rst && (feed_address_valid || feed_ports_valid)
        && (frame_address_valid || frame_ports_valid)) begin
      $display("connection_lookup: a frame and a command never ask at once");
      $stop;
    end

  always @(posedge clk)
    if (!rst && match_a && match_b) begin
      $display("connection_lookup: no two ways match one tuple");
      $stop;
    end
`endif

endmodule

`default_nettype wire
