//! The adapter as a Verilated model.
