//! The Verilog names and the register decoder.

use crate::map::{Access, Map, MapError, Register, fault};
use crate::upper;
use std::collections::HashMap;
use std::fmt::Write as _;

const HEADER: &str = "// SPDX-License-Identifier: MIT OR Apache-2.0\n\
                      // Generated from rtl/registers/map.toml by `make registers`: do not edit.\n";

/// All names of the header file, in order, no name twice.
pub(crate) struct Defines {
    lines: String,
    owners: HashMap<String, String>,
}

impl Defines {
    pub(crate) fn of(map: &Map) -> Result<Self, MapError> {
        let mut defines = Defines {
            lines: String::new(),
            owners: HashMap::new(),
        };
        defines.registers(map)?;
        defines.commands(map)?;
        defines.events(map)?;
        defines.section("Enumerations");
        for enumeration in &map.enums {
            let name = upper(&enumeration.name);
            let entry = format!("enum `{}`", enumeration.name);
            let bits = enumeration.bits;
            defines.put(&entry, format!("{name}_BITS"), bits.to_string())?;
            for value in &enumeration.values {
                let text = format!("{bits}'d{}", value.value);
                defines.put(&entry, format!("{name}_{}", upper(&value.name)), text)?;
            }
        }
        defines.section("Counters: positions in the vector of pulses");
        defines.put(
            "counters",
            "COUNTERS".into(),
            map.counters.list.len().to_string(),
        )?;
        for (index, counter) in map.counters.list.iter().enumerate() {
            let entry = format!("counter `{}`", counter.name);
            defines.put(
                &entry,
                format!("COUNT_{}", upper(&counter.name)),
                index.to_string(),
            )?;
        }
        for bundle in &map.bundles {
            let name = upper(&bundle.name);
            let entry = format!("bundle `{}`", bundle.name);
            defines.section(&format!("Bundle: {}", bundle.doc));
            defines.put(&entry, format!("{name}_BITS"), bundle.width().to_string())?;
            for (low, field) in bundle.placed() {
                let name = format!("{name}_{}", upper(&field.name));
                defines.range(&entry, &name, low + field.bits - 1, low)?;
                for value in &field.values {
                    let text = format!("{}'d{}", field.bits, value.value);
                    defines.put(&entry, format!("{name}_{}", upper(&value.name)), text)?;
                }
            }
        }
        Ok(defines)
    }

    pub(crate) fn text(&self) -> String {
        format!(
            "{HEADER}`ifndef TOE_REGISTERS_VH\n`define TOE_REGISTERS_VH\n{}\n`endif\n",
            self.lines
        )
    }

