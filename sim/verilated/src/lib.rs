//! Verilator models in Rust.
