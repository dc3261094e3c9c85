// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Turns AXI4-Lite into one word written or one word read at a time.
//
//   aw, w --> [ address, word ] --> write --> answer --> b
//   ar -----> [ address ] -------> read ---> answer --> r
//
// It knows no register. A write that does not carry all four bytes is answered with SLVERR and goes
// no further. While `hold` is high no request is taken; those taken before are still answered.
// Every output comes from a register.
//
// Invariant: an answer on the bus stands until it is taken.
// Invariant: an answer comes only to a request that was passed on.

`default_nettype none

module axi_lite_port #(
  parameter ADDRESS_BITS = 12
) (
  input  wire                    clk,
  input  wire                    rst,

  // in: the bus
  input  wire [ADDRESS_BITS-1:0] s_axil_awaddr,
  input  wire [2:0]              s_axil_awprot,
  input  wire                    s_axil_awvalid,
  output wire                    s_axil_awready,
  input  wire [31:0]             s_axil_wdata,
  input  wire [3:0]              s_axil_wstrb,
  input  wire                    s_axil_wvalid,
  output wire                    s_axil_wready,
  output wire [1:0]              s_axil_bresp,
  output reg                     s_axil_bvalid,
  input  wire                    s_axil_bready,
  input  wire [ADDRESS_BITS-1:0] s_axil_araddr,
  input  wire [2:0]              s_axil_arprot,
  input  wire                    s_axil_arvalid,
  output wire                    s_axil_arready,
  output reg  [31:0]             s_axil_rdata,
  output wire [1:0]              s_axil_rresp,
  output reg                     s_axil_rvalid,
  input  wire                    s_axil_rready,

  // out: the registers; valid for one cycle, the rest stands until the answer
  output reg                     write_valid,
  output reg  [ADDRESS_BITS-1:2] write_address,
  output reg  [31:0]             write_data,
  input  wire                    write_answer_valid,
  input  wire                    write_answer_refused,
  output reg                     read_valid,
  output reg  [ADDRESS_BITS-1:2] read_address,
  input  wire                    read_answer_valid,
  input  wire                    read_answer_refused,
  input  wire [31:0]             read_answer_data,

  // in: the reset control
  input  wire                    hold,
  output wire                    busy
);

  localparam OKAY   = 2'b00;
  localparam SLVERR = 2'b10;

  // -------------------------------------------------------------- write

  reg address_held;
  reg word_held;
  reg word_whole;
  reg write_asked;    // passed on, not yet answered
  reg write_refused;

  wire write_start = address_held && word_held && !write_asked && !s_axil_bvalid;

  assign s_axil_awready = !address_held && !hold;
  assign s_axil_wready  = !word_held && !hold;
  assign s_axil_bresp   = write_refused ? SLVERR : OKAY;

  always @(posedge clk) begin
    write_valid <= write_start && word_whole;

    if (s_axil_awvalid && s_axil_awready) begin
      write_address <= s_axil_awaddr[ADDRESS_BITS-1:2];
      address_held  <= 1'b1;
    end
    if (s_axil_wvalid && s_axil_wready) begin
      write_data <= s_axil_wdata;
      word_whole <= &s_axil_wstrb;
      word_held  <= 1'b1;
    end
    if (s_axil_bready) s_axil_bvalid <= 1'b0;
    if (write_start) begin
      write_asked <= word_whole;
      if (!word_whole) begin
        write_refused <= 1'b1;
        s_axil_bvalid <= 1'b1;
        address_held  <= 1'b0;
        word_held     <= 1'b0;
      end
    end
    if (write_answer_valid) begin
      write_refused <= write_answer_refused;
      s_axil_bvalid <= 1'b1;
      write_asked   <= 1'b0;
      address_held  <= 1'b0;
      word_held     <= 1'b0;
    end

    if (rst) begin
      write_valid   <= 1'b0;
      address_held  <= 1'b0;
      word_held     <= 1'b0;
      write_asked   <= 1'b0;
      s_axil_bvalid <= 1'b0;
    end
  end

  // -------------------------------------------------------------- read

  reg read_asked;
  reg read_refused;

  assign s_axil_arready = !read_asked && !s_axil_rvalid && !hold;
  assign s_axil_rresp   = read_refused ? SLVERR : OKAY;

  always @(posedge clk) begin
    read_valid <= s_axil_arvalid && s_axil_arready;
    if (s_axil_arvalid && s_axil_arready) begin
      read_address <= s_axil_araddr[ADDRESS_BITS-1:2];
      read_asked   <= 1'b1;
    end
    if (s_axil_rready) s_axil_rvalid <= 1'b0;
    if (read_answer_valid) begin
      s_axil_rdata  <= read_answer_data;
      read_refused  <= read_answer_refused;
      s_axil_rvalid <= 1'b1;
      read_asked    <= 1'b0;
    end

    if (rst) begin
      read_valid    <= 1'b0;
      read_asked    <= 1'b0;
      s_axil_rvalid <= 1'b0;
    end
  end

  assign busy = read_asked || address_held || word_held;

  // Protection and the byte of a word play no part.
  wire unused = &{1'b0, s_axil_awprot, s_axil_arprot, s_axil_awaddr[1:0], s_axil_araddr[1:0]};

`ifdef ASSERTIONS
  reg       past;
  reg       past_b_waits, past_r_waits;
  reg [1:0] past_bresp;
  reg [33:0] past_r;

  always @(posedge clk) begin
    past         <= !rst;
    past_b_waits <= s_axil_bvalid && !s_axil_bready;
    past_r_waits <= s_axil_rvalid && !s_axil_rready;
    past_bresp   <= s_axil_bresp;
    past_r       <= {s_axil_rresp, s_axil_rdata};
    if (!rst && past && past_b_waits && (!s_axil_bvalid || s_axil_bresp != past_bresp)) begin
      $display("axi_lite_port: a write's answer did not stand until it was taken");
      $stop;
    end
    if (!rst && past && past_r_waits && (!s_axil_rvalid || {s_axil_rresp, s_axil_rdata} != past_r))
    begin
      $display("axi_lite_port: a read's answer did not stand until it was taken");
      $stop;
    end
    if (!rst && ((write_answer_valid && !write_asked) || (read_answer_valid && !read_asked)))
    begin
      $display("axi_lite_port: an answer came to no request");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
