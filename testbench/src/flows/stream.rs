//! One direction of one connection: what a receiver is to make of it.

use std::net::SocketAddr;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::assembly::Assembly;
use super::seq::SeqNumber;
use super::view::{Flags, TcpView};

/// Segments further ahead than the largest window that TCP can announce (RFC 7323) are strays.
const LARGEST_WINDOW_BYTES: i64 = 1 << 30;

/// How the first byte's sequence number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From the SYN of this direction.
    Syn,
    /// From the other side's acknowledgement of a SYN that the capture does not show.
    Handshake,
    /// The capture starts later: from the first segment.
    MidStream,
}

/// How a stream ends in the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// FIN, and every byte before it.
    Fin,
    /// RST at exactly the next byte expected.
    Reset,
    /// The other direction was reset, and with it the connection.
    PeerReset,
    /// Neither closed nor broken when the capture ends.
    Open,
    /// Bytes are missing that the capture shows to have been sent.
    Hole,
}

/// A segment with data, FIN or RST, as the replay's peer may send (again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Index in the prepared frames.
    pub frame: usize,
    /// Place of its first byte in the stream; negative for bytes before the stream's beginning.
    pub offset: i64,
    /// Payload bytes.
    pub length: u32,
    /// Data that came with SYN: the frame as it is goes to the host
    /// (see [`super::data_behind_syn`]).
    pub syn: bool,
    /// Carries FIN.
    pub fin: bool,
    /// Carries RST.
    pub reset: bool,
}

impl Segment {
    /// One past its last byte.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.offset + i64::from(self.length)
    }
}

/// One direction of one connection.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Index in [`super::Flows::streams`].
    pub index: usize,
    /// Which connection; its two directions share the number.
    pub connection: usize,
    /// The sender.
    pub source: SocketAddr,
    /// The receiver: what the adapter stands in for.
    pub destination: SocketAddr,
    /// How `first_byte` is known.
    pub start: Start,
    /// Sequence number of byte 0: RCV.NXT when the connection is offloaded.
    pub first_byte: SeqNumber,
    /// First of its frames (index in the prepared frames): offload before it, or, where it is
    /// the SYN, behind it.
    pub first_frame: usize,
    /// Last of its frames.
    pub last_frame: usize,
    /// Its frames in the capture, pure acknowledgements included.
    pub frames: u64,
    /// Segments with data, FIN or RST, in capture order, repetitions included.
    pub segments: Vec<Segment>,
    /// Where FIN stands: the stream's length.
    pub fin: Option<u64>,
    /// Where an RST was believed.
    pub reset: Option<u64>,
    /// RSTs elsewhere in the window, which RFC 5961 says to answer and not to believe.
    pub resets_ignored: u64,
    /// The other direction was reset.
    pub peer_reset: bool,
    pub(super) assembly: Assembly,
}

impl Stream {
    /// Bytes that the receiver is to get: from the beginning to the first hole or the end.
    #[must_use]
    pub fn expected(&self) -> &[u8] {
        let bytes = self.assembly.contiguous();
        let end = self
            .fin
            .map_or(bytes.len(), |fin| bytes.len().min(fin as usize));
        &bytes[..end]
    }

