//! `rtl/deliver/push_finder.v`: a PSH is found in the delivery that holds its byte, and in no other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::PushFinder;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// A delivery: lane in the buffer, position in the stream, bytes.
#[derive(Debug, Clone, Copy)]
struct Job {
    lane: u32,
    position: u32,
    bytes: u32,
}

impl Job {
    fn words(self) -> u32 {
        (self.lane + self.bytes).div_ceil(8)
    }

    fn end(self) -> u32 {
        self.position.wrapping_add(self.bytes)
    }

    fn turn(self) -> u32 {
        self.position.wrapping_sub(self.lane) & 7
    }
}

/// Marks of the word with this index: those of the job's own bytes, and any in the other lanes.
fn marks(job: Job, word: u32, pushes: &[u32], noise: u8) -> u8 {
    let begin = job.position.wrapping_sub(job.lane).wrapping_add(8 * word);
    (0..8).fold(0, |marks, index| {
        let position = begin.wrapping_add(index);
        let inside = position.wrapping_sub(job.position) < job.bytes;
        let lane = position & 7;
        let mark = if inside {
            pushes.contains(&position)
        } else {
            noise >> lane & 1 == 1
        };
        marks | u8::from(mark) << lane
    })
}

// B29
#[test]
fn a_psh_counts_for_the_delivery_that_holds_its_byte_at_every_lane_and_length() {
    trials("push_finder", 0..40, |seed, wave| {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |limit: u32| rng.next_u32() % limit;
        let mut dut = PushFinder::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_word_asked(0);
        dut.set_job_ends(0);
        dut.cycle()?;
        dut.set_rst(0);
        let mut expected = std::collections::VecDeque::new();
        // What the ring shows in the next cycle, as it was asked for.
        let mut next_marks = None;
        let (mut job, mut word, mut pause) = (None::<Job>, 0, false);
        let mut position = 0xffff_ff00u32;
        let (mut found, mut begun) = (0, 0);
        while found < 300 {
            dut.set_read_marks(next_marks.take().unwrap_or(below(256) as u8));
            dut.set_word_asked(0);
            dut.set_job_ends(0);
            if job.is_none() && begun < 300 && below(3) != 0 {
                let bytes = 1 + below(if begun % 2 == 0 { 20 } else { 60 });
                let next = Job {
                    lane: below(8),
                    position,
                    bytes,
                };
                position = next.end();
                (job, word, begun) = (Some(next), 0, begun + 1);
            }
            pause = !pause && below(4) == 0;
            if let (Some(now), false) = (job, pause) {
                let pushes: Vec<u32> = match below(3) {
                    0 if word == 0 => vec![now.position],
                    1 if word + 1 == now.words() => vec![now.end().wrapping_sub(1)],
                    2 if below(4) == 0 => (0..now.bytes)
                        .map(|i| now.position.wrapping_add(i))
                        .collect(),
                    _ => Vec::new(),
                };
                let shown = marks(now, word, &pushes, below(256) as u8);
                let own = marks(now, word, &pushes, 0);
                if word == 0 {
                    expected.push_back((now, false, begun % 2 == 0));
                }
                let back = expected.back_mut().expect("the job");
                back.1 |= own != 0;
                dut.set_word_asked(1);
                dut.set_word_first((word == 0).into());
                dut.set_word_start((now.position & 7) as u8);
                dut.set_word_turn(now.turn() as u8);
                dut.set_job_turn(now.turn() as u8);
                dut.set_job_end(now.end());
                dut.set_job_connection((begun % 16) as u8);
                dut.set_job_anonymous((begun % 2 == 0).into());
                dut.set_job_parity((begun % 3 == 0).into());
                next_marks = Some(shown);
                word += 1;
                if word == now.words() {
                    dut.set_job_ends(1);
                    job = None;
                }
            }
            dut.settle()?;
            if dut.found_valid() == 1 {
                let (of, push, anonymous) = expected.pop_front().expect("a job that was read");
                assert_eq!(dut.found_push() == 1, push, "{of:?}");
                assert_eq!(dut.found_end(), of.end());
                assert_eq!(dut.found_anonymous() == 1, anonymous);
                found += 1;
            }
            dut.rise()?;
        }
        Ok::<(), Error>(())
    });
}
