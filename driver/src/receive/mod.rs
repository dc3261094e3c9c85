//! The receive process of one connection (B16 to B24), as a state machine: events in, actions out, no memory touched,
//! no clock read. `receiver` runs it; [`ReceiveProcess`] can be run by hand as well.
//!
//! ```text
//!                post                           named_buffer_accepted        named_buffer_returned
//!  application ───────► WithDriver ─hand over─► WithAdapter ────────────► Accepted ────────────► Returned ─► completed
//!                        │     ▲                    │ returned unaccepted    the driver copies the skipped bytes
//!                        │     └──── "ended" ───────┤                        while the adapter places those behind
//!                        │ copy: full, pushed,      └─ "cancelled" ──────────────────────────────────────► completed
//!                        └─ timed out, cancelled, end of the stream ─────────────────────────────────────► completed
//! ```
//!
//! Who takes which byte follows from three rules.
//!
//! 1. Requests are served in the order posted (B28). Those with the adapter are the first of them: behind a request that
//!    stays with the driver none is handed over, or the adapter would fill it with bytes that are the other's.
//! 2. Commands are obeyed in order. So the adapter skips in a buffer exactly what was indicated and is not acknowledged
//!    by a command before the posting. The driver therefore acknowledges what the application took *before* it hands a buffer
//!    over, and from then until the adapter's acceptance takes nothing from the queue and acknowledges nothing: what then
//!    stands in the queue is what the adapter skipped, whatever was on its way when the command was written (B25).
//! 3. A notification that is not answered keeps its bytes: nothing is copied and nothing handed over until the answer (B17).
//!
//! # The source's steps
//!
//! The processes of US 8,102,769, step by step. Its flow charts number every step "S…"; the steps stand here in its order.
//!
//! | process | step of the source | here | test |
//! |---|---|---|---|
//! | start-up | load default operating parameters, with indicateWindowSize | `bring_up`, [`Sources::resolve`](crate::Sources::resolve) | `settings.rs`: `the_first_source_found_wins` |
//! | | allocate host memory for the anonymous buffer pool | `bring_up`, step [`AllocatePool`](crate::Step::AllocatePool) | `settings.rs`: `the_pool_follows_from_window_and_connections` |
//! | | initialisation of the adapter is complete | step [`MakeReady`](crate::Step::MakeReady) | `bring_up.rs` |
//! | offload | the host notifies the adapter via the driver | [`Driver::offload`](crate::Driver::offload) | `connections.rs` |
//! | | pass indicateWindowSize; no data has been received | `Command::Offload`, [`ReceiveProcess::new`] | `indicate_window.rs`: `a_connection_s_own_window_wins` |
//! | | tell the host's stack that it is complete | the return of `offload` | `connections.rs` |
//! | receive | IndicateData arrives | [`ReceiveProcess::indicated`] | `receive_queue.rs` |
//! | | queue the Anonymous Buffers; update the counter | the same | `receive_process.rs`: `data_without_a_request_is_told_once` |
//! | | application notified, or Named Buffer being returned? then exit | `told`; `WithAdapter` and `Accepted` in [`ReceiveProcess::copy_step`] | `receive_process.rs`: `an_unanswered_notification_keeps_its_bytes` |
//! | | Named Buffer available? copy to it | [`ReceiveProcess::copy_step`], [`ReceiveProcess::copied`] | `receive_process.rs`: `a_small_buffer_is_filled_by_copy` |
//! | | release the Anonymous Buffer to the pool | `Context::consume` | `named_buffers.rs`: `an_anonymous_buffer_copied_out_is_the_adapter_s_again` |
//! | | Named Buffer full? return it | `complete_head` | `receive_process.rs`: `a_small_buffer_is_filled_by_copy` |
//! | | Push Timer running for it? stop it | `complete` | `push_mode.rs`: `a_full_buffer_stops_its_push_timer` |
//! | | all data copied? | `proceed` | `receive_process.rs`: `data_beyond_the_buffer_is_told` |
//! | | data left, not yet notified: notify | [`ReceiveProcess::may_tell`], [`ReceiveProcess::tell`] | `receive_process.rs`: `data_without_a_request_is_told_once` |
//! | | return code: release Anonymous Buffers | [`ReceiveProcess::answer`] | `receive_process.rs`: `the_answers_of_an_application` |
//! | | Named Buffer available, or more data queued: loop back | `proceed` | `receive_process.rs`: `a_posting_after_not_accepted_is_served` |
//! | | indicatedBytes = indicateWindowSize? set it to 0 | `acknowledge` | `indicate_window.rs`: `a_full_window_is_acknowledged_when_all_of_it_is_accepted` |
//! | | Named Buffer with the adapter? end; else indicateAcknowledge | `acknowledge` | `receive_process.rs`: `nothing_is_acknowledged_while_a_buffer_travels` |
//! | timers | Named Buffer partly full and in Push Mode? | [`ReceiveProcess::copied`] | `push_mode.rs`: `without_push_mode_a_partly_full_buffer_waits` |
//! | | push bit in a copied segment: return it | [`ReceiveProcess::copied`] | `push_mode.rs`: `a_push_returns_the_buffer_however_full` |
//! | | else start the Push Timer | [`Action::StartPushTimer`] | `push_mode.rs`: `the_push_timer_runs_from_the_latest_data` |
//! | | Push Timer expires: return the Named Buffer | [`ReceiveProcess::push_timer_expired`] | the same |
//! | posting | Named Buffers with the adapter already? else start at the head of the queue | `hand_over` | `receive_process.rs`: `buffers_are_handed_over_head_first` |
//! | | not larger than indicateWindowSize: stays with the driver | `is_for_adapter` | `receive_process.rs`: `a_small_buffer_keeps_those_behind_it_with_the_driver` |
//! | | else tell the TOE Module its size and address | [`Action::HandOver`] | `named_buffers.rs` |
//! | | running Push Timer: stop it; return of the buffer | `complete` | `push_mode.rs` |
//!
//! Where the source contradicts itself or is silent:
//!
//! - *When the Push Timer starts.* Its chart starts the timer once and lets it run; its text counts from the data. Here every
//!   copy starts it anew (B30), so a stream that trickles is not cut.
//! - *What a push does.* The text returns the buffer "within a PUSH Timer timeout period", the chart at once. Here: at once.
//! - *A full window stops the timer* in one branch of the chart, though the buffer stays partly full, and nothing would ever
//!   return it. Here only the buffer's return stops it (B32).
//! - *A buffer larger than the window, with data in the window.* The text copies first and then lets the adapter place; the chart
//!   hands over only what is left. Here both happen at the same time (B25).
//! - *A cancelled buffer that holds nothing* comes back at once and may overtake requests posted before it: it has no place in the
//!   stream. One that holds bytes never overtakes (B23).
//! - *A zero-byte request* has its place in the queue; at the head it completes as soon as a byte is queued, and that byte is then told of,
//!   unless requests follow that take it (B22).

