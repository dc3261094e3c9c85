//! Replays a capture against the adapter: settings, outcome, and the run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;

use toe_driver::registers::Counter;
use toe_driver::{Driver, DriverStatistics, Error, Sources};
use toe_sim::adapter::{Adapter, AdapterFault, AdapterModel, AdapterSettings};
use toe_sim::recording::Recording;

use super::applications::{Application, ApplicationError};
use super::peer::Peer;
use super::progress::ProgressBook;
use super::scoreboard::{ConnectionScore, Scoreboard, StreamOracle};
use super::sink::SinkError;
use super::time::{World, WorldFault};
use crate::capture::Frame;
use crate::flows::{Flows, SeqNumber, Stream};

/// When the peer sends its frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as the adapter takes them.
    AsSoonAsPossible,
    /// At the capture's own times.
    Captured,
    /// At a line rate in bits a second, frame overhead included.
    Rate(f64),
}

/// How a capture is replayed.
pub struct ReplaySettings {
    /// Sources of the driver's settings.
    pub sources: Sources,
    /// The applications.
    pub application: Application,
    /// The peer's pace.
    pub pace: Pace,
    /// Buses, stalls and seed.
    pub adapter: AdapterSettings,
    /// Connections offloaded at once at the most; the adapter's own number if that is lower.
    pub max_connections: Option<u32>,
    /// Waveform to write.
    pub trace: Option<PathBuf>,
    /// Folder to write each stream's bytes to.
    pub streams: Option<PathBuf>,
}

/// How one direction of a flow fared.
#[derive(Debug, Clone)]
pub struct StreamOutcome {
    /// Index in [`Flows::streams`].
    pub stream: usize,
    /// Bytes that the application got.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
    /// Every byte that the capture holds before the first hole was delivered, and the end with them.
    pub all_delivered: bool,
    /// It went the host path, at least at the beginning, because the adapter had no room.
    pub host_path: bool,
    /// Counts from the scoreboard.
    pub score: ConnectionScore,
    /// Bytes that the driver copied.
    pub copied_bytes: u64,
    /// Segments that the peer sent again.
    pub sent_again: u64,
}

/// How a replay went.
#[derive(Debug, Clone, Default)]
pub struct ReplayOutcome {
    /// One for each stream.
    pub streams: Vec<StreamOutcome>,
    /// Frames given to the MAC, those sent again included.
    pub frames: u64,
    /// Frames that the peer sent again because the adapter had not taken them.
    pub sent_again: u64,
    /// Streams that found no room in the adapter.
    pub host_path_streams: u64,
    /// Offloads ended to make room.
    pub evictions: u64,
    /// The adapter's counters.
    pub counters: Vec<(Counter, u32)>,
    /// The driver's counts.
    pub driver: DriverStatistics,
    /// Clock cycles from reset to the end.
    pub cycles: u64,
    /// Frames that reached the host stack.
    pub host_frames: u64,
}

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The adapter or the scoreboard found a fault.
    #[error(transparent)]
    World(#[from] WorldFault),
    /// The driver failed.
    #[error(transparent)]
    Driver(#[from] Error),
    /// An application failed.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// A stream's file could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The model could not be set up.
    #[error(transparent)]
    Adapter(#[from] AdapterFault),
}

/// The scoreboard's view of a stream.
struct Oracle {
    flows: Rc<Flows>,
    stream: usize,
}

impl Oracle {
    fn stream(&self) -> &Stream {
        &self.flows.streams[self.stream]
    }
}

impl StreamOracle for Oracle {
    fn offset_of(&self, sequence: u32, near: u64) -> u64 {
        let beyond = SeqNumber(sequence).since(self.stream().first_byte.plus(near));
        near.saturating_add_signed(beyond)
    }

    fn first_wrong(&self, offset: u64, bytes: &[u8]) -> Option<usize> {
        let stream = self.stream();
        if stream.matches(offset, bytes) {
            return None;
        }
        (0..bytes.len())
            .find(|&at| !stream.matches(offset + at as u64, &bytes[at..=at]))
            .or(Some(0))
    }

    fn finish(&self) -> Option<u64> {
        self.stream().fin
    }
}

/// Replays `frames`, which `flows` describes, against `model`. `report` is called now and then with the frames
/// sent and the clock cycle.
///
/// # Errors
/// When the adapter, the driver or an application failed. Streams that stayed incomplete are no error: the
/// outcome tells.
pub fn run_replay<M: AdapterModel + 'static>(
    model: M,
    frames: &Rc<[Frame]>,
    flows: &Rc<Flows>,
    settings: ReplaySettings,
    mut report: impl FnMut(u64, u64) + 'static,
) -> Result<ReplayOutcome, ReplayError> {
    let mut adapter = Adapter::new(model, &settings.adapter)?;
    if let Some(path) = &settings.trace {
        adapter.open_trace(path)?;
    }
    let world = World::new(adapter, Scoreboard::new());
    world.on_progress(move |cycle, frames| report(frames, cycle));
    let task = replay(world.clone(), Rc::clone(frames), Rc::clone(flows), settings);
    let outcome = world.run(task);
    world.adapter().close_trace();
    outcome?
}

/// The same, keeping what was done to the adapter. For runs without stalls and without a line rate.
///
/// # Errors
/// As [`run_replay`].
pub fn record_replay<M: AdapterModel + 'static>(
    model: M,
    frames: &Rc<[Frame]>,
    flows: &Rc<Flows>,
    settings: ReplaySettings,
) -> Result<(ReplayOutcome, Recording), ReplayError> {
    let latency = settings.adapter.write_latency_cycles;
    let mut adapter = Adapter::new(model, &settings.adapter)?;
    adapter.start_recording();
    let world = World::new(adapter, Scoreboard::new());
    let task = replay(world.clone(), Rc::clone(frames), Rc::clone(flows), settings);
    let outcome = world.run(task)??;
    let recording = world.adapter().take_recording(latency).unwrap_or_default();
    Ok((outcome, recording))
}

async fn replay<M: AdapterModel + 'static>(
    world: World<M>,
    frames: Rc<[Frame]>,
    flows: Rc<Flows>,
    settings: ReplaySettings,
) -> Result<ReplayOutcome, ReplayError> {
    let book = ProgressBook::default();
    let bus = world.bus();
    let driver = Driver::new(bus.clone(), bus)
        .observed_by(book.clone())
        .bring_up(&settings.sources)
        .await?;
    let host_frames = Rc::new(RefCell::new(VecDeque::new()));
    let mut receiver = driver.host_frames();
    let queue = Rc::clone(&host_frames);
    world.spawn(async move {
        while let Ok(frame) = receiver.receive().await {
            queue.borrow_mut().push_back(frame);
        }
    });
    let mut peer = Peer::new(world.clone(), driver.clone(), book, frames, flows, settings);
    peer.host_frames = host_frames;
    let failed = peer.failure();
    tokio::select! {
        biased;
        stopped = driver.run() => match stopped { Ok(never) => match never {}, Err(error) => Err(error.into()) },
        error = failed => Err(error),
        outcome = peer.run() => outcome,
    }
}

/// The scoreboard's view of stream `stream`.
pub(super) fn oracle(flows: &Rc<Flows>, stream: usize) -> Rc<dyn StreamOracle> {
    Rc::new(Oracle {
        flows: Rc::clone(flows),
        stream,
    })
}
