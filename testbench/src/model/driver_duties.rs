//! What the driver may do next on a connection, and what it must.

use super::next::{Due, Duty};
use super::request::{DriverSettings, End, Place, Request};
use super::talk::Talk;

/// What the driver may do next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverMay {
    /// Show at most so many bytes.
    Notify(u64),
    /// Complete this request with at most so many bytes.
    Complete(u64, u64),
    /// Acknowledge at most so many bytes.
    Acknowledge(u64),
    /// Hand this request to the adapter.
    HandOver(u64),
}

/// The answer to a step of the driver that is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverNext {
    /// What the driver may do.
    pub may: Vec<DriverMay>,
    /// What it must do.
    pub must: Vec<Duty>,
}

impl Talk {
    pub fn may(&self) -> Vec<DriverMay> {
        let mut may = Vec::new();
        let posted = self.requests.iter().any(|request| request.bytes > 0);
        if self.queued > 0 && self.notified.is_none() && !self.blocked && !posted {
            may.push(DriverMay::Notify(self.queued));
        }
        if let Some(head) = self.requests.front() {
            match head.place {
                Place::Driver => may.push(DriverMay::Complete(head.id, self.fit())),
                Place::Adapter { back, .. } => {
                    let complete = |(bytes, _)| DriverMay::Complete(head.id, u64::from(bytes));
                    may.extend(back.map(complete));
                }
            }
        }
        let first = !self.requests.iter().any(|request| request.with_adapter());
        if first && self.acknowledgeable() > 0 {
            may.push(DriverMay::Acknowledge(self.acknowledgeable()));
        }
        let here = self
            .requests
            .iter()
            .find(|request| request.place == Place::Driver);
        let ready = self.notified.is_none() && (!first || self.pending == self.queued);
        let large = |request: &&Request| request.bytes > self.window.into();
        may.extend(
            here.filter(large)
                .filter(|_| ready)
                .map(|request| DriverMay::HandOver(request.id)),
        );
        may
    }

    pub fn must(&self, settings: &DriverSettings) -> Vec<Duty> {
        let mut must = Vec::new();
        let mut at_rest = |behaviour, what| must.push(Duty::new(behaviour, Due::AtRest, what));
        let open = self.end == End::Open;
        let quiet = self.notified.is_none();
        if let Some(head) = self.requests.front() {
            let full = self.fit() == head.bytes && head.bytes > 0;
            match head.place {
                Place::Adapter { back: Some(_), .. } => at_rest(24, "the buffer is completed"),
                Place::Adapter { back: None, .. } => (),
                Place::Driver if quiet && (head.cancelled || !open) => {
                    at_rest(24, "the request is completed")
                }
                Place::Driver if full => at_rest(19, "the full buffer is returned"),
                Place::Driver if head.bytes == 0 && self.queued > 0 && quiet => {
                    at_rest(22, "the request for a notification is completed");
                }
                // Copied bytes that were acknowledged would not be skipped: such a buffer stays. And one that may not hold what
                // is on its way under a larger window (B15): the adapter would refuse it (B26).
                Place::Driver
                    if head.bytes > self.most_pending()
                        && quiet
                        && !head.refused
                        && self.pending >= self.queued =>
                {
                    at_rest(25, "the head of the queue is handed to the adapter");
                }
                Place::Driver => (),
            }
        } else if self.queued > 0 && quiet && !self.blocked {
            at_rest(20, "the application is notified");
        }
        let first = !self.requests.iter().any(|request| request.with_adapter());
        let taken = self.acknowledgeable();
        if open && first && taken > 0 {
            if self.pending >= self.window.into() && taken == self.pending {
                at_rest(13, "a new window is opened");
            } else if taken >= settings.acknowledge_at.into() {
                at_rest(14, "what was taken is acknowledged, as the policy says");
            }
        }
        must.extend(self.timer(settings));
        must
    }

    /// B29, B30: the Push Timer of the request that the driver fills.
    fn timer(&self, settings: &DriverSettings) -> Option<Duty> {
        self.requests
            .front()
            .filter(|head| head.push_mode && self.fit() > 0)?;
        let limit = settings.push_timer_cycles + settings.late_cycles;
        Some(match self.push_at {
            Some(at) => Duty::new(29, Due::By(at + limit), "PSH returns the buffer"),
            None => {
                let due = Due::By(self.changed_at + limit);
                Duty::new(30, due, "the Push Timer returns the buffer")
            }
        })
    }
}
