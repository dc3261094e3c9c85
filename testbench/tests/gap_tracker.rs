//! `rtl/tcp/gap_tracker.v`: islands are joined and kept as ranges are, and cover the bytes that they should.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::GapTracker;
use toe_sim::trial::trials;
use verilated::{Context, Error};

const CONNECTIONS: usize = 4;
const GAPS: usize = 4;
const RING: u32 = 4096;
/// Positions count modulo this.
const TURN: u32 = 1 << 17;

/// One connection, in distances from a base that is RCV.NXT at first.
#[derive(Clone, Default)]
struct Reference {
    base: u32,
    next: u32,
    islands: Vec<(u32, u32)>,
}

impl Reference {
    fn position(&self, distance: u32) -> u32 {
        self.base.wrapping_add(distance) % TURN
    }
}

struct Bench {
    dut: GapTracker,
    rng: ChaCha8Rng,
    connections: Vec<Reference>,
}

impl Bench {
    fn start(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new()
            .seed(seed)
            .random_reset(verilated::RandomReset::Random);
        let mut bench = Bench {
            dut: GapTracker::new(&context)?,
            rng: ChaCha8Rng::seed_from_u64(seed),
            connections: vec![Reference::default(); CONNECTIONS],
        };
        if let Some(wave) = wave {
            bench.dut.open_trace(wave)?;
        }
        bench.idle();
        bench.dut.set_rst(1);
        bench.dut.cycle()?;
        bench.dut.set_rst(0);
        for number in 0..CONNECTIONS {
            bench.forget(number)?;
        }
        Ok(bench)
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.rng.next_u32() % limit.max(1)
    }

    fn idle(&mut self) {
        self.dut.set_look(0);
        self.dut.set_compare(0);
        self.dut.set_fill(0);
        self.dut.set_forget(0);
        self.dut.set_keep(0);
        self.dut.set_first(0);
        self.dut.set_step(0);
    }

    fn look(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_look(1);
        self.dut.set_look_connection(number as u8);
        self.dut.cycle()?;
        self.idle();
        Ok(())
    }

    fn keep(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_keep(1);
        self.dut.set_keep_connection(number as u8);
        self.dut.cycle()?;
        self.idle();
        Ok(())
    }

    fn forget(&mut self, number: usize) -> Result<(), Error> {
        self.look(number)?;
        self.dut.set_forget(1);
        self.dut.cycle()?;
        self.idle();
        self.keep(number)?;
        // Just below the turn, half of the time.
        let base = match self.below(2) {
            0 => TURN - self.below(2 * RING),
            _ => self.below(TURN),
        };
        self.connections[number] = Reference {
            base,
            ..Reference::default()
        };
        Ok(())
    }

    /// A segment that fills [from, to), seen from `lead` bytes before it.
    fn segment(
        &mut self,
        number: usize,
        from: u32,
        to: u32,
        lead: u32,
        good: bool,
    ) -> Result<(), Error> {
        let reference = self.connections[number].clone();
        let first = reference.base.wrapping_add(from).wrapping_sub(lead) % TURN;
        let word = first >> 3;
        self.look(number)?;
        self.dut.set_wraps(((1u16 << (first & 7)) - 1) as u8);
        self.dut.set_start(reference.position(from));
        self.dut.set_finish(reference.position(to));
        for step in 0..2 {
            self.dut.set_step(1);
            self.dut.set_first(step);
            self.dut.set_compare(step);
            self.dut
                .set_scan_word((word + u32::from(step)) as u16 & 0x3fff);
            self.dut.cycle()?;
        }
        self.idle();
        self.dut.set_scan_word((word + 2) as u16 & 0x3fff);
        self.dut.settle()?;
        let islands = &reference.islands;
        let touched = |i: &&(u32, u32)| i.0 <= to && from <= i.1;
        let joined = islands
            .iter()
            .filter(touched)
            .fold((from, to), |all, i| (all.0.min(i.0), all.1.max(i.1)));
        let apart: Vec<_> = islands.iter().copied().filter(|i| !touched(&i)).collect();
        let covered = islands.iter().any(|i| i.0 <= from && to <= i.1);
        let reaches = islands.iter().find(|i| touched(i) && to <= i.1);
        assert_eq!(self.dut.covered() == 1, covered);
        assert_eq!(self.dut.holds() == 1, apart.len() < GAPS);
        assert_eq!(self.dut.reaches() == 1, reaches.is_some());
        if let Some(island) = reaches {
            assert_eq!(self.dut.reached(), reference.position(island.1));
        }
        assert_eq!(
            self.dut.beyond_finish() == 1,
            islands.iter().any(|i| i.1 > to)
        );
        self.check_lanes(&reference, from, to, lead)?;
        let in_order = from == reference.next;
        if good && !covered && (in_order || apart.len() < GAPS) {
            self.dut.set_fill(1);
            self.dut.set_in_order(in_order.into());
            self.dut.cycle()?;
            self.idle();
            let kept = &mut self.connections[number];
            kept.islands = apart;
            if in_order {
                kept.next = joined.1;
            } else {
                kept.islands.push(joined);
            }
        }
        self.keep(number)
    }

