//! The RTL and the driver together, behaviour by behaviour: what the tests of neither can show.

mod stage;
mod toe_bench;

use stage::{PUSH_TIMER, SOON, accept, completion, play, small, told};
use toe_bench::{FIN, RST};
use toe_driver::registers::{Command, offset};
use toe_driver::{
    AcknowledgePolicy, Error, Fraction, IndicateWindowSize, Parameters, Reason, Received,
    Registers, Source,
};

const PSH: u8 = 8;

fn window(bytes: u64) -> IndicateWindowSize {
    IndicateWindowSize::new(bytes).expect("a window")
}

// B1, B2, B5, B7, B8
#[test]
fn the_window_of_a_connection_is_filled_exactly_whatever_its_size() {
    play(
        "together_window",
        || small(500),
        |stage| async move {
            for bytes in [1, 63, 64, 65, 900] {
                let (mut connection, mut peer) = stage.offload(Some(bytes)).await;
                assert_eq!(connection.indicate_window_size().source, Source::Connection);
                assert_eq!(connection.statistics().indicated_bytes, 0);
                peer.send(bytes as usize + 100, 0);
                stage.wait(SOON).await;
                let lengths = stage.log.indicated(&connection);
                assert_eq!(lengths.iter().sum::<u64>(), bytes, "{lengths:?}");
                assert_eq!(connection.statistics().indicated_bytes, bytes);
                accept(&mut connection, bytes as usize + 100).await;
            }
        },
    );
}

// B2, B3
#[test]
fn without_any_setting_the_window_is_the_adapter_s_own() {
    let nothing = || Parameters {
        anonymous_buffers: Some(8),
        event_ring_entries: Some(16),
        ..Parameters::default()
    };
    play("together_default", nothing, |stage| async move {
        let ours = &stage.driver.settings().indicate_window_size;
        assert_eq!(ours.source, Source::ResetValue);
        let bus = stage.world.bus();
        let theirs = Registers::read(&bus, offset::INDICATE_WINDOW_SIZE).await;
        assert_eq!(theirs, Ok(ours.value.get()));
        let (connection, _) = stage.offload(None).await;
        assert_eq!(connection.indicate_window_size().source, Source::ResetValue);
        let told = stage
            .log
            .commands()
            .into_iter()
            .find_map(|command| match command {
                Command::Offload {
                    indicate_window_size,
                    ..
                } => Some(indicate_window_size),
                _ => None,
            });
        assert_eq!(told, Some(ours.value.get()));
    });
}

// B4
#[test]
fn an_adapter_that_is_up_has_the_window_and_the_whole_pool() {
    play(
        "together_up",
        || small(777),
        |stage| async move {
            assert_eq!(stage.log.granted(), 32);
            let bus = stage.world.bus();
            let read = async |offset| Registers::read(&bus, offset).await;
            assert_eq!(read(offset::INDICATE_WINDOW_SIZE).await, Ok(777));
            assert_eq!(read(offset::ANONYMOUS_BUFFER_BYTES).await, Ok(64));
            // Ready: the first connection gets its bytes.
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(300, 0);
            accept(&mut connection, 300).await;
        },
    );
}

// B6
#[test]
fn an_upload_hands_back_what_is_held_and_what_is_placed() {
    play(
        "together_upload",
        || small(100),
        |stage| async move {
            for (posted, pushes) in [
                (&[][..], false),
                (&[500][..], false),
                (&[150, 50, 900][..], true),
            ] {
                let (connection, mut peer) = stage.offload(None).await;
                peer.send(700, 0);
                stage.wait(SOON).await;
                for &bytes in posted {
                    let buffer = stage.buffer(&[bytes]);
                    connection.post(buffer, pushes).expect("the stream goes on");
                }
                stage.wait(SOON).await;
                let uploaded = connection.upload().await.expect("the upload");
                assert_eq!(uploaded.accepted.get(), 0);
                assert!(
                    uploaded.undelivered == toe_bench::pattern(0, 700),
                    "{posted:?}"
                );
            }
        },
    );
}

// B9
#[test]
fn a_connection_with_a_full_window_holds_nobody_up() {
    play(
        "together_held",
        || small(200),
        |stage| async move {
            let (mut slow, mut to_slow) = stage.offload(None).await;
            let (mut fast, mut to_fast) = stage.offload(None).await;
            to_slow.send(3_000, 0);
            to_fast.send(3_000, 0);
            accept(&mut fast, 3_000).await;
            assert_eq!(slow.statistics().indicated_bytes, 200);
            accept(&mut slow, 3_000).await;
        },
    );
}

