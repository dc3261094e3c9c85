//! Whatever an adapter says, the driver neither panics nor hangs nor reads outside what it was given, and what it
//! tells applications is what came.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Bench, bytes, offload, settle, small, sources};
use proptest::collection::vec;
use proptest::prelude::*;
use toe_driver::mock::{Adapter, Memory};
use toe_driver::registers::{Event, OffloadStatus, Refusal, ReturnReason, StateField};
use toe_driver::{BusError, Driver, Error, Parameters, Received};
use tokio::io::AsyncReadExt;

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future);
}

/// A connection, a buffer or a length that is often the right one.
fn likely(right: std::ops::Range<u16>) -> impl Strategy<Value = u16> + Clone {
    prop_oneof![8 => right, 1 => any::<u16>()]
}

fn event() -> impl Strategy<Value = Event> {
    let data = (likely(0..3), likely(0..16), likely(1..65));
    prop_oneof![
        6 => data.clone().prop_map(|(connection, buffer, length)| Event::IndicateData { connection, buffer, length, push: false }),
        2 => data.prop_map(|(connection, buffer, length)| Event::UploadData { connection, buffer, length }),
        2 => (likely(0..4), likely(60..129)).prop_map(|(buffer, length)| Event::HostFrame { buffer, length }),
        1 => likely(0..3).prop_map(|connection| Event::Offloaded { connection, status: OffloadStatus::Ok }),
        1 => (likely(0..3), any::<u32>(), any::<bool>()).prop_map(|(connection, content, flags)| {
            let field = if flags { StateField::Flags } else { StateField::ReceiveNext };
            Event::State { connection, content, field }
        }),
        1 => likely(0..3).prop_map(|connection| Event::Uploaded { connection }),
        1 => likely(0..3).prop_map(|connection| Event::PeerClosed { connection }),
        1 => likely(0..3).prop_map(|connection| Event::PeerReset { connection }),
        2 => Just(Event::CommandsTaken),
        2 => (likely(0..3), prop_oneof![3 => Just(0), 2 => 0..400u32, 1 => any::<u32>()])
            .prop_map(|(connection, skipped)| Event::NamedBufferAccepted { connection, skipped }),
        3 => (likely(0..3), prop_oneof![3 => 0..500u32, 1 => any::<u32>()], 0..5usize).prop_map(|(connection, bytes, reason)| {
            use ReturnReason::*;
            let reason = [Full, Push, Timeout, Cancelled, Ended][reason];
            Event::NamedBufferReturned { connection, bytes, reason }
        }),
        1 => (likely(0..3), likely(0..4)).prop_map(|(connection, request)| Event::CommandRefused {
            connection,
            opcode: 10,
            reason: Refusal::NotPosted,
            request,
        }),
    ]
}

/// What the adapter writes next.
#[derive(Clone, Debug)]
enum Say {
    /// An event in its turn.
    Event(Event),
    /// Any word, in its turn.
    Word(u64),
    /// Any word with any phase.
    Raw(u64),
    /// Data for a connection, in order.
    Receive(u16, usize),
    /// The application posts a buffer.
    Post(u16, u32, bool),
    /// The application cancels what it posted last.
    Cancel(u16),
    /// The adapter accepts Named Buffers by itself, or does not.
    Accepts(bool),
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        10 => event().prop_map(Say::Event),
        1 => any::<u64>().prop_map(Say::Word),
        1 => any::<u64>().prop_map(Say::Raw),
        4 => (0..3u16, 1..600u32, any::<bool>()).prop_map(|(connection, bytes, push)| Say::Post(connection, bytes, push)),
        1 => (0..3u16).prop_map(Say::Cancel),
        1 => any::<bool>().prop_map(Say::Accepts),
        6 => (0..3u16, 1..300usize).prop_map(|(connection, length)| Say::Receive(connection, length)),
    ]
}

