//! What the reference driver does for a connection: complete, hand over, notify, acknowledge.

use toe_driver::registers::{Command, ReturnReason};

use super::context::{Context, Request};
use super::driver::ReferenceDriver;
use crate::model::DriverSeen;

impl ReferenceDriver {
    /// Does all that can be done for a connection now.
    pub(super) fn serve(&mut self, connection: u16) -> bool {
        let Some(mut context) = self.contexts.remove(&connection) else {
            return false;
        };
        let mut served = false;
        while self.serve_once(connection, &mut context) {
            served = true;
        }
        self.contexts.insert(connection, context);
        served
    }

    fn serve_once(&mut self, connection: u16, context: &mut Context) -> bool {
        self.complete(connection, context)
            || self.hand_over(connection, context)
            || self.notify(connection, context)
            || self.acknowledge(connection, context)
    }

    /// Completes the head of the queue, if it is time.
    fn complete(&mut self, connection: u16, context: &mut Context) -> bool {
        let quiet = context.notified.is_none();
        let queued = context.queue.len() as u64;
        let Some(head) = context.requests.front().cloned() else {
            return false;
        };
        let fit = head.bytes.min(queued);
        let push = head.push_mode && context.pushes.front().is_some_and(|end| *end <= fit);
        let due = context.changed_at + self.settings.push_timer_cycles <= self.adapter.cycle();
        let (data, reason) = match head.adapter {
            Some((_, Some((bytes, reason)))) => (self.named(&head, bytes), reason),
            Some((_, None)) => return false,
            None if head.cancelled && !quiet => (Vec::new(), ReturnReason::Cancelled),
            None if !quiet => return false,
            None if head.bytes == 0 && (queued > 0 || context.ended) => {
                (Vec::new(), ReturnReason::Full)
            }
            None if head.bytes > 0 && fit == head.bytes => (context.take(fit), ReturnReason::Full),
            None if head.cancelled => (context.take(fit), ReturnReason::Cancelled),
            None if push => (context.take(fit), ReturnReason::Push),
            None if context.ended => (context.take(fit), ReturnReason::Ended),
            None if head.push_mode && fit > 0 && due => (context.take(fit), ReturnReason::Timeout),
            None => return false,
        };
        context.requests.pop_front();
        context.changed_at = self.adapter.cycle();
        self.show(DriverSeen::Complete {
            connection,
            request: head.id,
            data,
            reason,
        });
        true
    }

    /// What is in a Named Buffer that came back. Its first bytes were copied there by the driver as it was accepted.
    fn named(&self, request: &Request, mut bytes: u32) -> Vec<u8> {
        let mut data = Vec::new();
        for page in &request.pages {
            let here = bytes.min(page.bytes);
            data.extend(self.adapter.read(page.address, here as usize));
            bytes -= here;
        }
        data
    }

    /// Hands the next request to the adapter, with all that is acknowledgeable acknowledged before.
    fn hand_over(&mut self, connection: u16, context: &mut Context) -> bool {
        let (window, ended) = (context.window, context.ended);
        let first = !context.with_adapter();
        let mut requests = context.requests.iter();
        let Some(at) = requests.position(|request| request.adapter.is_none()) else {
            return false;
        };
        let request = &context.requests[at];
        let fits = request.bytes > window && !request.refused && !request.cancelled && !ended;
        let copied = first && context.pending < context.queue.len() as u64;
        let room = self.settings.named_buffer_pages.into();
        let follows = context.may_follow(request.pages.len(), room);
        if !fits || !follows || copied || context.notified.is_some() {
            return false;
        }
        let request = &mut context.requests[at];
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        request.adapter = Some((number, None));
        let (pages, push_mode) = (request.pages.clone(), request.push_mode);
        let taken = context.pending.saturating_sub(context.queue.len() as u64);
        if first && taken > 0 {
            context.pending -= taken;
            self.command(Command::IndicateAcknowledge {
                connection,
                acknowledged_bytes: taken as u32,
            });
        }
        for (at, page) in pages.iter().enumerate() {
            self.command(Command::PostNamedBuffer {
                connection,
                address: page.address,
                bytes: page.bytes,
                request: number,
                last_page: at + 1 == pages.len(),
                push_mode,
            });
        }
        true
    }

    fn notify(&mut self, connection: u16, context: &mut Context) -> bool {
        let posted = !context.requests.is_empty();
        if context.queue.is_empty() || posted || context.blocked || context.notified.is_some() {
            return false;
        }
        context.notified = Some(context.queue.len() as u64);
        let data = context.queue.iter().copied().collect();
        self.show(DriverSeen::Notify { connection, data });
        true
    }

    fn acknowledge(&mut self, connection: u16, context: &mut Context) -> bool {
        let here = |request: &&Request| request.adapter.is_none();
        let requests = context.requests.iter().take_while(here);
        let room: u64 = requests.map(|request| request.bytes).sum();
        let room = if context.notified.is_some() { 0 } else { room };
        let kept = (context.queue.len() as u64).saturating_sub(room);
        let taken = context.pending.saturating_sub(kept);
        let full = context.pending >= context.window && taken == context.pending;
        let due = full || taken >= self.settings.acknowledge_at.into();
        if context.with_adapter() || context.ended || taken == 0 || !due {
            return false;
        }
        context.pending -= taken;
        self.command(Command::IndicateAcknowledge {
            connection,
            acknowledged_bytes: taken as u32,
        });
        true
    }
}
