//! An adapter that does what it must not: an error that says so, never a panic, a hang or a wild read.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Bench, FIRST, bytes, offload, settle, small};
use toe_driver::registers::{Counter, Event, OffloadStatus, Refusal, StateField, offset};
use toe_driver::{BusError, ConnectionId, Error, PoolKind};

/// The error that ends the driver when connection 0 is offloaded and `events` come, the last one too many.
async fn after(events: &[Event]) -> Error {
    let bench = Bench::new(small(100)).await;
    bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            assert_eq!(connection.id(), ConnectionId::new(0));
            for &event in events {
                settle().await;
                assert!(connection.upload_is_possible(), "ended before {event:?}");
                bench.adapter.send(event);
            }
            std::future::pending::<()>().await;
        })
        .await
}

/// Whether the driver still runs.
trait Alive {
    fn upload_is_possible(&self) -> bool;
}

impl<M: toe_driver::DmaMemory> Alive for toe_driver::Connection<M> {
    fn upload_is_possible(&self) -> bool {
        let window = self.indicate_window_size().value;
        !matches!(self.set_indicate_window_size(window), Err(error) if error.is_misbehaviour())
    }
}

fn data(buffer: u16, length: u16) -> Event {
    Event::IndicateData {
        connection: 0,
        buffer,
        length,
        push: false,
    }
}

