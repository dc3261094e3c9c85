//! Push Mode and the two Push Timers, on one time line.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Bench, bytes, offload, settle, small, sources};
use toe_driver::mock::{Adapter, Memory};
use toe_driver::registers::offset;
use toe_driver::{Completion, Connection, Driver, Parameters, Policy, Reason, Received};
use tokio::time::{Instant, sleep, timeout};

const TIMER: Duration = Duration::from_millis(500);

/// With the adapter's timer, and with the driver's.
const BOTH: [Policy; 2] = [Policy::Indicate, Policy::Copy];

fn parameters(policy: Policy) -> Parameters {
    Parameters {
        policy: Some(policy),
        ..small(100)
    }
}

async fn completion(connection: &mut Connection<Memory>) -> Completion<Memory> {
    match connection.receive().await.unwrap() {
        Received::Completed(completion) => completion,
        _ => panic!("no completion"),
    }
}

fn post(bench: &Bench, connection: &Connection<Memory>, bytes: u32, push_mode: bool) {
    connection
        .post(bench.driver.named_buffer(bytes).unwrap(), push_mode)
        .unwrap();
}

// B29
#[tokio::test(start_paused = true)]
async fn a_push_returns_the_buffer_however_full() {
    for policy in BOTH {
        let bench = Bench::new(parameters(policy)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                post(&bench, &connection, 1000, true);
                settle().await;
                bench
                    .adapter
                    .receive_segment(connection.id(), &bytes(70), false);
                let begun = Instant::now();
                bench
                    .adapter
                    .receive_segment(connection.id(), b"last", true);
                let completion = completion(&mut connection).await;
                assert_eq!(
                    (completion.bytes, completion.reason),
                    (74, Reason::Push),
                    "{policy}"
                );
                assert!(begun.elapsed() < TIMER);
            })
            .await;
    }
}

// B29: a PSH among the bytes that were skipped counts.
#[tokio::test(start_paused = true)]
async fn a_push_in_the_window_returns_the_buffer() {
    for policy in BOTH {
        let bench = Bench::new(parameters(policy)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                bench
                    .adapter
                    .receive_segment(connection.id(), b"all there is", true);
                settle().await;
                post(&bench, &connection, 1000, true);
                let completion = completion(&mut connection).await;
                assert_eq!(
                    (completion.bytes, completion.reason),
                    (12, Reason::Push),
                    "{policy}"
                );
                assert_eq!(completion.content().await.unwrap(), b"all there is");
            })
            .await;
    }
}

// B30
#[tokio::test(start_paused = true)]
async fn the_push_timer_runs_from_the_latest_data() {
    for policy in BOTH {
        let bench = Bench::new(parameters(policy)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                post(&bench, &connection, 1000, true);
                sleep(3 * TIMER).await; // Empty, it does not expire.
                let watch = connection.watch();
                let send = async {
                    for _ in 0..5 {
                        bench.adapter.receive(watch_id(), &bytes(10));
                        sleep(TIMER - Duration::from_millis(20)).await;
                    }
                    assert_eq!(watch.statistics().completions, 0);
                    Instant::now()
                };
                let (completion, latest) = tokio::join!(completion(&mut connection), send);
                assert_eq!(
                    (completion.bytes, completion.reason),
                    (50, Reason::Timeout),
                    "{policy}"
                );
                let late = latest.elapsed();
                assert!((18..=25).contains(&late.as_millis()), "{policy}: {late:?}");
            })
            .await;
    }
}

fn watch_id() -> toe_driver::ConnectionId {
    toe_driver::ConnectionId::new(0)
}

// B30, B31
#[tokio::test(start_paused = true)]
async fn without_push_mode_a_partly_full_buffer_waits() {
    for policy in BOTH {
        let bench = Bench::new(parameters(policy)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                post(&bench, &connection, 1000, false);
                settle().await;
                bench
                    .adapter
                    .receive_segment(connection.id(), &bytes(70), true);
                let wait = timeout(10 * TIMER, connection.receive()).await.is_err();
                assert!(wait, "{policy}");
                bench
                    .adapter
                    .receive_segment(connection.id(), &bytes(930), true);
                assert_eq!(completion(&mut connection).await.reason, Reason::Full);
            })
            .await;
    }
}

