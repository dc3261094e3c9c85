//! The Verilated models, one type for each entry of the tables in this crate's `build.rs`.
//!
//! A clock cycle of theirs is 6.4 ns, in units of 100 ps.

verilated::include_models!();

crate::adapter::adapter_model!(Toe);
crate::adapter::adapter_model!(ToeSmall);
