//! Verilator models in Rust, in two halves.
//!
//! * The **build-script half** (feature `build`) finds Verilator, runs it and compiles the model: `build::Model`.
//! * The **run-time half** (feature `runtime`, default) is what tests and programs use: [`Context`], the models that
//!   [`include_model!`] brings in, and the traits [`Model`] and [`Clocked`] that all of them implement.
//!
//! See the crate's `README.md` for a complete example.

#[cfg(feature = "build")]
pub mod build;

#[cfg(feature = "runtime")]
mod context;
#[cfg(feature = "runtime")]
mod error;
#[cfg(feature = "runtime")]
mod ffi;
#[cfg(feature = "runtime")]
pub mod model;

#[cfg(feature = "runtime")]
pub use context::{Context, RandomReset};
#[cfg(feature = "runtime")]
pub use error::{Error, Result};
#[cfg(feature = "runtime")]
pub use model::{Clocked, Model};

/// Version of the Verilator that this crate's runtime was built with, e.g. `5.006 2023-01-22`.
#[cfg(feature = "runtime")]
pub const VERILATOR_VERSION: &str = env!("VERILATED_VERILATOR_VERSION");

/// Brings the model of this name, compiled by the build script, into the current module.
///
/// ```ignore
/// mod models {
///     verilated::include_model!("counter"); // gives `models::Counter`
/// }
/// ```
#[cfg(feature = "runtime")]
#[macro_export]
macro_rules! include_model {
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));
    };
}

/// Brings in every model that the build script compiled with one `build::compile_all`.
#[cfg(feature = "runtime")]
#[macro_export]
macro_rules! include_models {
    () => {
        include!(concat!(env!("OUT_DIR"), "/verilated_models.rs"));
    };
}
