//! The receive process by hand: events in, actions out, step by step along the source's flow charts.

#![allow(missing_docs, clippy::unwrap_used)]

use toe_driver::AcknowledgePolicy;
use toe_driver::receive::{Action, Fault, Posting, Reason, ReceiveProcess, RequestId};
use toe_driver::registers::ReturnReason;

const WINDOW: u32 = 100;

fn process() -> ReceiveProcess {
    ReceiveProcess::new(WINDOW, AcknowledgePolicy::WindowFull, 4)
}

fn posting(number: u64, bytes: u64) -> Posting {
    Posting {
        id: RequestId::new(number),
        bytes,
        pages: 1,
        push_mode: false,
    }
}

fn handed_over(number: u16) -> Action {
    Action::HandOver {
        id: RequestId::new(u64::from(number)),
        number,
        push_mode: false,
    }
}

fn complete(number: u64, bytes: u64, reason: Reason) -> Action {
    Action::Complete {
        id: RequestId::new(number),
        bytes,
        reason,
    }
}

/// Copies everything that is to be copied now.
fn copy_all(process: &mut ReceiveProcess) -> Vec<Action> {
    let mut actions = Vec::new();
    while let Some(step) = process.copy_step() {
        assert_eq!(
            process.copy_step(),
            Some(step),
            "asked again, it is the same step"
        );
        actions.extend(process.copied(step.bytes));
    }
    actions
}

// B16, B17, B20
#[test]
fn data_without_a_request_is_told_once() {
    let mut process = process();
    assert!(!process.may_tell());
    assert_eq!(process.indicated(10, false), Ok(vec![]));
    assert_eq!(process.queued(), 10);
    assert_eq!(process.tell(), Some(10));
    assert_eq!(process.indicated(5, false), Ok(vec![]));
    assert!(!process.may_tell(), "once, until it is answered");
    assert_eq!(process.answer(10, false), Some(vec![]));
    assert_eq!(process.tell(), Some(5));
}

// B21
#[test]
fn the_answers_of_an_application() {
    let mut process = process();
    process.indicated(30, false).unwrap();
    assert_eq!(process.answer(1, false), None, "nothing was told");
    process.tell();
    assert_eq!(process.answer(31, false), None, "more than was told");
    assert!(process.answer(12, false).is_some());
    assert_eq!(process.queued(), 18, "accepted in part: the rest stays");
    assert_eq!(process.tell(), Some(18));
    assert!(process.answer(0, true).is_some());
    assert_eq!(process.queued(), 18, "not accepted: the data stays");
    process.indicated(2, false).unwrap();
    assert!(!process.may_tell(), "and is not indicated again");
}

// B21
#[test]
fn a_posting_after_not_accepted_is_served() {
    let mut process = process();
    process.indicated(30, false).unwrap();
    process.tell();
    process.answer(0, true);
    assert_eq!(process.post(posting(1, 20)), []);
    assert_eq!(copy_all(&mut process), [complete(1, 20, Reason::Full)]);
    assert_eq!(process.tell(), Some(10), "and what is left is told of");
}

// B20, B21
#[test]
fn what_a_buffer_posted_before_not_accepted_leaves_over_is_told() {
    let mut process = process();
    process.indicated(30, false).unwrap();
    process.tell().unwrap();
    process.post(posting(1, 12));
    process.answer(0, true);
    copy_all(&mut process);
    assert!(process.may_tell(), "18 bytes are left, and no buffer");
}

// B17
#[test]
fn an_unanswered_notification_keeps_its_bytes() {
    let mut process = process();
    process.indicated(30, false).unwrap();
    process.tell();
    assert_eq!(process.post(posting(1, 20)), []);
    assert_eq!(process.post(posting(2, 200)), []);
    assert_eq!(process.copy_step(), None);
    assert_eq!(process.answer(30, false), Some(vec![]));
    assert_eq!(process.copy_step(), None, "they were accepted");
}

