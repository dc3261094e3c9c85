//! `rtl/tcp/segment_acceptor.v` with the gap tracker and the payload placer: what is accepted of any segment, to the
//! byte, wherever the window's end is.

mod receive_bench;

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use receive_bench::connection::content;
use receive_bench::reference::{FIN, Fate, RST, Stream};
use toe_driver::registers::Counter;
use toe_registers::bundles::{Arrival, ArrivalKind, Segment, SegmentKind};
use toe_sim::models::SegmentPath;
use toe_sim::trial::trials;
use verilated::{Context, Error};

const CONNECTIONS: usize = 4;
const RING: i64 = 256;
const GAPS: usize = 3;

#[derive(Clone, Default)]
struct Connection {
    open: bool,
    generation: u32,
    base: u32,
    stream: Stream,
    freed: i64,
}

/// A segment that was sent: what it does is worked out when the path takes its header, for then the window counts.
struct Sent {
    number: usize,
    kind: SegmentKind,
    offset: i64,
    length: i64,
    flags: u8,
    good: bool,
    window: u32,
}

/// A range that has arrived, to be compared with the ring once it is written.
struct Check {
    cycle: u64,
    number: usize,
    generation: u32,
    /// Sequence number of offset 0, in that generation.
    base: u32,
    from: i64,
    to: i64,
}

struct Bench {
    dut: SegmentPath,
    rng: ChaCha8Rng,
    cycle: u64,
    chances: [u32; 4],
    connections: Vec<Connection>,
    /// Bytes of each ring as they were written.
    rings: Vec<[u8; RING as usize]>,
    current: Option<Sent>,
    beats: VecDeque<(u64, bool)>,
    verdict: Option<bool>,
    /// Arrivals that must come, in order, with the last offset that counts.
    expected: VecDeque<Arrival>,
    counted: [u64; 32],
    wanted: [u64; 32],
    /// By cycle.
    checks: VecDeque<Check>,
    arrived: Vec<i64>,
    offered: [bool; 3],
    arrivals: Vec<u64>,
    verdicts: Vec<u64>,
}

impl Bench {
    fn start(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new()
            .seed(seed)
            .random_reset(verilated::RandomReset::Random);
        let mut dut = SegmentPath::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_segment_valid(0);
        dut.set_payload_valid(0);
        dut.set_verdict_valid(0);
        dut.set_freed_valid(0);
        dut.cycle()?;
        dut.cycle()?;
        dut.set_rst(0);
        Ok(Bench {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            cycle: 0,
            chances: [0; 4],
            connections: vec![Connection::default(); CONNECTIONS],
            rings: vec![[0; RING as usize]; CONNECTIONS],
            current: None,
            beats: VecDeque::new(),
            verdict: None,
            expected: VecDeque::new(),
            counted: [0; 32],
            wanted: [0; 32],
            checks: VecDeque::new(),
            arrived: vec![0; CONNECTIONS],
            offered: [false; 3],
            arrivals: Vec::new(),
            verdicts: Vec::new(),
        })
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.rng.next_u32() % limit.max(1)
    }

    fn goes(&mut self, stream: usize) -> bool {
        self.chances[stream] == 0 || self.rng.next_u32() % 256 >= self.chances[stream]
    }

    /// Sends one segment and waits until it has its verdict.
    fn send(&mut self, sent: Sent) -> Result<(), Error> {
        let c = &self.connections[sent.number];
        let generation = c.generation + u32::from(sent.kind == SegmentKind::Open);
        let header = Segment {
            kind: sent.kind,
            connection: sent.number as u16,
            sequence_number: c.base.wrapping_add(sent.offset as u32),
            acknowledgement_number: sent.window,
            flags: sent.flags,
            payload_length: sent.length as u16,
            ..Segment::default()
        };
        let wrong = if sent.good { 0 } else { 0x5a };
        let bytes: Vec<u8> = (0..sent.length)
            .map(|i| content(sent.number, generation, sent.offset + i) ^ wrong)
            .collect();
        let count = bytes.len().div_ceil(8);
        for (index, part) in bytes.chunks(8).enumerate() {
            let mut word = [0xee; 8];
            word[..part.len()].copy_from_slice(part);
            self.beats
                .push_back((u64::from_le_bytes(word), index + 1 == count));
        }
        self.verdict = (sent.kind == SegmentKind::Data).then_some(sent.good);
        self.dut.set_segment_header(&header.pack());
        self.current = Some(sent);
        self.offered = [false; 3];
        let deadline = self.cycle + 40_000;
        while self.current.is_some() || !self.beats.is_empty() || self.verdict.is_some() {
            self.step(None)?;
            assert!(self.cycle < deadline, "hangs");
        }
        Ok(())
    }

