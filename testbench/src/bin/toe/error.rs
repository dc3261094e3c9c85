//! How the command ends: with a status, and one line for what went wrong.

use std::fmt::Display;
use std::process::ExitCode;

use clap::error::ErrorKind;

/// The run found a fault.
const STATUS_FAULT: u8 = 1;
/// Bad usage or bad input.
const STATUS_BAD_INPUT: u8 = 2;

/// Why the command does not end well.
pub(crate) enum Failure {
    /// Usage or input, which the user can mend.
    BadInput(String),
    /// A fault of what was tried out: the run shows that something is wrong.
    Fault(String),
}

impl Failure {
    pub(crate) fn bad_input(reason: impl Display) -> Self {
        Self::BadInput(reason.to_string())
    }

    /// Says the reason in one line; gives the exit status.
    pub(crate) fn exit(self) -> ExitCode {
        let (reason, status) = match self {
            Self::BadInput(reason) => (reason, STATUS_BAD_INPUT),
            Self::Fault(reason) => (reason, STATUS_FAULT),
        };
        eprintln!("toe: {}", one_line(&reason));
        ExitCode::from(status)
    }
}

/// Help and version as they are; a usage error in one line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody to tell if standard output is gone.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(STATUS_BAD_INPUT)
        }
        _ => {
            let text = error.render().to_string();
            // The first paragraph tells what is wrong; the rest repeats the usage.
            let first = text.split("\n\n").next().unwrap_or_default();
            let reason = first.strip_prefix("error: ").unwrap_or(first);
            Failure::bad_input(format!("{} (see --help)", one_line(reason))).exit()
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
