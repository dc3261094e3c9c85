//! Named Buffers of the whole adapter: accepted with an exact skip, filled without a gap, returned once.

mod named_bench;
mod toe_bench;

use named_bench::{FIRST, PSH, Peer, Returned};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_bench::{ACK, Bench, FIN, RST, pattern, segment};
use toe_driver::registers::{Command, Counter, Event, Refusal, ReturnReason, offset};
use toe_sim::adapter::{AdapterFault, BusCycle};
use toe_sim::stalls::StallProfile;
use toe_sim::trial::trials;

const STALLS: [StallProfile; 2] = [StallProfile::NONE, StallProfile::HEAVY];

fn claim(name: &str, seeds: u64, body: impl Fn(&mut Bench, u64) -> Result<(), AdapterFault>) {
    trials(name, 0..seeds, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        body(&mut bench, seed)
    });
}

fn returned(request: u16, bytes: usize, reason: ReturnReason) -> Returned {
    Returned {
        request,
        bytes,
        reason,
    }
}

// B12, B25, B27
#[test]
fn a_buffer_skips_what_is_pending_and_takes_what_follows_until_it_is_full() {
    claim("named_full", 4, |bench, _| {
        let mut peer = Peer::open(bench, 2, 1000)?;
        peer.send(bench, 700, 0);
        peer.run(bench, 1500)?;
        assert_eq!(peer.pending, 700);
        peer.acknowledge(bench, 100)?;
        let request = peer.post(bench, &[(3, 2000)], false)?;
        peer.run(bench, 1500)?;
        assert_eq!(peer.accepted().map(|p| p.accepted), Some(Some((100, 600))));
        // Filled but for one byte, it waits (B31).
        peer.send(bench, 1399, PSH);
        peer.run(bench, 3000)?;
        assert_eq!(peer.returned, []);
        peer.send(bench, 101, 0);
        peer.run(bench, 3000)?;
        assert_eq!(peer.returned, [returned(request, 2000, ReturnReason::Full)]);
        // What is left goes to Anonymous Buffers, in a window that is open again.
        assert_eq!((peer.pending, peer.at), (100, 2200));
        bench.settle()?;
        assert_eq!(bench.counter(Counter::NamedBuffersAccepted)?, 1);
        assert_eq!(bench.counter(Counter::NamedBuffersFull)?, 1);
        Ok(())
    });
}

// B9, B12
#[test]
fn a_buffer_takes_what_the_closed_window_held() {
    claim("named_held", 4, |bench, _| {
        let mut peer = Peer::open(bench, 5, 100)?;
        peer.send(bench, 1400, 0);
        peer.run(bench, 1500)?;
        assert_eq!(peer.pending, 100);
        let request = peer.post(bench, &[(0, 64), (1, 700), (7, 236)], false)?;
        peer.run(bench, 3000)?;
        assert_eq!(peer.returned, [returned(request, 1000, ReturnReason::Full)]);
        assert_eq!(peer.pending, 100);
        assert_eq!(peer.at, 1100);
        Ok(())
    });
}

// B28
#[test]
fn pages_of_every_alignment_and_length_are_filled_without_a_gap() {
    claim("named_pages", 4, |bench, seed| {
        let mut peer = Peer::open(bench, seed as u16, 10)?;
        for round in 0..16 {
            let pages: Vec<_> = (0..8)
                .map(|i| (i * 3 + round, 1 + (i * 5 + round) as usize))
                .collect();
            let bytes: usize = pages.iter().map(|page| page.1).sum();
            let request = peer.post(bench, &pages, false)?;
            peer.send(bench, bytes, 0);
            peer.run(bench, 1500)?;
            assert_eq!(
                peer.returned.last(),
                Some(&returned(request, bytes, ReturnReason::Full))
            );
        }
        Ok(())
    });
}

// B28
#[test]
fn buffers_that_were_posted_ahead_fill_in_their_order() {
    claim("named_chain", 4, |bench, _| {
        let mut peer = Peer::open(bench, 1, 100)?;
        let mut requests = Vec::new();
        for bytes in [200, 1000, 101, 3000] {
            requests.push((peer.post(bench, &[(5, bytes)], false)?, bytes));
        }
        for _ in 0..4 {
            peer.send(bench, 1100, 0);
            peer.run(bench, 2000)?;
        }
        let expected: Vec<_> = requests
            .iter()
            .map(|&(request, bytes)| returned(request, bytes, ReturnReason::Full))
            .collect();
        assert_eq!(peer.returned, expected);
        assert_eq!(peer.at, 4400);
        Ok(())
    });
}