// B10
#[test]
fn what_the_adapter_holds_is_not_lost_and_comes_as_the_window_opens() {
    play(
        "together_ring",
        || small(64),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(4_096, 0); // All that the adapter has memory for.
            stage.wait(SOON).await;
            assert_eq!(connection.statistics().indicated_bytes, 64);
            accept(&mut connection, 4_096).await;
            peer.send(500, 0);
            accept(&mut connection, 500).await;
        },
    );
}

// B11, B13, B14
#[test]
fn the_policy_says_when_the_window_is_opened_again() {
    let fraction = Fraction::new(0.25).expect("a fraction");
    let policies = [
        (AcknowledgePolicy::WindowFull, 400..=400),
        (AcknowledgePolicy::AtFraction(fraction), 100..=400),
        (AcknowledgePolicy::EveryAcceptance, 1..=400),
    ];
    for (policy, allowed) in policies {
        let parameters = || Parameters {
            acknowledge: Some(policy),
            ..small(400)
        };
        let allowed = allowed.clone();
        play("together_policy", parameters, move |stage| {
            let allowed = allowed.clone();
            async move {
                let (mut connection, mut peer) = stage.offload(None).await;
                peer.send(2_000, 0);
                let mut left = 2_000;
                while left > 0 {
                    left -= told(&mut connection, Some(64)).await.min(64);
                }
                stage.wait(SOON).await;
                let bytes = stage.log.acknowledged();
                assert!(
                    bytes.iter().all(|bytes| allowed.contains(bytes)),
                    "{bytes:?}"
                );
                // Less than the least may still be to acknowledge.
                let behind = 2_000 - bytes.iter().sum::<u32>();
                assert!(behind < *allowed.start(), "{bytes:?}");
            }
        });
    }
}

// B12, B25
#[test]
fn acceptance_opens_the_window_without_an_acknowledgement() {
    play(
        "together_accepted",
        || small(100),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(400, 0);
            stage.wait(SOON).await;
            let buffer = stage.buffer(&[7, 64, 300, 629]);
            connection.post(buffer, false).expect("the stream goes on");
            peer.send(700, 0);
            let completion = completion(&mut connection).await;
            assert_eq!((completion.bytes, completion.reason), (1_000, Reason::Full));
            stage.wait(SOON).await;
            let statistics = connection.statistics();
            assert_eq!((statistics.copied_bytes, statistics.dma_bytes), (100, 900));
            assert_eq!(statistics.acknowledges, 0);
            assert_eq!(statistics.indicated_bytes, 200, "a whole window again");
        },
    );
}

// B15
#[test]
fn a_new_window_of_a_live_connection_counts_at_once() {
    play(
        "together_resize",
        || small(100),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(1_000, 0);
            stage.wait(SOON).await;
            assert_eq!(connection.statistics().indicated_bytes, 100);
            connection
                .set_indicate_window_size(window(300))
                .expect("it is live");
            stage.wait(SOON).await;
            assert_eq!(connection.statistics().indicated_bytes, 300);
            connection
                .set_indicate_window_size(window(50))
                .expect("it is live");
            stage.wait(SOON).await;
            assert_eq!(
                connection.statistics().indicated_bytes,
                300,
                "more is pending"
            );
            accept(&mut connection, 1_000).await;
            stage.wait(SOON).await;
            let lengths = stage.log.indicated(&connection);
            let behind = &lengths[lengths.len() - 14..];
            assert!(behind.iter().all(|&length| length <= 50), "{lengths:?}");
        },
    );
}

// B16, B17, B20
#[test]
fn the_application_is_told_once_and_what_arrives_meanwhile_queues() {
    play(
        "together_told",
        || small(1_000),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(100, 0);
            stage.wait(SOON).await;
            let Ok(Received::Data(indication)) = connection.receive().await else {
                panic!("data is told");
            };
            assert_eq!(indication.length(), 100);
            peer.send(200, 0);
            stage.wait(SOON).await;
            assert_eq!(indication.length(), 100);
            indication.accept(100).expect("the answer");
            assert_eq!(connection.statistics().notifications, 1);
            assert_eq!(connection.statistics().queued_bytes(), 200);
            assert_eq!(told(&mut connection, Some(200)).await, 200);
        },
    );
}

