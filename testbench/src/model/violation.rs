//! What a broken behaviour is called.

use std::fmt;

/// The number of a behaviour; displays as "B8".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Behaviour(pub u8);

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "B{}", self.0)
    }
}

/// A step that no behaviour allows, or a duty that was not done in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{behaviour}: cycle {cycle}: {}{what}", .connection.map_or(String::new(), |number| format!("connection {number}: ")))]
pub struct Violation {
    /// The behaviour that is broken.
    pub behaviour: Behaviour,
    /// When, in cycles of the adapter's clock.
    pub cycle: u64,
    /// On which connection, where it is the matter of one.
    pub connection: Option<u16>,
    /// What was seen, and what should have been, with the numbers.
    pub what: String,
}

/// A violation whose place and time are not filled in yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub behaviour: Behaviour,
    pub what: String,
    /// How far the step came: the line of the rule that it broke, 0 when no rule was for it.
    pub rank: u32,
}

impl Broken {
    pub fn new(behaviour: u8, what: String) -> Self {
        Broken {
            behaviour: Behaviour(behaviour),
            what,
            rank: 0,
        }
    }

    pub fn ranked(self, rank: u32) -> Self {
        Broken { rank, ..self }
    }

    pub fn at(self, cycle: u64, connection: Option<u16>) -> Violation {
        Violation {
            behaviour: self.behaviour,
            cycle,
            connection,
            what: self.what,
        }
    }
}

/// What one rule says of one step.
pub(super) type Verdict = Result<(), Broken>;

/// A step that nothing allows.
pub(super) fn broken<T>(behaviour: u8, what: String) -> Result<T, Broken> {
    Err(Broken::new(behaviour, what))
}

/// States a rule: of those of one step, what depends on commands under way comes first. Its behaviour, the condition that must hold, and the words for when it does not.
macro_rules! rule {
    ($behaviour:expr, $holds:expr, $($what:tt)+) => {
        if !$holds {
            let broken = $crate::model::violation::Broken::new($behaviour, format!($($what)+));
            return Err(broken.ranked(line!()));
        }
    };
}
pub(super) use rule;
