//! `rtl/deliver/delivery_scheduler.v` in the receive path: turns go round, soon, and without idle cycles.

mod receive_bench;

use receive_bench::{ACKNOWLEDGE, Bench, RESIZE};
use toe_driver::registers::Event;
use toe_sim::models::ReceivePath4096;
use toe_sim::trial::trials;
use verilated::Error;

receive_path_pins!(ReceivePath4096, (16, 4096, 4));

type Path4096 = Bench<ReceivePath4096>;

const BASE: u32 = 0xffff_ffe3;

fn claim(name: &str, body: impl Fn(&mut Path4096) -> Result<(), Error>) {
    trials(name, 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        body(&mut bench)
    });
}

fn connections(bench: &Path4096) -> Vec<u16> {
    let connection = |event: &Event| match *event {
        Event::IndicateData { connection, .. } => Some(connection),
        _ => None,
    };
    bench.events.iter().filter_map(connection).collect()
}

#[test]
fn connections_that_have_data_take_turns() {
    claim("turns", |bench| {
        bench.inputs.buffer_bytes = 100;
        bench.buffers_left = 0;
        for number in 0..16 {
            bench.open(number, BASE, 1 << 20);
            bench.segment(number, 0, 1000, 0, true);
        }
        bench.run(16 * 150)?;
        bench.buffers_left = usize::MAX;
        bench.drain()?;
        let turns = connections(bench);
        assert_eq!(turns.len(), 160);
        for round in turns.chunks(16) {
            let mut round = round.to_vec();
            round.sort_unstable();
            assert_eq!(round, (0..16).collect::<Vec<_>>());
        }
        Ok(())
    });
}

// B9, B11
#[test]
fn a_connection_that_was_held_back_takes_its_turn_among_the_others() {
    claim("held_back_turn", |bench| {
        bench.inputs.buffer_bytes = 64;
        bench.open(3, BASE, 64);
        bench.segment(3, 0, 640, 0, true);
        bench.drain()?;
        bench.open(9, BASE, 1 << 20);
        bench.segment(9, 0, 3000, 0, true);
        // 9 has all its bytes, many turns' worth, before 3 is let go.
        bench.events.clear();
        while connections(bench).is_empty() {
            bench.step()?;
        }
        bench.command(RESIZE, 3, 1 << 20);
        bench.drain()?;
        let turns = connections(bench);
        let first = turns.iter().position(|&c| c == 3).expect("its turn");
        assert!(first <= 3, "{turns:?}");
        for pair in turns[first..first + 18].chunks(2) {
            assert_eq!(pair, [3, 9]);
        }
        Ok(())
    });
}

/// A header, its payload a cycle later, the verdict another cycle later: as rx sends a minimum frame.
fn like_rx(bench: &mut Path4096) {
    bench.lags = (1, 1);
}

#[test]
fn a_transfer_is_seen_four_cycles_after_the_verdict_and_its_first_word_five() {
    claim("latency", |bench| {
        like_rx(bench);
        bench.open(5, BASE, 1 << 20);
        bench.drain()?;
        let mut offset = 0;
        for length in [1, 6, 8, 9, 46, 100, 1460] {
            bench.moments = Default::default();
            bench.segment(5, offset, length, 0, true);
            bench.drain()?;
            offset += length as i64;
            let header = bench.moments.segments[0];
            let verdict = bench.moments.verdicts[0];
            let transfer = bench.moments.transfers[0];
            let word = bench.moments.words[0];
            assert!(transfer <= verdict + 4, "{length}: {:?}", bench.moments);
            assert!(word <= transfer + 1, "{length}: {:?}", bench.moments);
            // Minimum frame: the header may be seen two cycles before the verdict.
            assert!(length > 8 || transfer <= header + 6, "{:?}", bench.moments);
        }
        Ok(())
    });
}

/// Cycles a frame when each has so many bytes, and the host acknowledges each delivery, or does not.
fn period(
    bench: &mut Path4096,
    many: bool,
    length: usize,
    acknowledge: bool,
) -> Result<f64, Error> {
    like_rx(bench);
    let used = if many { 16 } else { 1 };
    for number in 0..used {
        bench.open(number, BASE, u32::MAX);
    }
    bench.drain()?;
    let (warm, frames) = (20, 200);
    let mut offsets = [0; 16];
    let mut sent = 0;
    bench.moments = Default::default();
    let mut seen = 0;
    while bench.moments.loads.len() < warm + frames {
        // A peer sends no more than the ring has room for.
        let number = sent % used;
        let room = bench.connections[number].left + 4096 - offsets[number];
        if sent < bench.moments.loads.len() + 2 && length as i64 <= room {
            bench.segment(number, offsets[number], length, 0, true);
            offsets[number] += length as i64;
            sent += 1;
        }
        bench.step()?;
        while acknowledge && seen < bench.events.len() {
            if let Event::IndicateData {
                connection, length, ..
            } = bench.events[seen]
            {
                bench.command(ACKNOWLEDGE, connection, length.into());
            }
            seen += 1;
        }
    }
    let loads = &bench.moments.loads;
    let cycles = loads[warm + frames - 1] - loads[warm - 1];
    bench.drain()?;
    Ok(cycles as f64 / frames as f64)
}

#[test]
fn a_minimum_frame_takes_at_most_nine_cycles() {
    for (many, acknowledge) in [(false, false), (true, false), (false, true), (true, true)] {
        claim("period", |bench| {
            for length in [0, 1, 6, 8] {
                let cycles = period(bench, many, length, acknowledge)?;
                println!("{length} bytes, many {many}, acknowledged {acknowledge}: {cycles}");
                assert!(cycles <= 9.0, "{length} {many} {acknowledge}: {cycles}");
                for number in 0..16 {
                    if bench.connections[number].live {
                        bench.close(number);
                    }
                }
                bench.drain()?;
                bench.events.clear();
            }
            Ok(())
        });
    }
}

#[test]
fn a_long_frame_takes_its_beats_and_two_cycles() {
    for many in [false, true] {
        claim("long", |bench| {
            for length in [64, 100, 536, 1200] {
                let cycles = period(bench, many, length, true)?;
                println!("{length} bytes, many {many}: {cycles}");
                // The 54 bytes of headers before the payload take beats, too.
                let beats = (length + 54).div_ceil(8) as f64;
                assert!(cycles <= beats + 2.0, "{length} {many}: {cycles}");
                for number in 0..16 {
                    if bench.connections[number].live {
                        bench.close(number);
                    }
                }
                bench.drain()?;
                bench.events.clear();
            }
            Ok(())
        });
    }
}

#[test]
fn deliveries_follow_one_another_with_at_most_two_idle_cycles() {
    claim("stream", |bench| {
        bench.inputs.buffer_bytes = 256;
        bench.buffers_left = 0;
        bench.open(0, BASE & !7, 1 << 20);
        bench.segment(0, 0, 3840, 0, true);
        bench.run(600)?;
        bench.buffers_left = usize::MAX;
        bench.drain()?;
        let words = &bench.moments.words;
        // 15 buffers of 32 words, or of 33 where the buffer does not begin at a word.
        let count = words.len() as u64;
        assert!((480..=495).contains(&count), "{count} words");
        let cycles = words[words.len() - 1] - words[0] + 1;
        assert!(
            cycles <= count + 2 * 14,
            "{cycles} cycles for {count} words"
        );
        Ok(())
    });
}
