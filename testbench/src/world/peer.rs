//! The peers of a capture, and the host stack that hands their connections over.
//!
//! A captured peer cannot react, so this one does for it what TCP would: it sends nothing beyond the receive
//! window, and sends again what the adapter did not take (no room for another gap, say). What it sends is
//! always a frame of the capture.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use toe_driver::{Offload, SeqNumber, Uploaded, Watch};
use toe_sim::adapter::AdapterModel;
use toe_sim::frame_source::WireFrame;
use tokio::sync::oneshot;

use super::applications::{ApplicationError, Toe};
use super::progress::{Progress, ProgressBook};
use super::replay::{Pace, ReplayError, ReplayOutcome, ReplaySettings, StreamOutcome, oracle};
use super::sink::Sink;
use super::time::{World, nanoseconds_to_cycles};
use crate::capture::Frame;
use crate::flows::{self, Flows, Start, Verdict};
use crate::report::stream_file_names;

/// Cycles without a delivery after which nothing more is on its way: longer than any frame, and than the buses'
/// latency under heavy stalls.
const QUIET_CYCLES: u64 = 8_192;

/// Cycles between looks at the bus.
const LOOK_CYCLES: u64 = 256;

/// Frames that wait at the MAC.
const FRAMES_AHEAD: usize = 2;

/// Preamble, start delimiter, FCS and gap of a frame on the line.
const FRAME_OVERHEAD_BYTES: usize = 24;

/// An offloaded stretch of a stream.
struct Live {
    progress: Rc<Progress>,
    watch: Watch,
    /// Its number at the adapter.
    connection: u16,
    upload: oneshot::Sender<()>,
    uploaded: oneshot::Receiver<Uploaded>,
    last_sent_cycle: u64,
}

impl Live {
    /// The application has taken all that it will take: all that was delivered, or, behind a reset, what it
    /// wanted; the upload hands over the rest.
    fn is_taken(&self) -> bool {
        self.progress.reset.get() || self.watch.queued_bytes() == 0
    }
}

enum Status {
    /// No frame of it was sent yet.
    New,
    Live(Live),
    /// Uploaded; goes on here.
    Parked(SeqNumber),
    /// Uploaded behind FIN or RST.
    Closed,
    /// The host stack keeps it.
    HostPath,
}

struct StreamState {
    status: Status,
    sink: Rc<RefCell<Sink>>,
    /// Bytes delivered in earlier stretches.
    delivered_before: u64,
    closed: bool,
    reset: bool,
    copied_bytes: u64,
    sent_again: u64,
    host_path: bool,
}

impl StreamState {
    fn is_closed(&self) -> bool {
        self.closed || matches!(&self.status, Status::Live(live) if live.progress.closed.get())
    }

    fn is_reset(&self) -> bool {
        self.reset || matches!(&self.status, Status::Live(live) if live.progress.reset.get())
    }
}

#[derive(Default)]
struct Failure {
    error: Option<ReplayError>,
    waker: Option<Waker>,
}

/// All peers of a capture.
pub(super) struct Peer<M: AdapterModel + 'static> {
    world: World<M>,
    driver: Toe<M>,
    book: ProgressBook,
    frames: Rc<[Frame]>,
    flows: Rc<Flows>,
    /// For each stream, the one before of the same endpoints.
    predecessors: Vec<Option<usize>>,
    settings: ReplaySettings,
    states: Vec<StreamState>,
    /// Live streams, the one longest without a frame first.
    live: VecDeque<usize>,
    /// Frames that reached the host stack.
    pub(super) host_frames: Rc<RefCell<VecDeque<Vec<u8>>>>,
    failure: Rc<RefCell<Failure>>,
    outcome: ReplayOutcome,
    line_free_cycle: f64,
}

