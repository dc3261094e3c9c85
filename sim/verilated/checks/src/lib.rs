//! The models of `designs/`.

verilated::include_models!();
