//! The scoreboard: an independent account of what the adapter may do, held against every event it writes.
//!
//! It sees the host's register writes, and every event at the moment it lands in host memory, before the
//! driver does. It knows nothing of the driver's state.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;

use toe_driver::registers::{self, Command, Event, offset};
use toe_sim::host_memory::{HostMemory, WatchedWrite};

use super::named_account::NamedAccount;
use super::scoreboard_fault::ScoreboardFault;

/// What the peer sent on one direction of a flow.
pub trait StreamOracle {
    /// Place in the stream of the byte with this sequence number, near `near`.
    fn offset_of(&self, sequence: u32, near: u64) -> u64;
    /// Index of the first of `bytes` that the peer never sent at `offset` and the places after it.
    fn first_wrong(&self, offset: u64, bytes: &[u8]) -> Option<usize>;
    /// Bytes before the peer's FIN, where the capture has one.
    fn finish(&self) -> Option<u64>;
}

/// Source and destination of received frames.
pub type Direction = (SocketAddr, SocketAddr);

/// Figures of one stretch of offload of one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionScore {
    /// Bytes delivered, those handed back by an upload included.
    pub bytes: u64,
    /// Of them, bytes placed in Named Buffers.
    pub dma_bytes: u64,
    /// IndicateData events.
    pub indications: u64,
    /// Bytes handed back by an upload.
    pub uploaded_bytes: u64,
    /// indicateAcknowledge commands taken.
    pub acknowledges: u64,
    /// Clock cycles with the window full.
    pub window_closed_cycles: u64,
}

struct Offloaded {
    stream: Option<usize>,
    oracle: Option<Rc<dyn StreamOracle>>,
    offset: u64,
    pending: u64,
    window: u64,
    /// The window before it was made smaller, until no more than the new one is pending: deliveries decided
    /// before the change may still be on their way (B15).
    larger_window: u64,
    closed_since: Option<u64>,
    receive_next: Option<u32>,
    named: NamedAccount,
    score: ConnectionScore,
}

impl Offloaded {
    /// Ends the time with a full window, if it is full no more.
    fn reopen(&mut self, cycle: u64) {
        if self.pending < self.window
            && let Some(since) = self.closed_since.take()
        {
            self.score.window_closed_cycles += cycle - since;
        }
    }
}

/// A command that the adapter takes some time after it was written.
enum Posted {
    Acknowledge { connection: u16, bytes: u64 },
    Window { connection: u16, bytes: u64 },
    Other,
}

/// The account. See the module's text.
#[derive(Default)]
pub struct Scoreboard {
    ring: (u64, u64),
    events: u64,
    consumer: u64,
    anonymous_bytes: u32,
    host_bytes: u32,
    default_window: u64,
    window: [u32; 8],
    source: [u32; 4],
    destination: [u32; 4],
    anonymous: VecDeque<(u16, u64)>,
    host: VecDeque<(u16, u64)>,
    posted: VecDeque<Posted>,
    taken: u8,
    opening: HashMap<u16, Offloaded>,
    connections: HashMap<u16, Offloaded>,
    oracles: HashMap<Direction, (usize, Rc<dyn StreamOracle>)>,
    finished: HashMap<usize, ConnectionScore>,
    sent_frames: VecDeque<Rc<[u8]>>,
    host_frames: u64,
}

impl Scoreboard {
    /// An account of an adapter just reset.
    pub fn new() -> Self {
        Self {
            anonymous_bytes: registers::reset::ANONYMOUS_BUFFER_BYTES,
            host_bytes: registers::reset::HOST_FRAME_BUFFER_BYTES,
            default_window: registers::reset::INDICATE_WINDOW_SIZE.into(),
            ..Self::default()
        }
    }

    /// Tells what the peer sends on a direction, before the connection is offloaded. `stream` names it in
    /// [`Scoreboard::score`]. A new stream on the same addresses and ports replaces the old one.
    pub fn expect_stream(
        &mut self,
        direction: Direction,
        stream: usize,
        oracle: Rc<dyn StreamOracle>,
    ) {
        self.oracles.insert(direction, (stream, oracle));
    }

