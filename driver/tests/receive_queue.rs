//! The per-connection queue, notifications and answers, and the way of a buffer back to the adapter.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Bench, bytes, offload, settle, small};
use toe_driver::{Error, Parameters};
use tokio::io::AsyncReadExt;

// B16, B17
#[tokio::test(start_paused = true)]
async fn what_arrives_while_the_application_thinks_only_queues() {
    let bench = Bench::new(small(1000)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            bench.adapter.receive(id, &bytes(100)[..10]);
            let indication = connection.indication().await.unwrap().unwrap();
            bench.adapter.receive(id, &bytes(100)[10..]);
            settle().await;
            assert_eq!(indication.length(), 10);
            let mut all = [0; 100];
            assert_eq!(
                indication.copy(&mut all).await,
                Ok(10),
                "no more than was indicated"
            );
            indication.accept(10).unwrap();
            let indication = connection.indication().await.unwrap().unwrap();
            assert_eq!((indication.length(), indication.offset().get()), (90, 10));
            assert_eq!(indication.copy(&mut all[10..]).await, Ok(90));
            assert_eq!(all, bytes(100)[..]);
        })
        .await;
}

// B20, B21
#[tokio::test(start_paused = true)]
async fn what_is_accepted_in_part_is_indicated_anew_from_there() {
    let bench = Bench::new(small(1000)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(200));
            settle().await;
            let mut place = 0;
            for part in [1, 62, 1, 70, 0, 66] {
                let indication = connection.indication().await.unwrap().unwrap();
                assert_eq!(indication.offset().get(), place as u64);
                assert_eq!(indication.length(), 200 - place);
                let mut copied = vec![0; part];
                assert_eq!(indication.copy(&mut copied).await, Ok(part));
                assert_eq!(copied, bytes(200)[place..place + part]);
                indication.accept(part).unwrap();
                place += part;
            }
            assert_eq!(place, 200);
            assert_eq!(connection.statistics().accepted_bytes, 200);
        })
        .await;
}

// B21
#[tokio::test(start_paused = true)]
async fn what_is_not_answered_stays() {
    let bench = Bench::new(small(1000)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(70));
            settle().await;
            assert!(connection.indication().await.unwrap().is_some());
            let indication = connection.indication().await.unwrap().unwrap();
            assert_eq!(
                indication.accept(71),
                Err(Error::AcceptedTooMuch {
                    bytes: 71,
                    indicated: 70
                })
            );
            let mut all = Vec::new();
            connection.read_buf(&mut all).await.unwrap();
            connection.read_buf(&mut all).await.unwrap();
            assert_eq!(all, bytes(70));
        })
        .await;
}

// B22
#[tokio::test(start_paused = true)]
async fn a_read_of_nothing_waits_for_data_and_takes_none() {
    let bench = Bench::new(small(1000)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let early = tokio::time::timeout(Duration::from_millis(5), connection.read(&mut []));
            assert!(early.await.is_err(), "there is no data to tell of");
            bench.adapter.receive(id, b"x");
            assert_eq!(connection.read(&mut []).await.unwrap(), 0);
            assert_eq!(connection.statistics().accepted_bytes, 0);
            assert_eq!(connection.read_u8().await.unwrap(), b'x');
        })
        .await;
}

// B18
#[tokio::test(start_paused = true)]
async fn an_emptied_buffer_goes_back_to_the_adapter() {
    let bench = Bench::new(small(1 << 20)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let sent = bytes(100_000);
            bench.adapter.receive(connection.id(), &sent);
            bench.adapter.finish(connection.id());
            let mut read = Vec::new();
            connection.read_to_end(&mut read).await.unwrap();
            assert!(read == sent);
            settle().await;
            // All but what is not worth a command yet: a batch is an eighth of the pool.
            assert!(bench.adapter.anonymous_buffers() > 16 - 16 / 8);
        })
        .await;
    let grants = bench.driver.statistics().grants;
    assert!(
        grants < 100_000 / 64 / 2,
        "{grants} grants: they are batched"
    );
}

// B18: reading in any steps, cancelled or not, takes every byte once.
#[tokio::test(start_paused = true)]
async fn a_read_that_is_cancelled_loses_nothing() {
    let bench = Bench::new(small(200)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let sent = bytes(5000);
            bench.adapter.receive(connection.id(), &sent);
            bench.adapter.finish(connection.id());
            let mut read = Vec::new();
            for turn in 0.. {
                let mut some = vec![0; 1 + turn % 90];
                let polls = turn % 4;
                let cancelled = async {
                    for _ in 0..polls {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    biased;
                    count = connection.read(&mut some) => match count.unwrap() {
                        0 => break,
                        count => read.extend(&some[..count]),
                    },
                    () = cancelled => {
                        // Half of the time, the other interface takes a byte in between.
                        if turn % 2 == 0
                            && let Some(indication) = connection.indication().await.unwrap()
                        {
                            let mut one = [0];
                            indication.copy(&mut one).await.unwrap();
                            indication.accept(1).unwrap();
                            read.extend(one);
                        }
                    }
                }
            }
            assert!(read == sent);
        })
        .await;
}

