//! Benchmarks over the RTL: the datapath in clock cycles, the simulation against the wall clock.

pub mod datapath;
mod frames;
pub mod speed;

pub use frames::TcpFrames;