// B18, B19, B26
#[test]
fn small_buffers_are_filled_by_copy_from_a_pool_that_goes_round() {
    play(
        "together_small",
        || small(1_000),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            // Three times as much as the pool holds.
            for round in 0..12 {
                connection
                    .post(stage.buffer(&[300, 212]), false)
                    .expect("the stream goes on");
                peer.send(512, 0);
                let completion = completion(&mut connection).await;
                assert_eq!((completion.bytes, completion.reason), (512, Reason::Full));
                assert_eq!(completion.offset.get(), round * 512);
            }
            let statistics = connection.statistics();
            assert_eq!((statistics.copied_bytes, statistics.dma_bytes), (6_144, 0));
            stage.wait(SOON).await;
            assert!(stage.log.granted() >= 32 + 64, "{}", stage.log.granted());
        },
    );
}

// B21
#[test]
fn what_is_accepted_in_part_or_not_at_all_stays() {
    play(
        "together_answers",
        || small(1_000),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(300, 0);
            stage.wait(SOON).await;
            assert_eq!(told(&mut connection, Some(70)).await, 300);
            assert_eq!(told(&mut connection, None).await, 230);
            // Not told again, whatever arrives, until a buffer is posted.
            peer.send(100, 0);
            stage.wait(SOON).await;
            assert_eq!(connection.statistics().notifications, 2);
            connection
                .post(stage.buffer(&[200]), false)
                .expect("the stream goes on");
            let completion = completion(&mut connection).await;
            assert_eq!((completion.offset.get(), completion.bytes), (70, 200));
            assert_eq!(told(&mut connection, Some(130)).await, 130);
        },
    );
}

// B22
#[test]
fn a_request_of_zero_bytes_brings_the_next_notification() {
    play(
        "together_zero",
        || small(1_000),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            peer.send(10, 0);
            stage.wait(SOON).await;
            assert_eq!(told(&mut connection, None).await, 10);
            connection.post_zero_bytes().expect("the stream goes on");
            let zero = completion(&mut connection).await;
            assert_eq!((zero.bytes, zero.reason), (0, Reason::DataQueued));
            assert_eq!(told(&mut connection, Some(10)).await, 10);
            // Posted first, it waits for the data.
            connection.post_zero_bytes().expect("the stream goes on");
            stage.wait(SOON).await;
            peer.send(20, 0);
            let zero = completion(&mut connection).await;
            assert_eq!((zero.bytes, zero.offset.get()), (0, 10));
            assert_eq!(told(&mut connection, Some(20)).await, 20);
        },
    );
}

// B23, B25, B26, B28
#[test]
fn requests_of_every_size_complete_in_the_order_of_the_stream() {
    play(
        "together_order",
        || small(100),
        |stage| async move {
            let (mut connection, mut peer) = stage.offload(None).await;
            let mut posted = Vec::new();
            for pages in [
                &[150][..],
                &[20, 400],
                &[30],
                &[1, 1, 1],
                &[101],
                &[64, 64],
                &[900],
            ] {
                let buffer = stage.buffer(pages);
                let bytes = buffer.length();
                let request = connection.post(buffer, false).expect("the stream goes on");
                posted.push((request, bytes));
            }
            peer.send(1_000, 0);
            stage.wait(SOON).await;
            peer.send(950, 0);
            let mut at = 0;
            for (request, bytes) in posted {
                let done = completion(&mut connection).await;
                let all = (done.request, done.bytes, done.reason, done.offset.get());
                assert_eq!(all, (request, bytes.min(1_950), Reason::Full, at));
                at += bytes;
            }
            accept(&mut connection, (1_950 - at) as usize).await;
            let statistics = connection.statistics();
            assert!(
                statistics.dma_bytes > 0 && statistics.copied_bytes > 0,
                "{statistics:?}"
            );
        },
    );
}

