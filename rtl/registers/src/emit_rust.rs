//! The driver's view: `driver/src/registers.rs`.

use crate::map::{Access, Command, Field, Map, Operand};
use crate::{camel, emit_rust_events, upper};
use std::fmt::Write as _;

/// Adds one formatted line.
macro_rules! line {
    ($text:expr, $($format:tt)*) => {{
        let _ = writeln!($text, $($format)*);
    }};
}
pub(crate) use line;

/// Operands of a command as a Rust field: one, or a row `x_0`, `x_1`… of 32-bit words.
struct Member {
    name: String,
    ty: String,
    doc: String,
    operands: Vec<Operand>,
}

/// The whole file.
pub(crate) fn registers(map: &Map) -> String {
    let mut text = String::from(
        "// SPDX-License-Identifier: MIT OR Apache-2.0\n\
         // Generated from rtl/registers/map.toml by `make registers`: do not edit.\n\n\
         //! The adapter as the driver sees it: registers, commands, events, counters.\n\n\
         use std::fmt;\n\n",
    );
    let adapter = &map.adapter;
    line!(text, "/// Answer of the register `identity`: \"TOE1\".");
    line!(
        text,
        "pub const ADAPTER_IDENTITY: u32 = {:#010x};\n",
        adapter.identity
    );
    line!(
        text,
        "/// Answer of the register `version`; another major version is another map."
    );
    line!(
        text,
        "pub const ADAPTER_VERSION: u32 = {:#010x};\n",
        adapter.version
    );
    line!(
        text,
        "/// Commands that may be written before the first of them is taken."
    );
    line!(
        text,
        "pub const COMMAND_QUEUE_DEPTH: u32 = {};\n",
        adapter.command_queue_depth
    );
    register_constants(&mut text, map);
    commands(&mut text, map);
    emit_rust_events::events(&mut text, map);
    counters(&mut text, map);
    text
}

fn register_constants(text: &mut String, map: &Map) {
    line!(text, "/// Byte offsets of the registers.");
    line!(text, "pub mod offset {{");
    for (index, register) in map.registers.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let access = match register.access {
            Access::Ro => "Read only",
            Access::Rw => "Read and write",
            Access::Wo => "Write only",
        };
        line!(text, "    /// {}", register.doc);
        if register.count > 1 {
            line!(
                text,
                "    /// {access}; {} words, one after the other.",
                register.count
            );
        } else {
            line!(text, "    /// {access}.");
        }
        line!(
            text,
            "    pub const {}: u32 = {:#05x};",
            upper(&register.name),
            register.offset
        );
    }
    line!(text, "}}\n");
    line!(text, "/// What registers hold after a reset.");
    line!(text, "pub mod reset {{");
    let mut gap = "";
    for register in &map.registers {
        if let Some(reset) = register.reset {
            line!(text, "{gap}    /// Of `{}`.", register.name);
            line!(
                text,
                "    pub const {}: u32 = {reset};",
                upper(&register.name)
            );
            gap = "\n";
        }
    }
    line!(text, "}}\n");
    text.push_str(FIELD);
    line!(text, "/// Parts of registers.");
    line!(text, "pub mod field {{");
    line!(text, "    use super::Field;");
    for register in &map.registers {
        for field in &register.fields {
            line!(text, "\n    /// Of `{}`: {}", register.name, field.doc);
            let name = format!("{}_{}", upper(&register.name), upper(&field.name));
            line!(
                text,
                "    pub const {name}: Field = Field::new({}, {});",
                field.bits[1],
                field.width()
            );
        }
    }
    line!(text, "}}\n");
}

const FIELD: &str = "\
/// A part of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    low: u32,
    mask: u32,
}

impl Field {
    const fn new(low: u32, bits: u32) -> Self {
        let mask = u32::MAX >> (32 - bits);
        Field { low, mask }
    }

    /// The part's value in a register's.
    pub const fn get(self, register: u32) -> u32 {
        (register >> self.low) & self.mask
    }

    /// The register's value with the part set to `value`; bits that do not fit are left out.
    pub const fn set(self, register: u32, value: u32) -> u32 {
        (register & !(self.mask << self.low)) | ((value & self.mask) << self.low)
    }
}

";

fn members(command: &Command) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    for operand in command.operands() {
        let row = operand
            .name
            .rsplit_once('_')
            .and_then(|(stem, digits)| Some((stem, digits.parse::<usize>().ok()?)));
        if let Some((stem, index)) = row {
            if index == 0 {
                members.push(Member {
                    name: stem.to_string(),
                    ty: String::new(),
                    doc: "Its words, the first bytes on the wire first.".into(),
                    operands: vec![operand],
                });
                continue;
            }
            if let Some(last) = members.last_mut().filter(|m| m.name == stem) {
                last.operands.push(operand);
                continue;
            }
        }
        members.push(Member {
            name: operand.name.clone(),
            ty: unsigned(operand.width).into(),
            doc: operand.doc.clone(),
            operands: vec![operand],
        });
    }
    for member in &mut members {
        if member.ty.is_empty() {
            member.ty = format!("[u32; {}]", member.operands.len());
        }
    }
    members
}

