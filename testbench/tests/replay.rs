//! Whole captures through the RTL, against the answers of independent reassemblers.
#![allow(missing_docs)]

mod common;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use common::{Row, adapter_sees, captures, endpoint, table, wants_repair};
use toe_driver::{Parameters, Policy, Sources};
use toe_sim::adapter::AdapterSettings;
use toe_sim::models::Toe;
use toe_sim::stalls::StallProfile;
use toe_testbench::capture::Capture;
use toe_testbench::flows::{self, Flows};
use toe_testbench::world::{Application, Pace, ReplayOutcome, ReplaySettings, run_replay};

/// How a test replays.
#[derive(Clone, Copy)]
struct Way {
    window: u32,
    policy: Policy,
    /// Bytes of the Named Buffers posted, where not the driver's default.
    buffer: Option<u32>,
    stalls: StallProfile,
    seed: u64,
    application: Application,
    max_connections: Option<u32>,
}

const PLAIN: Way = Way {
    window: 65_536,
    policy: Policy::Indicate,
    buffer: None,
    stalls: StallProfile::NONE,
    seed: 1,
    application: Application::Stream,
    max_connections: None,
};

/// Replays a capture; a run that finds a fault is run again with a waveform.
fn replay(file: &Path, repair: bool, way: &Way) -> (Rc<Flows>, ReplayOutcome) {
    let capture = Capture::read(file).expect("a readable capture");
    let frames: Rc<[_]> = flows::prepare(capture.frames, repair).frames.into();
    let flows = Rc::new(flows::scan(&frames));
    let run = |trace: Option<PathBuf>| {
        let settings = ReplaySettings {
            sources: Sources::new().user_interface(Parameters {
                indicate_window_size: Some(way.window.to_string().parse().expect("a window")),
                policy: Some(way.policy),
                named_buffer_bytes: way.buffer,
                ..Parameters::default()
            }),
            application: way.application,
            pace: Pace::AsSoonAsPossible,
            adapter: AdapterSettings {
                seed: way.seed,
                stalls: way.stalls,
                ..AdapterSettings::default()
            },
            max_connections: way.max_connections,
            trace,
            streams: None,
        };
        let model = Toe::new(&verilated::Context::new()).expect("a model");
        run_replay(model, &frames, &flows, settings, |_, _| {})
    };
    let outcome = run(None).unwrap_or_else(|fault| {
        let waves = Path::new(env!("CARGO_TARGET_TMPDIR")).join("waves");
        std::fs::create_dir_all(&waves).expect("a folder for waveforms");
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let trace = waves.join(format!("replay-{name}.fst"));
        let again = run(Some(trace.clone()));
        panic!(
            "{}: seed {}: {fault}; waveform: {} ({})",
            file.display(),
            way.seed,
            trace.display(),
            again.map_or("the same fault", |_| "without a fault this time"),
        );
    });
    (flows, outcome)
}

/// Compares what came out with the table, for every golden flow that an adapter sees. Tells how many.
fn check(file: &str, rows: &[Row], flows: &Flows, outcome: &ReplayOutcome) -> usize {
    for stream in &outcome.streams {
        let known = &flows.streams[stream.stream];
        assert_eq!(
            (stream.bytes, &stream.sha256),
            (known.expected().len() as u64, &known.sha256()),
            "{file}: {} to {} as the reference has it",
            known.source,
            known.destination
        );
        assert!(
            stream.all_delivered,
            "{file}: {} to {}",
            known.source, known.destination
        );
    }
    let golden = rows
        .iter()
        .filter(|row| row["golden"] == "1" && adapter_sees(&row["encap"]));
    let mut checked = 0;
    for row in golden {
        for (column, from, to) in [("c2s", "client", "server"), ("s2c", "server", "client")] {
            let bytes: u64 = row[&format!("{column}_bytes")].parse().expect("a number");
            let came_out = outcome.streams.iter().find(|stream| {
                let known = &flows.streams[stream.stream];
                known.source == endpoint(&row[from]) && known.destination == endpoint(&row[to])
            });
            let (length, hash) = came_out.map_or((0, ""), |stream| (stream.bytes, &stream.sha256));
            assert_eq!(length, bytes, "{file}: {} to {}", row[from], row[to]);
            if bytes > 0 {
                assert_eq!(
                    hash,
                    row[&format!("{column}_sha256")],
                    "{file}: {}",
                    row[from]
                );
            }
        }
        checked += 1;
    }
    checked
}

/// Replays every capture that `wanted` picks and checks it. Tells how many golden flows came out.
fn sweep(way: &Way, wanted: impl Fn(&str, u64) -> bool) -> usize {
    let Some(folder) = captures() else {
        return usize::MAX;
    };
    let flows_rows = table(&folder.join("flows.tsv"));
    let mut checked = 0;
    for manifest in table(&folder.join("manifest.tsv")) {
        let file = &manifest["file"];
        let size = manifest["size"].parse().expect("a size");
        if !wanted(file, size) {
            continue;
        }
        let rows: Vec<Row> = flows_rows
            .iter()
            .filter(|row| row["file"] == *file)
            .cloned()
            .collect();
        let repair = rows.iter().any(wants_repair);
        let (flows, outcome) = replay(&folder.join(file), repair, way);
        checked += check(file, &rows, &flows, &outcome);
    }
    checked
}

#[test]
fn every_golden_flow_that_an_adapter_can_see_comes_out_whole() {
    assert!(sweep(&PLAIN, |_, _| true) >= 140);
}