// B24, B27
#[test]
fn every_request_completes_once_when_the_connection_closes_or_is_reset() {
    for flag in [FIN, RST] {
        play(
            "together_end",
            || small(100),
            move |stage| async move {
                let (mut connection, mut peer) = stage.offload(None).await;
                for bytes in [500, 300, 50] {
                    connection
                        .post(stage.buffer(&[bytes]), false)
                        .expect("it is open");
                }
                connection.post_zero_bytes().expect("it is open");
                peer.send(20, 0);
                stage.wait(SOON).await;
                peer.send(0, flag);
                for bytes in [20, 0, 0, 0] {
                    let done = completion(&mut connection).await;
                    assert_eq!((done.bytes, done.reason), (bytes, Reason::Ended));
                }
                let id = connection.id();
                match connection.receive().await {
                    Ok(Received::Closed) => assert_eq!(flag, FIN),
                    Err(error) => {
                        assert_eq!((flag, error), (RST, Error::PeerReset { connection: id }))
                    }
                    Ok(_) => panic!("more after the end"),
                }
                assert_eq!(connection.statistics().completions, 4);
            },
        );
    }
}

// B27
#[test]
fn a_cancelled_buffer_comes_back_with_what_it_has_from_whoever_has_it() {
    play(
        "together_cancel",
        || small(100),
        |stage| async move {
            for (bytes, sent) in [(1_000, 0), (1_000, 300), (50, 20), (50, 0)] {
                let (mut connection, mut peer) = stage.offload(None).await;
                let request = connection
                    .post(stage.buffer(&[bytes]), false)
                    .expect("it is open");
                let behind = connection
                    .post(stage.buffer(&[bytes]), false)
                    .expect("it is open");
                peer.send(sent, 0);
                stage.wait(SOON).await;
                for request in [behind, request] {
                    connection.cancel(request).expect("it is posted");
                }
                stage.wait(SOON).await;
                let mut done = [
                    completion(&mut connection).await,
                    completion(&mut connection).await,
                ];
                done.sort_by_key(|done| done.bytes);
                assert_eq!(done.each_ref().map(|done| done.bytes), [0, sent as u64]);
                assert!(
                    done.iter().all(|done| done.reason == Reason::Cancelled),
                    "{done:?}"
                );
                peer.send(70, 0);
                accept(&mut connection, 70).await;
            }
        },
    );
}

// B29, B31
#[test]
fn a_psh_returns_a_buffer_in_push_mode_from_whoever_fills_it() {
    play(
        "together_push",
        || small(100),
        |stage| async move {
            for bytes in [1_000, 90] {
                let (mut connection, mut peer) = stage.offload(None).await;
                for push_mode in [true, false] {
                    connection
                        .post(stage.buffer(&[bytes]), push_mode)
                        .expect("it is open");
                }
                peer.send(30, 0);
                stage.wait(SOON).await;
                assert_eq!(connection.requests(), 2);
                peer.send(20, PSH);
                let done = completion(&mut connection).await;
                assert_eq!((done.bytes, done.reason), (50, Reason::Push));
                // Without Push Mode it waits until it is full.
                peer.send(60, PSH);
                stage.wait(SOON).await;
                assert_eq!(connection.requests(), 1);
                peer.send(bytes as usize - 60, 0);
                let done = completion(&mut connection).await;
                assert_eq!((done.bytes, done.reason), (bytes.into(), Reason::Full));
            }
        },
    );
}

// B30, B31, B32
#[test]
fn the_push_timer_returns_a_partly_full_buffer_from_whoever_fills_it() {
    play(
        "together_timer",
        || small(100),
        |stage| async move {
            for bytes in [1_000, 90] {
                let (mut connection, mut peer) = stage.offload(None).await;
                connection
                    .post(stage.buffer(&[bytes]), true)
                    .expect("it is open");
                connection
                    .post(stage.buffer(&[bytes]), false)
                    .expect("it is open");
                let mut latest = 0;
                for _ in 0..2 {
                    peer.send(20, 0);
                    latest = stage.world.cycle();
                    stage.wait(PUSH_TIMER * 3 / 4).await;
                    assert_eq!(connection.requests(), 2, "data came");
                }
                let done = completion(&mut connection).await;
                assert_eq!((done.bytes, done.reason), (40, Reason::Timeout));
                let after = stage.world.cycle() - latest;
                assert!(
                    (PUSH_TIMER..PUSH_TIMER * 9 / 4).contains(&after),
                    "{after} cycles"
                );
                // Without Push Mode nothing runs, and what ran before is harmless.
                peer.send(20, 0);
                stage.wait(PUSH_TIMER / 2).await;
                assert_eq!(connection.requests(), 1);
            }
        },
    );
}