mod proceed;
mod types;

use std::collections::VecDeque;

pub use types::{Action, CopyStep, Fault, Posting, Reason, RequestId};

use crate::registers::ReturnReason;
use crate::settings::AcknowledgePolicy;

/// Where a request's buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// With the driver: waits for its turn, or is being filled by copy.
    WithDriver,
    /// Handed over, not accepted.
    WithAdapter { number: u16 },
    /// The adapter skipped bytes, which the driver copies, and places what follows.
    Accepted { number: u16, skipped: u64 },
    /// It came back with `bytes`; of those skipped, some may still have to be copied.
    Returned {
        skipped: u64,
        bytes: u64,
        reason: Reason,
    },
}

#[derive(Clone, Copy, Debug)]
struct Request {
    posting: Posting,
    place: Place,
    /// The widest window since it was handed over: what the adapter accepts it under.
    window_most: u32,
    /// Bytes copied by the driver, from the buffer's start.
    copied: u64,
    /// The last byte copied ended a chunk with PSH.
    pushed: bool,
    timed_out: bool,
    cancelled: bool,
}

impl Request {
    fn with_adapter(&self) -> Option<u16> {
        match self.place {
            Place::WithAdapter { number } | Place::Accepted { number, .. } => Some(number),
            Place::WithDriver | Place::Returned { .. } => None,
        }
    }
}

