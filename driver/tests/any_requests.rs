//! Any posts, cancels, answers, window changes and endings, in any order: every byte arrives once and in order, and
//! every request completes exactly once.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Bench, bytes, offload, settle, small, window};
use proptest::collection::vec;
use proptest::prelude::*;
use toe_driver::mock::Memory;
use toe_driver::{Connection, Error, Indication, Parameters, Policy, Reason, Received, RequestId};

#[derive(Clone, Debug)]
enum Step {
    /// The peer sends so many bytes, with PSH or not.
    Peer(usize, bool),
    /// Post a buffer of these pages, in Push Mode or not.
    Post(Vec<u32>, bool),
    PostZero,
    /// Cancel one of the requests that are not complete.
    Cancel(usize),
    /// Take what comes, and answer so.
    Take(Answer),
    /// Answer what was to be answered later.
    AnswerLater(Answer),
    Window(u64),
    /// Turns for the driver.
    Turns(usize),
    /// Milliseconds pass.
    Time(u64),
    /// The adapter stops taking commands, or goes on.
    Commands(bool),
    /// The adapter stops accepting Named Buffers, or goes on.
    Accepts(bool),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    All,
    Part(usize),
    Declined,
    None,
    Later,
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::All),
        2 => (0..200usize).prop_map(Answer::Part),
        2 => Just(Answer::Declined),
        1 => Just(Answer::None),
        1 => Just(Answer::Later),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..500usize, any::<bool>()).prop_map(|(length, push)| Step::Peer(length, push)),
        5 => (vec(1..300u32, 1..5), any::<bool>()).prop_map(|(pages, push)| Step::Post(pages, push)),
        2 => (1..2000u32, any::<bool>()).prop_map(|(page, push)| Step::Post(vec![page], push)),
        1 => Just(Step::PostZero),
        2 => any::<usize>().prop_map(Step::Cancel),
        5 => answer().prop_map(Step::Take),
        1 => answer().prop_map(Step::AnswerLater),
        1 => (1..600u64).prop_map(Step::Window),
        4 => (0..60usize).prop_map(Step::Turns),
        1 => (0..900u64).prop_map(Step::Time),
        1 => any::<bool>().prop_map(Step::Commands),
        1 => any::<bool>().prop_map(Step::Accepts),
    ]
}

#[derive(Clone, Copy, Debug)]
enum End {
    Fin,
    Reset,
    Upload,
    FinAndReset,
    BeginUpload,
}

/// An application that keeps books.
#[derive(Default)]
struct Books {
    taken: Vec<u8>,
    open: BTreeSet<RequestId>,
    later: Option<Indication<Memory>>,
}

impl Books {
    fn answer_later(&mut self, answer: Answer) {
        let Some(later) = self.later.take() else {
            return;
        };
        match answer {
            Answer::Declined => later.decline().unwrap(),
            Answer::Later => self.later = Some(later),
            _ => drop(later),
        }
    }

