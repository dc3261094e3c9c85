//! Long random tests, and how they become short ones.
//!
//! A [`Script`] is a list of operations that a person can read, write and keep. [`generate`] throws one, [`run`] does it on a
//! [`Bench`] under the eyes of both models, and [`shrink`] turns one that fails into a short one that still fails.
//!
//! ```
//! use toe_testbench::soak::{ReferenceBench, Script, generate, run};
//!
//! let script: Script = generate(7, 40);
//! assert_eq!(script.to_string().parse::<Script>()?, script);
//! run(&script, &mut ReferenceBench::new(&script, None))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adapter;
mod application;
mod clock;
mod generate;
mod host;
mod peer;
mod reference;
mod run;
mod script;
mod shrink;
mod text;

pub use adapter::AdapterBench;
pub use generate::generate;
pub use reference::ReferenceBench;
pub use run::{Bench, Failure, Observation, run};
pub use script::{Bus, Operation, Script, ScriptSettings, content};
pub use shrink::{Shrunk, shrink};
pub use text::ScriptError;