// B29, B31
#[test]
fn a_psh_returns_a_buffer_in_push_mode_however_full_and_no_other() {
    claim("named_push", 4, |bench, _| {
        let mut peer = Peer::open(bench, 3, 100)?;
        let first = peer.post(bench, &[(0, 1500), (1, 1500)], true)?;
        peer.send(bench, 1000, 0);
        peer.run(bench, 2000)?;
        assert_eq!(peer.returned, []);
        peer.send(bench, 1000, PSH);
        peer.run(bench, 2000)?;
        assert_eq!(peer.returned, [returned(first, 2000, ReturnReason::Push)]);
        // PSH of the last byte: full. The byte after it begins the next one.
        let second = peer.post(bench, &[(0, 500)], true)?;
        let third = peer.post(bench, &[(0, 500)], true)?;
        peer.send(bench, 500, PSH);
        peer.run(bench, 2000)?;
        peer.send(bench, 1, 0);
        peer.run(bench, 2000)?;
        assert_eq!(
            peer.returned[1..],
            [returned(second, 500, ReturnReason::Full)]
        );
        peer.send(bench, 1, PSH);
        peer.run(bench, 2000)?;
        assert_eq!(peer.returned[2..], [returned(third, 2, ReturnReason::Push)]);
        // Not in Push Mode it waits.
        peer.post(bench, &[(0, 500)], false)?;
        peer.send(bench, 100, PSH);
        peer.run(bench, 2000)?;
        assert_eq!(peer.returned.len(), 3);
        assert_eq!(bench.counter(Counter::NamedBuffersPushed)?, 2);
        Ok(())
    });
}

// B29
#[test]
fn a_psh_among_the_bytes_skipped_counts_and_one_acknowledged_does_not() {
    claim("named_skipped_push", 4, |bench, _| {
        let mut peer = Peer::open(bench, 3, 1000)?;
        peer.send(bench, 300, PSH);
        peer.run(bench, 1500)?;
        peer.send(bench, 300, 0);
        peer.run(bench, 1500)?;
        peer.acknowledge(bench, 300)?;
        let first = peer.post(bench, &[(0, 2000)], true)?;
        peer.run(bench, 1500)?;
        assert_eq!(peer.returned, []);
        peer.cancel(bench, first)?;
        peer.run(bench, 1500)?;
        peer.send(bench, 100, 0);
        peer.run(bench, 1500)?;
        peer.send(bench, 100, PSH);
        peer.run(bench, 1500)?;
        let second = peer.post(bench, &[(0, 2000)], true)?;
        peer.run(bench, 1500)?;
        assert_eq!(
            peer.returned,
            [
                returned(first, 300, ReturnReason::Cancelled),
                returned(second, 200, ReturnReason::Push)
            ]
        );
        Ok(())
    });
}

