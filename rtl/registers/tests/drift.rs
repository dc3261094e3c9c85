//! The committed outputs are what the map gives.

use std::path::Path;
use toe_registers::{MAP_PATH, generate};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn map() -> String {
    std::fs::read_to_string(root().join(MAP_PATH)).expect("the map is there")
}

#[test]
fn generated_files_follow_the_map() {
    for output in generate(&map()).expect("the map is right") {
        let now = std::fs::read_to_string(root().join(output.path)).unwrap_or_default();
        assert!(
            now == output.text,
            "{} differs from {MAP_PATH}; run `make registers`",
            output.path
        );
    }
}

/// What the generator says of the map with one text replaced by another.
fn refusal(from: &str, to: &str) -> String {
    let map = map();
    assert!(map.contains(from), "the map no longer has {from:?}");
    match generate(&map.replacen(from, to, 1)) {
        Ok(_) => format!("accepted {to:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_wrong_map_is_refused_in_one_line_that_names_the_entry() {
    let cases = [
        (
            "offset = 0x004",
            "offset = 0x000",
            "register `version`: overlaps register `identity`",
        ),
        (
            "offset = 0x004",
            "offset = 0x006",
            "register `version`: offset is not a multiple of 4",
        ),
        (
            "offset = 0x100",
            "offset = 0xFFC",
            "register `counter`: lies beyond the 4096 bytes of the port",
        ),
        (
            "offset = 0x100",
            "offset = 0x050",
            "register `counter`: overlaps register `command`",
        ),
        (
            "name = \"version\"",
            "name = \"identity\"",
            "register `identity`: the name stands twice",
        ),
        (
            "name = \"version\"",
            "name = \"Version\"",
            "register `Version`: the name is not in snake case",
        ),
        (
            "bits = [31, 16], doc = \"Changes",
            "bits = [31, 15], doc = \"Changes",
            "register `version` field `major`: overlaps `minor`",
        ),
        (
            "bits = [31, 16], doc = \"Changes",
            "bits = [32, 16], doc = \"Changes",
            "register `version` field `major`: bit 32 lies beyond the 32 bits",
        ),
        (
            "bits = [31, 16], doc = \"Changes",
            "bits = [16, 31], doc = \"Changes",
            "register `version` field `major`: bits [16, 31] are not [high, low]",
        ),
        (
            "opcode = 6",
            "opcode = 5",
            "command `upload`: opcode 5 is that of `offload`",
        ),
        (
            "word = 2, name = \"receive_next\"",
            "word = 8, name = \"receive_next\"",
            "command `offload` operand `receive_next`: word 8 is not 1 to 7",
        ),
        (
            "word = 2, name = \"receive_next\"",
            "word = 3, name = \"receive_next\"",
            "command `offload` field `indicate_window_size`: overlaps `receive_next`",
        ),
        (
            "kind = 6\n",
            "kind = 16\n",
            "event `uploaded`: kind 16 is too large for its field",
        ),
        (
            "kind = 6\n",
            "kind = 5\n",
            "event `uploaded`: kind 5 is that of `state`",
        ),
        (
            "enum = \"refusal\"",
            "enum = \"refused\"",
            "event `command_refused` field `reason`: enum `refused` is not there or does not fit",
        ),
        (
            "carries = [\"buffer\", \"length\"]",
            "carries = [\"value\", \"length\"]",
            "event `host_frame` field `length`: overlaps `value`",
        ),
        (
            "name = \"busy\", value = 1",
            "name = \"busy\", value = 8",
            "enum `offload_status` value `busy`: 8 does not fit 3 bits",
        ),
        (
            "name = \"taken\", bits",
            "name = \"commands_taken\", bits",
            "event_header: has no field `taken`",
        ),
        (
            "name = \"dropped_runt\"",
            "name = \"deliveries\"",
            "counter `deliveries`: the name stands twice",
        ),
        (
            "count = 64",
            "count = 16",
            "counters: register `counter` has no room for 28",
        ),
        (
            "name = \"arrival\"",
            "name = \"segment\"",
            "bundle `segment`: the name stands twice",
        ),
        (
            "name = \"lane\", bits = 3",
            "name = \"lane\", bits = 65",
            "bundle `transfer` field `lane`: 65 bits are not 1 to 64",
        ),
        (
            "name = \"control\"\n",
            "name = \"command_offload\"\n",
            "accepted \"name = \\\"command_offload\\\"\\n\"",
        ),
        (
            "name = \"uploaded\"",
            "name = \"value\"",
            "event `value`: the Verilog name EVENT_VALUE is already that of event_header",
        ),
        (
            "access = \"ro\"",
            "access = \"rx\"",
            "line 17: unknown variant `rx`, expected one of `ro`, `rw`, `wo`",
        ),
        (
            "access = \"ro\"",
            "acces = \"ro\"",
            "line 17: unknown field `acces`, expected one of `name`, `offset`, `access`, `reset`, `count`, `doc`, `fields`",
        ),
    ];
    for (from, to, says) in cases {
        assert_eq!(refusal(from, to), says, "for {to:?}");
    }
}
