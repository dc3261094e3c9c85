// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Hashes a connection's addresses and ports as they stream in.
//
//   pairs of address words ──► mix ──► | addresses | ──┬──► | hash |
//                               ▲___________|          │
//   ports ───────────────────────────────► spread ─────┘
//
// The mixing is linear, four bits to one: two tuples of the same hash cost a refused offload, never
// a wrong byte. Words that are not valid must be zero: a frame's are given in the cycle in which
// they
// count, with nothing before them but their mask.
//
`default_nettype none

module tuple_hash (
  input  wire        clk,

  // in: the tuple; the ports may come with the last pair
  input  wire        clear,          // before the first pair
  input  wire        address_valid,
  input  wire [63:0] address,
  input  wire [63:0] address_ahead,  // a command's, one cycle ahead of its address_valid
  input  wire        ports_valid,
  input  wire [31:0] ports,

  // out: the tables; stands until the next ports
  output reg  [31:0] hash
);

  reg  [31:0] addresses;
  reg  [31:0] ahead;
  wire [31:0] joined = addresses ^ address[63:32] ^ {address[18:0], address[31:19]} ^ ahead;

  wire [31:0] mix    = joined ^ joined << 13;
  wire [31:0] mixed  = mix ^ mix >> 17;

  // Other shifts, or equal changes in an address and in the ports would cancel out.
  wire [31:0] half   = ports ^ ports >> 16;
  wire [31:0] spread = half ^ half << 9;

  always @(posedge clk) begin
    ahead <= address_ahead[63:32] ^ {address_ahead[18:0], address_ahead[31:19]};

    if (clear)              addresses <= 32'd0;
    else if (address_valid) addresses <= mixed;

    if (ports_valid) hash <= (address_valid ? mixed : addresses) ^ spread;
  end

endmodule

`default_nettype wire
