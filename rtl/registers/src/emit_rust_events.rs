//! The driver's view of enumerations and events.

use std::fmt::Write as _;

use crate::camel;
use crate::emit_rust::{arm, braces, line, narrowed, unsigned, variant};
use crate::map::{Event, Field, Map};

fn event_members(map: &Map, event: &Event) -> Vec<(Field, String)> {
    event
        .all_fields(&map.event_header)
        .into_iter()
        .map(|field| {
            let ty = match &field.enumeration {
                Some(name) => camel(name),
                None => unsigned(field.width()).to_string(),
            };
            (field.clone(), ty)
        })
        .collect()
}

pub(crate) fn events(text: &mut String, map: &Map) {
    for enumeration in &map.enums {
        let name = camel(&enumeration.name);
        line!(text, "/// {}", enumeration.doc);
        line!(text, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]");
        line!(text, "pub enum {name} {{");
        for value in &enumeration.values {
            line!(text, "    /// {}", value.doc);
            line!(text, "    {} = {},", camel(&value.name), value.value);
        }
        line!(text, "}}\n");
        line!(text, "impl {name} {{");
        line!(
            text,
            "    /// The value that the bits stand for, if they stand for one."
        );
        line!(
            text,
            "    pub const fn from_bits(bits: u32) -> Option<Self> {{"
        );
        line!(text, "        Some(match bits {{");
        for value in &enumeration.values {
            line!(
                text,
                "            {} => {name}::{},",
                value.value,
                camel(&value.name)
            );
        }
        line!(text, "            _ => return None,");
        line!(text, "        }})\n    }}\n}}\n");
        line!(text, "impl fmt::Display for {name} {{");
        line!(
            text,
            "    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{"
        );
        line!(text, "        f.write_str(match self {{");
        for value in &enumeration.values {
            let says = value.doc.trim_end_matches('.').to_string();
            arm(
                text,
                12,
                &format!("{name}::{}", camel(&value.name)),
                &format!("{says:?}"),
            );
        }
        line!(text, "        }})\n    }}\n}}\n");
    }
    line!(
        text,
        "/// An event, without its phase and its count of commands taken."
    );
    line!(text, "///");
    line!(
        text,
        "/// Events that this adapter never writes are not in the list."
    );
    line!(text, "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]");
    line!(text, "pub enum Event {{");
    let written: Vec<&Event> = map.events.iter().filter(|event| !event.reserved).collect();
    for event in &written {
        let parts: Vec<_> = event_members(map, event)
            .into_iter()
            .map(|(field, ty)| (field.name, ty, field.doc))
            .collect();
        variant(text, &event.name, &event.doc, &parts);
    }
    line!(text, "}}\n");
    text.push_str(EVENT_ERROR);
    let header = |name: &str| map.event_header.fields.iter().find(|f| f.name == name);
    let low = |name: &str| header(name).map_or(0, |f| f.bits[1]);
    let width = |name: &str| header(name).map_or(1, Field::width);
    line!(text, "impl TryFrom<u64> for Event {{");
    line!(text, "    type Error = EventError;\n");
    line!(
        text,
        "    fn try_from(word: u64) -> Result<Self, EventError> {{"
    );
    line!(
        text,
        "        Ok(match bits(word, {}, {}) {{",
        low("kind"),
        width("kind")
    );
    for event in &written {
        let mut items = Vec::new();
        let mut checked = Vec::new();
        for (field, ty) in event_members(map, event) {
            let value = format!("bits(word, {}, {})", field.bits[1], field.width());
            if field.enumeration.is_some() {
                let name = &field.name;
                checked.push(format!("let {name} = {value};"));
                checked.push(format!(
                    "let {name} = {ty}::from_bits({name}).ok_or(EventError::Value {{"
                ));
                checked.push(format!("    event: {:?},", event.name));
                checked.push(format!("    field: {:?},", field.name));
                checked.push(format!("    value: {name},"));
                checked.push("})?;".into());
                items.push(field.name);
            } else if ty == "u32" {
                items.push(format!("{}: {value}", field.name));
            } else {
                items.push(format!("{}: {}", field.name, narrowed(&ty, &value)));
            }
        }
        let path = format!("Event::{}", camel(&event.name));
        if checked.is_empty() {
            braces(text, 12, &format!("{} => {path}", event.kind), &items, ",");
            continue;
        }
        line!(text, "            {} => {{", event.kind);
        for text_line in checked {
            line!(text, "                {text_line}");
        }
        braces(text, 16, &path, &items, "");
        line!(text, "            }}");
    }
    line!(
        text,
        "            kind => return Err(EventError::Kind {{ kind }}),"
    );
    line!(text, "        }})\n    }}\n}}\n");
    line!(text, "impl From<Event> for u64 {{");
    line!(
        text,
        "    /// The event's word with phase 0 and no commands taken."
    );
    line!(text, "    fn from(event: Event) -> u64 {{");
    line!(text, "        match event {{");
    for event in &written {
        let fields = event_members(map, event);
        let names: Vec<String> = fields.iter().map(|(field, _)| field.name.clone()).collect();
        let mut parts = vec![format!("at({}, {})", event.kind, low("kind"))];
        for (field, _) in &fields {
            let cast = if field.enumeration.is_some() {
                " as u64"
            } else {
                ".into()"
            };
            parts.push(format!("at({}{cast}, {})", field.name, field.bits[1]));
        }
        let path = format!("Event::{}", camel(&event.name));
        let sum = parts.join(" | ");
        braces(text, 12, &path, &names, " => {");
        line!(text, "                let word = {};", parts[0]);
        for part in &parts[1..] {
            line!(text, "                let word = word | {part};");
        }
        let _ = sum;
        line!(text, "                word\n            }}");
    }
    line!(text, "        }}\n    }}\n}}\n");
    line!(
        text,
        "/// The phase of an event's word: true in the first turn of the ring, then it flips with every turn."
    );
    line!(text, "pub const fn event_phase(word: u64) -> bool {{");
    line!(
        text,
        "    bits(word, {}, {}) != 0\n}}\n",
        low("phase"),
        width("phase")
    );
    line!(
        text,
        "/// Low bits of [`offset::COMMANDS_TAKEN`] at the time that the event was written."
    );
    line!(
        text,
        "pub const fn event_commands_taken(word: u64) -> u8 {{"
    );
    line!(
        text,
        "    bits(word, {}, {}) as u8\n}}\n",
        low("taken"),
        width("taken")
    );
    line!(
        text,
        "/// The word with its phase and its count of commands taken set, as the adapter writes it."
    );
    line!(
        text,
        "pub const fn event_stamped(word: u64, phase: bool, commands_taken: u8) -> u64 {{"
    );
    line!(
        text,
        "    word | at(phase as u64, {}) | at(commands_taken as u64, {})\n}}\n",
        low("phase"),
        low("taken")
    );
    text.push_str(BITS);
}

const EVENT_ERROR: &str = "\
/// A word in the event ring that no adapter of this map writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventError {
    /// The kind is unknown or reserved.
    Kind {
        /// The kind.
        kind: u32,
    },
    /// A field holds a value that has no meaning.
    Value {
        /// Name of the event.
        event: &'static str,
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        value: u32,
    },
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventError::Kind { kind } => write!(f, \"the event kind {kind} is unknown\"),
            EventError::Value {
                event,
                field,
                value,
            } => write!(f, \"{value} has no meaning as {field} of the event {event}\"),
        }
    }
}

impl std::error::Error for EventError {}

";

const BITS: &str = "\
/// Up to 32 bits of an event's word.
const fn bits(word: u64, low: u32, width: u32) -> u32 {
    ((word >> low) & (u64::MAX >> (64 - width))) as u32
}

/// A value at its place in an event's word.
const fn at(value: u64, low: u32) -> u64 {
    value << low
}

";
