//! The world around the receive path: rx, the host and dma, with a check on everything that comes out.
#![allow(dead_code, missing_docs)]

pub mod connection;
pub mod pins;
pub mod reference;

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::{Counter, Event, Refusal};
use toe_registers::bundles::{Segment, SegmentKind, Transfer};
use verilated::Error;

use connection::{Connection, content};
use pins::{Inputs, Outputs, Pins};
use reference::Fate;

pub const ACKNOWLEDGE: u8 = 7;
pub const RESIZE: u8 = 8;

/// Cycles without progress after which the path counts as hung.
const HANG_CYCLES: u64 = 20_000;
/// Cycles after a verdict, at most, until the ring reader may have freed what it led to, dma willing.
const SETTLE_CYCLES: u64 = 32;

/// Chances of 256 that a stream pauses in a cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stalls {
    pub segment: u8,
    pub payload: u8,
    pub verdict: u8,
    pub command: u8,
    pub buffer: u8,
    pub transfer: u8,
    pub data: u8,
}

/// A segment, or an open or close, on its way in.
struct Item {
    segment: Segment,
    payload: Vec<u8>,
    good: bool,
    /// RCV.NXT after it, as an offset.
    next: i64,
    fin: bool,
    reset: bool,
    /// Cycles in which the header and the last beat were offered.
    offered: (u64, u64),
}

impl Item {
    fn beats(&self) -> usize {
        self.payload.len().div_ceil(8)
    }

    fn beat(&self, index: usize) -> (u64, bool) {
        let bytes = &self.payload[8 * index..self.payload.len().min(8 * index + 8)];
        let mut word = [0xa5; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        (u64::from_le_bytes(word), index + 1 == self.beats())
    }
}

/// A delivery whose words are still to come.
struct Delivery {
    connection: usize,
    generation: u32,
    offset: i64,
    length: usize,
    /// Of the first byte in the buffer, and lanes from there to where it stands in the data.
    lane: usize,
    turn: usize,
    words: Vec<u8>,
}

/// When things became visible, for the tests of latency.
#[derive(Debug, Default)]
pub struct Moments {
    pub segments: Vec<u64>,
    pub verdicts: Vec<u64>,
    pub transfers: Vec<u64>,
    pub words: Vec<u64>,
    pub loads: Vec<u64>,
}

pub struct Bench<P: Pins> {
    pub dut: P,
    pub rng: ChaCha8Rng,
    pub cycle: u64,
    pub stalls: Stalls,
    pub connections: Vec<Connection>,
    pub buffers_left: usize,
    /// Cycles at least from the header to the first beat, and from the last beat to the verdict.
    pub lags: (u64, u64),
    /// dma takes a transfer only when the words before it are gone.
    pub one_at_a_time: bool,
    pub moments: Moments,
    /// Deliveries and events in the order of their headers.
    pub events: Vec<Event>,
    pub counted: [u64; 32],
    pub refusals: Vec<Refusal>,
    expected: [u64; 32],
    pub inputs: Inputs,
    items: Vec<Item>,
    header_at: usize,
    payload_at: (usize, usize),
    verdict_at: usize,
    commands: VecDeque<(u8, u16, u32)>,
    answers: VecDeque<(u8, u16, u32)>,
    granted: VecDeque<(u64, u16)>,
    next_buffer: u16,
    shown: bool,
    deliveries: VecDeque<Delivery>,
    progress: u64,
}

impl<P: Pins> Bench<P> {
    pub fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        Ok(Bench {
            dut: P::start(seed, wave)?,
            rng: ChaCha8Rng::seed_from_u64(seed),
            cycle: 0,
            stalls: Stalls::default(),
            connections: vec![Connection::default(); P::SIZE.0],
            buffers_left: usize::MAX,
            lags: (0, 0),
            one_at_a_time: false,
            moments: Moments::default(),
            events: Vec::new(),
            counted: [0; 32],
            refusals: Vec::new(),
            expected: [0; 32],
            inputs: Inputs {
                buffer_bytes: 2048,
                ..Inputs::default()
            },
            items: Vec::new(),
            header_at: 0,
            payload_at: (0, 0),
            verdict_at: 0,
            commands: VecDeque::new(),
            answers: VecDeque::new(),
            granted: VecDeque::new(),
            next_buffer: 0,
            shown: false,
            deliveries: VecDeque::new(),
            progress: 0,
        })
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        self.rng.next_u32() % limit.max(1)
    }

