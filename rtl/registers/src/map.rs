//! The map as read from its file, and the rules that it must keep.

use serde::Deserialize;
use std::collections::HashSet;
use std::fmt;

/// Why a map is refused: one line that names the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapError {
    /// The entry, such as ``command `offload` ``, or the line of the file.
    pub entry: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry, self.reason)
    }
}

impl std::error::Error for MapError {}

/// Builds the error of an entry.
pub(crate) fn fault<T>(entry: impl Into<String>, reason: impl Into<String>) -> Result<T, MapError> {
    Err(MapError {
        entry: entry.into(),
        reason: reason.into(),
    })
}

/// The whole map.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// What the adapter says of itself.
    pub adapter: Adapter,
    /// Registers, in order of their offsets.
    #[serde(rename = "register")]
    pub registers: Vec<Register>,
    /// Word 0 of every command.
    pub command_header: Header,
    /// Commands.
    #[serde(rename = "command")]
    pub commands: Vec<Command>,
    /// Fields that any event may use.
    pub event_header: Header,
    /// Events.
    #[serde(rename = "event")]
    pub events: Vec<Event>,
    /// Enumerations that stand in events.
    #[serde(rename = "enum")]
    pub enums: Vec<Enumeration>,
    /// Counters.
    pub counters: Counters,
    /// Bundles between the modules of the adapter.
    #[serde(rename = "bundle")]
    pub bundles: Vec<Bundle>,
}

/// What the adapter says of itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// Answer of the register `identity`.
    pub identity: u32,
    /// Answer of the register `version`.
    pub version: u32,
    /// Width of a byte address.
    pub address_bits: u32,
    /// Commands that may wait.
    pub command_queue_depth: u32,
}

/// What the driver may do with a register.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
    /// Write only; reading is refused.
    Wo,
}

/// A register, or `count` of them one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Name, in snake case.
    pub name: String,
    /// Byte offset of the first.
    pub offset: u32,
    /// What the driver may do.
    pub access: Access,
    /// Value after reset.
    pub reset: Option<u32>,
    /// How many stand one after the other.
    #[serde(default = "one")]
    pub count: u32,
    /// What it means.
    pub doc: String,
    /// Its parts.
    #[serde(default)]
    pub fields: Vec<Field>,
}

fn one() -> u32 {
    1
}

/// A range of bits with a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name, in snake case.
    pub name: String,
    /// Highest and lowest bit.
    pub bits: [u32; 2],
    /// True for a second view of bits that other fields name too.
    #[serde(default)]
    pub overlaps: bool,
    /// Name of the enumeration of its values.
    #[serde(rename = "enum")]
    pub enumeration: Option<String>,
    /// What it means.
    pub doc: String,
}

impl Field {
    /// How many bits.
    pub fn width(&self) -> u32 {
        self.bits[0] - self.bits[1] + 1
    }
}

/// The fields that every entry of a table shares.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The fields.
    pub fields: Vec<Field>,
}

/// A command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Name, in snake case.
    pub name: String,
    /// Opcode.
    pub opcode: u32,
    /// True when it names a connection.
    #[serde(default)]
    pub connection: bool,
    /// True when this adapter refuses it.
    #[serde(default)]
    pub reserved: bool,
    /// What it does.
    pub doc: String,
    /// Its operands.
    pub words: Vec<Word>,
}

/// An operand of a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// Word of the command that holds it, 1 to 7.
    pub word: u32,
    /// Name, in snake case.
    pub name: String,
    /// Highest and lowest bit in the word; the whole word without.
    #[serde(default = "whole_word")]
    pub bits: [u32; 2],
    /// What it means.
    pub doc: String,
}

fn whole_word() -> [u32; 2] {
    [31, 0]
}

/// An operand as its users see it: `x_low` and `x_high` are one `x` of 64 bits.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Name, in snake case.
    pub name: String,
    /// Lowest bit of the 256-bit command.
    pub low: u32,
    /// How many bits.
    pub width: u32,
    /// What it means.
    pub doc: String,
}

impl Command {
    /// The operands in order, with halves joined.
    pub fn operands(&self) -> Vec<Operand> {
        let mut operands: Vec<Operand> = Vec::new();
        for word in &self.words {
            let low = word.word * 32 + word.bits[1];
            let width = word.bits[0] - word.bits[1] + 1;
            if let (Some(stem), Some(last)) = (word.name.strip_suffix("_high"), operands.last_mut())
                && last.name.strip_suffix("_low") == Some(stem)
                && last.low + last.width == low
            {
                last.name = stem.to_string();
                last.width += width;
                last.doc = last.doc.replace(", bits 31 to 0", "");
                continue;
            }
            operands.push(Operand {
                name: word.name.clone(),
                low,
                width,
                doc: word.doc.clone(),
            });
        }
        operands
    }
}

/// An event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Name, in snake case.
    pub name: String,
    /// Value of the header's field `kind`.
    pub kind: u32,
    /// True when this adapter never writes it.
    #[serde(default)]
    pub reserved: bool,
    /// What it says.
    pub doc: String,
    /// Fields of the header that it uses.
    #[serde(default)]
    pub carries: Vec<String>,
    /// Fields of its own.
    #[serde(default)]
    pub fields: Vec<Field>,
}