// B30, B32
#[test]
fn the_push_timer_runs_from_the_latest_byte_and_returns_what_is_partly_full() {
    trials("named_timer", 0..4, |seed, wave| {
        let mut bench = Bench::reset(seed, wave, STALLS[seed as usize % 2])?;
        let bench = &mut bench;
        bench.write(offset::PUSH_TIMER_CYCLES, 6000)?;
        assert_eq!(bench.read(offset::PUSH_TIMER_CYCLES)?, 6000);
        bench.bring_up()?;
        let mut peer = Peer::open(bench, 4, 100)?;
        let first = peer.post(bench, &[(0, 2000)], true)?;
        peer.run(bench, 20_000)?;
        assert_eq!(peer.returned, [], "it is empty");
        for _ in 0..4 {
            peer.send(bench, 100, 0);
            peer.run(bench, 4000)?;
            assert_eq!(peer.returned, [], "bytes came");
        }
        peer.run(bench, 5000)?;
        assert_eq!(peer.returned, [returned(first, 400, ReturnReason::Timeout)]);
        // What is skipped starts it, too; not without Push Mode.
        peer.send(bench, 50, 0);
        peer.run(bench, 1500)?;
        let second = peer.post(bench, &[(0, 2000)], true)?;
        let third = peer.post(bench, &[(0, 2000)], false)?;
        peer.run(bench, 9000)?;
        assert_eq!(
            peer.returned[1..],
            [returned(second, 50, ReturnReason::Timeout)]
        );
        peer.send(bench, 50, 0);
        peer.run(bench, 20_000)?;
        peer.cancel(bench, third)?;
        peer.run(bench, 2000)?;
        assert_eq!(
            peer.returned[2..],
            [returned(third, 50, ReturnReason::Cancelled)]
        );
        // Returned for another reason, it stops the timer.
        let fourth = peer.post(bench, &[(0, 200)], true)?;
        let fifth = peer.post(bench, &[(0, 200)], true)?;
        peer.send(bench, 200, 0);
        peer.run(bench, 20_000)?;
        assert_eq!(
            peer.returned[3..],
            [returned(fourth, 200, ReturnReason::Full)]
        );
        peer.cancel(bench, fifth)?;
        peer.run(bench, 1000)?;
        assert_eq!(bench.counter(Counter::NamedBuffersTimedOut)?, 2);
        bench.settle()
    });
}

// B27
#[test]
fn a_cancel_returns_any_buffer_and_is_answered_in_its_order() {
    claim("named_cancel", 4, |bench, _| {
        let mut peer = Peer::open(bench, 6, 10)?;
        let mut requests = Vec::new();
        for index in 0..5 {
            requests.push(peer.post(bench, &[(index, 100), (0, 50)], false)?);
        }
        peer.send(bench, 120, 0);
        peer.run(bench, 1500)?;
        for request in [requests[2], 999, requests[0], requests[0], requests[4]] {
            peer.cancel(bench, request)?;
        }
        peer.run(bench, 2000)?;
        let cancelled = |request, bytes| returned(request, bytes, ReturnReason::Cancelled);
        assert_eq!(
            peer.returned,
            [
                cancelled(requests[2], 0),
                cancelled(requests[0], 120),
                cancelled(requests[4], 0)
            ]
        );
        assert_eq!(
            peer.refused,
            [(999, Refusal::NotPosted), (requests[0], Refusal::NotPosted)]
        );
        peer.send(bench, 400, 0);
        peer.run(bench, 2000)?;
        assert_eq!(
            peer.returned[3..],
            [
                returned(requests[1], 150, ReturnReason::Full),
                returned(requests[3], 150, ReturnReason::Full)
            ]
        );
        Ok(())
    });
}

// B6, B24, B27, B37
#[test]
fn every_buffer_comes_back_at_the_end_of_the_connection_before_the_end_is_told() {
    claim("named_end", 12, |bench, seed| {
        let mut peer = Peer::open(bench, 7, 50)?;
        let sent = [0, 60, 777][seed as usize % 3];
        let first = peer.post(bench, &[(0, 400), (0, 600)], seed % 2 == 0)?;
        let second = peer.post(bench, &[(0, 700)], false)?;
        let third = peer.post(bench, &[(9, 70), (3, 1)], false)?;
        peer.send(bench, sent, 0);
        match seed % 4 {
            0 | 1 => peer.send(bench, 0, FIN),
            2 => peer.send(bench, 0, RST),
            _ => bench.command(&Command::Upload { connection: 7 })?,
        }
        let after = peer.run(bench, 3000)?;
        assert_eq!(peer.closed, seed % 4 < 2, "{after:?}");
        assert_eq!(peer.reset, seed % 4 == 2, "{after:?}");
        assert_eq!(peer.uploaded, seed % 4 == 3, "{after:?}");
        let requests: Vec<_> = peer.returned.iter().map(|r| r.request).collect();
        assert_eq!(requests, [first, second, third]);
        assert!(
            peer.returned
                .iter()
                .all(|r| r.reason == ReturnReason::Ended)
        );
        if seed % 4 < 2 {
            assert_eq!(peer.returned[0].bytes, sent);
        }
        // Who comes later comes back at once.
        let late = peer.post(bench, &[(0, 100)], true)?;
        peer.run(bench, 2000)?;
        if seed % 4 == 3 {
            assert_eq!(peer.refused, [(late, Refusal::NotOffloaded)]);
        } else {
            let last = peer.returned.last().map(|r| (r.request, r.reason));
            assert_eq!(last, Some((late, ReturnReason::Ended)));
        }
        bench.settle()
    });
}