// B18, B19, B26
#[test]
fn a_small_buffer_is_filled_by_copy() {
    let mut process = process();
    process.indicated(5, false).unwrap();
    process.post(posting(1, 8));
    assert_eq!(copy_all(&mut process), []);
    process.indicated(1, false).unwrap();
    assert_eq!(copy_all(&mut process), [], "partly full, it waits");
    process.indicated(2, false).unwrap();
    assert_eq!(copy_all(&mut process), [complete(1, 8, Reason::Full)]);
    assert!(!process.may_tell());
}

// B26
#[test]
fn data_beyond_the_buffer_is_told() {
    let mut process = process();
    process.indicated(50, false).unwrap();
    process.post(posting(1, 8));
    assert_eq!(copy_all(&mut process), [complete(1, 8, Reason::Full)]);
    assert_eq!(process.tell(), Some(42));
}

// B12, B25
#[test]
fn a_large_buffer_is_copied_to_and_placed_in_at_once() {
    let mut process = process();
    process.indicated(30, false).unwrap();
    assert_eq!(process.post(posting(0, 101)), [handed_over(0)]);
    assert_eq!(process.copy_step(), None, "until it is accepted");
    process.indicated(12, false).unwrap(); // On its way when the posting was written.
    assert_eq!(process.accepted(42), Ok(vec![]));
    assert_eq!(process.pending(), 0);
    let step = process.copy_step().unwrap();
    assert_eq!((step.place, step.bytes), (0, 42));
    assert_eq!(process.copied(40), []);
    // It comes back while the driver still copies: both must be done.
    assert_eq!(process.returned(101, ReturnReason::Full), Ok((59, vec![])));
    assert_eq!(process.copy_step().unwrap().place, 40);
    assert_eq!(process.copied(2), [complete(0, 101, Reason::Full)]);
}

// B13, B25: what the application took is acknowledged first, so that it is not skipped.
#[test]
fn what_was_taken_is_acknowledged_before_a_buffer_is_handed_over() {
    let mut process = process();
    process.indicated(30, false).unwrap();
    process.tell();
    process.answer(20, false);
    assert_eq!(
        process.post(posting(0, 101)),
        [Action::Acknowledge { bytes: 20 }, handed_over(0)]
    );
    assert_eq!(process.accepted(10), Ok(vec![]));
}

// B13
#[test]
fn nothing_is_acknowledged_while_a_buffer_travels() {
    let mut process = ReceiveProcess::new(WINDOW, AcknowledgePolicy::EveryAcceptance, 4);
    process.indicated(30, false).unwrap();
    assert_eq!(process.post(posting(0, 101)), [handed_over(0)]);
    assert_eq!(process.free_to_take(), 0);
    assert_eq!(process.tell(), None);
    process.accepted(30).unwrap();
    assert_eq!(copy_all(&mut process), [], "acceptance acknowledged them");
    assert_eq!(process.returned(60, ReturnReason::Ended).unwrap().0, 30);
}

// B25, B28
#[test]
fn buffers_are_handed_over_head_first() {
    let mut process = process();
    for number in 0..4 {
        assert_eq!(
            process.post(posting(u64::from(number), 101)),
            [handed_over(number)]
        );
    }
    assert_eq!(
        process.post(posting(4, 101)),
        [],
        "four pages are all that fit"
    );
    process.accepted(0).unwrap();
    let (_, actions) = process.returned(101, ReturnReason::Full).unwrap();
    assert_eq!(actions, [handed_over(4), complete(0, 101, Reason::Full)]);
}

// B25, B26
#[test]
fn a_buffer_as_large_as_the_window_stays_with_the_driver() {
    let mut process = process();
    assert!(!process.is_for_adapter(WINDOW.into(), 1));
    assert_eq!(process.post(posting(0, WINDOW.into())), []);
    let mut process = self::process();
    assert!(process.is_for_adapter(u64::from(WINDOW) + 1, 1));
    let posted = process.post(posting(0, u64::from(WINDOW) + 1));
    assert_eq!(posted, [handed_over(0)]);
}

