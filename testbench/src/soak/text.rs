//! Scripts as text: one operation a line, `#` begins a comment.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

use super::script::{Bus, Operation, Script, ScriptSettings};

/// A line that is no part of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScriptError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bus::Network => "network",
            Bus::Memory => "memory",
            Bus::Answers => "answers",
            Bus::Registers => "registers",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |push: &bool| if *push { " push" } else { "" };
        match self {
            Operation::Offload { connection, window } => write!(f, "offload {connection} {window}"),
            Operation::Segment {
                connection,
                distance,
                bytes,
                push,
            } => write!(f, "segment {connection} {distance:+} {bytes}{}", word(push)),
            Operation::Fin { connection } => write!(f, "fin {connection}"),
            Operation::Reset { connection } => write!(f, "reset {connection}"),
            Operation::Post {
                connection,
                bytes,
                align,
                pages,
                push,
            } => write!(f, "post {connection} {bytes} {align} {pages}{}", word(push)),
            Operation::Cancel { connection, nth } => write!(f, "cancel {connection} {nth}"),
            Operation::Accept { connection, bytes } => write!(f, "accept {connection} {bytes}"),
            Operation::Decline { connection } => write!(f, "decline {connection}"),
            Operation::Window { connection, bytes } => write!(f, "window {connection} {bytes}"),
            Operation::Upload { connection } => write!(f, "upload {connection}"),
            Operation::Stall { bus, cycles } => write!(f, "stall {bus} {cycles}"),
            Operation::Wait { cycles } => write!(f, "wait {cycles}"),
            Operation::Rest => f.write_str("rest"),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        writeln!(f, "seed {}", self.seed)?;
        writeln!(
            f,
            "settings {} {} {} {}{} # window, Anonymous Buffer, Push Timer, acknowledge at",
            settings.window,
            settings.anonymous,
            settings.push_timer,
            settings.acknowledge,
            if settings.large { " large" } else { "" }
        )?;
        self.operations
            .iter()
            .try_for_each(|operation| writeln!(f, "{operation}"))
    }
}

/// The words of one line.
struct Words<'a>(SplitWhitespace<'a>);

impl Words<'_> {
    fn number<T: FromStr>(&mut self, name: &str) -> Result<T, String> {
        let word = self.0.next().ok_or(format!("{name} is missing"))?;
        word.parse().map_err(|_| format!("{word} is no {name}"))
    }

    /// Whether the word stands there, which may.
    fn flag(&mut self, flag: &str) -> Result<bool, String> {
        match self.0.next() {
            None => Ok(false),
            Some(word) if word == flag => Ok(true),
            Some(word) => Err(format!("{word} where {flag} may stand")),
        }
    }

    fn bus(&mut self) -> Result<Bus, String> {
        match self.0.next() {
            Some("network") => Ok(Bus::Network),
            Some("memory") => Ok(Bus::Memory),
            Some("answers") => Ok(Bus::Answers),
            Some("registers") => Ok(Bus::Registers),
            word => Err(format!("{word:?} is no bus")),
        }
    }

    fn operation(&mut self, verb: &str) -> Result<Operation, String> {
        Ok(match verb {
            "offload" => Operation::Offload {
                connection: self.number("connection")?,
                window: self.number("window")?,
            },
            "segment" => Operation::Segment {
                connection: self.number("connection")?,
                distance: self.number("distance")?,
                bytes: self.number("length")?,
                push: self.flag("push")?,
            },
            "fin" => Operation::Fin {
                connection: self.number("connection")?,
            },
            "reset" => Operation::Reset {
                connection: self.number("connection")?,
            },
            "post" => Operation::Post {
                connection: self.number("connection")?,
                bytes: self.number("size")?,
                align: self.number("alignment")?,
                pages: self.number("number of pages")?,
                push: self.flag("push")?,
            },
            "cancel" => Operation::Cancel {
                connection: self.number("connection")?,
                nth: self.number("request")?,
            },
            "accept" => Operation::Accept {
                connection: self.number("connection")?,
                bytes: self.number("length")?,
            },
            "decline" => Operation::Decline {
                connection: self.number("connection")?,
            },
            "window" => Operation::Window {
                connection: self.number("connection")?,
                bytes: self.number("window")?,
            },
            "upload" => Operation::Upload {
                connection: self.number("connection")?,
            },
            "stall" => Operation::Stall {
                bus: self.bus()?,
                cycles: self.number("number of cycles")?,
            },
            "wait" => Operation::Wait {
                cycles: self.number("number of cycles")?,
            },
            "rest" => Operation::Rest,
            _ => return Err(format!("{verb} is no operation")),
        })
    }
}

impl Script {
    fn line(&mut self, verb: &str, words: &mut Words) -> Result<(), String> {
        match verb {
            "seed" => self.seed = words.number("seed")?,
            "settings" => {
                self.settings = ScriptSettings {
                    window: words.number("window")?,
                    anonymous: words.number("size of an Anonymous Buffer")?,
                    push_timer: words.number("Push Timer")?,
                    acknowledge: words.number("acknowledgement")?,
                    large: words.flag("large")?,
                };
            }
            _ => self.operations.push(words.operation(verb)?),
        }
        match words.0.next() {
            Some(word) => Err(format!("{word} is too much")),
            None => Ok(()),
        }
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Script {
            seed: 0,
            settings: ScriptSettings::default(),
            operations: Vec::new(),
        };
        for (at, line) in text.lines().enumerate() {
            let said = line.split('#').next().unwrap_or_default();
            let mut words = Words(said.split_whitespace());
            let Some(verb) = words.0.next() else { continue };
            let line = at + 1;
            let read = script.line(verb, &mut words);
            read.map_err(|what| ScriptError { line, what })?;
        }
        Ok(script)
    }
}