// B12, B25, B27: buffers that were posted before it came back empty, and the driver may have filled them from what is
// pending. So nothing of that may be skipped in a later one.
#[test]
fn a_buffer_posted_after_the_end_comes_back_and_what_is_pending_stays_pending() {
    claim("named_late", 8, |bench, seed| {
        let mut peer = Peer::open(bench, 3, 500)?;
        peer.send(bench, 700, 0);
        peer.run(bench, 1500)?;
        assert_eq!(peer.pending, 500);
        peer.send(bench, 0, RST);
        peer.run(bench, 1500)?;
        assert!(peer.reset);
        let pages: &[_] = match seed % 4 < 2 {
            true => &[(0, 1001)],
            false => &[(0, 400), (3, 1), (1, 600)],
        };
        for push in [true, false] {
            let late = peer.post(bench, pages, push)?;
            peer.run(bench, 2000)?;
            let last = peer.returned.last().copied();
            assert_eq!(last, Some(returned(late, 0, ReturnReason::Ended)));
        }
        // The window counts on, and the bytes that it held come in it.
        assert_eq!((peer.pending, peer.at), (500, 500));
        peer.acknowledge(bench, 500)?;
        peer.run(bench, 1500)?;
        assert_eq!((peer.pending, peer.at), (200, 700));
        bench.command(&Command::Upload { connection: 3 })?;
        peer.run(bench, 2000)?;
        assert!(peer.uploaded);
        bench.settle()?;
        assert_eq!(bench.counter(Counter::NamedBuffersAccepted)?, 0);
        Ok(())
    });
}

// B26, B38
#[test]
fn what_cannot_be_posted_is_refused_with_its_reason_and_takes_its_buffer_with_it() {
    claim("named_refused", 4, |bench, _| {
        let mut peer = Peer::open(bench, 8, 1000)?;
        let too_small = peer.post(bench, &[(0, 500), (0, 500)], false)?;
        let empty = peer.post(bench, &[(0, 1000), (0, 0), (0, 1000)], false)?;
        peer.run(bench, 500)?;
        assert_eq!(
            peer.refused,
            [
                (too_small, Refusal::TooSmall),
                (empty, Refusal::BadPage),
                (empty, Refusal::BadPage)
            ]
        );
        peer.refused.clear();
        let pages = bench.read(offset::NAMED_BUFFER_PAGES)? as usize;
        assert_eq!(bench.read(offset::CLOCK_PERIOD_PICOSECONDS)?, 6400);
        let many: Vec<_> = (0..pages + 2).map(|_| (0, 1100)).collect();
        let full = peer.post(bench, &many, false)?;
        peer.run(bench, 500)?;
        assert_eq!(peer.refused, [(full, Refusal::BuffersFull); 2]);
        peer.refused.clear();
        // All that there is room for; the first page is under way and leaves room for another.
        let most = peer.post(bench, &many[..pages], false)?;
        let one_more = peer.post(bench, &[(0, 1001)], false)?;
        let too_many = peer.post(bench, &[(0, 1001)], false)?;
        peer.run(bench, 500)?;
        assert_eq!(peer.refused, [(too_many, Refusal::BuffersFull)]);
        assert_eq!(peer.posted.len(), 2);
        peer.cancel(bench, most)?;
        peer.run(bench, 1000)?;
        peer.cancel(bench, one_more)?;
        peer.run(bench, 1000)?;
        assert_eq!(peer.returned.len(), 2);
        // Elsewhere nothing is offloaded.
        for connection in [9, 16, 0xffff] {
            let post = Command::PostNamedBuffer {
                connection,
                address: 0,
                bytes: 100_000,
                request: 77,
                last_page: true,
                push_mode: false,
            };
            let Event::CommandRefused {
                reason, request, ..
            } = bench.event_after(&post)?
            else {
                panic!("{post:?} is not refused");
            };
            assert_eq!((reason, request), (Refusal::NotOffloaded, 77));
        }
        // More than 32 bits.
        for (last_page, wanted) in [(false, None), (true, Some(Refusal::BadPage))] {
            bench.command(&Command::PostNamedBuffer {
                connection: 8,
                address: 0,
                bytes: 0x8000_0000,
                request: 78,
                last_page,
                push_mode: false,
            })?;
            bench.steps(100)?;
            let event = bench.poll()?;
            let reason = event.map(|event| match event {
                Event::CommandRefused { reason, .. } => reason,
                other => panic!("{other:?}"),
            });
            assert_eq!(reason, wanted);
        }
        peer.send(bench, 100, 0);
        peer.run(bench, 1000)?;
        assert_eq!(peer.pending, 100);
        Ok(())
    });
}

