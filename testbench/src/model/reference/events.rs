//! What the reference driver makes of the adapter's events.

use toe_driver::registers::{Command, Event, OffloadStatus, ReturnReason};

use super::context::{Context, Request};
use super::driver::ReferenceDriver;

impl ReferenceDriver {
    pub(super) fn event(&mut self, event: Event) {
        let cycle = self.adapter.cycle();
        let Some(connection) = crate::model::event_connection(&event) else {
            return;
        };
        if let Event::Offloaded {
            status: OffloadStatus::Ok,
            ..
        } = event
        {
            let window = self.windows.remove(&connection).filter(|own| *own > 0);
            let window = window.unwrap_or(self.settings.indicate_window_size);
            let fresh = Context {
                window: window.into(),
                ..Context::default()
            };
            self.contexts.insert(connection, fresh);
        }
        let Some(mut context) = self.contexts.remove(&connection) else {
            return;
        };
        context.changed_at = match event {
            Event::CommandRefused { opcode: 9, .. } => cycle,
            _ => context.changed_at,
        };
        match event {
            Event::IndicateData {
                buffer,
                length,
                push,
                ..
            } => {
                context.pending += u64::from(length);
                self.queue(&mut context, buffer, length, push);
            }
            Event::UploadData { buffer, length, .. } => {
                self.queue(&mut context, buffer, length, false);
            }
            Event::NamedBufferAccepted { skipped, .. } => {
                let data = context.take(skipped.into());
                context.pending = 0;
                let out = |request: &&mut Request| matches!(request.adapter, Some((_, None)));
                let head = context.requests.iter_mut().find(out);
                let mut rest = data.as_slice();
                let pages = head.map(|head| {
                    head.accepted = true;
                    head.pages.clone()
                });
                for page in pages.unwrap_or_default() {
                    let (now, later) = rest.split_at(rest.len().min(page.bytes as usize));
                    self.adapter.copy(page.address, now);
                    rest = later;
                }
            }
            Event::NamedBufferReturned { bytes, reason, .. } => {
                let named = match reason {
                    ReturnReason::Cancelled => context.cancels.pop_front(),
                    _ => None,
                };
                let mut requests = context.requests.iter_mut();
                let back = requests.find_map(|request| match &mut request.adapter {
                    Some((number, back @ None)) if named.is_none_or(|named| named == *number) => {
                        Some(back)
                    }
                    _ => None,
                });
                if let Some(back) = back {
                    *back = Some((bytes, reason));
                }
            }
            Event::CommandRefused {
                opcode: 9, request, ..
            } => {
                for posted in &mut context.requests {
                    if posted.adapter.is_some_and(|(number, _)| number == request) {
                        posted.adapter = None;
                        posted.refused = true;
                    }
                }
            }
            Event::CommandRefused { opcode: 10, .. } => {
                context.cancels.pop_front();
            }
            Event::PeerClosed { .. } | Event::PeerReset { .. } | Event::Uploaded { .. } => {
                context.ended = true;
            }
            _ => (),
        }
        self.contexts.insert(connection, context);
    }

    /// Takes the bytes out of an Anonymous Buffer and grants it again.
    fn queue(&mut self, context: &mut Context, buffer: u16, length: u16, push: bool) {
        let Some(&address) = self.buffers.get(&buffer) else {
            return;
        };
        context
            .queue
            .extend(self.adapter.read(address, length.into()));
        if push {
            context.pushes.push_back(context.queue.len() as u64);
        }
        context.changed_at = self.adapter.cycle();
        self.command(Command::GrantAnonymousBuffers {
            address,
            first_buffer: buffer,
            count: 1,
        });
    }
}
