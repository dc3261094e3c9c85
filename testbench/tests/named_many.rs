//! Named Buffers of several connections at once, in the whole adapter: nobody gets another's byte, buffer or event.

mod named_bench;
mod toe_bench;

use std::path::Path;

use named_bench::{PSH, Peer};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_bench::{Bench, FIN, RST};
use toe_driver::registers::{Command, Counter, Event, offset};
use toe_sim::adapter::AdapterFault;
use toe_sim::register_port::Access;
use toe_sim::stalls::StallProfile;
use toe_sim::trial::trials;

const STALLS: [StallProfile; 2] = [StallProfile::NONE, StallProfile::HEAVY];
const STEPS: usize = 250;

/// Whose event it is; `None` for one that is nobody's.
fn owner(event: &Event) -> Option<u16> {
    match *event {
        Event::IndicateData { connection, .. }
        | Event::UploadData { connection, .. }
        | Event::State { connection, .. }
        | Event::Uploaded { connection }
        | Event::PeerClosed { connection }
        | Event::PeerReset { connection }
        | Event::CommandRefused { connection, .. }
        | Event::NamedBufferAccepted { connection, .. }
        | Event::NamedBufferReturned { connection, .. } => Some(connection),
        Event::CommandsTaken => None,
        ref other => panic!("{other:?}"),
    }
}

/// Steps, and brings every event to its connection.
fn run(bench: &mut Bench, peers: &mut [Peer], cycles: u64) -> Result<(), AdapterFault> {
    for _ in 0..cycles.div_ceil(16) {
        bench.steps(16)?;
        while let Some(event) = bench.poll()? {
            bench.adapter.push_access(Access::Write {
                offset: offset::EVENT_CONSUMER,
                value: bench.consumer,
            });
            let Some(number) = owner(&event) else {
                continue;
            };
            let peer = peers.iter_mut().find(|peer| peer.connection == number);
            peer.expect("a connection that is open").take(bench, event);
        }
    }
    Ok(())
}

fn random(seed: u64, wave: Option<&Path>) -> Result<(), AdapterFault> {
    let mut bench = Bench::reset(seed, wave, STALLS[seed as usize % 2])?;
    let bench = &mut bench;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |limit: usize| rng.next_u32() as usize % limit.max(1);
    bench.write(
        offset::PUSH_TIMER_CYCLES,
        [4_000, 20_000, 100_000][below(3)],
    )?;
    bench.bring_up()?;
    let mut peers = Vec::new();
    let (many, stride) = (2 + below(5), [1, 3, 5][below(3)]);
    let first = below(16);
    for index in 0..many {
        let window = [1, 10, 200, 1_500][below(4)];
        let number = (first + index * stride) % 16;
        peers.push(Peer::open(bench, number as u16, window)?);
    }
    for _ in 0..STEPS {
        let chosen = below(many);
        let peer = &mut peers[chosen];
        match below(10) {
            0..4 if peer.posted.len() < 4 => {
                let mut sizes: Vec<_> = (0..1 + below(3))
                    .map(|_| {
                        let most = [8, 100, 1_200][below(3)];
                        (below(16) as u64, 1 + below(most))
                    })
                    .collect();
                if below(8) != 0 {
                    sizes[0].1 += peer.window;
                }
                peer.post(bench, &sizes, below(2) == 0)?;
            }
            0..8 => {
                let most = [20, 200, 1_460][below(3)];
                let length = 1 + below(most);
                let flags = if below(4) == 0 { PSH } else { 0 };
                if peer.room(bench) >= length {
                    peer.send(bench, length, flags);
                }
            }
            8 if peer.posted.is_empty() && peer.pending > 0 => {
                let bytes = 1 + below(peer.pending);
                peer.acknowledge(bench, bytes)?;
            }
            9 if !peer.posted.is_empty() && below(3) == 0 => {
                let request = peer.posted[below(peer.posted.len())].request;
                peer.cancel(bench, request)?;
            }
            _ => {}
        }
        run(bench, &mut peers, [0, 16, 300][below(3)])?;
    }
    finish(bench, &mut peers)?;
    for peer in &mut peers {
        match below(3) {
            0 => peer.send(bench, 0, FIN),
            1 => peer.send(bench, 0, RST),
            _ => {}
        }
        let connection = peer.connection;
        bench.command(&Command::Upload { connection })?;
    }
    run(bench, &mut peers, 8_000)?;
    assert!(
        peers
            .iter()
            .all(|peer| peer.uploaded && peer.cancels.is_empty())
    );
    Ok(())
}

/// All that was sent arrives, once there is room for it.
fn finish(bench: &mut Bench, peers: &mut [Peer]) -> Result<(), AdapterFault> {
    for peer in &mut *peers {
        peer.window = 1 << 20;
        let connection = peer.connection;
        bench.command(&Command::SetIndicateWindowSize {
            connection,
            bytes: 1 << 20,
        })?;
    }
    run(bench, peers, 6_000)?;
    for _ in 0..20 {
        for peer in &mut *peers {
            if let Some(request) = peer.posted.front().map(|posted| posted.request) {
                peer.cancel(bench, request)?;
            } else if peer.pending > 0 {
                let bytes = peer.pending;
                peer.acknowledge(bench, bytes)?;
            }
        }
        run(bench, peers, 2_000)?;
        if peers
            .iter()
            .all(|peer| peer.at >= peer.sent && peer.posted.is_empty())
        {
            break;
        }
    }
    for counter in [Counter::SegmentsTrimmed, Counter::SegmentsBeyondWindow] {
        assert_eq!(bench.counter(counter)?, 0, "there was room for all");
    }
    for peer in peers {
        assert_eq!(
            (peer.at, peer.posted.len()),
            (peer.sent, 0),
            "of {}",
            peer.connection
        );
    }
    Ok(())
}

// B6, B9, B12, B25 to B32
#[test]
fn connections_with_named_buffers_side_by_side_keep_theirs() {
    trials("named_many", 0..40, random);
}