fn state(field: StateField, content: u32) -> Event {
    Event::State {
        connection: 0,
        content,
        field,
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffer_out_of_order_is_refused() {
    let kind = PoolKind::Anonymous;
    assert_eq!(
        after(&[data(0, 5), data(2, 5)]).await,
        Error::BufferOutOfOrder {
            kind,
            found: 2,
            expected: 1
        }
    );
    // Buffer 0 is the application's.
    assert_eq!(
        after(&[data(0, 5), data(0, 5)]).await,
        Error::BufferOutOfOrder {
            kind,
            found: 0,
            expected: 1
        }
    );
    let frame = Event::HostFrame {
        buffer: 9999,
        length: 64,
    };
    assert_eq!(
        after(&[frame]).await,
        Error::BufferOutOfOrder {
            kind: PoolKind::HostFrame,
            found: 9999,
            expected: 0
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_buffer_that_is_not_granted_is_refused() {
    let frames: Vec<Event> = (0..5)
        .map(|buffer| Event::HostFrame {
            buffer: buffer % 4,
            length: 64,
        })
        .collect();
    assert_eq!(
        after(&frames).await,
        Error::BufferNotGranted {
            kind: PoolKind::HostFrame,
            found: 0
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_length_beyond_its_buffer_is_refused() {
    for length in [0, 65, u16::MAX] {
        assert_eq!(
            after(&[data(0, length)]).await,
            Error::BadLength {
                kind: PoolKind::Anonymous,
                buffer: 0,
                length: u32::from(length),
                room: 64
            }
        );
    }
    let frame = Event::HostFrame {
        buffer: 0,
        length: 129,
    };
    assert!(matches!(
        after(&[frame]).await,
        Error::BadLength { room: 128, .. }
    ));
}

// B8
#[tokio::test(start_paused = true)]
async fn more_than_the_window_is_refused() {
    assert_eq!(
        after(&[data(0, 64), data(1, 37)]).await,
        Error::BeyondWindow {
            connection: ConnectionId::new(0),
            pending: 101,
            window: 100
        }
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_for_an_unknown_connection_is_refused() {
    for connection in [1, 4, u16::MAX] {
        for event in [
            Event::IndicateData {
                connection,
                buffer: 0,
                length: 1,
                push: false,
            },
            Event::UploadData {
                connection,
                buffer: 0,
                length: 1,
            },
            Event::Offloaded {
                connection,
                status: OffloadStatus::Ok,
            },
            Event::State {
                connection,
                content: 0,
                field: StateField::Flags,
            },
            Event::Uploaded { connection },
            Event::PeerClosed { connection },
            Event::PeerReset { connection },
        ] {
            let error = after(&[event]).await;
            assert!(
                matches!(error, Error::Unexpected { connection: of, state: "not offloaded", .. } if of.get() == connection)
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_connection_s_state_does_not_allow_is_refused() {
    let closed = Event::PeerClosed { connection: 0 };
    let reset = Event::PeerReset { connection: 0 };
    let uploaded = Event::Uploaded { connection: 0 };
    let upload_data = Event::UploadData {
        connection: 0,
        buffer: 0,
        length: 1,
    };
    let offloaded = Event::Offloaded {
        connection: 0,
        status: OffloadStatus::Ok,
    };
    let flags = state(StateField::Flags, 0);
    for (events, expected) in [
        (&[offloaded][..], "offloaded"),
        (&[closed, closed], "peer_closed"),
        (&[closed, data(0, 1)], "indicate_data"),
        (&[upload_data], "upload_data"),
        (&[flags], "state"),
        (&[uploaded], "uploaded"),
        (&[reset, reset], "not offloaded"), // The driver uploads it and the mock obeys.
    ] {
        match after(events).await {
            Error::Unexpected { event, state, .. } => {
                assert!(
                    event == expected || state == expected,
                    "{event} while {state}"
                );
            }
            error => panic!("{error} after {events:?}"),
        }
    }
}

// B6
#[tokio::test(start_paused = true)]
async fn an_upload_that_contradicts_itself_is_refused() {
    let upload_data = |buffer, length| Event::UploadData {
        connection: 0,
        buffer,
        length,
    };
    let next = |bytes| state(StateField::ReceiveNext, FIRST.wrapping_add(bytes).get());
    let flags = |flags| state(StateField::Flags, flags);
    let uploaded = Event::Uploaded { connection: 0 };
    // Connection 0 is being uploaded, as far as the driver knows, and the adapter never heard of it.
    let during_upload = async |events: Vec<Event>| {
        let bench = Bench::new(small(100)).await;
        bench
            .run_to_error(async {
                let connection = bench.driver.offload(offload(1)).await.unwrap();
                bench.adapter.take_commands(false);
                let events = async {
                    for event in events {
                        settle().await;
                        bench.adapter.send(event);
                    }
                };
                drop(tokio::join!(connection.upload(), events));
            })
            .await
    };
    for (events, expected) in [
        (vec![upload_data(0, 1), data(1, 1)], "indicate_data"),
        (vec![next(0), upload_data(0, 1)], "upload_data"),
        (vec![next(0), next(0)], "state"),
        (vec![next(0), uploaded], "uploaded"),
        (vec![flags(0), uploaded], "uploaded"),
    ] {
        let error = during_upload(events).await;
        assert!(
            matches!(error, Error::Unexpected { event, .. } if event == expected),
            "{error}"
        );
    }
    for (events, expected, found) in [
        (vec![next(1), flags(0), uploaded], 0, 1),
        (vec![upload_data(0, 7), next(6), flags(0), uploaded], 7, 6),
        (vec![data(0, 7), next(7), flags(1), uploaded], 8, 7),
    ] {
        assert_eq!(
            during_upload(events).await,
            Error::StateDisagrees {
                connection: ConnectionId::new(0),
                found: FIRST.wrapping_add(found),
                expected: FIRST.wrapping_add(expected),
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_without_meaning_is_refused() {
    for word in [
        0,                  // kind 0
        14 << 59,           // unknown
        15 << 59,           // unknown
        3 << 59 | 9,        // offloaded, status 9
        5 << 59 | 7 << 56,  // state field 7
        10 << 59 | 99 << 8, // refused for reason 99
    ] {
        let bench = Bench::new(small(100)).await;
        let error = bench
            .run_to_error(async { bench.adapter.send_word(word) })
            .await;
        assert!(
            matches!(error, Error::MeaninglessEvent { number: 0, .. }),
            "{word:#x}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_with_the_wrong_phase_is_refused() {
    let word = u64::from(data(0, 5));
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async { bench.adapter.send_raw(word) })
        .await;
    assert_eq!(
        error,
        Error::WrongPhase {
            slot: 0,
            found: word,
            phase: true
        }
    );
    // In the second turn, phase 1 is the wrong one.
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            for _ in 0..8 {
                bench.adapter.send(Event::CommandsTaken);
                settle().await;
            }
            bench.adapter.send_raw(1 << 63 | word);
        })
        .await;
    assert!(matches!(
        error,
        Error::WrongPhase {
            slot: 0,
            phase: false,
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn commands_that_were_never_sent_cannot_be_taken() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            // Two were sent, at bring-up; the event says 4.
            bench.adapter.send_raw(1 << 63 | 9 << 59 | 4 << 48);
        })
        .await;
    assert_eq!(
        error,
        Error::CommandsNeverSent {
            number: 0,
            taken: 4,
            in_flight: 2
        }
    );
}

// B11
#[tokio::test(start_paused = true)]
async fn a_refused_command_and_a_bus_error_stop_the_driver() {
    let refused = Event::CommandRefused {
        connection: 0,
        opcode: 7,
        reason: Refusal::MoreThanPending,
        request: 0,
    };
    assert!(matches!(
        after(&[refused]).await,
        Error::CommandRefused {
            opcode: 7,
            reason: Refusal::MoreThanPending,
            ..
        }
    ));
    let bus_error = Event::BusError {
        connection: 0,
        buffer: 3,
        response: 2,
    };
    assert!(matches!(
        after(&[bus_error]).await,
        Error::AdapterWriteFailed {
            buffer: 3,
            response: 2,
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_line_that_never_falls_is_refused() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async { bench.adapter.stick_line() })
        .await;
    assert_eq!(error, Error::InterruptWithoutEvent { times: 17 });
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_gone_is_noticed() {
    let gone = async |register| {
        let bench = Bench::new(small(100)).await;
        bench
            .run_to_error(async {
                for register in [register, offset::IDENTITY] {
                    bench.adapter.lie(register, u32::MAX);
                }
                bench.adapter.stick_line();
            })
            .await
    };
    let register = offset::EVENT_CONSUMER;
    assert_eq!(
        gone(register).await,
        Error::AdapterGone { offset: register }
    );

    let bench = Bench::new(small(100)).await;
    bench.adapter.lie(Counter::Deliveries.offset(), u32::MAX);
    assert!(
        bench.driver.counters().await.is_ok(),
        "a counter may hold all ones"
    );
    bench.adapter.lie(offset::IDENTITY, u32::MAX);
    assert!(matches!(
        bench.driver.counters().await,
        Err(Error::AdapterGone { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_has_a_deadline() {
    let bench = Bench::new(small(100)).await;
    let waited = Duration::from_secs(1);
    let error = bench
        .run_to_error(async {
            bench.adapter.answer_offload(None);
            let error = bench.driver.offload(offload(1)).await.err();
            assert!(matches!(error, None | Some(Error::NoAnswer { .. })));
        })
        .await;
    assert_eq!(
        error,
        Error::NoAnswer {
            command: "offload",
            connection: ConnectionId::new(0),
            waited
        }
    );

    // Nobody waits for the upload of a connection that was dropped, but the driver does.
    let bench = Bench::new(small(100)).await;
    let started = tokio::time::Instant::now();
    let error = bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.take_commands(false);
            drop(connection);
        })
        .await;
    assert!(matches!(
        error,
        Error::NoAnswer {
            command: "upload",
            ..
        }
    ));
    assert!(started.elapsed() < waited + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_command_queue_that_does_not_move_has_a_deadline() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.take_commands(false);
            for bytes in 1..=100 {
                connection
                    .set_indicate_window_size(common::window(bytes))
                    .unwrap();
            }
            settle().await;
            assert_eq!(
                bench.adapter.commands_waiting(),
                64,
                "never more than there is room for"
            );
            std::future::pending::<()>().await;
        })
        .await;
    assert!(
        matches!(error, Error::CommandQueueStuck { in_flight: 64, .. }),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_queue_that_moves_again_is_used_again() {
    let bench = Bench::new(small(100)).await;
    bench
        .run(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.take_commands(false);
            for bytes in 1..=1000 {
                connection
                    .set_indicate_window_size(common::window(bytes))
                    .unwrap();
            }
            settle().await;
            bench.adapter.take_commands(true);
            for _ in 0..100 {
                bench.adapter.send(Event::CommandsTaken);
                settle().await;
            }
            assert_eq!(bench.driver.statistics().commands, 2 + 3 + 1000);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_register_port_that_fails_stops_the_driver() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            bench.adapter.fail_after(0);
            drop(bench.driver.offload(offload(1)).await);
        })
        .await;
    assert!(matches!(
        error,
        Error::Bus(BusError::Response {
            offset: offset::COMMAND,
            ..
        })
    ));
}

// B24
#[tokio::test(start_paused = true)]
async fn every_call_ends_with_the_error_that_stopped_the_driver() {
    let bench = Bench::new(small(100)).await;
    let users = async {
        let mut first = bench.driver.offload(offload(1)).await.unwrap();
        let second = bench.driver.offload(offload(2)).await.unwrap();
        bench.adapter.receive(second.id(), &bytes(50));
        settle().await;
        let watch = first.watch();
        let mut frames = bench.driver.host_frames();
        let misbehave = async {
            settle().await;
            bench.adapter.send_word(0);
        };
        let (indication, frame, upload, reset, ()) = tokio::join!(
            first.indication(),
            frames.receive(),
            async {
                bench.adapter.take_commands(false);
                second.upload().await
            },
            watch.reset(),
            misbehave
        );
        assert!(!reset);
        let errors = [
            indication.err(),
            frame.err(),
            upload.err(),
            bench.driver.offload(offload(3)).await.err(),
            bench.driver.counters().await.err(),
            first.set_indicate_window_size(common::window(1)).err(),
        ];
        errors.map(Option::unwrap)
    };
    let (ended, errors) = tokio::join!(bench.driver.run(), users);
    let ended = ended.err().unwrap();
    assert!(ended.is_misbehaviour());
    for error in errors {
        assert_eq!(error, ended);
    }
    assert_eq!(
        bench.driver.run().await.err().as_ref(),
        Some(&ended),
        "nor does it run again"
    );
    bench.driver.clone().shut_down().await.unwrap();
    assert_eq!(bench.memory.allocated_bytes(), 0);
}
