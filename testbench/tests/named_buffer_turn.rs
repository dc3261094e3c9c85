//! `rtl/deliver/named_buffer_turn.v`: whatever is posted, filled, pushed, cancelled and ended, each buffer is accepted once,
//! with an exact skip, and returned once, and the driver is told of both in their order.
//!
//! The module keeps nothing between turns; queue, fill and window beside it are played here, as they are at its ports.

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::{Command, Refusal, ReturnReason};
use toe_sim::models::NamedBufferTurn;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// Cycles in which a turn is done.
const DEADLINE: u32 = 2_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Page {
    bytes: u32,
    request: u16,
    last: bool,
    cancelled: bool,
}

/// What the Named Buffer fill shows, and keeps at a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fill {
    accepted: bool,
    filled_at_end: u32,
    rest: u32,
    request: u16,
    page_last: bool,
}

/// What is told to the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Accepted(u32),
    /// Its event goes with the first bytes.
    AcceptedLater(u32),
    Returned(u8, u32),
}

/// A buffer as it was posted.
#[derive(Debug, Clone)]
struct Buffer {
    request: u16,
    pages: Vec<u32>,
    cancelled: bool,
}

/// What a turn is for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Turn {
    Post {
        page: Page,
        turned_down: bool,
    },
    Cancel(u16),
    /// A page is full; whether its transfer told so.
    Advance {
        told_full: bool,
    },
    /// PSH, or else the Push Timer.
    Due {
        pushed: bool,
    },
    End,
}