    /// The bytes of each beat that are proven, against the ranges. Before `from` nothing is said.
    fn check_lanes(
        &mut self,
        reference: &Reference,
        from: u32,
        to: u32,
        lead: u32,
    ) -> Result<(), Error> {
        let mut at = i64::from(from) - i64::from(lead);
        let mut scan = self.dut.scan_word();
        while at < i64::from(to) {
            self.dut.settle()?;
            for index in 0..8 {
                let byte = at + index;
                if byte < i64::from(from) || byte >= i64::from(to) {
                    continue;
                }
                let lane = reference.base.wrapping_add(byte as u32) & 7;
                let proven = reference
                    .islands
                    .iter()
                    .any(|i| i64::from(i.0) <= byte && byte < i64::from(i.1));
                assert_eq!(
                    self.dut.proven() >> lane & 1 == 1,
                    proven,
                    "byte {byte} of [{from}, {to})"
                );
            }
            self.dut.set_step(1);
            self.dut.cycle()?;
            self.idle();
            scan = (scan + 1) & 0x3fff;
            self.dut.set_scan_word(scan);
            at += 8;
        }
        Ok(())
    }
}

// B35
#[test]
fn any_ranges_are_kept_joined_and_covered() {
    trials("gap_tracker", 0..60, |seed, wave| {
        let mut bench = Bench::start(seed, wave)?;
        for _ in 0..400 {
            let number = bench.below(CONNECTIONS as u32) as usize;
            let reference = bench.connections[number].clone();
            if bench.below(100) == 0 || reference.next > TURN {
                bench.forget(number)?;
                continue;
            }
            let reach = [20, 100, 600, RING][bench.below(4) as usize];
            let near = reference.next + bench.below(reach);
            let from = match bench.below(8) {
                0..2 => reference.next,
                2 => reference.islands.first().map_or(near, |i| i.0),
                3 => reference.islands.last().map_or(near, |i| i.1),
                _ => near,
            };
            let room = reference.next + RING - from;
            if room == 0 {
                continue;
            }
            let most = if bench.below(8) == 0 {
                room
            } else {
                room.min(reach)
            };
            let length = 1 + bench.below(most);
            let lead = if from == reference.next {
                [0, 3, 200][bench.below(3) as usize]
            } else {
                0
            };
            let good = bench.below(4) != 0;
            bench.segment(number, from, from + length, lead, good)?;
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn islands_of_one_byte_in_one_word_are_told_apart() {
    trials("gap_tracker_bytes", 0..8, |seed, wave| {
        let mut bench = Bench::start(seed, wave)?;
        for at in [1, 3, 5, 7] {
            bench.segment(0, at, at + 1, 0, true)?;
        }
        bench.segment(0, 9, 10, 0, true)?;
        assert_eq!(bench.connections[0].islands.len(), 4);
        bench.segment(0, 0, 20, 0, false)?;
        bench.segment(0, 2, 7, 0, true)?;
        assert_eq!(bench.connections[0].islands.len(), 1);
        bench.segment(0, 0, 2, 0, true)?;
        assert_eq!(bench.connections[0].next, 8);
        Ok::<(), Error>(())
    });
}
