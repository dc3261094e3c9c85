//! The world around the adapter.

pub mod bench;
pub mod capture;
pub mod flows;
pub mod report;
pub mod world;