// B19, B32
#[tokio::test(start_paused = true)]
async fn a_full_buffer_stops_its_push_timer() {
    for policy in BOTH {
        let bench = Bench::new(parameters(policy)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                post(&bench, &connection, 101, true);
                bench.adapter.receive(connection.id(), &bytes(50));
                sleep(TIMER / 2).await;
                bench.adapter.receive(connection.id(), &bytes(51));
                assert_eq!(
                    completion(&mut connection).await.reason,
                    Reason::Full,
                    "{policy}"
                );
                // The timer of the first must not return the second.
                post(&bench, &connection, 101, true);
                bench.adapter.receive(connection.id(), &bytes(1));
                let early = timeout(TIMER - Duration::from_millis(2), connection.receive())
                    .await
                    .is_err();
                assert!(early, "{policy}");
                assert_eq!(completion(&mut connection).await.reason, Reason::Timeout);
            })
            .await;
    }
}

// B32
#[tokio::test(start_paused = true)]
async fn a_cancel_stops_the_push_timer() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let request = connection
                .post(bench.driver.named_buffer(50).unwrap(), true)
                .unwrap();
            bench.adapter.receive(connection.id(), &bytes(5));
            sleep(TIMER / 2).await;
            connection.cancel(request).unwrap();
            let completion = completion(&mut connection).await;
            assert_eq!(
                (completion.bytes, completion.reason),
                (5, Reason::Cancelled)
            );
            sleep(2 * TIMER).await;
            assert_eq!(connection.statistics().completions, 1);
        })
        .await;
}

// B29: the next buffer begins behind the push.
#[tokio::test(start_paused = true)]
async fn every_push_has_its_buffer() {
    for policy in BOTH {
        let bench = Bench::new(parameters(policy)).await;
        bench
            .run(async {
                let mut connection = bench.driver.offload(offload(1)).await.unwrap();
                for _ in 0..4 {
                    post(&bench, &connection, 200, true);
                }
                settle().await;
                for length in [10, 64, 1, 90] {
                    bench
                        .adapter
                        .receive_segment(connection.id(), &bytes(length), true);
                }
                for length in [10, 64, 1, 90] {
                    let completion = completion(&mut connection).await;
                    assert_eq!(
                        (completion.bytes, completion.reason),
                        (length, Reason::Push)
                    );
                }
            })
            .await;
    }
}

// B30, B32: one setting, in the adapter's cycles and on the driver's clock.
#[tokio::test(start_paused = true)]
async fn both_push_timers_come_from_one_setting() {
    for (milliseconds, cycles) in [(500, 78_125_000), (1, 156_250), (27_000, 4_218_750_000_u32)] {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        let parameters = Parameters {
            push_timer: Some(Duration::from_millis(milliseconds)),
            ..small(100)
        };
        let driver = Driver::new(adapter.clone(), memory);
        let driver = driver.bring_up(&sources(parameters)).await.unwrap();
        assert_eq!(adapter.register(offset::PUSH_TIMER_CYCLES), cycles);
        assert_eq!(
            driver.settings().push_timer.value,
            Duration::from_millis(milliseconds)
        );
    }
    let memory = Memory::new();
    let adapter = Adapter::new(4, memory.clone());
    adapter.set_register(offset::CLOCK_PERIOD_PICOSECONDS, 1000);
    let parameters = Parameters {
        push_timer: Some(Duration::from_secs(20)),
        ..small(100)
    };
    let error = Driver::new(adapter, memory)
        .bring_up(&sources(parameters))
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("push_timer_ms = 20000 is out of range"),
        "{error}"
    );
}