pub(crate) fn unsigned(width: u32) -> &'static str {
    match width {
        1 => "bool",
        2..=8 => "u8",
        9..=16 => "u16",
        17..=32 => "u32",
        _ => "u64",
    }
}

/// `prefix { a, b }suffix`, broken over lines where rustfmt breaks it.
pub(crate) fn braces(
    text: &mut String,
    indent: usize,
    prefix: &str,
    items: &[String],
    suffix: &str,
) {
    let pad = " ".repeat(indent);
    let joined = items.join(", ");
    if items.is_empty() {
        line!(text, "{pad}{prefix}{suffix}");
    } else if joined.len() <= 18 {
        line!(text, "{pad}{prefix} {{ {joined} }}{suffix}");
    } else {
        line!(text, "{pad}{prefix} {{");
        for item in items {
            line!(text, "{pad}    {item},");
        }
        line!(text, "{pad}}}{suffix}");
    }
}

/// A variant with documented members.
pub(crate) fn variant(
    text: &mut String,
    name: &str,
    doc: &str,
    members: &[(String, String, String)],
) {
    line!(text, "    /// {doc}");
    if members.is_empty() {
        line!(text, "    {},", camel(name));
        return;
    }
    line!(text, "    {} {{", camel(name));
    for (name, ty, doc) in members {
        line!(text, "        /// {doc}");
        line!(text, "        {name}: {ty},");
    }
    line!(text, "    }},");
}

/// Value of a 64-bit expression as a member's type.
pub(crate) fn narrowed(ty: &str, expression: &str) -> String {
    match ty {
        "bool" => format!("{expression} != 0"),
        "u64" => expression.to_string(),
        ty => format!("{expression} as {ty}"),
    }
}

fn commands(text: &mut String, map: &Map) {
    let place = |name: &str| map.command_header.fields.iter().find(|f| f.name == name);
    let low = |name: &str| place(name).map_or(0, |f| f.bits[1]);
    let width = |name: &str| place(name).map_or(1, Field::width);
    line!(
        text,
        "/// A command: what is written to the window of registers at [`offset::COMMAND`]."
    );
    line!(text, "#[derive(Clone, Copy, Debug, PartialEq, Eq)]");
    line!(text, "pub enum Command {{");
    for command in &map.commands {
        let reserved = if command.reserved {
            " Reserved: refused as unsupported."
        } else {
            ""
        };
        let mut parts = Vec::new();
        if command.connection {
            let doc = place("connection").map_or("", |f| &f.doc);
            parts.push((
                "connection".into(),
                unsigned(width("connection")).into(),
                doc.into(),
            ));
        }
        parts.extend(members(command).into_iter().map(|m| (m.name, m.ty, m.doc)));
        variant(
            text,
            &command.name,
            &format!("{}{reserved}", command.doc),
            &parts,
        );
    }
    line!(text, "}}\n");

    line!(text, "impl Command {{");
    line!(text, "    /// The opcode, as it stands in word 0.");
    line!(text, "    pub const fn opcode(&self) -> u8 {{");
    line!(text, "        match self {{");
    for command in &map.commands {
        let fields = if command.connection || !command.words.is_empty() {
            " { .. }"
        } else {
            ""
        };
        line!(
            text,
            "            Command::{}{fields} => {},",
            camel(&command.name),
            command.opcode
        );
    }
    line!(text, "        }}\n    }}\n");
    line!(
        text,
        "    /// How many words, from word 0 on, the command has a use for; word 7 is written in any case."
    );
    line!(text, "    pub const fn words_used(&self) -> usize {{");
    line!(text, "        match self {{");
    for command in &map.commands {
        let last = command.words.iter().map(|word| word.word).max();
        let fields = if command.connection || last.is_some() {
            " { .. }"
        } else {
            ""
        };
        line!(
            text,
            "            Command::{}{fields} => {},",
            camel(&command.name),
            last.unwrap_or(0) + 1
        );
    }
    line!(text, "        }}\n    }}\n");
    line!(
        text,
        "    /// The eight words of the command window. Word 7 is written last, and commits them; of the others,"
    );
    line!(
        text,
        "    /// those from [`Command::words_used`] on need not be written."
    );
    line!(text, "    pub fn words(&self) -> [u32; 8] {{");
    line!(text, "        let mut words = [0; 8];");
    line!(
        text,
        "        put(&mut words, {}, self.opcode().into());",
        low("opcode")
    );
    line!(text, "        match *self {{");
    for command in &map.commands {
        let members = members(command);
        let mut names: Vec<String> = members.iter().map(|m| m.name.clone()).collect();
        if command.connection {
            names.insert(0, "connection".into());
        }
        let path = format!("Command::{}", camel(&command.name));
        braces(text, 12, &path, &names, " => {");
        if command.connection {
            line!(
                text,
                "                put(&mut words, {}, connection.into());",
                low("connection")
            );
        }
        for member in &members {
            let row = member.operands.len() > 1;
            for (index, operand) in member.operands.iter().enumerate() {
                let index = if row {
                    format!("[{index}]")
                } else {
                    String::new()
                };
                let into = if member.ty == "u64" { "" } else { ".into()" };
                line!(
                    text,
                    "                put(&mut words, {}, {}{index}{into});",
                    operand.low,
                    member.name
                );
            }
        }
        line!(text, "            }}");
    }
    line!(text, "        }}\n        words\n    }}\n");

    line!(
        text,
        "    /// The command that the words hold; `None` for an unknown opcode."
    );
    line!(
        text,
        "    pub fn from_words(words: &[u32; 8]) -> Option<Command> {{"
    );
    line!(
        text,
        "        Some(match get(words, {}, {}) {{",
        low("opcode"),
        width("opcode")
    );
    for command in &map.commands {
        let mut items = Vec::new();
        if command.connection {
            let value = format!("get(words, {}, {})", low("connection"), width("connection"));
            items.push(format!(
                "connection: {}",
                narrowed(unsigned(width("connection")), &value)
            ));
        }
        let mut rows = Vec::new();
        for member in members(command) {
            if member.operands.len() > 1 {
                rows.push((member.name.clone(), member.operands));
                items.push(member.name);
            } else {
                let operand = &member.operands[0];
                let value = format!("get(words, {}, {})", operand.low, operand.width);
                items.push(format!("{}: {}", member.name, narrowed(&member.ty, &value)));
            }
        }
        let path = format!("Command::{}", camel(&command.name));
        if rows.is_empty() {
            braces(
                text,
                12,
                &format!("{} => {path}", command.opcode),
                &items,
                ",",
            );
            continue;
        }
        line!(text, "            {} => {{", command.opcode);
        for (name, operands) in rows {
            let ats: Vec<String> = operands.iter().map(|o| (o.low / 32).to_string()).collect();
            line!(
                text,
                "                let {name} = [{}].map(|at| words[at]);",
                ats.join(", ")
            );
        }
        braces(text, 16, &path, &items, "");
        line!(text, "            }}");
    }
    line!(text, "            _ => return None,");
    line!(text, "        }})\n    }}\n}}\n");
    text.push_str(PUT_GET);
}

