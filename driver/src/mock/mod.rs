//! A scripted adapter, for tests of the driver and of what stands on it.
//!
//! [`Adapter`] is the peer of the driver over the same two traits: it takes commands, keeps the indicate window of each
//! connection (B7 to B12), places in Named Buffers (B25 to B32) and delivers what a test lets it [`receive`](Adapter::receive). It can also be told to
//! misbehave: to send any event, to let a register lie, to take no commands.

mod memory;
mod named;
mod ports;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

pub use memory::Memory;
use named::{NamedBuffers, Surroundings};
use tokio::time::{Duration, Instant};

use crate::bus::BusAddress;
use crate::number::ConnectionId;
use crate::registers::{
    ADAPTER_IDENTITY, ADAPTER_VERSION, COMMAND_QUEUE_DEPTH, Command, Event, OffloadStatus, Refusal,
    StateField, event_stamped, field, offset, reset,
};
use crate::wakers::Wakers;

/// The adapter. Clones are the same adapter.
#[derive(Clone)]
pub struct Adapter {
    state: Rc<RefCell<State>>,
    memory: Memory,
    /// The end of the Push Timer that the interrupt is waited for with.
    deadline: Rc<Cell<Option<Instant>>>,
}

/// A buffer that the adapter was granted.
#[derive(Clone, Copy)]
struct Granted {
    number: u16,
    address: u64,
}

/// A connection, as the adapter sees it.
#[derive(Default)]
struct Connection {
    receive_next: u32,
    window: u64,
    /// indicatedBytesPending.
    pending: u64,
    /// Of the bytes pending, those that came last in a segment with PSH.
    pending_pushes: VecDeque<bool>,
    /// Bytes, and whether they came last in a segment with PSH.
    held: VecDeque<(u8, bool)>,
    named: NamedBuffers,
    finish: bool,
    finished: bool,
    reset: bool,
    uploading: bool,
}

struct State {
    registers: BTreeMap<u32, u32>,
    /// Registers that read as something else than they are.
    lies: BTreeMap<u32, u32>,
    /// Register accesses that still succeed, if not all.
    accesses_left: Option<usize>,
    words: [u32; 8],
    taken: u32,
    /// `taken` as the last event told it.
    told_taken: u32,
    waiting: VecDeque<Command>,
    takes_commands: bool,
    holds_buffers: bool,
    commands: Vec<Command>,
    offload_answers: VecDeque<Option<OffloadStatus>>,
    anonymous: VecDeque<Granted>,
    host_frame: VecDeque<Granted>,
    connections: BTreeMap<u16, Connection>,
    frames: VecDeque<Vec<u8>>,
    /// Events for which the ring had no room yet.
    backlog: VecDeque<(u64, bool)>,
    produced: u32,
    resets: u32,
    line_stuck: bool,
    changed: Wakers,
}

impl State {
    fn new(registers: BTreeMap<u32, u32>) -> Self {
        Self {
            registers,
            lies: BTreeMap::new(),
            accesses_left: None,
            words: [ports::UNWRITTEN; 8],
            taken: 0,
            told_taken: 0,
            waiting: VecDeque::new(),
            takes_commands: true,
            holds_buffers: false,
            commands: Vec::new(),
            offload_answers: VecDeque::new(),
            anonymous: VecDeque::new(),
            host_frame: VecDeque::new(),
            connections: BTreeMap::new(),
            frames: VecDeque::new(),
            backlog: VecDeque::new(),
            produced: 0,
            resets: 0,
            line_stuck: false,
            changed: Wakers::default(),
        }
    }

    fn register(&self, offset: u32) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }
}

