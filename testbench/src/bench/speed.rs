//! Simulation speed: the whole stack, the bus models alone, and a bare C++ loop, over the same clock cycles.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use toe_driver::Sources;
use toe_sim::adapter::{Adapter, AdapterFault, AdapterModel, AdapterSettings};
use toe_sim::recording::Recording;

use super::frames::TcpFrames;
use crate::capture::Frame;
use crate::flows;
use crate::world::{Application, Pace, ReplayError, ReplaySettings, record_replay};

/// What a clock cycle costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Clock cycles of the run.
    pub cycles: u64,
    /// Frames of the run.
    pub frames: u64,
    /// Clock cycles a second of the whole stack: model, buses, scoreboard, driver, applications.
    pub whole_stack: f64,
    /// Clock cycles a second of model and bus models, median of the turns.
    pub buses: f64,
    /// Clock cycles a second of the bare C++ loop, median of the turns.
    pub bare: f64,
    /// Median over the turns of speed of the bus models ÷ speed of the bare loop.
    pub ratio: f64,
    /// Speed with an FST trace open ÷ speed without.
    pub traced: f64,
    /// Turns.
    pub turns: usize,
}

/// Why the speed could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    /// The run to be repeated failed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The adapter failed.
    #[error(transparent)]
    Adapter(#[from] AdapterFault),
    /// The bare loop could not be run.
    #[error("{path}: cannot run the bare C++ loop: {reason}; build the project again")]
    BareLoop {
        /// The program.
        path: String,
        /// Why.
        reason: String,
    },
    /// The two loops did not do the same.
    #[error(
        "the loops differ: the adapter wrote {rust} bytes under the one and {bare} under the other"
    )]
    Differ {
        /// Bytes.
        rust: u64,
        /// Bytes.
        bare: u64,
    },
    /// A file for the recording or the waveform.
    #[error("cannot keep the recording: {0}")]
    File(#[from] std::io::Error),
}

/// Measures over `frames` frames of 16 connections, in `turns` turns. `program` is the bare loop.
///
/// # Errors
/// When a run failed, or the loops did not do the same.
pub fn measure<M: AdapterModel + 'static>(
    model: impl Fn() -> M,
    program: &Path,
    frames: usize,
    turns: usize,
) -> Result<Speed, SpeedError> {
    let adapter = AdapterSettings {
        write_latency_cycles: 16,
        line_rate: false,
        memory_bytes: 1 << 26,
        ..AdapterSettings::default()
    };
    let (whole_stack, recording) = record(&model, frames, adapter)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("recording");
    recording.write(std::io::BufWriter::new(std::fs::File::create(&file)?))?;
    let mut bare = BareLoop::start(program, &file)?;
    let (mut bare_times, mut bus_times, mut ratios) = (vec![], vec![], vec![]);
    for turn in 0..=turns {
        let (bare_time, bare_bytes) = bare.turn()?;
        let (bus_time, bytes) = bus_loop(&model, &recording, &adapter, None)?;
        if bytes != bare_bytes {
            return Err(SpeedError::Differ {
                rust: bytes,
                bare: bare_bytes,
            });
        }
        // The first turn warms caches up.
        if turn > 0 {
            ratios.push(bare_time / bus_time);
            bare_times.push(bare_time);
            bus_times.push(bus_time);
        }
    }
    let bus_time = median(&mut bus_times);
    let waveform = folder.path().join("waveform.fst");
    let (traced_time, _) = bus_loop(&model, &recording, &adapter, Some(&waveform))?;
    let cycles = recording.cycles as f64;
    Ok(Speed {
        cycles: recording.cycles,
        frames: recording.frames,
        whole_stack,
        buses: cycles / bus_time,
        bare: cycles / median(&mut bare_times),
        ratio: median(&mut ratios),
        traced: bus_time / traced_time,
        turns,
    })
}

/// Runs the whole stack once and keeps what it did to the adapter. Tells clock cycles a second.
fn record<M: AdapterModel + 'static>(
    model: impl Fn() -> M,
    count: usize,
    adapter: AdapterSettings,
) -> Result<(f64, Recording), SpeedError> {
    let mut sources: Vec<_> = (0..16u16)
        .map(|n| TcpFrames::new(40_000 + n, 0xffff_f000))
        .collect();
    let sizes = [1448, 1448, 64, 512, 1448, 1];
    let frames: Rc<[Frame]> = (0..count)
        .map(|n| {
            let bytes = sources[n % 16].next_segment(sizes[n % sizes.len()]);
            let length = bytes.len() as u32;
            Frame {
                number: n as u64 + 1,
                part: 0,
                time_ns: 0,
                bytes,
                captured_len: length,
                original_len: length,
                truncated: false,
            }
        })
        .collect();
    let flows = Rc::new(flows::scan(&frames));
    let settings = ReplaySettings {
        sources: Sources::new(),
        application: Application::Accept,
        pace: Pace::AsSoonAsPossible,
        adapter,
        max_connections: None,
        trace: None,
        streams: None,
    };
    let begin = Instant::now();
    let (_, recording) = record_replay(model(), &frames, &flows, settings)?;
    Ok((
        recording.cycles as f64 / begin.elapsed().as_secs_f64(),
        recording,
    ))
}

/// Clocks a fresh model through the recording. Tells seconds and bytes written.
fn bus_loop<M: AdapterModel>(
    model: impl Fn() -> M,
    recording: &Recording,
    settings: &AdapterSettings,
    trace: Option<&Path>,
) -> Result<(f64, u64), SpeedError> {
    let mut adapter = Adapter::new(model(), settings)?;
    if let Some(path) = trace {
        adapter.open_trace(path)?;
    }
    // The models are made already, here and in the bare loop: only clocks are measured.
    let begin = Instant::now();
    let bytes = recording.replay(&mut adapter)?;
    adapter.close_trace();
    Ok((begin.elapsed().as_secs_f64(), bytes))
}

/// The C++ program, waiting for turns.
struct BareLoop {
    path: String,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl BareLoop {
    fn start(program: &Path, recording: &Path) -> Result<Self, SpeedError> {
        let path = program.display().to_string();
        let fault = |reason: String| SpeedError::BareLoop {
            path: path.clone(),
            reason,
        };
        let mut child = Command::new(program)
            .arg(recording)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| fault(error.to_string()))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(fault("it has no pipes".into()));
        };
        Ok(Self {
            path,
            child,
            orders,
            answers: BufReader::new(answers),
        })
    }

    fn turn(&mut self) -> Result<(f64, u64), SpeedError> {
        let fault = |reason: &str| SpeedError::BareLoop {
            path: self.path.clone(),
            reason: reason.to_owned(),
        };
        writeln!(self.orders, "go")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let (nanoseconds, bytes) = line
            .trim()
            .split_once(' ')
            .ok_or_else(|| fault("it ended before its time"))?;
        match (nanoseconds.parse::<f64>(), bytes.parse()) {
            (Ok(nanoseconds), Ok(bytes)) => Ok((nanoseconds / 1e9, bytes)),
            _ => Err(fault("its answer makes no sense")),
        }
    }
}

impl Drop for BareLoop {
    fn drop(&mut self) {
        // It ends by itself at the end of its input; a failure to wait for it leaves nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
