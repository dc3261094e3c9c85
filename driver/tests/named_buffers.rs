//! Named Buffers between application, driver and adapter.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Bench, bytes, offload, settle, small, window};
use toe_driver::mock::Memory;
use toe_driver::registers::Command;
use toe_driver::{Completion, Connection, Error, Parameters, Policy, Reason, Received};
use tokio::io::AsyncReadExt;

async fn completion(connection: &mut Connection<Memory>) -> Completion<Memory> {
    match connection.receive().await.unwrap() {
        Received::Completed(completion) => completion,
        Received::Data(indication) => panic!("told of {} bytes", indication.length()),
        Received::Closed => panic!("closed"),
    }
}

fn posted(commands: &[Command]) -> Vec<(u32, u16, bool)> {
    let posted = |command: &Command| match *command {
        Command::PostNamedBuffer {
            bytes,
            request,
            last_page,
            ..
        } => Some((bytes, request, last_page)),
        _ => None,
    };
    commands.iter().filter_map(posted).collect()
}

// B25, B27
#[tokio::test(start_paused = true)]
async fn a_large_buffer_is_filled_by_the_adapter() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let request = connection
                .post(bench.driver.named_buffer(1000).unwrap(), false)
                .unwrap();
            settle().await;
            assert_eq!(bench.adapter.named_buffers(connection.id()), 1);
            bench.adapter.receive(connection.id(), &bytes(1500));
            let completion = completion(&mut connection).await;
            assert_eq!((completion.request, completion.bytes), (request, 1000));
            assert_eq!(completion.reason, Reason::Full);
            assert_eq!(completion.offset.get(), 0);
            assert!(completion.content().await.unwrap() == bytes(1000));
            let statistics = connection.statistics();
            assert_eq!((statistics.dma_bytes, statistics.copied_bytes), (1000, 0));
            assert_eq!(
                bench.adapter.pending(connection.id()),
                100,
                "the next go under the window"
            );
        })
        .await;
}

// B12, B25: the driver copies what is in the window while the adapter places what follows.
#[tokio::test(start_paused = true)]
async fn what_is_in_the_window_is_copied_to_the_head() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(400));
            settle().await;
            assert_eq!(bench.adapter.pending(connection.id()), 100);
            let buffer = bench
                .driver
                .scattered_named_buffer([7, 64, 300, 1, 28])
                .unwrap();
            connection.post(buffer, false).unwrap();
            let completion = completion(&mut connection).await;
            assert!(completion.content().await.unwrap() == bytes(400));
            let statistics = connection.statistics();
            assert_eq!((statistics.dma_bytes, statistics.copied_bytes), (300, 100));
            assert_eq!(
                statistics.acknowledges, 0,
                "acceptance opens the window (B12)"
            );
            assert_eq!(bench.adapter.pending(connection.id()), 0);
        })
        .await;
}

// B28
#[tokio::test(start_paused = true)]
async fn buffers_fill_in_the_order_posted() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.commands();
            let mut requests = Vec::new();
            for pages in [&[150][..], &[90, 90], &[50], &[200], &[60]] {
                let buffer = bench
                    .driver
                    .scattered_named_buffer(pages.iter().copied())
                    .unwrap();
                requests.push(connection.post(buffer, false).unwrap());
            }
            settle().await;
            assert_eq!(
                posted(&bench.adapter.commands()),
                [(150, 0, true), (90, 1, false), (90, 1, true)],
                "behind the small one, the others stay"
            );
            bench.adapter.receive(connection.id(), &bytes(640));
            let mut all = Vec::new();
            for request in requests {
                let completion = completion(&mut connection).await;
                assert_eq!(
                    (completion.request, completion.reason),
                    (request, Reason::Full)
                );
                all.extend(completion.content().await.unwrap());
            }
            assert!(all == bytes(640));
        })
        .await;
}

// B28: more pages than the adapter can hold stay with the driver.
#[tokio::test(start_paused = true)]
async fn no_more_pages_are_posted_than_the_adapter_can_hold() {
    let bench = Bench::new(small(10)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            for _ in 0..7 {
                let buffer = bench.driver.scattered_named_buffer([8; 5]).unwrap();
                connection.post(buffer, false).unwrap();
            }
            let buffer = bench.driver.scattered_named_buffer([2; 20]).unwrap();
            connection.post(buffer, false).unwrap();
            settle().await;
            assert_eq!(
                bench.adapter.named_buffers(connection.id()),
                3,
                "of 16 pages"
            );
            bench.adapter.receive(connection.id(), &bytes(320));
            let mut all = Vec::new();
            for _ in 0..8 {
                all.extend(completion(&mut connection).await.content().await.unwrap());
            }
            assert!(all == bytes(320));
        })
        .await;
}

// B18
#[tokio::test(start_paused = true)]
async fn an_anonymous_buffer_copied_out_is_the_adapter_s_again() {
    let bench = Bench::new(small(1000)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(900));
            settle().await;
            connection
                .post(bench.driver.named_buffer(900).unwrap(), false)
                .unwrap();
            assert_eq!(completion(&mut connection).await.reason, Reason::Full);
            settle().await;
            assert!(bench.adapter.anonymous_buffers() > 16 - 16 / 8);
        })
        .await;
}

