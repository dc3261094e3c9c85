// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Hashes a connection's addresses and ports as they stream in.
//
//   pairs of address words ──► join ──► mix ──► | addresses | ──┬──► | hash |
//                               ▲___________________|           │
//   ports ──────────────────────────────────► spread ───────────┘
//
// Addresses and ports that count up, in any combination, must still spread over the buckets. By
// exclusive ors alone, one count would cancel another out; so each bit of `mixed` and of `spread`
// takes in products of its neighbours too. Both maps are one to one, and two levels of four inputs
// deep. Two tuples of the same hash cost a refused offload, never a wrong byte: nothing here keeps
// anybody from finding such tuples.
//
// Invariant: a pair of words is a frame's or a command's, never a mixture.

`default_nettype none

module tuple_hash (
  input  wire        clk,

  // in: the tuple; the ports may come with the last pair
  input  wire        clear,          // before the first pair
  input  wire        address_valid,
  input  wire [63:0] address,        // a frame's; zero with a command's address_valid
  input  wire [63:0] address_ahead,  // a command's, one cycle ahead of its address_valid
  input  wire        ports_valid,
  input  wire [31:0] ports,

  // out: the tables; stands until the next ports
  output wire [31:0] hash
);

  // ------------------------------------------------------------- addresses
  reg  [31:0] addresses, spread_kept;
  reg  [31:0] ahead;
  wire [31:0] joined = addresses ^ address[63:32] ^ {address[18:0], address[31:19]} ^ ahead;

  wire [31:0] mix    = joined ^ joined << 5 ^ (joined << 6 & joined << 14);
  wire [31:0] mixed  = mix ^ mix >> 19 ^ (mix >> 2 & mix >> 6);

  // ------------------------------------------------------------- ports
  wire [31:0] turned = {ports[29:0], ports[31:30]};
  wire [31:0] half   = turned ^ turned << 17 ^ (turned << 4 & turned << 10);
  wire [31:0] spread = half ^ half >> 19 ^ (half >> 13 & half >> 14);

  always @(posedge clk) begin
    ahead <= address_ahead[63:32] ^ {address_ahead[18:0], address_ahead[31:19]};

    if (clear)              addresses <= 32'd0;
    else if (address_valid) addresses <= mixed;

    if (ports_valid) spread_kept <= spread;
  end

  assign hash = addresses ^ spread_kept;

`ifdef ASSERTIONS
  reg begun = 1'b0;  // before, registers may hold anything
  always @(posedge clk) begin
    begun <= begun || clear;
    if (begun && address_valid && address != 64'd0 && ahead != 32'd0) begin
      $display("tuple_hash: a pair of words is a frame's or a command's, never a mixture");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
