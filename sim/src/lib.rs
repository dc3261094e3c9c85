//! The adapter as a Verilated model: pins, clocks and bus models.

pub mod adapter;
pub mod frame_source;
pub mod host_memory;
pub mod host_view;
pub mod models;
pub mod recording;
pub mod register_port;
pub mod stalls;
pub mod trial;

/// Path of the C++ program that clocks a [`recording`] through the model `toe`, without Rust.
pub const BARE_LOOP: &str = env!("VERILATED_PROGRAM_TOE");