// B26, B28
#[test]
fn a_small_buffer_keeps_those_behind_it_with_the_driver() {
    let mut process = process();
    assert_eq!(process.post(posting(0, 101)), [handed_over(0)]);
    assert_eq!(process.post(posting(1, 100)), []);
    assert_eq!(process.post(posting(2, 500)), []);
    process.accepted(0).unwrap();
    process.returned(101, ReturnReason::Full).unwrap();
    process.indicated(100, false).unwrap();
    let actions = copy_all(&mut process);
    assert_eq!(actions[0], complete(1, 100, Reason::Full));
    assert_eq!(actions[1], Action::Acknowledge { bytes: 100 });
    assert!(matches!(actions[2], Action::HandOver { number: 1, .. }));
}

// B15, B26: more than a smaller window may be pending from the time of the larger one.
#[test]
fn a_window_made_smaller_counts_until_what_came_under_it_is_acknowledged() {
    let mut process = process();
    process.indicated(60, false).unwrap();
    process.set_window(10);
    assert!(!process.is_for_adapter(100, 1), "100 may be pending");
    process.tell();
    assert_eq!(
        process.answer(60, false),
        Some(vec![Action::Acknowledge { bytes: 60 }])
    );
    assert!(
        process.is_for_adapter(41, 1),
        "40 may still be on their way"
    );
    assert!(!process.is_for_adapter(40, 1));
    assert!(process.indicated(40, false).is_ok());
    assert_eq!(
        process.indicated(1, false),
        Err(Fault::BeyondWindow {
            pending: 41,
            window: 40
        })
    );
}

// B27
#[test]
fn a_cancel_has_one_answer() {
    let mut process = process();
    process.post(posting(0, 101));
    process.post(posting(1, 101));
    let id = RequestId::new;
    assert_eq!(
        process.cancel(id(1)),
        Some(vec![Action::TakeBack { number: 1 }])
    );
    assert_eq!(process.cancel(id(1)), Some(vec![]), "asked already");
    let (_, actions) = process.returned(0, ReturnReason::Cancelled).unwrap();
    assert_eq!(actions, [complete(1, 0, Reason::Cancelled)]);
    assert_eq!(process.cancel(id(1)), None);
    // This one crosses with the return.
    process.accepted(0).unwrap();
    assert_eq!(
        process.cancel(id(0)),
        Some(vec![Action::TakeBack { number: 0 }])
    );
    process.returned(101, ReturnReason::Full).unwrap();
    assert_eq!(process.cancels(), 1);
    assert_eq!(process.cancel_refused(0), Ok(()));
    assert_eq!(process.cancel_refused(0), Err(Fault::NoSuchBuffer));
}

// B22
#[test]
fn a_request_of_zero_bytes_asks_for_the_next_notification() {
    let mut process = process();
    assert_eq!(process.post(posting(1, 0)), []);
    assert_eq!(
        process.indicated(5, false),
        Ok(vec![complete(1, 0, Reason::DataQueued)])
    );
    assert_eq!(process.tell(), Some(5));
    process.answer(0, true);
    assert_eq!(
        process.post(posting(2, 0)),
        [complete(2, 0, Reason::DataQueued)]
    );
    assert!(process.may_tell(), "after not accepted, too");
}

// B24
#[test]
fn every_request_completes_at_the_end_of_the_stream() {
    let mut process = process();
    for number in 0..3 {
        process.post(posting(number, 101));
    }
    process.post(posting(3, 0));
    process.accepted(0).unwrap();
    let (placed, actions) = process.returned(7, ReturnReason::Ended).unwrap();
    assert_eq!((placed, actions), (7, vec![complete(0, 7, Reason::Ended)]));
    process.returned(0, ReturnReason::Ended).unwrap();
    process.returned(0, ReturnReason::Ended).unwrap();
    assert_eq!(
        process.requests(),
        3,
        "more bytes may come until the end is told"
    );
    let ended = |number| complete(number, 0, Reason::Ended);
    assert_eq!(process.closed(), [ended(1), ended(2), ended(3)]);
    assert!(process.is_over());
}

