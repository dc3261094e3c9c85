//! Host driver of the TCP offload engine.

pub mod registers;
