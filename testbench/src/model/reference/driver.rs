//! A plain driver on the reference adapter: it copies at once, notifies at once and acknowledges as the policy says.

use std::collections::{BTreeMap, VecDeque};

use toe_driver::registers::{Command, Event, OffloadStatus, ReturnReason};

use super::ReferenceAdapter;
use crate::model::{Answer, DriverSeen, DriverSettings, Page, Seen};
use crate::soak::Observation;

/// A request of the application.
#[derive(Clone, Debug)]
struct Request {
    id: u64,
    pages: Vec<Page>,
    bytes: u64,
    push_mode: bool,
    cancelled: bool,
    refused: bool,
    /// Number at the adapter, and how it came back.
    adapter: Option<(u16, Option<(u32, ReturnReason)>)>,
}

/// What the driver knows of a connection.
#[derive(Clone, Debug, Default)]
struct Context {
    window: u64,
    queue: VecDeque<u8>,
    /// Ends of deliveries with PSH, counted from the front of the queue.
    pushes: VecDeque<u64>,
    pending: u64,
    requests: VecDeque<Request>,
    notified: Option<u64>,
    blocked: bool,
    ended: bool,
    cancels: VecDeque<u16>,
    changed_at: u64,
}

impl Context {
    fn with_adapter(&self) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| matches!(request.adapter, Some((_, None))))
    }

    fn take(&mut self, count: u64) -> Vec<u8> {
        for end in &mut self.pushes {
            *end = end.saturating_sub(count);
        }
        self.pushes.retain(|end| *end > 0);
        self.queue.drain(..count as usize).collect()
    }
}

/// The driver; what it does and sees is told in order with what the adapter does.
#[derive(Debug)]
pub struct ReferenceDriver {
    /// The adapter below.
    pub adapter: ReferenceAdapter,
    settings: DriverSettings,
    contexts: BTreeMap<u16, Context>,
    buffers: BTreeMap<u16, u64>,
    windows: BTreeMap<u16, u32>,
    next_number: u16,
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

    fn show(&mut self, seen: DriverSeen) {
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
            refused: false,
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

    fn event(&mut self, event: Event) {
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
                let out = |request: &&Request| matches!(request.adapter, Some((_, None)));
                let head = context.requests.iter().find(out);
                let mut rest = data.as_slice();
                for page in head.iter().flat_map(|head| &head.pages) {
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
        context.queue.extend(self.adapter.read(address, length.into()));
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

    /// Does all that can be done for a connection now.
    fn serve(&mut self, connection: u16) -> bool {
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
        let Some(request) = context.requests.iter_mut().find(|request| request.adapter.is_none()) else {
            return false;
        };
        let fits = request.bytes > window && !request.refused && !request.cancelled && !ended;
        let copied = first && context.pending < context.queue.len() as u64;
        if !fits || copied || context.notified.is_some() {
            return false;
        }
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        request.adapter = Some((number, None));
        let (pages, push_mode) = (request.pages.clone(), request.push_mode);
        let taken = context.pending - context.queue.len() as u64;
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
