//! `rtl/host/counters.v`: no pulse is lost, however they come.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_registers::map::Map;
use toe_sim::models::Counters;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// Cycles in which a counter must have been answered: a turn of all counters and a few.
const DEADLINE: u32 = 40;

struct Bench {
    dut: Counters,
    rng: ChaCha8Rng,
    /// Chance of 256 that a counter pulses in a cycle, one a counter.
    chances: Vec<u32>,
    expected: Vec<u32>,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>, chances: Vec<u32>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = Counters::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let mut bench = Bench {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            expected: vec![0; chances.len()],
            chances,
        };
        bench.reset()?;
        Ok(bench)
    }

    fn reset(&mut self) -> Result<(), Error> {
        self.dut.set_rst(1);
        self.dut.set_pulses(u32::MAX);
        self.dut.set_counter_read_valid(0);
        for _ in 0..16 {
            self.dut.cycle()?;
        }
        self.dut.set_rst(0);
        self.expected.fill(0);
        Ok(())
    }

    fn cycle(&mut self) -> Result<(), Error> {
        let mut pulses = 0;
        for (number, chance) in self.chances.iter().enumerate() {
            if self.rng.next_u32() % 256 < *chance {
                pulses |= 1 << number;
                self.expected[number] = self.expected[number].wrapping_add(1);
            }
        }
        self.dut.set_pulses(pulses);
        self.dut.cycle()
    }

    /// Reads a counter; the value is that of some moment between the question and the answer.
    fn read(&mut self, number: usize) -> Result<u32, Error> {
        let before = self.expected.get(number).copied().unwrap_or(0);
        self.dut.set_counter_read_index(number as u8);
        self.dut.set_counter_read_valid(1);
        self.cycle()?;
        self.dut.set_counter_read_valid(0);
        let mut cycles = 0;
        while self.dut.counter_answer_valid() == 0 {
            self.cycle()?;
            cycles += 1;
            assert!(cycles < DEADLINE, "counter {number} is not answered");
        }
        let value = self.dut.counter_answer_value();
        let after = self.expected.get(number).copied().unwrap_or(0);
        // The pulses of the last cycles before the question may still be on their way.
        assert!(
            before.saturating_sub(3) <= value && value <= after,
            "counter {number} reads {value}, not {before} to {after}"
        );
        Ok(value)
    }

    /// With no more pulses, every counter holds what was counted, and numbers beyond read as 0.
    fn check_all(&mut self) -> Result<(), Error> {
        self.chances.fill(0);
        for _ in 0..DEADLINE {
            self.cycle()?;
        }
        for number in 0..64 {
            let value = self.read(number)?;
            let expected = self.expected.get(number).copied().unwrap_or(0);
            assert_eq!(value, expected, "counter {number}");
        }
        Ok(())
    }
}

fn counters() -> usize {
    let map = include_str!("../../rtl/registers/map.toml");
    Map::parse(map)
        .expect("the map is right")
        .counters
        .list
        .len()
}

#[test]
fn every_counter_may_count_in_every_cycle() {
    trials("counters_every_cycle", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, vec![256; counters()])?;
        for _ in 0..5000 {
            bench.cycle()?;
        }
        bench.check_all()
    });
}

#[test]
fn no_pulse_is_lost_while_counters_are_read() {
    trials("counters_random", 0..20, |seed, wave| {
        let chances = (0..counters() as u64)
            .map(|number| [0, 1, 16, 32, 200, 256][((seed + number) % 6) as usize])
            .collect();
        let mut bench = Bench::new(seed, wave, chances)?;
        for _ in 0..100 {
            let number = bench.rng.next_u32() as usize % 64;
            bench.read(number)?;
            for _ in 0..bench.rng.next_u32() % 50 {
                bench.cycle()?;
            }
        }
        bench.check_all()
    });
}

#[test]
fn a_reset_sets_every_counter_to_zero_at_any_moment() {
    trials("counters_reset", 0..30, |seed, wave| {
        let mut bench = Bench::new(seed, wave, vec![100; counters()])?;
        for _ in 0..40 + seed {
            bench.cycle()?;
        }
        bench.reset()?;
        for number in 0..counters() {
            bench.read(number)?;
        }
        bench.check_all()
    });
}
