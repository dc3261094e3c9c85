//! What is between the driver and the application of one connection, and what the application sees of the driver.

use std::collections::VecDeque;
use std::ops::Range;

use toe_driver::registers::ReturnReason;

use super::request::{Answer, DriverSettings, End, Place, Request};
use super::stream::Stream;
use super::violation::{Verdict, broken, rule};

/// One connection between driver and application.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    pub stream: Stream,
    pub window: u32,
    /// Bytes in Anonymous Buffers that the application has not taken.
    pub queued: u64,
    /// Bytes indicated and not acknowledged.
    pub pending: u64,
    /// Bytes acknowledged, or skipped in a Named Buffer.
    pub acknowledged: u64,
    /// How far the adapter may have indicated, under any window that it may still have (B15): a place in the same count.
    pub edge: u64,
    /// Bytes that the application has.
    pub consumed: u64,
    /// Ranges of the stream that came with PSH in one delivery.
    pub pushed: Vec<Range<u64>>,
    pub requests: VecDeque<Request>,
    /// Bytes shown to the application in a notification without an answer.
    pub notified: Option<u64>,
    /// Not accepted: nothing is shown until a buffer is posted.
    pub blocked: bool,
    pub end: End,
    /// Cycle since when the driver can have copied all that it can copy.
    pub changed_at: u64,
    /// Cycle since when a PSH lies in what the head request can hold.
    pub push_at: Option<u64>,
    /// Pages of the Named Buffer that is being handed over, in bytes.
    pub gathering: u64,
    pub cancels: VecDeque<u16>,
}

impl Talk {
    /// Bytes that the head request can hold of what is queued.
    pub fn fit(&self) -> u64 {
        let head = self.requests.front();
        let here = head.filter(|head| head.place == Place::Driver && self.notified.is_none());
        here.map_or(0, |head| head.bytes.min(self.queued))
    }

    /// Bytes queued that are copied to requests, or can be.
    fn copied(&self) -> u64 {
        let here = |request: &&Request| request.place == Place::Driver;
        // The application may take completions later than the driver makes them.
        let back =
            |request: &&Request| matches!(request.place, Place::Adapter { back: Some(_), .. });
        let room = self
            .requests
            .iter()
            .skip_while(back)
            .take_while(here)
            .map(|request| request.bytes);
        if self.notified.is_some() {
            0
        } else {
            self.queued.min(room.sum())
        }
    }

    /// Bytes that may be acknowledged: indicated, and accepted or copied since (B13).
    pub fn acknowledgeable(&self) -> u64 {
        self.pending.saturating_sub(self.queued - self.copied())
    }

    /// Bytes that may be pending at the adapter when it obeys: some may be on their way, under a window that was larger (B15).
    pub fn most_pending(&self) -> u64 {
        self.edge.max(self.acknowledged + u64::from(self.window)) - self.acknowledged
    }

    /// So much is not pending any more; the adapter's window at that time is `window` at most.
    pub fn clear_pending(&mut self, bytes: u64, window: u32) {
        self.pending -= bytes;
        self.acknowledged += bytes;
        self.edge = self.edge.max(self.acknowledged + u64::from(window));
    }

    /// A delivery with PSH ends in the next `count` bytes.
    pub fn push_within(&self, count: u64) -> bool {
        let range = self.consumed..self.consumed + count;
        let inside = |pushed: &Range<u64>| range.start < pushed.end && pushed.end <= range.end;
        self.pushed.iter().any(inside)
    }

    fn push_touches(&self, count: u64) -> bool {
        let range = self.consumed..self.consumed + count;
        let touches = |pushed: &Range<u64>| pushed.start < range.end && range.start < pushed.end;
        self.pushed.iter().any(touches)
    }

    fn content(&self, behaviour: u8, data: &[u8]) -> Verdict {
        let sent = self
            .stream
            .bytes(self.consumed..self.consumed + data.len() as u64);
        let from = self.consumed;
        rule!(
            behaviour,
            sent.is_none_or(|sent| sent == data),
            "{} bytes from {from} on are not what the peer sent",
            data.len()
        );
        Ok(())
    }

    /// After a step: since when a PSH waits in the head request.
    pub fn note(&mut self, cycle: u64) {
        let watched = self.requests.front().is_some_and(|head| head.push_mode);
        let waits = watched && self.push_within(self.fit());
        self.push_at = waits.then(|| self.push_at.unwrap_or(cycle));
    }

    /// The application posts a buffer; with 0 bytes it asks for the next notification (B22).
    pub fn post(&mut self, request: Request, cycle: u64) -> Verdict {
        let id = request.id;
        let fresh = self.requests.iter().all(|request| request.id != id);
        rule!(24, fresh, "request {id} is posted twice");
        self.blocked = false;
        if self.requests.is_empty() {
            self.changed_at = cycle; // Else it waits, and nothing is copied on its account.
        }
        self.requests.push_back(request);
        Ok(())
    }

    pub fn cancel(&mut self, id: u64) {
        for request in self.requests.iter_mut().filter(|request| request.id == id) {
            request.cancelled = true;
        }
    }

