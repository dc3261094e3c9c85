//! `rtl/stream/skid_buffer.v` and `rtl/stream/word_pair.v`: every word comes out once, in order, under any stalls.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::{SkidBuffer, WordPair};
use toe_sim::trial::trials;
use verilated::{Context, Error};

/// Words that fit while the consumer takes nothing.
const CAPACITY: u32 = 2;

macro_rules! of_two_words {
    ($name:ident, $model:ident) => {
        mod $name {
            use super::*;

            fn reset(seed: u64, wave: Option<&Path>) -> Result<$model, Error> {
                let context = Context::new()
                    .seed(seed)
                    .random_reset(verilated::RandomReset::Random);
                let mut dut = $model::new(&context)?;
                if let Some(wave) = wave {
                    dut.open_trace(wave)?;
                }
                dut.set_rst(1);
                dut.set_in_valid(0);
                dut.set_out_ready(0);
                dut.cycle()?;
                dut.cycle()?;
                dut.set_rst(0);
                Ok(dut)
            }

            /// Counts through the module, with these chances of 256 that a side is ready in a cycle. Returns the cycles it took.
            fn run(
                seed: u64,
                wave: Option<&Path>,
                words: u32,
                chances: [u32; 2],
            ) -> Result<u32, Error> {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut dut = reset(seed, wave)?;
                let first = 0xffff_ff00u32;
                let (mut sent, mut received, mut cycles) = (0, 0, 0);
                while received < words {
                    // What is offered stays offered until it is taken.
                    let waiting = dut.in_valid() == 1;
                    if !waiting && sent < words && rng.next_u32() % 256 < chances[0] {
                        dut.set_in_valid(1);
                        dut.set_in_data(first.wrapping_add(sent));
                    }
                    dut.set_out_ready(u8::from(rng.next_u32() % 256 < chances[1]));
                    dut.settle()?;
                    let pushed = dut.in_valid() & dut.in_ready() == 1;
                    if dut.out_valid() & dut.out_ready() == 1 {
                        assert_eq!(dut.out_data(), first.wrapping_add(received), "seed {seed}");
                        received += 1;
                    }
                    dut.rise()?;
                    if pushed {
                        sent += 1;
                        dut.set_in_valid(0);
                    }
                    cycles += 1;
                    assert!(cycles < 100 * words + 1000, "stuck after {received} words");
                }
                Ok(cycles)
            }

            #[test]
            fn every_word_comes_out_once_and_in_order_under_any_stalls() {
                trials(
                    concat!(stringify!($name), "_order"),
                    0..200,
                    |seed, wave| {
                        let chance = |shift: u64| [16, 128, 240, 256][(seed >> shift) as usize % 4];
                        run(seed, wave, 500, [chance(0), chance(2)]).map(drop)
                    },
                );
            }

            #[test]
            fn a_word_passes_every_cycle() {
                trials(concat!(stringify!($name), "_rate"), 0..1, |seed, wave| {
                    let cycles = run(seed, wave, 1000, [256, 256])?;
                    assert_eq!(cycles, 1001);
                    Ok::<(), Error>(())
                });
            }

            #[test]
            fn it_takes_what_it_promises_and_no_more() {
                trials(
                    concat!(stringify!($name), "_capacity"),
                    0..1,
                    |seed, wave| {
                        let mut dut = reset(seed, wave)?;
                        dut.set_in_valid(1);
                        let mut taken = 0;
                        for _ in 0..4 * CAPACITY {
                            dut.settle()?;
                            taken += u32::from(dut.in_ready());
                            dut.rise()?;
                        }
                        assert_eq!(taken, CAPACITY);
                        Ok::<(), Error>(())
                    },
                );
            }
        }
    };
}

of_two_words!(skid_buffer, SkidBuffer);
of_two_words!(word_pair, WordPair);
