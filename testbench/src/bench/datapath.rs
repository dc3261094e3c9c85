//! The datapath in clock cycles: latency, frame period and line rate, measured at the adapter's pins.

use toe_driver::registers::{Command, offset};
use toe_sim::adapter::{Adapter, AdapterFault, AdapterModel, AdapterSettings, BusCycle};
use toe_sim::frame_source::WireFrame;
use toe_sim::register_port::Access;

use super::frames::TcpFrames;

/// Latency of a lone frame through an idle adapter, in clock cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Bytes of the frame, FCS included.
    pub frame_bytes: usize,
    /// First beat of the frame taken → first payload beat on the host bus.
    pub first_beat_to_payload: u64,
    /// Last beat of the frame taken → first payload beat on the host bus.
    pub last_beat_to_payload: u64,
    /// Last payload beat acknowledged → event on the host bus.
    pub acknowledged_to_event: u64,
}

/// Throughput of one frame size with the indicate window open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Bytes of the frame, FCS included.
    pub frame_bytes: usize,
    /// Payload bytes of the frame.
    pub payload_bytes: usize,
    /// Clock cycles for each frame.
    pub cycles_per_frame: f64,
    /// Clock cycles that the frame takes on a 10 Gbit/s line, gap and preamble included.
    pub line_cycles_per_frame: f64,
    /// Clock cycles in which the adapter held the frame stream up.
    pub held_cycles: u64,
    /// Payload rate at 156.25 MHz in Gbit/s.
    pub payload_gbit_per_s: f64,
}

/// All figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Datapath {
    /// By frame size.
    pub latency: Vec<Latency>,
    /// Minimum frames as fast as the adapter takes them.
    pub minimum_frames: Throughput,
    /// At the line's own pace, by frame size.
    pub line_rate: Vec<Throughput>,
}

