//! What may come next, and what must.

use std::fmt;

use toe_driver::registers::{Refusal, ReturnReason, StateField};

use super::violation::Behaviour;

/// A step that the adapter may take on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum May {
    /// `offloaded`.
    Answer,
    /// `indicate_data` of at most so many bytes.
    Indicate(u64),
    /// `named_buffer_accepted` that skips so many bytes.
    Accept(u32),
    /// Bytes of a Named Buffer at this address, at most so many before the next page.
    Place(u64, u64),
    /// `named_buffer_returned` of this request with so many bytes.
    Return(u16, u64, ReturnReason),
    /// `command_refused` of this opcode; `None`: any reason that fits.
    Refuse(u8, Option<Refusal>),
    /// `peer_closed`.
    Close,
    /// `peer_reset`.
    Reset,
    /// `upload_data` of at most so many bytes.
    HandBack(u64),
    /// `state` with this field.
    Tell(StateField),
    /// `uploaded`.
    Uploaded,
}

/// When a duty is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Before everything rests: no command under way, no bus stalled, nothing that moves.
    AtRest,
    /// At this cycle.
    By(u64),
}

/// A step that must be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The behaviour that asks for it.
    pub behaviour: Behaviour,
    /// When.
    pub due: Due,
    /// What must happen.
    pub what: &'static str,
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.due {
            Due::AtRest => write!(f, "{}: {}", self.behaviour, self.what),
            Due::By(cycle) => write!(f, "{}: {} by cycle {cycle}", self.behaviour, self.what),
        }
    }
}

impl Duty {
    pub(super) fn new(behaviour: u8, due: Due, what: &'static str) -> Self {
        let behaviour = Behaviour(behaviour);
        Duty {
            behaviour,
            due,
            what,
        }
    }
}

/// The answer to a step that is allowed.
///
/// While commands are under way more than one history explains what was seen; `may` is what any of them allows, `must` what all
/// of them ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// What may come next on the connection.
    pub may: Vec<May>,
    /// What must come.
    pub must: Vec<Duty>,
}
