//! The driver's half of the indicate window: indicatedBytes, acknowledgements, window changes.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Bench, FIRST, bytes, offload, settle, small, window};
use toe_driver::registers::Command;
use toe_driver::{AcknowledgePolicy, Fraction, Offload, Parameters, Source};
use tokio::io::AsyncReadExt;

fn acknowledged(commands: &[Command]) -> Vec<u32> {
    let bytes = |command: &Command| match *command {
        Command::IndicateAcknowledge {
            acknowledged_bytes, ..
        } => Some(acknowledged_bytes),
        _ => None,
    };
    commands.iter().filter_map(bytes).collect()
}

// B13
#[tokio::test(start_paused = true)]
async fn a_full_window_is_acknowledged_when_all_of_it_is_accepted() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(130));
            settle().await;
            assert_eq!(bench.adapter.pending(connection.id()), 100);
            assert_eq!(bench.adapter.held(connection.id()), 30);
            bench.adapter.commands();

            let indication = connection.indication().await.unwrap().unwrap();
            assert_eq!(indication.length(), 100);
            indication.accept(99).unwrap();
            settle().await;
            assert_eq!(acknowledged(&bench.adapter.commands()), []);
            connection
                .indication()
                .await
                .unwrap()
                .unwrap()
                .accept(1)
                .unwrap();
            settle().await;
            assert_eq!(acknowledged(&bench.adapter.commands()), [100]);
            assert_eq!(bench.adapter.pending(connection.id()), 30);
            let statistics = connection.statistics();
            assert_eq!(
                (statistics.acknowledges, statistics.acknowledged_bytes),
                (1, 100)
            );
        })
        .await;
}

// B13
#[tokio::test(start_paused = true)]
async fn a_window_that_is_not_full_is_not_acknowledged() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.commands();
            bench.adapter.receive(connection.id(), &bytes(99));
            settle().await;
            let indication = connection.indication().await.unwrap().unwrap();
            indication.accept(99).unwrap();
            settle().await;
            assert_eq!(acknowledged(&bench.adapter.commands()), []);
            // The one byte that is left of the window fills it.
            bench.adapter.receive(connection.id(), &bytes(10));
            settle().await;
            let indication = connection.indication().await.unwrap().unwrap();
            assert_eq!(indication.length(), 1);
            indication.accept(1).unwrap();
            settle().await;
            assert_eq!(acknowledged(&bench.adapter.commands()), [100]);
        })
        .await;
}

// B14
#[tokio::test(start_paused = true)]
async fn every_acceptance_is_acknowledged_where_the_policy_says_so() {
    let parameters = Parameters {
        acknowledge: Some(AcknowledgePolicy::EveryAcceptance),
        ..small(100)
    };
    let bench = Bench::new(parameters).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.commands();
            bench.adapter.receive(connection.id(), &bytes(50));
            for accepted in [7, 1, 42] {
                settle().await;
                let indication = connection.indication().await.unwrap().unwrap();
                indication.accept(accepted).unwrap();
            }
            settle().await;
            assert_eq!(acknowledged(&bench.adapter.commands()), [7, 1, 42]);
        })
        .await;
}

// B14
#[tokio::test(start_paused = true)]
async fn a_fraction_of_the_window_is_acknowledged_where_the_policy_says_so() {
    let parameters = Parameters {
        acknowledge: Some(AcknowledgePolicy::AtFraction(Fraction::new(0.5).unwrap())),
        ..small(99)
    };
    let bench = Bench::new(parameters).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.commands();
            bench.adapter.receive(connection.id(), &bytes(99));
            for accepted in [49, 1, 49] {
                settle().await;
                let indication = connection.indication().await.unwrap().unwrap();
                indication.accept(accepted).unwrap();
            }
            settle().await;
            assert_eq!(acknowledged(&bench.adapter.commands()), [50]);
        })
        .await;
}