    /// B17, B20: data and no buffer: the application is told once, until it answers.
    pub fn notify(&mut self, data: &[u8]) -> Verdict {
        let shown = data.len() as u64;
        rule!(
            20,
            self.notified.is_none(),
            "notified again without an answer"
        );
        rule!(
            21,
            !self.blocked,
            "notified though not accepted, and no buffer was posted"
        );
        let posted = self.requests.iter().any(|request| request.bytes > 0);
        rule!(18, !posted, "notified with a Named Buffer at hand");
        let queued = self.queued;
        rule!(
            20,
            shown > 0 && shown <= queued,
            "{shown} bytes shown, {queued} are queued"
        );
        self.content(16, data)?;
        self.notified = Some(shown);
        Ok(())
    }

    /// B21.
    pub fn answer(&mut self, answer: Answer, cycle: u64) -> Verdict {
        let Some(shown) = self.notified.take() else {
            return broken(21, format!("{answer:?} answers nothing"));
        };
        let bytes = match answer {
            Answer::Accepted => shown,
            Answer::Part(bytes) => bytes,
            Answer::NotAccepted => 0,
        };
        rule!(
            21,
            bytes <= shown,
            "{bytes} bytes accepted, {shown} were shown"
        );
        let posted = self.requests.iter().any(|request| request.bytes > 0);
        self.blocked = answer == Answer::NotAccepted && !posted;
        self.queued -= bytes;
        self.consumed += bytes;
        self.changed_at = cycle;
        Ok(())
    }

    /// B18, B19, B23, B24, B27 to B32: a request comes back to the application.
    pub fn complete(
        &mut self,
        id: u64,
        data: &[u8],
        reason: ReturnReason,
        settings: &DriverSettings,
        cycle: u64,
    ) -> Verdict {
        let at = self.requests.iter().position(|request| request.id == id);
        let request = at.and_then(|at| self.requests.get(at));
        let (Some(at), Some(request)) = (at, request) else {
            return broken(24, format!("request {id} is completed and is not open"));
        };
        let bytes = data.len() as u64;
        let cancelled = reason == ReturnReason::Cancelled;
        let request = request.clone();
        rule!(
            23,
            at == 0 || cancelled,
            "request {id} overtakes {at} others"
        );
        rule!(
            23,
            bytes == 0 || at == 0,
            "request {id} takes bytes of those before it"
        );
        let quiet = self.notified.is_none() || bytes == 0;
        rule!(
            23,
            quiet,
            "request {id} takes bytes that a notification shows"
        );
        rule!(
            27,
            !cancelled || request.cancelled,
            "request {id}: nobody cancelled it"
        );
        match &request.place {
            Place::Driver => {
                self.completes(&request, bytes, reason, settings, cycle)?;
                self.content(18, data)?;
                self.queued -= bytes;
            }
            Place::Adapter { back, .. } => {
                let came = (bytes as u32, reason);
                rule!(
                    27,
                    *back == Some(came),
                    "request {id} is completed with {came:?}, the adapter gave back {back:?}"
                );
                self.content(25, data)?;
            }
        }
        self.consumed += bytes;
        if at == 0 {
            self.changed_at = cycle;
        }
        self.requests.remove(at);
        Ok(())
    }

    /// The rules for a request that the driver filled.
    fn completes(
        &self,
        request: &Request,
        bytes: u64,
        reason: ReturnReason,
        settings: &DriverSettings,
        cycle: u64,
    ) -> Verdict {
        let (id, size, queued) = (request.id, request.bytes, self.queued);
        let fit = size.min(queued);
        rule!(
            22,
            size > 0 || bytes == 0,
            "request {id} of 0 bytes takes {bytes}"
        );
        rule!(
            18,
            bytes <= fit,
            "{bytes} bytes in request {id} of {size}, {queued} were queued"
        );
        let full = reason == ReturnReason::Full;
        rule!(
            27,
            full == (bytes == size) || size == 0,
            "{bytes} of {size}: {reason:?}"
        );
        let watched = !matches!(reason, ReturnReason::Push | ReturnReason::Timeout);
        rule!(
            31,
            watched || request.push_mode,
            "{reason:?} without Push Mode"
        );
        match reason {
            ReturnReason::Push => rule!(29, self.push_touches(bytes), "push, and no PSH came"),
            ReturnReason::Timeout => {
                rule!(
                    32,
                    bytes > 0,
                    "a time-out of request {id} with nothing in it"
                );
                rule!(29, !self.push_within(bytes), "a time-out, and a PSH came");
                rule!(18, bytes == fit, "{bytes} bytes in request {id}, {fit} fit");
                let expiry = self.changed_at + settings.push_timer_cycles;
                let due = cycle + settings.early_cycles >= expiry;
                rule!(30, due, "a time-out at {cycle}, due at {expiry}");
            }
            ReturnReason::Ended => {
                rule!(
                    24,
                    self.end != End::Open || request.came_back,
                    "request {id}: ended, and it goes on"
                );
                let returned = request.came_back && bytes == 0;
                let all = self.end == End::Reset || returned || bytes == fit;
                rule!(18, all, "request {id} ends with {bytes} bytes, {fit} fit");
            }
            ReturnReason::Full | ReturnReason::Cancelled => (),
        }
        Ok(())
    }
}
