//! Runs the receive processes: turns their actions into commands, copies, timers and completions.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bus::{BusAddress, DmaMemory};
use crate::context::{Chunk, Completed, Context};
use crate::error::Error;
use crate::host::{Host, SharedContext};
use crate::named_buffer::{NamedBuffer, Page};
use crate::pool::Buffer;
use crate::receive::{Action, CopyStep, RequestId};
use crate::registers::Command;

/// What the runner of the receive processes keeps of all connections.
pub(crate) struct Receivers<M: DmaMemory> {
    /// The buffers of requests that are not complete, and of completions that nobody took yet.
    pub named: RefCell<BTreeMap<RequestId, NamedBuffer<M>>>,
    /// Every page of requests that are not complete: the first address, and the one behind the last.
    posted: RefCell<BTreeMap<u64, u64>>,
    next_request: RefCell<u64>,
    /// Connections with bytes to copy, in turn.
    copies: RefCell<VecDeque<SharedContext>>,
    copies_changed: Notify,
    /// Running Push Timers by their end; the number keeps equal ends apart.
    timers: RefCell<BTreeMap<(Instant, u64), SharedContext>>,
    next_timer: RefCell<u64>,
    timers_changed: Notify,
}

impl<M: DmaMemory> Default for Receivers<M> {
    fn default() -> Self {
        Self {
            named: RefCell::default(),
            posted: RefCell::default(),
            next_request: RefCell::default(),
            copies: RefCell::default(),
            copies_changed: Notify::new(),
            timers: RefCell::default(),
            next_timer: RefCell::default(),
            timers_changed: Notify::new(),
        }
    }
}

impl<M: DmaMemory> Receivers<M> {
    /// A number that no request has had.
    pub fn next_request(&self) -> RequestId {
        let mut next = self.next_request.borrow_mut();
        let id = RequestId::new(*next);
        *next += 1;
        id
    }

    /// Enters the pages of a buffer that is posted; none if one of them shares bytes with another.
    pub fn enter(&self, pages: &[Page]) -> Result<(), Error> {
        let mut posted = self.posted.borrow_mut();
        for (place, page) in pages.iter().enumerate() {
            let first = page.address.get();
            let end = first + u64::from(page.bytes);
            let before = posted.range(..end).next_back();
            if before.is_some_and(|(_, &end)| end > first) {
                for page in &pages[..place] {
                    posted.remove(&page.address.get());
                }
                return Err(Error::Overlap {
                    address: page.address,
                    bytes: page.bytes,
                });
            }
            posted.insert(first, end);
        }
        Ok(())
    }

    fn remove(&self, pages: &[Page]) {
        let mut posted = self.posted.borrow_mut();
        for page in pages {
            posted.remove(&page.address.get());
        }
    }

    /// The adapter was reset: it writes nowhere any more, so every buffer's memory can go back.
    pub fn free_all(&self) {
        let named = std::mem::take(&mut *self.named.borrow_mut());
        for (_, mut buffer) in named {
            buffer.take_back();
        }
        self.posted.borrow_mut().clear();
    }
}

/// Bytes at the front of a queue.
enum Front {
    /// In memory of the driver.
    Copied(Vec<u8>),
    /// In an Anonymous Buffer, which is held while it is read.
    Indicated {
        held: Rc<Buffer>,
        address: BusAddress,
        length: usize,
    },
}

impl<M: DmaMemory> Host<M> {
    /// Does what the receive process of `context` wants done.
    pub fn act(&self, shared: &SharedContext) {
        let todo = std::mem::take(&mut shared.borrow_mut().todo);
        for &action in &todo {
            self.run_action(shared, action);
        }
        let mut context = shared.borrow_mut();
        if !context.copy_listed && context.wants_copier() {
            context.copy_listed = true;
            self.receivers
                .copies
                .borrow_mut()
                .push_back(Rc::clone(shared));
            self.receivers.copies_changed.notify_one();
        }
        if !todo.is_empty() {
            context.wakers.wake();
        }
    }

    fn run_action(&self, shared: &SharedContext, action: Action) {
        let mut context = shared.borrow_mut();
        let connection = context.id.get();
        match action {
            Action::Acknowledge { bytes } => {
                context.statistics.acknowledges += 1;
                context.statistics.acknowledged_bytes += u64::from(bytes);
                self.send(Command::IndicateAcknowledge {
                    connection,
                    acknowledged_bytes: bytes,
                });
            }
            Action::HandOver {
                id,
                number,
                push_mode,
            } => {
                context.statistics.buffers_handed_over += 1;
                let mut named = self.receivers.named.borrow_mut();
                let Some(buffer) = named.get_mut(&id) else {
                    return; // A request handed over has a buffer.
                };
                buffer.lend();
                let last = buffer.pages().len().saturating_sub(1);
                for (place, page) in buffer.pages().iter().enumerate() {
                    self.send(Command::PostNamedBuffer {
                        connection,
                        address: page.address.get(),
                        bytes: page.bytes,
                        request: number,
                        last_page: place == last,
                        push_mode,
                    });
                }
            }
            Action::TakeBack { number } => {
                context.cancels_sent += 1;
                let sent = context.cancels_sent;
                drop(context);
                self.send(Command::CancelNamedBuffer {
                    connection,
                    request: number,
                });
                self.owe_cancel(shared, sent);
            }
            Action::Complete { id, bytes, reason } => {
                let mut named = self.receivers.named.borrow_mut();
                if let Some(buffer) = named.get_mut(&id) {
                    buffer.take_back();
                    self.receivers.remove(buffer.pages());
                }
                self.observer.completed(id, bytes, reason);
                let offset = context.offset();
                context.statistics.completions += 1;
                context.statistics.accepted_bytes += bytes;
                if context.abandoned {
                    named.remove(&id);
                } else {
                    context.completions.push_back(Completed {
                        id,
                        offset,
                        bytes,
                        reason,
                    });
                }
            }
            Action::StartPushTimer => {
                let end = Instant::now() + self.settings.push_timer.value;
                context.push_deadline = Some(end);
                if !std::mem::replace(&mut context.timer_listed, true) {
                    self.list_timer(end, shared);
                }
            }
            Action::StopPushTimer => context.push_deadline = None,
        }
    }