proptest! {
    #[test]
    fn any_events_end_in_data_or_in_an_error(script in vec(say(), 1..60), window in 1..300u64) {
        block_on(async {
            let bench = Bench::new(small(window)).await;
            let users = async {
                let mut connections = Vec::new();
                for port in 0..3 {
                    match bench.driver.offload(offload(port)).await {
                        Ok(connection) => connections.push(connection),
                        Err(_) => return,
                    }
                }
                let mut frames = bench.driver.host_frames();
                let mut latest = [None; 3];
                for say in script {
                    match say {
                        Say::Event(event) => bench.adapter.send(event),
                        Say::Word(word) => bench.adapter.send_word(word),
                        Say::Raw(word) => bench.adapter.send_raw(word),
                        Say::Receive(connection, length) => {
                            let id = connections[usize::from(connection)].id();
                            bench.adapter.receive(id, &bytes(length));
                        }
                        Say::Post(connection, bytes, push) => {
                            let buffer = bench.driver.named_buffer(bytes).unwrap();
                            let posted = connections[usize::from(connection)].post(buffer, push);
                            latest[usize::from(connection)] = posted.ok();
                        }
                        Say::Cancel(connection) => {
                            if let Some(request) = latest[usize::from(connection)] {
                                let _ = connections[usize::from(connection)].cancel(request);
                            }
                        }
                        Say::Accepts(accepts) => bench.adapter.accept_buffers(accepts),
                    }
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    let mut some = [0; 100];
                    for connection in &mut connections {
                        let next = tokio::time::timeout(Duration::from_micros(1), connection.receive());
                        if let Ok(Ok(Received::Completed(completion))) = next.await {
                            let _ = completion.content().await;
                        }
                        let read = connection.read(&mut some);
                        let _ = tokio::time::timeout(Duration::from_micros(1), read).await;
                    }
                    let _ = tokio::time::timeout(Duration::from_micros(1), frames.receive()).await;
                }
                for connection in connections {
                    let _ = connection.upload().await;
                }
            };
            let ended = async {
                tokio::select! {
                    biased;
                    result = bench.driver.run() => Some(result.err().unwrap()),
                    () = users => None,
                }
            };
            let error = tokio::time::timeout(Duration::from_secs(60), ended).await.expect("no hang");
            if let Some(error) = error {
                assert!(error.is_misbehaviour());
                // Every address came from a grant: memory never complained.
                assert!(!matches!(error, Error::Bus(BusError::NotAllocated { .. })), "{error}");
                assert!(!error.to_string().is_empty());
            }
            bench.driver.clone().shut_down().await.unwrap();
            assert_eq!(bench.memory.allocated_bytes(), 0);
        });
    }

    #[test]
    fn any_register_contents_end_in_a_driver_or_in_an_error(
        lies in vec((0..64u32, prop_oneof![Just(0), Just(1), Just(u32::MAX), any::<u32>()]), 0..6),
    ) {
        block_on(async {
            let memory = Memory::new();
            let adapter = Adapter::new(4, memory.clone());
            for (register, value) in lies {
                adapter.lie(4 * register, value);
            }
            let driver = Driver::new(adapter.clone(), memory.clone());
            match driver.bring_up(&sources(small(100))).await {
                Ok(driver) => drop(driver.shut_down().await),
                Err(error) => {
                    let named = matches!(&error, Error::BringUp { .. });
                    assert!(named, "{error}");
                }
            }
        });
    }

    #[test]
    fn any_obedient_adapter_and_any_application_agree_on_the_bytes(
        window in 1..500u64,
        buffer_bytes in 1..200u32,
        buffers in 1..20u32,
        entries in 1..6u32,
        policy in prop_oneof![Just("window-full"), Just("0.4"), Just("every-acceptance")],
        parts in vec((0..3usize, 1..400usize, 1..150usize, 0..3u8), 1..40),
    ) {
        block_on(async {
            let parameters = Parameters {
                anonymous_buffer_bytes: Some(buffer_bytes),
                anonymous_buffers: Some(buffers),
                event_ring_entries: Some(1 << entries),
                acknowledge: Some(policy.parse().unwrap()),
                ..small(window)
            };
            let bench = Bench::new(parameters).await;
            bench.run(async {
                let mut connections = Vec::new();
                for port in 0..3 {
                    connections.push(bench.driver.offload(offload(port)).await.unwrap());
                }
                let mut sent = [0; 3];
                let mut taken = [const { Vec::new() }; 3];
                let stream = bytes(40 * 400);
                for (place, length, answer, how) in parts {
                    let connection = &mut connections[place];
                    let part = &stream[sent[place]..sent[place] + length];
                    sent[place] += length;
                    bench.adapter.receive(connection.id(), part);
                    match how {
                        0 => {}
                        1 => {
                            let mut some = vec![0; answer];
                            let count = connection.read(&mut some).await.unwrap();
                            taken[place].extend(&some[..count]);
                        }
                        _ => {
                            let indication = connection.indication().await.unwrap().unwrap();
                            assert!(indication.length() as u64 <= window);
                            let answer = answer.min(indication.length());
                            let mut some = vec![0; answer];
                            assert_eq!(indication.copy(&mut some).await, Ok(answer));
                            indication.accept(answer).unwrap();
                            taken[place].extend(some);
                        }
                    }
                }
                for ((mut connection, sent), mut taken) in connections.into_iter().zip(sent).zip(taken) {
                    if sent % 2 == 0 {
                        bench.adapter.finish(connection.id());
                        connection.read_to_end(&mut taken).await.unwrap();
                    }
                    let uploaded = connection.upload().await.unwrap();
                    taken.extend(uploaded.undelivered);
                    assert!(taken == stream[..sent]);
                }
                settle().await;
                let kept = buffers as usize - bench.adapter.anonymous_buffers();
                assert!(kept <= buffers as usize / 8, "{kept} are too few for a command");
                assert_eq!(bench.driver.free_connections(), 4);
            }).await;
        });
    }
}
