//! An adapter that takes any step that is allowed, by the throw of dice; or, with a fault, one that is not.

use std::collections::{BTreeMap, HashMap, VecDeque};

use toe_driver::registers::{Command, Event, OffloadStatus, Refusal, ReturnReason, StateField};

use super::Dice;
use super::fault::Fault;
use super::link::{Accepted, Link, Posted};
use crate::model::{Page, Push, Seen, Settings};

/// The adapter; steps are random, but the same for the same seed.
#[derive(Debug)]
pub struct ReferenceAdapter {
    settings: Settings,
    dice: Dice,
    cycle: u64,
    queue: VecDeque<Command>,
    links: BTreeMap<u16, Link>,
    anonymous: VecDeque<(u16, u64)>,
    memory: HashMap<u64, u8>,
    seen: Vec<(u64, Seen)>,
    fault: Option<Fault>,
    stalled_until: u64,
}

#[derive(Clone, Copy)]
enum Step {
    Take,
    Effect(u16),
    Indicate(u16),
    Accept(u16),
    Place(u16),
    Return(u16, ReturnReason),
    Close(u16),
    Reset(u16),
    HandBack(u16),
    Tell(u16),
}

impl ReferenceAdapter {
    /// An adapter that was just reset.
    pub fn new(settings: Settings, seed: u64, fault: Option<Fault>) -> Self {
        ReferenceAdapter {
            settings,
            dice: Dice::new(seed),
            cycle: 0,
            queue: VecDeque::new(),
            links: BTreeMap::new(),
            anonymous: VecDeque::new(),
            memory: HashMap::new(),
            seen: Vec::new(),
            fault,
            stalled_until: 0,
        }
    }

    /// The adapter's clock.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Puts a command into the queue.
    pub fn command(&mut self, command: Command) {
        self.queue.push_back(command);
    }

    /// Nothing is taken, written or told for so many cycles.
    pub fn stall(&mut self, cycles: u64) {
        self.stalled_until = self.cycle + cycles;
    }

    /// A segment of the peer; the bytes are dropped when there is no connection or no memory for them.
    pub fn segment(&mut self, connection: u16, offset: u64, bytes: &[u8], push: bool) {
        let Some(link) = self.links.get_mut(&connection) else {
            return;
        };
        let end = offset + bytes.len() as u64;
        let closed = !link.open || link.uploading || link.finished || link.reset;
        if closed || end <= link.in_order || end > link.delivered + (1 << 20) {
            return;
        }
        link.keep(offset, bytes, push);
        let in_order = link.in_order;
        self.show(Seen::Sent {
            connection,
            offset,
            bytes: bytes.to_vec(),
            push: if push { Push::Yes } else { Push::No },
        });
        self.show(Seen::InOrder {
            connection,
            offset: in_order,
        });
    }

    /// FIN, or RST, behind all that was sent; dropped while a gap is open.
    pub fn end(&mut self, connection: u16, reset: bool) {
        let Some(link) = self.links.get_mut(&connection) else {
            return;
        };
        let closed = !link.open || link.uploading || link.finished || link.reset;
        if closed || link.in_order < link.bytes.len() as u64 {
            return;
        }
        link.finished = !reset;
        link.reset = reset;
        self.show(match reset {
            true => Seen::Reset { connection },
            false => Seen::Finished { connection },
        });
    }

    /// What was seen since the last call, each with its cycle.
    pub fn seen(&mut self) -> Vec<(u64, Seen)> {
        std::mem::take(&mut self.seen)
    }

    /// Bytes of host memory.
    pub fn read(&self, address: u64, length: usize) -> Vec<u8> {
        let byte = |at| self.memory.get(&(address + at)).copied().unwrap_or(0);
        (0..length as u64).map(byte).collect()
    }

    /// The driver copies bytes to host memory.
    pub fn copy(&mut self, address: u64, bytes: &[u8]) {
        for (at, byte) in (address..).zip(bytes) {
            self.memory.insert(at, *byte);
        }
    }

    /// Nothing happens until a cycle.
    pub fn advance(&mut self, cycle: u64) {
        self.cycle = self.cycle.max(cycle);
    }

    /// Bytes of the stream that are in order, for an application that wants to know when it has all.
    pub fn in_order(&self, connection: u16) -> u64 {
        self.links.get(&connection).map_or(0, |link| link.in_order)
    }

    /// No command names the connection any more, and it is not offloaded.
    pub fn is_closed(&self, connection: u16) -> bool {
        let link = self.links.get(&connection);
        link.is_none_or(|link| !link.open && link.taken.is_empty()) && self.queue.is_empty()
    }