    /// The header was taken: the window's end that counts is the one of this cycle.
    fn taken(&mut self, sent: &Sent) {
        let c = &mut self.connections[sent.number];
        let connection = sent.number as u16;
        match sent.kind {
            SegmentKind::Open => {
                *c = Connection {
                    open: true,
                    generation: c.generation + 1,
                    base: c.base,
                    ..Connection::default()
                };
                self.arrived[sent.number] = 0;
                self.expected.push_back(Arrival {
                    kind: ArrivalKind::Open,
                    connection,
                    sequence_number: c.base,
                    value: sent.window,
                });
            }
            SegmentKind::Close => {
                c.open = false;
                self.expected.push_back(Arrival {
                    kind: ArrivalKind::Close,
                    connection,
                    sequence_number: c.base.wrapping_add(c.stream.next as u32),
                    value: u32::from(c.stream.finished()) | u32::from(c.stream.reset) << 1,
                });
            }
            SegmentKind::Data if sent.good => {
                let before = (c.stream.next, c.stream.finished(), c.stream.reset);
                let edge = c.freed + RING;
                let fate = c
                    .stream
                    .take(sent.offset, sent.length, sent.flags, edge, GAPS);
                let sequence_number = c.base.wrapping_add(c.stream.next as u32);
                let arrival = |kind| Arrival {
                    kind,
                    connection,
                    sequence_number,
                    value: 0,
                };
                if c.stream.next != before.0 {
                    self.expected.push_back(arrival(ArrivalKind::Data));
                }
                if c.stream.finished() && !before.1 {
                    self.expected.push_back(arrival(ArrivalKind::Finish));
                }
                if c.stream.reset && !before.2 {
                    self.expected.push_back(arrival(ArrivalKind::Reset));
                }
                self.want(fate);
            }
            SegmentKind::Data => {}
        }
    }

    fn want(&mut self, fate: Fate) {
        let trimmed = matches!(fate, Fate::InOrder(true) | Fate::OutOfOrder(true));
        self.wanted[Counter::SegmentsTrimmed as usize] += u64::from(trimmed);
        let counter = match fate {
            Fate::Nothing => return,
            Fate::InOrder(_) => Counter::SegmentsInOrder,
            Fate::OutOfOrder(_) => Counter::SegmentsOutOfOrder,
            Fate::Duplicate => Counter::SegmentsDuplicate,
            Fate::BeyondWindow => Counter::SegmentsBeyondWindow,
            Fate::NoGap => Counter::SegmentsNoGap,
            Fate::AfterClose => Counter::SegmentsAfterClose,
            Fate::ResetRefused => Counter::ResetsRefused,
        };
        self.wanted[counter as usize] += 1;
    }