impl Adapter {
    /// An adapter with room for `connections` connections and 64 buffers of each kind, which reaches `memory`.
    pub fn new(connections: u32, memory: Memory) -> Self {
        let room = field::BUFFER_ROOM_ANONYMOUS_BUFFERS.set(0, 64);
        let room = field::BUFFER_ROOM_HOST_FRAME_BUFFERS.set(room, 64);
        let registers = BTreeMap::from([
            (offset::IDENTITY, ADAPTER_IDENTITY),
            (offset::VERSION, ADAPTER_VERSION),
            (offset::CONNECTIONS, connections),
            (offset::RECEIVE_RING_BYTES, 65_536),
            (
                offset::ANONYMOUS_BUFFER_BYTES,
                reset::ANONYMOUS_BUFFER_BYTES,
            ),
            (
                offset::HOST_FRAME_BUFFER_BYTES,
                reset::HOST_FRAME_BUFFER_BYTES,
            ),
            (offset::INDICATE_WINDOW_SIZE, reset::INDICATE_WINDOW_SIZE),
            (offset::BUFFER_ROOM, room),
            (offset::NAMED_BUFFER_PAGES, 16),
            (offset::CLOCK_PERIOD_PICOSECONDS, 6400),
        ]);
        Self {
            state: Rc::new(RefCell::new(State::new(registers))),
            memory,
            deadline: Rc::default(),
        }
    }

    // ------------------------------------------------------------ what a test lets happen

    /// The peer sent `bytes`: they are delivered as far as window and buffers allow, and held beyond.
    pub fn receive(&self, connection: ConnectionId, bytes: &[u8]) {
        self.receive_segment(connection, bytes, false);
    }

    /// The same, with PSH on the last byte or not.
    pub fn receive_segment(&self, connection: ConnectionId, bytes: &[u8], push: bool) {
        self.change(connection, |connection| {
            let bytes = bytes.iter().enumerate();
            let last = bytes.len().wrapping_sub(1);
            connection
                .held
                .extend(bytes.map(|(place, &byte)| (byte, push && place == last)));
        });
    }

    /// The peer sent a FIN: told after every byte before it (B37).
    pub fn finish(&self, connection: ConnectionId) {
        self.change(connection, |connection| connection.finish = true);
    }

    /// The peer sent a RST: told at once (B37).
    pub fn reset(&self, connection: ConnectionId) {
        let id = connection.get();
        let mut returned = Vec::new();
        self.change(connection, |connection| {
            connection.reset = true;
            returned = connection.named.end(id);
        });
        returned.into_iter().for_each(|event| self.send(event));
        self.send(Event::PeerReset { connection: id });
    }

    /// A frame for the host stack came; without a buffer for it, it waits.
    pub fn frame(&self, frame: &[u8]) {
        self.state.borrow_mut().frames.push_back(frame.to_vec());
        self.advance();
    }

    /// Answers the next offloads in this way, in order; `None` is no answer at all.
    pub fn answer_offload(&self, answer: Option<OffloadStatus>) {
        self.state.borrow_mut().offload_answers.push_back(answer);
    }

    /// Sends any event, in its turn and with the right phase.
    pub fn send(&self, event: Event) {
        self.send_word(event.into());
    }

    /// Sends any word, with the right phase and count of commands.
    pub fn send_word(&self, word: u64) {
        let mut state = self.state.borrow_mut();
        state.backlog.push_back((word, true));
        drop(state);
        self.advance();
    }

    /// Sends any word just as it is.
    pub fn send_raw(&self, word: u64) {
        self.state.borrow_mut().backlog.push_back((word, false));
        self.advance();
    }

    /// From now on the register reads as `value`, whatever it is.
    pub fn lie(&self, offset: u32, value: u32) {
        self.state.borrow_mut().lies.insert(offset, value);
    }

    /// Sets a register as an option of the build would.
    pub fn set_register(&self, offset: u32, value: u32) {
        self.state.borrow_mut().registers.insert(offset, value);
    }

    /// Lets `accesses` more register accesses succeed, and none after.
    pub fn fail_after(&self, accesses: usize) {
        self.state.borrow_mut().accesses_left = Some(accesses);
    }

    /// Whether commands are taken from the command queue.
    pub fn take_commands(&self, takes: bool) {
        self.state.borrow_mut().takes_commands = takes;
        self.advance();
    }

    /// Whether Named Buffers are accepted; a connection that has one waits meanwhile.
    pub fn accept_buffers(&self, accepts: bool) {
        self.state.borrow_mut().holds_buffers = !accepts;
        self.advance();
    }

    /// Holds the interrupt line high whatever the ring says.
    pub fn stick_line(&self) {
        let mut state = self.state.borrow_mut();
        state.line_stuck = true;
        state.changed.wake();
    }

    // ------------------------------------------------------------ what a test can see