    fn pauses(&mut self, chance: u8) -> bool {
        chance != 0 && (self.rng.next_u32() & 0xff) < chance.into()
    }

    // ------------------------------------------------------------ what a test asks for

    pub fn open(&mut self, connection: usize, base: u32, window: u32) {
        let before = &self.connections[connection];
        self.connections[connection] = Connection {
            commands: before.commands,
            ..Connection::open(before.generation + 1, base, window.into())
        };
        self.push(Item {
            segment: Segment {
                kind: SegmentKind::Open,
                connection: connection as u16,
                sequence_number: base,
                acknowledgement_number: window,
                ..Segment::default()
            },
            payload: Vec::new(),
            good: true,
            next: 0,
            fin: false,
            reset: false,
            offered: (0, 0),
        });
    }

    pub fn close(&mut self, connection: usize) {
        let c = &mut self.connections[connection];
        c.closing = true;
        let (next, fin, reset) = (c.stream.next, c.stream.finished(), c.stream.reset);
        self.push(Item {
            segment: Segment {
                kind: SegmentKind::Close,
                connection: connection as u16,
                ..Segment::default()
            },
            payload: Vec::new(),
            good: true,
            next,
            fin,
            reset,
            offered: (0, 0),
        });
    }

    /// A segment whose bytes are those of the stream, or wrong ones that the verdict condemns.
    pub fn segment(
        &mut self,
        connection: usize,
        offset: i64,
        length: usize,
        flags: u8,
        good: bool,
    ) {
        let edge = self.connections[connection].left + P::SIZE.1;
        let c = &mut self.connections[connection];
        let payload = (0..length as i64)
            .map(|i| content(connection, c.generation, offset + i) ^ if good { 0 } else { 0x5a })
            .collect();
        if good {
            let fate = c.stream.take(offset, length as i64, flags, edge, P::SIZE.2);
            c.in_flight += 1;
            self.expect(fate);
        } else {
            c.in_flight += 1;
        }
        let c = &self.connections[connection];
        if std::env::var_os("DEBUG_SEG").is_some() {
            eprintln!(
                "{} seg c{connection} seq {:x} [{offset}, {}) flags {flags} good {good} next {} islands {:?} edge {edge}",
                self.cycle,
                c.base.wrapping_add(offset as u32),
                offset + length as i64,
                c.stream.next,
                c.stream.islands
            );
        }
        let item = Item {
            segment: Segment {
                kind: SegmentKind::Data,
                connection: connection as u16,
                sequence_number: c.base.wrapping_add(offset as u32),
                acknowledgement_number: 0x1234_5678,
                window: 0xffff,
                flags: flags | 0x10,
                payload_length: length as u16,
            },
            payload,
            good,
            next: c.stream.next,
            fin: c.stream.finished(),
            reset: c.stream.reset,
            offered: (0, 0),
        };
        self.push(item);
    }

    pub fn command(&mut self, opcode: u8, connection: u16, bytes: u32) {
        if let Some(c) = self.connections.get_mut(usize::from(connection)) {
            c.commands += 1;
        }
        self.commands.push_back((opcode, connection, bytes));
    }

    /// Cycles until nothing is under way, and the check that nothing is left that could go.
    pub fn drain(&mut self) -> Result<(), Error> {
        while !self.idle() {
            self.step()?;
        }
        let quiet = self.cycle + 200;
        while self.cycle < quiet {
            self.step()?;
            if !self.idle() {
                return self.drain();
            }
        }
        self.check_rest();
        Ok(())
    }

    pub fn run(&mut self, cycles: u64) -> Result<(), Error> {
        for _ in 0..cycles {
            self.step()?;
        }
        Ok(())
    }