    fn step(&mut self, freed: Option<(usize, i64)>) -> Result<(), Error> {
        // What is offered stays offered.
        self.offered[0] |= self.current.is_some() && self.goes(0);
        let header = self.offered[0] || self.current.is_none();
        self.offered[1] |= header && !self.beats.is_empty() && self.goes(1);
        self.offered[1] &= !self.beats.is_empty();
        let last = self.beats.is_empty() || (self.offered[1] && self.beats.len() == 1);
        self.offered[2] |= header && last && self.verdict.is_some() && self.goes(2);
        self.dut
            .set_segment_valid((self.current.is_some() && self.offered[0]).into());
        self.dut.set_payload_valid(self.offered[1].into());
        if let Some(&(data, last)) = self.beats.front() {
            self.dut.set_payload_data(data);
            self.dut.set_payload_last(last.into());
        }
        self.dut
            .set_verdict_valid((self.verdict.is_some() && self.offered[2]).into());
        self.dut
            .set_verdict_good(self.verdict.unwrap_or_default().into());
        let ready = self.goes(3);
        self.dut.set_arrival_ready(ready.into());
        self.dut.set_freed_valid(freed.is_some().into());
        if let Some((number, offset)) = freed {
            let base = self.connections[number].base;
            self.dut.set_freed_connection(number as u8);
            self.dut
                .set_freed_position(base.wrapping_add(offset as u32));
        }
        self.dut.settle()?;
        if self.dut.segment_valid() & self.dut.segment_ready() == 1 {
            let sent = self.current.take().expect("a segment that is offered");
            self.taken(&sent);
        }
        if self.dut.payload_valid() & self.dut.payload_ready() == 1 {
            self.beats.pop_front();
            self.offered[1] = false;
        }
        if self.dut.verdict_valid() & self.dut.verdict_ready() == 1 {
            self.verdict = None;
            self.verdicts.push(self.cycle);
        }
        if let Some((number, offset)) = freed {
            self.connections[number].freed = offset;
        }
        if self.dut.arrival_valid() == 1 && ready {
            self.arrivals.push(self.cycle);
            let arrival = Arrival::unpack(self.dut.arrival()).expect("an arrival");
            let expected = self.expected.pop_front().expect("nothing more arrives");
            let keep_value = matches!(arrival.kind, ArrivalKind::Open | ArrivalKind::Close);
            let value = if keep_value { arrival.value } else { 0 };
            assert_eq!(Arrival { value, ..arrival }, expected);
            if arrival.kind == ArrivalKind::Data {
                let number = usize::from(arrival.connection);
                let c = &self.connections[number];
                let end = arrival.sequence_number.wrapping_sub(c.base) as i32;
                // The last beats may still be on their way: no reader is faster.
                self.checks.push_back(Check {
                    cycle: self.cycle + 20,
                    number,
                    generation: c.generation,
                    base: c.base,
                    from: self.arrived[number],
                    to: end.into(),
                });
                self.arrived[number] = end.into();
            }
        }
        let lanes = self.dut.write_lanes();
        let number = usize::from(self.dut.write_connection());
        for lane in (0..8).filter(|lane| lanes >> lane & 1 == 1) {
            let wraps = self.dut.write_wraps() >> lane & 1 == 1;
            let word = if wraps {
                self.dut.write_following()
            } else {
                self.dut.write_word()
            };
            self.rings[number][8 * usize::from(word) + lane] =
                (self.dut.write_data() >> (8 * lane)) as u8;
        }
        for at in 0..32 {
            self.counted[at] += u64::from(self.dut.count() >> at & 1);
        }
        self.dut.rise()?;
        self.cycle += 1;
        while self
            .checks
            .front()
            .is_some_and(|check| check.cycle <= self.cycle)
        {
            if let Some(check) = self.checks.pop_front() {
                self.check_ring(&check);
            }
        }
        Ok(())
    }

    fn check_ring(&self, check: &Check) {
        let number = check.number;
        let c = &self.connections[number];
        if c.generation != check.generation {
            return;
        }
        for offset in check.from.max(c.freed)..check.to {
            let place = check.base.wrapping_add(offset as u32) as usize % RING as usize;
            let wanted = content(number, check.generation, offset);
            assert_eq!(
                self.rings[number][place], wanted,
                "offset {offset} of {number}"
            );
        }
    }

    fn settle(&mut self) -> Result<(), Error> {
        self.chances = [0; 4];
        for _ in 0..60 {
            self.step(None)?;
        }
        assert!(self.expected.is_empty(), "{:?} never came", self.expected);
        for counter in [
            Counter::SegmentsInOrder,
            Counter::SegmentsOutOfOrder,
            Counter::SegmentsDuplicate,
            Counter::SegmentsTrimmed,
            Counter::SegmentsBeyondWindow,
            Counter::SegmentsNoGap,
            Counter::SegmentsAfterClose,
            Counter::ResetsRefused,
        ] {
            assert_eq!(
                self.counted[counter as usize], self.wanted[counter as usize],
                "{counter:?}"
            );
        }
        Ok(())
    }

    fn data(
        &mut self,
        number: usize,
        offset: i64,
        length: i64,
        flags: u8,
        good: bool,
    ) -> Result<(), Error> {
        self.send(Sent {
            number,
            kind: SegmentKind::Data,
            offset,
            length,
            flags,
            good,
            window: 0,
        })
    }

