//! Offload, upload, and how a connection ends.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::io::ErrorKind;
use std::time::Duration;

use common::{Bench, FIRST, Seen, bytes, offload, settle, small};
use toe_driver::registers::{Command, Event, OffloadStatus};
use toe_driver::{Error, Offload};
use tokio::io::AsyncReadExt;

// B5
#[tokio::test(start_paused = true)]
async fn an_offload_tells_addresses_ports_sequence_number_and_window() {
    let bench = Bench::new(small(100)).await;
    bench.adapter.commands();
    bench
        .run(async {
            let connection = bench.driver.offload(offload(40_000)).await.unwrap();
            let statistics = connection.statistics();
            assert_eq!(
                (statistics.indicated_bytes, statistics.accepted_bytes),
                (0, 0)
            );
        })
        .await;
    assert_eq!(
        bench.adapter.commands(),
        [
            Command::SetSourceAddress {
                address: [0, 0, 0, 0xc000_0201]
            },
            Command::SetDestinationAddress {
                address: [0, 0, 0, 0xc633_6402]
            },
            Command::Offload {
                connection: 0,
                destination_port: 80,
                source_port: 40_000,
                receive_next: FIRST.get(),
                indicate_window_size: 100,
                ipv6: false,
            },
        ]
    );
}

// B5
#[tokio::test(start_paused = true)]
async fn an_ipv6_address_goes_first_byte_first() {
    let bench = Bench::new(small(100)).await;
    bench.adapter.commands();
    let over_ipv6 = Offload {
        source: "[2001:db8::1]:1".parse().unwrap(),
        destination: "[fe80::1:2]:2".parse().unwrap(),
        ..offload(1)
    };
    bench
        .run(async { drop(bench.driver.offload(over_ipv6).await.unwrap()) })
        .await;
    let commands = bench.adapter.commands();
    assert_eq!(
        commands[..2],
        [
            Command::SetSourceAddress {
                address: [0x2001_0db8, 0, 0, 1]
            },
            Command::SetDestinationAddress {
                address: [0xfe80_0000, 0, 0, 0x0001_0002]
            },
        ]
    );
    assert!(matches!(commands[2], Command::Offload { ipv6: true, .. }));
}

// B5
#[tokio::test(start_paused = true)]
async fn what_cannot_be_offloaded_is_refused_and_changes_nothing() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mixed = Offload {
                source: "[::1]:1".parse().unwrap(),
                ..offload(1)
            };
            assert_eq!(
                bench.driver.offload(mixed).await.err(),
                Some(Error::MixedFamilies)
            );
            bench.adapter.answer_offload(Some(OffloadStatus::Duplicate));
            let declined = bench.driver.offload(offload(1)).await.err().unwrap();
            assert!(matches!(
                declined,
                Error::OffloadDeclined {
                    status: OffloadStatus::Duplicate,
                    ..
                }
            ));
            assert!(!declined.is_misbehaviour());
            let mut connections = Vec::new();
            for port in 0..4 {
                connections.push(bench.driver.offload(offload(port)).await.unwrap());
            }
            assert_eq!(
                bench.driver.offload(offload(5)).await.err(),
                Some(Error::NoFreeConnection { connections: 4 })
            );
            let mut numbers: Vec<u16> = connections.iter().map(|each| each.id().get()).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [0, 1, 2, 3]);
        })
        .await;
}

// B5
#[tokio::test(start_paused = true)]
async fn offloads_at_the_same_time_do_not_mix_their_addresses() {
    let bench = Bench::new(small(100)).await;
    bench.adapter.commands();
    bench
        .run(async {
            let (first, second) = tokio::join!(
                bench.driver.offload(offload(1)),
                bench.driver.offload(offload(2))
            );
            assert_ne!(first.unwrap().id(), second.unwrap().id());
        })
        .await;
    let commands = bench.adapter.commands();
    for three in commands[..6].chunks(3) {
        assert!(matches!(
            three,
            [
                Command::SetSourceAddress { .. },
                Command::SetDestinationAddress { .. },
                Command::Offload { .. }
            ]
        ));
    }
}

// B6
#[tokio::test(start_paused = true)]
async fn an_upload_hands_back_the_state_and_every_byte_not_accepted() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let sent = bytes(1000);
            bench.adapter.receive(id, &sent);
            connection
                .indication()
                .await
                .unwrap()
                .unwrap()
                .accept(30)
                .unwrap();
            let uploaded = connection.upload().await.unwrap();
            assert_eq!(uploaded.accepted.get(), 30);
            assert_eq!(uploaded.undelivered, sent[30..]);
            assert_eq!(uploaded.receive_next, FIRST.wrapping_add(1000));
            assert_eq!((uploaded.finished, uploaded.reset), (false, false));
            assert_eq!(uploaded.statistics.indicated_bytes, 100);
            assert_eq!(uploaded.statistics.uploaded_bytes, 900);
            assert_eq!(bench.driver.free_connections(), 4);
            settle().await;
            // Every buffer is the adapter's again.
            assert_eq!(bench.adapter.anonymous_buffers(), 16);
        })
        .await;
}

// B6
#[tokio::test(start_paused = true)]
async fn a_connection_goes_on_where_the_upload_ended() {
    let bench = Bench::new(small(50)).await;
    bench
        .run(async {
            let mut read = Vec::new();
            let mut next = FIRST;
            let sent = bytes(700);
            for part in sent.chunks(100) {
                let again = Offload {
                    receive_next: next,
                    ..offload(1)
                };
                let mut connection = bench.driver.offload(again).await.unwrap();
                bench.adapter.receive(connection.id(), part);
                let mut some = [0; 33];
                connection.read_exact(&mut some).await.unwrap();
                read.extend(some);
                let uploaded = connection.upload().await.unwrap();
                read.extend(uploaded.undelivered);
                next = uploaded.receive_next;
            }
            assert_eq!(read, sent);
            assert_eq!(bench.driver.statistics().uploads, 7);
        })
        .await;
}

