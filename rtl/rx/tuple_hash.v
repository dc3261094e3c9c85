// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Hashes a connection's addresses and ports as they stream in.
//
//   pairs of address words ──► mix ──► | addresses | ──┬──► hash
//                               ▲___________|          │
//   ports ───────────────────────────────► spread ─────┘
//
// The mixing is linear, a few exclusive-ors a bit: two tuples of the same hash cost a refused
// offload, never a wrong byte.
//
// Invariant: the hash depends on the order of the pairs, not on when they come.

`default_nettype none

module tuple_hash (
  input  wire        clk,

  // in: the tuple; the ports may come with the last pair
  input  wire        address_valid,
  input  wire        address_start,
  input  wire [63:0] address,
  input  wire [31:0] ports,

  // out: the table, in the cycle of the ports
  output wire [31:0] hash
);

  reg  [31:0] addresses;
  wire [31:0] so_far = addresses & {32{!address_start}};
  wire [31:0] joined = so_far ^ address[63:32] ^ {address[18:0], address[31:19]};

  // Three shifts that walk through all 2^32 - 1 states (Marsaglia's xorshift).
  wire [31:0] mix_1  = joined ^ joined << 13;
  wire [31:0] mix_2  = mix_1 ^ mix_1 >> 17;
  wire [31:0] mixed  = mix_2 ^ mix_2 << 5;

  // Other shifts, or equal changes in an address and in the ports would cancel out.
  wire [31:0] spread_1 = ports ^ ports >> 16;
  wire [31:0] spread_2 = spread_1 ^ spread_1 >> 7;
  wire [31:0] spread   = spread_2 ^ spread_2 << 9;

  always @(posedge clk)
    if (address_valid) addresses <= mixed;

  assign hash = (address_valid ? mixed : addresses) ^ spread;

endmodule

`default_nettype wire
