//! `rtl/memory/receive_ring.v`: every byte lies where it was written, at any offset, in any ring.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::ReceiveRing;
use toe_sim::trial::trials;
use verilated::{Context, Error};

const CONNECTIONS: usize = 4;
const WORDS: usize = 8;

fn start(seed: u64, wave: Option<&Path>) -> Result<ReceiveRing, Error> {
    let context = Context::new().seed(seed);
    let mut dut = ReceiveRing::new(&context)?;
    if let Some(wave) = wave {
        dut.open_trace(wave)?;
    }
    dut.set_write_lanes(0);
    dut.set_read_enable(0);
    dut.cycle()?;
    Ok(dut)
}

#[test]
fn eight_bytes_at_any_offset_are_written_in_one_cycle_and_read_in_one() {
    trials("receive_ring", 0..20, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut dut = start(seed, wave)?;
        let mut memory = [[[0u8; 8]; WORDS]; CONNECTIONS];
        for (connection, ring) in memory.iter_mut().enumerate() {
            for (word, bytes) in ring.iter_mut().enumerate() {
                *bytes = rng.next_u64().to_le_bytes();
                dut.set_write_connection(connection as u8);
                dut.set_write_word(word as u8);
                dut.set_write_following((word as u8 + 1) % WORDS as u8);
                dut.set_write_wraps(0);
                dut.set_write_lanes(0xff);
                dut.set_write_data(u64::from_le_bytes(*bytes));
                dut.cycle()?;
            }
        }
        let mut shown = None;
        for _ in 0..2000 {
            let (connection, word) = (
                rng.next_u32() as usize % CONNECTIONS,
                rng.next_u32() as usize % WORDS,
            );
            let offset = rng.next_u32() % 8;
            let wraps = (1u16 << offset) as u8 - 1;
            let lanes = rng.next_u32() as u8;
            let data = rng.next_u64().to_le_bytes();
            dut.set_write_connection(connection as u8);
            dut.set_write_word(word as u8);
            dut.set_write_following(((word + 1) % WORDS) as u8);
            dut.set_write_wraps(wraps);
            dut.set_write_lanes(lanes);
            dut.set_write_data(u64::from_le_bytes(data));
            let (from, at) = (
                rng.next_u32() as usize % CONNECTIONS,
                rng.next_u32() as usize % WORDS,
            );
            let enable = rng.next_u32() % 3 != 0;
            dut.set_read_enable(enable.into());
            dut.set_read_connection(from as u8);
            let read_wraps = (1u16 << (rng.next_u32() % 8)) as u8 - 1;
            dut.set_read_wraps(read_wraps);
            dut.set_read_word(at as u8);
            dut.set_read_following(((at + 1) % WORDS) as u8);
            dut.settle()?;
            if let Some(word) = shown {
                assert_eq!(dut.read_data(), word, "it stays until the next read");
            }
            if enable {
                let byte = |lane: usize| {
                    let following = usize::from(read_wraps >> lane & 1);
                    memory[from][(at + following) % WORDS][lane]
                };
                shown = Some(u64::from_le_bytes(std::array::from_fn(byte)));
            }
            dut.rise()?;
            for lane in 0..8 {
                if lanes >> lane & 1 == 1 {
                    let following = usize::from(wraps >> lane & 1);
                    memory[connection][(word + following) % WORDS][lane] = data[lane];
                }
            }
        }
        Ok::<(), Error>(())
    });
}
