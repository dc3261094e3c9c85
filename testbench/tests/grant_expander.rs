//! `rtl/host/grant_expander.v` with its two queues: every buffer granted comes out once, in order, at its
//! place.

mod command_bench;

use std::collections::VecDeque;

use command_bench::{ANONYMOUS_BUFFERS, Bench, Buffer, HOST_FRAME_BUFFERS, Told};
use rand_chacha::rand_core::Rng;
use toe_driver::registers::{Command, Refusal};
use toe_sim::trial::trials;
use verilated::Error;

fn stride(bytes: u16) -> u64 {
    u64::from(bytes).div_ceil(64) * 64
}

fn grant(host_frame: bool, address: u64, first_buffer: u16, count: u16) -> Command {
    if host_frame {
        Command::GrantHostFrameBuffers {
            address,
            first_buffer,
            count,
        }
    } else {
        Command::GrantAnonymousBuffers {
            address,
            first_buffer,
            count,
        }
    }
}

#[test]
fn every_buffer_comes_out_once_in_order_and_a_grant_beyond_the_room_is_refused_whole() {
    trials("grant_expander", 0..40, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let sizes = [[1, 64], [63, 65], [64, 2048], [2047, 65535], [65535, 1536]];
        let [anonymous, host_frame] = sizes[seed as usize % sizes.len()];
        bench.dut.set_anonymous_buffer_bytes(anonymous);
        bench.dut.set_host_frame_buffer_bytes(host_frame);
        let mut expected = [VecDeque::new(), VecDeque::new()];
        for _ in 0..60 {
            let kind = bench.rng.next_u32() as usize % 2;
            let depth = [ANONYMOUS_BUFFERS, HOST_FRAME_BUFFERS][kind];
            let room = depth - bench.granted[kind];
            let count = match bench.rng.next_u32() % 5 {
                0 => 0,
                1 => room,
                2 => room + 1,
                3 => u16::MAX,
                _ => bench.rng.next_u32() as u16 % 6,
            };
            // The carry runs through the whole address.
            let address = 0xffff_ffff_0000_0000 | u64::from(bench.rng.next_u32());
            let first = bench.rng.next_u32() as u16;
            // Nothing is used while the command is under way: what must be refused is then known.
            bench.use_chance = 0;
            let told = bench.command(&grant(kind == 1, address, first, count))?;
            let refusal = Told::Refused(grant(kind == 1, 0, 0, 0).opcode(), Refusal::BuffersFull);
            assert_eq!(
                told,
                (count > room).then_some(refusal),
                "{count} for {room}"
            );
            if count <= room {
                bench.granted[kind] += count;
                for index in 0..count {
                    let step = stride([anonymous, host_frame][kind]) * u64::from(index);
                    expected[kind].push_back(Buffer {
                        address: address.wrapping_add(step),
                        number: first.wrapping_add(index),
                    });
                }
            }
            bench.use_chance = [0, 30, 200][bench.rng.next_u32() as usize % 3];
            for _ in 0..bench.rng.next_u32() % 40 {
                bench.cycle()?;
            }
        }
        bench.use_chance = 128;
        for _ in 0..400 {
            bench.cycle()?;
        }
        for (used, expected) in bench.used.iter_mut().zip(&expected) {
            let used: VecDeque<Buffer> = used.drain(..).collect();
            assert_eq!(&used, expected);
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn once_granted_a_buffer_can_be_used_in_every_third_cycle() {
    trials("grant_expander_rate", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.use_chance = 0;
        bench.command(&grant(false, 4096, 0, ANONYMOUS_BUFFERS))?;
        for _ in 0..8 {
            bench.cycle()?;
        }
        bench.use_chance = 256;
        for _ in 0..3 * ANONYMOUS_BUFFERS {
            bench.cycle()?;
        }
        assert_eq!(bench.used[0].len(), usize::from(ANONYMOUS_BUFFERS));
        Ok::<(), Error>(())
    });
}
