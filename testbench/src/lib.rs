//! The world around the adapter.

pub mod capture;
pub mod flows;
pub mod world;
