//! An adapter that tells of Named Buffers what cannot be: an error that says so, never a panic, a hang or a wild read.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Bench, FIRST, bytes, offload, settle, small};
use toe_driver::receive::Fault;
use toe_driver::registers::{Event, Refusal, ReturnReason, StateField};
use toe_driver::{ConnectionId, Error};

/// The error that ends the driver when connection 0 is offloaded, nothing is posted, and `event` comes.
async fn after(event: Event) -> Error {
    let bench = Bench::new(small(100)).await;
    bench
        .run_to_error(async {
            let _connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.send(event);
            std::future::pending::<()>().await;
        })
        .await
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

/// The error that ends the driver when a Named Buffer of 150 bytes is with the adapter, 5 bytes are pending, and
/// `events` come, the last one too many.
async fn after_posting(events: &[Event]) -> Error {
    let bench = Bench::new(small(100)).await;
    bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            bench.adapter.receive(connection.id(), &bytes(5));
            settle().await;
            bench.adapter.accept_buffers(false);
            connection
                .post(bench.driver.named_buffer(150).unwrap(), false)
                .unwrap();
            for &event in events {
                settle().await;
                bench.adapter.send(event);
            }
            std::future::pending::<()>().await;
        })
        .await
}

fn accepted(skipped: u32) -> Event {
    Event::NamedBufferAccepted {
        connection: 0,
        skipped,
    }
}

fn returned(bytes: u32, reason: ReturnReason) -> Event {
    Event::NamedBufferReturned {
        connection: 0,
        bytes,
        reason,
    }
}

// B25
#[tokio::test(start_paused = true)]
async fn a_wrong_skip_is_refused() {
    for skipped in [0, 4, 6, 150, u32::MAX] {
        assert_eq!(
            after_posting(&[accepted(skipped)]).await,
            Error::ReceiveFault {
                connection: ConnectionId::new(0),
                fault: Fault::WrongSkip {
                    skipped: u64::from(skipped),
                    pending: 5
                }
            }
        );
    }
}

// B27
#[tokio::test(start_paused = true)]
async fn a_named_buffer_that_was_never_posted_is_refused() {
    let no_such = Error::ReceiveFault {
        connection: ConnectionId::new(0),
        fault: Fault::NoSuchBuffer,
    };
    for reason in [
        ReturnReason::Full,
        ReturnReason::Push,
        ReturnReason::Timeout,
        ReturnReason::Cancelled,
        ReturnReason::Ended,
    ] {
        assert_eq!(after(returned(0, reason)).await, no_such);
    }
    assert_eq!(after(accepted(0)).await, no_such);
    let ended = returned(0, ReturnReason::Ended);
    assert_eq!(after_posting(&[ended, ended]).await, no_such);
    assert_eq!(after_posting(&[accepted(5), accepted(0)]).await, no_such);
    assert_eq!(
        after_posting(&[returned(150, ReturnReason::Full)]).await,
        no_such
    );
    assert_eq!(
        after_posting(&[returned(0, ReturnReason::Cancelled)]).await,
        no_such
    );
    for unknown in [accepted(0), ended] {
        let mut word = u64::from(unknown);
        word |= 3 << 32; // Another connection.
        let event = Event::try_from(word).unwrap();
        assert!(matches!(
            after(event).await,
            Error::Unexpected {
                state: "not offloaded",
                ..
            }
        ));
    }
}

// B38: a count beyond the buffer must not become a read beyond it.
#[tokio::test(start_paused = true)]
async fn a_count_that_the_buffer_cannot_have_is_refused() {
    for (bytes, reason) in [
        (4, ReturnReason::Ended),
        (151, ReturnReason::Ended),
        (149, ReturnReason::Full),
        (u32::MAX, ReturnReason::Full),
    ] {
        let error = after_posting(&[accepted(5), returned(bytes, reason)]).await;
        let wrong = matches!(
            error,
            Error::ReceiveFault {
                fault: Fault::WrongCount { room: 150, .. },
                ..
            }
        );
        assert!(wrong, "{error}");
    }
    let error = after_posting(&[returned(1, ReturnReason::Ended)]).await;
    assert!(matches!(
        error,
        Error::ReceiveFault {
            fault: Fault::WrongCount { .. },
            ..
        }
    ));
    let error = after_posting(&[accepted(5), returned(50, ReturnReason::Push)]).await;
    assert!(matches!(
        error,
        Error::ReceiveFault {
            fault: Fault::NotInPushMode { .. },
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn data_beside_an_accepted_buffer_is_refused() {
    let error = after_posting(&[accepted(5), data(1, 1)]).await;
    let beside = Fault::IndicatedBesideNamedBuffer;
    assert!(matches!(error, Error::ReceiveFault { fault, .. } if fault == beside));
}

// B6, B24
#[tokio::test(start_paused = true)]
async fn an_upload_that_keeps_a_buffer_is_refused() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            connection
                .post(bench.driver.named_buffer(150).unwrap(), false)
                .unwrap();
            settle().await;
            bench.adapter.take_commands(false);
            connection.begin_upload().unwrap();
            for event in [
                state(StateField::ReceiveNext, FIRST.get()),
                state(StateField::Flags, 0),
                Event::Uploaded { connection: 0 },
            ] {
                bench.adapter.send(event);
            }
            settle().await;
        })
        .await;
    let missing = Fault::Missing {
        buffers: 1,
        cancels: 0,
    };
    assert!(
        matches!(error, Error::ReceiveFault { ref fault, .. } if *fault == missing),
        "{error}"
    );
}

// B27
#[tokio::test(start_paused = true)]
async fn refusals_that_cannot_be_are_refused() {
    let refusal = |opcode, reason, request| Event::CommandRefused {
        connection: 0,
        opcode,
        reason,
        request,
    };
    let crossed = after_posting(&[refusal(10, Refusal::NotPosted, 0)]).await;
    assert!(matches!(
        crossed,
        Error::ReceiveFault {
            fault: Fault::NoSuchBuffer,
            ..
        }
    ));
    for event in [
        refusal(9, Refusal::TooSmall, 0),
        refusal(9, Refusal::BuffersFull, 0),
        refusal(10, Refusal::Unsupported, 0),
    ] {
        assert!(matches!(
            after_posting(&[event]).await,
            Error::CommandRefused { .. }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_without_an_answer_is_told() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            let request = connection
                .post(bench.driver.named_buffer(150).unwrap(), false)
                .unwrap();
            settle().await;
            bench.adapter.take_commands(false);
            connection.cancel(request).unwrap();
        })
        .await;
    assert!(
        matches!(
            error,
            Error::NoAnswer {
                command: "cancel_named_buffer",
                ..
            }
        ),
        "{error}"
    );
}

// The buffers of a driver that gave up stay where they are until the adapter is reset.
#[tokio::test(start_paused = true)]
async fn memory_that_the_adapter_has_is_freed_by_a_reset_alone() {
    let bench = Bench::new(small(100)).await;
    let error = bench
        .run_to_error(async {
            let connection = bench.driver.offload(offload(1)).await.unwrap();
            connection
                .post(bench.driver.named_buffer(4096).unwrap(), false)
                .unwrap();
            settle().await;
            bench.adapter.send(accepted(77));
            drop(connection);
        })
        .await;
    assert!(error.is_misbehaviour());
    assert!(bench.memory.allocated_bytes() > 4096);
    bench.driver.clone().shut_down().await.unwrap();
    assert_eq!(bench.memory.allocated_bytes(), 0);
}
