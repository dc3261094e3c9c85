//! What the reference driver knows of one connection.

use std::collections::VecDeque;

use toe_driver::registers::ReturnReason;

use crate::model::Page;

/// A request of the application.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub id: u64,
    pub pages: Vec<Page>,
    pub bytes: u64,
    pub push_mode: bool,
    pub cancelled: bool,
    pub refused: bool,
    /// The adapter accepted it.
    pub accepted: bool,
    /// Number at the adapter, and how it came back.
    pub adapter: Option<(u16, Option<(u32, ReturnReason)>)>,
}

/// What the driver knows of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub window: u64,
    pub queue: VecDeque<u8>,
    /// Ends of deliveries with PSH, counted from the front of the queue.
    pub pushes: VecDeque<u64>,
    pub pending: u64,
    pub requests: VecDeque<Request>,
    pub notified: Option<u64>,
    pub blocked: bool,
    pub ended: bool,
    pub cancels: VecDeque<u16>,
    pub changed_at: u64,
}

impl Context {
    /// Whether another buffer may follow those with the adapter: were one before it refused, the order would be lost. So the
    /// first must be accepted, and there must be room for the pages.
    pub fn may_follow(&self, pages: usize, room: usize) -> bool {
        let out = |request: &&Request| matches!(request.adapter, Some((_, None)));
        let first = self.requests.iter().find(out);
        let held: usize = self
            .requests
            .iter()
            .filter(out)
            .map(|request| request.pages.len())
            .sum();
        first.is_none_or(|first| first.accepted) && held + pages <= room
    }

    pub fn with_adapter(&self) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| matches!(request.adapter, Some((_, None))))
    }

    pub fn take(&mut self, count: u64) -> Vec<u8> {
        for end in &mut self.pushes {
            *end = end.saturating_sub(count);
        }
        self.pushes.retain(|end| *end > 0);
        let count = self.queue.len().min(count as usize);
        self.queue.drain(..count).collect()
    }
}
