//! Where the command line meets the simulated world.

use std::rc::Rc;

use toe_driver::Sources;
use toe_driver::registers::Counter;
use toe_sim::adapter::{AdapterModel, AdapterSettings};
use toe_sim::stalls::StallProfile;
use toe_testbench::capture::Frame;
use toe_testbench::flows::Flows;
use toe_testbench::report::{ConnectionReport, Report, duration, grouped};
use toe_testbench::world::{
    Application, Pace, ReplayError, ReplayOutcome, ReplaySettings, cycles_to_nanoseconds,
    nanoseconds_to_cycles, run_replay,
};

use crate::arguments::ReplayArguments;
use crate::error::Failure;
use crate::progress;
use crate::values::{ApplicationValue, PaceValue, StallsValue};

/// Chances out of 256 in each cycle.
const LIGHT_STALL: u8 = 32;

/// Replays `frames`, which `flows` describes, and fills in what the run shows.
pub(crate) fn run(
    arguments: &ReplayArguments,
    sources: &Sources,
    frames: Vec<Frame>,
    flows: Flows,
    report: &mut Report,
) -> Result<(), Failure> {
    let context = verilated::Context::new().seed(arguments.seed);
    let model = toe_sim::models::Toe::new(&context).map_err(|e| Failure::Fault(e.to_string()))?;
    simulate(model, arguments, sources, frames, flows, report)
}

fn simulate<M: AdapterModel + 'static>(
    model: M,
    arguments: &ReplayArguments,
    sources: &Sources,
    frames: Vec<Frame>,
    flows: Flows,
    report: &mut Report,
) -> Result<(), Failure> {
    let bar = progress::of_replay(frames.len() as u64, arguments.quiet);
    let shown = bar.clone();
    let begin = std::time::Instant::now();
    let progress = move |frames: u64, cycle: u64| {
        let speed = cycle as f64 / begin.elapsed().as_secs_f64() / 1e6;
        shown.set_position(frames);
        let simulated = duration(cycles_to_nanoseconds(cycle));
        shown.set_message(format!(
            "{simulated} simulated, {speed:.2} million cycles a second"
        ));
    };
    let (frames, flows) = (Rc::from(frames), Rc::new(flows));
    let outcome = run_replay(
        model,
        &frames,
        &flows,
        settings(arguments, sources.clone()),
        progress,
    );
    bar.finish_and_clear();
    let outcome = outcome.map_err(|error| match error {
        ReplayError::Sink(error) => Failure::bad_input(error),
        error => Failure::Fault(error.to_string()),
    })?;
    fill_in(report, &outcome, &flows);
    Ok(())
}

fn settings(arguments: &ReplayArguments, sources: Sources) -> ReplaySettings {
    let think = arguments.think.unwrap_or(crate::replay::USUAL_THINK);
    let think_ns = u64::try_from(think.as_nanos()).unwrap_or(u64::MAX);
    let think_cycles = nanoseconds_to_cycles(think_ns);
    let pace = match arguments.pace {
        PaceValue::AsSoonAsPossible => Pace::AsSoonAsPossible,
        PaceValue::Captured => Pace::Captured,
        PaceValue::BitsPerSecond(bits) => Pace::Rate(bits),
    };
    ReplaySettings {
        sources,
        application: match arguments.app {
            ApplicationValue::Stream => Application::Stream,
            ApplicationValue::Transaction => Application::Transaction { think_cycles },
            ApplicationValue::Slow => Application::Slow { think_cycles },
            ApplicationValue::Accept => Application::Accept,
        },
        pace,
        adapter: AdapterSettings {
            seed: arguments.seed,
            stalls: match arguments.stalls {
                StallsValue::None => StallProfile::NONE,
                StallsValue::Light => StallProfile {
                    frame: LIGHT_STALL,
                    write_address: LIGHT_STALL,
                    write_data: LIGHT_STALL,
                    write_response: LIGHT_STALL,
                    register: LIGHT_STALL,
                },
                StallsValue::Heavy => StallProfile::HEAVY,
            },
            line_rate: pace != Pace::AsSoonAsPossible,
            ..AdapterSettings::default()
        },
        max_connections: arguments.max_connections,
        trace: arguments.trace.clone(),
        streams: arguments.streams.clone(),
    }
}

fn fill_in(report: &mut Report, outcome: &ReplayOutcome, flows: &Flows) {
    report.cycles = outcome.cycles;
    report.simulated_ns = cycles_to_nanoseconds(outcome.cycles);
    report.frames = outcome.frames;
    report.sent_again = outcome.sent_again;
    report.made_room = outcome.evictions;
    for (counter, count) in &outcome.counters {
        let count = u64::from(*count);
        match counter {
            Counter::FramesReceived => {}
            Counter::FramesOffloaded => report.offloaded = count,
            Counter::FramesToHost => report.to_host = count,
            other if count > 0 => {
                let name = other.name();
                match name.strip_prefix("dropped_") {
                    Some(reason) => report.dropped.insert(reason.to_owned(), count),
                    None => report.events.insert(name.to_owned(), count),
                };
            }
            _ => {}
        }
    }
    for fared in &outcome.streams {
        let stream = &flows.streams[fared.stream];
        let row = ConnectionReport {
            bytes: fared.bytes,
            sha256: fared.sha256.clone(),
            complete: stream.complete() && fared.all_delivered,
            path: if fared.host_path { "host" } else { "offload" },
            dma_bytes: fared.score.dma_bytes,
            copied_bytes: fared.copied_bytes,
            indications: fared.score.indications,
            acknowledges: fared.score.acknowledges,
            window_closed_cycles: fared.score.window_closed_cycles,
            sent_again: fared.sent_again,
            ..ConnectionReport::of_stream(stream)
        };
        if !fared.all_delivered && !fared.host_path {
            report.faults.push(format!(
                "{} to {}: {} of {} bytes delivered",
                row.source, row.destination, row.bytes, row.expected_bytes
            ));
        } else if fared.all_delivered && row.conflicting_bytes == 0 && row.sha256 != stream.sha256()
        {
            report.faults.push(format!(
                "{} to {}: wrong bytes delivered",
                row.source, row.destination
            ));
        }
        report.connections.push(row);
    }
    if outcome.host_path_streams > 0 {
        report.notes.push(format!(
            "{} streams stayed on the host path: the adapter was full of connections, and none \
             was idle",
            grouped(outcome.host_path_streams)
        ));
    }
}
