//! `rtl/deliver/receive_path.v`: whatever comes in, the host gets each connection's bytes, in order, under the window.

mod receive_bench;

use std::path::Path;

use receive_bench::pins::Pins;
use receive_bench::reference::{FIN, RST};
use receive_bench::{ACKNOWLEDGE, Bench, RESIZE, Stalls};
use toe_driver::registers::{Counter, Event, Refusal};
use toe_sim::models::{ReceivePath64, ReceivePath512, ReceivePath4096, ReceivePathLarge};
use toe_sim::trial::trials;
use verilated::Error;

receive_path_pins!(ReceivePath64, (2, 64, 1));
receive_path_pins!(ReceivePath512, (16, 512, 4));
receive_path_pins!(ReceivePath4096, (16, 4096, 4));
receive_path_pins!(ReceivePathLarge, (512, 65_536, 8));

type Path512 = Bench<ReceivePath512>;

/// Just below 2^32, so that every test passes it.
const BASE: u32 = 0xffff_ffe0;

/// A test of one claim, once without and, if it fails, once with a waveform.
fn claim(name: &str, body: impl Fn(&mut Path512) -> Result<(), Error>) {
    trials(name, 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        body(&mut bench)
    });
}

/// Bytes of the connection that were indicated, by event.
fn indicated(bench: &Path512, number: u16) -> Vec<u16> {
    let length = |event: &Event| match *event {
        Event::IndicateData {
            connection, length, ..
        } if connection == number => Some(length),
        _ => None,
    };
    bench.events.iter().filter_map(length).collect()
}

// ------------------------------------------------------------------------------------ the window

// B8
#[test]
fn the_window_is_filled_exactly_and_a_delivery_is_split_at_its_edge() {
    claim("window_filled", |bench| {
        for (number, window) in [1, 7, 100, 300].into_iter().enumerate() {
            bench.open(number, BASE, window);
            for part in 0..4 {
                bench.segment(number, part * 100, 100, 0, true);
            }
        }
        bench.drain()?;
        for (number, window) in [1, 7, 100, 300].into_iter().enumerate() {
            assert_eq!(bench.connections[number].pending, window);
        }
        // The edge of the window of 7 lies within the second segment after it is opened again.
        bench.command(ACKNOWLEDGE, 1, 7);
        bench.drain()?;
        assert_eq!(indicated(bench, 1), [7, 7]);
        Ok(())
    });
}

// B7
#[test]
fn bytes_are_pending_from_the_moment_they_are_sent() {
    claim("pending_when_sent", |bench| {
        bench.open(0, BASE, 1000);
        bench.stalls.transfer = 255;
        bench.lags.1 = 3;
        bench.segment(0, 0, 50, 0, true);
        while bench.moments.transfers.is_empty() {
            bench.step()?;
        }
        // dma has not taken the transfer; its bytes can be acknowledged, and no more.
        bench.command(ACKNOWLEDGE, 0, 51);
        bench.command(ACKNOWLEDGE, 0, 50);
        bench.run(20)?;
        assert_eq!(bench.refusals, [Refusal::MoreThanPending]);
        assert_eq!(bench.connections[0].pending, 0);
        bench.stalls.transfer = 0;
        bench.drain()
    });
}

// B9
#[test]
fn a_full_window_holds_one_connection_and_the_others_go_on() {
    claim("window_holds", |bench| {
        bench.open(0, BASE, 10);
        bench.open(1, BASE, 10_000);
        for part in 0..5 {
            bench.segment(0, part * 40, 40, 0, true);
            bench.segment(1, part * 40, 40, 0, true);
        }
        bench.drain()?;
        assert_eq!(bench.connections[0].delivered, 10);
        assert_eq!(bench.connections[1].delivered, 200);
        assert_eq!(bench.counter(Counter::WindowClosed), 1);
        Ok(())
    });
}

// B11
#[test]
fn an_acknowledgement_resumes_delivery_by_as_much() {
    claim("acknowledge_resumes", |bench| {
        bench.open(0, BASE, 10);
        bench.segment(0, 0, 100, 0, true);
        bench.drain()?;
        for bytes in [1, 9, 3, 10] {
            bench.command(ACKNOWLEDGE, 0, bytes);
            bench.drain()?;
        }
        assert_eq!(indicated(bench, 0), [10, 1, 9, 3, 10]);
        assert_eq!(bench.counter(Counter::WindowClosed), 5);
        Ok(())
    });
}