    fn idle(&self) -> bool {
        self.verdict_at == self.items.len()
            && self.header_at == self.items.len()
            && self.commands.is_empty()
            && self.answers.is_empty()
            && self.deliveries.is_empty()
            && !self.shown
    }

    fn check_rest(&self) {
        for (number, c) in self.connections.iter().enumerate() {
            if c.live {
                assert!(!c.closing, "connection {number} is never closed: {c:?}");
                let waits = c.pending >= c.window || self.buffers_left == 0;
                assert!(
                    c.delivered == c.stream.next || waits,
                    "connection {number} holds bytes that could go: {c:?}"
                );
                assert!(
                    c.told_closed == (c.stream.finished() && c.delivered == c.stream.next),
                    "connection {number}: its FIN: {c:?}"
                );
                assert_eq!(c.told_reset, c.stream.reset, "connection {number}");
            }
        }
        for counter in [
            Counter::SegmentsInOrder,
            Counter::SegmentsOutOfOrder,
            Counter::SegmentsDuplicate,
            Counter::SegmentsTrimmed,
            Counter::SegmentsBeyondWindow,
            Counter::SegmentsNoGap,
            Counter::SegmentsAfterClose,
            Counter::ResetsRefused,
            Counter::Deliveries,
        ] {
            let at = counter as usize;
            assert_eq!(self.counted[at], self.expected[at], "{counter:?}");
        }
    }

    pub fn counter(&self, counter: Counter) -> u64 {
        self.counted[counter as usize]
    }

    /// Whether the window's end of a connection is known and stays where it is.
    pub fn window_stands(&self, connection: usize) -> bool {
        let c = &self.connections[connection];
        let still = c.in_flight == 0 && self.cycle > c.settled && c.commands == 0;
        still && c.left == c.delivered && (c.delivered == c.stream.next || c.pending >= c.window)
    }

    // ------------------------------------------------------------ one cycle

    fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    fn expect(&mut self, fate: Fate) {
        let trimmed = matches!(fate, Fate::InOrder(true) | Fate::OutOfOrder(true));
        self.expected[Counter::SegmentsTrimmed as usize] += u64::from(trimmed);
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
        self.expected[counter as usize] += 1;
    }

    pub fn step(&mut self) -> Result<(), Error> {
        self.offer();
        let inputs = self.inputs.clone();
        self.dut.drive(&inputs);
        self.dut.settle()?;
        let outputs = self.dut.outputs();
        self.observe(&inputs, &outputs);
        self.dut.rise()?;
        self.cycle += 1;
        assert!(
            self.idle() || self.cycle - self.progress < HANG_CYCLES || self.buffers_left == 0,
            "no progress for {HANG_CYCLES} cycles"
        );
        Ok(())
    }

    fn offer(&mut self) {
        let stalls = self.stalls;
        if self.inputs.segment.is_none()
            && self.header_at < self.items.len()
            && !self.pauses(stalls.segment)
        {
            let item = &mut self.items[self.header_at];
            self.inputs.segment = Some(item.segment.pack());
            item.offered = (self.cycle, self.cycle);
            self.moments.segments.push(self.cycle);
        }
        // A header is seen no later than its payload, and a payload no later than its verdict.
        let headers = self.header_at + usize::from(self.inputs.segment.is_some());
        while self.payload_at.0 < headers && self.items[self.payload_at.0].beats() == 0 {
            self.payload_at = (self.payload_at.0 + 1, 0);
        }
        if self.inputs.payload.is_none()
            && self.payload_at.0 < headers
            && self.cycle >= self.items[self.payload_at.0].offered.0 + self.lags.0
            && !self.pauses(stalls.payload)
        {
            let (item, beat) = self.payload_at;
            self.inputs.payload = Some(self.items[item].beat(beat));
            self.items[item].offered.1 = self.cycle;
        }
        let offered = match self.inputs.payload {
            Some((_, true)) => self.payload_at.0 + 1,
            _ => self.payload_at.0,
        };
        while self.verdict_at < headers
            && self.items[self.verdict_at].segment.kind != SegmentKind::Data
        {
            self.verdict_at += 1;
        }
        if self.inputs.verdict.is_none()
            && self.verdict_at < offered
            && self.cycle >= self.items[self.verdict_at].offered.1 + self.lags.1
            && !self.pauses(stalls.verdict)
        {
            self.inputs.verdict = Some(self.items[self.verdict_at].good);
            self.moments.verdicts.push(self.cycle);
        }
        if self.inputs.command.is_none() && !self.pauses(stalls.command) {
            self.inputs.command = self.commands.front().copied();
        }
        if self.inputs.buffer.is_none() && self.buffers_left > 0 && !self.pauses(stalls.buffer) {
            let address = self.rng.next_u64() & 0x0000_ffff_ffff_ffff;
            self.inputs.buffer = Some((address, self.next_buffer));
            self.next_buffer = self.next_buffer.wrapping_add(1);
            self.buffers_left -= 1;
        }
        let held_up = self.one_at_a_time && !self.deliveries.is_empty();
        self.inputs.transfer_ready = !held_up && !self.pauses(stalls.transfer);
        self.inputs.data_ready = !self.deliveries.is_empty() && !self.pauses(stalls.data);
    }