    /// Commands taken since the last call.
    pub fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut self.state.borrow_mut().commands)
    }

    /// Commands that stand in the command queue.
    pub fn commands_waiting(&self) -> usize {
        self.state.borrow().waiting.len()
    }

    /// Anonymous Buffers that the adapter can use.
    pub fn anonymous_buffers(&self) -> usize {
        self.state.borrow().anonymous.len()
    }

    /// Host-frame buffers that the adapter can use.
    pub fn host_frame_buffers(&self) -> usize {
        self.state.borrow().host_frame.len()
    }

    /// The number of the Anonymous Buffer that the adapter uses next.
    pub fn next_anonymous_buffer(&self) -> Option<u16> {
        self.state
            .borrow()
            .anonymous
            .front()
            .map(|granted| granted.number)
    }

    /// indicatedBytesPending of a connection.
    pub fn pending(&self, connection: ConnectionId) -> u64 {
        let state = self.state.borrow();
        state
            .connections
            .get(&connection.get())
            .map_or(0, |connection| connection.pending)
    }

    /// Named Buffers that a connection has with the adapter.
    pub fn named_buffers(&self, connection: ConnectionId) -> usize {
        let state = self.state.borrow();
        state
            .connections
            .get(&connection.get())
            .map_or(0, |connection| connection.named.count())
    }

    /// Bytes that a connection holds in adapter memory.
    pub fn held(&self, connection: ConnectionId) -> usize {
        let state = self.state.borrow();
        state
            .connections
            .get(&connection.get())
            .map_or(0, |connection| connection.held.len())
    }

    /// What a register holds.
    pub fn register(&self, offset: u32) -> u32 {
        self.state.borrow().register(offset)
    }

    /// Times that the adapter was reset.
    pub fn resets(&self) -> u32 {
        self.state.borrow().resets
    }

    /// Whether `control.enable` is set.
    pub fn is_enabled(&self) -> bool {
        field::CONTROL_ENABLE.get(self.state.borrow().register(offset::CONTROL)) == 1
    }

    // ------------------------------------------------------------ inside

    fn change(&self, id: ConnectionId, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.state.borrow_mut().connections.get_mut(&id.get()) {
            change(connection);
        }
        self.advance();
    }

    /// Goes on with everything that can go on.
    fn advance(&self) {
        let mut state = self.state.borrow_mut();
        while state.takes_commands
            && let Some(command) = state.waiting.pop_front()
        {
            state.taken = state.taken.wrapping_add(1);
            state.commands.push(command);
            state.obey(command);
        }
        state.deliver(&self.memory);
        let untold = state.taken.wrapping_sub(state.told_taken);
        if untold >= COMMAND_QUEUE_DEPTH / 2 && state.backlog.is_empty() {
            state.tell(Event::CommandsTaken); // Half the queue was taken since the last event.
        }
        state.write_events(&self.memory);
        state.changed.wake();
    }
}

impl State {
    fn tell(&mut self, event: Event) {
        self.backlog.push_back((event.into(), true));
    }

    fn refuse(&mut self, command: Command, connection: u16, reason: Refusal) {
        let request = match command {
            Command::PostNamedBuffer { request, .. }
            | Command::CancelNamedBuffer { request, .. } => request,
            _ => 0,
        };
        self.tell(Event::CommandRefused {
            connection,
            opcode: command.opcode(),
            reason,
            request,
        });
    }

    /// What this adapter takes the Push Timer for.
    fn push_timer(&self) -> Duration {
        let cycles = u64::from(self.register(offset::PUSH_TIMER_CYCLES));
        let period = u64::from(self.register(offset::CLOCK_PERIOD_PICOSECONDS));
        Duration::from_nanos(cycles * period / 1000)
    }

    fn around(&self, id: u16) -> Surroundings {
        let connection = self.connections.get(&id);
        Surroundings {
            connection: id,
            pages: u64::from(self.register(offset::NAMED_BUFFER_PAGES)),
            window: connection.map_or(0, |connection| connection.window),
            pending: connection.map_or(0, |connection| connection.pending),
            push_timer: self.push_timer(),
        }
    }