    /// Tells that a frame was handed to the MAC; the host may get it, whole and in this order.
    pub fn frame_sent(&mut self, bytes: Rc<[u8]>) {
        self.sent_frames.push_back(bytes);
    }

    /// Frames that reached the host.
    pub fn host_frames(&self) -> u64 {
        self.host_frames
    }

    /// Events written.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Figures of a stream: all its stretches of offload up to now, at clock cycle `cycle`.
    pub fn score(&self, stream: usize, cycle: u64) -> ConnectionScore {
        let mut total = self.finished.get(&stream).copied().unwrap_or_default();
        for live in self
            .connections
            .values()
            .filter(|live| live.stream == Some(stream))
        {
            let mut score = live.score;
            score.window_closed_cycles += live.closed_since.map_or(0, |since| cycle - since);
            add(&mut total, &score);
        }
        total
    }

    /// Bytes that the adapter has placed in Named Buffers of a connection that have not come back; `None` if it has none.
    pub fn placed(&self, connection: u16, memory: &HostMemory) -> Option<u64> {
        let live = self.connections.get(&connection)?;
        live.named.any().then(|| live.named.placed(memory))
    }

    /// Whether a Push Timer of the adapter may run, so that it must see every clock.
    pub fn is_timing(&self, memory: &HostMemory) -> bool {
        self.connections
            .values()
            .any(|live| live.named.is_timing(memory))
    }

    /// What is still held, for a person.
    pub fn waiting(&self) -> String {
        let full = self
            .connections
            .values()
            .filter(|live| live.pending >= live.window)
            .count();
        format!(
            "{} connections offloaded, {full} of them with a full window, {} Anonymous Buffers with the adapter",
            self.connections.len(),
            self.anonymous.len()
        )
    }

    /// The host wrote a register. Tells for how many clock cycles that may keep the adapter busy inside.
    pub fn register_write(&mut self, at: u32, value: u32, memory: &mut HostMemory) -> u64 {
        match at {
            offset::EVENT_RING_ADDRESS_LOW => {
                self.ring.0 = self.ring.0 & !0xffff_ffff | u64::from(value);
            }
            offset::EVENT_RING_ADDRESS_HIGH => {
                self.ring.0 = self.ring.0 & 0xffff_ffff | u64::from(value) << 32;
            }
            offset::EVENT_RING_ENTRIES => self.ring.1 = value.into(),
            offset::EVENT_CONSUMER => {
                let step = value.wrapping_sub(self.consumer as u32);
                self.consumer += u64::from(step);
            }
            offset::ANONYMOUS_BUFFER_BYTES => self.anonymous_bytes = value,
            offset::HOST_FRAME_BUFFER_BYTES => self.host_bytes = value,
            offset::INDICATE_WINDOW_SIZE => self.default_window = value.into(),
            offset::CONTROL if registers::field::CONTROL_RESET.get(value) != 0 => {
                let oracles = std::mem::take(&mut self.oracles);
                *self = Self {
                    oracles,
                    ..Self::new()
                };
            }
            offset::CONTROL if registers::field::CONTROL_ENABLE.get(value) != 0 => {
                memory.grant(self.ring.0, self.ring.1 * 8);
                memory.watch(self.ring.0, self.ring.1 * 8);
            }
            _ if (offset::COMMAND..offset::COMMAND + 32).contains(&at) => {
                let word = (at - offset::COMMAND) as usize / 4;
                self.window[word] = value;
                if word == 7 {
                    return self.command(memory);
                }
            }
            _ => {}
        }
        0
    }

