//! The `toe` command: replays captures through the simulated adapter, and what belongs to that.
//!
//! Exit status: 0 done, 1 the run found a fault, 2 bad usage or bad input, told in one line.

mod arguments;
mod bench;
mod capture;
mod engine;
mod error;
mod outputs;
mod params;
mod progress;
mod replay;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};
use error::usage;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let outcome = match arguments.command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Capture(arguments) => capture::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Params(arguments) => params::run(&arguments),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "toe", &mut script);
            outputs::print(&String::from_utf8_lossy(&script))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}