    fn section(&mut self, title: &str) {
        self.lines.push('\n');
        let mut line = String::from("//");
        for word in title.split_whitespace() {
            if line.len() + word.len() >= 100 {
                self.lines.push_str(&line);
                self.lines.push('\n');
                line = String::from("//");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.lines.push_str(&line);
        self.lines.push('\n');
    }

    fn put(&mut self, entry: &str, name: String, text: String) -> Result<(), MapError> {
        let _ = writeln!(self.lines, "`define {name:<48} {text}");
        if let Some(other) = self.owners.insert(name.clone(), entry.to_string()) {
            return fault(
                entry,
                format!("the Verilog name {name} is already that of {other}"),
            );
        }
        Ok(())
    }

    fn range(&mut self, entry: &str, name: &str, high: u32, low: u32) -> Result<(), MapError> {
        self.put(entry, name.to_string(), format!("{high}:{low}"))?;
        self.put(entry, format!("{name}_BITS"), (high - low + 1).to_string())
    }

    fn registers(&mut self, map: &Map) -> Result<(), MapError> {
        let adapter = &map.adapter;
        self.section("Adapter");
        self.put(
            "adapter",
            "ADAPTER_IDENTITY".into(),
            format!("32'h{:08X}", adapter.identity),
        )?;
        self.put(
            "adapter",
            "ADAPTER_VERSION".into(),
            format!("32'h{:08X}", adapter.version),
        )?;
        self.put(
            "adapter",
            "ADDRESS_BITS".into(),
            adapter.address_bits.to_string(),
        )?;
        self.put(
            "adapter",
            "COMMAND_QUEUE_DEPTH".into(),
            adapter.command_queue_depth.to_string(),
        )?;
        self.section("Registers: byte offsets, reset values, ranges of their fields");
        for register in &map.registers {
            let name = upper(&register.name);
            let entry = format!("register `{}`", register.name);
            let offset = format!("{}'h{:03X}", adapter.address_bits, register.offset);
            self.put(&entry, format!("REGISTER_{name}"), offset)?;
            if let Some(reset) = register.reset {
                self.put(
                    &entry,
                    format!("REGISTER_{name}_RESET"),
                    format!("32'd{reset}"),
                )?;
            }
            for field in &register.fields {
                let name = format!("{name}_{}", upper(&field.name));
                self.range(&entry, &name, field.bits[0], field.bits[1])?;
            }
        }
        Ok(())
    }

    fn commands(&mut self, map: &Map) -> Result<(), MapError> {
        self.section(
            "Commands: opcodes, and ranges in the 256 bits of a command (word 0 in bits 31:0)",
        );
        self.put("command_header", "COMMAND_BITS".into(), "256".into())?;
        for field in &map.command_header.fields {
            let name = format!("COMMAND_{}", upper(&field.name));
            self.range("command_header", &name, field.bits[0], field.bits[1])?;
        }
        for command in &map.commands {
            let name = upper(&command.name);
            let entry = format!("command `{}`", command.name);
            self.put(
                &entry,
                format!("COMMAND_{name}"),
                format!("8'd{}", command.opcode),
            )?;
            for operand in command.operands() {
                let name = format!("{name}_{}", upper(&operand.name));
                self.range(&entry, &name, operand.low + operand.width - 1, operand.low)?;
            }
        }
        Ok(())
    }

    fn events(&mut self, map: &Map) -> Result<(), MapError> {
        self.section("Events: ranges in the 64 bits of an event, and kinds");
        self.put("event_header", "EVENT_BITS".into(), "64".into())?;
        let mut kind_bits = 0;
        for field in &map.event_header.fields {
            let name = format!("EVENT_{}", upper(&field.name));
            self.range("event_header", &name, field.bits[0], field.bits[1])?;
            if field.name == "kind" {
                kind_bits = field.width();
            }
        }
        for event in &map.events {
            let name = format!("EVENT_{}", upper(&event.name));
            let entry = format!("event `{}`", event.name);
            self.put(&entry, name.clone(), format!("{kind_bits}'d{}", event.kind))?;
            for field in &event.fields {
                let name = format!("{name}_{}", upper(&field.name));
                self.range(&entry, &name, field.bits[0], field.bits[1])?;
            }
        }
        Ok(())
    }
}

/// The decoder: which register a word address names.
pub(crate) fn decoder(map: &Map) -> String {
    let top = map.adapter.address_bits - 1;
    let mut text = String::from(HEADER);
    text.push_str(
        "\n// Names the register that a word address speaks of.\n\
         //\n\
         //   address --> one select_* wire, the index in a row of registers, and what may be done\n\
         //\n\
         // Combinational. It holds no register and answers no bus.\n\
         // Invariant: at most one select wire is high.\n\n\
         `default_nettype none\n\n\
         module register_decoder (\n",
    );
    let _ = writeln!(text, "  input  wire [{top}:2] address,");
    for register in &map.registers {
        let _ = writeln!(text, "  output wire        select_{},", register.name);
        if register.count > 1 {
            let _ = writeln!(
                text,
                "  output wire [{}:0]  {}_index,",
                index_bits(register) - 1,
                register.name
            );
        }
    }
    text.push_str("  output wire        readable,\n  output wire        writable\n);\n\n");
    for register in &map.registers {
        let name = &register.name;
        let first = register.offset / 4;
        let last = first + register.count - 1;
        let bits = map.adapter.address_bits - 2;
        let row = index_bits(register);
        if register.count.is_power_of_two() && first % register.count == 0 {
            let above = bits - row;
            let part = if row == 0 {
                "address".to_string()
            } else {
                format!("address[{top}:{}]", 2 + row)
            };
            let _ = writeln!(
                text,
                "  assign select_{name} = {part} == {above}'h{:X};",
                first >> row
            );
            if register.count > 1 {
                let _ = writeln!(text, "  assign {name}_index = address[{}:2];", 1 + row);
            }
        } else {
            let _ = writeln!(
                text,
                "  assign select_{name} = address >= {bits}'h{first:X} && address <= {bits}'h{last:X};"
            );
            let _ = writeln!(
                text,
                "  wire [{top}:2] {name}_distance = address - {bits}'h{first:X};"
            );
            let _ = writeln!(
                text,
                "  assign {name}_index = {name}_distance[{}:2];",
                1 + row
            );
        }
    }
    for (wire, refused) in [("readable", Access::Wo), ("writable", Access::Ro)] {
        let mut names = map
            .registers
            .iter()
            .filter(|register| register.access != refused)
            .map(|register| format!("select_{}", register.name));
        let _ = write!(
            text,
            "\n  assign {wire} = {}",
            names.next().unwrap_or_else(|| "1'b0".into())
        );
        for name in names {
            let _ = write!(text, "\n    || {name}");
        }
        text.push_str(";\n");
    }
    text.push_str("\n`ifdef ASSERTIONS\n");
    let mut lines = vec![String::from("  wire [31:0] selected = 0")];
    for register in &map.registers {
        let term = format!(" + {{31'd0, select_{}}}", register.name);
        match lines.last_mut() {
            Some(last) if last.len() + term.len() < 100 => last.push_str(&term),
            _ => lines.push(format!("   {term}")),
        }
    }
    let _ = writeln!(text, "{};\n", lines.join("\n"));
    text.push_str(
        "  always @* begin\n    if (selected > 1) begin\n      \
         $display(\"register_decoder: one address selects two registers\");\n      \
         $stop;\n    end\n  end\n`endif\n",
    );
    text.push_str("\nendmodule\n\n`default_nettype wire\n");
    text
}

fn index_bits(register: &Register) -> u32 {
    register.count.next_power_of_two().trailing_zeros()
}