    /// One step; false when there is none to take, and no timer to wait for either. Time jumps to the next expiry, but not
    /// beyond `limit`.
    pub fn step(&mut self, limit: u64) -> bool {
        self.cycle = self.stalled_until.max(self.cycle + self.dice.between(1, 8));
        let steps = self.steps();
        if let Some(step) = self.dice.pick(&steps).copied() {
            self.take(step);
            return true;
        }
        let accepted = self.links.values().filter_map(|link| link.accepted.as_ref());
        match accepted.filter_map(|accepted| accepted.due).min() {
            Some(due) => self.cycle = self.cycle.max(due.min(limit)),
            None => return false,
        }
        true
    }

    /// Every step that may be taken now.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.queue.is_empty() {
            steps.push(Step::Take);
        }
        for (&number, link) in &self.links {
            if !link.taken.is_empty() {
                steps.push(Step::Effect(number));
            }
            if link.open {
                self.link_steps(number, link, &mut steps);
            }
        }
        steps
    }

    fn link_steps(&self, number: u16, link: &Link, steps: &mut Vec<Step>) {
        let buffer = !self.anonymous.is_empty();
        let early = self.fault == Some(Fault::CloseEarly);
        if link.finished && !link.told_close && (link.held() == 0 || early) {
            steps.push(Step::Close(number));
        }
        if link.reset && !link.told_reset {
            steps.push(Step::Reset(number));
        }
        match (&link.accepted, link.posted.front()) {
            (Some(accepted), Some(head)) => {
                let room = head.bytes() - accepted.filled;
                if room == 0 {
                    steps.push(Step::Return(number, ReturnReason::Full));
                } else if link.held() > 0 && (!link.ended() || link.reset) {
                    steps.push(Step::Place(number));
                }
                let push = link.pushes.range(accepted.from..link.delivered).next();
                let early = self.fault == Some(Fault::PushEarly) && link.held() > 0;
                let soon = early.then(|| link.pushes.range(link.delivered..link.in_order).next());
                if head.push_mode && room > 0 && (push.is_some() || soon.flatten().is_some()) {
                    steps.push(Step::Return(number, ReturnReason::Push));
                } else if accepted.due.is_some_and(|due| due <= self.cycle) && room > 0 {
                    steps.push(Step::Return(number, ReturnReason::Timeout));
                }
                if room > 0 && link.ended() {
                    steps.push(Step::Return(number, ReturnReason::Ended));
                }
            }
            (None, Some(_)) if link.ended() => {
                steps.push(Step::Return(number, ReturnReason::Ended));
            }
            (None, Some(_)) => steps.push(Step::Accept(number)),
            (_, None) if link.uploading => {
                steps.push(if link.held() == 0 { Step::Tell(number) } else { Step::HandBack(number) });
                if link.held() > 0 && !buffer {
                    steps.pop();
                }
            }
            (_, None) if link.held() > 0 && link.pending < link.window && buffer => {
                steps.push(Step::Indicate(number));
            }
            _ => (),
        }
    }

    fn show(&mut self, seen: Seen) {
        self.seen.push((self.cycle, seen));
    }

    fn tell(&mut self, event: Event) {
        self.show(Seen::Event(event));
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        self.copy(address, bytes);
        let bytes = bytes.to_vec();
        self.show(Seen::Write { address, bytes });
    }

    fn take(&mut self, step: Step) {
        let connection = match step {
            Step::Take => return self.take_command(),
            Step::Effect(number)
            | Step::Indicate(number)
            | Step::Accept(number)
            | Step::Place(number)
            | Step::Return(number, _)
            | Step::Close(number)
            | Step::Reset(number)
            | Step::HandBack(number)
            | Step::Tell(number) => number,
        };
        let Some(mut link) = self.links.remove(&connection) else {
            return;
        };
        match step {
            Step::Effect(_) => self.effect(connection, &mut link),
            Step::Indicate(_) => self.indicate(connection, &mut link),
            Step::HandBack(_) => self.hand_back(connection, &mut link),
            Step::Accept(_) => self.accept(connection, &mut link),
            Step::Place(_) => self.place(&mut link),
            Step::Return(_, reason) => {
                let again = self.fault == Some(Fault::ReturnTwice) && reason == ReturnReason::Full;
                let bytes = self.give_back(connection, &mut link, 0, reason);
                if again {
                    self.tell(Event::NamedBufferReturned {
                        connection,
                        bytes,
                        reason,
                    });
                }
            }
            Step::Close(_) => {
                link.told_close = true;
                self.tell(Event::PeerClosed { connection });
            }
            Step::Reset(_) => {
                link.told_reset = true;
                self.tell(Event::PeerReset { connection });
            }
            Step::Tell(_) => self.tell_state(connection, &mut link),
            Step::Take => (),
        }
        self.links.insert(connection, link);
    }

    fn take_command(&mut self) {
        let Some(command) = self.queue.pop_front() else {
            return;
        };
        self.show(Seen::Taken(command));
        if let Command::GrantAnonymousBuffers {
            address,
            first_buffer,
            count,
        } = command
        {
            let stride = u64::from(self.settings.anonymous_buffer_bytes).next_multiple_of(64);
            let buffer = |nth| (first_buffer + nth, address + stride * u64::from(nth));
            self.anonymous.extend((0..count).map(buffer));
        } else if let Some(connection) = crate::model::command_connection(&command) {
            let link = self.links.entry(connection).or_default();
            link.taken.push_back(command);
        }
    }

    /// Some bytes of the stream, and whether one of them carries PSH.
    fn some(&mut self, link: &mut Link, most: u64) -> (Vec<u8>, bool) {
        let bytes = match self.dice.once_in(3) {
            true => self.dice.between(1, most),
            false => most,
        };
        let range = link.delivered..link.delivered + bytes;
        link.delivered += bytes;
        let push = link.pushes.range(range.clone()).next().is_some();
        (link.bytes[range.start as usize..range.end as usize].to_vec(), push)
    }

    fn indicate(&mut self, connection: u16, link: &mut Link) {
        let Some((buffer, address)) = self.anonymous.pop_front() else {
            return;
        };
        let mut room = link.window - link.pending;
        if self.fault == Some(Fault::WindowOverrun) && room < link.held() {
            room += 1;
        }
        let most = room.min(link.held()).min(self.settings.anonymous_buffer_bytes.into());
        let (bytes, push) = self.some(link, most);
        link.pending += bytes.len() as u64;
        self.write(address, &bytes);
        self.tell(Event::IndicateData {
            connection,
            buffer,
            length: bytes.len() as u16,
            push,
        });
    }

    fn hand_back(&mut self, connection: u16, link: &mut Link) {
        let Some((buffer, address)) = self.anonymous.pop_front() else {
            return;
        };
        let most = link.held().min(self.settings.anonymous_buffer_bytes.into());
        let (mut bytes, _) = self.some(link, most);
        if self.fault == Some(Fault::UploadShort) && link.held() == 0 && bytes.len() > 1 {
            bytes.pop();
        }
        self.write(address, &bytes);
        self.tell(Event::UploadData {
            connection,
            buffer,
            length: bytes.len() as u16,
        });
    }

    fn accept(&mut self, connection: u16, link: &mut Link) {
        let short = self.fault == Some(Fault::SkipOffByOne) && link.pending > 0;
        let skipped = link.pending - u64::from(short);
        link.accepted = Some(Accepted {
            filled: skipped,
            latest: self.cycle,
            from: link.delivered - skipped,
            due: None,
        });
        link.pending = 0;
        self.start_timer(link);
        self.tell(Event::NamedBufferAccepted {
            connection,
            skipped: skipped as u32,
        });
    }

    fn start_timer(&mut self, link: &mut Link) {
        let late = self.dice.between(0, self.settings.late_cycles / 4);
        let keep = self.fault == Some(Fault::TimerEarly);
        if let (Some(accepted), Some(head)) = (&mut link.accepted, link.posted.front()) {
            let due = accepted.latest + self.settings.push_timer_cycles + late;
            let running = head.push_mode && accepted.filled > 0;
            accepted.due = match accepted.due {
                Some(before) if keep => Some(before),
                _ => running.then_some(due),
            };
        }
    }

    fn place(&mut self, link: &mut Link) {
        let (Some(accepted), Some(head)) = (&link.accepted, link.posted.front()) else {
            return;
        };
        let first_page = head.pages.first().map_or(0, |page| u64::from(page.bytes));
        let wrong = self.fault == Some(Fault::WrongPage) && accepted.filled == first_page;
        let Some((address, room)) = head.address(accepted.filled) else {
            return;
        };
        let (bytes, _) = self.some(link, room.min(link.held()));
        self.write(address + u64::from(wrong), &bytes);
        if let Some(accepted) = &mut link.accepted {
            accepted.filled += bytes.len() as u64;
            accepted.latest = self.cycle;
        }
        self.start_timer(link);
    }

    fn give_back(&mut self, connection: u16, link: &mut Link, at: usize, reason: ReturnReason) -> u32 {
        let accepted = link.accepted.as_ref().filter(|_| at == 0);
        let bytes = accepted.map_or(0, |accepted| accepted.filled) as u32;
        if at == 0 {
            link.accepted = None;
        }
        link.posted.remove(at);
        self.tell(Event::NamedBufferReturned {
            connection,
            bytes,
            reason,
        });
        bytes
    }

    fn tell_state(&mut self, connection: u16, link: &mut Link) {
        link.told += 1;
        let (finished, reset) = (u32::from(link.finished), u32::from(link.reset));
        let (field, content) = match link.told {
            1 => {
                let next = link.receive_next.wrapping_add(link.in_order as u32);
                (StateField::ReceiveNext, next.wrapping_add(finished))
            }
            2 => (StateField::Flags, finished | reset << 1),
            _ => {
                link.open = false;
                return self.tell(Event::Uploaded { connection });
            }
        };
        self.tell(Event::State {
            connection,
            content,
            field,
        });
    }

    fn refuse(&mut self, connection: u16, command: &Command, reason: Refusal) {
        let request = match *command {
            Command::PostNamedBuffer { request, .. } => request,
            Command::CancelNamedBuffer { request, .. } => request,
            _ => 0,
        };
        self.tell(Event::CommandRefused {
            connection,
            opcode: command.opcode(),
            reason,
            request,
        });
    }

    /// The oldest command taken has its effect.
    fn effect(&mut self, connection: u16, link: &mut Link) {
        let Some(command) = link.taken.pop_front() else {
            return;
        };
        let offload = matches!(command, Command::Offload { .. });
        if !offload && (!link.open || link.uploading) {
            return self.refuse(connection, &command, Refusal::NotOffloaded);
        }
        let twice = self.fault == Some(Fault::AcknowledgeTwice);
        match command {
            Command::Offload {
                receive_next,
                indicate_window_size,
                ..
            } => self.offload(connection, link, receive_next, indicate_window_size),
            Command::Upload { .. } => link.uploading = true,
            Command::IndicateAcknowledge {
                acknowledged_bytes, ..
            } => match link.pending.checked_sub(acknowledged_bytes.into()) {
                Some(left) if twice => link.pending = left.saturating_sub(acknowledged_bytes.into()),
                Some(left) => link.pending = left,
                None => self.refuse(connection, &command, Refusal::MoreThanPending),
            },
            Command::SetIndicateWindowSize { bytes: 0, .. } => {
                self.refuse(connection, &command, Refusal::ZeroWindow);
            }
            Command::SetIndicateWindowSize { bytes, .. } => link.window = bytes.into(),
            Command::PostNamedBuffer {
                address,
                bytes,
                request,
                last_page,
                push_mode,
                ..
            } => match link.post(Page { address, bytes }, last_page, &self.settings) {
                Err(refusal) => self.refuse(connection, &command, refusal),
                Ok(()) if last_page => link.posted.push_back(Posted {
                    request,
                    pages: std::mem::take(&mut link.pages),
                    push_mode,
                }),
                Ok(()) => (),
            },
            Command::CancelNamedBuffer { request, .. } => {
                let named = |posted: &Posted| posted.request == request;
                let full = link.posted.front().zip(link.accepted.as_ref());
                let full = full.is_some_and(|(head, accepted)| head.bytes() == accepted.filled);
                match link.posted.iter().position(named) {
                    Some(0) if full => {
                        self.give_back(connection, link, 0, ReturnReason::Full);
                        self.refuse(connection, &command, Refusal::NotPosted);
                    }
                    Some(at) => {
                        self.give_back(connection, link, at, ReturnReason::Cancelled);
                    }
                    None => self.refuse(connection, &command, Refusal::NotPosted),
                }
            }
            _ => (),
        }
    }

    fn offload(&mut self, connection: u16, link: &mut Link, receive_next: u32, own: u32) {
        let window = if own == 0 { self.settings.indicate_window_size } else { own };
        let status = if connection >= self.settings.connections {
            OffloadStatus::BadConnection
        } else if link.open {
            OffloadStatus::Busy
        } else {
            *link = Link::opened(receive_next, window.into(), link);
            OffloadStatus::Ok
        };
        self.tell(Event::Offloaded { connection, status });
    }
}