const PUT_GET: &str = "\
/// Puts a value at a bit of the command's 256; at most two words are touched.
fn put(words: &mut [u32; 8], low: usize, value: u64) {
    words[low / 32] |= (value << (low % 32)) as u32;
    if low % 32 == 0 && low / 32 < 7 {
        words[low / 32 + 1] |= (value >> 32) as u32;
    }
}

/// The value of up to 64 bits at a bit of the command's 256.
fn get(words: &[u32; 8], low: usize, bits: usize) -> u64 {
    let high = words.get(low / 32 + 1).copied().unwrap_or(0);
    let both = u64::from(high) << 32 | u64::from(words[low / 32]);
    (both >> (low % 32)) & (u64::MAX >> (64 - bits))
}

";

/// A match arm of a string, broken where rustfmt breaks it.
pub(crate) fn arm(text: &mut String, indent: usize, pattern: &str, expression: &str) {
    let pad = " ".repeat(indent);
    let short = format!("{pad}{pattern} => {expression},");
    if short.chars().count() <= 100 {
        line!(text, "{short}");
    } else {
        line!(text, "{pad}{pattern} => {{\n{pad}    {expression}\n{pad}}}");
    }
}

fn counters(text: &mut String, map: &Map) {
    let list = &map.counters.list;
    line!(text, "/// A counter of the adapter: 32 bits, wrapping.");
    line!(
        text,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]"
    );
    line!(text, "pub enum Counter {{");
    for counter in list {
        line!(text, "    /// {}", counter.doc);
        line!(text, "    {},", camel(&counter.name));
    }
    line!(text, "}}\n");
    line!(text, "impl Counter {{");
    line!(
        text,
        "    /// All counters, in the order of their registers."
    );
    line!(text, "    pub const ALL: [Counter; {}] = [", list.len());
    for counter in list {
        line!(text, "        Counter::{},", camel(&counter.name));
    }
    line!(text, "    ];\n");
    line!(text, "    /// Byte offset of its register.");
    line!(text, "    pub const fn offset(self) -> u32 {{");
    line!(text, "        offset::COUNTER + 4 * self as u32\n    }}\n");
    for (function, doc, says) in [
        ("name", "Its name in the map.", false),
        ("describe", "What it counts, in one sentence.", true),
    ] {
        line!(text, "    /// {doc}");
        line!(text, "    pub const fn {function}(self) -> &'static str {{");
        line!(text, "        match self {{");
        for counter in list {
            let value = if says { &counter.doc } else { &counter.name };
            arm(
                text,
                12,
                &format!("Counter::{}", camel(&counter.name)),
                &format!("{value:?}"),
            );
        }
        line!(text, "        }}\n    }}");
        if !says {
            text.push('\n');
        }
    }
    line!(text, "}}");
}
