//! `rtl/deliver/push_watch.v`: who is wanted back, and that an alarm tells of each.

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::PushWatch;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

const CONNECTIONS: usize = 4;
/// Alarms that find a place: deliveries end seldom, and turns are long.
const ALARMS: usize = 6;
/// Cycles between the steps of a turn, at least.
const STEP: u32 = 3;

/// What is known of a connection.
#[derive(Debug, Default, Clone)]
struct Known {
    /// A Named Buffer is accepted; whether in Push Mode.
    buffer: Option<bool>,
    pushed: bool,
    /// Position behind the latest delivery to an Anonymous Buffer with PSH.
    push_end: Option<u32>,
    /// Position behind what was taken, and of it what is pending.
    taken: u32,
    pending: u32,
    /// Deliveries that are not read: PSH, to an Anonymous Buffer, end, parity, buffers begun before.
    deliveries: VecDeque<(bool, bool, u32, u8, u32)>,
    /// Buffers and connections so far.
    generation: u32,
}

impl Known {
    fn watched(&self) -> bool {
        self.buffer == Some(true)
    }
}

struct Bench {
    dut: PushWatch,
    rng: ChaCha8Rng,
    known: Vec<Known>,
    /// Alarms that must still come.
    alarms: VecDeque<usize>,
    expiry: Option<usize>,
    /// Chance of 4 that an alarm is taken.
    takes: u32,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = PushWatch::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let takes = rng.next_u32() % 4 + 1;
        dut.set_rst(1);
        let mut bench = Bench {
            dut,
            rng,
            known: vec![Known::default(); CONNECTIONS],
            alarms: VecDeque::new(),
            expiry: None,
            takes,
        };
        bench.quiet();
        bench.dut.set_alarm_ready(0);
        for _ in 0..3 {
            bench.dut.cycle()?;
        }
        bench.dut.set_rst(0);
        for number in 0..CONNECTIONS {
            bench.open(number)?;
        }
        Ok(bench)
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.rng.next_u32() % limit
    }

    fn quiet(&mut self) {
        self.dut.set_found_valid(0);
        self.dut.set_expiry_valid(0);
        self.dut.set_open(0);
        self.dut.set_absorb(0);
        self.dut.set_begins(0);
        self.dut.set_returns(0);
    }

    /// One clock. Alarms are taken or not; each names one who is due.
    fn cycle(&mut self) -> Result<(), Error> {
        let ready = self.below(4) < self.takes;
        self.dut.set_alarm_ready(ready.into());
        self.dut.settle()?;
        if ready && self.dut.alarm_valid() == 1 {
            let number = usize::from(self.dut.alarm_connection());
            assert_eq!(
                self.alarms.pop_front(),
                Some(number),
                "an alarm that is due"
            );
        }
        self.dut.rise()?;
        self.dut.set_found_valid(0);
        self.dut.set_open(0);
        self.dut.set_absorb(0);
        self.dut.set_begins(0);
        self.dut.set_returns(0);
        Ok(())
    }

    fn steps(&mut self) -> Result<(), Error> {
        for _ in 0..STEP + self.below(4) {
            self.cycle()?;
        }
        Ok(())
    }

    /// A turn begins: whose it is stands before any step of it.
    fn turn(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_connection(number as u8);
        self.cycle()
    }

    /// What is shown of everybody is what is known.
    fn check(&mut self) -> Result<(), Error> {
        for number in 0..CONNECTIONS {
            let other = self.below(CONNECTIONS as u32) as u8;
            for arrival in [false, true] {
                let (head, comer) = if arrival {
                    (other, number as u8)
                } else {
                    (number as u8, other)
                };
                self.dut.set_look_arrival(arrival.into());
                self.dut.set_head_connection(head);
                self.dut.set_arrival_connection(comer);
                self.dut.set_connection(number as u8);
                self.cycle()?; // Who they are is known before anything is asked of them.
                self.dut.settle()?;
                let known = &self.known[number];
                let due = known.pushed || self.expiry == Some(number);
                assert_eq!(self.dut.due_next() == 1, due, "{number}: {known:?}");
                assert_eq!(self.dut.pushed() == 1, known.pushed, "{number}: {known:?}");
                assert_eq!(self.dut.watched() >> number & 1 == 1, known.watched());
            }
        }
        Ok(())
    }

    fn open(&mut self, number: usize) -> Result<(), Error> {
        self.turn(number)?;
        self.dut.set_open(1);
        self.forget_expiry(number);
        self.cycle()?;
        let position = [0, u32::MAX - 5000][self.below(2) as usize];
        self.known[number] = Known {
            taken: position,
            generation: self.known[number].generation + 1,
            ..Known::default()
        };
        Ok(())
    }

    /// Bytes go: to the buffer if there is one.
    fn deliver(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_connection(number as u8);
        self.dut.settle()?;
        let parity = self.dut.parity();
        let (push, bytes) = (self.below(2) == 0, self.below(2000) + 1);
        let known = &mut self.known[number];
        known.taken = known.taken.wrapping_add(bytes);
        let anonymous = known.buffer.is_none();
        if anonymous {
            known.pending += bytes;
        }
        known
            .deliveries
            .push_back((push, anonymous, known.taken, parity, known.generation));
        Ok(())
    }

    /// The oldest delivery was read.
    fn found(&mut self, number: usize) -> Result<(), Error> {
        let Some((push, anonymous, end, parity, generation)) =
            self.known[number].deliveries.pop_front()
        else {
            return Ok(());
        };
        self.dut.set_found_valid(1);
        self.dut.set_found_push(push.into());
        self.dut.set_found_anonymous(anonymous.into());
        self.dut.set_found_parity(parity);
        self.dut.set_found_connection(number as u8);
        self.dut.set_found_end(end);
        self.cycle()?;
        let known = &mut self.known[number];
        if push && generation == known.generation {
            if known.watched() {
                known.pushed = true;
                self.alarms.push_back(number);
            } else if anonymous {
                known.push_end = Some(end);
            }
        }
        Ok(())
    }

    /// What is pending is skipped, and a buffer begins.
    fn begin(&mut self, number: usize) -> Result<(), Error> {
        let known = self.known[number].clone();
        self.turn(number)?;
        self.dut.set_absorb(1);
        self.dut.set_taken(known.taken);
        self.dut.set_pending(known.pending);
        self.cycle()?;
        // What is pending may be read while the buffer is being accepted, up to the last cycle.
        if self.below(2) == 0 {
            self.found(number)?;
        }
        self.steps()?;
        if self.below(2) == 0 {
            self.found(number)?;
        }
        let push_mode = self.below(3) != 0;
        self.dut.set_begins(1);
        self.dut.set_push_mode(push_mode.into());
        self.dut.set_skips((known.pending > 0).into());
        self.cycle()?;
        // PSH in a delivery of which some byte is skipped.
        let skipped = self.known[number].push_end.is_some_and(|end| {
            let back = known.taken.wrapping_sub(end);
            back < known.pending
        });
        let known = &mut self.known[number];
        known.buffer = Some(push_mode);
        known.pushed = push_mode && skipped;
        known.pending = 0;
        Ok(())
    }

    fn give_back(&mut self, number: usize) -> Result<(), Error> {
        self.turn(number)?;
        self.dut.set_returns(1);
        self.forget_expiry(number);
        self.cycle()?;
        let known = &mut self.known[number];
        known.buffer = None;
        known.pushed = false;
        known.generation += 1;
        Ok(())
    }

    /// The timer is touched: its expiry stands no more.
    fn forget_expiry(&mut self, number: usize) {
        if self.expiry == Some(number) {
            self.expiry = None;
            self.dut.set_expiry_valid(0);
        }
    }

    fn expire(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_expiry_connection(number as u8);
        self.dut.set_expiry_valid(1);
        self.expiry = Some(number);
        self.alarms.push_back(number);
        self.steps() // Its alarm is given by then.
    }
}

