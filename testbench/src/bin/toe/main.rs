//! The `toe` command.

fn main() {}