    fn observe(&mut self, inputs: &Inputs, outputs: &Outputs) {
        if inputs.segment.is_some() && outputs.segment_ready {
            self.inputs.segment = None;
            self.header_at += 1;
            self.moments.loads.push(self.cycle);
            self.progress = self.cycle;
        }
        if inputs.payload.is_some() && outputs.payload_ready {
            self.inputs.payload = None;
            let (item, beat) = self.payload_at;
            let more = beat + 1 < self.items[item].beats();
            self.payload_at = if more {
                (item, beat + 1)
            } else {
                (item + 1, 0)
            };
            self.progress = self.cycle;
        }
        if inputs.verdict.is_some() && outputs.verdict_ready {
            self.inputs.verdict = None;
            let item = &self.items[self.verdict_at];
            self.verdict_at += 1;
            let c = &mut self.connections[usize::from(item.segment.connection)];
            c.proven.push(item.next);
            c.fin_proven |= item.fin;
            c.reset_proven |= item.reset;
            c.in_flight -= 1;
            c.settled = self.cycle + SETTLE_CYCLES;
            self.progress = self.cycle;
        }
        if inputs.command.is_some() && outputs.command_ready {
            self.inputs.command = None;
            self.answers.extend(self.commands.pop_front());
            self.progress = self.cycle;
        }
        if let (Some(buffer), true) = (inputs.buffer, outputs.buffer_ready) {
            self.inputs.buffer = None;
            self.granted.push_back(buffer);
        }
        if let Some(reason) = outputs.answer {
            self.answered(reason);
        }
        if let Some(data) = outputs.data
            && inputs.data_ready
        {
            self.moments.words.push(self.cycle);
            self.word(data);
            self.progress = self.cycle;
        }
        self.transfer(inputs, outputs);
        if let Some(connection) = outputs.closed {
            let c = &mut self.connections[usize::from(connection)];
            assert!(c.told_uploaded, "closed before the end was told: {c:?}");
            c.live = false;
        }
        for at in 0..32 {
            self.counted[at] += u64::from(outputs.count >> at & 1);
        }
    }

    fn answered(&mut self, reason: u8) {
        let (opcode, number, bytes) = self.answers.pop_front().expect("an answer to a command");
        let Some(c) = self.connections.get_mut(usize::from(number)) else {
            assert_eq!(reason, Refusal::NotOffloaded as u8, "no such connection");
            self.refusals.push(Refusal::NotOffloaded);
            return;
        };
        c.commands -= 1;
        c.settled = self.cycle + SETTLE_CYCLES;
        let expected = if opcode == RESIZE && bytes == 0 {
            Refusal::ZeroWindow as u8
        } else if opcode == ACKNOWLEDGE && i64::from(bytes) > c.pending {
            Refusal::MoreThanPending as u8
        } else {
            0
        };
        // Not offloaded: as long as the open is on its way, or once the end was told.
        if reason == Refusal::NotOffloaded as u8 {
            assert!(!c.live || !c.seen || c.told_uploaded, "{c:?}");
            self.refusals.push(Refusal::NotOffloaded);
            return;
        }
        assert_eq!(reason, expected, "{opcode} {bytes} {c:?}");
        match (expected, opcode) {
            (0, ACKNOWLEDGE) => c.pending -= i64::from(bytes),
            (0, _) => c.window = i64::from(bytes),
            _ => self.refusals.extend(Refusal::from_bits(reason.into())),
        }
        c.seen = true;
    }