/// How far the stream is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// The adapter delivers.
    Open,
    /// An upload is under way: no command is sent, more bytes may come.
    Uploading,
    /// No more bytes come.
    Over,
}

/// The receive process of one connection.
///
/// Every method that returns `Vec<Action>` may be followed by a [`copy_step`](Self::copy_step): ask for it.
#[derive(Debug)]
pub struct ReceiveProcess {
    window: u32,
    acknowledge: AcknowledgePolicy,
    /// Pages that the adapter can hold; 0: it takes no Named Buffers.
    pages: u32,
    /// Bytes indicated since the offload.
    indicated: u64,
    /// Of them, bytes acknowledged, or skipped in a Named Buffer: for the adapter, not pending.
    acknowledged: u64,
    /// Where the widest window so far ends, as a place among the bytes indicated. It never retreats: a smaller
    /// window (B15) does not take back what may have been delivered under the larger one.
    edge: u64,
    /// Of what is pending, bytes taken by the application or copied.
    taken: u64,
    /// Bytes in the queue, and of them at its front those that a Named Buffer's skipped bytes are.
    queued: u64,
    reserved: u64,
    /// Bytes that ever left the queue, and where in that count chunks with PSH end.
    left: u64,
    pushes: VecDeque<u64>,
    requests: VecDeque<Request>,
    /// Pages that the adapter holds, of each buffer handed over, and whether it came back: the adapter frees them in order.
    held: VecDeque<(RequestId, u32, bool)>,
    /// Numbers of the cancels that the adapter has not answered, in their order.
    cancels: VecDeque<u16>,
    next_number: u16,
    /// Bytes of the notification that is not answered.
    told: Option<u64>,
    /// "Not accepted": nothing is told until a request is posted.
    declined: bool,
    course: Course,
    /// The FIN is in order.
    closed: bool,
    /// The peer closed, or the adapter gave a buffer back because of the end: it takes no more of them.
    no_more_buffers: bool,
    /// Nobody wants the bytes any more.
    abandoned: bool,
    /// A copy step is being made.
    copying: bool,
    timing: bool,
    actions: Vec<Action>,
}

impl ReceiveProcess {
    /// The process of a connection just offloaded: nothing indicated, nothing pending (B5). `pages` of Named Buffers fit
    /// into the adapter, 0 if none are to be handed over.
    pub fn new(window: u32, acknowledge: AcknowledgePolicy, pages: u32) -> Self {
        Self {
            window,
            acknowledge,
            pages,
            indicated: 0,
            acknowledged: 0,
            edge: u64::from(window),
            taken: 0,
            queued: 0,
            reserved: 0,
            left: 0,
            pushes: VecDeque::new(),
            requests: VecDeque::new(),
            held: VecDeque::new(),
            cancels: VecDeque::new(),
            next_number: 0,
            told: None,
            declined: false,
            course: Course::Open,
            closed: false,
            no_more_buffers: false,
            abandoned: false,
            copying: false,
            timing: false,
            actions: Vec::new(),
        }
    }

    // ------------------------------------------------------------ what can be asked

    /// Bytes in the queue.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// Bytes indicated and not acknowledged: indicatedBytes (B13).
    pub fn pending(&self) -> u64 {
        self.indicated - self.acknowledged
    }

    /// Bytes at the front of the queue that are nobody's but the application's: it may take them at once.
    pub fn free_to_take(&self) -> u64 {
        match self.told.is_none() && self.requests.is_empty() {
            true => self.queued,
            false => 0,
        }
    }

    /// Whether the application is to be told that data is available (B20).
    pub fn may_tell(&self) -> bool {
        self.free_to_take() > 0 && !self.declined
    }

    /// Whether a notification is not answered.
    pub fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Requests that are not complete.
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Whether no byte is in the queue and none will come.
    pub fn is_over(&self) -> bool {
        let closed = self.closed && self.with_adapter().next().is_none();
        (closed || self.course == Course::Over) && self.queued == 0
    }

    /// Cancels that the adapter has not answered.
    pub fn cancels(&self) -> usize {
        self.cancels.len()
    }

