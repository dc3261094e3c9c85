// SPDX-License-Identifier: MIT OR Apache-2.0
// Stops in the way that it is told.
`default_nettype none

module stopper (
  input  wire       clk,
  input  wire [3:0] way,
  output reg  [7:0] steps
);
  initial steps = 0;

  always @(posedge clk) begin
    steps <= steps + 1;
    case (way)
      1: $stop;
      2: begin
        $display("stopper: told to stop at step %0d", steps);
        $stop;
      end
      3: $fatal(1, "fatal at step %0d", steps);
      4: $error("error at step %0d", steps);
      5: $finish;
      6: $display("only a word");
      7: $readmemh("there-is-no-such-file.hex", memory);
      default: ;
    endcase
  end
  reg [7:0] memory [0:3];

  always @(posedge clk) assert (way != 8);
  // Reads its own output through an inverter, when told to.
  wire loop = way == 9 && !again;
  wire again = loop;

  final $display("stopper: that was all");
endmodule

`default_nettype wire
