//! What can go wrong at run time.

use std::path::PathBuf;

/// A result of this crate's run-time half.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong at run time. The process, and every other model, stays usable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The RTL stopped itself: `$stop`, `$fatal`, `$error` or a failing assertion.
    #[error("{file}:{line}: {message} (at time {time})")]
    Stopped {
        /// Verilog file of the statement.
        file: String,
        /// Line of the statement.
        line: u32,
        /// What was printed with it, or the name of the statement.
        message: String,
        /// Simulated time, in units of the time precision.
        time: u64,
    },
    /// The Verilator runtime gave up: a loop that does not converge, a missing `$readmemh` file, a saved state of another model.
    /// The model should be made anew.
    #[error("{}{message} (at time {time})", place(.file, .line))]
    Fatal {
        /// Verilog file, if it is known.
        file: String,
        /// Line, 0 if it is not known.
        line: u32,
        /// Verilator's words.
        message: String,
        /// Simulated time, in units of the time precision.
        time: u64,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A trace file whose name ends neither in `.fst` nor in `.vcd`, or a format that was left out of the build.
    #[error("{path}: {reason}")]
    TraceFormat {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: &'static str,
    },
}

fn place(file: &str, line: &u32) -> String {
    match (file.is_empty(), line) {
        (true, _) => String::new(),
        (false, 0) => format!("{file}: "),
        (false, line) => format!("{file}:{line}: "),
    }
}