    /// Whether a buffer of `bytes` in `pages` pages would go to the adapter, were it alone (B25, B26).
    pub fn is_for_adapter(&self, bytes: u64, pages: u32) -> bool {
        // What may be pending when the adapter obeys: up to the edge of any window so far.
        let most_pending = self.edge - self.acknowledged;
        bytes > most_pending.max(u64::from(self.window))
            && u32::try_from(bytes).is_ok()
            && pages <= self.pages
            && self.course == Course::Open
            && !self.no_more_buffers
    }

    // ------------------------------------------------------------ events of the adapter

    /// IndicateData: `bytes` are queued (B16). `push`: PSH is among them.
    pub fn indicated(&mut self, bytes: u64, push: bool) -> Result<Vec<Action>, Fault> {
        if self
            .requests
            .iter()
            .any(|request| matches!(request.place, Place::Accepted { .. }))
        {
            return Err(Fault::IndicatedBesideNamedBuffer);
        }
        if self.indicated + bytes > self.edge {
            return Err(Fault::BeyondWindow {
                pending: self.pending() + bytes,
                window: self.edge - self.acknowledged,
            });
        }
        self.indicated += bytes;
        self.queue(bytes, push);
        Ok(self.proceed())
    }

    /// Bytes that an upload handed back are queued, outside the window (B6).
    pub fn handed_back(&mut self, bytes: u64) -> Vec<Action> {
        self.queue(bytes, false);
        self.proceed()
    }

    fn queue(&mut self, bytes: u64, push: bool) {
        if self.abandoned {
            return;
        }
        self.queued += bytes;
        if push {
            self.pushes.push_back(self.left + self.queued);
        }
    }

    /// The adapter accepted the first buffer that it has, and skipped `skipped` bytes (B12, B25).
    pub fn accepted(&mut self, skipped: u32) -> Result<Vec<Action>, Fault> {
        let skipped = u64::from(skipped);
        let pending = self.pending();
        // A request that came back empty takes what is queued, so none behind it can skip that.
        let taken = self
            .requests
            .iter()
            .take_while(|request| request.with_adapter().is_none())
            .any(|request| request.place == Place::WithDriver);
        if taken && skipped > 0 {
            return Err(Fault::NoSuchBuffer);
        }
        let next = self
            .requests
            .iter_mut()
            .find(|request| request.with_adapter().is_some());
        let Some((request, number)) = next.and_then(|request| match request.place {
            Place::WithAdapter { number } => Some((request, number)),
            _ => None,
        }) else {
            return Err(Fault::NoSuchBuffer);
        };
        if skipped != pending || skipped >= request.posting.bytes {
            return Err(Fault::WrongSkip { skipped, pending });
        }
        request.place = Place::Accepted { number, skipped };
        let window_most = request.window_most;
        self.acknowledged += skipped;
        self.edge = self.edge.max(self.acknowledged + u64::from(window_most));
        if !self.abandoned {
            self.reserved += skipped;
        }
        Ok(self.proceed())
    }

    /// A buffer came back (B27). Also says how many bytes of it the adapter placed.
    pub fn returned(
        &mut self,
        bytes: u32,
        reason: ReturnReason,
    ) -> Result<(u64, Vec<Action>), Fault> {
        let bytes = u64::from(bytes);
        let mut with_adapter = self
            .requests
            .iter_mut()
            .filter(|r| r.with_adapter().is_some());
        let named = match reason {
            ReturnReason::Cancelled => {
                let number = self.cancels.pop_front();
                with_adapter.find(|request| request.with_adapter() == number)
            }
            ReturnReason::Ended => with_adapter.next(),
            _ => with_adapter.find(|request| matches!(request.place, Place::Accepted { .. })),
        };
        let request = named.ok_or(Fault::NoSuchBuffer)?;
        let room = request.posting.bytes;
        let id = request.posting.id;
        let wrong = |skipped| Fault::WrongCount {
            bytes,
            skipped,
            room,
            reason,
        };
        let Place::Accepted { skipped, .. } = request.place else {
            if bytes != 0 {
                return Err(wrong(0));
            }
            // Not accepted, so nothing was skipped in it. At the end of the stream the driver fills it.
            match reason {
                ReturnReason::Cancelled => {
                    request.place = Place::Returned {
                        skipped: 0,
                        bytes: 0,
                        reason: Reason::Cancelled,
                    };
                }
                _ => {
                    request.place = Place::WithDriver;
                    self.no_more_buffers = true;
                }
            }
            self.came_back(id);
            return Ok((0, self.proceed()));
        };
        let complete = bytes == room || reason != ReturnReason::Full;
        if bytes < skipped || bytes > room || !complete {
            return Err(wrong(skipped));
        }
        let pushing = matches!(reason, ReturnReason::Push | ReturnReason::Timeout);
        if pushing && !request.posting.push_mode {
            return Err(Fault::NotInPushMode { reason });
        }
        self.no_more_buffers |= reason == ReturnReason::Ended;
        request.place = Place::Returned {
            skipped,
            bytes,
            reason: match reason {
                ReturnReason::Full => Reason::Full,
                ReturnReason::Push => Reason::Push,
                ReturnReason::Timeout => Reason::Timeout,
                ReturnReason::Cancelled => Reason::Cancelled,
                ReturnReason::Ended => Reason::Ended,
            },
        };
        self.came_back(id);
        Ok((bytes - skipped, self.proceed()))
    }