    // ------------------------------------------------------------ copying

    /// Copies what the receive processes want copied, a chunk of one connection and then one of the next.
    pub async fn copy_named(&self) -> Result<Infallible, Error> {
        loop {
            let first = self.receivers.copies.borrow().front().cloned();
            let Some(context) = first else {
                self.receivers.copies_changed.notified().await; // No deadline: there is nothing to copy.
                continue;
            };
            self.copy_chunk(&context).await?;
            self.receivers.copies.borrow_mut().pop_front();
            context.borrow_mut().copy_listed = false;
            self.act(&context);
        }
    }

    /// Order: the bytes are read before the Anonymous Buffer is let go, so before it can be granted anew; and written before
    /// the request completes, so before the application has the Named Buffer.
    async fn copy_chunk(&self, shared: &SharedContext) -> Result<(), Error> {
        let step = shared.borrow_mut().receive.copy_step();
        let Some(CopyStep { id, place, bytes }) = step else {
            shared.borrow_mut().copied(0, false); // Abandoned meanwhile.
            return Ok(());
        };
        let target = self
            .receivers
            .named
            .borrow()
            .get(&id)
            .map(|buffer| buffer.run_at(place));
        let Some((target, room)) = target.transpose()? else {
            return Ok(()); // A request that is not complete has a buffer.
        };
        let most = usize::try_from(bytes).unwrap_or(usize::MAX).min(room);
        let Some(front) = shared.borrow().front(most) else {
            return Ok(()); // The process counts what the queue holds.
        };
        let (bytes, from_buffer) = match front {
            Front::Copied(bytes) => (bytes, false),
            Front::Indicated {
                held,
                address,
                length,
            } => {
                let mut bytes = vec![0; length];
                self.memory.read(address, &mut bytes).await?;
                drop(held);
                (bytes, true)
            }
        };
        self.memory.write(target, &bytes).await?;
        shared.borrow_mut().copied(bytes.len(), from_buffer);
        Ok(())
    }

    // ------------------------------------------------------------ Push Timers

    fn list_timer(&self, end: Instant, context: &SharedContext) {
        let mut next = self.receivers.next_timer.borrow_mut();
        *next += 1;
        self.receivers
            .timers
            .borrow_mut()
            .insert((end, *next), Rc::clone(context));
        self.receivers.timers_changed.notify_one();
    }

    /// Lets Push Timers expire (B30).
    pub async fn run_push_timers(&self) -> Infallible {
        loop {
            let first = self
                .receivers
                .timers
                .borrow()
                .first_key_value()
                .map(|(key, _)| *key);
            let changed = self.receivers.timers_changed.notified();
            let Some((end, _)) = first else {
                changed.await; // No deadline: no timer runs.
                continue;
            };
            if end > Instant::now() {
                drop(tokio::time::timeout_at(end, changed).await); // Either way, look again.
                continue;
            }
            let Some((_, context)) = self.receivers.timers.borrow_mut().pop_first() else {
                continue;
            };
            let deadline = context.borrow().push_deadline;
            match deadline {
                Some(deadline) if deadline > end => self.list_timer(deadline, &context), // Started anew since.
                deadline => {
                    {
                        let mut context = context.borrow_mut();
                        context.timer_listed = false;
                        context.push_deadline = None;
                        if deadline.is_some() {
                            let todo = context.receive.push_timer_expired();
                            context.todo.extend(todo);
                        }
                    }
                    self.act(&context);
                }
            }
        }
    }
}

impl Context {
    /// Whether the copier has to look at this connection.
    fn wants_copier(&mut self) -> bool {
        self.receive.copy_step().is_some()
    }

    /// The first bytes of the queue, `most` at the most, that lie together.
    fn front(&self, most: usize) -> Option<Front> {
        let chunk = self.queue.front()?;
        let length = chunk.length().min(most);
        Some(match chunk {
            Chunk::Copied { bytes, start } => Front::Copied(bytes[*start..start + length].to_vec()),
            Chunk::Indicated { buffer, start } => Front::Indicated {
                held: Rc::clone(buffer),
                address: buffer.address_of(*start),
                length,
            },
        })
    }
}
