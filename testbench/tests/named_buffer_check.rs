//! `rtl/deliver/named_buffer_check.v`: a buffer passes if it is larger than the window and than what is pending, its pages
//! are pages, and there is room for them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::{Command, Refusal};
use toe_sim::models::NamedBufferCheck;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// Cycles after which the judgement on a page stands.
const JUDGED: u32 = 5;
const MARK_FULL: u8 = 1;
const MARK_BAD: u8 = 2;

/// A page, and what it is judged by.
#[derive(Debug)]
struct Page {
    bytes: u32,
    last: bool,
    live: bool,
    total: u32,
    mark: u8,
    full: bool,
    pending: u32,
    window: u32,
}

impl Page {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let mut below = |limit: u32| rng.next_u32() % limit;
        let window = [1, 100, 0x8000_0000, u32::MAX][below(4) as usize];
        // More may be pending than a window that was made smaller.
        let pending = match below(4) {
            0 => 0,
            1 => window,
            2 => window.saturating_add(below(1000)),
            _ => below(window),
        };
        let total = [0, 1, 99, window, u32::MAX - 1][below(5) as usize];
        // About as many bytes as decide.
        let edge = u64::from(window.max(pending)) + u64::from(below(4)) + 1;
        let to_edge = edge.saturating_sub(u64::from(total) + 2);
        let bytes = match below(4) {
            0 => below(3),
            1 => below(u32::MAX),
            _ => u32::try_from(to_edge).unwrap_or(u32::MAX),
        };
        Page {
            bytes,
            last: below(3) != 0,
            live: below(8) != 0,
            total,
            mark: [0, 0, 0, 0, MARK_FULL, MARK_BAD][below(6) as usize],
            full: below(8) == 0,
            pending,
            window,
        }
    }

    fn sum(&self) -> u64 {
        u64::from(self.total) + u64::from(self.bytes)
    }

    /// Why it is turned down, if it is (B26).
    fn refusal(&self) -> Option<Refusal> {
        let largest = u64::from(self.window.max(self.pending));
        if !self.live {
            Some(Refusal::NotOffloaded)
        } else if self.full || self.mark & MARK_FULL != 0 {
            Some(Refusal::BuffersFull)
        } else if self.bytes == 0 || self.sum() > u32::MAX.into() || self.mark & MARK_BAD != 0 {
            Some(Refusal::BadPage)
        } else if self.last && self.sum() <= largest {
            Some(Refusal::TooSmall)
        } else {
            None
        }
    }
}

// B26, B38
#[test]
fn a_buffer_passes_if_it_is_larger_than_the_window_and_than_what_is_pending() {
    trials("named_buffer_check", 0..20, |seed, wave| {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut dut = NamedBufferCheck::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_enter(0);
        dut.set_rst(1);
        dut.cycle()?;
        dut.set_rst(0);
        let mut seen = [0; 9]; // by reason; 0: it passed
        for _ in 0..2000 {
            let page = Page::random(&mut rng);
            let words = Command::PostNamedBuffer {
                connection: 0,
                address: 0x12_3456_7890,
                bytes: page.bytes,
                request: 7,
                last_page: page.last,
                push_mode: rng.next_u32() % 2 == 0,
            }
            .words();
            dut.set_window_command_words(&[words[0], words[1], words[2], words[3], words[4]]);
            dut.set_live(page.live.into());
            dut.set_total(page.total);
            dut.set_mark(page.mark);
            dut.set_full(page.full.into());
            dut.set_pending(page.pending);
            let room = i64::from(page.window) - i64::from(page.pending);
            dut.set_window_room(room as u64 & 0x1_ffff_ffff);
            // It waits as long as the turn waits.
            for _ in 0..JUDGED + rng.next_u32() % 4 {
                dut.cycle()?;
            }
            dut.settle()?;
            let refusal = page.refusal();
            assert_eq!(dut.turned_down() == 1, refusal.is_some(), "{page:?}");
            match refusal {
                Some(refusal) => {
                    seen[refusal as usize] += 1;
                    assert_eq!(dut.turned_down_reason(), refusal as u8, "{page:?}");
                    let mark = match (page.last, refusal) {
                        (true, _) => Some(0),
                        (false, Refusal::BuffersFull) => Some(MARK_FULL),
                        (false, Refusal::BadPage) => Some(MARK_BAD),
                        (false, _) => None, // Nobody keeps it.
                    };
                    assert!(
                        mark.is_none_or(|mark| dut.forget_mark() == mark),
                        "{page:?}"
                    );
                }
                None => {
                    assert_eq!(u64::from(dut.sum()), page.sum(), "{page:?}");
                    dut.set_enter(page.last.into()); // Here its assertion looks.
                    dut.cycle()?;
                    dut.set_enter(0);
                    seen[0] += 1;
                }
            }
        }
        let reasons = [
            Refusal::NotOffloaded,
            Refusal::BuffersFull,
            Refusal::TooSmall,
            Refusal::BadPage,
        ];
        let mut all = reasons.iter().map(|&reason| reason as usize).chain([0]);
        assert!(all.all(|reason| seen[reason] > 20), "{seen:?}");
        Ok::<(), Error>(())
    });
}
