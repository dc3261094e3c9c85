//! The register document: `REGISTERS.md`.

use crate::emit_rust::line;
use crate::map::{Access, Map};
use std::fmt::Write as _;

/// The whole document.
pub(crate) fn document(map: &Map) -> String {
    let mut text = String::from(
        "<!-- Generated from rtl/registers/map.toml by `make registers`: do not edit. -->\n\n\
         # Registers, commands and events\n\n\
         What the driver and the adapter say to each other. Registers are 32 bits wide, on AXI4-Lite; \
         commands are written to a window of registers; events are written by the adapter into a ring in host memory.\n\n\
         ## Registers\n\n\
         | offset | register | access | reset | meaning |\n|---|---|---|---|---|\n",
    );
    for register in &map.registers {
        let access = match register.access {
            Access::Ro => "read",
            Access::Rw => "read, write",
            Access::Wo => "write",
        };
        let offset = if register.count > 1 {
            let last = register.offset + 4 * (register.count - 1);
            format!("`0x{:03X}` to `0x{last:03X}`", register.offset)
        } else {
            format!("`0x{:03X}`", register.offset)
        };
        let reset = register
            .reset
            .map_or(String::new(), |value| value.to_string());
        line!(
            text,
            "| {offset} | `{}` | {access} | {reset} | {} |",
            register.name,
            register.doc
        );
        for field in &register.fields {
            line!(
                text,
                "| | `{}.{}` [{}] | | | {} |",
                register.name,
                field.name,
                range(field.bits),
                field.doc
            );
        }
    }
    text.push_str("\nReads of other addresses and writes where nothing can be written are answered with SLVERR.\n");
    text.push_str(
        "\n## Commands\n\nEight words each; the last one commits. Words without operands need not be written. Word 0 of every command:\n\n\
         | bits | field | meaning |\n|---|---|---|\n",
    );
    for field in &map.command_header.fields {
        line!(
            text,
            "| {} | `{}` | {} |",
            range(field.bits),
            field.name,
            field.doc
        );
    }
    for command in &map.commands {
        let reserved = if command.reserved { ", reserved" } else { "" };
        line!(
            text,
            "\n### `{}` (opcode {}{reserved})\n\n{}",
            command.name,
            command.opcode,
            command.doc
        );
        if command.connection {
            line!(text, "It names a connection.");
        }
        if !command.words.is_empty() {
            text.push_str("\n| word | bits | operand | meaning |\n|---|---|---|---|\n");
        }
        for word in &command.words {
            line!(
                text,
                "| {} | {} | `{}` | {} |",
                word.word,
                range(word.bits),
                word.name,
                word.doc
            );
        }
    }
    text.push_str(
        "\n## Events\n\n8 bytes each, little-endian in host memory. The fields that any event may use:\n\n\
         | bits | field | meaning |\n|---|---|---|\n",
    );
    for field in &map.event_header.fields {
        line!(
            text,
            "| {} | `{}` | {} |",
            range(field.bits),
            field.name,
            field.doc
        );
    }
    text.push_str("\n| kind | event | carries | meaning |\n|---|---|---|---|\n");
    for event in &map.events {
        let mut carries: Vec<String> = event
            .carries
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        for field in &event.fields {
            let of = field
                .enumeration
                .as_ref()
                .map_or(String::new(), |name| format!(" ({name})"));
            carries.push(format!("`{}` [{}]{of}", field.name, range(field.bits)));
        }
        let reserved = if event.reserved { "Reserved. " } else { "" };
        line!(
            text,
            "| {} | `{}` | {} | {reserved}{} |",
            event.kind,
            event.name,
            carries.join(", "),
            event.doc
        );
    }
    for enumeration in &map.enums {
        line!(
            text,
            "\n### `{}`\n\n{}\n\n| value | name | meaning |\n|---|---|---|",
            enumeration.name,
            enumeration.doc
        );
        for value in &enumeration.values {
            line!(
                text,
                "| {} | `{}` | {} |",
                value.value,
                value.name,
                value.doc
            );
        }
    }
    let first = map
        .registers
        .iter()
        .find(|r| r.name == "counter")
        .map_or(0, |r| r.offset);
    text.push_str("\n## Counters\n\n| offset | counter | counts |\n|---|---|---|\n");
    for (index, counter) in map.counters.list.iter().enumerate() {
        line!(
            text,
            "| `0x{:03X}` | `{}` | {} |",
            first as usize + 4 * index,
            counter.name,
            counter.doc
        );
    }
    text.push_str("\n## Bundles inside the adapter\n");
    for bundle in &map.bundles {
        line!(
            text,
            "\n### `{}` ({} bits)\n\n{}\n",
            bundle.name,
            bundle.width(),
            bundle.doc
        );
        text.push_str("| bits | field | meaning |\n|---|---|---|\n");
        for (low, field) in bundle.placed() {
            line!(
                text,
                "| {} | `{}` | {} |",
                range([low + field.bits - 1, low]),
                field.name,
                field.doc
            );
            for value in &field.values {
                line!(
                    text,
                    "| | `{}.{}` = {} | {} |",
                    field.name,
                    value.name,
                    value.value,
                    value.doc
                );
            }
        }
    }
    text
}

fn range([high, low]: [u32; 2]) -> String {
    if high == low {
        high.to_string()
    } else {
        format!("{high}:{low}")
    }
}
