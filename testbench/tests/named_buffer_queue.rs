//! `rtl/deliver/named_buffer_queue.v`: pages come out in the order posted, whole buffers or none.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::Command;
use toe_sim::models::NamedBufferQueue;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

const CONNECTIONS: usize = 4;
const PAGES: usize = 4;

#[derive(Debug, Clone, Default)]
struct Reference {
    posted: VecDeque<(u64, u32, u16, bool)>,
    entered: Vec<(u64, u32, u16, bool)>,
    total: u32,
}

// B28, B38
#[test]
fn pages_come_out_in_their_order_once_their_buffer_is_committed() {
    trials("named_buffer_queue", 0..60, |seed, wave| {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |limit: u32| rng.next_u32() % limit;
        let mut dut = NamedBufferQueue::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let quiet = |dut: &mut NamedBufferQueue| {
            dut.set_fetch(0);
            dut.set_fetch_none(0);
            dut.set_keep_none(0);
            dut.set_enter(0);
            dut.set_commit(0);
            dut.set_forget(0);
            dut.set_read(0);
            dut.set_consume(0);
            dut.set_cancel(0);
            dut.set_keep(0);
        };
        quiet(&mut dut);
        dut.set_rst(1);
        dut.cycle()?;
        dut.set_rst(0);
        let mut reference = vec![Reference::default(); CONNECTIONS];
        for number in 0..CONNECTIONS {
            dut.set_connection(number as u8);
            dut.set_fetch(1);
            dut.set_fetch_none(1);
            dut.cycle()?;
            quiet(&mut dut);
            dut.set_keep_none(1);
            dut.cycle()?;
            quiet(&mut dut);
        }
        for turn in 0..3000u32 {
            let number = below(CONNECTIONS as u32) as usize;
            let known = &mut reference[number];
            dut.set_connection(number as u8);
            dut.set_fetch(1);
            dut.cycle()?;
            quiet(&mut dut);
            dut.settle()?;
            assert_eq!(dut.total(), known.total);
            assert_eq!(dut.none_left() == 1, known.posted.is_empty());
            let full = known.posted.len() + known.entered.len() == PAGES;
            assert_eq!(dut.full() == 1, full);
            if below(2) == 0 {
                let page = (
                    u64::from(turn) << 33 | 5,
                    turn + 1,
                    turn as u16,
                    below(2) == 0,
                );
                let words = Command::PostNamedBuffer {
                    connection: number as u16,
                    address: page.0,
                    bytes: page.1,
                    request: page.2,
                    last_page: page.3,
                    push_mode: turn % 3 == 0,
                }
                .words();
                dut.set_window_command_words(&[words[0], words[1], words[2], words[3], words[4]]);
                dut.set_sum(known.total + page.1);
                if full || below(8) == 0 {
                    dut.set_forget(1);
                    dut.set_forget_mark(0);
                    dut.cycle()?;
                    known.entered.clear();
                    known.total = 0;
                } else {
                    dut.set_enter(1);
                    dut.cycle()?;
                    known.entered.push(page);
                    known.total += page.1;
                    quiet(&mut dut);
                    if page.3 {
                        dut.set_commit(1);
                        dut.cycle()?;
                        known.posted.extend(known.entered.drain(..));
                        known.total = 0;
                    }
                }
            } else if let Some(&page) = known.posted.front() {
                dut.set_read(1);
                dut.cycle()?;
                quiet(&mut dut);
                dut.cycle()?;
                dut.settle()?;
                let read = (
                    dut.page_address(),
                    dut.page_bytes(),
                    dut.page_request(),
                    dut.page_last() == 1,
                );
                assert_eq!(read, page);
                // Unless it is consumed, it is read again.
                if below(4) != 0 {
                    dut.set_consume(1);
                    dut.cycle()?;
                    known.posted.pop_front();
                }
            }
            quiet(&mut dut);
            dut.set_keep(1);
            dut.cycle()?;
            quiet(&mut dut);
        }
        Ok::<(), Error>(())
    });
}