/// Cycles of the beats on the bus: payload, and an event where a buffer ends and the next begins.
fn beats(bench: &mut Bench) -> Vec<u64> {
    let cycles = bench.cycles.take().unwrap_or_default();
    let beat = |(_, cycle): &(usize, &BusCycle)| cycle.request.w_valid && cycle.answer.w_ready;
    let beats = cycles.iter().enumerate().filter(beat);
    beats.map(|(index, _)| index as u64).collect()
}

// B25, B28
#[test]
fn at_line_rate_no_beat_is_lost_where_a_page_or_a_buffer_ends() {
    trials("named_line_rate", 0..6, |seed, wave| {
        let page = [4096, 1460, 2048, 1024, 4096, 3000][seed as usize];
        let pages = [1, 4, 2, 2, 3, 1][seed as usize];
        let mut bench = Bench::line(seed, wave)?;
        let bench = &mut bench;
        let mut peer = Peer::open(bench, 0, 100)?;
        let mut left = 0;
        while left < 16 {
            let sizes = vec![(0, page); pages.min(16 - left)];
            left += sizes.len();
            peer.post(bench, &sizes, false)?;
        }
        peer.run(bench, 1000)?;
        let frames = 16 * page / 1460;
        let bytes = frames.min(24) * 1460;
        bench.cycles = Some(Vec::new());
        for _ in 0..frames.min(24) {
            peer.send(bench, 1460, 0);
        }
        bench.steps(frames as u64 * 200 + 2000)?;
        let beats = beats(bench);
        peer.run(bench, 1000)?;
        let filled: usize = peer.returned.iter().map(|returned| returned.bytes).sum();
        assert!(filled + page * pages > bytes, "{filled} of {bytes}");
        // A frame takes 192.25 cycles of the line, its payload 183 of them: idle beats beyond those
        // between two frames are lost ones.
        // An event may lie between two of them.
        let mut gaps = Vec::new();
        let mut run = 0;
        for pair in beats.windows(2) {
            let gap = pair[1] - pair[0] - 1;
            run += 1;
            match (gap, gaps.last_mut()) {
                (0, _) => continue,
                (_, Some(last)) if run <= 3 => *last += gap,
                _ => gaps.push(gap),
            }
            run = 0;
        }
        println!("pages of {page}, {pages} a buffer: idle {gaps:?}");
        let frames = frames.min(24);
        // The last event follows the answer of the bus.
        gaps.truncate(frames - 1);
        // Where but a beat or two of a frame fill a page, its end falls into the gap between frames.
        assert!(gaps.iter().all(|&gap| gap <= 20), "{gaps:?}");
        let all = beats[beats.len() - 1] - beats[0];
        assert!(all <= frames as u64 * 193 + 30, "{all} cycles");
        Ok::<(), AdapterFault>(())
    });
}

