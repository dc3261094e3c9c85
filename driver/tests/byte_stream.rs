//! The byte stream over Named Buffers: ordinary reads, direct placement.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Bench, bytes, offload, settle, small};
use toe_driver::{Parameters, Policy};
use tokio::io::AsyncReadExt;

fn parameters() -> Parameters {
    Parameters {
        named_buffer_bytes: Some(4000),
        named_buffers_ahead: Some(3),
        anonymous_buffer_bytes: Some(1000),
        ..small(1000)
    }
}

// B25: the bytes are placed by the adapter.
#[tokio::test(start_paused = true)]
async fn a_large_read_posts_named_buffers() {
    let bench = Bench::new(parameters()).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let mut stream = connection.into_stream();
            let sent = bytes(100_000);
            let feed = async {
                for part in sent.chunks(1460) {
                    bench.adapter.receive(id, part);
                    for _ in 0..30 {
                        tokio::task::yield_now().await; // Time for the driver.
                    }
                }
                bench.adapter.finish(id);
            };
            let mut all: Vec<u8> = Vec::new();
            let read = async {
                let mut some = vec![0; 16_384];
                loop {
                    match stream.read(&mut some).await.unwrap() {
                        0 => break,
                        length => all.extend(&some[..length]),
                    }
                }
            };
            tokio::join!(read, feed);
            assert!(all == sent);
            let statistics = stream.watch().statistics();
            assert_eq!(statistics.dma_bytes + statistics.copied_bytes, 100_000);
            assert!(statistics.copied_bytes <= 5000, "{statistics:?}");
            assert_eq!(stream.upload().await.unwrap().accepted.get(), 100_000);
        })
        .await;
    bench.driver.clone().shut_down().await.unwrap();
    assert_eq!(bench.memory.allocated_bytes(), 0);
}

// B29: a reader is not kept waiting for a buffer to fill.
#[tokio::test(start_paused = true)]
async fn a_push_wakes_a_large_read() {
    let bench = Bench::new(parameters()).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let mut stream = connection.into_stream();
            let mut some = vec![0; 20_000];
            for turn in 0..20 {
                let sent = bytes(1 + turn * 37);
                let read = async {
                    settle().await;
                    bench.adapter.receive_segment(id, &sent, true);
                };
                let (length, ()) = tokio::join!(stream.read(&mut some), read);
                assert_eq!(some[..length.unwrap()], sent);
            }
        })
        .await;
}

// B25, B26: any mixture of small and large reads, cancelled or not, under any policy.
#[tokio::test(start_paused = true)]
async fn any_reads_give_the_peer_s_bytes() {
    for policy in [Policy::Indicate, Policy::HoldOff, Policy::Copy] {
        let parameters = Parameters {
            policy: Some(policy),
            segment_bytes: Some(700),
            ..parameters()
        };
        let bench = Bench::new(parameters).await;
        bench
            .run(async {
                let connection = bench.driver.offload(offload(1)).await.unwrap();
                let id = connection.id();
                let mut stream = connection.into_stream();
                let sent = bytes(60_000);
                let mut all: Vec<u8> = Vec::new();
                let mut fed = 0;
                for turn in 0.. {
                    let next = sent.len().min(fed + 300 * (turn % 5));
                    bench
                        .adapter
                        .receive_segment(id, &sent[fed..next], turn % 3 == 0);
                    if fed < sent.len() && next == sent.len() {
                        bench.adapter.finish(id);
                    }
                    fed = next;
                    let mut some = vec![0; [1, 50, 9000, 3, 20_000, 8192][turn % 6]];
                    let read =
                        tokio::time::timeout(Duration::from_millis(1), stream.read(&mut some));
                    match read.await {
                        Err(_) => {}
                        Ok(length) => match length.unwrap() {
                            0 => break,
                            length => all.extend(&some[..length]),
                        },
                    }
                }
                assert!(all == sent, "{policy}: {} bytes", all.len());
            })
            .await;
    }
}

// B6
#[tokio::test(start_paused = true)]
async fn an_upload_hands_back_what_was_not_read() {
    let bench = Bench::new(parameters()).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let mut stream = connection.into_stream();
            let sent = bytes(30_000);
            let mut first = vec![0; 8192];
            let feed = async { bench.adapter.receive(id, &sent) };
            let (length, ()) = tokio::join!(stream.read(&mut first), feed);
            let mut some = [0; 100];
            stream.read_exact(&mut some).await.unwrap();
            let read = length.unwrap() + 100;
            let uploaded = stream.upload().await.unwrap();
            assert_eq!(uploaded.accepted.get(), read as u64);
            assert!(uploaded.undelivered == sent[read..]);
        })
        .await;
}

// B37
#[tokio::test(start_paused = true)]
async fn a_reset_comes_after_the_bytes_before_it() {
    let bench = Bench::new(parameters()).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let mut stream = connection.into_stream();
            let mut some = vec![0; 16_384];
            let feed = async {
                settle().await;
                bench.adapter.receive(id, &bytes(5000));
                bench.adapter.reset(id);
            };
            let (first, ()) = tokio::join!(stream.read(&mut some), feed);
            assert_eq!(first.unwrap(), 4000);
            assert_eq!(stream.read(&mut some).await.unwrap(), 1000);
            let error = stream.read(&mut some).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        })
        .await;
}
