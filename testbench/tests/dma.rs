//! `rtl/dma/dma.v`: transfers of three sources and their events reach host memory, data first, in order.

mod transfers;

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use toe_driver::registers::event_stamped;
use toe_sim::host_memory::{HostMemory, WriteRequest};
use toe_sim::models::Dma;
use toe_sim::stalls::{StallProfile, Stalls};
use toe_sim::trial::trials;
use transfers::{Outcome, Source, Transfer, below};
use verilated::{Context, RandomReset};

const BASE: u64 = 0x12_3456_0000;
/// The ring lies behind the data.
const RING: u64 = BASE + DATA as u64;
const DATA: usize = 1 << 22;
const COMMANDS: u8 = 0x5a;
const BUS_ERROR: u64 = 11;

/// What happened in one clock cycle.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    transfer_visible: bool,
    payload_visible: bool,
    event_visible: bool,
    beat_taken: bool,
    answer_taken: bool,
    idle: bool,
}

/// The group between three sources, the memory and a driver that reads the ring.
struct Bench {
    dut: Dma,
    memory: HostMemory,
    rng: ChaCha8Rng,
    /// Delivery, host frames, host events.
    sources: [Source; 3],
    stalls: Stalls,
    entries: u64,
    cycle: u64,
    /// Taken in this order from the sources; events must come in the same.
    order: VecDeque<(usize, Transfer)>,
    taken: Vec<usize>,
    events_shown: u64,
    events_written: u64,
    visible: u64,
    consumer: u64,
    address_waits: bool,
    /// Who asked, for each burst that is not answered: true is the ring.
    asked: VecDeque<bool>,
    /// Bursts of data answered, and those of the transfers whose event was shown.
    answered_bursts: u64,
    told_bursts: u64,
    /// An answer was an error.
    error_seen: bool,
    bus_error: Option<u64>,
}

