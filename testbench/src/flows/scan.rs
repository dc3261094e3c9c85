//! Sorts the frames of a capture into streams and reassembles them.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::assembly::Assembly;
use super::hint::ChecksumStatistics;
use super::seq::SeqNumber;
use super::stream::{Start, Stream};
use super::view::{Flags, Outside, TcpView};
use crate::capture::Frame;

/// What a receiver is to make of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A segment of this stream, at this place in it.
    Segment {
        /// Index in [`Flows::streams`].
        stream: usize,
        /// Place of its first payload byte.
        offset: i64,
    },
    /// TCP that belongs to no stream: an RST out of nowhere, a segment far outside any window.
    Stray,
    /// Not TCP that the adapter takes.
    Outside(Outside),
    /// Wrong IPv4 header checksum.
    IpChecksum,
    /// Wrong TCP checksum.
    TcpChecksum,
}

/// All that a capture says about TCP.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// Every direction of every connection, by first appearance.
    pub streams: Vec<Stream>,
    /// One for each frame, in order.
    pub verdicts: Vec<Verdict>,
    /// Right and wrong checksums, and whether they look like a NIC's unfinished work.
    pub checksums: ChecksumStatistics,
    /// Connections: each has one or two streams.
    pub connections: usize,
}

impl Flows {
    /// Adds what another capture says, whose frames stand behind the first `frames_before` ones.
    /// Connections are not continued from one capture to the next.
    pub fn append(&mut self, other: Self, frames_before: usize) {
        let streams_before = self.streams.len();
        self.streams
            .extend(other.streams.into_iter().map(|mut stream| {
                stream.shift(streams_before, self.connections, frames_before);
                stream
            }));
        self.verdicts
            .extend(other.verdicts.into_iter().map(|verdict| match verdict {
                Verdict::Segment { stream, offset } => Verdict::Segment {
                    stream: stream + streams_before,
                    offset,
                },
                other => other,
            }));
        self.connections += other.connections;
        self.checksums.add(&other.checksums);
    }

    /// For each stream, the one before of the same endpoints in the same direction: its offload
    /// must have ended before this one's can begin.
    #[must_use]
    pub fn predecessors(&self) -> Vec<Option<usize>> {
        let mut latest = HashMap::new();
        let streams = self.streams.iter();
        streams
            .map(|stream| latest.insert((stream.source, stream.destination), stream.index))
            .collect()
    }

    /// The opposite direction of a stream, if the capture shows it.
    #[must_use]
    pub fn peer(&self, stream: usize) -> Option<usize> {
        let of = self.streams.get(stream)?;
        self.streams
            .iter()
            .position(|other| other.connection == of.connection && other.index != of.index)
    }
}

/// The connection that a pair of endpoints has at the moment.
#[derive(Clone, Default)]
struct Connection {
    number: usize,
    /// Streams of the two directions; which is which, their `source` says.
    streams: [Option<usize>; 2],
    /// For each direction, where its first byte stands as the other side's SYN-ACK tells.
    told: [Option<SeqNumber>; 2],
    /// For each direction, the highest acknowledgement that the other side has sent.
    acknowledged: [Option<SeqNumber>; 2],
}

/// Reads prepared frames in order (see [`super::prepare`]).
#[must_use]
pub fn scan(frames: &[Frame]) -> Flows {
    let mut scanner = Scanner::default();
    for (index, frame) in frames.iter().enumerate() {
        let verdict = scanner.frame(index, frame);
        scanner.flows.verdicts.push(verdict);
    }
    scanner.flows
}

#[derive(Default)]
struct Scanner {
    flows: Flows,
    connections: HashMap<[SocketAddr; 2], Connection>,
}

