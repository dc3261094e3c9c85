//! `rtl/deliver/receive_path.v`: whatever comes in, the host gets each connection's bytes, in order, under the window.

mod receive_bench;

use std::path::Path;

use receive_bench::pins::Pins;
use receive_bench::reference::{FIN, RST};
use receive_bench::{ACKNOWLEDGE, Bench, RESIZE, Stalls};
use toe_sim::models::ReceivePath512;
use toe_sim::trial::trials;
use verilated::Error;

receive_path_pins!(ReceivePath512, (16, 512, 4));

/// A segment, a command, an opening or a closing, at random.
fn something<P: Pins>(bench: &mut Bench<P>) {
    let ring = P::SIZE.1;
    let number = bench.below(P::SIZE.0.min(6) as u32) as usize;
    let c = bench.connections[number].clone();
    if !c.live {
        let base = 0u32.wrapping_sub(bench.below(3 * ring as u32));
        let window = [1, 7, 100, 1460, 65_536, u32::MAX][bench.below(6) as usize];
        return bench.open(number, base, window);
    }
    if c.frozen && c.in_flight > 0 {
        return;
    }
    bench.connections[number].frozen = false;
    match bench.below(1000) {
        0..150 => {
            let bytes = match bench.below(8) {
                0 => c.pending as u32 + bench.below(1000),
                1 => bench.below(u32::MAX),
                2..5 => bench.below(c.pending as u32 + 1),
                _ => c.pending as u32,
            };
            return bench.command(ACKNOWLEDGE, number as u16, bytes);
        }
        150..170 => {
            let bytes = [0, 1, 8, 333, 4096, 1 << 20][bench.below(6) as usize];
            return bench.command(RESIZE, number as u16, bytes);
        }
        170..173 => return bench.command(ACKNOWLEDGE, 0xfff0 | number as u16, 0),
        173..178 if !c.closing => return bench.close(number),
        _ if c.closing => return,
        _ => {}
    }
    let longest = if bench.below(20) == 0 {
        3 * ring
    } else {
        ring / 3
    };
    let mut length = i64::from(bench.below(longest as u32 + 1));
    if bench.below(4) == 0 {
        length = i64::from(bench.below(20));
    }
    let near = i64::from(bench.below(ring as u32));
    let next = c.stream.next;
    let start = match bench.below(100) {
        0..45 => next,
        45..60 => next - near.min(length),
        60..64 => next - i64::from(bench.below(70_000)),
        64..90 => next + near,
        90..94 => c.stream.islands.first().map_or(next, |i| i.0 - length),
        94..97 => c.stream.islands.last().map_or(next, |i| i.1),
        97..99 => next + ring + near,
        _ => next + i64::from(bench.below(u32::MAX) as i32),
    };
    let flags = match bench.below(400) {
        0..4 => FIN,
        4..7 => RST,
        7 => RST | FIN,
        _ => 8,
    };
    let start = if flags & RST != 0 && bench.below(3) == 0 {
        next
    } else {
        start
    };
    // What depends on the window's end is sent when that stands still.
    let edge = c.left + ring;
    let stands = bench.window_stands(number);
    if c.stream.fin.is_none() && !stands {
        if start >= edge {
            return;
        }
        length = length.min(edge - start);
    }
    if start + length > edge {
        bench.connections[number].frozen = true;
    }
    let good = bench.below(8) != 0;
    bench.segment(number, start, length.min(65_535) as usize, flags, good);
}

fn random_trial<P: Pins>(seed: u64, wave: Option<&Path>, steps: u32) -> Result<(), Error> {
    let mut bench = Bench::<P>::new(seed, wave)?;
    let stall = |bench: &mut Bench<P>| [0, 0, 30, 128, 230][bench.below(5) as usize];
    bench.stalls = Stalls {
        segment: stall(&mut bench),
        payload: stall(&mut bench),
        verdict: stall(&mut bench),
        command: stall(&mut bench),
        buffer: stall(&mut bench),
        transfer: stall(&mut bench),
        data: stall(&mut bench),
    };
    bench.one_at_a_time = bench.below(2) == 0;
    bench.inputs.buffer_bytes = [1, 13, 64, 300, 2048, 65_535][bench.below(6) as usize];
    let pace = [1, 4, 20, 100][bench.below(4) as usize];
    for _ in 0..steps {
        something(&mut bench);
        let pause = bench.below(pace);
        bench.run(pause.into())?;
    }
    bench.drain()
}

#[test]
fn random_traffic_is_delivered_as_the_reference_says() {
    trials("receive_path_random", 0..3000, |seed, wave| {
        random_trial::<ReceivePath512>(seed, wave, 400)
    });
}