impl Event {
    /// Every field: those of the header first.
    pub fn all_fields<'a>(&'a self, header: &'a Header) -> Vec<&'a Field> {
        let carried = self
            .carries
            .iter()
            .filter_map(|name| header.fields.iter().find(|field| field.name == *name));
        carried.chain(&self.fields).collect()
    }
}

/// An enumeration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enumeration {
    /// Name, in snake case.
    pub name: String,
    /// Width of its values in the RTL.
    pub bits: u32,
    /// What it says.
    pub doc: String,
    /// The values.
    pub values: Vec<Value>,
}

/// A value of an enumeration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Name, in snake case.
    pub name: String,
    /// The number that stands for it.
    pub value: u32,
    /// What it means.
    pub doc: String,
}

/// The counters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// In order of their numbers.
    pub list: Vec<Counter>,
}

/// A counter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// Name, in snake case.
    pub name: String,
    /// What it counts.
    pub doc: String,
}

/// Fields that travel together in one vector.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Name, in snake case.
    pub name: String,
    /// What it says.
    pub doc: String,
    /// The fields from bit 0 upwards.
    pub fields: Vec<BundleField>,
}

impl Bundle {
    /// How many bits.
    pub fn width(&self) -> u32 {
        self.fields.iter().map(|field| field.bits).sum()
    }

    /// The fields, each with its lowest bit.
    pub fn placed(&self) -> impl Iterator<Item = (u32, &BundleField)> {
        self.fields.iter().scan(0, |low, field| {
            let at = *low;
            *low += field.bits;
            Some((at, field))
        })
    }
}

/// A field of a bundle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleField {
    /// Name, in snake case.
    pub name: String,
    /// How many bits.
    pub bits: u32,
    /// What it means.
    pub doc: String,
    /// Its values, where they have names.
    #[serde(default)]
    pub values: Vec<Value>,
}

impl Map {
    /// Reads a map and checks every rule.
    pub fn parse(text: &str) -> Result<Map, MapError> {
        let map: Map = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            MapError {
                entry: format!("line {line}"),
                reason: error.message().replace('\n', " "),
            }
        })?;
        map.check()?;
        Ok(map)
    }

    fn check(&self) -> Result<(), MapError> {
        self.check_registers()?;
        self.check_commands()?;
        self.check_events()?;
        for enumeration in &self.enums {
            let entry = format!("enum `{}`", enumeration.name);
            check_width(&entry, enumeration.bits, 32)?;
            check_values(&entry, enumeration.bits, &enumeration.values)?;
        }
        unique("enum", self.enums.iter().map(|e| &e.name))?;
        unique("counter", self.counters.list.iter().map(|c| &c.name))?;
        let room = self.registers.iter().find(|r| r.name == "counter");
        let counters = self.counters.list.len();
        if room.is_none_or(|r| (r.count as usize) < counters) {
            return fault(
                "counters",
                format!("register `counter` has no room for {counters}"),
            );
        }
        unique("bundle", self.bundles.iter().map(|b| &b.name))?;
        for bundle in &self.bundles {
            let entry = format!("bundle `{}`", bundle.name);
            unique(
                &format!("{entry} field"),
                bundle.fields.iter().map(|f| &f.name),
            )?;
            for field in &bundle.fields {
                let entry = format!("{entry} field `{}`", field.name);
                check_width(&entry, field.bits, 64)?;
                check_values(&entry, field.bits, &field.values)?;
            }
        }
        Ok(())
    }

    fn check_registers(&self) -> Result<(), MapError> {
        unique("register", self.registers.iter().map(|r| &r.name))?;
        check_width("adapter `address_bits`", self.adapter.address_bits, 32)?;
        let space = 1u64 << self.adapter.address_bits;
        for (index, register) in self.registers.iter().enumerate() {
            let entry = format!("register `{}`", register.name);
            if register.offset % 4 != 0 {
                return fault(entry, "offset is not a multiple of 4");
            }
            if register.count == 0 {
                return fault(entry, "count is 0");
            }
            if span(register).end > space {
                return fault(entry, format!("lies beyond the {space} bytes of the port"));
            }
            for other in &self.registers[..index] {
                let (mine, theirs) = (span(register), span(other));
                if mine.start < theirs.end && theirs.start < mine.end {
                    return fault(entry, format!("overlaps register `{}`", other.name));
                }
            }
            if register.reset.is_some() != (register.access == Access::Rw) {
                return fault(entry, "`reset` goes with access `rw` and with no other");
            }
            check_fields(&entry, &register.fields, 32)?;
        }
        Ok(())
    }

    fn check_commands(&self) -> Result<(), MapError> {
        unique("command", self.commands.iter().map(|c| &c.name))?;
        check_fields("command_header", &self.command_header.fields, 32)?;
        for (index, command) in self.commands.iter().enumerate() {
            let entry = format!("command `{}`", command.name);
            if !(1..256).contains(&command.opcode) {
                return fault(entry, format!("opcode {} is not 1 to 255", command.opcode));
            }
            if let Some(other) = self.commands[..index]
                .iter()
                .find(|other| other.opcode == command.opcode)
            {
                return fault(
                    entry,
                    format!("opcode {} is that of `{}`", command.opcode, other.name),
                );
            }
            let mut fields = Vec::new();
            for word in &command.words {
                if !(1..8).contains(&word.word) {
                    return fault(
                        format!("{entry} operand `{}`", word.name),
                        format!("word {} is not 1 to 7", word.word),
                    );
                }
                check_range(&format!("{entry} operand `{}`", word.name), word.bits, 32)?;
                fields.push(Field {
                    name: word.name.clone(),
                    bits: word.bits.map(|bit| word.word * 32 + bit),
                    overlaps: false,
                    enumeration: None,
                    doc: word.doc.clone(),
                });
            }
            check_fields(&entry, &fields, 256)?;
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), MapError> {
        unique("event", self.events.iter().map(|e| &e.name))?;
        check_fields("event_header", &self.event_header.fields, 64)?;
        for name in ["kind", "taken", "phase"] {
            if !self
                .event_header
                .fields
                .iter()
                .any(|field| field.name == name)
            {
                return fault("event_header", format!("has no field `{name}`"));
            }
        }
        for (index, event) in self.events.iter().enumerate() {
            let entry = format!("event `{}`", event.name);
            let kind = self.event_header.fields.iter().find(|f| f.name == "kind");
            if kind.is_some_and(|kind| u64::from(event.kind) >> kind.width() != 0) {
                return fault(
                    entry,
                    format!("kind {} is too large for its field", event.kind),
                );
            }
            if let Some(other) = self.events[..index].iter().find(|o| o.kind == event.kind) {
                return fault(
                    entry,
                    format!("kind {} is that of `{}`", event.kind, other.name),
                );
            }
            for name in &event.carries {
                if !self
                    .event_header
                    .fields
                    .iter()
                    .any(|field| field.name == *name)
                {
                    return fault(
                        entry,
                        format!("carries `{name}`, which event_header does not have"),
                    );
                }
            }
            let mut fields: Vec<Field> = event
                .all_fields(&self.event_header)
                .into_iter()
                .cloned()
                .collect();
            for field in &self.event_header.fields {
                if ["kind", "taken", "phase"].contains(&field.name.as_str()) {
                    fields.push(field.clone());
                }
            }
            for field in &mut fields {
                field.overlaps = false;
                if let Some(name) = &field.enumeration
                    && !self
                        .enums
                        .iter()
                        .any(|e| e.name == *name && e.bits <= field.width())
                {
                    return fault(
                        format!("{entry} field `{}`", field.name),
                        format!("enum `{name}` is not there or does not fit"),
                    );
                }
            }
            check_fields(&entry, &fields, 64)?;
        }
        Ok(())
    }
}