// B11
#[test]
fn acknowledging_more_than_is_pending_is_refused_and_changes_nothing() {
    claim("acknowledge_refused", |bench| {
        bench.open(0, BASE, 10);
        bench.segment(0, 0, 100, 0, true);
        bench.drain()?;
        for bytes in [11, 12, 0x8000_0000, u32::MAX] {
            bench.command(ACKNOWLEDGE, 0, bytes);
        }
        bench.command(ACKNOWLEDGE, 5, 0);
        bench.command(RESIZE, 0xfff0, 1);
        bench.command(RESIZE, 0, 0);
        bench.drain()?;
        assert_eq!(bench.refusals[..4], [Refusal::MoreThanPending; 4]);
        assert_eq!(bench.refusals[4..6], [Refusal::NotOffloaded; 2]);
        assert_eq!(bench.refusals[6..], [Refusal::ZeroWindow]);
        assert_eq!(indicated(bench, 0), [10]);
        bench.command(ACKNOWLEDGE, 0, 10);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [10, 10]);
        Ok(())
    });
}

// B15
#[test]
fn a_new_window_counts_at_once() {
    claim("window_changed", |bench| {
        bench.open(0, BASE, 100);
        bench.segment(0, 0, 60, 0, true);
        bench.drain()?;
        // Smaller than what is pending: nothing goes until enough is acknowledged.
        bench.command(RESIZE, 0, 20);
        bench.segment(0, 60, 200, 0, true);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [60]);
        bench.command(ACKNOWLEDGE, 0, 40);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [60]);
        bench.command(ACKNOWLEDGE, 0, 1);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [60, 1]);
        // Larger: what it adds goes at once.
        bench.command(RESIZE, 0, 50);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [60, 1, 30]);
        bench.command(RESIZE, 0, u32::MAX);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [60, 1, 30, 169]);
        Ok(())
    });
}

// B8
#[test]
fn a_delivery_is_never_larger_than_an_anonymous_buffer() {
    claim("buffer_size", |bench| {
        bench.inputs.buffer_bytes = 33;
        bench.open(0, BASE, 100);
        bench.segment(0, 0, 120, 0, true);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [33, 33, 33, 1]);
        Ok(())
    });
}

#[test]
fn without_anonymous_buffers_data_waits_and_events_do_not() {
    claim("no_buffers", |bench| {
        bench.buffers_left = 1;
        bench.open(0, BASE, 1000);
        bench.open(1, BASE, 1000);
        bench.segment(0, 0, 10, 0, true);
        bench.segment(0, 10, 10, 0, true);
        bench.segment(1, 0, 0, FIN, true);
        bench.segment(0, 20, 0, RST, true);
        bench.run(200)?;
        let closed = Event::PeerClosed { connection: 1 };
        let reset = Event::PeerReset { connection: 0 };
        assert!(bench.events.contains(&closed) && bench.events.contains(&reset));
        assert_eq!(bench.connections[0].delivered, 10);
        assert_eq!(bench.counter(Counter::NoAnonymousBuffer), 1);
        bench.buffers_left = 1;
        bench.drain()?;
        assert_eq!(bench.connections[0].delivered, 20);
        Ok(())
    });
}

// ------------------------------------------------------------------------------------ segments

// B34
#[test]
fn duplicates_and_parts_outside_the_window_are_cut_away() {
    claim("trimmed", |bench| {
        bench.open(0, BASE, 100);
        bench.segment(0, 0, 40, 0, true);
        bench.segment(0, 0, 40, 0, true);
        bench.segment(0, 30, 20, 0, true);
        bench.segment(0, -20, 71, 0, true);
        bench.drain()?;
        assert_eq!(bench.connections[0].delivered, 51);
        assert_eq!(bench.counter(Counter::SegmentsDuplicate), 1);
        assert_eq!(bench.counter(Counter::SegmentsTrimmed), 2);
        // Longer than the ring: what fits is taken, nothing behind it.
        bench.segment(0, 20, 3000, 0, true);
        bench.drain()?;
        assert_eq!(bench.connections[0].stream.next, 51 + 512);
        assert_eq!(bench.counter(Counter::SegmentsTrimmed), 3);
        // What was delivered of it has made room, and the next byte after that lies outside.
        assert_eq!(bench.connections[0].delivered, 100);
        bench.segment(0, 100 + 512, 10, 0, true);
        bench.drain()?;
        assert_eq!(bench.connections[0].stream.next, 51 + 512);
        assert_eq!(bench.counter(Counter::SegmentsBeyondWindow), 1);
        bench.segment(0, 100 + 511, 10, 0, true);
        bench.segment(0, 51 + 512, 48, 0, true);
        bench.drain()?;
        assert_eq!(bench.connections[0].stream.next, 100 + 512);
        assert_eq!(bench.counter(Counter::SegmentsTrimmed), 4);
        Ok(())
    });
}

