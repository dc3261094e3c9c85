//! The model of `counter.v`.

verilated::include_model!("counter");