    /// When the next Push Timer ends.
    fn deadline(&self) -> Option<Instant> {
        self.connections
            .values()
            .filter_map(|connection| connection.named.deadline())
            .min()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::GrantAnonymousBuffers {
                address,
                first_buffer,
                count,
            } => {
                let bytes = self.register(offset::ANONYMOUS_BUFFER_BYTES);
                self.anonymous
                    .extend(granted(address, first_buffer, count, bytes));
            }
            Command::GrantHostFrameBuffers {
                address,
                first_buffer,
                count,
            } => {
                let bytes = self.register(offset::HOST_FRAME_BUFFER_BYTES);
                self.host_frame
                    .extend(granted(address, first_buffer, count, bytes));
            }
            Command::Offload {
                connection,
                receive_next,
                indicate_window_size,
                ..
            } => {
                let answer = self
                    .offload_answers
                    .pop_front()
                    .unwrap_or(Some(OffloadStatus::Ok));
                if answer == Some(OffloadStatus::Ok) {
                    let opened = Connection {
                        receive_next,
                        window: u64::from(indicate_window_size),
                        ..Connection::default()
                    };
                    self.connections.insert(connection, opened);
                }
                if let Some(status) = answer {
                    self.tell(Event::Offloaded { connection, status });
                }
            }
            Command::Upload { connection } => match self.connections.get_mut(&connection) {
                Some(known) => {
                    known.uploading = true;
                    let returned = known.named.end(connection);
                    returned.into_iter().for_each(|event| self.tell(event));
                }
                None => self.refuse(command, connection, Refusal::NotOffloaded),
            },
            Command::IndicateAcknowledge {
                connection,
                acknowledged_bytes,
            } => {
                let bytes = u64::from(acknowledged_bytes);
                match self.connections.get_mut(&connection) {
                    Some(known) if bytes <= known.pending => {
                        known.pending -= bytes;
                        known.pending_pushes.drain(..bytes as usize);
                    }
                    Some(_) => self.refuse(command, connection, Refusal::MoreThanPending),
                    None => self.refuse(command, connection, Refusal::NotOffloaded),
                }
            }
            Command::SetIndicateWindowSize { connection, bytes } => {
                match self.connections.get_mut(&connection) {
                    Some(known) => known.window = u64::from(bytes),
                    None => self.refuse(command, connection, Refusal::NotOffloaded),
                }
            }
            Command::SetSourceAddress { .. } | Command::SetDestinationAddress { .. } => {}
            Command::PostNamedBuffer { connection, .. } => {
                let around = self.around(connection);
                let refusal = match self.connections.get_mut(&connection) {
                    Some(known) => known.named.post(&command, &around),
                    None => Some(Refusal::NotOffloaded),
                };
                if let Some(refusal) = refusal {
                    self.refuse(command, connection, refusal);
                }
            }
            Command::CancelNamedBuffer {
                connection,
                request,
            } => {
                let known = self.connections.get_mut(&connection);
                match known.and_then(|known| known.named.cancel(connection, request)) {
                    Some(event) => self.tell(event),
                    None => self.refuse(command, connection, Refusal::NotPosted),
                }
            }
        }
    }

    /// Delivers under the windows (B7 to B9), and completes uploads (B6).
    fn deliver(&mut self, memory: &Memory) {
        let room = self.register(offset::ANONYMOUS_BUFFER_BYTES) as usize;
        let mut ended = Vec::new();
        let mut told = Vec::new();
        let push_timer = self.push_timer();
        for (&id, connection) in &mut self.connections {
            let around = Surroundings {
                connection: id,
                pages: 0,
                window: connection.window,
                pending: connection.pending,
                push_timer,
            };
            while connection.named.take(self.holds_buffers) {
                let pushed = connection.pending_pushes.contains(&true);
                if let Some(accepted) =
                    connection
                        .named
                        .accept(&mut connection.pending, pushed, &around)
                {
                    connection.pending_pushes.clear();
                    told.push(accepted);
                }
                let (placed, written) =
                    connection
                        .named
                        .place(&mut connection.held, memory, push_timer);
                connection.receive_next = connection.receive_next.wrapping_add(placed as u32);
                if !written {
                    told.push(Event::BusError {
                        connection: id,
                        buffer: 0,
                        response: 3,
                    });
                    break;
                }
                match connection.named.give_back(id) {
                    Some(returned) => told.push(returned),
                    None => break,
                }
            }
            if connection.named.ended_with_buffers() {
                told.extend(connection.named.end(id)); // Posted before the driver knew of the end.
            }
            while !connection.held.is_empty() && !connection.named.take(false) {
                let window = match connection.uploading {
                    true => u64::MAX,
                    false => connection.window.saturating_sub(connection.pending),
                };
                let window = usize::try_from(window).unwrap_or(usize::MAX);
                let length = connection.held.len().min(room).min(window);
                if length == 0 {
                    break;
                }
                let Some(buffer) = self.anonymous.pop_front() else {
                    break;
                };
                let (bytes, pushes): (Vec<u8>, Vec<bool>) = connection.held.drain(..length).unzip();
                connection.receive_next = connection.receive_next.wrapping_add(length as u32);
                let (connection_number, number, length) = (id, buffer.number, length as u16);
                let written = memory.put(BusAddress::new(buffer.address), &bytes);
                told.push(match (written, connection.uploading) {
                    (Err(_), _) => Event::BusError {
                        connection: connection_number,
                        buffer: number,
                        response: 3,
                    },
                    (Ok(()), true) => Event::UploadData {
                        connection: connection_number,
                        buffer: number,
                        length,
                    },
                    (Ok(()), false) => {
                        connection.pending += u64::from(length);
                        let push = pushes.contains(&true);
                        connection.pending_pushes.extend(pushes);
                        Event::IndicateData {
                            connection: connection_number,
                            buffer: number,
                            length,
                            push,
                        }
                    }
                });
            }
            if !connection.held.is_empty() {
                continue;
            }
            if connection.finish && !connection.finished {
                connection.finished = true;
                connection.receive_next = connection.receive_next.wrapping_add(1);
                told.extend(connection.named.end(id));
                told.push(Event::PeerClosed { connection: id });
            }
            if connection.uploading {
                let flags = u32::from(connection.finished) | u32::from(connection.reset) << 1;
                let state = |field, content| Event::State {
                    connection: id,
                    content,
                    field,
                };
                told.push(state(StateField::ReceiveNext, connection.receive_next));
                told.push(state(StateField::Flags, flags));
                told.push(Event::Uploaded { connection: id });
                ended.push(id);
            }
        }
        for event in told {
            self.tell(event);
        }
        for id in ended {
            self.connections.remove(&id);
        }
        while !self.frames.is_empty()
            && let Some(buffer) = self.host_frame.pop_front()
            && let Some(frame) = self.frames.pop_front()
        {
            let written = memory.put(BusAddress::new(buffer.address), &frame);
            debug_assert!(written.is_ok(), "a grant outside allocated memory");
            self.tell(Event::HostFrame {
                buffer: buffer.number,
                length: frame.len() as u16,
            });
        }
    }

    /// Writes events as far as the ring has room.
    fn write_events(&mut self, memory: &Memory) {
        let entries = self.register(offset::EVENT_RING_ENTRIES);
        if entries == 0 || field::CONTROL_ENABLE.get(self.register(offset::CONTROL)) == 0 {
            return;
        }
        let high = u64::from(self.register(offset::EVENT_RING_ADDRESS_HIGH));
        let ring = high << 32 | u64::from(self.register(offset::EVENT_RING_ADDRESS_LOW));
        while self
            .produced
            .wrapping_sub(self.register(offset::EVENT_CONSUMER))
            < entries
            && let Some((word, stamp)) = self.backlog.pop_front()
        {
            let phase = (self.produced / entries).is_multiple_of(2);
            let word = match stamp {
                true => event_stamped(word, phase, self.taken as u8),
                false => word,
            };
            self.told_taken = self.taken;
            let slot = BusAddress::new(ring + 8 * u64::from(self.produced % entries));
            let written = memory.put(slot, &word.to_le_bytes());
            debug_assert!(written.is_ok(), "an event ring outside allocated memory");
            self.produced = self.produced.wrapping_add(1);
        }
    }
}

fn granted(address: u64, first: u16, count: u16, bytes: u32) -> impl Iterator<Item = Granted> {
    let stride = u64::from(bytes.next_multiple_of(64));
    (0..count).map(move |place| Granted {
        number: first.wrapping_add(place),
        address: address + u64::from(place) * stride,
    })
}