impl Scanner {
    fn frame(&mut self, index: usize, frame: &Frame) -> Verdict {
        let view = match TcpView::parse(&frame.bytes) {
            Ok(view) => view,
            Err(outside) => return Verdict::Outside(outside),
        };
        if let Some(wrong) = self.flows.checksums.check(&view) {
            return wrong;
        }
        let direction = usize::from(view.source > view.destination);
        let mut key = [view.source, view.destination];
        key.sort();
        let flags = view.flags();
        let connection = self.connections.entry(key).or_insert_with(|| {
            self.flows.connections += 1;
            Connection {
                number: self.flows.connections - 1,
                ..Connection::default()
            }
        });
        if flags.has(Flags::SYN) && replaces(connection, direction, &view, &self.flows.streams) {
            *connection = Connection {
                number: self.flows.connections,
                ..Connection::default()
            };
            self.flows.connections += 1;
        }
        if let Some(acknowledged) = view.acknowledgement() {
            let known = &mut connection.acknowledged[1 - direction];
            if known.is_none_or(|known| acknowledged.since(known) > 0) {
                *known = Some(acknowledged);
            }
            if flags.has(Flags::SYN) {
                connection.told[1 - direction].get_or_insert(acknowledged);
            }
        }
        let Some(stream) = connection.streams[direction].or_else(|| {
            let (start, first_byte) = beginning(connection, direction, &view)?;
            let stream = self.flows.streams.len();
            connection.streams[direction] = Some(stream);
            self.flows.streams.push(Stream {
                index: stream,
                connection: connection.number,
                source: view.source,
                destination: view.destination,
                start,
                first_byte,
                first_frame: index,
                last_frame: index,
                frames: 0,
                segments: Vec::new(),
                fin: None,
                reset: None,
                resets_ignored: 0,
                peer_reset: false,
                assembly: Assembly::default(),
            });
            Some(stream)
        }) else {
            return Verdict::Stray;
        };
        let taken = self.flows.streams[stream].take(index, &view);
        let reset = self.flows.streams[stream].reset.is_some();
        if let (true, Some(peer)) = (reset, connection.streams[1 - direction]) {
            self.flows.streams[peer].peer_reset = true;
        }
        taken.map_or(Verdict::Stray, |offset| Verdict::Segment { stream, offset })
    }
}

/// Where a direction begins whose first frame this is. An RST begins nothing.
fn beginning(
    connection: &Connection,
    direction: usize,
    view: &TcpView<'_>,
) -> Option<(Start, SeqNumber)> {
    let flags = view.flags();
    if flags.has(Flags::SYN) {
        return Some((Start::Syn, view.data_sequence()));
    }
    if flags.has(Flags::RST) {
        return None;
    }
    if let Some(told) = connection.told[direction] {
        return Some((Start::Handshake, told));
    }
    let first = view.sequence();
    // A keep-alive probe repeats the last byte before (RFC 9293 section 3.8.4), which the
    // receiver has acknowledged: the stream goes on where the acknowledgement says.
    let end = first.plus(view.payload().len() as u64);
    let probe = view.payload().len() <= 1 && !flags.has(Flags::FIN);
    match connection.acknowledged[direction] {
        Some(known) if probe && known.since(first) == 1 && known.since(end) >= 0 => {
            Some((Start::MidStream, known))
        }
        _ => Some((Start::MidStream, first)),
    }
}

/// Does this SYN begin a new connection of the same two endpoints?
fn replaces(
    connection: &Connection,
    direction: usize,
    view: &TcpView<'_>,
    streams: &[Stream],
) -> bool {
    let first_byte = view.data_sequence();
    let own = connection.streams[direction].map(|stream| &streams[stream]);
    let other = connection.streams[1 - direction].map(|stream| &streams[stream]);
    if let Some(own) = own {
        // A repetition, or the handshake of a connection that was picked up too early.
        if own.first_byte == first_byte {
            return false;
        }
        return match view.acknowledgement() {
            // A second answer to the same SYN is an intruder's or a confused peer's.
            Some(answer) => !other.is_some_and(|other| begins_at(other, answer)),
            None => true,
        };
    }
    let Some(other) = other else { return false };
    match view.acknowledgement() {
        Some(answer) => other.start == Start::Syn && !begins_at(other, answer),
        // A SYN-ACK was captured before its SYN; or both sides opened at once.
        None => {
            let end = first_byte.plus(view.payload().len() as u64);
            let told = connection.told[direction];
            let simultaneous = other.start == Start::Syn && other.segments.is_empty();
            told != Some(first_byte) && told != Some(end) && !(told.is_none() && simultaneous)
        }
    }
}

/// An acknowledgement of SYN, perhaps with the data that came with it, for this stream.
fn begins_at(stream: &Stream, acknowledgement: SeqNumber) -> bool {
    let beyond = acknowledgement.since(stream.first_byte);
    (0..=i64::from(u16::MAX)).contains(&beyond)
}
