//! `rtl/stream/small_fifo.v`: every word comes out once, in order, under any stalls, and a lone one in the next cycle.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::SmallFifo;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// Words that fit while the consumer takes nothing: the head is one of them.
const CAPACITY: u32 = 8;

fn reset(seed: u64, wave: Option<&Path>) -> Result<SmallFifo, Error> {
    let context = Context::new().seed(seed).random_reset(RandomReset::Random);
    let mut dut = SmallFifo::new(&context)?;
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

#[test]
fn every_word_comes_out_once_and_in_order_under_any_stalls() {
    trials("small_fifo_order", 0..200, |seed, wave| {
        let chance = |shift: u64| [16, 128, 240, 256][(seed >> shift) as usize % 4];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut dut = reset(seed, wave)?;
        let first = 0xffff_ff00u32;
        let (mut sent, mut received, mut cycles) = (0, 0, 0);
        while received < 500 {
            if dut.in_valid() == 0 && sent < 500 && rng.next_u32() % 256 < chance(0) {
                dut.set_in_valid(1);
                dut.set_in_data(first.wrapping_add(sent));
            }
            dut.set_out_ready(u8::from(rng.next_u32() % 256 < chance(2)));
            dut.settle()?;
            let pushed = dut.in_valid() & dut.in_ready() == 1;
            if dut.out_valid() & dut.out_ready() == 1 {
                assert_eq!(dut.out_data(), first.wrapping_add(received));
                received += 1;
            }
            dut.rise()?;
            if pushed {
                sent += 1;
                dut.set_in_valid(0);
            }
            cycles += 1;
            assert!(cycles < 60_000, "stuck after {received} words");
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn a_word_that_meets_an_empty_queue_is_offered_in_the_next_cycle_and_one_passes_every_cycle() {
    trials("small_fifo_rate", 0..1, |seed, wave| {
        let mut dut = reset(seed, wave)?;
        dut.set_in_valid(1);
        dut.set_out_ready(1);
        for cycle in 0..1000 {
            dut.set_in_data(cycle);
            dut.settle()?;
            assert_eq!(dut.out_valid() == 1, cycle > 0);
            assert!(cycle == 0 || dut.out_data() == cycle - 1);
            dut.rise()?;
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn it_takes_what_it_promises_and_no_more() {
    trials("small_fifo_capacity", 0..1, |seed, wave| {
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
    });
}
