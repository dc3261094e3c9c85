//! An adapter that takes any step that is allowed, by the throw of dice; or, with a fault, one that is not.

use std::collections::{BTreeMap, HashMap, VecDeque};

use toe_driver::registers::{Command, Event};

use super::Dice;
use super::fault::Fault;
use super::link::Link;
use crate::model::{Push, Seen, Settings};

/// The adapter; steps are random, but the same for the same seed.
#[derive(Debug)]
pub struct ReferenceAdapter {
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    pub(super) cycle: u64,
    pub(super) queue: VecDeque<Command>,
    pub(super) links: BTreeMap<u16, Link>,
    pub(super) anonymous: VecDeque<(u16, u64)>,
    memory: HashMap<u64, u8>,
    seen: Vec<(u64, Seen)>,
    pub(super) fault: Option<Fault>,
    stalled_until: u64,
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
        let accepted = self
            .links
            .values()
            .filter_map(|link| link.accepted.as_ref());
        match accepted.filter_map(|accepted| accepted.due).min() {
            Some(due) => self.cycle = self.cycle.max(due.min(limit)),
            None => return false,
        }
        true
    }

    fn show(&mut self, seen: Seen) {
        self.seen.push((self.cycle, seen));
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.show(Seen::Event(event));
    }

    pub(super) fn write(&mut self, address: u64, bytes: &[u8]) {
        self.copy(address, bytes);
        let bytes = bytes.to_vec();
        self.show(Seen::Write { address, bytes });
    }

    pub(super) fn take_command(&mut self) {
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
}