// B6
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_a_connection_after_its_upload() {
    let bench = Bench::new(small(10)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(10));
            settle().await;
            bench.adapter.commands();
            let watch = connection.watch();
            bench.adapter.reset(connection.id());
            assert!(watch.reset().await);
            // The window is full and all of it accepted: but the adapter was asked for the rest already.
            connection
                .indication()
                .await
                .unwrap()
                .unwrap()
                .accept(10)
                .unwrap();
            assert!(matches!(
                connection.set_indicate_window_size(common::window(5)),
                Err(Error::NotOffloaded { .. })
            ));
            settle().await;
            let commands = bench.adapter.commands();
            assert!(
                matches!(commands[..], [Command::Upload { .. }]),
                "{commands:?}"
            );
        })
        .await;
}

// B6
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_dropped_is_uploaded_in_the_background() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let watch = connection.watch();
            bench.adapter.receive(connection.id(), &bytes(5000));
            settle().await;
            drop(connection);
            assert!(!watch.closed().await, "there was no FIN");
            settle().await;
            assert_eq!(bench.driver.free_connections(), 4);
            assert_eq!(bench.adapter.anonymous_buffers(), 16);
        })
        .await;
}

// B5
#[tokio::test(start_paused = true)]
async fn an_offload_that_is_cancelled_is_undone() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            bench.adapter.take_commands(false);
            let offloading = bench.driver.offload(offload(1));
            let cancelled = tokio::time::timeout(Duration::from_millis(1), offloading).await;
            assert!(cancelled.is_err());
            assert_eq!(bench.driver.free_connections(), 3);
            bench.adapter.take_commands(true);
            settle().await;
            assert_eq!(bench.driver.free_connections(), 4);
            assert!(matches!(
                bench.adapter.commands().last(),
                Some(Command::Upload { connection: 0 })
            ));
        })
        .await;
}

// B37
#[tokio::test(start_paused = true)]
async fn a_fin_is_the_end_of_the_stream_after_all_data() {
    let bench = Bench::new(small(20)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let watch = connection.watch();
            bench.adapter.receive(connection.id(), &bytes(50));
            bench.adapter.finish(connection.id());
            settle().await;
            assert!(!watch.is_closed(), "30 bytes before it wait for the window");
            let mut read = Vec::new();
            connection.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, bytes(50));
            assert!(watch.closed().await);
            assert!(connection.indication().await.unwrap().is_none());
            let uploaded = connection.upload().await.unwrap();
            assert!(uploaded.finished);
            assert_eq!(uploaded.receive_next, FIRST.wrapping_add(51));
        })
        .await;
}

// B37
#[tokio::test(start_paused = true)]
async fn a_reset_is_told_at_once_and_read_after_all_data() {
    let bench = Bench::new(small(20)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let watch = connection.watch();
            bench.adapter.receive(connection.id(), &bytes(300));
            bench.adapter.reset(connection.id());
            assert!(watch.reset().await);
            assert_eq!(watch.statistics().accepted_bytes, 0);
            let mut read = Vec::new();
            let error = connection.read_to_end(&mut read).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert_eq!(read, bytes(300));
            let indication = connection.indication().await;
            assert!(matches!(indication.err(), Some(Error::PeerReset { .. })));
            assert!(!watch.closed().await);
            let uploaded = connection.upload().await.unwrap();
            assert!(uploaded.reset && uploaded.undelivered.is_empty());
        })
        .await;
}

// B37
#[tokio::test(start_paused = true)]
async fn a_fin_in_order_makes_the_stream_whole_though_a_reset_follows() {
    let bench = Bench::new(small(20)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(300));
            bench.adapter.finish(connection.id());
            bench.adapter.reset(connection.id());
            let mut read = Vec::new();
            connection.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, bytes(300));
        })
        .await;
}

// B16: the observer sees an event before the application can, with the address of its buffer.
#[tokio::test(start_paused = true)]
async fn the_observer_sees_every_event_and_command_in_order() {
    let bench = Bench::new(small(64)).await;
    bench.log.take();
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), b"data");
            connection
                .indication()
                .await
                .unwrap()
                .unwrap()
                .accept(4)
                .unwrap();
            bench.adapter.finish(connection.id());
            connection.upload().await.unwrap();
        })
        .await;
    let seen = bench.log.take();
    let events: Vec<_> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Event(number, event, address) => Some((*number, *event, *address)),
            Seen::Command(_) => None,
        })
        .collect();
    assert!(
        events
            .iter()
            .zip(0..)
            .all(|((number, ..), expected)| *number == expected)
    );
    let (_, event, address) = events[1];
    assert_eq!(
        event,
        Event::IndicateData {
            connection: 0,
            buffer: 0,
            length: 4,
            push: false,
        }
    );
    let mut data = [0; 4];
    bench.memory.get(address.unwrap(), &mut data).unwrap();
    assert_eq!(&data, b"data");
    assert!(matches!(
        seen.first(),
        Some(Seen::Command(Command::SetSourceAddress { .. }))
    ));
    assert!(matches!(
        seen.last(),
        Some(Seen::Event(_, Event::Uploaded { connection: 0 }, None))
    ));
}
