//! What follows from every event: the loop of the receive process.

use super::{Action, Course, Place, Reason, ReceiveProcess, Request};
use crate::settings::AcknowledgePolicy;

impl ReceiveProcess {
    /// Everything that can go on goes on.
    pub(super) fn proceed(&mut self) -> Vec<Action> {
        self.complete_cancelled();
        loop {
            self.hand_over();
            if !self.complete_head() {
                break;
            }
        }
        self.acknowledge();
        std::mem::take(&mut self.actions)
    }

    /// Completes requests that were cancelled and hold nothing, wherever they stand.
    fn complete_cancelled(&mut self) {
        let mut place = 0;
        while let Some(request) = self.requests.get(place) {
            let empty = request.copied == 0 && !(self.copying && place == 0);
            let back = match request.place {
                Place::WithDriver => request.cancelled,
                Place::Returned { bytes, reason, .. } => bytes == 0 && reason == Reason::Cancelled,
                _ => false,
            };
            match empty && back {
                true => self.complete(place, 0, Reason::Cancelled),
                false => place += 1,
            }
        }
    }

    /// Hands buffers over, head first, until one must stay with the driver (B25, B26).
    fn hand_over(&mut self) {
        if self.told.is_some() || self.abandoned {
            return;
        }
        for place in 0..self.requests.len() {
            let request = self.requests[place];
            let posting = request.posting;
            match request.place {
                Place::WithAdapter { .. } | Place::Accepted { .. } => continue,
                Place::Returned { .. } => continue, // Its bytes are at the front of the queue, and reserved.
                Place::WithDriver => {}
            }
            let begun = request.copied > 0 || self.copying && place == 0;
            let held: u32 = self.held.iter().map(|&(_, pages, _)| pages).sum();
            let fits = self.is_for_adapter(posting.bytes, posting.pages)
                && posting.pages <= self.pages.saturating_sub(held);
            if begun || request.cancelled || !fits {
                return;
            }
            self.acknowledge_taken();
            let number = self.free_number();
            self.requests[place].place = Place::WithAdapter { number };
            self.requests[place].window_most = self.window;
            self.held.push_back((posting.id, posting.pages, false));
            self.actions.push(Action::HandOver {
                id: posting.id,
                number,
                push_mode: posting.push_mode,
            });
        }
    }

    /// A number that the adapter knows no buffer by, nor a cancel.
    fn free_number(&mut self) -> u16 {
        loop {
            let number = self.next_number;
            self.next_number = number.wrapping_add(1);
            let in_use = self
                .with_adapter()
                .any(|r| r.with_adapter() == Some(number));
            if !in_use && !self.cancels.contains(&number) {
                return number;
            }
        }
    }

    /// Completes the request at the head, if it is complete.
    fn complete_head(&mut self) -> bool {
        let Some(&head) = self.requests.front() else {
            return false;
        };
        if self.copying {
            return false;
        }
        let over = self.is_over();
        let (bytes, reason) = match head.place {
            Place::WithAdapter { .. } | Place::Accepted { .. } => return false,
            Place::Returned { skipped, .. } if head.copied < skipped && !self.abandoned => {
                return false;
            }
            Place::Returned { bytes, reason, .. } => (bytes, reason),
            Place::WithDriver => {
                let reason = match head {
                    _ if self.abandoned => Reason::Ended,
                    _ if head.posting.bytes == 0 && self.queued > 0 && self.told.is_none() => {
                        Reason::DataQueued
                    }
                    _ if head.posting.bytes > 0 && head.copied == head.posting.bytes => {
                        Reason::Full
                    }
                    _ if head.pushed => Reason::Push,
                    _ if head.cancelled => Reason::Cancelled,
                    _ if head.timed_out => Reason::Timeout,
                    _ if over => Reason::Ended,
                    _ => return false,
                };
                (head.copied, reason)
            }
        };
        self.complete(0, bytes, reason);
        true
    }

    fn complete(&mut self, place: usize, bytes: u64, reason: Reason) {
        let Some(request) = self.requests.remove(place) else {
            return;
        };
        if place == 0 && std::mem::take(&mut self.timing) {
            self.actions.push(Action::StopPushTimer);
        }
        let id = request.posting.id;
        self.actions.push(Action::Complete { id, bytes, reason });
    }

    /// indicateAcknowledge, if it is due (B13, B14). While the adapter has a Named Buffer it is not: acceptance sets
    /// its count to 0.
    fn acknowledge(&mut self) {
        if self.with_adapter().next().is_some() {
            return;
        }
        let full = self.pending() >= u64::from(self.window);
        let all_taken = self.taken == self.pending();
        let due = match self.acknowledge {
            AcknowledgePolicy::WindowFull => full && all_taken,
            AcknowledgePolicy::AtFraction(part) => {
                self.taken >= u64::from(part.of(self.window)) || full && all_taken
            }
            AcknowledgePolicy::EveryAcceptance => true,
        };
        if due {
            self.acknowledge_taken();
        }
    }

    fn acknowledge_taken(&mut self) {
        if self.taken == 0 || self.course != Course::Open || self.abandoned {
            return;
        }
        // What is taken was pending, and never more than a window is, which is a 32-bit number.
        let bytes = u32::try_from(self.taken).unwrap_or(u32::MAX);
        self.taken -= u64::from(bytes);
        self.acknowledged += u64::from(bytes);
        self.edge = self.edge.max(self.acknowledged + u64::from(self.window));
        self.actions.push(Action::Acknowledge { bytes });
    }

    pub(super) fn with_adapter(&self) -> impl Iterator<Item = &Request> {
        self.requests
            .iter()
            .filter(|request| request.with_adapter().is_some())
    }
}