fn span(register: &Register) -> std::ops::Range<u64> {
    let start = u64::from(register.offset);
    start..start + 4 * u64::from(register.count)
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), MapError> {
    let mut seen = HashSet::new();
    for name in names {
        let entry = format!("{what} `{name}`");
        let snake = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !snake {
            return fault(entry, "the name is not in snake case");
        }
        if !seen.insert(name) {
            return fault(entry, "the name stands twice");
        }
    }
    Ok(())
}

fn check_range(entry: &str, [high, low]: [u32; 2], width: u32) -> Result<(), MapError> {
    if high < low {
        return fault(entry, format!("bits [{high}, {low}] are not [high, low]"));
    }
    if high >= width {
        return fault(entry, format!("bit {high} lies beyond the {width} bits"));
    }
    Ok(())
}

fn check_fields(entry: &str, fields: &[Field], width: u32) -> Result<(), MapError> {
    unique(&format!("{entry} field"), fields.iter().map(|f| &f.name))?;
    for (index, field) in fields.iter().enumerate() {
        let entry = format!("{entry} field `{}`", field.name);
        check_range(&entry, field.bits, width)?;
        for other in &fields[..index] {
            let apart = field.bits[0] < other.bits[1] || other.bits[0] < field.bits[1];
            if !apart && !field.overlaps && !other.overlaps {
                return fault(entry, format!("overlaps `{}`", other.name));
            }
        }
    }
    Ok(())
}

fn check_width(entry: &str, bits: u32, most: u32) -> Result<(), MapError> {
    if (1..=most).contains(&bits) {
        Ok(())
    } else {
        fault(entry, format!("{bits} bits are not 1 to {most}"))
    }
}

fn check_values(entry: &str, bits: u32, values: &[Value]) -> Result<(), MapError> {
    unique(&format!("{entry} value"), values.iter().map(|v| &v.name))?;
    for (index, value) in values.iter().enumerate() {
        let entry = format!("{entry} value `{}`", value.name);
        if u64::from(value.value) >> bits != 0 {
            return fault(entry, format!("{} does not fit {bits} bits", value.value));
        }
        if let Some(other) = values[..index].iter().find(|o| o.value == value.value) {
            return fault(
                entry,
                format!("{} is the value of `{}`", value.value, other.name),
            );
        }
    }
    Ok(())
}