// B35
#[test]
fn four_gaps_are_kept_and_filled_in_any_order() {
    claim("gaps", |bench| {
        bench.open(0, BASE, 1000);
        for island in [80, 20, 60, 40] {
            bench.segment(0, island, 10, 0, true);
        }
        bench.segment(0, 100, 10, 0, true);
        bench.drain()?;
        assert_eq!(bench.counter(Counter::SegmentsOutOfOrder), 4);
        assert_eq!(bench.counter(Counter::SegmentsNoGap), 1);
        for gap in [50, 70, 10, 30] {
            bench.segment(0, gap, 10, 0, true);
        }
        bench.segment(0, 90, 20, 0, true);
        bench.drain()?;
        assert_eq!(bench.connections[0].delivered, 0);
        bench.segment(0, 0, 10, 0, true);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [110]);
        Ok(())
    });
}

// B35
#[test]
fn a_segment_over_several_islands_fills_all_gaps_between_them() {
    claim("gaps_at_once", |bench| {
        bench.open(0, BASE, 1000);
        for island in [3, 6, 9, 21] {
            bench.segment(0, island, 2, 0, true);
        }
        bench.segment(0, 1, 30, 0, true);
        bench.segment(0, 0, 1, 0, true);
        bench.drain()?;
        assert_eq!(indicated(bench, 0), [31]);
        Ok(())
    });
}

// B38
#[test]
fn bytes_that_fail_a_check_never_replace_bytes_that_passed() {
    claim("unproven", |bench| {
        bench.open(0, BASE, 5);
        bench.segment(0, 0, 50, 0, true);
        for island in [60, 75, 93] {
            bench.segment(0, island, 10, 0, true);
        }
        for start in 0..110 {
            bench.segment(0, start, 110, 0, false);
        }
        bench.segment(0, 50, 60, 0, true);
        // Not before all of them were there: then the bytes that are held are read.
        bench.drain()?;
        assert_eq!(bench.connections[0].delivered, 5);
        bench.command(RESIZE, 0, 1000);
        bench.drain()?;
        assert_eq!(bench.refusals, []);
        assert_eq!(bench.connections[0].delivered, 110);
        Ok(())
    });
}

// B37
#[test]
fn the_end_of_the_stream_is_told_after_all_data_in_whatever_order_it_comes() {
    claim("fin", |bench| {
        bench.open(0, BASE, 10);
        bench.segment(0, 30, 10, FIN, true);
        bench.segment(0, 45, 10, 0, true);
        bench.segment(0, 0, 20, 0, true);
        bench.segment(0, 20, 10, 0, true);
        bench.drain()?;
        assert!(!bench.connections[0].told_closed);
        bench.command(RESIZE, 0, 40);
        bench.drain()?;
        assert!(bench.connections[0].told_closed);
        bench.segment(0, 40, 10, FIN, true);
        bench.drain()?;
        assert_eq!(bench.counter(Counter::SegmentsAfterClose), 1);
        Ok(())
    });
}

// B37
#[test]
fn a_reset_is_told_at_once_if_it_carries_the_next_sequence_number() {
    claim("rst", |bench| {
        bench.open(0, BASE, 10);
        bench.segment(0, 0, 50, 0, true);
        bench.segment(0, 60, 10, 0, true);
        for wrong in [0, 49, 51, 60, 70, -1] {
            bench.segment(0, wrong, 0, RST, true);
        }
        bench.segment(0, 50, 0, RST, false);
        bench.drain()?;
        assert_eq!(bench.counter(Counter::ResetsRefused), 6);
        assert!(!bench.connections[0].told_reset);
        bench.segment(0, 50, 0, RST, true);
        bench.drain()?;
        assert!(bench.connections[0].told_reset);
        assert_eq!(bench.connections[0].delivered, 10);
        // What was accepted before still goes, under the window; nothing more is accepted.
        bench.segment(0, 50, 10, 0, true);
        bench.command(ACKNOWLEDGE, 0, 10);
        bench.command(RESIZE, 0, 1000);
        bench.drain()?;
        assert_eq!(bench.connections[0].delivered, 50);
        assert_eq!(bench.counter(Counter::SegmentsAfterClose), 1);
        Ok(())
    });
}

