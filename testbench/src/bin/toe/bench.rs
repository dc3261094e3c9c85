//! `toe bench`: simulation speed and datapath figures.

use crate::arguments::BenchArguments;
use crate::error::Failure;

pub(crate) fn run(arguments: &BenchArguments) -> Result<(), Failure> {
    let _ = (arguments.frames, &arguments.json);
    Err(Failure::bad_input("bench: not in this build"))
}