    fn control(&mut self, number: usize, kind: SegmentKind, base: u32) -> Result<(), Error> {
        if kind == SegmentKind::Open {
            self.connections[number].base = base;
        }
        let window = self.rng.next_u32();
        self.send(Sent {
            number,
            kind,
            offset: 0,
            length: 0,
            flags: 0,
            good: true,
            window,
        })
    }
}

fn something(bench: &mut Bench) -> Result<(), Error> {
    let number = bench.below(CONNECTIONS as u32) as usize;
    let c = bench.connections[number].clone();
    if !c.open {
        let base = 0u32.wrapping_sub(bench.below(3 * RING as u32));
        return bench.control(number, SegmentKind::Open, base);
    }
    match bench.below(300) {
        0..60 if c.stream.next > c.freed => {
            // All that was checked may be freed.
            while bench.checks.iter().any(|check| check.number == number) {
                bench.step(None)?;
            }
            let arrived = bench.arrived[number];
            let most = (arrived - c.freed) as u32;
            let offset = c.freed + i64::from(bench.below(most + 1));
            return bench.step(Some((number, offset)));
        }
        60 => return bench.control(number, SegmentKind::Close, 0),
        _ => {}
    }
    let length = match bench.below(10) {
        0 => 0,
        1..4 => bench.below(17),
        4..9 => bench.below(RING as u32 / 2),
        _ => bench.below(4 * RING as u32),
    };
    let length = i64::from(length);
    let next = c.stream.next;
    let near = i64::from(bench.below(RING as u32 + 10));
    let start = match bench.below(20) {
        0..7 => next,
        7..10 => next - near.min(length),
        10..15 => next + near,
        15 => c.stream.islands.last().map_or(next, |i| i.0 - length),
        16 => c.stream.islands.first().map_or(next, |i| i.1),
        17 => c.freed + RING - length + i64::from(bench.below(3)) - 1,
        18 => next - i64::from(bench.below(1 << 17)),
        _ => next + i64::from(bench.rng.next_u32() as i32),
    };
    let flags = match bench.below(150) {
        0..3 => FIN,
        3 => RST,
        4 => RST | FIN,
        _ => 0x18,
    };
    let start = if flags & RST != 0 && bench.below(2) == 0 {
        next + i64::from(c.stream.finished())
    } else {
        start
    };
    let good = bench.below(6) != 0;
    bench.data(number, start, length, flags, good)
}

// B34, B35, B37, B38
#[test]
fn any_segment_is_accepted_as_far_as_it_is_new_and_inside_the_window() {
    let many = if std::env::var_os("TOE_SWEEP").is_some() {
        10_000
    } else {
        120
    };
    trials("segment_acceptor", 0..many, |seed, wave| {
        let mut bench = Bench::start(seed, wave)?;
        for _ in 0..500 {
            if bench.below(50) == 0 {
                for stream in 0..4 {
                    bench.chances[stream] = [0, 0, 60, 200][bench.below(4) as usize];
                }
            }
            something(&mut bench)?;
        }
        bench.settle()
    });
}

#[test]
fn an_arrival_is_seen_two_cycles_after_the_verdict_at_most() {
    trials("segment_acceptor_latency", 0..1, |seed, wave| {
        let mut bench = Bench::start(seed, wave)?;
        bench.control(0, SegmentKind::Open, 0xffff_fff9)?;
        let mut offset = 0;
        for length in [1, 8, 9, 16, 17, 40, 64] {
            bench.arrivals.clear();
            bench.verdicts.clear();
            bench.data(0, offset, length, 0, true)?;
            offset += length;
            bench.settle()?;
            assert!(bench.arrivals[0] <= bench.verdicts[0] + 2, "{length}");
        }
        Ok::<(), Error>(())
    });
}

// B34
#[test]
fn a_segment_without_payload_changes_nothing_and_takes_at_most_nine_cycles() {
    trials("segment_acceptor_acks", 0..1, |seed, wave| {
        let mut bench = Bench::start(seed, wave)?;
        bench.control(1, SegmentKind::Open, 0xffff_ffff)?;
        bench.data(1, 0, 10, 0, true)?;
        bench.settle()?;
        let begin = bench.cycle;
        for ack in 0..100 {
            bench.data(1, 10 - ack % 3, 0, 0x10, true)?;
        }
        assert!(bench.cycle - begin <= 900, "{}", bench.cycle - begin);
        bench.settle()?;
        assert_eq!(bench.arrived[1], 10);
        Ok::<(), Error>(())
    });
}