    fn command(&mut self, memory: &mut HostMemory) -> u64 {
        let mut posted = Posted::Other;
        // A grant is expanded by a buffer a cycle; beyond that, a command is fetched and carried out within this.
        let mut busy = 128;
        match Command::from_words(&self.window) {
            Some(Command::GrantAnonymousBuffers {
                address,
                first_buffer,
                count,
            }) => {
                let bytes = self.anonymous_bytes;
                busy += u64::from(count);
                grant(
                    &mut self.anonymous,
                    memory,
                    (address, first_buffer, count),
                    bytes,
                );
            }
            Some(Command::GrantHostFrameBuffers {
                address,
                first_buffer,
                count,
            }) => {
                let bytes = self.host_bytes;
                busy += u64::from(count);
                grant(
                    &mut self.host,
                    memory,
                    (address, first_buffer, count),
                    bytes,
                );
            }
            Some(Command::SetSourceAddress { address }) => self.source = address,
            Some(Command::SetDestinationAddress { address }) => self.destination = address,
            Some(Command::Offload {
                connection,
                destination_port,
                source_port,
                receive_next,
                indicate_window_size,
                ipv6,
            }) => {
                let direction = (
                    SocketAddr::new(address(&self.source, ipv6), source_port),
                    SocketAddr::new(address(&self.destination, ipv6), destination_port),
                );
                let (stream, oracle) = self.oracles.get(&direction).cloned().unzip();
                let earlier = stream.and_then(|stream: usize| self.finished.get(&stream));
                let near = earlier.map_or(0, |score| score.bytes);
                let start = oracle
                    .as_ref()
                    .map_or(0, |oracle| oracle.offset_of(receive_next, near));
                let window = match indicate_window_size {
                    0 => self.default_window,
                    bytes => bytes.into(),
                };
                let opening = Offloaded {
                    stream,
                    oracle,
                    offset: start,
                    pending: 0,
                    window,
                    larger_window: 0,
                    closed_since: None,
                    receive_next: None,
                    named: NamedAccount::default(),
                    score: ConnectionScore::default(),
                };
                self.opening.insert(connection, opening);
            }
            Some(Command::IndicateAcknowledge {
                connection,
                acknowledged_bytes,
            }) => {
                posted = Posted::Acknowledge {
                    connection,
                    bytes: acknowledged_bytes.into(),
                };
            }
            Some(Command::SetIndicateWindowSize { connection, bytes }) => {
                posted = Posted::Window {
                    connection,
                    bytes: bytes.into(),
                };
            }
            Some(
                command @ (Command::PostNamedBuffer { connection, .. }
                | Command::CancelNamedBuffer { connection, .. }),
            ) => {
                if let Some(live) = self.connections.get_mut(&connection) {
                    live.named.command(&command, memory);
                }
            }
            _ => {}
        }
        self.posted.push_back(posted);
        busy
    }

