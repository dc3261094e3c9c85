//! `rtl/dma/event_writer.v`: each event once, in order, in its slot, never before its data, never beyond the room.

mod transfers;

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::event_stamped;
use toe_sim::host_memory::{HostMemory, WriteRequest};
use toe_sim::models::EventWriter;
use toe_sim::stalls::{StallProfile, Stalls};
use toe_sim::trial::trials;
use transfers::{Outcome, below};
use verilated::{Context, RandomReset};

const RING: u64 = 0x7_0000_0040;
const BUS_ERROR: u64 = 11;

/// The writer, a transfer source and a payload writer in one, a driver that reads the ring, and the ring.
struct Bench {
    dut: EventWriter,
    memory: HostMemory,
    rng: ChaCha8Rng,
    stalls: Stalls,
    entries: u32,
    cycle: u64,
    /// Offered and not completed, or completed and not written: both in order.
    outstanding: VecDeque<u64>,
    completed: VecDeque<u64>,
    /// The event after which a completion fails, and its response.
    error_after: Option<(u64, u8)>,
    /// Good completions so far.
    completions: u64,
    failed_event: Option<u64>,
    offered: Option<u64>,
    taken_at_write: VecDeque<u8>,
    /// Events whose address was shown on the bus; in memory; acknowledged; read by the driver.
    shown: u64,
    written: u64,
    visible: u64,
    consumer: u64,
    /// The driver reads nothing.
    reading: bool,
    address_waits: bool,
    line_expected: bool,
    /// Stop making completions.
    quiet: bool,
}

