//! Compiles the models: the adapter, and one for each module that has a test of its own.

use verilated::build::{Error, Model, compile_all};

/// A module with a test of its own.
struct Unit {
    /// Name of the model: `small_fifo` becomes `toe_sim::models::SmallFifo`.
    name: &'static str,
    /// Its file below `rtl/`; the module is named after it.
    file: &'static str,
    /// Parameters that differ from those in the file.
    parameters: &'static [(&'static str, u64)],
}

/// The adapter as it is run: more connections and larger rings than a board has, one model for all runs.
const RUN: &[(&str, u64)] = &[
    ("CONNECTIONS", 512),
    ("RECEIVE_RING_BYTES", 65_536),
    ("ANONYMOUS_BUFFERS", 4_096),
    ("HOST_FRAME_BUFFERS", 256),
    ("HOST_FRAME_BYTES", 65_536),
];

/// Add your module here, one line a model.
const UNITS: &[Unit] = &[
    Unit {
        name: "dma",
        file: "dma/dma.v",
        parameters: &[],
    },
    Unit {
        name: "event_writer",
        file: "dma/event_writer.v",
        parameters: &[],
    },
    Unit {
        name: "payload_writer",
        file: "dma/payload_writer.v",
        parameters: &[],
    },
    Unit {
        name: "receive_path_64",
        file: "deliver/receive_path.v",
        parameters: &[("CONNECTIONS", 2), ("RECEIVE_RING_BYTES", 64), ("GAPS", 1)],
    },
    Unit {
        name: "receive_path_512",
        file: "deliver/receive_path.v",
        parameters: &[("RECEIVE_RING_BYTES", 512)],
    },
    Unit {
        name: "receive_path_4096",
        file: "deliver/receive_path.v",
        parameters: &[],
    },
    Unit {
        name: "receive_path_large",
        file: "deliver/receive_path.v",
        parameters: &[
            ("CONNECTIONS", 512),
            ("RECEIVE_RING_BYTES", 65_536),
            ("GAPS", 8),
        ],
    },
    Unit {
        name: "segment_path",
        file: "tcp/segment_path.v",
        parameters: &[("CONNECTIONS", 4), ("RECEIVE_RING_BYTES", 256), ("GAPS", 3)],
    },
    Unit {
        name: "gap_tracker",
        file: "tcp/gap_tracker.v",
        parameters: &[("CONNECTIONS", 4)],
    },
    Unit {
        name: "receive_ring",
        file: "memory/receive_ring.v",
        parameters: &[("CONNECTIONS", 4), ("RECEIVE_RING_BYTES", 64)],
    },
    Unit {
        name: "indicate_window",
        file: "deliver/indicate_window.v",
        parameters: &[],
    },
    Unit {
        name: "push_finder",
        file: "deliver/push_finder.v",
        parameters: &[],
    },
    Unit {
        name: "push_timer",
        file: "deliver/push_timer.v",
        parameters: &[("CONNECTIONS", 4)],
    },
    Unit {
        name: "named_buffer_check",
        file: "deliver/named_buffer_check.v",
        parameters: &[],
    },
    Unit {
        name: "named_buffer_fill",
        file: "deliver/named_buffer_fill.v",
        parameters: &[("CONNECTIONS", 4)],
    },
    Unit {
        name: "named_buffer_turn",
        file: "deliver/named_buffer_turn.v",
        parameters: &[],
    },
    Unit {
        name: "push_watch",
        file: "deliver/push_watch.v",
        parameters: &[("CONNECTIONS", 4)],
    },
    Unit {
        name: "named_buffer_queue",
        file: "deliver/named_buffer_queue.v",
        parameters: &[("CONNECTIONS", 4), ("PAGES", 4)],
    },
    Unit {
        name: "skid_buffer",
        file: "stream/skid_buffer.v",
        parameters: &[("WIDTH", 32)],
    },
    Unit {
        name: "word_pair",
        file: "stream/word_pair.v",
        parameters: &[("WIDTH", 32)],
    },
    Unit {
        name: "small_fifo",
        file: "stream/small_fifo.v",
        parameters: &[("WIDTH", 32), ("DEPTH", 8)],
    },
    Unit {
        name: "counters",
        file: "host/counters.v",
        parameters: &[],
    },
    Unit {
        name: "command_engine",
        file: "host/command_engine.v",
        parameters: &[
            ("CONNECTIONS", 16),
            ("ANONYMOUS_BUFFERS", 16),
            ("HOST_FRAME_BUFFERS", 8),
        ],
    },
    Unit {
        name: "host_interface",
        file: "host/host_interface.v",
        parameters: &[("ANONYMOUS_BUFFERS", 16), ("HOST_FRAME_BUFFERS", 8)],
    },
    Unit {
        name: "rx",
        file: "rx/rx.v",
        parameters: &[],
    },
    Unit {
        name: "frame_parser",
        file: "rx/frame_parser.v",
        parameters: &[],
    },
    Unit {
        name: "checksum_check",
        file: "rx/checksum_check.v",
        parameters: &[],
    },
    Unit {
        name: "connection_lookup",
        file: "rx/connection_lookup.v",
        parameters: &[("CONNECTIONS", 512)],
    },
    Unit {
        name: "host_frame_path",
        file: "rx/host_frame_path.v",
        parameters: &[("HOST_FRAME_BYTES", 4096)],
    },
];

/// Folders of `rtl/` where modules are looked for by name.
const FOLDERS: &[&str] = &[
    "deliver",
    "dma",
    "host",
    "memory",
    "registers/generated",
    "rx",
    "stream",
    "tcp",
    "tx",
];

fn main() -> Result<(), Error> {
    // As it is run, and as synthesised.
    // The bare loop is the yardstick of `toe bench`.
    let run = adapter("toe", RUN).program("src/bare_loop.cpp");
    // With pins for what its host does meanwhile.
    let synthesised = adapter("toe_small", &[])
        .top("toe_observed")
        .source("src/toe_observed.v");
    compile_all([run, synthesised].into_iter().chain(UNITS.iter().map(unit)))
}

/// The whole adapter. Its assertions are on in every run.
fn adapter(name: &str, parameters: &[(&str, u64)]) -> Model {
    let model = rtl(Model::new(name)).top("toe").source("../rtl/toe.v");
    let model = model.assertions(true).trace(true);
    parameters
        .iter()
        .fold(model, |model, (name, value)| model.parameter(name, value))
}

fn unit(unit: &Unit) -> Model {
    let top = unit
        .file
        .rsplit('/')
        .next()
        .unwrap_or(unit.file)
        .trim_end_matches(".v");
    let model = rtl(Model::new(unit.name))
        .top(top)
        .source(format!("../rtl/{}", unit.file));
    let model = model.assertions(true).trace(true);
    unit.parameters
        .iter()
        .fold(model, |model, (name, value)| model.parameter(name, value))
}

/// What all models have in common.
fn rtl(model: Model) -> Model {
    let model = model
        .clock("clk")
        .period(64)
        .argument("--timescale")
        .argument("1ns/100ps");
    let model = model.include_dir("../rtl/registers/generated");
    let folders = FOLDERS.iter().map(|folder| format!("../rtl/{folder}"));
    folders
        .filter(|folder| std::path::Path::new(folder).is_dir())
        .fold(model, Model::library_dir)
}