struct Bench {
    dut: NamedBufferTurn,
    rng: ChaCha8Rng,
    // The modules beside it.
    posted: VecDeque<Page>,
    entered: Vec<Page>,
    place: usize,
    place_read: usize,
    coming: Option<Page>,
    page: Page,
    fill: Fill,
    kept: Fill,
    fits: bool,
    pending: u32,
    transfer: bool,
    // What must be true.
    buffers: VecDeque<Buffer>,
    /// Of the first, once it is accepted: pages begun, and bytes that were skipped or placed.
    accepted: Option<(usize, u32)>,
    posting: Vec<u32>,
    ended: bool,
    // What a turn brought.
    told: Vec<Told>,
    begun: Vec<u32>,
    returns: usize,
    keeps: usize,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = NamedBufferTurn::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_go(0);
        dut.cycle()?;
        dut.set_rst(0);
        Ok(Bench {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            posted: VecDeque::new(),
            entered: Vec::new(),
            place: 0,
            place_read: 0,
            coming: None,
            page: Page::default(),
            fill: Fill::default(),
            kept: Fill::default(),
            fits: false,
            pending: 0,
            transfer: false,
            buffers: VecDeque::new(),
            accepted: None,
            posting: Vec::new(),
            ended: false,
            told: Vec::new(),
            begun: Vec::new(),
            returns: 0,
            keeps: 0,
        })
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.rng.next_u32() % limit
    }

    /// One clock of the module and of those beside it.
    fn cycle(&mut self, command: Option<Page>) -> Result<(), Error> {
        let dut = &mut self.dut;
        dut.set_none_left((self.place == self.posted.len()).into());
        dut.set_page_bytes(self.page.bytes);
        dut.set_page_request(self.page.request);
        dut.set_page_last_read(self.page.last.into());
        dut.set_page_cancelled(self.page.cancelled.into());
        dut.set_accepted(self.fill.accepted.into());
        dut.set_page_last(self.fill.page_last.into());
        dut.set_filled_at_end(self.fill.filled_at_end);
        dut.set_rest(self.fill.rest);
        dut.set_request(self.fill.request);
        dut.set_fits(self.fits.into());
        dut.set_pending(self.pending);
        dut.set_transfer_valid(self.transfer.into());
        dut.settle()?;
        if dut.tell() == 1 {
            assert!(!self.transfer, "the transfer before is not taken");
            self.told.push(match dut.tell_returned() == 1 {
                true => Told::Returned(dut.tell_reason(), dut.tell_value()),
                false => Told::Accepted(dut.skipped()),
            });
        }
        if dut.begins() == 1 {
            self.begun.push(dut.skipped());
        }
        self.returns += usize::from(dut.returns());
        self.keeps += usize::from(dut.keep());
        if dut.absorb_operate() == 1 {
            self.pending = 0;
        }
        let arrived = self.coming.take();
        if dut.enter() == 1 {
            self.entered.extend(command);
        }
        if dut.commit() == 1 {
            self.posted.extend(self.entered.drain(..));
        }
        if dut.forget() == 1 {
            self.entered.clear();
        }
        if dut.cancel() == 1 {
            self.posted[self.place_read].cancelled = true;
        }
        if dut.read() == 1 {
            self.coming = Some(self.posted[self.place]);
            self.place_read = self.place;
            self.place += 1;
        } else if dut.consume() == 1 {
            self.posted.drain(..self.place);
            self.place = 0;
        }
        if dut.measure() == 1 {
            let first = dut.first_page() == 1;
            self.fits = self.page.bytes > dut.skip();
            self.fill.rest = self.page.bytes.wrapping_sub(dut.skip());
            let before = if first { 0 } else { self.fill.filled_at_end };
            self.fill.filled_at_end = before + self.page.bytes;
            if first {
                self.fill.request = self.page.request;
            }
        }
        if dut.load() == 1 {
            self.fill.page_last = self.page.last;
            if dut.announce_later() == 1 {
                self.told.push(Told::AcceptedLater(dut.skipped()));
            }
        }
        if dut.store() == 1 || dut.clear() == 1 {
            self.fill.accepted = dut.store() == 1;
            self.kept = self.fill;
        }
        let tells = dut.tell() == 1;
        dut.rise()?;
        self.page = arrived.unwrap_or(self.page);
        self.transfer = tells || self.transfer && self.below(3) != 0;
        Ok(())
    }

    /// A whole turn, and what it must bring.
    fn turn(&mut self, turn: Turn) -> Result<(), Error> {
        let (pushed, told_full) = match turn {
            Turn::Due { pushed } => (pushed, false),
            Turn::Advance { told_full } => (false, told_full),
            _ => (false, false),
        };
        let has_bytes = self.below(2) == 0;
        let pending = self.pending;
        let words = match turn {
            Turn::Post { page, .. } => Command::PostNamedBuffer {
                connection: 0,
                address: 0,
                bytes: page.bytes,
                request: page.request,
                last_page: page.last,
                push_mode: false,
            },
            Turn::Cancel(request) => Command::CancelNamedBuffer {
                connection: 0,
                request,
            },
            _ => Command::IndicateAcknowledge {
                connection: 0,
                acknowledged_bytes: self.rng.next_u32(),
            },
        }
        .words();
        let command = matches!(turn, Turn::Post { .. } | Turn::Cancel(_));
        let (entering, turned_down) = match turn {
            Turn::Post { page, turned_down } => (Some(page), turned_down),
            _ => (None, false),
        };
        let dut = &mut self.dut;
        dut.set_window_command_words(&[words[0], words[1], words[2], words[3], words[4]]);
        dut.set_command(command.into());
        dut.set_live(1);
        dut.set_has_bytes(has_bytes.into());
        dut.set_advance(matches!(turn, Turn::Advance { .. }).into());
        dut.set_ends((turn == Turn::End).into());
        dut.set_ended(self.ended.into());
        dut.set_resets((turn == Turn::End && has_bytes).into());
        dut.set_told_full(told_full.into());
        dut.set_pushed(pushed.into());
        dut.set_turned_down(turned_down.into());
        dut.set_turned_down_reason(Refusal::TooSmall as u8);
        (self.fill, self.place) = (self.kept, 0);
        self.told.clear();
        self.begun.clear();
        (self.returns, self.keeps) = (0, 0);
        self.transfer |= self.below(3) == 0;
        for _ in 0..self.below(3) {
            self.cycle(entering)?;
        }
        self.dut.set_go(1);
        let mut cycles = 0;
        loop {
            self.dut.set_transfer_valid(self.transfer.into());
            self.dut.settle()?;
            let done = self.dut.done() == 1;
            let answer = (self.dut.refused() == 1, self.dut.reason());
            self.cycle(entering)?;
            cycles += 1;
            assert!(cycles < DEADLINE, "{turn:?} does not end");
            if done {
                self.dut.set_go(0);
                let expected = self.expect(turn, has_bytes, pending);
                self.check(turn, &expected, answer);
                return Ok(());
            }
        }
    }

    /// The next buffer that is not cancelled is accepted. `pending` is skipped in it.
    fn next(&mut self, announce: bool, pending: u32) -> Option<Told> {
        while self.buffers.front().is_some_and(|first| first.cancelled) {
            self.buffers.pop_front();
        }
        let first = self.buffers.front()?;
        let ends = first.pages.iter().scan(0, |end, bytes| {
            *end += bytes;
            Some(*end)
        });
        let before = ends.take_while(|&end| end <= pending).count();
        self.accepted = Some((before + 1, pending));
        Some(match announce {
            true => Told::Accepted(pending),
            false => Told::AcceptedLater(pending),
        })
    }

    /// The accepted buffer returns.
    fn give_back(&mut self, reason: ReturnReason) -> Told {
        let (_, filled) = self.accepted.take().expect("it is accepted");
        self.buffers.pop_front();
        Told::Returned(reason as u8, filled)
    }

    /// What must be told, and whether the command is refused.
    fn expect(
        &mut self,
        turn: Turn,
        has_bytes: bool,
        pending: u32,
    ) -> (Vec<Told>, Option<Refusal>) {
        let told = match turn {
            Turn::Post {
                turned_down: true, ..
            } => {
                self.posting.clear();
                return (Vec::new(), Some(Refusal::TooSmall));
            }
            Turn::Post { page, .. } => {
                self.posting.push(page.bytes);
                if !page.last {
                    return (Vec::new(), None);
                }
                self.buffers.push_back(Buffer {
                    request: page.request,
                    pages: std::mem::take(&mut self.posting),
                    cancelled: false,
                });
                match self.accepted {
                    Some(_) => Vec::new(),
                    None if self.ended => {
                        self.buffers.clear();
                        vec![Told::Returned(ReturnReason::Ended as u8, 0)]
                    }
                    None => self.next(true, pending).into_iter().collect(),
                }
            }
            Turn::Cancel(request) => {
                let is_it = |buffer: &&mut Buffer| buffer.request == request && !buffer.cancelled;
                let none = (Vec::new(), Some(Refusal::NotPosted));
                let Some((_, _)) = self.accepted else {
                    return none;
                };
                if self.buffers[0].request == request {
                    let back = self.give_back(ReturnReason::Cancelled);
                    [Some(back), self.next(true, 0)]
                        .into_iter()
                        .flatten()
                        .collect()
                } else if let Some(buffer) = self.buffers.iter_mut().find(is_it) {
                    buffer.cancelled = true;
                    vec![Told::Returned(ReturnReason::Cancelled as u8, 0)]
                } else {
                    return none;
                }
            }
            Turn::Advance { told_full } => {
                let (begun, filled) = self.accepted.expect("it is accepted");
                if begun < self.buffers[0].pages.len() {
                    self.accepted = Some((begun + 1, filled));
                    return (Vec::new(), None);
                }
                let back = self.give_back(ReturnReason::Full);
                let next = self.next(!has_bytes, 0);
                [(!told_full).then_some(back), next]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Turn::Due { pushed } => {
                let reason = if pushed {
                    ReturnReason::Push
                } else {
                    ReturnReason::Timeout
                };
                let back = self.give_back(reason);
                [Some(back), self.next(!has_bytes, 0)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Turn::End => {
                let mut told = vec![self.give_back(ReturnReason::Ended)];
                let waiting = self.buffers.drain(..).filter(|buffer| !buffer.cancelled);
                told.extend(waiting.map(|_| Told::Returned(ReturnReason::Ended as u8, 0)));
                self.ended = true;
                told
            }
        };
        (told, None)
    }

    fn check(&self, turn: Turn, expected: &(Vec<Told>, Option<Refusal>), answer: (bool, u8)) {
        let (told, refusal) = expected;
        assert_eq!(self.told, *told, "{turn:?}");
        assert_eq!(answer.0, refusal.is_some(), "{turn:?}");
        assert!(
            refusal.is_none_or(|refusal| answer.1 == refusal as u8),
            "{turn:?}"
        );
        let begun: Vec<_> = told
            .iter()
            .filter_map(|told| match *told {
                Told::Accepted(skipped) | Told::AcceptedLater(skipped) => Some(skipped),
                Told::Returned(..) => None,
            })
            .collect();
        assert_eq!(self.begun, begun, "{turn:?}");
        assert!(self.keeps > 0, "the queue is kept: {turn:?}");
        assert_eq!(self.kept.accepted, self.accepted.is_some(), "{turn:?}");
        if let Some((begun, filled)) = self.accepted {
            let first = &self.buffers[0];
            let end: u32 = first.pages[..begun].iter().sum();
            let fill = Fill {
                accepted: true,
                filled_at_end: end,
                rest: end - filled,
                request: first.request,
                page_last: begun == first.pages.len(),
            };
            assert_eq!(self.kept, fill, "{turn:?}");
            assert_eq!(self.pending, 0, "what was pending is skipped");
        }
        // The pages that nobody has begun are in the queue.
        let begun = self.accepted.map_or(0, |(begun, _)| begun);
        let pages = self.buffers.iter().map(|buffer| buffer.pages.len());
        assert_eq!(self.posted.len(), pages.sum::<usize>() - begun, "{turn:?}");
    }

    /// Posts a buffer page by page; or a page is turned down.
    fn post(&mut self, request: u16) -> Result<(), Error> {
        let many = self.below(4) + 1;
        let pages: Vec<u32> = (0..many).map(|_| self.below(300) + 1).collect();
        if self.accepted.is_none() {
            let all: u32 = pages.iter().sum();
            self.pending = self.below(2) * self.below(all);
        }
        for (index, &bytes) in pages.iter().enumerate() {
            let page = Page {
                bytes,
                request,
                last: index + 1 == pages.len(),
                cancelled: false,
            };
            let turned_down = self.below(16) == 0;
            self.turn(Turn::Post { page, turned_down })?;
            if turned_down {
                break;
            }
        }
        Ok(())
    }

    /// Bytes are placed; a page that is full is changed.
    fn place(&mut self) -> Result<(), Error> {
        let Some((begun, filled)) = self.accepted else {
            return Ok(());
        };
        let bytes = match self.below(2) {
            0 => self.kept.rest,
            _ => self.below(self.kept.rest) + 1,
        };
        self.kept.rest -= bytes;
        self.accepted = Some((begun, filled + bytes));
        if self.kept.rest == 0 {
            let told_full = self.kept.page_last && self.below(2) == 0;
            self.turn(Turn::Advance { told_full })?;
        }
        Ok(())
    }
}

// B12, B24, B25, B27, B28
#[test]
fn each_buffer_is_accepted_once_with_an_exact_skip_and_returned_once() {
    trials("named_buffer_turn", 0..60, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let mut request = 0;
        for _ in 0..1_000 {
            let has = bench.accepted.is_some();
            match bench.below(16) {
                0..5 if bench.posted.len() < 12 => {
                    request += 1;
                    bench.post(request)?;
                }
                5..11 => bench.place()?,
                11..13 => {
                    let back = bench.below(6) as u16;
                    bench.turn(Turn::Cancel(request.saturating_sub(back)))?;
                }
                13..15 if has => {
                    let pushed = bench.below(2) == 0;
                    bench.turn(Turn::Due { pushed })?;
                }
                15 if has && bench.below(4) == 0 => bench.turn(Turn::End)?,
                15 if bench.ended => bench.ended = false, // Another connection.
                _ => {}
            }
        }
        assert!(request > 100, "{request} buffers");
        Ok::<(), Error>(())
    });
}