// B29, B30, B31, B32
#[test]
fn a_psh_or_an_expiry_wants_the_buffer_back_to_which_it_belongs_and_no_other() {
    trials("push_watch", 0..60, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let mut pushed = 0;
        for _ in 0..4000 {
            let number = bench.below(CONNECTIONS as u32) as usize;
            let known = &bench.known[number];
            let (has, deliveries) = (known.buffer.is_some(), known.deliveries.len());
            let has_room = bench.alarms.len() < ALARMS;
            match bench.below(16) {
                0 if deliveries == 0 => bench.open(number)?,
                // Two deliveries are under way at most.
                1..5 if deliveries < 2 => bench.deliver(number)?,
                5..9 if has_room => bench.found(number)?,
                9..12 if !has => bench.begin(number)?,
                // A delivery that is under way may have filled it.
                12 if has => bench.give_back(number)?,
                13 if bench.known[number].watched() && bench.expiry.is_none() && has_room => {
                    bench.expire(number)?;
                }
                14 => {
                    let acknowledged = bench.below(2000);
                    let known = &mut bench.known[number];
                    // Only what was read is acknowledged.
                    if known.deliveries.is_empty() {
                        known.pending = known.pending.saturating_sub(acknowledged);
                    }
                }
                _ => bench.cycle()?,
            }
            bench.check()?;
            pushed += u32::from(bench.known[number].pushed);
        }
        for _ in 0..200 {
            bench.cycle()?;
        }
        assert!(
            bench.alarms.is_empty(),
            "alarms that did not come: {:?}",
            bench.alarms
        );
        assert!(pushed > 20, "{pushed}");
        Ok::<(), Error>(())
    });
}