#[test]
fn a_named_buffer_is_reached_as_soon_as_an_anonymous_one() {
    trials("named_latency", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, StallProfile::NONE)?;
        let bench = &mut bench;
        let mut peer = Peer::open(bench, 0, 1)?;
        peer.post(bench, &[(3, 40_000)], false)?;
        peer.run(bench, 500)?;
        for payload in (1..=24).chain([64, 100, 512, 1000, 1001, 1440]) {
            bench.steps(100)?;
            bench.cycles = Some(Vec::new());
            let sequence = FIRST.wrapping_add(peer.sent as u32);
            let mut frame = segment(0, sequence, ACK, &pattern(peer.sent, payload));
            frame.truncate((54 + payload).max(60));
            bench.send(frame);
            peer.sent += payload;
            bench.steps(500)?;
            let cycles = bench.cycles.take().unwrap_or_default();
            let end = cycles
                .iter()
                .position(|c| c.frame.valid && c.frame.last && c.frame_ready);
            let first = cycles.iter().position(|c| c.request.w_valid);
            let after = first.expect("a beat") - end.expect("a frame");
            println!("{payload} bytes: data after {after} cycles");
            assert!(after <= 9, "{payload} bytes after {after} cycles");
        }
        Ok::<(), AdapterFault>(())
    });
}

/// One random life of a connection with Named Buffers.
fn random(seed: u64, wave: Option<&std::path::Path>) -> Result<(), AdapterFault> {
    let mut bench = Bench::reset(seed, wave, STALLS[seed as usize % 2])?;
    let bench = &mut bench;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |limit: usize| rng.next_u32() as usize % limit.max(1);
    bench.write(offset::PUSH_TIMER_CYCLES, [4000, 20_000, 100_000][below(3)])?;
    bench.bring_up()?;
    let window = [1, 10, 200, 1500][below(4)];
    let mut peer = Peer::open(bench, below(16) as u16, window as u32)?;
    for _ in 0..120 {
        match below(10) {
            0..4 if peer.posted.len() < 5 => {
                let mut sizes: Vec<_> = (0..1 + below(4))
                    .map(|_| {
                        let most = [8, 100, 1200][below(3)];
                        (below(16) as u64, 1 + below(most))
                    })
                    .collect();
                let push = below(2) == 0;
                if below(8) != 0 {
                    sizes[0].1 += window;
                }
                peer.post(bench, &sizes, push)?;
            }
            0..8 => {
                // The ring has room once all that was sent before lies in host memory or waits.
                let most = [20, 200, 1460][below(3)];
                let length = 1 + below(most);
                let flags = if below(4) == 0 { PSH } else { 0 };
                if peer.room(bench) >= length {
                    peer.send(bench, length, flags);
                }
            }
            8 => {
                let pending = peer.pending;
                if peer.posted.is_empty() && pending > 0 {
                    let bytes = 1 + below(pending);
                    peer.acknowledge(bench, bytes)?;
                }
            }
            _ if peer.posted.len() + peer.returned.len() > 0 && below(3) == 0 => {
                let request = match peer.posted.len() {
                    0 => peer.returned[below(peer.returned.len())].request,
                    many => peer.posted[below(many)].request,
                };
                peer.cancel(bench, request)?;
            }
            _ => {}
        }
        peer.run(bench, [0, 30, 700][below(3)])?;
    }
    // All that the peer sent arrives, once there is room for it.
    peer.window = 1 << 20;
    bench.command(&Command::SetIndicateWindowSize {
        connection: peer.connection,
        bytes: 1 << 20,
    })?;
    peer.run(bench, 6000)?;
    for _ in 0..20 {
        if peer.at >= peer.sent && peer.posted.is_empty() {
            break;
        }
        let pending = peer.pending;
        if !peer.posted.is_empty() {
            let request = peer.posted[0].request;
            peer.cancel(bench, request)?;
        } else if pending > 0 {
            peer.acknowledge(bench, pending)?;
        }
        peer.run(bench, 3000)?;
    }
    for counter in [Counter::SegmentsTrimmed, Counter::SegmentsBeyondWindow] {
        assert_eq!(
            bench.counter(counter)?,
            0,
            "the peer sent more than there was room for"
        );
    }
    assert_eq!((peer.at, peer.posted.len()), (peer.sent, 0));
    match below(3) {
        0 => peer.send(bench, 0, FIN),
        1 => peer.send(bench, 0, RST),
        _ => {}
    }
    let connection = peer.connection;
    bench.command(&Command::Upload { connection })?;
    peer.run(bench, 6000)?;
    assert!(peer.uploaded);
    assert_eq!(peer.cancels.len(), 0);
    Ok(())
}

// B12, B25 to B32
#[test]
fn whatever_is_posted_cancelled_and_sent_every_byte_is_in_its_place_once() {
    trials("named_random", 0..60, random);
}
