# Gives block memories the places that a floorplan says, in a netlist that Yosys wrote as JSON.
#
#   awk -f floorplan.awk DESIGN.floorplan NETLIST.json NETLIST.json
#
# The netlist is read twice: first for the names, then to be printed with an attribute BEL in each of them. A memory
# without a place, or a place without a memory, is an error.

function fail(what) { print "floorplan.awk: " what > "/dev/stderr"; failed = 1; exit 1 }

# Places of a row: four to nine columns of tiles, and one that is wider in the middle of the chip.
function bel(row, place,    group, column) {
  group = int(place / 4)
  column = group < 7 ? 4 + 9 * group : 69 + 9 * (group - 7)
  return "X" (column + 2 * (place % 4)) "/Y" row "/EBR" (place % 4)
}

function cell_name(line) { sub(/^ *"/, "", line); sub(/": \{.*/, "", line); return line }

FNR == 1 { pass++ }

pass == 1 && !/^#/ && NF == 3 { row[++lines] = $1; place[lines] = $2; pattern[lines] = $3 }

pass > 1 && /^        "[^"]*": \{$/ { name = cell_name($0); memory = 0 }
pass > 1 && /^          "type": "DP16KD"/ { memory = 1; if (pass == 2) names[++count] = name }

pass == 3 && FNR == 1 {
  for (n = 2; n <= count; n++)  # by name
    for (m = n; m > 1 && names[m - 1] > names[m]; m--) { swap = names[m]; names[m] = names[m - 1]; names[m - 1] = swap }
  for (l = 1; l <= lines; l++) {
    next_place = place[l]
    for (n = 1; n <= count; n++)
      if (names[n] ~ pattern[l] && !(names[n] in stands)) stands[names[n]] = bel(row[l], next_place++)
    if (next_place == place[l]) fail("no block memory is called " pattern[l])
    for (p = place[l]; p < next_place; p++) {
      if (bel(row[l], p) in taken) fail(pattern[l] " finds the place of " taken[bel(row[l], p)])
      taken[bel(row[l], p)] = pattern[l]
    }
  }
  for (n = 1; n <= count; n++) if (!(names[n] in stands)) fail(names[n] " has no place")
}

pass == 3 { print }
pass == 3 && memory && /^          "attributes": \{/ {
  print "            \"BEL\": \"" stands[name] "\","
  memory = 0
}
END { if (failed) exit 1 }