    /// An event landed in host memory in clock cycle `cycle`.
    ///
    /// # Errors
    /// When it is one that the adapter must not write now.
    pub fn event(
        &mut self,
        cycle: u64,
        write: WatchedWrite,
        memory: &mut HostMemory,
    ) -> Result<(), ScoreboardFault> {
        let (base, entries) = self.ring;
        let event = self.events;
        if write.strobe != 0xff {
            return Err(ScoreboardFault::EventStrobe {
                strobe: write.strobe,
            });
        }
        let (slot, expected) = ((write.address - base) / 8, event % entries);
        if slot != expected {
            return Err(ScoreboardFault::EventSlot {
                event,
                slot,
                expected,
            });
        }
        if registers::event_phase(write.data) != (event / entries).is_multiple_of(2) {
            return Err(ScoreboardFault::EventPhase { event });
        }
        if event >= self.consumer + entries {
            let consumer = self.consumer;
            return Err(ScoreboardFault::EventOverrun {
                event,
                entries,
                consumer,
            });
        }
        self.events += 1;
        self.take_commands(cycle, registers::event_commands_taken(write.data));
        let decoded =
            Event::try_from(write.data).map_err(|error| ScoreboardFault::EventMeaning {
                event,
                reason: error.to_string(),
            })?;
        match decoded {
            Event::IndicateData {
                connection,
                buffer,
                length,
                ..
            } => self.delivery(cycle, (connection, buffer, length), true, memory),
            Event::UploadData {
                connection,
                buffer,
                length,
            } => self.delivery(cycle, (connection, buffer, length), false, memory),
            Event::HostFrame { buffer, length } => self.host_frame(buffer, length, memory),
            Event::Offloaded { connection, status } => {
                if let Some(opening) = self.opening.remove(&connection)
                    && status == registers::OffloadStatus::Ok
                {
                    self.connections.insert(connection, opening);
                }
                Ok(())
            }
            Event::State {
                connection,
                content,
                field,
            } => self.state(connection, content, field),
            Event::Uploaded { connection } => {
                let live = self
                    .connections
                    .remove(&connection)
                    .ok_or(ScoreboardFault::NotOffloaded { connection })?;
                live.named.uploaded(connection)?;
                let mut score = live.score;
                score.window_closed_cycles += live.closed_since.map_or(0, |since| cycle - since);
                if let Some(stream) = live.stream {
                    add(self.finished.entry(stream).or_default(), &score);
                }
                Ok(())
            }
            Event::PeerClosed { connection } => {
                let live = live(&mut self.connections, connection)?;
                let finish = live.oracle.as_ref().map(|oracle| oracle.finish());
                match finish {
                    Some(finish) if finish != Some(live.offset) => Err(ScoreboardFault::WrongEnd {
                        connection,
                        delivered: live.offset,
                        finish: finish.map_or("nowhere".into(), |at| at.to_string()),
                    }),
                    _ => Ok(()),
                }
            }
            Event::PeerReset { connection } => live(&mut self.connections, connection).map(|_| ()),
            Event::CommandsTaken => Ok(()),
            Event::NamedBufferAccepted {
                connection,
                skipped,
            } => {
                let live = live(&mut self.connections, connection)?;
                live.named
                    .accepted(connection, skipped.into(), live.pending)?;
                live.pending = 0;
                live.reopen(cycle);
                Ok(())
            }
            Event::NamedBufferReturned {
                connection,
                bytes,
                reason,
            } => {
                let live = live(&mut self.connections, connection)?;
                let returned = (connection, bytes.into(), reason);
                let oracle = live.oracle.as_deref();
                let placed = live.named.returned(returned, live.offset, oracle, memory)?;
                live.offset += placed;
                live.score.bytes += placed;
                live.score.dma_bytes += placed;
                Ok(())
            }
            // A cancel may cross with the buffer's return.
            Event::CommandRefused {
                connection,
                reason: registers::Refusal::NotPosted,
                request,
                ..
            } => live(&mut self.connections, connection)?
                .named
                .cancel_refused(connection, request),
            Event::CommandRefused {
                connection,
                opcode,
                reason,
                ..
            } => Err(ScoreboardFault::Refused {
                connection,
                opcode,
                reason: format!("{reason:?}"),
            }),
            Event::BusError {
                connection, buffer, ..
            } => Err(ScoreboardFault::Bus { connection, buffer }),
        }
    }

    fn take_commands(&mut self, cycle: u64, taken: u8) {
        let count = taken.wrapping_sub(self.taken);
        self.taken = taken;
        for _ in 0..count {
            let Some(posted) = self.posted.pop_front() else {
                return;
            };
            let (connection, acknowledged, window) = match posted {
                Posted::Acknowledge { connection, bytes } => (connection, bytes, None),
                Posted::Window { connection, bytes } => (connection, 0, Some(bytes)),
                Posted::Other => continue,
            };
            let Some(live) = self.connections.get_mut(&connection) else {
                continue;
            };
            live.pending = live.pending.saturating_sub(acknowledged);
            live.score.acknowledges += u64::from(acknowledged != 0);
            if let Some(window) = window {
                live.larger_window = live.larger_window.max(live.window);
                live.window = window;
            }
            if live.pending <= live.window {
                live.larger_window = 0;
            }
            live.reopen(cycle);
        }
    }

    fn delivery(
        &mut self,
        cycle: u64,
        (connection, buffer, length): (u16, u16, u16),
        indicated: bool,
        memory: &mut HostMemory,
    ) -> Result<(), ScoreboardFault> {
        let address = use_buffer(
            &mut self.anonymous,
            buffer,
            length,
            self.anonymous_bytes,
            memory,
        )?;
        let live = live(&mut self.connections, connection)?;
        let size = u64::from(length);
        if indicated {
            live.pending += size;
            if live.pending > live.window.max(live.larger_window) {
                return Err(ScoreboardFault::WindowExceeded {
                    connection,
                    pending: live.pending,
                    window: live.window,
                });
            }
            if live.pending == live.window {
                live.closed_since.get_or_insert(cycle);
            }
            live.score.indications += 1;
        } else {
            live.score.uploaded_bytes += size;
        }
        let bytes = memory.slice(address, length.into()).unwrap_or_default();
        if let Some(oracle) = &live.oracle
            && let Some(wrong) = oracle.first_wrong(live.offset, bytes)
        {
            return Err(ScoreboardFault::WrongByte {
                connection,
                offset: live.offset + wrong as u64,
                found: bytes[wrong],
            });
        }
        live.offset += size;
        live.score.bytes += size;
        Ok(())
    }