// B6
#[test]
fn an_upload_hands_over_what_is_held_and_the_number_can_be_used_again() {
    claim("upload", |bench| {
        bench.inputs.buffer_bytes = 64;
        for life in 0..3 {
            bench.open(7, BASE + 5 * life, 10);
            bench.segment(7, 0, 150, 0, true);
            bench.segment(7, 200, 50, 0, true);
            bench.drain()?;
            if life == 1 {
                bench.segment(7, 150, 0, FIN, true);
            }
            bench.close(7);
            bench.drain()?;
            assert!(!bench.connections[7].live);
            let uploaded = bench.events.iter().filter_map(|event| match event {
                Event::UploadData { length, .. } => Some(*length),
                _ => None,
            });
            assert_eq!(uploaded.collect::<Vec<_>>(), [64, 64, 12]);
            bench.events.clear();
        }
        Ok(())
    });
}

// ------------------------------------------------------------------------------------ at random

/// A segment, a command, an opening or a closing, at random.
fn something<P: Pins>(bench: &mut Bench<P>) {
    let ring = P::SIZE.1;
    let number = bench.below(P::SIZE.0.min(6) as u32) as usize * (P::SIZE.0 / P::SIZE.0.min(6));
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
                0 => (c.pending as u32).saturating_add(bench.below(1000)),
                1 => bench.below(u32::MAX),
                2..5 => bench.below((c.pending as u32).saturating_add(1)),
                _ => c.pending as u32,
            };
            return bench.command(ACKNOWLEDGE, number as u16, bytes);
        }
        150..170 => {
            let bytes = [0, 1, 8, 333, 4096, 1 << 20][bench.below(6) as usize];
            return bench.command(RESIZE, number as u16, bytes);
        }
        170..173 => return bench.command(ACKNOWLEDGE, 0xfe00 | number as u16, 0),
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
    let resets = flags & RST != 0 && bench.below(3) == 0;
    let start = if resets { next } else { start };
    // What depends on the window's end is sent when that stands still.
    let edge = c.left + ring;
    if c.stream.fin.is_none() && !bench.window_stands(number) {
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
    bench.lags = [(0, 0), (1, 1), (3, 0), (0, 3)][bench.below(4) as usize];
    let pace = [1, 4, 20, 100][bench.below(4) as usize];
    for _ in 0..steps {
        something(&mut bench);
        let pause = bench.below(pace);
        bench.run(pause.into())?;
    }
    bench.drain()
}

/// How many trials: many more when `TOE_SWEEP` is set.
fn seeds(few: u64) -> std::ops::Range<u64> {
    0..if std::env::var_os("TOE_SWEEP").is_some() {
        100 * few
    } else {
        few
    }
}

// B5 to B9, B11, B15, B34, B35, B37, B38; nothing advertises a window yet (B10)
#[test]
fn random_traffic_through_rings_of_64_bytes_with_one_gap() {
    trials("receive_path_64", seeds(150), |seed, wave| {
        random_trial::<ReceivePath64>(seed, wave, 400)
    });
}

// B5 to B9, B11, B15, B34, B35, B37, B38
#[test]
fn random_traffic_through_rings_of_512_bytes_with_four_gaps() {
    trials("receive_path_512", seeds(150), |seed, wave| {
        random_trial::<ReceivePath512>(seed, wave, 400)
    });
}

// B5 to B9, B11, B15, B34, B35, B37, B38
#[test]
fn random_traffic_through_rings_of_4096_bytes_with_four_gaps() {
    trials("receive_path_4096", seeds(40), |seed, wave| {
        random_trial::<ReceivePath4096>(seed, wave, 400)
    });
}

// B5 to B9, B11, B15, B34, B35, B37, B38
#[test]
fn random_traffic_through_512_rings_of_64_kibytes_with_eight_gaps() {
    trials("receive_path_large", seeds(4), |seed, wave| {
        random_trial::<ReceivePathLarge>(seed, wave, 300)
    });
}