// B6: bytes that an upload hands back go to the requests that came back empty.
#[test]
fn what_an_upload_hands_back_fills_what_is_posted() {
    let mut process = process();
    process.post(posting(0, 101));
    process.uploading();
    process.returned(0, ReturnReason::Ended).unwrap();
    assert_eq!(process.handed_back(60), []);
    assert_eq!(copy_all(&mut process), []);
    assert_eq!(process.uploaded(), Ok(vec![complete(0, 60, Reason::Ended)]));
}

// B25, B38: what is queued is for the first, so it cannot be skipped in the second.
#[test]
fn no_buffer_is_accepted_behind_one_that_came_back_empty() {
    let mut process = process();
    process.post(posting(0, 101));
    process.post(posting(1, 102));
    process.returned(0, ReturnReason::Ended).unwrap();
    process.indicated(60, false).unwrap();
    assert_eq!(copy_all(&mut process), []);
    assert_eq!(process.accepted(60), Err(Fault::NoSuchBuffer));
    process.returned(0, ReturnReason::Ended).unwrap();
    process.uploading();
    process.handed_back(50);
    assert_eq!(copy_all(&mut process), [complete(0, 101, Reason::Full)]);
    assert_eq!(process.uploaded(), Ok(vec![complete(1, 9, Reason::Ended)]));
}

// B38
#[test]
fn what_cannot_be_is_a_fault() {
    let mut process = process();
    let no_such = Err(Fault::NoSuchBuffer);
    assert_eq!(process.accepted(0), no_such);
    assert_eq!(
        process.returned(0, ReturnReason::Ended),
        Err(Fault::NoSuchBuffer)
    );
    process.post(posting(0, 101));
    process.indicated(5, false).unwrap();
    assert_eq!(
        process.returned(0, ReturnReason::Full),
        Err(Fault::NoSuchBuffer)
    );
    for skipped in [0, 4, 6, u32::MAX] {
        assert_eq!(
            process.accepted(skipped),
            Err(Fault::WrongSkip {
                skipped: u64::from(skipped),
                pending: 5
            })
        );
    }
    process.accepted(5).unwrap();
    assert_eq!(process.accepted(0), no_such);
    assert_eq!(
        process.indicated(1, false),
        Err(Fault::IndicatedBesideNamedBuffer)
    );
    for (bytes, reason) in [
        (4, ReturnReason::Ended),
        (102, ReturnReason::Ended),
        (100, ReturnReason::Full),
        (u32::MAX, ReturnReason::Full),
    ] {
        let wrong = Fault::WrongCount {
            bytes: u64::from(bytes),
            skipped: 5,
            room: 101,
            reason,
        };
        assert_eq!(process.returned(bytes, reason), Err(wrong));
    }
    assert_eq!(
        process.returned(50, ReturnReason::Push),
        Err(Fault::NotInPushMode {
            reason: ReturnReason::Push
        })
    );
    assert_eq!(
        process.uploaded(),
        Err(Fault::Missing {
            buffers: 1,
            cancels: 0
        })
    );
}

// B28: the adapter frees pages in the order of the buffers.
#[test]
fn pages_of_a_cancelled_buffer_are_held_until_those_before_it_came_back() {
    let mut process = process(); // The adapter holds 4 pages.
    let pages = |number, pages| Posting {
        pages,
        ..posting(number, 200)
    };
    assert_eq!(process.post(pages(0, 1)), [handed_over(0)]);
    assert_eq!(process.post(pages(1, 3)), [handed_over(1)]);
    process.accepted(0).unwrap();
    assert_eq!(process.post(pages(2, 1)), []);
    process.cancel(RequestId::new(1)).unwrap();
    let (_, actions) = process.returned(0, ReturnReason::Cancelled).unwrap();
    assert_eq!(actions, [complete(1, 0, Reason::Cancelled)]);
    let (_, actions) = process.returned(200, ReturnReason::Full).unwrap();
    assert!(actions.contains(&handed_over(2)), "{actions:?}");
}
