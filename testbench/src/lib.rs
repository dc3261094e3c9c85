//! The world around the adapter: captures, the peers in them, applications, scoreboards, reports.

mod defaults;

pub mod bench;
pub mod capture;
pub mod flows;
pub mod report;
pub mod world;

pub use defaults::{SIMULATED_CONNECTIONS, adapter_defaults};
