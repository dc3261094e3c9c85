//! The receive group on a bench: frames in, segments and host frames out, every stream checked in every cycle.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use toe_registers::bundles::{Segment, SegmentKind, Transfer};
use toe_sim::frame_source::{Beat, FrameSource, WireFrame};
use toe_sim::models::Rx;
use toe_sim::stalls::Stalls;
use verilated::{Context, Error, RandomReset};

use crate::frames::{Drop, Fate, Received, Tuple, fate, port_words};

/// How often each side holds back, as chances out of 256.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chances {
    pub frame: u8,
    pub segment: u8,
    pub payload: u8,
    pub verdict: u8,
    pub transfer: u8,
    pub data: u8,
    pub buffer: u8,
}

impl Chances {
    pub const NONE: Self = Self {
        frame: 0,
        segment: 0,
        payload: 0,
        verdict: 0,
        transfer: 0,
        data: 0,
        buffer: 0,
    };

    /// A pattern for each seed, from no stall anywhere to heavy ones in places.
    pub fn of(seed: u64) -> Self {
        let chance = |place: u64| {
            let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (8 * place);
            [0, 0, 16, 128, 220][(mixed % 5) as usize]
        };
        Self {
            frame: chance(0),
            segment: chance(1),
            payload: chance(2),
            verdict: chance(3),
            transfer: chance(4),
            data: chance(5),
            buffer: chance(6),
        }
    }
}

/// What the segment stream owes, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Open {
        connection: u16,
        receive_next: u32,
        window: u32,
    },
    Close {
        connection: u16,
    },
    Segment(Received),
}

/// A header that was seen, until payload and verdict are there too.
struct Record {
    header: Segment,
    beats: Vec<u8>,
    payload_done: bool,
    verdict: Option<bool>,
}

/// A command for the lookup.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    Insert(u16, Tuple),
    Remove(u16),
}

pub const STATUS_OK: u8 = 0;
pub const STATUS_BUSY: u8 = 1;
pub const STATUS_NO_ROOM: u8 = 2;
pub const STATUS_DUPLICATE: u8 = 3;
pub const STATUS_BAD_CONNECTION: u8 = 4;

/// Positions of the counters that the group pulses, in the order of [`Drop`] behind the first three.
pub const FRAMES_RECEIVED: usize = 0;
pub const FRAMES_OFFLOADED: usize = 1;
pub const FRAMES_TO_HOST: usize = 2;
pub const DROPPED: usize = 3;
pub const DROPPED_HOST_OVERRUN: usize = 10;
const COUNTERS: usize = 11;

/// Cycles in which at least something must move while anything is owed.
const HANG_CYCLES: u64 = 4000;
/// Room of the model for host frames that wait.
const HOST_FRAME_BYTES: usize = 16384;
/// At most, of a segment that was taken and not yet rolled back: no test mixes longer ones with host frames.
const UNSETTLED_BYTES: usize = 2048;
const HOST_BUFFER_BASE: u64 = 0x1_2345_0000;

/// When things of the latest frames were first seen, in clock cycles.
#[derive(Default, Debug, Clone)]
pub struct Times {
    /// Handshake of each frame's last beat.
    pub last_beat: Vec<u64>,
    /// Each segment's header, last payload beat and verdict on the pins.
    pub header: Vec<u64>,
    pub first_payload: Vec<u64>,
    pub last_payload: Vec<u64>,
    pub verdict: Vec<u64>,
}

pub struct Bench {
    pub dut: Rx,
    pub cycle: u64,
    pub times: Times,
    /// Tuples that are offloaded.
    pub table: HashMap<Tuple, u16>,
    pub numbers: HashMap<u16, Tuple>,
    pub host_buffer_bytes: usize,
    /// Whether the host may lose frames for want of room.
    pub lossy_host: bool,
    pub counts: [u64; COUNTERS],
    pub expected: [u64; COUNTERS],
    /// Segments whose verdict was bad.
    pub refused: u64,
    pub opened: u64,
    source: FrameSource,
    /// What it drives in this cycle.
    beat: Beat,
    sent: VecDeque<WireFrame>,
    in_frame: bool,
    stalls: [Stalls; 6],
    owed: VecDeque<Item>,
    owed_host: VecDeque<Vec<u8>>,
    records: VecDeque<Record>,
    /// For each data header seen, whether payload comes with it.
    long: Vec<bool>,
    header_seen: bool,
    payload_seen: bool,
    verdict_seen: bool,
    payloads_taken: usize,
    verdicts_taken: usize,
    transfers: VecDeque<Transfer>,
    words: VecDeque<u64>,
    words_owed: usize,
    words_taken: usize,
    buffers_given: u64,
    buffers_used: u64,
    buffer_offered: bool,
    offers: [Option<Vec<u32>>; 5],
    moved_at: u64,
}