// B51: without Named Buffers, too.
#[test]
fn every_golden_flow_comes_out_whole_of_anonymous_buffers() {
    let application = Application::Accept;
    let way = Way {
        application,
        ..PLAIN
    };
    assert!(sweep(&way, |_, _| true) >= 140);
}

#[test]
fn the_bytes_do_not_change_with_the_window() {
    for window in [7, 1460] {
        sweep(&Way { window, ..PLAIN }, |_, size| size < 25_000);
    }
    sweep(&Way { window: 1, ..PLAIN }, |_, size| size < 6_000);
}

/// What applications can do, with the policies.
const APPLICATIONS: [Application; 4] = [
    Application::Stream,
    Application::Transaction {
        think_cycles: 3_000,
    },
    Application::Slow {
        think_cycles: 3_000,
    },
    Application::Accept,
];

// B50 to B52
#[test]
fn the_bytes_do_not_change_with_policy_and_application() {
    for policy in [Policy::Indicate, Policy::HoldOff, Policy::Copy] {
        for application in APPLICATIONS {
            let way = Way {
                policy,
                application,
                ..PLAIN
            };
            let wanted = |file: &str, _| file.contains("loss3_up_150k") || file.contains("multi16");
            assert!(sweep(&way, wanted) >= 2);
        }
    }
}

// B25 to B28: small windows, small buffers, stalls: postings, copies and placement overlap in every way.
#[test]
fn small_named_buffers_under_stalls_get_every_byte() {
    for (window, buffer, seed) in [(100, 101, 1), (1460, 4000, 2)] {
        for application in &APPLICATIONS[..2] {
            let way = Way {
                window,
                buffer: Some(buffer),
                application: *application,
                stalls: StallProfile::HEAVY,
                seed,
                ..PLAIN
            };
            let picked = ["multi16", "halfclose", "tiny_loss3", "rst_abort"];
            let wanted = |file: &str, _| picked.iter().any(|name| file.contains(name));
            sweep(&way, wanted);
        }
    }
}

// B25, B27, B29, B37: buffers that cross with the reset, and buffers that one delivery each fills.
#[test]
fn small_named_buffers_across_a_reset_get_every_byte() {
    for seed in 1..=6 {
        let way = Way {
            window: 1460,
            buffer: Some(4000),
            stalls: StallProfile::HEAVY,
            seed,
            ..PLAIN
        };
        sweep(&way, |file: &str, _| file.contains("rst_abort"));
    }
}

// B25, B51, B52: who moves the bytes.
#[test]
fn the_adapter_places_what_a_stream_posted_for() {
    let Some(folder) = captures() else { return };
    let file = folder.join("impaired/wrap_loss3_up_150k.pcap");
    for (policy, placed) in [
        (Policy::Indicate, true),
        (Policy::HoldOff, true),
        (Policy::Copy, false),
    ] {
        let (_, outcome) = replay(&file, false, &Way { policy, ..PLAIN });
        for stream in outcome.streams {
            let (dma_bytes, copied_bytes) = match placed {
                true => (stream.bytes, 0),
                false => (0, stream.bytes),
            };
            assert_eq!(
                (stream.score.dma_bytes, stream.copied_bytes),
                (dma_bytes, copied_bytes)
            );
        }
    }
}

#[test]
fn the_bytes_do_not_change_under_heavy_stalls_everywhere() {
    let way = Way {
        stalls: StallProfile::HEAVY,
        seed: 3,
        window: 1460,
        ..PLAIN
    };
    assert!(sweep(&way, |file, _| file.starts_with("impaired")) >= 30);
}

#[test]
fn a_slow_application_gets_every_byte() {
    let application = Application::Slow {
        think_cycles: 20_000,
    };
    let way = Way {
        application,
        window: 4_096,
        ..PLAIN
    };
    sweep(&way, |file, _| {
        file.contains("zerowin") || file.contains("multi16")
    });
}

#[test]
fn idle_connections_make_room_for_others() {
    let way = Way {
        max_connections: Some(2),
        ..PLAIN
    };
    sweep(&way, |file, _| {
        file.contains("ftp-ippair") || file.contains("three_http")
    });
}

#[test]
fn the_same_settings_and_seed_give_the_same_run() {
    let Some(folder) = captures() else { return };
    let way = Way {
        stalls: StallProfile::HEAVY,
        seed: 9,
        window: 1000,
        ..PLAIN
    };
    let file = folder.join("impaired/multi16_loss2_4k.pcap");
    let run = || format!("{:?}", replay(&file, false, &way).1);
    assert_eq!(run(), run());
}

/// The sweep over everything, for `make sweep`: set `TOE_SWEEP`.
#[test]
fn sweep_of_every_capture_at_every_window() {
    if std::env::var_os("TOE_SWEEP").is_none() {
        eprintln!("skipped: the full sweep takes long; `make sweep` runs it");
        return;
    }
    for (window, largest) in [
        (1, 60_000),
        (7, u64::MAX),
        (1460, u64::MAX),
        (65_536, u64::MAX),
    ] {
        for stalls in [StallProfile::NONE, StallProfile::HEAVY] {
            let way = Way {
                window,
                stalls,
                ..PLAIN
            };
            let checked = sweep(&way, |_, size| size <= largest);
            eprintln!("window {window}, stalls {stalls:?}: {checked} golden flows");
        }
    }
}