// B21: an answer later, and a buffer posted meanwhile.
#[tokio::test(start_paused = true)]
async fn an_answer_may_come_later() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(300));
            settle().await;
            let Ok(Received::Data(indication)) = connection.receive().await else {
                panic!("no data");
            };
            connection
                .post(bench.driver.named_buffer(200).unwrap(), false)
                .unwrap();
            settle().await;
            assert_eq!(
                bench.adapter.named_buffers(connection.id()),
                0,
                "until the answer"
            );
            indication.accept(100).unwrap();
            let completion = completion(&mut connection).await;
            assert_eq!(completion.offset.get(), 100);
            assert!(completion.content().await.unwrap() == bytes(300)[100..]);
        })
        .await;
}

// B21
#[tokio::test(start_paused = true)]
async fn what_is_declined_waits_for_a_buffer() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(40));
            let Ok(Received::Data(indication)) = connection.receive().await else {
                panic!("no data");
            };
            indication.decline().unwrap();
            bench.adapter.receive(connection.id(), b"x");
            let wait =
                tokio::time::timeout(std::time::Duration::from_secs(9), connection.receive());
            assert!(wait.await.is_err(), "not indicated again");
            connection
                .post(bench.driver.named_buffer(41).unwrap(), false)
                .unwrap();
            assert_eq!(completion(&mut connection).await.bytes, 41);
        })
        .await;
}

// B27
#[tokio::test(start_paused = true)]
async fn a_cancelled_buffer_comes_back_with_what_it_has() {
    let bench = Bench::new(small(10)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let post = |bytes| {
                let buffer = bench.driver.named_buffer(bytes).unwrap();
                connection.post(buffer, false).unwrap()
            };
            let (first, second, small) = (post(50), post(50), post(5));
            bench.adapter.receive(connection.id(), &bytes(20));
            settle().await;
            for request in [small, second, first] {
                connection.cancel(request).unwrap();
                if request != small {
                    connection.cancel(request).unwrap(); // Once asked, it is asked.
                }
            }
            settle().await;
            for (request, bytes) in [(small, 0), (second, 0), (first, 20)] {
                let completion = completion(&mut connection).await;
                assert_eq!((completion.request, completion.bytes), (request, bytes));
                assert_eq!(completion.reason, Reason::Cancelled);
                let connection_id = connection.id();
                assert_eq!(
                    connection.cancel(request),
                    Err(Error::NotPosted {
                        connection: connection_id
                    })
                );
            }
            assert_eq!(connection.statistics().refused_calls, 3);
            bench.adapter.receive(connection.id(), b"on");
            assert_eq!(
                connection.read_u16().await.unwrap(),
                0x6f6e,
                "nothing else is disturbed"
            );
        })
        .await;
    assert_eq!(bench.driver.statistics().refused_calls, 3);
}

// B27: a cancel that crosses with the return changes nothing.
#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_late_is_harmless() {
    let bench = Bench::new(small(10)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let request = connection
                .post(bench.driver.named_buffer(50).unwrap(), false)
                .unwrap();
            settle().await;
            bench.adapter.receive(connection.id(), &bytes(50));
            connection.cancel(request).unwrap(); // The event has not been seen yet.
            let completion = completion(&mut connection).await;
            assert_eq!((completion.bytes, completion.reason), (50, Reason::Full));
            settle().await;
            connection
                .post(bench.driver.named_buffer(50).unwrap(), false)
                .unwrap();
            bench.adapter.receive(connection.id(), &bytes(50));
            assert!(matches!(
                connection.receive().await,
                Ok(Received::Completed(_))
            ));
        })
        .await;
}

// B24
#[tokio::test(start_paused = true)]
async fn every_request_completes_when_the_peer_closes_or_resets() {
    for reset in [false, true] {
        let bench = Bench::new(small(10)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                for bytes in [50, 50, 5] {
                    connection
                        .post(bench.driver.named_buffer(bytes).unwrap(), false)
                        .unwrap();
                }
                connection.post_zero_bytes().unwrap();
                bench.adapter.receive(connection.id(), &bytes(20));
                settle().await;
                match reset {
                    true => bench.adapter.reset(connection.id()),
                    false => bench.adapter.finish(connection.id()),
                }
                for bytes in [20, 0, 0, 0] {
                    let completion = completion(&mut connection).await;
                    assert_eq!(
                        (completion.bytes, completion.reason),
                        (bytes, Reason::Ended)
                    );
                }
                let id = connection.id();
                match connection.receive().await {
                    Ok(Received::Closed) => assert!(!reset),
                    Err(error) => assert_eq!(error, Error::PeerReset { connection: id }),
                    _ => panic!("more after the end"),
                }
                let refused = connection.post(bench.driver.named_buffer(5).unwrap(), false);
                assert_eq!(
                    *refused.unwrap_err().error,
                    Error::StreamEnded { connection: id }
                );
            })
            .await;
    }
}

