// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The adapter as synthesised, and beside its pins what its host does in the same cycle.
//
// For simulation alone: a waveform of the adapter shows no processor. So the bench drives pins that
// no board has. `host_copying` is high in the cycles in which the driver copies to a Named Buffer,
// `host_dma_beat` in those in which host memory takes a beat of the adapter that lies in one; the
// places say where in it, in bytes, and stand while nothing moves. Here both are held against one
// another.

`default_nettype none

module toe_observed (
  input  wire        clk,
  input  wire        rst,

  // in: the MAC; frames without FCS, `tuser` with `tlast` marks a bad one
  input  wire [63:0] s_axis_rx_tdata,
  input  wire [7:0]  s_axis_rx_tkeep,
  input  wire        s_axis_rx_tvalid,
  output wire        s_axis_rx_tready,
  input  wire        s_axis_rx_tlast,
  input  wire        s_axis_rx_tuser,

  // in: the driver
  input  wire [11:0] s_axil_awaddr,
  input  wire [2:0]  s_axil_awprot,
  input  wire        s_axil_awvalid,
  output wire        s_axil_awready,
  input  wire [31:0] s_axil_wdata,
  input  wire [3:0]  s_axil_wstrb,
  input  wire        s_axil_wvalid,
  output wire        s_axil_wready,
  output wire [1:0]  s_axil_bresp,
  output wire        s_axil_bvalid,
  input  wire        s_axil_bready,
  input  wire [11:0] s_axil_araddr,
  input  wire [2:0]  s_axil_arprot,
  input  wire        s_axil_arvalid,
  output wire        s_axil_arready,
  output wire [31:0] s_axil_rdata,
  output wire [1:0]  s_axil_rresp,
  output wire        s_axil_rvalid,
  input  wire        s_axil_rready,

  // out: host memory
  output wire [0:0]  m_axi_awid,
  output wire [63:0] m_axi_awaddr,
  output wire [7:0]  m_axi_awlen,
  output wire [2:0]  m_axi_awsize,
  output wire [1:0]  m_axi_awburst,
  output wire [3:0]  m_axi_awcache,
  output wire [2:0]  m_axi_awprot,
  output wire        m_axi_awvalid,
  input  wire        m_axi_awready,
  output wire [63:0] m_axi_wdata,
  output wire [7:0]  m_axi_wstrb,
  output wire        m_axi_wlast,
  output wire        m_axi_wvalid,
  input  wire        m_axi_wready,
  input  wire [0:0]  m_axi_bid,
  input  wire [1:0]  m_axi_bresp,
  input  wire        m_axi_bvalid,
  output wire        m_axi_bready,

  output wire        interrupt_line,

  // in: the bench
  input  wire        host_copying,
  input  wire [31:0] host_copy_place,
  input  wire        host_dma_beat,
  input  wire [31:0] host_dma_place,

  // out: the waveform; cycles so far
  output wire        host_copy_and_dma,
  output reg  [31:0] host_copy_cycles,
  output reg  [31:0] host_dma_cycles,
  output reg  [31:0] host_copy_and_dma_cycles
);

  assign host_copy_and_dma = host_copying & host_dma_beat;

  always @(posedge clk)
    if (rst) begin
      host_copy_cycles         <= 32'd0;
      host_dma_cycles          <= 32'd0;
      host_copy_and_dma_cycles <= 32'd0;
    end else begin
      host_copy_cycles         <= host_copy_cycles + {31'd0, host_copying};
      host_dma_cycles          <= host_dma_cycles + {31'd0, host_dma_beat};
      host_copy_and_dma_cycles <= host_copy_and_dma_cycles + {31'd0, host_copy_and_dma};
    end

  toe toe (
    .clk(clk), .rst(rst), .s_axis_rx_tdata(s_axis_rx_tdata), .s_axis_rx_tkeep(s_axis_rx_tkeep),
    .s_axis_rx_tvalid(s_axis_rx_tvalid), .s_axis_rx_tready(s_axis_rx_tready),
    .s_axis_rx_tlast(s_axis_rx_tlast), .s_axis_rx_tuser(s_axis_rx_tuser),
    .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot), .s_axil_awvalid(s_axil_awvalid),
    .s_axil_awready(s_axil_awready), .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
    .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready), .s_axil_bresp(s_axil_bresp),
    .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready), .s_axil_araddr(s_axil_araddr),
    .s_axil_arprot(s_axil_arprot), .s_axil_arvalid(s_axil_arvalid),
    .s_axil_arready(s_axil_arready), .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
    .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready), .m_axi_awid(m_axi_awid),
    .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awsize(m_axi_awsize),
    .m_axi_awburst(m_axi_awburst), .m_axi_awcache(m_axi_awcache), .m_axi_awprot(m_axi_awprot),
    .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata),
    .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
    .m_axi_wready(m_axi_wready), .m_axi_bid(m_axi_bid), .m_axi_bresp(m_axi_bresp),
    .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready), .interrupt_line(interrupt_line)
  );

endmodule

`default_nettype wire
