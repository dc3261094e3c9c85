//! A plain driver on the reference adapter: it copies at once, notifies at once and acknowledges as the policy says.

use std::collections::BTreeMap;

use toe_driver::registers::Command;

use super::ReferenceAdapter;
use super::context::{Context, Request};
use crate::model::{Answer, DriverSeen, DriverSettings, Page, Seen};
use crate::soak::Observation;

/// The driver; what it does and sees is told in order with what the adapter does.
#[derive(Debug)]
pub struct ReferenceDriver {
    /// The adapter below.
    pub adapter: ReferenceAdapter,
    pub(super) settings: DriverSettings,
    pub(super) contexts: BTreeMap<u16, Context>,
    pub(super) buffers: BTreeMap<u16, u64>,
    pub(super) windows: BTreeMap<u16, u32>,
    pub(super) next_number: u16,
    seen: Vec<(u64, Observation)>,
}

impl ReferenceDriver {
    /// Grants `buffers` Anonymous Buffers, `stride` apart from `address` on.
    pub fn new(
        adapter: ReferenceAdapter,
        settings: DriverSettings,
        address: u64,
        stride: u64,
        buffers: u16,
    ) -> Self {
        let at = |nth| (nth, address + stride * u64::from(nth));
        let mut driver = ReferenceDriver {
            adapter,
            settings,
            contexts: BTreeMap::new(),
            buffers: (0..buffers).map(at).collect(),
            windows: BTreeMap::new(),
            next_number: 0,
            seen: Vec::new(),
        };
        driver.command(Command::GrantAnonymousBuffers {
            address,
            first_buffer: 0,
            count: buffers,
        });
        driver
    }

    /// The driver takes steps, then the adapter; what was seen.
    pub fn seen(&mut self) -> Vec<(u64, Observation)> {
        std::mem::take(&mut self.seen)
    }

    /// One step of the adapter, and all that the driver makes of it; false when nothing can move. Waiting for a timer ends
    /// at `limit`.
    pub fn step(&mut self, limit: u64) -> bool {
        let expiry = self.expiry();
        let limit = expiry.map_or(limit, |expiry| expiry.min(limit));
        let moved = self.adapter.step(limit);
        if !moved && expiry.is_some() {
            self.adapter.advance(limit);
        }
        for (cycle, seen) in self.adapter.seen() {
            let event = match &seen {
                Seen::Event(event) => Some(*event),
                _ => None,
            };
            self.seen.push((cycle, Observation::Adapter(seen)));
            if let Some(event) = event {
                self.show(DriverSeen::Event(event));
                self.event(event);
            }
        }
        let mut served = false;
        for connection in self.contexts.keys().copied().collect::<Vec<_>>() {
            served |= self.serve(connection);
        }
        moved || served || expiry.is_some()
    }

    /// When the first of the driver's own Push Timers expires.
    fn expiry(&self) -> Option<u64> {
        let running = self.contexts.values().filter(|context| {
            let head = context.requests.front();
            let waits = head.is_some_and(|head| head.push_mode && head.adapter.is_none());
            waits && !context.queue.is_empty() && context.notified.is_none()
        });
        let expiry = running.map(|context| context.changed_at + self.settings.push_timer_cycles);
        expiry.min()
    }

    pub(super) fn show(&mut self, seen: DriverSeen) {
        let cycle = self.adapter.cycle();
        self.seen.push((cycle, Observation::Driver(seen)));
    }

    /// Gives the adapter a command.
    pub fn command(&mut self, command: Command) {
        if let Command::Offload {
            connection,
            indicate_window_size,
            ..
        } = command
        {
            self.windows.insert(connection, indicate_window_size);
        }
        self.show(DriverSeen::Command(command));
        self.adapter.command(command);
    }

    /// Whether the driver knows the connection.
    pub fn knows(&self, connection: u16) -> bool {
        self.contexts.contains_key(&connection)
    }

    /// Whether the application has nothing open on the connection: it may be offloaded anew.
    pub fn is_done(&self, connection: u16) -> bool {
        let context = self.contexts.get(&connection);
        context.is_none_or(|context| context.requests.is_empty() && context.notified.is_none())
    }

    /// The application posts a buffer.
    pub fn post(&mut self, connection: u16, request: u64, pages: Vec<Page>, push_mode: bool) {
        let cycle = self.adapter.cycle();
        let Some(context) = self.contexts.get_mut(&connection) else {
            return;
        };
        let bytes: u32 = pages.iter().map(|page| page.bytes).sum();
        let count = pages.len() as u16;
        context.blocked = false;
        context.changed_at = cycle;
        context.requests.push_back(Request {
            id: request,
            pages,
            bytes: bytes.into(),
            push_mode,
            cancelled: false,
            refused: count > self.settings.named_buffer_pages,
            accepted: false,
            adapter: None,
        });
        self.show(DriverSeen::Post {
            connection,
            request,
            bytes,
            pages: count,
            push_mode,
        });
        self.serve(connection);
    }

    /// The application cancels its `nth` open request, counted around.
    pub fn cancel(&mut self, connection: u16, nth: u16) {
        let Some(context) = self.contexts.get_mut(&connection) else {
            return;
        };
        let count = context.requests.len().max(1);
        let Some(request) = context.requests.get_mut(usize::from(nth) % count) else {
            return;
        };
        if std::mem::replace(&mut request.cancelled, true) {
            return;
        }
        let (id, number) = (request.id, request.adapter);
        if let Some((number, None)) = number {
            context.cancels.push_back(number);
        }
        self.show(DriverSeen::Cancel {
            connection,
            request: id,
        });
        if let Some((request, None)) = number {
            self.command(Command::CancelNamedBuffer {
                connection,
                request,
            });
        }
        self.serve(connection);
    }

    /// Bytes shown to the application.
    pub fn shown(&self, connection: u16) -> Option<u64> {
        self.contexts.get(&connection)?.notified
    }

    /// The application answers.
    pub fn answer(&mut self, connection: u16, answer: Answer) {
        let cycle = self.adapter.cycle();
        let Some(context) = self.contexts.get_mut(&connection) else {
            return;
        };
        let Some(shown) = context.notified.take() else {
            return;
        };
        let bytes = match answer {
            Answer::Accepted => shown,
            Answer::Part(bytes) => bytes.min(shown),
            Answer::NotAccepted => 0,
        };
        let posted = context.requests.iter().any(|request| request.bytes > 0);
        context.blocked = answer == Answer::NotAccepted && !posted;
        context.changed_at = cycle;
        context.take(bytes);
        self.show(DriverSeen::Answer { connection, answer });
        self.serve(connection);
    }

    /// A new indicateWindowSize.
    pub fn window(&mut self, connection: u16, bytes: u32) {
        if let Some(context) = self.contexts.get_mut(&connection) {
            context.window = bytes.into();
            self.command(Command::SetIndicateWindowSize { connection, bytes });
        }
    }

    /// The peer's bytes, for the model to compare.
    pub fn sent(&mut self, connection: u16, offset: u64, bytes: Vec<u8>) {
        if self.contexts.contains_key(&connection) {
            self.show(DriverSeen::Sent {
                connection,
                offset,
                bytes,
            });
        }
    }
}
