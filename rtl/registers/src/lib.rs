//! The register map of the adapter and the generator of everything that follows from it.
//!
//! `map.toml` is the one source. [`generate`] turns its text into the Verilog names and decoder, the driver's
//! Rust types, the test bench's header bundles and `REGISTERS.md`; the outputs are committed, and the binary's
//! `--check` and a test fail when they drift.

pub mod bundles;
pub mod map;

mod emit_bundles;
mod emit_markdown;
mod emit_rust;
mod emit_rust_events;
mod emit_verilog;

use map::{Map, MapError};

/// One generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Path from the workspace's root.
    pub path: &'static str,
    /// Everything that stands in it.
    pub text: String,
}

/// Path of the map from the workspace's root.
pub const MAP_PATH: &str = "rtl/registers/map.toml";

/// Generates every output from the text of the map, or says in one line which entry is wrong.
pub fn generate(text: &str) -> Result<Vec<Output>, MapError> {
    let map = Map::parse(text)?;
    let defines = emit_verilog::Defines::of(&map)?;
    Ok(vec![
        Output {
            path: "rtl/registers/generated/toe_registers.vh",
            text: defines.text(),
        },
        Output {
            path: "rtl/registers/generated/register_decoder.v",
            text: emit_verilog::decoder(&map),
        },
        Output {
            path: "driver/src/registers.rs",
            text: emit_rust::registers(&map),
        },
        Output {
            path: "rtl/registers/src/bundles.rs",
            text: emit_bundles::bundles(&map),
        },
        Output {
            path: "rtl/registers/REGISTERS.md",
            text: emit_markdown::document(&map),
        },
    ])
}

/// `frames_received` as `FramesReceived`.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
                .unwrap_or_default()
        })
        .collect()
}

/// `frames_received` as `FRAMES_RECEIVED`.
fn upper(name: &str) -> String {
    name.to_ascii_uppercase()
}