// B9: the slow one's data moves to the driver's memory, and the other connection goes on.
#[tokio::test(start_paused = true)]
async fn an_application_that_takes_nothing_does_not_starve_the_others() {
    let bench = Bench::new(small(5000)).await;
    bench
        .run(async {
            let mut slow = bench.driver.offload(offload(1)).await.unwrap();
            let mut quick = bench.driver.offload(offload(2)).await.unwrap();
            bench.adapter.receive(slow.id(), &bytes(6000));
            settle().await;
            assert_eq!(
                bench.adapter.pending(slow.id()),
                5000,
                "more than the pool has"
            );
            bench.adapter.receive(quick.id(), &bytes(20_000));
            let mut all = vec![0; 20_000];
            quick.read_exact(&mut all).await.unwrap();
            assert!(all == bytes(20_000));
            assert!(bench.driver.statistics().relieved_bytes > 0);
            let mut all = vec![0; 6000];
            slow.read_exact(&mut all).await.unwrap();
            assert!(all == bytes(6000));
            assert_eq!(slow.statistics().copied_bytes, 6000, "each byte once");
        })
        .await;
}

// B9: a pool of one buffer is slow, and works.
#[tokio::test(start_paused = true)]
async fn one_buffer_and_a_ring_of_two_are_enough() {
    let parameters = Parameters {
        anonymous_buffers: Some(1),
        anonymous_buffer_bytes: Some(1),
        event_ring_entries: Some(2),
        ..small(7)
    };
    let bench = Bench::new(parameters).await;
    bench
        .run(async {
            let mut connections = Vec::new();
            for port in 0..4 {
                let connection = bench.driver.offload(offload(port)).await.unwrap();
                bench.adapter.receive(connection.id(), &bytes(100));
                connections.push(connection);
            }
            for connection in &mut connections {
                let mut all = [0; 100];
                connection.read_exact(&mut all).await.unwrap();
                assert_eq!(all, bytes(100)[..]);
            }
        })
        .await;
}

// B9, B18: a connection that ended still gives its buffers up when others need them.
#[tokio::test(start_paused = true)]
async fn data_that_is_left_after_a_reset_does_not_starve_the_others() {
    let bench = Bench::new(small(5000)).await;
    bench
        .run(async {
            let mut ended = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(ended.id(), &bytes(900));
            settle().await;
            bench.adapter.reset(ended.id());
            settle().await;
            assert_eq!(bench.driver.free_connections(), 4);
            let mut other = bench.driver.offload(offload(2)).await.unwrap();
            bench.adapter.receive(other.id(), &bytes(5000));
            let mut all = vec![0; 5000];
            other.read_exact(&mut all).await.unwrap();
            let mut all = vec![0; 900];
            ended.read_exact(&mut all).await.unwrap();
            assert!(all == bytes(900));
        })
        .await;
}

// B33
#[tokio::test(start_paused = true)]
async fn frames_for_the_host_arrive_whole_and_in_order() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut frames = bench.driver.host_frames();
            let sent: Vec<_> = (60..=128).map(bytes).collect();
            for frame in &sent {
                bench.adapter.frame(frame);
            }
            for frame in &sent {
                assert_eq!(&frames.receive().await.unwrap(), frame);
            }
            settle().await;
            assert_eq!(bench.adapter.host_frame_buffers(), 4);
            let waiting = frames.receive();
            assert!(
                tokio::time::timeout(Duration::from_millis(5), waiting)
                    .await
                    .is_err()
            );
            bench.adapter.frame(&sent[3]);
            assert_eq!(frames.receive().await.unwrap(), sent[3]);
        })
        .await;
    assert_eq!(bench.driver.statistics().host_frames, 70);
}

// B23: any number of waits for one thing, each answered.
#[tokio::test(start_paused = true)]
async fn every_watch_of_a_connection_is_told() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let watches = [connection.watch(), connection.watch(), connection.watch()];
            let told = async {
                tokio::join!(watches[0].closed(), watches[1].closed(), watches[2].reset())
            };
            let end = async {
                settle().await;
                bench.adapter.finish(connection.id());
                settle().await;
                bench.adapter.reset(connection.id());
            };
            assert_eq!(tokio::join!(told, end).0, (true, true, true));
        })
        .await;
}
