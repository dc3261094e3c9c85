//! `toe replay`: from the command line to the report.

use std::path::Path;
use std::time::{Duration, Instant};

use toe_driver::{Parameters, Policy, Settings, Sources};
use toe_testbench::capture::{Capture, Frame, PcapngWriter};
use toe_testbench::flows::{Flows, prepare, scan};
use toe_testbench::report::{CaptureReport, Report, SettingReport, grouped, human};

use crate::arguments::ReplayArguments;
use crate::engine;
use crate::error::Failure;
use crate::outputs::{OutputFile, check_file, check_folder, print};
use crate::params;
use crate::values::ApplicationValue;

/// How long an application thinks where nobody says.
pub(crate) const USUAL_THINK: Duration = Duration::from_micros(20);

/// What the adapter is to see, and what is known of it.
#[derive(Default)]
pub(crate) struct Input {
    /// Frames of all captures, one capture behind the other.
    pub frames: Vec<Frame>,
    /// What they say about TCP.
    pub flows: Flows,
    captures: Vec<CaptureReport>,
    notes: Vec<String>,
}

pub(crate) fn run(arguments: &ReplayArguments) -> Result<(), Failure> {
    check_options(arguments)?;
    let command_line = Parameters {
        indicate_window_size: arguments.window,
        acknowledge: arguments.acknowledge,
        policy: arguments.policy.map(Policy::from),
        named_buffer_bytes: arguments.buffer,
        named_buffers_ahead: arguments.ahead,
        ..Parameters::default()
    };
    let (sources, settings) = params::sources(command_line, arguments.params.as_deref())?;
    check_policy(arguments, &settings)?;
    let input = read(arguments)?;
    let outputs = Outputs::open(arguments)?;
    for note in &input.notes {
        tell(arguments, note);
    }
    let report = simulate(arguments, input, &sources, &settings)?;
    outputs.write(arguments, &report)?;
    match report.faults.as_slice() {
        [] => Ok(()),
        [fault] => Err(Failure::Fault(fault.clone())),
        [fault, rest @ ..] => Err(Failure::Fault(format!("{fault} (and {} more)", rest.len()))),
    }
}

/// What the options say about one another, and what is not there yet.
fn check_options(arguments: &ReplayArguments) -> Result<(), Failure> {
    let refuse = |reason: String| Err(Failure::BadInput(reason));
    let app = arguments.app.name();
    use ApplicationValue::{Accept, Slow, Stream, Transaction};
    if arguments.think.is_some() && !matches!(arguments.app, Slow | Transaction) {
        return refuse(format!(
            "--think contradicts --app {app}: only slow and transaction applications think"
        ));
    }
    if arguments.buffer.is_some() && matches!(arguments.app, Slow | Accept) {
        return refuse(format!(
            "--buffer contradicts --app {app}: it posts no Named Buffers"
        ));
    }
    if arguments.ahead.is_some() && arguments.app != Stream {
        return refuse(format!(
            "--ahead contradicts --app {app}: only a stream application posts ahead"
        ));
    }
    if let Some(trace) = &arguments.trace {
        let known = trace
            .extension()
            .is_some_and(|end| end == "fst" || end == "vcd");
        if !known {
            return refuse(format!(
                "--trace {}: the name ends in neither .fst nor .vcd",
                trace.display()
            ));
        }
    }
    let files = [
        ("--json", &arguments.json),
        ("--trace", &arguments.trace),
        ("--transmitted", &arguments.transmitted),
        ("--streams", &arguments.streams),
    ];
    for (index, (first, path)) in files.iter().enumerate() {
        for (second, other) in &files[index + 1..] {
            if path.is_some() && path == other {
                return refuse(format!(
                    "{first} and {second} contradict: both name the same file"
                ));
            }
        }
        if let Some(path) = path
            && arguments.captures.contains(path)
        {
            return refuse(format!(
                "{first} {}: is one of the captures",
                path.display()
            ));
        }
    }
    Ok(())
}

/// A policy other than indicate is a window and an acknowledgement of its own.
fn check_policy(arguments: &ReplayArguments, settings: &Settings) -> Result<(), Failure> {
    let policy = settings.policy.value;
    let contradicts = |option| {
        Err(Failure::BadInput(format!(
            "{option} contradicts the policy {policy}, which sets it itself"
        )))
    };
    match policy {
        Policy::Indicate => Ok(()),
        _ if arguments.window.is_some() => contradicts("--window"),
        _ if arguments.acknowledge.is_some() => contradicts("--acknowledge"),
        _ => Ok(()),
    }
}

/// Reads, prepares and scans every capture; nothing is written before all are known to be good.
fn read(arguments: &ReplayArguments) -> Result<Input, Failure> {
    let mut input = Input::default();
    for path in &arguments.captures {
        let before = input.notes.len();
        let capture = read_capture(path, arguments.salvage, &mut input.notes)?;
        let mut report = CaptureReport {
            file: capture.name.clone(),
            format: capture.format.to_string(),
            frames: capture.frames.len() as u64,
            rewritten: capture.rewritten,
            truncated: capture.truncated,
            ..CaptureReport::default()
        };
        let prepared = prepare(capture.frames, arguments.repair_checksums);
        report.split = prepared.split;
        report.split_into = prepared.split_into;
        report.repaired = prepared.repaired + prepared.headers_repaired;
        let flows = scan(&prepared.frames);
        input
            .notes
            .extend(notes(&report, prepared.headers_repaired, &flows));
        if arguments.captures.len() > 1 {
            for note in &mut input.notes[before..] {
                *note = format!("{}: {note}", report.file);
            }
        }
        input.flows.append(flows, input.frames.len());
        input.frames.extend(prepared.frames);
        input.captures.push(report);
    }
    Ok(input)
}