/// Why the datapath could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum DatapathError {
    /// The adapter failed.
    #[error(transparent)]
    Adapter(#[from] AdapterFault),
    /// Something that must happen did not.
    #[error("{0} did not happen within {LIMIT_CYCLES} clock cycles")]
    Missing(&'static str),
}

const LIMIT_CYCLES: u64 = 2_000_000;
const EVENT_RING: u64 = 0x10_0000_0000;
const EVENT_ENTRIES: u32 = 65_536;
const BUFFERS: u64 = EVENT_RING + 8 * EVENT_ENTRIES as u64;
const BUFFER_BYTES: u32 = 16_384;
const BUFFER_COUNT: u16 = 4_000;

/// Frame sizes of the line-rate figures, FCS included.
pub const FRAME_BYTES: [usize; 7] = [64, 128, 256, 512, 1024, 1518, 9018];

/// Headers and FCS of a frame with IPv4 and TCP, no options.
const OVERHEAD_BYTES: usize = 14 + 20 + 20 + 4;

/// Preamble, start delimiter and inter-frame gap.
const GAP_BYTES: usize = 20;

/// Measures everything. `model` makes a new model in reset.
///
/// # Errors
/// When the adapter fails or does not answer.
pub fn measure<M: AdapterModel>(model: impl Fn() -> M) -> Result<Datapath, DatapathError> {
    let latency = [64, 128, 512, 1518, 9018].map(|bytes| latency(model(), bytes));
    let line = FRAME_BYTES.map(|bytes| throughput(model(), bytes, true));
    Ok(Datapath {
        latency: latency.into_iter().collect::<Result<_, _>>()?,
        minimum_frames: throughput(model(), 64, false)?,
        line_rate: line.into_iter().collect::<Result<_, _>>()?,
    })
}

/// An adapter with one connection, an open window and all its buffers, before its first frame.
struct Bench<M> {
    adapter: Adapter<M>,
    frames: TcpFrames,
}

impl<M: AdapterModel> Bench<M> {
    fn new(model: M, line_rate: bool) -> Result<Self, DatapathError> {
        let settings = AdapterSettings {
            write_latency_cycles: 0,
            line_rate,
            ..Default::default()
        };
        let mut adapter = Adapter::new(model, &settings)?;
        let buffers = u64::from(BUFFER_BYTES) * u64::from(BUFFER_COUNT);
        adapter
            .memory
            .grant(EVENT_RING, 8 * u64::from(EVENT_ENTRIES) + buffers);
        adapter
            .memory
            .watch(EVENT_RING, 8 * u64::from(EVENT_ENTRIES));
        let sequence = 0xffff_ff00;
        let source_port = 40_000;
        let commands = [
            Command::GrantAnonymousBuffers {
                address: BUFFERS,
                first_buffer: 0,
                count: BUFFER_COUNT,
            },
            Command::SetSourceAddress {
                address: TcpFrames::SOURCE,
            },
            Command::SetDestinationAddress {
                address: TcpFrames::DESTINATION,
            },
            Command::Offload {
                connection: 0,
                destination_port: TcpFrames::DESTINATION_PORT,
                source_port,
                receive_next: sequence,
                indicate_window_size: u32::MAX,
                ipv6: false,
            },
        ];
        let registers = [
            (offset::EVENT_RING_ADDRESS_LOW, EVENT_RING as u32),
            (offset::EVENT_RING_ADDRESS_HIGH, (EVENT_RING >> 32) as u32),
            (offset::EVENT_RING_ENTRIES, EVENT_ENTRIES),
            (offset::ANONYMOUS_BUFFER_BYTES, BUFFER_BYTES),
            (offset::CONTROL, 1),
        ];
        let words = commands
            .iter()
            .flat_map(|command| (offset::COMMAND..).step_by(4).zip(command.words()));
        for (offset, value) in registers.into_iter().chain(words) {
            adapter.push_access(Access::Write { offset, value });
        }
        let mut bench = Self {
            adapter,
            frames: TcpFrames::new(source_port, sequence),
        };
        bench.until("the answer to the offload", |bench, _| {
            bench.adapter.memory.has_watched()
        })?;
        while bench.adapter.memory.take_watched().is_some() {}
        for _ in 0..BUFFER_COUNT {
            bench.adapter.step()?;
        }
        Ok(bench)
    }

    fn push(&mut self, frame_bytes: usize) {
        let payload = frame_bytes.saturating_sub(OVERHEAD_BYTES);
        let bytes = self.frames.next_segment(payload as u16);
        self.adapter.push_frame(WireFrame { bytes, bad: false });
    }

    /// Clocks until `done`; the cycle in which it was.
    fn until(
        &mut self,
        what: &'static str,
        mut done: impl FnMut(&mut Self, &BusCycle) -> bool,
    ) -> Result<u64, DatapathError> {
        for _ in 0..LIMIT_CYCLES {
            let cycle = self.adapter.cycle();
            let bus = self.adapter.step()?;
            if done(self, &bus) {
                return Ok(cycle);
            }
        }
        Err(DatapathError::Missing(what))
    }
}

fn is_event(bus: &BusCycle) -> bool {
    let address = bus.request.aw_address;
    bus.request.aw_valid && (EVENT_RING..BUFFERS).contains(&address)
}

fn latency<M: AdapterModel>(model: M, frame_bytes: usize) -> Result<Latency, DatapathError> {
    let mut bench = Bench::new(model, true)?;
    // The second frame is measured: the first warms nothing up, but shows that the adapter came back to rest.
    let mut measured = None;
    for _ in 0..2 {
        bench.push(frame_bytes);
        let (mut first_beat, mut last_beat, mut payload, mut answered) = (None, None, None, None);
        let event = bench.until("the event of a frame", |bench, bus| {
            let now = bench.adapter.cycle() - 1;
            if bus.frame.valid && bus.frame_ready {
                first_beat.get_or_insert(now);
                if bus.frame.last {
                    last_beat = Some(now);
                }
            }
            if bus.request.w_valid {
                payload.get_or_insert(now);
            }
            if is_event(bus) {
                return true;
            }
            if bus.answer.b_valid && bus.request.b_ready {
                answered = Some(now);
            }
            false
        })?;
        let missing = DatapathError::Missing("a payload beat before the event of a frame");
        let (Some(first), Some(last), Some(payload), Some(answered)) =
            (first_beat, last_beat, payload, answered)
        else {
            return Err(missing);
        };
        measured = Some(Latency {
            frame_bytes,
            first_beat_to_payload: payload - first,
            last_beat_to_payload: payload - last,
            acknowledged_to_event: event - answered,
        });
        bench.until("rest after a frame", |bench, _| {
            !bench.adapter.memory.busy()
        })?;
        for _ in 0..64 {
            bench.adapter.step()?;
        }
    }
    measured.ok_or(DatapathError::Missing("a measured frame"))
}

fn throughput<M: AdapterModel>(
    model: M,
    frame_bytes: usize,
    line_rate: bool,
) -> Result<Throughput, DatapathError> {
    let mut bench = Bench::new(model, line_rate)?;
    let count: u64 = if frame_bytes > 2000 { 200 } else { 1000 };
    for _ in 0..count {
        bench.push(frame_bytes);
    }
    let payload_bytes = frame_bytes.saturating_sub(OVERHEAD_BYTES);
    let written_before = bench.adapter.memory.traffic().bytes;
    let (mut taken, mut start, mut held) = (0, 0, 0);
    // The first frames fill the pipeline; from then on frames in and bytes out must keep pace.
    let warm = count / 10;
    bench.until("the last frame", |bench, bus| {
        if bus.frame.valid && !bus.frame_ready {
            held += 1;
        }
        if bus.frame.valid && bus.frame_ready && bus.frame.last {
            taken += 1;
            if taken == warm {
                start = bench.adapter.cycle();
                held = 0;
            }
        }
        taken == count
    })?;
    let end = bench.adapter.cycle();
    let mut events = 0;
    while bench.adapter.memory.take_watched().is_some() {
        events += 1;
    }
    let all = count * payload_bytes as u64;
    bench.until("the last payload byte", |bench, _| {
        let watched = u64::from(bench.adapter.memory.take_watched().is_some());
        events += watched;
        bench.adapter.memory.traffic().bytes - written_before - 8 * events >= all
            && !bench.adapter.memory.busy()
    })?;
    // What was still on its way when the last frame was in counts as time.
    let drain = bench.adapter.cycle().saturating_sub(end);
    let lag = drain.saturating_sub(64 + (frame_bytes as u64).div_ceil(8));
    let frames = (count - warm) as f64;
    let cycles_per_frame = (end - start + lag) as f64 / frames;
    Ok(Throughput {
        frame_bytes,
        payload_bytes,
        cycles_per_frame,
        line_cycles_per_frame: (frame_bytes + GAP_BYTES) as f64 / 8.0,
        held_cycles: held,
        payload_gbit_per_s: payload_bytes as f64 * 8.0 / (cycles_per_frame * 6.4),
    })
}