impl<M: AdapterModel + 'static> Peer<M> {
    pub fn new(
        world: World<M>,
        driver: Toe<M>,
        book: ProgressBook,
        frames: Rc<[Frame]>,
        flows: Rc<Flows>,
        settings: ReplaySettings,
    ) -> Self {
        Self {
            world,
            driver,
            book,
            frames,
            predecessors: flows.predecessors(),
            flows,
            settings,
            states: Vec::new(),
            live: VecDeque::new(),
            host_frames: Rc::default(),
            failure: Rc::default(),
            outcome: ReplayOutcome::default(),
            line_free_cycle: 0.0,
        }
    }

    /// Resolves when an application fails.
    pub fn failure(&self) -> impl Future<Output = ReplayError> + 'static {
        let failure = Rc::clone(&self.failure);
        poll_fn(move |context| {
            let mut failure = failure.borrow_mut();
            match failure.error.take() {
                Some(error) => Poll::Ready(error),
                None => {
                    failure.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }

    /// Sends every frame, waits for every byte, ends every offload.
    pub async fn run(mut self) -> Result<ReplayOutcome, ReplayError> {
        for name in stream_file_names(&self.flows.streams) {
            let folder = self.settings.streams.as_ref();
            let path = folder.map(|folder| folder.join(name));
            self.states.push(StreamState {
                status: Status::New,
                sink: Rc::new(RefCell::new(Sink::new(path.as_deref())?)),
                delivered_before: 0,
                closed: false,
                reset: false,
                copied_bytes: 0,
                sent_again: 0,
                host_path: false,
            });
        }
        let frames = Rc::clone(&self.frames);
        let flows = Rc::clone(&self.flows);
        let start = self.world.cycle();
        let first_ns = frames.first().map_or(0, |frame| frame.time_ns);
        for (index, frame) in frames.iter().enumerate() {
            if self.settings.pace == Pace::Captured {
                let due = nanoseconds_to_cycles(frame.time_ns.saturating_sub(first_ns));
                self.world.sleep_until(start + due).await;
            }
            match flows.verdicts[index] {
                Verdict::Segment { stream, .. } => self.segment(index, stream).await?,
                _ => self.send(&frame.bytes).await,
            }
        }
        for stream in 0..self.states.len() {
            self.complete(stream).await?;
        }
        for stream in 0..self.states.len() {
            self.park(stream).await?;
        }
        self.finish().await
    }

    /// Sends one segment of a stream, offloading the stream first where that is due.
    async fn segment(&mut self, index: usize, stream: usize) -> Result<(), ReplayError> {
        let frames = Rc::clone(&self.frames);
        let flows = Rc::clone(&self.flows);
        let (frame, known) = (&frames[index], &flows.streams[stream]);
        let is_new = matches!(self.states[stream].status, Status::New);
        if is_new && let Some(old) = self.predecessors[stream] {
            self.complete(old).await?;
            self.park(old).await?;
        }
        if is_new && known.start == Start::Syn && known.first_frame == index {
            self.send(&frame.bytes).await;
            self.await_host(&frame.bytes).await;
            self.offload(stream).await?;
            if let Some(data) = flows::data_behind_syn(&frame.bytes) {
                self.send_on(stream, &data).await;
            }
            return Ok(());
        }
        if matches!(self.states[stream].status, Status::New | Status::Parked(_)) {
            self.offload(stream).await?;
        }
        let Verdict::Segment { offset, .. } = flows.verdicts[index] else {
            return Ok(());
        };
        let end = known
            .segments
            .iter()
            .find(|segment| segment.frame == index)
            .map_or(offset, |segment| segment.end());
        if self.wait_for_room(stream, end).await {
            self.send_on(stream, &frame.bytes).await;
        }
        Ok(())
    }

    /// Waits until the receive window takes bytes up to `end`. False when that will not come about by waiting: the segment
    /// is left for [`Peer::complete`].
    async fn wait_for_room(&self, stream: usize, end: i64) -> bool {
        let ring = i64::from(self.driver.receive_ring_bytes());
        loop {
            let state = &self.states[stream];
            let Status::Live(live) = &state.status else {
                return true;
            };
            let before = self.delivered(stream);
            if state.is_reset() || end <= before as i64 + ring {
                return true;
            }
            if !self.moved(live).await && self.delivered(stream) == before {
                return false;
            }
        }
    }

    /// Bytes of a stream that left the receive ring towards the host.
    fn delivered(&self, stream: usize) -> u64 {
        let state = &self.states[stream];
        let live = match &state.status {
            Status::Live(live) => {
                live.progress.delivered.get() + self.placed(live).unwrap_or_default()
            }
            _ => 0,
        };
        state.delivered_before + live
    }

    /// Bytes that stand in Named Buffers that have not come back, as the bus saw them; `None` if the adapter has none.
    fn placed(&self, live: &Live) -> Option<u64> {
        let adapter = self.world.adapter();
        self.world
            .scoreboard()
            .placed(live.connection, &adapter.memory)
    }

    /// Waits for the next news of a connection. False when none will come unless another frame is sent.
    async fn moved(&self, live: &Live) -> bool {
        let placed = self.placed(live);
        let mut quiet_cycles = 0;
        loop {
            // No event tells of bytes placed in a Named Buffer, so the bus is looked at.
            let cycles = match placed {
                Some(_) => LOOK_CYCLES,
                None => QUIET_CYCLES,
            };
            let news = live.progress.changed.notified();
            let moved = tokio::select! {
                biased;
                () = news => true,
                () = self.world.sleep(cycles) => self.placed(live) != placed,
            };
            if moved {
                return true;
            }
            quiet_cycles += cycles;
            let quiet = quiet_cycles >= QUIET_CYCLES;
            if quiet && live.is_taken() && self.world.adapter().frames_queued() == 0 {
                return false;
            }
        }
    }

    /// Hands a frame of an offloaded stream to the MAC.
    async fn send_on(&mut self, stream: usize, frame: &[u8]) {
        self.send(frame).await;
        let cycle = self.world.cycle();
        if let Status::Live(live) = &mut self.states[stream].status {
            live.last_sent_cycle = cycle;
            if self.live.back() != Some(&stream) {
                self.live.retain(|&other| other != stream);
                self.live.push_back(stream);
            }
        }
    }

    /// Hands a frame to the MAC when the line is free.
    async fn send(&mut self, frame: &[u8]) {
        if let Pace::Rate(bits) = self.settings.pace {
            let bytes = (frame.len().max(60) + FRAME_OVERHEAD_BYTES) as f64;
            let cycles = bytes * 8.0 / bits * 1e12 / toe_sim::adapter::CYCLE_PICOSECONDS as f64;
            self.world.sleep_until(self.line_free_cycle as u64).await;
            self.line_free_cycle = self.line_free_cycle.max(self.world.cycle() as f64) + cycles;
        }
        self.world.frames_below(FRAMES_AHEAD).await;
        let bytes: Rc<[u8]> = frame.into();
        self.world.scoreboard().frame_sent(bytes);
        self.world.adapter().push_frame(WireFrame {
            bytes: frame.to_vec(),
            bad: false,
        });
        self.outcome.frames += 1;
    }

    /// Waits until the host stack has seen a frame, or nothing more can come.
    async fn await_host(&self, frame: &[u8]) {
        let mut quiet_since = self.world.cycle();
        loop {
            while let Some(arrived) = self.host_frames.borrow_mut().pop_front() {
                if arrived == frame {
                    return;
                }
                quiet_since = self.world.cycle();
            }
            if self.world.cycle() - quiet_since > QUIET_CYCLES {
                return;
            }
            self.world.sleep(64).await;
        }
    }

    /// Offloads a stream, making room if there is none (B5).
    async fn offload(&mut self, stream: usize) -> Result<(), ReplayError> {
        let flows = Rc::clone(&self.flows);
        let known = &flows.streams[stream];
        let receive_next = match self.states[stream].status {
            Status::Parked(receive_next) => receive_next,
            _ => SeqNumber::new(known.first_byte.0),
        };
        let room = self
            .settings
            .max_connections
            .unwrap_or(u32::MAX)
            .min(self.driver.connections());
        if self.live.len() as u64 >= u64::from(room) && !self.make_room().await? {
            self.keep_on_host(stream);
            return Ok(());
        }
        let direction = (known.source, known.destination);
        self.world
            .scoreboard()
            .expect_stream(direction, stream, oracle(&flows, stream));
        let offload = Offload {
            source: known.source,
            destination: known.destination,
            receive_next,
            indicate_window_size: None,
        };
        let connection = match self.driver.offload(offload).await {
            Ok(connection) => connection,
            Err(toe_driver::Error::OffloadDeclined { .. }) => {
                self.keep_on_host(stream);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let (upload, upload_asked) = oneshot::channel::<()>();
        let (uploaded_is, uploaded) = oneshot::channel();
        let live = Live {
            progress: self.book.of(connection.id().get()),
            watch: connection.watch(),
            connection: connection.id().get(),
            upload,
            uploaded,
            last_sent_cycle: self.world.cycle(),
        };
        let application = self.settings.application;
        let driver = self.driver.clone();
        let sink = Rc::clone(&self.states[stream].sink);
        let (world, failure) = (self.world.clone(), Rc::clone(&self.failure));
        self.world.spawn(async move {
            let asked = async { upload_asked.await.unwrap_or_default() };
            match application
                .run(world, driver, connection, sink, asked)
                .await
            {
                // The peer may be gone already when the run was given up.
                Ok(state) => drop(uploaded_is.send(state)),
                Err(error) => fail(&failure, error),
            }
        });
        self.states[stream].status = Status::Live(live);
        self.live.push_back(stream);
        Ok(())
    }

    fn keep_on_host(&mut self, stream: usize) {
        let state = &mut self.states[stream];
        state.status = Status::HostPath;
        if !std::mem::replace(&mut state.host_path, true) {
            self.outcome.host_path_streams += 1;
        }
    }

    /// Ends the offload of an idle stream; false when none is idle.
    async fn make_room(&mut self) -> Result<bool, ReplayError> {
        for _ in 0..2 {
            let now = self.world.cycle();
            let idle = |stream: &&usize| match &self.states[**stream].status {
                Status::Live(live) => live.is_taken() && now - live.last_sent_cycle > QUIET_CYCLES,
                _ => false,
            };
            let ended = |stream: &&usize| {
                let state = &self.states[**stream];
                state.is_closed() || state.is_reset()
            };
            let candidates = || self.live.iter().filter(idle);
            let chosen = candidates()
                .find(ended)
                .or_else(|| candidates().next())
                .copied();
            if let Some(stream) = chosen {
                self.outcome.evictions += 1;
                self.park(stream).await?;
                return Ok(true);
            }
            self.world.sleep(QUIET_CYCLES + 1).await;
        }
        Ok(false)
    }

    /// Ends the offload of a stream (B6) and keeps what is needed to go on.
    async fn park(&mut self, stream: usize) -> Result<(), ReplayError> {
        let status = std::mem::replace(&mut self.states[stream].status, Status::Closed);
        let Status::Live(live) = status else {
            self.states[stream].status = status;
            return Ok(());
        };
        self.live.retain(|&other| other != stream);
        // The application may have failed: then nobody listens, and `failure` ends the run.
        let _ = live.upload.send(());
        let Ok(uploaded) = live.uploaded.await else {
            return std::future::pending().await;
        };
        let state = &mut self.states[stream];
        state.delivered_before += live.progress.delivered.get();
        state.closed |= uploaded.finished;
        state.reset |= uploaded.reset;
        state.copied_bytes += uploaded.statistics.copied_bytes;
        if !uploaded.finished && !uploaded.reset {
            state.status = Status::Parked(uploaded.receive_next);
        }
        Ok(())
    }

    /// Sends again what is missing of a stream though the capture holds it, as a peer's retransmission timer would.
    async fn complete(&mut self, stream: usize) -> Result<(), ReplayError> {
        let flows = Rc::clone(&self.flows);
        let frames = Rc::clone(&self.frames);
        let known = &flows.streams[stream];
        let expected = known.expected().len() as u64;
        let mut tried = None;
        loop {
            let state = &self.states[stream];
            let delivered = self.delivered(stream);
            let wants_fin = known.fin == Some(expected) && !state.is_closed();
            let wants_reset = known.reset == Some(expected) && !state.is_reset();
            let wants = (delivered, wants_fin, wants_reset);
            if state.is_reset() || (delivered >= expected && !wants_fin && !wants_reset) {
                return Ok(());
            }
            match &state.status {
                Status::Live(live) => {
                    if self.moved(live).await {
                        continue;
                    }
                }
                Status::Parked(_) => self.offload(stream).await?,
                _ => return Ok(()),
            }
            if self.delivered(stream) != delivered {
                continue;
            }
            if tried == Some(wants) {
                // The adapter does not take it: the outcome tells.
                return Ok(());
            }
            tried = Some(wants);
            let next = known
                .segments_covering(delivered..delivered + 1)
                .next()
                .or_else(|| {
                    known
                        .segments
                        .iter()
                        .find(|segment| segment.reset && wants_reset)
                });
            let Some(segment) = next else { return Ok(()) };
            let bytes = &frames[segment.frame].bytes;
            let again = if segment.syn {
                flows::data_behind_syn(bytes)
            } else {
                Some(bytes.clone())
            };
            let Some(again) = again else { return Ok(()) };
            self.states[stream].sent_again += 1;
            self.send_on(stream, &again).await;
        }
    }

    async fn finish(mut self) -> Result<ReplayOutcome, ReplayError> {
        self.world.sleep(QUIET_CYCLES).await;
        self.outcome.counters = self.driver.counters().await?;
        self.outcome.driver = self.driver.statistics();
        self.outcome.cycles = self.world.cycle();
        self.outcome.host_frames = self.world.scoreboard().host_frames();
        for (index, state) in self.states.iter().enumerate() {
            let known = &self.flows.streams[index];
            let expected = known.expected().len() as u64;
            let mut sink = state.sink.borrow_mut();
            sink.flush()?;
            let ended = known.fin != Some(expected) || state.closed || state.reset;
            self.outcome.sent_again += state.sent_again;
            self.outcome.streams.push(StreamOutcome {
                stream: index,
                bytes: sink.bytes(),
                sha256: sink.sha256(),
                all_delivered: sink.bytes() == expected && ended,
                host_path: state.host_path,
                score: self.world.scoreboard().score(index, self.outcome.cycles),
                copied_bytes: state.copied_bytes,
                sent_again: state.sent_again,
            });
        }
        Ok(self.outcome)
    }
}

fn fail(failure: &RefCell<Failure>, error: ApplicationError) {
    let mut failure = failure.borrow_mut();
    failure.error.get_or_insert(error.into());
    if let Some(waker) = failure.waker.take() {
        waker.wake();
    }
}