    /// SHA-256 of [`Stream::expected`], in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256_hex(self.expected())
    }

    /// These bytes stand at this place of the stream, in one of the copies that were sent.
    #[must_use]
    pub fn matches(&self, offset: u64, bytes: &[u8]) -> bool {
        self.assembly.matches(offset, bytes)
    }

    /// Bytes of later copies that contradict the first.
    #[must_use]
    pub fn conflicting_bytes(&self) -> u64 {
        self.assembly.conflicting_bytes()
    }

    /// The first range of bytes that were sent and are not in the capture. Its end is that of the
    /// hole: the next byte present, or FIN.
    #[must_use]
    pub fn first_hole(&self) -> Option<Range<u64>> {
        let begin = self.expected().len() as u64;
        if self.fin == Some(begin) {
            return None;
        }
        let end = self.assembly.resumes_at().or(self.fin)?;
        Some(begin..self.fin.map_or(end, |fin| end.min(fin)))
    }

    /// How the stream ends.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.first_hole().is_some() {
            Ending::Hole
        } else if self.fin.is_some() {
            Ending::Fin
        } else if self.reset.is_some() {
            Ending::Reset
        } else if self.peer_reset {
            Ending::PeerReset
        } else {
            Ending::Open
        }
    }

    /// The capture holds the stream from its first byte to a close.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.start != Start::MidStream
            && matches!(
                self.ending(),
                Ending::Fin | Ending::Reset | Ending::PeerReset
            )
    }

    /// The segment that came in this frame, if it carried data, FIN or RST.
    #[must_use]
    pub fn segment_of_frame(&self, frame: usize) -> Option<&Segment> {
        let at = self
            .segments
            .binary_search_by_key(&frame, |segment| segment.frame)
            .ok()?;
        self.segments.get(at)
    }

    /// The segments that carry some byte of a range of the stream (or FIN, for its end), in
    /// capture order: what a peer can send again.
    pub fn segments_covering(&self, range: Range<u64>) -> impl Iterator<Item = &Segment> {
        let (begin, end) = (range.start as i64, range.end as i64);
        self.segments.iter().filter(move |segment| {
            let last = segment.end() + i64::from(segment.fin);
            !segment.reset && segment.offset < end && last > begin
        })
    }

    /// Numbers streams, connections and frames anew, behind those of other captures.
    pub(super) fn shift(&mut self, streams: usize, connections: usize, frames: usize) {
        self.index += streams;
        self.connection += connections;
        self.first_frame += frames;
        self.last_frame += frames;
        for segment in &mut self.segments {
            segment.frame += frames;
        }
    }

    /// Place of a sequence number in the stream, read near the bytes received so far.
    pub(super) fn offset_of(&self, sequence: SeqNumber) -> i64 {
        let received = self.assembly.contiguous().len() as u64;
        received as i64 + sequence.since(self.first_byte.plus(received))
    }

    /// Takes a proven segment, in capture order. Tells its place, or `None` for a stray.
    pub(super) fn take(&mut self, frame: usize, view: &TcpView<'_>) -> Option<i64> {
        let flags = view.flags();
        let offset = self.offset_of(view.data_sequence());
        let payload = view.payload();
        let received = self.assembly.contiguous().len() as u64;
        self.frames += 1;
        self.last_frame = frame;
        if offset - received as i64 > LARGEST_WINDOW_BYTES {
            return None;
        }
        let reset = flags.has(Flags::RST);
        let fin = flags.has(Flags::FIN) && !reset;
        if !payload.is_empty() || fin || reset {
            self.segments.push(Segment {
                frame,
                offset,
                length: payload.len() as u32,
                syn: flags.has(Flags::SYN),
                fin,
                reset,
            });
        }
        if self.reset.is_some() {
            return Some(offset);
        }
        if reset {
            if self.fin.is_some_and(|fin| fin <= received) {
                // Closed already.
            } else if offset == received as i64 {
                self.reset = Some(received);
            } else {
                self.resets_ignored += 1;
            }
            return Some(offset);
        }
        self.insert(offset, payload);
        let end = offset + payload.len() as i64;
        // A FIN in front of bytes that are there is not believed.
        if fin && self.fin.is_none() && end >= self.assembly.end() as i64 {
            self.fin = u64::try_from(end).ok();
        }
        Some(offset)
    }

    /// Bytes before the stream's beginning and behind its FIN are nobody's.
    fn insert(&mut self, offset: i64, payload: &[u8]) {
        let skip = usize::try_from(-offset).unwrap_or(0);
        let Some(mut bytes) = payload.get(skip..) else {
            return;
        };
        let at = offset.max(0) as u64;
        if let Some(fin) = self.fin {
            let room = usize::try_from(fin.saturating_sub(at)).unwrap_or(usize::MAX);
            bytes = &bytes[..bytes.len().min(room)];
        }
        if !bytes.is_empty() {
            self.assembly.insert(at, bytes);
        }
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