    /// A header is looked at when it appears: then its bytes are charged.
    fn transfer(&mut self, inputs: &Inputs, outputs: &Outputs) {
        let Some(words) = &outputs.transfer else {
            self.shown = false;
            return;
        };
        let transfer = Transfer::unpack(words).expect("a transfer");
        if !self.shown {
            self.moments.transfers.push(self.cycle);
            self.composed(&transfer);
            self.progress = self.cycle;
        }
        self.shown = !inputs.transfer_ready;
        if inputs.transfer_ready && transfer.length > 0 {
            let connection = (transfer.event >> 32 & 0xffff) as usize;
            let c = &mut self.connections[connection];
            let delivery = Delivery {
                connection,
                generation: c.generation,
                offset: c.shown,
                length: transfer.length.into(),
                lane: (transfer.address % 8) as usize,
                turn: (usize::from(transfer.lane) + 8 - (transfer.address % 8) as usize) % 8,
                words: Vec::new(),
            };
            c.shown += i64::from(transfer.length);
            self.deliveries.push_back(delivery);
        }
    }

    fn composed(&mut self, transfer: &Transfer) {
        let event = Event::try_from(transfer.event).expect("an event");
        self.events.push(event);
        let number = usize::from((transfer.event >> 32) as u16);
        let buffer_bytes = i64::from(self.inputs.buffer_bytes);
        let c = &mut self.connections[number];
        assert!(c.live && !c.told_uploaded, "{event:?} of {c:?}");
        c.seen = true;
        match event {
            Event::IndicateData { buffer, length, .. }
            | Event::UploadData { buffer, length, .. } => {
                let upload = matches!(event, Event::UploadData { .. });
                let granted = self.granted.pop_front().expect("a buffer that was granted");
                assert_eq!((transfer.address, buffer), granted);
                assert_eq!(transfer.length, length);
                let length = i64::from(length);
                let position = c.base.wrapping_add(c.delivered as u32);
                assert_eq!(u32::from(transfer.lane), position & 7);
                let room = if upload {
                    i64::MAX
                } else {
                    c.window - c.pending
                };
                let most = room.min(buffer_bytes);
                assert!(
                    length > 0 && length <= most,
                    "B8: {length} of {most}: {c:?}"
                );
                let end = c.delivered + length;
                assert!(
                    c.proven
                        .iter()
                        .any(|&p| p == end || (p > end && length == most)),
                    "{length} bytes are neither all nor the most that may go: {c:?}"
                );
                assert!(!upload || c.closing);
                c.proven.retain(|&p| p > end);
                c.proven.push(end);
                c.delivered = end;
                if !upload {
                    c.pending += length;
                }
                self.expected[Counter::Deliveries as usize] += 1;
            }
            _ => {
                assert_eq!(transfer.length, 0);
                c.told(event);
            }
        }
    }

    fn word(&mut self, data: u64) {
        let delivery = self
            .deliveries
            .front_mut()
            .expect("a delivery to have words");
        let mut bytes = data.to_le_bytes();
        bytes.rotate_left(delivery.turn);
        delivery.words.extend(bytes);
        let end = delivery.lane + delivery.length;
        if delivery.words.len() < end {
            return;
        }
        let delivery = self.deliveries.pop_front().expect("it is there");
        let (number, generation) = (delivery.connection, delivery.generation);
        let mut offset = delivery.offset;
        for &byte in &delivery.words[delivery.lane..end] {
            let wanted = content(number, generation, offset);
            assert_eq!(byte, wanted, "connection {number}, offset {offset}");
            offset += 1;
        }
        let c = &mut self.connections[number];
        if c.generation == generation {
            c.left = offset;
            c.settled = c.settled.max(self.cycle + 4);
        }
    }
}