impl Bench {
    fn new(
        seed: u64,
        wave: Option<&Path>,
        entries: u32,
        latency: u64,
        chance: u8,
    ) -> Outcome<Self> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = EventWriter::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_event_ring_address(RING);
        dut.set_event_ring_entries(entries);
        dut.set_interrupt_enable(1);
        dut.set_stop(0);
        dut.set_push_found_valid(0);
        dut.set_push_found(0);
        dut.set_rst(1);
        dut.cycle()?;
        dut.cycle()?;
        dut.set_rst(0);
        let profile = StallProfile {
            write_address: chance,
            write_data: chance,
            write_response: chance,
            ..StallProfile::NONE
        };
        let mut memory = HostMemory::new(RING & !4095, 1 << 20, latency, &profile, seed);
        memory.grant(RING, 8 * u64::from(entries));
        memory.watch(RING, 8 * u64::from(entries));
        Ok(Self {
            dut,
            memory,
            rng: ChaCha8Rng::seed_from_u64(seed),
            stalls: Stalls::new(seed, 50, chance),
            entries,
            cycle: 0,
            outstanding: VecDeque::new(),
            completed: VecDeque::new(),
            error_after: None,
            completions: 0,
            failed_event: None,
            offered: None,
            taken_at_write: VecDeque::new(),
            shown: 0,
            written: 0,
            visible: 0,
            consumer: 0,
            reading: true,
            address_waits: false,
            line_expected: false,
            quiet: false,
        })
    }

    fn step(&mut self) -> Outcome {
        // A transfer comes, and one completes.
        if self.offered.is_none() && !self.quiet && !self.stalls.stall() {
            self.offered = Some(self.rng.next_u64() >> 1);
        }
        self.dut.set_event_valid(self.offered.is_some().into());
        self.dut.set_event_word(self.offered.unwrap_or(0));
        let completes = !self.outstanding.is_empty() && !self.stalls.stall();
        let fails = completes
            && self
                .error_after
                .is_some_and(|(after, _)| after == self.completions);
        let response = self.error_after.map_or(0, |(_, response)| response);
        self.dut.set_completion_valid(completes.into());
        self.dut
            .set_completion_response(if fails { response } else { 0 });
        let commands = self.rng.next_u32() as u8;
        self.dut.set_commands_taken(commands);
        // The driver reads what it can see, which is in memory before the bus has answered.
        let seen = self.visible.max(self.written);
        if self.reading && self.consumer < seen && !self.stalls.stall() {
            self.consumer += 1 + below(&mut self.rng, seen - self.consumer);
        }
        self.dut.set_event_consumer(self.consumer as u32);
        let answer = self.memory.drive();
        self.dut.set_event_awready(answer.aw_ready.into());
        self.dut.set_event_wready(answer.w_ready.into());
        self.dut.set_event_bvalid(answer.b_valid.into());
        self.dut.set_event_bresp(answer.b_response);
        self.dut.settle()?;

        assert_eq!(self.dut.interrupt_line() == 1, self.line_expected);
        if completes && let Some(event) = self.outstanding.pop_front() {
            if fails {
                self.failed_event = Some(event);
                self.quiet = true;
                self.outstanding.clear();
            } else if event >> 59 != 0 {
                self.completions += 1;
                self.completed.push_back(event);
            }
        }
        if self.dut.event_written() == 1 {
            self.taken_at_write.push_back(commands);
        }
        let request = WriteRequest {
            aw_valid: self.dut.event_awvalid() == 1,
            aw_address: self.dut.event_awaddr(),
            aw_length: 0,
            aw_size: 3,
            aw_burst: 1,
            w_valid: self.dut.event_wvalid() == 1,
            w_data: self.dut.event_wdata(),
            w_strobe: 0xff,
            w_last: true,
            b_ready: true,
        };
        if request.aw_valid && !self.address_waits {
            let slot = RING + 8 * (self.shown % u64::from(self.entries));
            assert_eq!(request.aw_address, slot, "event {}", self.shown);
            assert!(
                self.shown - self.consumer < u64::from(self.entries),
                "the driver has not read event {}, event {} would overwrite it",
                self.shown - u64::from(self.entries),
                self.shown
            );
            self.shown += 1;
        }
        self.address_waits = request.aw_valid && !answer.aw_ready;
        if self.dut.event_valid() & self.dut.event_ready() == 1
            && let Some(event) = self.offered.take()
            && self.failed_event.is_none()
        {
            self.outstanding.push_back(event);
        }
        self.line_expected = self.dut.interrupt_enable() == 1 && self.visible > self.consumer;
        self.visible += u64::from(answer.b_valid);
        self.memory.clock(&request)?;
        self.dut.rise()?;
        self.cycle += 1;
        while let Some(write) = self.memory.take_watched() {
            self.check(write.data)?;
        }
        Ok(())
    }

    /// An event arrived in the ring.
    fn check(&mut self, word: u64) -> Outcome {
        let phase = (self.written / u64::from(self.entries)).is_multiple_of(2);
        let taken = self
            .taken_at_write
            .pop_front()
            .ok_or("an event nobody announced")?;
        let expected = match self.completed.pop_front() {
            Some(event) => event & !(0xff << 48),
            None => self.bus_error().ok_or("an event before its completion")?,
        };
        assert_eq!(
            format!("{word:016x}"),
            format!("{:016x}", event_stamped(expected, phase, taken)),
            "event {}",
            self.written
        );
        self.written += 1;
        Ok(())
    }

    /// The BUS_ERROR of a completion that failed: its connection and buffer, the response instead of the length.
    fn bus_error(&mut self) -> Option<u64> {
        let (_, response) = self.error_after?;
        let event = self.failed_event.take()?;
        Some(BUS_ERROR << 59 | event & 0x0000_ffff_ffff_0000 | u64::from(response))
    }

    fn run_until(&mut self, written: u64) -> Outcome {
        let deadline = self.cycle + 400 * (written + 100);
        while self.written < written {
            self.step()?;
            if self.cycle > deadline {
                return Err(format!("stuck after {} events", self.written).into());
            }
        }
        Ok(())
    }
}

fn chance(seed: u64) -> u8 {
    [0, 40, 128, 210][seed as usize % 4]
}

fn latency(seed: u64) -> u64 {
    [0, 3, 30][seed as usize / 4 % 3]
}

#[test]
fn events_follow_their_completions_in_order_with_phase_and_commands_taken() {
    trials("event_writer_order", 0..48, |seed, wave| {
        let entries = 2 << (seed % 6);
        let mut bench = Bench::new(seed, wave, entries, latency(seed), chance(seed))?;
        bench.run_until(600)
    });
}