impl Bench {
    pub fn new(seed: u64, wave: Option<&Path>, chances: Chances) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = Rx::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let stall = |stream, chance| Stalls::new(seed, stream, chance);
        dut.set_s_axis_rx_tvalid(0);
        dut.set_lookup_command_valid(0);
        dut.set_host_buffer_valid(0);
        dut.set_rst(1);
        for _ in 0..3 {
            dut.cycle()?;
        }
        dut.set_rst(0);
        dut.set_enable(1);
        let host_buffer_bytes = 16384;
        dut.set_host_frame_buffer_bytes(host_buffer_bytes);
        Ok(Self {
            dut,
            cycle: 0,
            times: Times::default(),
            table: HashMap::new(),
            numbers: HashMap::new(),
            host_buffer_bytes: host_buffer_bytes.into(),
            lossy_host: false,
            counts: [0; COUNTERS],
            expected: [0; COUNTERS],
            refused: 0,
            opened: 0,
            source: FrameSource::new(stall(0, chances.frame), false),
            beat: Beat::default(),
            sent: VecDeque::new(),
            in_frame: false,
            stalls: [
                stall(1, chances.segment),
                stall(2, chances.payload),
                stall(3, chances.verdict),
                stall(4, chances.transfer),
                stall(5, chances.data),
                stall(6, chances.buffer),
            ],
            owed: VecDeque::new(),
            owed_host: VecDeque::new(),
            records: VecDeque::new(),
            long: vec![],
            header_seen: false,
            payload_seen: false,
            verdict_seen: false,
            payloads_taken: 0,
            verdicts_taken: 0,
            transfers: VecDeque::new(),
            words: VecDeque::new(),
            words_owed: 0,
            words_taken: 0,
            buffers_given: 0,
            buffers_used: 0,
            buffer_offered: false,
            offers: Default::default(),
            moved_at: 0,
        })
    }

    /// Replaces the stalls of one outgoing stream: 0 segment, 1 payload, 2 verdict, 3 transfer, 4 data, 5 buffers.
    pub fn stall(&mut self, stream: usize, chance: u8) {
        self.stalls[stream] = Stalls::new(self.cycle, stream as u64, chance);
    }

    pub fn push(&mut self, bytes: Vec<u8>) {
        self.push_wire(WireFrame { bytes, bad: false });
    }

    pub fn push_wire(&mut self, frame: WireFrame) {
        self.sent.push_back(frame.clone());
        self.source.push(frame);
    }

    /// What the group owes `frame` now.
    pub fn fate(&self, frame: &WireFrame) -> Fate {
        fate(&frame.bytes, frame.bad, self.host_buffer_bytes, |tuple| {
            self.table.get(tuple).copied()
        })
    }

    /// Gives a command, while frames go on, and tells its status.
    pub fn command(&mut self, command: Command) -> Result<u8, Error> {
        let receive_next = 0xffff_ff00u32.wrapping_add(self.opened as u32);
        let window = 65536 + self.opened as u32;
        match command {
            Command::Insert(connection, tuple) => {
                self.dut.set_lookup_command_insert(1);
                self.dut.set_lookup_command_connection(connection);
                self.dut
                    .set_lookup_command_source(&port_words(tuple.source));
                self.dut
                    .set_lookup_command_destination(&port_words(tuple.destination));
                self.dut.set_lookup_command_source_port(tuple.source_port);
                self.dut
                    .set_lookup_command_destination_port(tuple.destination_port);
                self.dut.set_lookup_command_ipv6(u8::from(tuple.is_ipv6()));
                self.dut.set_lookup_command_receive_next(receive_next);
                self.dut.set_lookup_command_indicate_window_size(window);
            }
            Command::Remove(connection) => {
                self.dut.set_lookup_command_insert(0);
                self.dut.set_lookup_command_connection(connection);
            }
        }
        self.dut.set_lookup_command_valid(1);
        loop {
            self.begin_cycle()?;
            let taken = self.dut.lookup_command_ready() == 1;
            let answered = self.dut.lookup_answer_valid() == 1;
            let status = self.dut.lookup_answer_status();
            assert_eq!(taken, answered, "an answer comes as its command is taken");
            if taken && status == STATUS_OK {
                match command {
                    Command::Insert(connection, tuple) => {
                        self.table.insert(tuple, connection);
                        self.numbers.insert(connection, tuple);
                        self.opened += 1;
                        self.owed.push_back(Item::Open {
                            connection,
                            receive_next,
                            window,
                        });
                    }
                    Command::Remove(connection) => {
                        let tuple = self.numbers.remove(&connection).expect("it was offloaded");
                        self.table.remove(&tuple);
                        self.owed.push_back(Item::Close { connection });
                    }
                }
            }
            self.end_cycle()?;
            if taken {
                self.dut.set_lookup_command_valid(0);
                return Ok(status);
            }
        }
    }

    /// Offloads, and expects that it works.
    pub fn offload(&mut self, connection: u16, tuple: Tuple) -> Result<(), Error> {
        let status = self.command(Command::Insert(connection, tuple))?;
        assert_eq!(status, STATUS_OK, "offload of {tuple:?} as {connection}");
        Ok(())
    }

    /// Whether anything is still owed.
    pub fn busy(&self) -> bool {
        self.source.queued() != 0
            || !self.owed.is_empty()
            || !self.records.is_empty()
            || !self.lossy_host && !self.owed_host.is_empty()
            || self.buffers_used != self.counts[FRAMES_TO_HOST]
            || self.words_taken != self.words_owed
            || !self.words.is_empty()
            || self.counts[FRAMES_RECEIVED] != self.source.sent()
            || self.judged() != self.source.sent()
    }

    /// Frames of which it is counted what became of them: for the host, a cycle after they are received.
    fn judged(&self) -> u64 {
        let dropped: u64 = self.counts[DROPPED..=DROPPED_HOST_OVERRUN].iter().sum();
        self.counts[FRAMES_OFFLOADED] + self.counts[FRAMES_TO_HOST] + dropped
    }

    /// Runs until all that was pushed has come out, and then a little for what should not come.
    pub fn finish(&mut self) -> Result<(), Error> {
        while self.busy() {
            self.step()?;
        }
        for _ in 0..40 {
            self.step()?;
        }
        assert!(!self.busy(), "something came that nobody asked for");
        let mut expected = self.expected;
        if self.lossy_host {
            let lost = self.counts[DROPPED_HOST_OVERRUN];
            expected[DROPPED_HOST_OVERRUN] = lost;
            expected[FRAMES_TO_HOST] -= lost;
        }
        assert_eq!(self.counts, expected, "counters");
        Ok(())
    }

    /// Runs until a further host frame surely finds room, however slowly the host takes those before it.
    pub fn make_room(&mut self, bytes: usize) -> Result<(), Error> {
        loop {
            let waiting = self.sent.iter().map(|frame| &frame.bytes);
            let waiting = waiting.chain(&self.owed_host);
            let waiting: usize = waiting.map(|bytes| bytes.len().next_multiple_of(8)).sum();
            if waiting == 0 || waiting + bytes <= HOST_FRAME_BYTES - UNSETTLED_BYTES {
                return Ok(());
            }
            self.step()?;
        }
    }

    pub fn run(&mut self, cycles: u64) -> Result<(), Error> {
        for _ in 0..cycles {
            self.step()?;
        }
        Ok(())
    }

    pub fn step(&mut self) -> Result<(), Error> {
        self.begin_cycle()?;
        self.end_cycle()
    }

    fn begin_cycle(&mut self) -> Result<(), Error> {
        let beat = self.source.drive();
        self.beat = beat;
        self.dut.set_s_axis_rx_tvalid(u8::from(beat.valid));
        self.dut.set_s_axis_rx_tdata(beat.data);
        self.dut.set_s_axis_rx_tkeep(beat.keep);
        self.dut.set_s_axis_rx_tlast(u8::from(beat.last));
        self.dut.set_s_axis_rx_tuser(u8::from(beat.user));
        let ready = |stalls: &mut Stalls| u8::from(!stalls.stall());
        self.dut.set_segment_ready(ready(&mut self.stalls[0]));
        self.dut.set_payload_ready(ready(&mut self.stalls[1]));
        self.dut.set_verdict_ready(ready(&mut self.stalls[2]));
        self.dut.set_host_transfer_ready(ready(&mut self.stalls[3]));
        self.dut.set_host_data_ready(ready(&mut self.stalls[4]));
        self.buffer_offered = self.buffer_offered || !self.stalls[5].stall();
        self.dut
            .set_host_buffer_valid(u8::from(self.buffer_offered));
        self.dut
            .set_host_buffer_address(self.buffer_address(self.buffers_given));
        self.dut.set_host_buffer_number(self.buffers_given as u16);
        self.dut.settle()
    }

    fn buffer_address(&self, number: u64) -> u64 {
        HOST_BUFFER_BASE + number * self.host_buffer_bytes.next_multiple_of(64) as u64
    }

    fn end_cycle(&mut self) -> Result<(), Error> {
        let beat = self.beat;
        let ready = self.dut.s_axis_rx_tready() == 1;
        let accepted = beat.valid && ready;
        if accepted {
            if !self.in_frame {
                self.frame_begins();
            }
            self.in_frame = !beat.last;
            self.moved_at = self.cycle;
            if beat.last {
                self.times.last_beat.push(self.cycle);
            }
        }
        self.watch_segments();
        self.watch_host();
        let count = self.dut.count();
        for (place, sum) in self.counts.iter_mut().enumerate() {
            *sum += u64::from(count >> place & 1);
        }
        assert_eq!(
            count >> COUNTERS,
            0,
            "the group pulses only its own counters"
        );
        self.dut.rise()?;
        self.source.clock(ready);
        self.cycle += 1;
        assert!(
            !self.busy() || self.cycle - self.moved_at < HANG_CYCLES,
            "nothing moves: {} frames queued, owed {:?}, {} host frames",
            self.source.queued(),
            self.owed.front(),
            self.owed_host.len(),
        );
        Ok(())
    }

    /// A frame's first beat is taken: only now it is known which commands come before it.
    fn frame_begins(&mut self) {
        let frame = self.sent.pop_front().expect("a frame was pushed");
        self.expected[FRAMES_RECEIVED] += 1;
        match self.fate(&frame) {
            Fate::Offloaded(received) => {
                self.expected[FRAMES_OFFLOADED] += 1;
                self.owed.push_back(Item::Segment(received));
            }
            Fate::Host => {
                self.expected[FRAMES_TO_HOST] += 1;
                self.owed_host.push_back(frame.bytes);
            }
            Fate::Dropped(reason) => {
                let reasons = [
                    Drop::BadFrame,
                    Drop::Runt,
                    Drop::Oversize,
                    Drop::Truncated,
                    Drop::Malformed,
                    Drop::IpChecksum,
                    Drop::TcpChecksum,
                ];
                let place = reasons.iter().position(|&other| other == reason).unwrap();
                self.expected[DROPPED + place] += 1;
            }
        }
    }

    /// An offered word stays until it is taken.
    fn hold(&mut self, stream: usize, valid: bool, ready: bool, word: Vec<u32>) {
        if let Some(before) = self.offers[stream].take() {
            assert!(valid, "stream {stream} took back its word");
            assert_eq!(before, word, "stream {stream} changed its word");
        }
        if valid && !ready {
            self.offers[stream] = Some(word);
        } else if valid {
            self.moved_at = self.cycle;
        }
    }

    fn watch_segments(&mut self) {
        let valid = self.dut.segment_valid() == 1;
        let taken = valid && self.dut.segment_ready() == 1;
        let words = *self.dut.segment_header();
        self.hold(0, valid, taken, words.to_vec());
        let header = Segment::unpack(&words);
        let header = valid.then(|| header.expect("a header of a known kind"));
        if let Some(header) = header {
            let data = header.kind == SegmentKind::Data;
            if data && !self.header_seen {
                self.long.push(header.payload_length != 0);
                self.times.header.push(self.cycle);
            }
            if !self.header_seen {
                self.records.push_back(Record {
                    header,
                    beats: vec![],
                    payload_done: !data || header.payload_length == 0,
                    verdict: (!data).then_some(true),
                });
            }
            self.header_seen = !taken;
        }

        let valid = self.dut.payload_valid() == 1;
        let taken = valid && self.dut.payload_ready() == 1;
        let data = self.dut.payload_data();
        let last = self.dut.payload_last() == 1;
        let word = vec![data as u32, (data >> 32) as u32, u32::from(last)];
        self.hold(1, valid, taken, word);
        let shown = self.long.iter().filter(|&&long| long).count();
        if valid {
            assert!(shown > self.payloads_taken, "payload before its header");
            if self.times.first_payload.len() == self.payloads_taken {
                self.times.first_payload.push(self.cycle);
            }
            if last && !self.payload_seen {
                self.times.last_payload.push(self.cycle);
            }
            self.payload_seen = last && !taken;
        }
        let complete = self.payloads_taken + usize::from(valid && last);
        if taken {
            self.take_payload(data, last);
        }

        let valid = self.dut.verdict_valid() == 1;
        let taken = valid && self.dut.verdict_ready() == 1;
        let good = self.dut.verdict_good() == 1;
        self.hold(2, valid, taken, vec![u32::from(good)]);
        if valid {
            let place = self.verdicts_taken;
            assert!(place < self.long.len(), "a verdict before its header");
            let payloads = self.long[..=place].iter().filter(|&&long| long).count();
            let waits = self.long[place] && complete < payloads;
            assert!(!waits, "a verdict before its payload");
            if !self.verdict_seen {
                self.times.verdict.push(self.cycle);
            }
            self.verdict_seen = !taken;
        }
        if taken {
            self.verdicts_taken += 1;
            let record = self
                .records
                .iter_mut()
                .find(|record| record.verdict.is_none());
            match record {
                Some(record) => record.verdict = Some(good),
                None => panic!("a verdict comes with a header"),
            }
        }
        self.settle_records();
    }

    fn take_payload(&mut self, data: u64, last: bool) {
        self.payloads_taken += usize::from(last);
        let record = self.records.iter_mut().find(|record| !record.payload_done);
        let record = record.expect("payload comes with a header");
        record.beats.extend(data.to_le_bytes());
        record.payload_done = last;
        let most = usize::from(record.header.payload_length).next_multiple_of(8);
        assert!(record.beats.len() <= most, "more payload than announced");
    }

    fn settle_records(&mut self) {
        while let Some(record) = self.records.front() {
            let (Some(good), true) = (record.verdict, record.payload_done) else {
                return;
            };
            let Some(record) = self.records.pop_front() else {
                return;
            };
            let header = record.header;
            if !good {
                self.refused += 1;
                let bad: u64 = self.expected[FRAMES_TO_HOST..].iter().sum();
                assert!(
                    self.refused <= bad,
                    "a good segment was refused: {header:?}"
                );
                continue;
            }
            let length = usize::from(header.payload_length);
            let item = match header.kind {
                SegmentKind::Open => Item::Open {
                    connection: header.connection,
                    receive_next: header.sequence_number,
                    window: header.acknowledgement_number,
                },
                SegmentKind::Close => Item::Close {
                    connection: header.connection,
                },
                SegmentKind::Data => {
                    assert_eq!(record.beats.len(), length.next_multiple_of(8), "beats");
                    Item::Segment(Received {
                        connection: header.connection,
                        sequence_number: header.sequence_number,
                        acknowledgement_number: header.acknowledgement_number,
                        window: header.window,
                        flags: header.flags,
                        payload: record.beats[..length].to_vec(),
                    })
                }
            };
            assert_eq!(Some(item), self.owed.pop_front(), "the next segment");
        }
    }

    fn watch_host(&mut self) {
        if self.buffer_offered && self.dut.host_buffer_ready() == 1 {
            self.buffer_offered = false;
            self.buffers_given += 1;
        }

        let valid = self.dut.host_transfer_valid() == 1;
        let taken = valid && self.dut.host_transfer_ready() == 1;
        let words = *self.dut.host_transfer_header();
        self.hold(3, valid, taken, words.to_vec());
        let transfer = Transfer::unpack(&words).expect("a header of a known kind");
        let length = usize::from(transfer.length);
        let shown = self.words_owed + if valid { length.div_ceil(8) } else { 0 };
        if taken {
            self.words_owed = shown;
            assert_eq!(transfer.address, self.buffer_address(self.buffers_used));
            assert_eq!(transfer.lane, 0);
            let event = transfer.event;
            assert_eq!(event & 0xffff, u64::from(transfer.length), "event: length");
            assert_eq!(
                event >> 16 & 0xffff,
                self.buffers_used & 0xffff,
                "event: buffer"
            );
            assert_eq!(event >> 59, 2, "event: host frame");
            self.buffers_used += 1;
            self.transfers.push_back(transfer);
        }

        let valid = self.dut.host_data_valid() == 1;
        let taken = valid && self.dut.host_data_ready() == 1;
        let data = self.dut.host_data();
        self.hold(4, valid, taken, vec![data as u32, (data >> 32) as u32]);
        if valid {
            assert!(
                self.words_taken < shown,
                "a word before its transfer's header"
            );
        }
        if taken {
            self.words_taken += 1;
            self.words.push_back(data);
        }
        while let Some(transfer) = self.transfers.front() {
            let (length, words) = (transfer.length, usize::from(transfer.length).div_ceil(8));
            if self.words.len() < words {
                return;
            }
            self.transfers.pop_front();
            let bytes: Vec<u8> = self
                .words
                .drain(..words)
                .flat_map(u64::to_le_bytes)
                .collect();
            let frame = &bytes[..usize::from(length)];
            loop {
                let owed = self.owed_host.pop_front().expect("a frame for the host");
                if owed == frame {
                    break;
                }
                assert!(self.lossy_host, "a host frame was lost or changed");
            }
        }
    }
}
