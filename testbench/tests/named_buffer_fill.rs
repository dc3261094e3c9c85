//! `rtl/deliver/named_buffer_fill.v`: every byte of a buffer has its place once, and never more is offered than its page takes.

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::NamedBufferFill;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

const CONNECTIONS: usize = 4;
/// Bytes of one transfer, at most.
const MOST: u32 = 4096;
/// Cycles from one step of a turn to what it brought.
const STEP: u32 = 2;

/// A buffer that is accepted.
#[derive(Debug, Clone)]
struct Buffer {
    request: u16,
    push: bool,
    /// The page under way: address of the next byte, and bytes left.
    address: u64,
    rest: u32,
    /// Bytes of the buffer once that page is full.
    filled: u32,
    /// The driver does not know that it is accepted.
    untold: bool,
    later: VecDeque<(u64, u32)>,
}

struct Bench {
    dut: NamedBufferFill,
    rng: ChaCha8Rng,
    known: Vec<Option<Buffer>>,
    /// Chance of 4 that a step comes late.
    late: u32,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = NamedBufferFill::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let late = rng.next_u32() % 4;
        let mut bench = Bench {
            dut,
            rng,
            known: vec![None; CONNECTIONS],
            late,
        };
        bench.quiet();
        bench.dut.set_placing(0);
        bench.dut.set_anonymous_lane(3);
        bench.dut.set_rst(1);
        bench.dut.cycle()?;
        bench.dut.set_rst(0);
        for number in 0..CONNECTIONS {
            bench.clear(number)?;
        }
        Ok(bench)
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.rng.next_u32() % limit
    }

    fn quiet(&mut self) {
        self.dut.set_look(0);
        self.dut.set_fetch(0);
        self.dut.set_store(0);
        self.dut.set_clear(0);
        self.dut.set_measure(0);
        self.dut.set_load(0);
    }

    /// The clock at which a step is given, and those after which its outcome stands.
    fn step(&mut self) -> Result<(), Error> {
        self.dut.cycle()?;
        self.quiet();
        let more = if self.below(4) < self.late {
            self.below(5)
        } else {
            0
        };
        for _ in 1..STEP + more {
            self.dut.cycle()?;
        }
        self.dut.settle()
    }

    fn clear(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_connection(number as u8);
        self.dut.set_clear(1);
        self.known[number] = None;
        self.step()
    }

    /// Measures a page and loads it, if the skip ends in it.
    fn page(
        &mut self,
        (address, bytes): (u64, u32),
        (first, last): (bool, bool),
        skip: u32,
        (request, push, untold): (u16, bool, bool),
    ) -> Result<bool, Error> {
        self.dut.set_page_address(address);
        self.dut.set_page_bytes(bytes);
        self.dut.set_page_request(request);
        self.dut.set_page_push_mode(push.into());
        self.dut.set_page_last_read(last.into());
        self.dut.set_first_page(first.into());
        self.dut.set_skip(skip);
        self.dut.set_announce_later(untold.into());
        self.dut.set_measure(1);
        self.step()?;
        let fits = self.dut.fits() == 1;
        assert_eq!(fits, bytes > skip, "a page of {bytes}, {skip} skipped");
        if fits {
            self.dut.set_load(1);
            self.step()?;
            self.dut.set_store(1);
            self.step()?;
        }
        Ok(fits)
    }

    fn accept(&mut self, number: usize) -> Result<(), Error> {
        self.dut.set_connection(number as u8);
        let pages: VecDeque<(u64, u32)> = (0..self.below(4) + 1)
            .map(|_| {
                let most = [8, 100, 3 * MOST][self.below(3) as usize];
                let address = u64::from(self.below(u32::MAX)) << 16 | u64::from(self.below(64));
                (address, self.below(most) + 1)
            })
            .collect();
        let all: u32 = pages.iter().map(|page| page.1).sum();
        let mut skip = match self.below(3) {
            0 => 0,
            _ => self.below(all),
        };
        let (request, push) = (self.below(65_536) as u16, self.below(2) == 0);
        let untold = self.below(2) == 0;
        let (mut later, mut filled, mut first) = (pages, 0, true);
        while let Some((address, bytes)) = later.pop_front() {
            let last = later.is_empty();
            filled += bytes;
            let whose = (request, push, untold);
            if self.page((address, bytes), (first, last), skip, whose)? {
                assert_eq!(self.dut.accepted(), 1);
                self.known[number] = Some(Buffer {
                    request,
                    push,
                    address: address + u64::from(skip),
                    rest: bytes - skip,
                    filled,
                    untold,
                    later,
                });
                return Ok(());
            }
            skip -= bytes;
            first = false;
        }
        unreachable!("less than the buffer is skipped")
    }

    /// Looks at a connection; checks what would go, and says how many bytes may.
    fn look(&mut self, number: usize) -> Result<u32, Error> {
        let other = self.below(CONNECTIONS as u32) as u8;
        let arrival = self.below(2) == 0;
        let (head, comer) = if arrival {
            (other, number as u8)
        } else {
            (number as u8, other)
        };
        self.dut.set_head_connection(head);
        self.dut.set_arrival_connection(comer);
        self.dut.set_look_arrival(arrival.into());
        self.dut.settle()?;
        let known = self.known[number].clone();
        assert_eq!(self.dut.named_next() == 1, known.is_some(), "{known:?}");
        let room = u32::from(self.dut.room_next());
        self.dut.set_look(1);
        self.step()?;
        assert_eq!(self.dut.named() == 1, known.is_some(), "{known:?}");
        let Some(buffer) = known else {
            assert_eq!(self.dut.target_lane(), 3);
            return Ok(0);
        };
        assert_eq!(room, buffer.rest.min(MOST), "{buffer:?}");
        assert_eq!(u64::from(self.dut.target_lane()), buffer.address % 8);
        assert_eq!(self.dut.unannounced() == 1, buffer.untold, "{buffer:?}");
        let ends = buffer.later.is_empty() && buffer.rest <= MOST;
        let known_to_end = buffer.later.is_empty() && buffer.rest < MOST;
        let said = self.dut.final_part() == 1;
        assert!(ends || !said, "{buffer:?}");
        assert!(said || !known_to_end, "{buffer:?}");
        Ok(room)
    }

    /// A turn in which so many bytes are placed.
    fn place(&mut self, number: usize, bytes: u32) -> Result<(), Error> {
        let Some(mut buffer) = self.known[number].take() else {
            return Ok(());
        };
        self.dut.set_connection(number as u8);
        self.dut.set_fetch(1);
        self.dut.settle()?;
        assert_eq!(self.dut.target_address(), buffer.address, "{buffer:?}");
        let filled = if buffer.untold { 0 } else { buffer.filled };
        assert_eq!(self.dut.filled_then(), filled, "{buffer:?}");
        self.dut.cycle()?;
        self.quiet();
        self.dut.set_placing(1);
        self.dut.set_placed_bytes(bytes as u16);
        self.step()?;
        self.dut.set_placing(0);
        buffer.address += u64::from(bytes);
        buffer.rest -= bytes;
        buffer.untold = false;
        assert_eq!(self.dut.exhausted() == 1, buffer.rest == 0, "{buffer:?}");
        let shown = (
            self.dut.rest(),
            self.dut.filled_at_end(),
            self.dut.request(),
        );
        assert_eq!(shown, (buffer.rest, buffer.filled, buffer.request));
        assert_eq!(self.dut.page_last() == 1, buffer.later.is_empty());
        assert_eq!(self.dut.push_mode() == 1, buffer.push);
        assert_eq!(self.dut.accepted(), 1);
        if buffer.rest > 0 {
            self.dut.set_store(1);
            self.step()?;
        } else if let Some((address, bytes)) = buffer.later.pop_front() {
            let last = buffer.later.is_empty();
            // Request and Push Mode stay those of the first page.
            let whose = (!buffer.request, !buffer.push, false);
            assert!(self.page((address, bytes), (false, last), 0, whose)?);
            buffer.address = address;
            buffer.rest = bytes;
            buffer.filled += bytes;
        } else if self.below(2) == 0 {
            return self.clear(number);
        } else {
            return self.accept(number);
        }
        self.known[number] = Some(buffer);
        Ok(())
    }
}

// B25, B28
#[test]
fn bytes_go_one_behind_the_other_through_every_page_and_none_beyond_it() {
    trials("named_buffer_fill", 0..40, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let mut placed = 0;
        for _ in 0..1500 {
            let number = bench.below(CONNECTIONS as u32) as usize;
            let room = bench.look(number)?;
            if bench.known[number].is_none() {
                bench.accept(number)?;
            } else if bench.below(20) == 0 {
                bench.clear(number)?;
            } else {
                let bytes = match bench.below(3) {
                    0 => bench.below(room) + 1,
                    _ => room,
                };
                bench.place(number, bytes)?;
                placed += 1;
            }
        }
        assert!(placed > 500, "{placed}");
        Ok::<(), Error>(())
    });
}