#[test]
fn a_ring_of_65536_wraps_and_flips_its_phase() {
    trials("event_writer_large", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 65_536, 2, 0)?;
        bench.run_until(140_000)
    });
}

#[test]
fn a_full_ring_is_never_overrun_and_goes_on_when_it_is_read() {
    trials("event_writer_full", 0..16, |seed, wave| {
        let entries = 2 << (seed % 5);
        let mut bench = Bench::new(seed, wave, entries, latency(seed), chance(seed))?;
        for turn in 1..6 {
            bench.reading = false;
            let full = bench.consumer + u64::from(entries);
            bench.run_until(full)?;
            for _ in 0..500 {
                bench.step()?;
            }
            assert_eq!(
                bench.shown, full,
                "turn {turn}: waits while the ring is full"
            );
            bench.reading = true;
            bench.run_until(full + 3)?;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn a_ring_of_no_entries_gets_no_event() {
    trials("event_writer_none", 0..2, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 0, 0, chance(seed))?;
        for _ in 0..2000 {
            bench.step()?;
        }
        assert_eq!(bench.shown, 0);
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn the_interrupt_stays_low_while_it_is_disabled() {
    trials("event_writer_interrupt", 0..4, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 16, latency(seed), chance(seed))?;
        for turn in 0..20 {
            // Each step checks the line against what is visible and what is enabled.
            bench.dut.set_interrupt_enable(turn % 2);
            bench.run_until(20 * (u64::from(turn) + 1))?;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn after_failed_data_earlier_events_come_then_one_bus_error_then_nothing() {
    trials("event_writer_data_error", 0..60, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 8, latency(seed), chance(seed))?;
        let good = seed * 7 % 50;
        bench.error_after = Some((good, 2 + (seed % 2) as u8));
        bench.run_until(good + 1)?;
        for _ in 0..1000 {
            bench.step()?;
        }
        assert_eq!((bench.written, bench.shown), (good + 1, good + 1));
        assert_eq!(bench.dut.failed(), 1);
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn after_a_failed_event_one_bus_error_is_tried_then_nothing() {
    trials("event_writer_event_error", 0..60, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 64, latency(seed), chance(seed))?;
        let victim = seed % 50;
        bench.memory.fail_at(RING + 8 * victim, 3);
        let mut last = 0;
        bench.memory.watch(0, 0);
        for _ in 0..20_000 {
            bench.step()?;
            last = bench.shown;
            if bench.dut.failed() == 1 && bench.quiet {
                break;
            }
            bench.quiet = bench.dut.failed() == 1;
        }
        for _ in 0..1000 {
            bench.step()?;
        }
        // Those that were on their way when the answer came, and then the report.
        let report = bench.shown - 1;
        assert!(
            report > victim && report <= last + 2,
            "{report} {victim} {last}"
        );
        let slot = RING + 8 * report;
        let bytes = bench.memory.slice(slot, 8).ok_or("outside the ring")?;
        let word = u64::from_le_bytes(bytes.try_into()?);
        assert_eq!(word & 0x7f00_ffff_ffff_ffff, BUS_ERROR << 59 | 3);
        assert_eq!(bench.dut.failed(), 1);
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn under_stop_no_event_is_begun_and_afterwards_none_is_missing() {
    trials("event_writer_stop", 0..16, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 16, latency(seed), chance(seed))?;
        for turn in 0..8 {
            bench.run_until(10 * (turn + 1))?;
            bench.dut.set_stop(1);
            let deadline = bench.cycle + 5000;
            bench.step()?;
            while bench.dut.idle() == 0 {
                bench.step()?;
                assert!(bench.cycle < deadline, "never idle");
            }
            let shown = bench.shown;
            for _ in 0..300 {
                bench.step()?;
            }
            assert_eq!(bench.shown, shown);
            bench.dut.set_stop(0);
        }
        bench.run_until(200)
    });
}
