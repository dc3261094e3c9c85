# Prints a module `timing_boundary` that puts a flip-flop at every port of a module but its clock.
#
#   pins_in ──► flip-flops ──► module ──► flip-flops ──► pins_out
#
# A design timed out of context has no pins. Left alone, its ports would be free: a path that begins
# or ends at a port is not timed at all, however long it is inside. With these flip-flops every path
# is timed from register to register, and the two wide ports of `timing_boundary` need no pins either:
# nextpnr leaves them unconnected (--out-of-context).
#
# Input: the module's file, ports one a line as in all of rtl/. -v top=MODULE.

/^module /            { inside = $2 == top }
inside && /^\);/      { inside = 0 }
inside && /^  (input|output) / {
  line = $0
  sub(/\/\/.*/, "", line)
  gsub(/,/, "", line)
  width = 1
  if (match(line, /\[[0-9]+:0\]/)) width = substr(line, RSTART + 1, RLENGTH - 4) + 1
  else if (line ~ /\[/) { print "boundary.awk: width of" line > "/dev/stderr"; exit 1 }
  count = split(line, words, " ")
  name = words[count]
  if (name == "clk") next
  side = words[1] == "input" ? "in" : "out"
  ports = ports sprintf(",\n    .%s (%s[%d:%d])", name, side, bits[side] + width - 1, bits[side])
  bits[side] += width
}
END {
  printf "module timing_boundary (\n"
  printf "  input  wire clk,\n"
  printf "  input  wire [%d:0] pins_in,\n", bits["in"] - 1
  printf "  output reg  [%d:0] pins_out\n);\n", bits["out"] - 1
  printf "  reg  [%d:0] in;\n  wire [%d:0] out;\n", bits["in"] - 1, bits["out"] - 1
  printf "  always @(posedge clk) begin\n    in <= pins_in;\n    pins_out <= out;\n  end\n"
  printf "  %s dut (\n    .clk (clk)%s\n  );\nendmodule\n", top, ports
}