    /// The adapter frees the pages of a buffer once those of all before it are free.
    fn came_back(&mut self, id: RequestId) {
        for held in self.held.iter_mut().filter(|held| held.0 == id) {
            held.2 = true;
        }
        while self.held.front().is_some_and(|&(.., back)| back) {
            self.held.pop_front();
        }
    }

    /// The adapter does not have the buffer any more that it was asked for: it came back for another reason.
    pub fn cancel_refused(&mut self, number: u16) -> Result<(), Fault> {
        let asked = self.cancels.pop_front() == Some(number);
        let has_it = |request: &Request| request.with_adapter() == Some(number);
        match asked && !self.with_adapter().any(has_it) {
            true => Ok(()),
            false => Err(Fault::NoSuchBuffer),
        }
    }

    /// The peer's FIN: every byte before it has been delivered (B37).
    pub fn closed(&mut self) -> Vec<Action> {
        self.closed = true;
        self.no_more_buffers = true;
        self.proceed()
    }

    /// An upload was sent: no command follows it.
    pub fn uploading(&mut self) -> Vec<Action> {
        if self.course == Course::Open {
            self.course = Course::Uploading;
        }
        self.proceed()
    }

    /// The upload is complete: every byte has come, and every buffer must have come back (B6, B24).
    pub fn uploaded(&mut self) -> Result<Vec<Action>, Fault> {
        let buffers = self.with_adapter().count();
        let cancels = self.cancels.len();
        if buffers + cancels > 0 {
            return Err(Fault::Missing { buffers, cancels });
        }
        self.course = Course::Over;
        Ok(self.proceed())
    }

    // ------------------------------------------------------------ what the application does

    /// Posts a request behind all others.
    pub fn post(&mut self, posting: Posting) -> Vec<Action> {
        self.declined = false;
        self.requests.push_back(Request {
            posting,
            place: Place::WithDriver,
            window_most: 0,
            copied: 0,
            pushed: false,
            timed_out: false,
            cancelled: false,
        });
        self.proceed()
    }

    /// Asks for a request's buffer back; `None` if the request is complete already.
    pub fn cancel(&mut self, id: RequestId) -> Option<Vec<Action>> {
        let request = self
            .requests
            .iter_mut()
            .find(|request| request.posting.id == id)?;
        if request.cancelled || matches!(request.place, Place::Returned { .. }) {
            return Some(Vec::new()); // It is on its way back.
        }
        request.cancelled = true;
        if let Some(number) = request.with_adapter()
            && self.course == Course::Open
        {
            self.cancels.push_back(number);
            self.actions.push(Action::TakeBack { number });
        }
        Some(self.proceed())
    }

    /// The application is being told of everything in the queue (B20): how many bytes that is. Until it answers, what
    /// arrives only queues (B17).
    pub fn tell(&mut self) -> Option<u64> {
        self.may_tell().then(|| {
            self.told = Some(self.queued);
            self.queued
        })
    }

