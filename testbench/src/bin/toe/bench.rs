//! `toe bench`: simulation speed and datapath figures.

use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;
use toe_sim::models::Toe;
use toe_testbench::bench::datapath::{self, Datapath};
use toe_testbench::bench::speed::{self, Speed};

use crate::arguments::BenchArguments;
use crate::error::Failure;
use crate::outputs::{OutputFile, print};

/// Turns of the speed comparison; the figure is their median.
const TURNS: usize = 7;

pub(crate) fn run(arguments: &BenchArguments) -> Result<(), Failure> {
    let fault = |error: &dyn std::fmt::Display| Failure::Fault(error.to_string());
    Toe::new(&verilated::Context::new()).map_err(|error| fault(&error))?;
    let model = || {
        let context = verilated::Context::new();
        Toe::new(&context).unwrap_or_else(|error| panic!("a second model of the same: {error}"))
    };
    let datapath = datapath::measure(model).map_err(|error| fault(&error))?;
    let frames = usize::try_from(arguments.frames).unwrap_or(usize::MAX);
    let program = Path::new(toe_sim::BARE_LOOP);
    let speed = speed::measure(model, program, frames, TURNS).map_err(|error| fault(&error))?;
    if let Some(path) = &arguments.json {
        let figures = json!({
            "latency": datapath.latency.iter().map(|row| json!({
                "frame_bytes": row.frame_bytes,
                "first_beat_to_payload_cycles": row.first_beat_to_payload,
                "last_beat_to_payload_cycles": row.last_beat_to_payload,
                "acknowledged_to_event_cycles": row.acknowledged_to_event,
            })).collect::<Vec<_>>(),
            "minimum_frame_period_cycles": datapath.minimum_frames.cycles_per_frame,
            "line_rate": datapath.line_rate.iter().map(|row| json!({
                "frame_bytes": row.frame_bytes,
                "cycles_per_frame": row.cycles_per_frame,
                "line_cycles_per_frame": row.line_cycles_per_frame,
                "held_cycles": row.held_cycles,
                "payload_gbit_per_s": row.payload_gbit_per_s,
            })).collect::<Vec<_>>(),
            "cycles": speed.cycles,
            "frames": speed.frames,
            "cycles_per_second": speed.whole_stack,
            "buses_cycles_per_second": speed.buses,
            "bare_cycles_per_second": speed.bare,
            "ratio_to_bare_loop": speed.ratio,
            "ratio_with_trace": speed.traced,
        });
        let text = format!("{figures:#}\n");
        if path == Path::new("-") {
            print(&text)?;
        } else {
            OutputFile::create(path)?.write(text.as_bytes())?;
        }
    }
    if arguments.json.as_deref() != Some(Path::new("-")) {
        print(&(datapath_tables(&datapath) + &speed_table(&speed)))?;
    }
    Ok(())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    table
}

fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Figures of others, and ours to reach: measured side by side on one machine (Verilator 5.006), or computed from
/// the line's rate.
fn datapath_tables(figures: &Datapath) -> String {
    let mut latency = table(&[
        "frame, bytes",
        "first beat → payload",
        "last beat → payload",
        "acknowledged → event",
    ]);
    for row in &figures.latency {
        latency.add_row([
            row.frame_bytes.to_string(),
            row.first_beat_to_payload.to_string(),
            row.last_beat_to_payload.to_string(),
            row.acknowledged_to_event.to_string(),
        ]);
    }
    latency.add_row(["to reach", "", "≤ 10", "≤ 4"]);
    latency.add_row(["verilog-ethernet, UDP", "10, unchecked", "", ""]);
    latency.add_row(["Corundum", "13 + the frame's beats", "", "24"]);
    align(&mut latency);
    let minimum = &figures.minimum_frames;
    let mut rate = table(&[
        "frame, bytes",
        "cycles a frame",
        "the line's",
        "held, cycles",
        "payload, Gbit/s",
        "the line's",
    ]);
    for row in &figures.line_rate {
        let line = row.payload_bytes as f64 * 8.0 / (row.line_cycles_per_frame * 6.4);
        rate.add_row([
            row.frame_bytes.to_string(),
            format!("{:.2}", row.cycles_per_frame),
            format!("{:.2}", row.line_cycles_per_frame),
            row.held_cycles.to_string(),
            format!("{:.3}", row.payload_gbit_per_s),
            format!("{line:.3}"),
        ]);
    }
    align(&mut rate);
    format!(
        "Latency of a lone frame, in clock cycles of 6.4 ns\n{latency}\n\n\
         Minimum frames back to back: one every {:.2} cycles (to reach: ≤ 9; the limit is 8; \
         verilog-ethernet's UDP chain: 10)\n\n\
         At a 10 Gbit/s line's pace, window open\n{rate}\n\n",
        minimum.cycles_per_frame
    )
}

fn speed_table(speed: &Speed) -> String {
    let mut rows = table(&["simulation speed", "Mcycles/s", "of the bare loop"]);
    let mut row = |name: &str, rate: f64, share: f64| {
        rows.add_row([
            name.to_owned(),
            format!("{:.3}", rate / 1e6),
            format!("{share:.2}"),
        ]);
    };
    row("bare C++ loop", speed.bare, 1.0);
    row(
        "model and bus models, Rust (to reach: 0.9)",
        speed.buses,
        speed.ratio,
    );
    row(
        "the same, with an FST trace",
        speed.buses * speed.traced,
        speed.ratio * speed.traced,
    );
    row(
        "whole stack, with scoreboard and driver",
        speed.whole_stack,
        speed.whole_stack / speed.bare,
    );
    align(&mut rows);
    format!(
        "{rows}\n{} frames in {} clock cycles, {:.0} frames a second through the whole stack; \
         medians of {} turns of one run\n",
        speed.frames,
        speed.cycles,
        speed.whole_stack * speed.frames as f64 / speed.cycles as f64,
        speed.turns
    )
}