    /// Takes one thing that comes; false at the end of the stream, or when nothing more comes.
    async fn take(&mut self, connection: &mut Connection<Memory>, answer: Answer) -> bool {
        let next = tokio::time::timeout(Duration::from_millis(1), connection.receive());
        let Ok(next) = next.await else {
            return false;
        };
        match next {
            Ok(Received::Completed(completion)) => {
                assert!(self.open.remove(&completion.request), "completed twice");
                assert_eq!(completion.offset.get(), self.taken.len() as u64);
                self.taken.extend(completion.content().await.unwrap());
                let room = completion
                    .buffer
                    .as_ref()
                    .map_or(0, |buffer| buffer.length());
                match completion.reason {
                    Reason::Full => assert_eq!(completion.bytes, room),
                    Reason::DataQueued => assert_eq!(completion.bytes + room, 0),
                    Reason::Push | Reason::Timeout => assert!(completion.bytes > 0),
                    Reason::Cancelled | Reason::Ended => {}
                }
                true
            }
            Ok(Received::Data(indication)) => {
                assert_eq!(indication.offset().get(), self.taken.len() as u64);
                let length = indication.length();
                let part = match answer {
                    Answer::All => length,
                    Answer::Part(part) => part.min(length),
                    Answer::Declined => {
                        indication.decline().unwrap();
                        return true;
                    }
                    Answer::None => return true,
                    Answer::Later => {
                        self.later = Some(indication);
                        return true;
                    }
                };
                let mut bytes = vec![0; part];
                assert_eq!(indication.copy(&mut bytes).await, Ok(part));
                indication.accept(part).unwrap();
                self.taken.extend(bytes);
                true
            }
            Ok(Received::Closed) | Err(Error::PeerReset { .. } | Error::NotOffloaded { .. }) => {
                false
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn play(parameters: Parameters, steps: Vec<Step>, end: End) {
    let bench = Bench::new(parameters).await;
    bench
        .run(async {
            let mut connection = bench.driver.offload(offload(1)).await.unwrap();
            let id = connection.id();
            let stream = bytes(80 * 500);
            let mut sent = 0;
            let mut books = Books::default();
            for step in steps {
                match step {
                    Step::Peer(length, push) => {
                        bench
                            .adapter
                            .receive_segment(id, &stream[sent..sent + length], push);
                        sent += length;
                    }
                    Step::Post(pages, push) => {
                        let buffer = bench.driver.scattered_named_buffer(pages).unwrap();
                        books.open.insert(connection.post(buffer, push).unwrap());
                    }
                    Step::PostZero => {
                        books.open.insert(connection.post_zero_bytes().unwrap());
                    }
                    Step::Cancel(which) => {
                        let open: Vec<_> = books.open.iter().copied().collect();
                        if !open.is_empty() {
                            // Complete or not, the application cannot know: both answers are right.
                            let _ = connection.cancel(open[which % open.len()]);
                        }
                    }
                    Step::Take(answer) => drop(books.take(&mut connection, answer).await),
                    Step::AnswerLater(answer) => books.answer_later(answer),
                    Step::Window(bytes) => {
                        connection.set_indicate_window_size(window(bytes)).unwrap();
                    }
                    Step::Turns(turns) => {
                        for _ in 0..turns {
                            tokio::task::yield_now().await;
                        }
                    }
                    Step::Time(milliseconds) => {
                        bench.adapter.take_commands(true);
                        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                    }
                    Step::Commands(takes) => bench.adapter.take_commands(takes),
                    Step::Accepts(accepts) => bench.adapter.accept_buffers(accepts),
                }
            }
            bench.adapter.take_commands(true);
            bench.adapter.accept_buffers(true);
            books.answer_later(Answer::None);
            match end {
                End::Fin => bench.adapter.finish(id),
                End::Reset => bench.adapter.reset(id),
                End::FinAndReset => {
                    bench.adapter.finish(id);
                    bench.adapter.reset(id);
                }
                End::Upload => {}
                End::BeginUpload => connection.begin_upload().unwrap(),
            }
            if !matches!(end, End::Upload) {
                let mut idle = 0;
                while idle < 1000 {
                    match books.take(&mut connection, Answer::All).await {
                        true => idle = 0,
                        false => idle += 1,
                    }
                    // What was declined waits for a request.
                    if idle == 3
                        && let Ok(zero) = connection.post_zero_bytes()
                    {
                        books.open.insert(zero);
                    }
                }
                assert_eq!(books.open.len(), 0, "requests that never completed");
                assert_eq!(books.taken.len(), sent);
            }
            let uploaded = connection.upload().await.unwrap();
            assert_eq!(uploaded.accepted.get(), books.taken.len() as u64);
            books.taken.extend(uploaded.undelivered);
            assert!(
                books.taken == stream[..sent],
                "{} of {sent} bytes",
                books.taken.len()
            );
            settle().await;
            assert_eq!(bench.driver.free_connections(), 4);
        })
        .await;
    bench.driver.clone().shut_down().await.unwrap();
    assert_eq!(bench.memory.allocated_bytes(), 0, "no buffer is lost");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    // B16 to B32
    #[test]
    fn every_byte_comes_once_and_every_request_completes_once(
        window_bytes in 1..500u64,
        buffer_bytes in 1..200u32,
        buffers in 1..20u32,
        acknowledge in prop_oneof![Just("window-full"), Just("0.4"), Just("every-acceptance")],
        policy in prop_oneof![4 => Just(Policy::Indicate), 1 => Just(Policy::HoldOff), 1 => Just(Policy::Copy)],
        steps in vec(step(), 1..80),
        end in prop_oneof![Just(End::Fin), Just(End::Reset), Just(End::Upload), Just(End::FinAndReset), Just(End::BeginUpload)],
    ) {
        let parameters = Parameters {
            anonymous_buffer_bytes: Some(buffer_bytes),
            anonymous_buffers: Some(buffers),
            acknowledge: Some(acknowledge.parse().unwrap()),
            policy: Some(policy),
            segment_bytes: Some(100),
            answer_deadline: Some(Duration::from_secs(60)),
            ..small(window_bytes)
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(play(parameters, steps, end));
    }
}
