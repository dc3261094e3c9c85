//! Mutation tests: rules of the system broken on purpose, one at a time, and the tests that must notice.
//!
//! `testbench/mutants/mutants.toml` is the table. [`Campaign`] copies the tree to a folder of its own, sees that the tests pass
//! there, and then makes each mutation, builds what it touches, runs its tests, and takes it back.

mod campaign;
mod scratch;
mod table;

pub use campaign::{Campaign, Outcome, Verdict};
pub use table::{Mutation, Table, TestName};

use std::path::PathBuf;

/// Why the mutants could not be run.
#[derive(Debug, thiserror::Error)]
pub enum MutantsError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The table is no table.
    #[error("{path}: {error}")]
    Table {
        /// The table's file.
        path: PathBuf,
        /// Line and reason.
        error: Box<toml::de::Error>,
    },
    /// A mutation whose text is not where it was.
    #[error("{file}: the text of mutation \"{name}\" stands there {times} times, not once: {old}")]
    Stale {
        /// The mutation.
        name: String,
        /// The file that it changes.
        file: String,
        /// Places at which the text was found.
        times: usize,
        /// The text.
        old: String,
    },
    /// A mutation with a field that cannot be.
    #[error("mutation \"{name}\": {reason}")]
    Malformed {
        /// The mutation.
        name: String,
        /// One sentence.
        reason: String,
    },
    /// The tree does not build, or its tests do not pass, before anything is changed.
    #[error("the tree as it is: {reason}")]
    Unmutated {
        /// What failed.
        reason: String,
    },
    /// cargo cannot be run.
    #[error("cannot run {program}: {error}")]
    Program {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
}

impl MutantsError {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::File { path, error }
    }
}