    fn host_frame(
        &mut self,
        buffer: u16,
        length: u16,
        memory: &mut HostMemory,
    ) -> Result<(), ScoreboardFault> {
        let address = use_buffer(&mut self.host, buffer, length, self.host_bytes, memory)?;
        let bytes = memory.slice(address, length.into()).unwrap_or_default();
        self.host_frames += 1;
        while let Some(sent) = self.sent_frames.pop_front() {
            if &*sent == bytes {
                return Ok(());
            }
        }
        Err(ScoreboardFault::WrongHostFrame { length })
    }

    fn state(
        &mut self,
        connection: u16,
        content: u32,
        field: registers::StateField,
    ) -> Result<(), ScoreboardFault> {
        let live = live(&mut self.connections, connection)?;
        match field {
            registers::StateField::ReceiveNext => live.receive_next = Some(content),
            registers::StateField::Flags => {
                let sequence = live
                    .receive_next
                    .unwrap_or_default()
                    .wrapping_sub(content & 1);
                if let Some(oracle) = &live.oracle {
                    let handed = oracle.offset_of(sequence, live.offset);
                    if handed != live.offset {
                        let delivered = live.offset;
                        return Err(ScoreboardFault::WrongState {
                            connection,
                            handed,
                            delivered,
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

fn live(
    connections: &mut HashMap<u16, Offloaded>,
    connection: u16,
) -> Result<&mut Offloaded, ScoreboardFault> {
    connections
        .get_mut(&connection)
        .ok_or(ScoreboardFault::NotOffloaded { connection })
}

fn add(total: &mut ConnectionScore, score: &ConnectionScore) {
    total.bytes += score.bytes;
    total.dma_bytes += score.dma_bytes;
    total.indications += score.indications;
    total.uploaded_bytes += score.uploaded_bytes;
    total.acknowledges += score.acknowledges;
    total.window_closed_cycles += score.window_closed_cycles;
}

fn grant(
    buffers: &mut VecDeque<(u16, u64)>,
    memory: &mut HostMemory,
    (address, first, count): (u64, u16, u16),
    bytes: u32,
) {
    let stride = u64::from(bytes).next_multiple_of(64);
    for index in 0..count {
        let address = address + stride * u64::from(index);
        memory.grant(address, bytes.into());
        buffers.push_back((first.wrapping_add(index), address));
    }
}

/// Takes the buffer whose turn it is; the adapter may not write there any more.
fn use_buffer(
    buffers: &mut VecDeque<(u16, u64)>,
    buffer: u16,
    length: u16,
    capacity: u32,
    memory: &mut HostMemory,
) -> Result<u64, ScoreboardFault> {
    let next = buffers.pop_front();
    let address = match next {
        Some((number, address)) if number == buffer => address,
        _ => {
            let expected = next.map_or("none".into(), |(number, _)| number.to_string());
            return Err(ScoreboardFault::WrongBuffer { buffer, expected });
        }
    };
    if length == 0 || u32::from(length) > capacity {
        return Err(ScoreboardFault::BadLength { length, capacity });
    }
    if memory.unanswered(address, length.into()) {
        return Err(ScoreboardFault::EventBeforeData { buffer });
    }
    memory.revoke(address);
    Ok(address)
}

fn address(words: &[u32; 4], ipv6: bool) -> std::net::IpAddr {
    if ipv6 {
        let bits = words
            .iter()
            .fold(0u128, |bits, &word| bits << 32 | u128::from(word));
        std::net::Ipv6Addr::from_bits(bits).into()
    } else {
        std::net::Ipv4Addr::from_bits(words[3]).into()
    }
}
