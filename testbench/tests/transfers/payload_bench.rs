//! The payload writer between a source of transfers and a memory, every byte and every rule checked.

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use toe_sim::host_memory::{HostMemory, WriteRequest};
use toe_sim::models::PayloadWriter;
use toe_sim::stalls::{StallProfile, Stalls};
use verilated::{Context, RandomReset};

use super::{Outcome, Source, Transfer};

pub const BASE: u64 = 0x12_3456_0000;

/// What happened in one clock cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// A transfer stood at the door.
    pub transfer_visible: bool,
    pub transfer_taken: bool,
    pub address_taken: bool,
    pub beat_visible: bool,
    pub beat_taken: bool,
    pub answer_taken: bool,
    pub completion: Option<u8>,
    pub idle: bool,
}

/// The writer, its neighbours and all that is checked in every cycle.
pub struct PayloadBench {
    pub dut: PayloadWriter,
    pub memory: HostMemory,
    pub source: Source,
    pub cycle: u64,
    /// Taken and not completed.
    pub under_way: VecDeque<Transfer>,
    /// Response of each completed transfer.
    pub responses: Vec<u8>,
    /// Bursts whose address was taken, and of them those answered.
    pub begun: u64,
    pub answered: u64,
    /// Bursts of all transfers completed.
    completed_bursts: u64,
    pub most_in_flight: u64,
}

impl PayloadBench {
    /// `stalls` holds for every channel, the source's included.
    pub fn new(
        seed: u64,
        wave: Option<&Path>,
        size: usize,
        latency: u64,
        stalls: &StallProfile,
    ) -> Outcome<Self> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = PayloadWriter::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_stop(0);
        dut.set_rst(1);
        dut.cycle()?;
        dut.cycle()?;
        dut.set_rst(0);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(100);
        Ok(Self {
            dut,
            memory: HostMemory::new(BASE, size, latency, stalls, seed),
            source: Source::new(Stalls::new(seed, 101, stalls.frame), rng),
            cycle: 0,
            under_way: VecDeque::new(),
            responses: Vec::new(),
            begun: 0,
            answered: 0,
            completed_bursts: 0,
            most_in_flight: 0,
        })
    }

    /// One clock cycle.
    pub fn step(&mut self) -> Outcome<Seen> {
        let dut = &mut self.dut;
        let (transfer, word) = self.source.drive();
        dut.set_transfer_valid(transfer.is_some().into());
        if let Some(transfer) = transfer {
            dut.set_transfer_address(transfer.address);
            dut.set_transfer_length(transfer.length());
            dut.set_transfer_lane(transfer.lane);
        }
        dut.set_transfer_data_valid(word.is_some().into());
        dut.set_transfer_data(word.unwrap_or(0));
        let mut seen = Seen {
            transfer_visible: transfer.is_some(),
            ..Seen::default()
        };
        let answer = self.memory.drive();
        dut.set_payload_awready(answer.aw_ready.into());
        dut.set_payload_wready(answer.w_ready.into());
        dut.set_payload_bvalid(answer.b_valid.into());
        dut.set_payload_bresp(answer.b_response);
        dut.settle()?;

        seen.idle = dut.idle() == 1;
        if dut.completion_valid() == 1 {
            seen.completion = Some(dut.completion_response());
            self.responses.push(dut.completion_response());
            let transfer = self.under_way.pop_front();
            let transfer = transfer.ok_or("a completion without a transfer")?;
            transfer.settled(&mut self.memory)?;
            self.completed_bursts += transfer.bursts();
            if self.completed_bursts > self.answered {
                return Err("a completion before the bus acknowledged the data".into());
            }
        }
        let request = WriteRequest {
            aw_valid: dut.payload_awvalid() == 1,
            aw_address: dut.payload_awaddr(),
            aw_length: dut.payload_awlen(),
            aw_size: 3,
            aw_burst: 1,
            w_valid: dut.payload_wvalid() == 1,
            w_data: dut.payload_wdata(),
            w_strobe: dut.payload_wstrb(),
            w_last: dut.payload_wlast() == 1,
            b_ready: dut.payload_bready() == 1,
        };
        seen.address_taken = request.aw_valid && answer.aw_ready;
        seen.beat_visible = request.w_valid;
        seen.beat_taken = request.w_valid && answer.w_ready;
        seen.answer_taken = answer.b_valid && request.b_ready;
        self.begun += u64::from(seen.address_taken);
        self.most_in_flight = self.most_in_flight.max(self.begun - self.answered);
        self.answered += u64::from(seen.answer_taken);
        if dut.transfer_data_valid() & dut.transfer_data_ready() == 1 {
            self.source.take_word();
        }
        seen.transfer_taken = dut.transfer_valid() & dut.transfer_ready() == 1;
        if seen.transfer_taken
            && let Some(transfer) = self.source.take_header()
        {
            transfer.prepare(&mut self.memory)?;
            self.under_way.push_back(transfer);
        }
        self.memory.clock(&request)?;
        dut.rise()?;
        self.cycle += 1;
        Ok(seen)
    }

    /// Nothing left to be offered and nothing under way.
    pub fn done(&self) -> bool {
        self.source.is_empty() && self.under_way.is_empty()
    }

    /// Runs until all is completed; fails when nothing completes for long.
    pub fn finish(&mut self) -> Outcome {
        let (mut completed, mut deadline) = (self.responses.len(), self.cycle + 200_000);
        while !self.done() {
            self.step()?;
            if self.responses.len() > completed {
                (completed, deadline) = (self.responses.len(), self.cycle + 200_000);
            }
            if self.cycle > deadline {
                return Err(format!("stuck after {completed} completions").into());
            }
        }
        Ok(())
    }
}

/// Figures of transfers of one size, back to back, with nobody else stalling.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Payload bytes for each cycle from the first beat to the last.
    pub bytes_per_cycle: f64,
    /// Clock cycles from the last beat to the completion.
    pub last_beat_to_status: u64,
    /// Clock cycles from the transfer at the door to its first beat on the bus.
    pub transfer_to_beat: u64,
}

/// Measures `count` transfers of `length` bytes at `offset` in their words, response after `latency`.
pub fn rate(length: usize, offset: u64, lane: u8, count: u64, latency: u64) -> Outcome<Rate> {
    let pitch = (offset + length as u64 + 8).next_multiple_of(2048);
    let size = usize::try_from(pitch * count)?.next_multiple_of(4096);
    let mut bench = PayloadBench::new(1, None, size, latency, &StallProfile::NONE)?;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for index in 0..count {
        let address = BASE + index * pitch + offset;
        bench
            .source
            .push(Transfer::random(&mut rng, address, lane, length));
    }
    let (mut visible, mut first, mut last, mut status) = (None, None, 0, 0);
    while !bench.done() {
        let cycle = bench.cycle;
        let seen = bench.step()?;
        if seen.transfer_visible {
            visible.get_or_insert(cycle);
        }
        if seen.beat_taken {
            first.get_or_insert(cycle);
            last = cycle;
        }
        if seen.completion.is_some() {
            status = cycle;
        }
    }
    let first = first.ok_or("no beat")?;
    Ok(Rate {
        bytes_per_cycle: (length as u64 * count) as f64 / (last - first + 1) as f64,
        last_beat_to_status: status - last,
        transfer_to_beat: first - visible.ok_or("no transfer")?,
    })
}
