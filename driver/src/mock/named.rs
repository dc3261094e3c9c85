//! Named Buffers and Push Mode of the mock adapter, by the contract of the register map (B12, B25 to B32).

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

use super::Memory;
use crate::bus::BusAddress;
use crate::registers::{Command, Event, Refusal, ReturnReason};

/// A buffer in the connection's queue.
struct Buffer {
    request: u16,
    /// Address and bytes of each page.
    pages: Vec<(u64, u64)>,
    bytes: u64,
    push_mode: bool,
    accepted: bool,
    /// Bytes skipped and placed.
    filled: u64,
    pushed: bool,
    /// When the Push Timer ends, while it runs.
    deadline: Option<Instant>,
}

/// The Named Buffers of one connection.
#[derive(Default)]
pub(super) struct NamedBuffers {
    queue: VecDeque<Buffer>,
    /// The buffer of which pages are still to come.
    coming: Option<Buffer>,
    /// A page was refused: so are those up to the last.
    refusing: Option<Refusal>,
    /// FIN, RST or upload: nothing is placed any more.
    ended: bool,
}

/// What of the rest of the adapter a posting has to do with.
pub(super) struct Surroundings {
    pub connection: u16,
    /// Pages that the adapter can hold.
    pub pages: u64,
    pub window: u64,
    pub pending: u64,
    pub push_timer: Duration,
}

impl NamedBuffers {
    /// `post_named_buffer`.
    pub fn post(&mut self, command: &Command, around: &Surroundings) -> Option<Refusal> {
        let Command::PostNamedBuffer {
            address,
            bytes,
            request,
            last_page,
            push_mode,
            ..
        } = *command
        else {
            return None;
        };
        if let Some(refusal) = self.refusing {
            self.refusing = Some(refusal).filter(|_| !last_page);
            return Some(refusal);
        }
        let mut buffer = self.coming.take().unwrap_or(Buffer {
            request,
            pages: Vec::new(),
            bytes: 0,
            push_mode,
            accepted: false,
            filled: 0,
            pushed: false,
            deadline: None,
        });
        let held: usize = self.queue.iter().map(|buffer| buffer.pages.len()).sum();
        buffer.pages.push((address, u64::from(bytes)));
        buffer.bytes += u64::from(bytes);
        buffer.push_mode = push_mode;
        let least = around.window.max(around.pending);
        let refusal = if bytes == 0 || buffer.bytes > u64::from(u32::MAX) {
            Some(Refusal::BadPage)
        } else if (held + buffer.pages.len()) as u64 > around.pages {
            Some(Refusal::BuffersFull)
        } else if last_page && buffer.bytes <= least {
            Some(Refusal::TooSmall)
        } else {
            None
        };
        match refusal {
            Some(refusal) => self.refusing = Some(refusal).filter(|_| !last_page),
            None if last_page => self.queue.push_back(buffer),
            None => self.coming = Some(buffer),
        }
        refusal
    }

    /// `cancel_named_buffer`: the event that answers it, none if there is no such buffer.
    pub fn cancel(&mut self, connection: u16, request: u16) -> Option<Event> {
        let place = self
            .queue
            .iter()
            .position(|buffer| buffer.request == request)?;
        let buffer = self.queue.remove(place)?;
        Some(buffer.event(connection, ReturnReason::Cancelled))
    }

    /// Whether what comes next goes to a Named Buffer; `holds`: none is accepted now.
    pub fn take(&self, holds: bool) -> bool {
        let first = self.queue.front();
        !self.ended && first.is_some_and(|buffer| buffer.accepted || !holds)
    }

    /// Accepts the first buffer, if it is not accepted yet: skips `pending`, which is 0 from then on. `pushed`: PSH is
    /// among the bytes skipped.
    pub fn accept(
        &mut self,
        pending: &mut u64,
        pushed: bool,
        around: &Surroundings,
    ) -> Option<Event> {
        let ended = self.ended;
        let buffer = self
            .queue
            .front_mut()
            .filter(|buffer| !buffer.accepted && !ended)?;
        let skipped = std::mem::take(pending);
        buffer.accepted = true;
        buffer.filled = skipped;
        buffer.pushed = pushed;
        if skipped > 0 {
            buffer.start_timer(around.push_timer);
        }
        Some(Event::NamedBufferAccepted {
            connection: around.connection,
            skipped: skipped as u32,
        })
    }

    /// Places bytes of `held` in the accepted buffer, up to its end or a PSH. False if the memory refused them.
    pub fn place(
        &mut self,
        held: &mut VecDeque<(u8, bool)>,
        memory: &Memory,
        timer: Duration,
    ) -> (u64, bool) {
        let Some(buffer) = self.queue.front_mut() else {
            return (0, true);
        };
        let mut placed = 0;
        while buffer.filled < buffer.bytes && !buffer.returns_on_push() {
            let Some((byte, push)) = held.pop_front() else {
                break;
            };
            let mut place = buffer.filled;
            for &(address, bytes) in &buffer.pages {
                if place < bytes {
                    if memory
                        .put(BusAddress::new(address + place), &[byte])
                        .is_err()
                    {
                        return (placed, false);
                    }
                    break;
                }
                place -= bytes;
            }
            buffer.filled += 1;
            buffer.pushed |= push;
            placed += 1;
        }
        if placed > 0 {
            buffer.start_timer(timer);
        }
        (placed, true)
    }

    /// The return of the accepted buffer, if it is due.
    pub fn give_back(&mut self, connection: u16) -> Option<Event> {
        let buffer = self.queue.front().filter(|buffer| buffer.accepted)?;
        let reason = if buffer.filled == buffer.bytes {
            ReturnReason::Full
        } else if buffer.returns_on_push() {
            ReturnReason::Push
        } else if buffer
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            ReturnReason::Timeout
        } else {
            return None;
        };
        Some(self.queue.pop_front()?.event(connection, reason))
    }

    /// The connection ended: every buffer comes back, in the order posted.
    pub fn end(&mut self, connection: u16) -> Vec<Event> {
        self.ended = true;
        let buffers = self.queue.drain(..);
        buffers
            .map(|buffer| buffer.event(connection, ReturnReason::Ended))
            .collect()
    }

    /// Whether buffers are there that must come back since the connection ended.
    pub fn ended_with_buffers(&self) -> bool {
        self.ended && !self.queue.is_empty()
    }

    /// When the running Push Timer ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.queue.front()?.deadline
    }

    /// Buffers that the connection has.
    pub fn count(&self) -> usize {
        self.queue.len()
    }
}

impl Buffer {
    fn returns_on_push(&self) -> bool {
        self.push_mode && self.pushed
    }

    fn start_timer(&mut self, timer: Duration) {
        if self.push_mode {
            self.deadline = Some(Instant::now() + timer);
        }
    }

    fn event(&self, connection: u16, reason: ReturnReason) -> Event {
        Event::NamedBufferReturned {
            connection,
            bytes: self.filled as u32,
            reason,
        }
    }
}
