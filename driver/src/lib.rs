//! Host driver of the TCP offload engine.