// B14: acknowledgements that wait for room in the command queue are sent as one.
#[tokio::test(start_paused = true)]
async fn acknowledgements_that_wait_are_joined() {
    let parameters = Parameters {
        acknowledge: Some(AcknowledgePolicy::EveryAcceptance),
        ..small(1000)
    };
    let bench = Bench::new(parameters).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.commands();
            bench.adapter.receive(connection.id(), &bytes(100));
            settle().await;
            for _ in 0..100 {
                // No turn for the driver between two of them.
                connection
                    .indication()
                    .await
                    .unwrap()
                    .unwrap()
                    .accept(1)
                    .unwrap();
            }
            settle().await;
            let sent = acknowledged(&bench.adapter.commands());
            assert_eq!(sent.iter().sum::<u32>(), 100);
            assert!(sent.len() <= 2, "{sent:?}");
        })
        .await;
}

// B15
#[tokio::test(start_paused = true)]
async fn a_smaller_window_acknowledges_what_now_is_a_full_one() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(50));
            settle().await;
            connection
                .indication()
                .await
                .unwrap()
                .unwrap()
                .accept(50)
                .unwrap();
            bench.adapter.commands();
            connection.set_indicate_window_size(window(10)).unwrap();
            assert_eq!(connection.indicate_window_size().value, window(10));
            settle().await;
            let id = connection.id().get();
            assert_eq!(
                bench.adapter.commands(),
                [
                    Command::SetIndicateWindowSize {
                        connection: id,
                        bytes: 10
                    },
                    Command::IndicateAcknowledge {
                        connection: id,
                        acknowledged_bytes: 50
                    },
                ]
            );
            bench.adapter.receive(connection.id(), &bytes(50));
            settle().await;
            assert_eq!(bench.adapter.pending(connection.id()), 10);
        })
        .await;
}

// B15
#[tokio::test(start_paused = true)]
async fn a_smaller_window_waits_until_enough_is_acknowledged() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(150));
            settle().await;
            connection.set_indicate_window_size(window(20)).unwrap();
            settle().await;
            assert_eq!(bench.adapter.pending(connection.id()), 100);
            let mut all = vec![0; 150];
            connection.read_exact(&mut all).await.unwrap();
            assert_eq!(all, bytes(150));
        })
        .await;
}

// B2, B3
#[tokio::test(start_paused = true)]
async fn a_connection_s_own_window_wins() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let own = Offload {
                indicate_window_size: Some(window(7)),
                ..offload(1)
            };
            let own = bench.driver.offload(own).await.unwrap();
            let other = bench.driver.offload(offload(2)).await.unwrap();
            assert_eq!(own.indicate_window_size().source, Source::Connection);
            assert_eq!(other.indicate_window_size().source, Source::UserInterface);
            for connection in [&own, &other] {
                bench.adapter.receive(connection.id(), &bytes(200));
            }
            settle().await;
            assert_eq!(bench.adapter.pending(own.id()), 7);
            assert_eq!(bench.adapter.pending(other.id()), 100);
        })
        .await;
}

// B13: any window, any lengths, any policy: the stream goes on and its bytes are the peer's.
#[tokio::test(start_paused = true)]
async fn no_window_and_no_policy_changes_the_bytes() {
    for policy in ["window-full", "0.3", "1", "every-acceptance"] {
        for window_bytes in [1, 7, 64, 100, 1460, 65_536] {
            let parameters = Parameters {
                acknowledge: Some(policy.parse().unwrap()),
                ..small(window_bytes)
            };
            let bench = Bench::new(parameters).await;
            bench
                .run(async {
                    let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                    let sent = bytes(3000);
                    for part in sent.chunks(371) {
                        bench.adapter.receive(connection.id(), part);
                    }
                    bench.adapter.finish(connection.id());
                    let mut read = Vec::new();
                    connection.read_to_end(&mut read).await.unwrap();
                    assert_eq!(read, sent, "window {window_bytes}, {policy}");
                    let uploaded = connection.upload().await.unwrap();
                    assert_eq!(uploaded.receive_next, FIRST.wrapping_add(3001));
                    assert_eq!(uploaded.statistics.copied_bytes, 3000);
                })
                .await;
        }
    }
}
