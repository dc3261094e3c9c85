//! The bridge to the C++ half of the runtime (`src/cpp/runtime.h`).
//!
//! One of the modules with `unsafe`: the bridge itself, whose contract cxx checks on both sides.
#![allow(unsafe_code, missing_docs)]

pub(crate) use bridge::*;

/// Called by C++ with what the RTL prints. `print!` lets the test harness capture it.
fn print_text(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    // A closed standard output makes `print!` panic; a panic must not cross into C++.
    let _ = std::panic::catch_unwind(|| print!("{text}"));
}

#[cxx::bridge(namespace = "verilated_rs")]
mod bridge {
    /// The reason why a model stopped.
    struct Stop {
        fatal: bool,
        file: String,
        line: u32,
        message: String,
        time: u64,
    }

    extern "Rust" {
        fn print_text(text: &[u8]);
    }

    unsafe extern "C++" {
        include!("runtime.h");

        type Context;
        fn new_context() -> UniquePtr<Context>;
        fn add_argument(context: &Context, argument: &str);
        fn set_seed(context: &Context, seed: i32);
        fn set_random_reset(context: &Context, mode: i32);
        fn set_time(context: &Context, time: u64);
        fn get_time(context: &Context) -> u64;
        fn get_time_precision(context: &Context) -> i32;
        fn is_finished(context: &Context) -> bool;
        fn set_capture(context: &Context, on: bool);
        fn take_output(context: &Context) -> Vec<u8>;
        fn take_stop(context: &Context) -> Stop;
        fn write_coverage(context: &Context, path: &str) -> Result<()>;

        type Model;
        fn model_open_trace(model: Pin<&mut Model>, path: &str, fst: bool) -> bool;
        fn model_has_trace(model: &Model) -> bool;
        fn model_dump(model: Pin<&mut Model>);
        fn model_flush_trace(model: Pin<&mut Model>);
        fn model_close_trace(model: Pin<&mut Model>);
        fn model_save(model: Pin<&mut Model>, bytes: &mut Vec<u8>) -> bool;
        fn model_restore(model: Pin<&mut Model>, bytes: &[u8]) -> bool;
        fn model_final(model: Pin<&mut Model>) -> bool;
    }

    impl UniquePtr<Model> {}
}