fn read_capture(path: &Path, salvage: bool, notes: &mut Vec<String>) -> Result<Capture, Failure> {
    let (capture, damage) = Capture::read_until_damage(path).map_err(Failure::bad_input)?;
    let Some(damage) = damage else {
        return Ok(capture);
    };
    let frames = grouped(capture.frames.len() as u64);
    if salvage {
        notes.push(format!("{damage}; replaying the {frames} frames before"));
        Ok(capture)
    } else {
        Err(Failure::BadInput(format!(
            "{damage} (--salvage replays the {frames} frames before)"
        )))
    }
}

/// What was done to a capture, and what looks odd about it.
fn notes(report: &CaptureReport, headers_repaired: u64, flows: &Flows) -> Vec<String> {
    let mut notes = Vec::new();
    if report.truncated > 0 {
        notes.push(format!(
            "{} of {} frames were cut short by the capture's snap length; the adapter drops what \
             lacks bytes",
            grouped(report.truncated),
            grouped(report.frames)
        ));
    }
    if report.split > 0 {
        notes.push(format!(
            "{} super-frames, captured above segmentation offload, were split into {} segments",
            grouped(report.split),
            grouped(report.split_into)
        ));
    }
    let repaired = report.repaired - headers_repaired;
    if repaired > 0 {
        notes.push(format!(
            "{} frames had their checksums repaired",
            grouped(repaired)
        ));
    }
    if headers_repaired > 0 {
        notes.push(format!(
            "{} frames had their IPv4 header checksum repaired: their sender never has it right, \
             though the TCP checksums are",
            grouped(headers_repaired)
        ));
    }
    notes.extend(flows.checksums.hint());
    notes
}

fn simulate(
    arguments: &ReplayArguments,
    input: Input,
    sources: &Sources,
    settings: &Settings,
) -> Result<Report, Failure> {
    let mut report = Report {
        captures: input.captures,
        seed: arguments.seed,
        settings: settings
            .explain()
            .into_iter()
            .map(|line| SettingReport {
                key: line.key.to_owned(),
                value: line.value,
                source: line.source.to_string(),
            })
            .collect(),
        notes: input.notes,
        ..Report::default()
    };
    let told = report.notes.len();
    let begin = Instant::now();
    engine::run(arguments, sources, input.frames, input.flows, &mut report)?;
    let wall = begin.elapsed().as_secs_f64();
    for note in &report.notes[told..] {
        tell(arguments, note);
    }
    let speed = report.cycles as f64 / wall.max(f64::MIN_POSITIVE);
    if !arguments.quiet {
        eprintln!(
            "{wall:.1} s on this machine, {:.2} million clock cycles a second",
            speed / 1e6
        );
    }
    if !arguments.reproducible {
        report.wall_seconds = Some(wall);
        report.cycles_per_second = Some(speed);
    }
    Ok(report)
}

fn tell(arguments: &ReplayArguments, note: &str) {
    if !arguments.quiet {
        eprintln!("note: {note}");
    }
}

/// The files that the user asks for, open before the run.
struct Outputs {
    json: Option<OutputFile>,
    json_to_standard_output: bool,
    transmitted: Option<OutputFile>,
}

impl Outputs {
    fn open(arguments: &ReplayArguments) -> Result<Self, Failure> {
        let standard_output = arguments.json.as_deref() == Some(Path::new("-"));
        if let Some(folder) = &arguments.streams {
            check_folder(folder)?;
        }
        if let Some(trace) = &arguments.trace {
            check_file(trace)?;
        }
        let json = arguments.json.as_deref().filter(|_| !standard_output);
        Ok(Self {
            json: json.map(OutputFile::create).transpose()?,
            json_to_standard_output: standard_output,
            transmitted: arguments
                .transmitted
                .as_deref()
                .map(OutputFile::create)
                .transpose()?,
        })
    }

    fn write(self, arguments: &ReplayArguments, report: &Report) -> Result<(), Failure> {
        if let Some(file) = self.transmitted {
            // The adapter has no transmit path yet, so the file is empty, and says so by being one.
            let failed =
                |error: std::io::Error| Failure::bad_input(format!("--transmitted: {error}"));
            let writer = PcapngWriter::new(file, "toe").map_err(failed)?;
            writer.into_inner().map_err(failed)?.commit()?;
        }
        let mut json = serde_json::to_vec_pretty(report).map_err(Failure::bad_input)?;
        json.push(b'\n');
        if let Some(file) = self.json {
            file.write(&json)?;
        }
        if self.json_to_standard_output {
            return print(&String::from_utf8_lossy(&json));
        }
        if arguments.quiet {
            Ok(())
        } else {
            print(&human(report))
        }
    }
}
