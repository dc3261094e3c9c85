//! The world around the adapter.