    /// The application's answer (B21): it takes the first `bytes`, at most what it was told of; `declined` is *not
    /// accepted*. `None` if nothing was told. With a buffer posted meanwhile, *not accepted* holds nothing back.
    pub fn answer(&mut self, bytes: u64, declined: bool) -> Option<Vec<Action>> {
        self.told.take_if(|told| bytes <= *told)?;
        let posted = self
            .requests
            .iter()
            .any(|request| request.posting.bytes != 0);
        self.declined = declined && !posted;
        Some(self.take(bytes))
    }

    /// The application took the first `bytes`, of those [free to take](Self::free_to_take), untold.
    pub fn read(&mut self, bytes: u64) -> Vec<Action> {
        debug_assert!(bytes <= self.free_to_take());
        self.take(bytes)
    }

    fn take(&mut self, bytes: u64) -> Vec<Action> {
        self.leave(bytes);
        self.taken += bytes;
        self.proceed()
    }

    /// The first `bytes` leave the queue. Says whether the last of them ends a chunk with PSH.
    fn leave(&mut self, bytes: u64) -> bool {
        let bytes = bytes.min(self.queued);
        self.queued -= bytes;
        self.left += bytes;
        let mut pushed = false;
        while self.pushes.front().is_some_and(|&end| end <= self.left) {
            self.pushes.pop_front();
            pushed = true;
        }
        pushed
    }

    /// Another indicateWindowSize was sent (B15).
    pub fn set_window(&mut self, bytes: u32) -> Vec<Action> {
        self.window = bytes;
        for request in &mut self.requests {
            request.window_most = request.window_most.max(bytes);
        }
        self.edge = self.edge.max(self.acknowledged + u64::from(bytes));
        self.proceed()
    }

    /// Nobody will take anything any more: what is queued is discarded, requests with the driver are complete.
    pub fn abandon(&mut self) -> Vec<Action> {
        self.abandoned = true;
        self.told = None;
        (self.queued, self.reserved) = (0, 0);
        self.pushes.clear();
        self.proceed()
    }

    /// Lets go of a notification that nobody can answer any more.
    pub fn forget_notification(&mut self) -> Vec<Action> {
        self.told = None;
        self.proceed()
    }

    // ------------------------------------------------------------ copying

    /// The next bytes to copy into a Named Buffer (B18, B25), if any. Every step is followed by one or more
    /// [`copied`](Self::copied); asked again before, it is the same step.
    pub fn copy_step(&mut self) -> Option<CopyStep> {
        let head = self.requests.front()?;
        let bytes = match head.place {
            _ if self.abandoned => 0,
            Place::Accepted { skipped, .. } | Place::Returned { skipped, .. } => {
                skipped - head.copied
            }
            Place::WithDriver if self.told.is_some() => 0,
            Place::WithDriver => (head.posting.bytes - head.copied).min(self.queued),
            Place::WithAdapter { .. } => 0, // Its acceptance says how many.
        };
        self.copying = bytes > 0;
        self.copying.then_some(CopyStep {
            id: head.posting.id,
            place: head.copied,
            bytes,
        })
    }

    /// The first `bytes` of the step were copied: they leave the queue.
    pub fn copied(&mut self, bytes: u64) -> Vec<Action> {
        self.copying = false;
        if self.abandoned {
            return self.proceed();
        }
        let pushed = self.leave(bytes);
        if let Some(head) = self.requests.front_mut() {
            head.copied += bytes;
            if head.place == Place::WithDriver {
                self.taken += bytes;
                head.pushed |= pushed && head.posting.push_mode;
                if head.posting.push_mode && head.copied < head.posting.bytes && !head.pushed {
                    self.timing = true;
                    self.actions.push(Action::StartPushTimer);
                }
            } else {
                self.reserved -= bytes.min(self.reserved); // The adapter watches PSH for this one.
            }
        }
        self.proceed()
    }

    /// The driver's Push Timer expired (B30). Without a partly full buffer that is harmless (B32).
    pub fn push_timer_expired(&mut self) -> Vec<Action> {
        if std::mem::take(&mut self.timing)
            && !self.copying // What is being copied starts it anew.
            && let Some(head) = self.requests.front_mut()
        {
            head.timed_out = head.place == Place::WithDriver && head.copied > 0;
        }
        self.proceed()
    }
}