// B6, B24
#[tokio::test(start_paused = true)]
async fn an_upload_loses_nothing_that_is_in_a_named_buffer() {
    let bench = Bench::new(small(10)).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            for bytes in [15, 50, 5, 50] {
                connection
                    .post(bench.driver.named_buffer(bytes).unwrap(), false)
                    .unwrap();
            }
            bench.adapter.receive(connection.id(), &bytes(30));
            settle().await;
            let uploaded = connection.upload().await.unwrap();
            assert_eq!(uploaded.accepted.get(), 0);
            assert_eq!(uploaded.undelivered, bytes(30));
        })
        .await;
    bench.driver.clone().shut_down().await.unwrap();
    assert_eq!(bench.memory.allocated_bytes(), 0);
}

// B24: nobody takes the completions, and the memory comes back all the same.
#[tokio::test(start_paused = true)]
async fn a_connection_dropped_gives_its_buffers_back() {
    let bench = Bench::new(small(10)).await;
    let before = bench.memory.allocated_bytes();
    bench
        .run(async {
            for (port, sent) in [(1, 0), (2, 8), (3, 40), (4, 70)] {
                let connection = bench.driver.offload(offload(port)).await.unwrap();
                bench.adapter.receive(connection.id(), &bytes(sent));
                for bytes in [50, 5, 50] {
                    connection
                        .post(bench.driver.named_buffer(bytes).unwrap(), true)
                        .unwrap();
                }
                for _ in 0..port * 3 {
                    tokio::task::yield_now().await;
                }
                drop(connection);
            }
            settle().await;
            assert_eq!(bench.driver.free_connections(), 4);
        })
        .await;
    assert_eq!(bench.memory.allocated_bytes(), before);
}

// Bytes are never in two owners' hands, whatever the allocator says.
#[tokio::test(start_paused = true)]
async fn a_buffer_that_overlaps_one_posted_is_refused() {
    let bench = Bench::new(small(10)).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            connection
                .post(bench.driver.named_buffer(128).unwrap(), false)
                .unwrap();
            bench.memory.answer_again(64);
            let other = bench.driver.offload(offload(2)).await.unwrap();
            let refused = other
                .post(bench.driver.named_buffer(20).unwrap(), false)
                .unwrap_err();
            assert!(matches!(*refused.error, Error::Overlap { bytes: 20, .. }));
            assert!(!refused.error.is_misbehaviour());
            assert_eq!(other.statistics().refused_calls, 1);
            std::mem::forget(refused); // The memory is the other's.
            let fresh = bench.driver.named_buffer(128).unwrap();
            other.post(fresh, false).unwrap();
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_buffer_without_bytes_is_refused() {
    let bench = Bench::new(small(10)).await;
    let before = bench.memory.allocated_bytes();
    for pages in [&[][..], &[0], &[5, 0]] {
        let refused = bench.driver.scattered_named_buffer(pages.iter().copied());
        assert_eq!(refused.err(), Some(Error::EmptyPage));
    }
    assert_eq!(bench.memory.allocated_bytes(), before);
    let buffer = bench.driver.scattered_named_buffer([5, 6]).unwrap();
    assert_eq!(buffer.length(), 11);
    let outside = buffer.read(10, &mut [0; 2]).await;
    assert_eq!(
        outside,
        Err(Error::OutsideBuffer {
            place: 11,
            length: 11
        })
    );
}

// B15, B26
#[tokio::test(start_paused = true)]
async fn a_window_made_smaller_never_lets_a_posting_be_refused() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(150));
            connection.set_indicate_window_size(window(10)).unwrap();
            for bytes in [60, 60, 30] {
                connection
                    .post(bench.driver.named_buffer(bytes).unwrap(), false)
                    .unwrap();
            }
            let mut all = Vec::new();
            for _ in 0..3 {
                all.extend(completion(&mut connection).await.content().await.unwrap());
            }
            assert!(all == bytes(150));
        })
        .await;
}

// B50 to B52
#[tokio::test(start_paused = true)]
async fn the_policies_differ_in_what_is_delivered_and_in_what_is_copied() {
    for (policy, pending, placed) in [
        (Policy::Indicate, 600, 2000),
        (Policy::HoldOff, 100, 2500),
        (Policy::Copy, 2000, 0),
    ] {
        let parameters = Parameters {
            policy: Some(policy),
            segment_bytes: Some(100),
            anonymous_buffers: Some(64),
            ..small(600)
        };
        let bench = Bench::new(parameters).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                let sent = bytes(2600);
                bench.adapter.receive(connection.id(), &sent[..2000]);
                settle().await;
                assert_eq!(bench.adapter.pending(connection.id()), pending, "{policy}");
                connection
                    .post(bench.driver.named_buffer(2600).unwrap(), false)
                    .unwrap();
                settle().await;
                bench.adapter.receive(connection.id(), &sent[2000..]);
                let completion = completion(&mut connection).await;
                assert!(completion.content().await.unwrap() == sent);
                let statistics = connection.statistics();
                assert_eq!(statistics.dma_bytes, placed, "{policy}");
                assert_eq!(statistics.copied_bytes, 2600 - placed);
            })
            .await;
    }
}