impl Bench {
    fn new(
        seed: u64,
        wave: Option<&Path>,
        entries: u64,
        latency: u64,
        stalls: &StallProfile,
    ) -> Outcome<Self> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = Dma::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_event_ring_address(RING);
        dut.set_event_ring_entries(u32::try_from(entries)?);
        dut.set_commands_taken(COMMANDS);
        dut.set_interrupt_enable(1);
        dut.set_stop(0);
        dut.set_push_found_valid(0);
        dut.set_push_found(0);
        dut.set_rst(1);
        dut.cycle()?;
        dut.cycle()?;
        dut.set_rst(0);
        let size = DATA + usize::try_from(8 * entries)?;
        let mut memory = HostMemory::new(BASE, size.next_multiple_of(4096), latency, stalls, seed);
        memory.grant(RING, 8 * entries);
        memory.watch(RING, 8 * entries);
        let source = |stream| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream);
            Source::new(Stalls::new(seed, stream + 10, stalls.frame), rng)
        };
        Ok(Self {
            dut,
            memory,
            rng: ChaCha8Rng::seed_from_u64(seed),
            sources: [100, 101, 102].map(source),
            stalls: Stalls::new(seed, 103, stalls.write_response),
            entries,
            cycle: 0,
            order: VecDeque::new(),
            taken: Vec::new(),
            events_shown: 0,
            events_written: 0,
            visible: 0,
            consumer: 0,
            address_waits: false,
            asked: VecDeque::new(),
            answered_bursts: 0,
            told_bursts: 0,
            error_seen: false,
            bus_error: None,
        })
    }

    /// Puts transfers of random sizes, or of `length` bytes, on the sources: `counts` of each.
    fn plan(&mut self, counts: [usize; 3], length: Option<usize>) {
        let mut address = BASE;
        for (index, &count) in counts.iter().enumerate() {
            for number in 0..count {
                let length = match (index, length) {
                    (2, _) => 0,
                    (_, Some(length)) => length,
                    _ => {
                        let most = [1, 9, 70, 300, 1600, 5000][below(&mut self.rng, 6) as usize];
                        below(&mut self.rng, most) as usize
                    }
                };
                address += below(&mut self.rng, 40);
                let lane = below(&mut self.rng, 8) as u8;
                let mut transfer = Transfer::random(&mut self.rng, address, lane, length);
                // Kinds 1 and 2 as events of delivery and host frames, the count where it fits.
                transfer.event = (index as u64 + 1) << 59 | (number as u64) << 16 | length as u64;
                address = transfer.end();
                self.sources[index].push(transfer);
            }
        }
        assert!(address <= RING, "the plan needs more memory");
    }

    fn drive(&mut self) -> bool {
        let [delivery, frames, events] = &mut self.sources;
        let dut = &mut self.dut;
        let (transfer, word) = delivery.drive();
        let visible = transfer.is_some();
        dut.set_transfer_valid(visible.into());
        if let Some(transfer) = transfer {
            dut.set_transfer_header(&transfer.header());
        }
        dut.set_transfer_data_valid(word.is_some().into());
        dut.set_transfer_data(word.unwrap_or(0));
        let (transfer, word) = frames.drive();
        dut.set_host_transfer_valid(transfer.is_some().into());
        if let Some(transfer) = transfer {
            dut.set_host_transfer_header(&transfer.header());
        }
        dut.set_host_data_valid(word.is_some().into());
        dut.set_host_data(word.unwrap_or(0));
        let (transfer, _) = events.drive();
        dut.set_host_event_valid(transfer.is_some().into());
        dut.set_host_event(transfer.map_or(0, |transfer| transfer.event));
        visible
    }

    fn take(&mut self) -> Outcome {
        let dut = &self.dut;
        if dut.transfer_data_valid() & dut.transfer_data_ready() == 1 {
            self.sources[0].take_word();
        }
        if dut.host_data_valid() & dut.host_data_ready() == 1 {
            self.sources[1].take_word();
        }
        let headers = [
            dut.transfer_valid() & dut.transfer_ready(),
            dut.host_transfer_valid() & dut.host_transfer_ready(),
            dut.host_event_valid() & dut.host_event_ready(),
        ];
        assert!(headers.iter().sum::<u8>() <= 1, "one transfer at a time");
        for (index, taken) in headers.into_iter().enumerate() {
            if taken == 1
                && let Some(transfer) = self.sources[index].take_header()
            {
                transfer.prepare(&mut self.memory)?;
                self.order.push_back((index, transfer));
                self.taken.push(index);
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Outcome<Seen> {
        let mut seen = Seen {
            transfer_visible: self.drive(),
            ..Seen::default()
        };
        if self.consumer < self.visible && !self.stalls.stall() {
            self.consumer += 1 + below(&mut self.rng, self.visible - self.consumer);
        }
        self.dut.set_event_consumer(self.consumer as u32);
        let answer = self.memory.drive();
        let dut = &mut self.dut;
        dut.set_m_axi_awready(answer.aw_ready.into());
        dut.set_m_axi_wready(answer.w_ready.into());
        dut.set_m_axi_bvalid(answer.b_valid.into());
        dut.set_m_axi_bresp(answer.b_response);
        dut.settle()?;
        let request = WriteRequest {
            aw_valid: dut.m_axi_awvalid() == 1,
            aw_address: dut.m_axi_awaddr(),
            aw_length: dut.m_axi_awlen(),
            aw_size: dut.m_axi_awsize(),
            aw_burst: dut.m_axi_awburst(),
            w_valid: dut.m_axi_wvalid() == 1,
            w_data: dut.m_axi_wdata(),
            w_strobe: dut.m_axi_wstrb(),
            w_last: dut.m_axi_wlast() == 1,
            b_ready: dut.m_axi_bready() == 1,
        };
        seen.idle = dut.idle() == 1;
        let to_ring = request.aw_address >= RING;
        seen.event_visible = request.aw_valid && to_ring;
        seen.payload_visible = request.w_valid;
        seen.beat_taken = request.w_valid && answer.w_ready;
        seen.answer_taken = answer.b_valid && request.b_ready;
        if seen.event_visible && !self.address_waits {
            self.event_begins(request.aw_address)?;
        }
        self.address_waits = request.aw_valid && !answer.aw_ready;
        if request.aw_valid && answer.aw_ready {
            self.asked.push_back(to_ring);
        }
        if seen.answer_taken {
            self.error_seen |= answer.b_response != 0;
            match self.asked.pop_front().ok_or("an answer nobody asked for")? {
                true => self.visible += 1,
                false => self.answered_bursts += 1,
            }
        }
        self.take()?;
        self.memory.clock(&request)?;
        self.dut.rise()?;
        self.cycle += 1;
        while let Some(write) = self.memory.take_watched() {
            self.event_arrives(write.data)?;
        }
        Ok(seen)
    }

    /// The address of an event is on the bus: its slot must be free and its data acknowledged.
    fn event_begins(&mut self, address: u64) -> Outcome {
        assert_eq!(address, RING + 8 * (self.events_shown % self.entries));
        assert!(self.events_shown - self.consumer < self.entries, "overrun");
        let ahead = usize::try_from(self.events_shown - self.events_written)?;
        self.events_shown += 1;
        let Some((_, transfer)) = self.order.get(ahead) else {
            // Only a BUS_ERROR on account of an event need not stand for a transfer.
            return self
                .error_seen
                .then_some(())
                .ok_or("an event without a transfer".into());
        };
        if self.error_seen {
            return Ok(());
        }
        transfer.settled(&mut self.memory)?;
        self.told_bursts += transfer.bursts();
        if self.told_bursts > self.answered_bursts {
            return Err("an event before the bus acknowledged its data".into());
        }
        Ok(())
    }

    fn event_arrives(&mut self, word: u64) -> Outcome {
        let phase = (self.events_written / self.entries).is_multiple_of(2);
        self.events_written += 1;
        if self.error_seen && word >> 59 & 15 == BUS_ERROR {
            assert_eq!(word >> 63 == 1, phase);
            self.bus_error = Some(word);
            return Ok(());
        }
        let (_, transfer) = self
            .order
            .pop_front()
            .ok_or("an event without a transfer")?;
        assert!(self.bus_error.is_none(), "an event after BUS_ERROR");
        assert_eq!(
            format!("{word:016x}"),
            format!("{:016x}", event_stamped(transfer.event, phase, COMMANDS))
        );
        Ok(())
    }

    fn done(&self) -> bool {
        self.sources.iter().all(Source::is_empty)
            && self.order.is_empty()
            && self.asked.is_empty()
            && !self.memory.busy()
    }

    fn finish(&mut self) -> Outcome {
        let (mut written, mut deadline) = (self.events_written, self.cycle + 100_000);
        while !self.done() {
            self.step()?;
            if self.events_written > written {
                (written, deadline) = (self.events_written, self.cycle + 100_000);
            }
            if self.cycle > deadline {
                return Err(format!("stuck after {written} events").into());
            }
        }
        Ok(())
    }
}

fn stalls(seed: u64) -> StallProfile {
    let chance = |shift: u32| [0, 32, 128, 220][(seed >> shift) as usize % 4];
    StallProfile {
        frame: chance(0),
        write_address: chance(2),
        write_data: chance(1),
        write_response: chance(3),
        register: 0,
    }
}

fn latency(seed: u64) -> u64 {
    [0, 1, 7, 40, 250][seed as usize % 5]
}

#[test]
fn data_comes_before_its_event_and_events_in_the_order_of_transfers() {
    trials("dma_order", 0..60, |seed, wave| {
        let entries = 2 << (seed % 7);
        let mut bench = Bench::new(seed, wave, entries, latency(seed), &stalls(seed))?;
        bench.plan([150, 80, 80], None);
        bench.finish()?;
        assert_eq!(bench.events_written, 310);
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn an_error_anywhere_ends_with_one_bus_error_and_silence() {
    trials("dma_error", 0..80, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 16, latency(seed), &stalls(seed))?;
        bench.plan([60, 30, 30], None);
        let response = 2 + (seed % 2) as u8;
        let in_ring = seed % 4 == 3;
        let place = match in_ring {
            true => RING + 8 * below(&mut bench.rng, 16),
            false => BASE + below(&mut bench.rng, 40_000),
        };
        bench.memory.fail_at(place, response);
        let mut quiet = 0;
        while quiet < 3000 {
            let seen = bench.step()?;
            let moves = seen.beat_taken || seen.event_visible || seen.answer_taken;
            quiet = if moves { 0 } else { quiet + 1 };
        }
        assert!(!bench.memory.busy(), "something hangs on the bus");
        if !bench.error_seen {
            assert!(bench.done(), "stuck");
            return Ok(()); // the place is in a gap between transfers
        }
        let word = bench.bus_error.ok_or("no BUS_ERROR")?;
        assert_eq!(word & 0xffff, u64::from(response));
        if in_ring {
            assert_eq!(word >> 16 & 0xffff_ffff, 0);
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn three_busy_sources_take_turns() {
    trials("dma_turns", 0..4, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 256, 5, &StallProfile::NONE)?;
        bench.plan([100, 100, 100], Some([64, 8, 300, 1460][seed as usize]));
        bench.finish()?;
        for (at, turn) in bench.taken.windows(3).take(290).enumerate() {
            let mut turn = turn.to_vec();
            turn.sort_unstable();
            assert_eq!(turn, [0, 1, 2], "transfers {at} to {}", at + 2);
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn payload_is_on_the_bus_two_cycles_after_its_transfer_and_the_event_four_after_the_answer() {
    trials("dma_latency", 0..12, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 16, seed, &StallProfile::NONE)?;
        let (lane, offset) = (seed as u8 % 3, seed / 3 % 3);
        let transfer = Transfer::random(&mut bench.rng, BASE + offset, lane, 64);
        bench.sources[0].push(transfer);
        let (mut visible, mut beat, mut answer, mut event) = (None, None, None, None);
        while !bench.done() {
            let cycle = bench.cycle;
            let seen = bench.step()?;
            for (place, now) in [
                (&mut visible, seen.transfer_visible),
                (&mut beat, seen.payload_visible),
                (&mut answer, seen.answer_taken),
                (&mut event, seen.event_visible),
            ] {
                if now {
                    place.get_or_insert(cycle);
                }
            }
        }
        let times = [visible, beat, answer, event].map(|time| time.unwrap_or(u64::MAX));
        assert_eq!(times[1] - times[0], 2);
        assert!(times[3] - times[2] <= 4, "{times:?}");
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn an_event_of_8_bytes_costs_one_beat_and_no_more() {
    trials("dma_rate", 0..3, |seed, wave| {
        let length = [64, 256, 1460][seed as usize];
        let mut bench = Bench::new(seed, wave, 1024, 30, &StallProfile::NONE)?;
        let mut address = BASE;
        for _ in 0..300 {
            bench.sources[0].push(Transfer::random(&mut bench.rng, address, 0, length));
            address += 2048;
        }
        let (mut first, mut last) = (None, 0);
        while !bench.done() {
            let cycle = bench.cycle;
            if bench.step()?.beat_taken {
                first.get_or_insert(cycle);
                last = cycle;
            }
        }
        let cycles = last - first.ok_or("no beat")? + 1;
        let beats = 300 * (length.div_ceil(8) as u64 + 1);
        // The events of the last transfers come a response later.
        assert!(cycles <= beats + 70, "{cycles} cycles for {beats} beats");
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn a_reset_after_stop_and_idle_owes_nothing() {
    trials("dma_reset", 0..30, |seed, wave| {
        let mut bench = Bench::new(seed, wave, 16, latency(seed), &stalls(seed))?;
        bench.plan([60, 30, 30], None);
        for _ in 0..below(&mut bench.rng, 800) {
            bench.step()?;
        }
        bench.dut.set_stop(1);
        let deadline = bench.cycle + 20_000;
        while !bench.step()?.idle {
            assert!(bench.cycle < deadline, "never idle");
        }
        assert!(!bench.memory.busy(), "idle while the memory is at work");
        for _ in 0..300 {
            let seen = bench.step()?;
            assert!(seen.idle && !seen.payload_visible && !seen.event_visible);
        }
        // As after power-up: the same model, other transfers, the ring from its start.
        let mut next = Bench::new(seed, None, 16, latency(seed), &stalls(seed))?;
        std::mem::swap(&mut next.dut, &mut bench.dut);
        next.dut.set_transfer_valid(0);
        next.dut.set_host_transfer_valid(0);
        next.dut.set_host_event_valid(0);
        next.dut.set_event_consumer(0);
        next.dut.set_push_found_valid(0);
        next.dut.set_push_found(0);
        next.dut.set_rst(1);
        next.dut.cycle()?;
        next.dut.cycle()?;
        next.dut.set_rst(0);
        next.dut.set_stop(0);
        next.plan([60, 30, 30], None);
        next.finish()
    });
}
