//! Turns frames as a host's capture shows them into frames as a wire would have carried them.
//!
//! A capture is taken above the NIC. Outgoing frames may lack what the NIC was to do: fill in
//! checksums, cut a super-frame into segments. Incoming ones may have been merged into
//! super-frames. Super-frames never were on a wire, so they are always split; checksums may be
//! wrong because the wire damaged the frame, so they are repaired only on demand. One case needs
//! no asking: a sender nearly all of whose IPv4 header checksums are wrong while the TCP checksums,
//! which cover addresses, length and data, are right. No router would have passed that on: the
//! header was left unfinished, or edited after the recording.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::hint::is_habit;
use super::view::{Flags, Layout, Outside, TcpView, link_layer};
use crate::capture::{Frame, MINIMUM_FRAME_BYTES};

/// Longest frame on the wire: a jumbo frame with its FCS, VLAN tags not counted.
pub const LARGEST_FRAME_BYTES: usize = 9018;
const FCS_BYTES: usize = 4;
const ETHERNET_BYTES: usize = 14;
/// Longest IP packet in such a frame.
const LARGEST_PACKET_BYTES: usize = LARGEST_FRAME_BYTES - ETHERNET_BYTES - FCS_BYTES;
const OPTION_MSS: u8 = 2;
/// Where no SYN told: a packet of 1500 bytes.
const USUAL_PACKET_BYTES: usize = 1500;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
const TCP_BYTES: usize = 20;

/// Frames ready for the adapter, and what was done to them.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// In capture order. The pieces of a split frame share its number and count up in `part`.
    pub frames: Vec<Frame>,
    /// Frames with a wrong checksum that now have a right one.
    pub repaired: u64,
    /// Frames of senders whose IPv4 header checksums are wrong throughout and whose TCP checksums
    /// prove the frame right: their header checksums were repaired without being asked for.
    pub headers_repaired: u64,
    /// Super-frames split.
    pub split: u64,
    /// Segments made of them.
    pub split_into: u64,
}

/// Splits super-frames and, if asked to, repairs checksums.
#[must_use]
pub fn prepare(frames: Vec<Frame>, repair_checksums: bool) -> Prepared {
    let segment_sizes = SegmentSizes::of(&frames);
    let unfinished = unfinished_headers(&frames);
    let mut prepared = Prepared {
        frames: Vec::with_capacity(frames.len()),
        ..Prepared::default()
    };
    for mut frame in frames {
        if let Some(pieces) = split(&frame, &segment_sizes) {
            prepared.split += 1;
            prepared.split_into += pieces.len() as u64;
            prepared.frames.extend(pieces);
            continue;
        }
        match wrong_checksums(&frame.bytes) {
            Some((source, Wrong::HeaderOnly)) if unfinished.contains(&source) => {
                self::repair_checksums(&mut frame.bytes);
                prepared.headers_repaired += 1;
            }
            Some(_) if repair_checksums => {
                self::repair_checksums(&mut frame.bytes);
                prepared.repaired += 1;
            }
            _ => {}
        }
        prepared.frames.push(frame);
    }
    prepared
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// The IPv4 header's, while the TCP checksum is right.
    HeaderOnly,
    Segment,
}

/// What is wrong with a TCP frame's checksums, and who sent it.
fn wrong_checksums(frame: &[u8]) -> Option<(IpAddr, Wrong)> {
    let view = TcpView::parse(frame).ok()?;
    let wrong = match (view.ip_checksum_ok(), view.tcp_checksum_ok()) {
        (true, true) => return None,
        (false, true) => Wrong::HeaderOnly,
        (_, false) => Wrong::Segment,
    };
    Some((view.source.ip(), wrong))
}

/// Senders that have a habit of wrong header checksums over right segments.
fn unfinished_headers(frames: &[Frame]) -> HashSet<IpAddr> {
    let mut wrong: HashMap<IpAddr, (u64, u64)> = HashMap::new();
    for frame in frames {
        let Ok(view) = TcpView::parse(&frame.bytes) else {
            continue;
        };
        let (of_header, of_all) = wrong.entry(view.source.ip()).or_default();
        *of_header += u64::from(!view.ip_checksum_ok() && view.tcp_checksum_ok());
        *of_all += 1;
    }
    wrong
        .into_iter()
        .filter(|(_, (header, all))| is_habit(*header, *all))
        .map(|(sender, _)| sender)
        .collect()
}

/// Writes right checksums into a TCP frame. Tells whether one was wrong; frames that are not
/// whole TCP segments are left alone.
pub fn repair_checksums(frame: &mut [u8]) -> bool {
    let Ok(view) = TcpView::parse(frame) else {
        return false;
    };
    if view.ip_checksum_ok() && view.tcp_checksum_ok() {
        return false;
    }
    let layout = view.layout;
    fill_checksums(frame, &layout);
    true
}

fn fill_checksums(frame: &mut [u8], layout: &Layout) {
    let Ok(view) = TcpView::parse(frame) else {
        return;
    };
    let (ip, tcp) = (view.ip_checksum(), view.tcp_checksum());
    if !layout.ipv6 {
        frame[layout.ip_at + 10..layout.ip_at + 12].copy_from_slice(&ip.to_be_bytes());
    }
    frame[layout.tcp_at + 16..layout.tcp_at + 18].copy_from_slice(&tcp.to_be_bytes());
}

/// The data of a frame with SYN as a segment of its own: SYN cleared, sequence number behind it.
/// `None` when there is no data or no SYN.
#[must_use]
pub fn data_behind_syn(frame: &[u8]) -> Option<Vec<u8>> {
    let view = TcpView::parse(frame).ok()?;
    if !view.flags().has(Flags::SYN) || view.payload().is_empty() {
        return None;
    }
    let (sequence, flags) = (view.data_sequence(), view.flags());
    let layout = view.layout;
    let mut data = frame.to_vec();
    data[layout.tcp_at + 4..layout.tcp_at + 8].copy_from_slice(&sequence.0.to_be_bytes());
    data[layout.tcp_at + 13] = flags.0 & !Flags::SYN | Flags::ACK;
    fill_checksums(&mut data, &layout);
    Some(data)
}

/// The largest segments that the two ends of a connection agreed on.
#[derive(Default)]
struct SegmentSizes(HashMap<SocketAddr, HashMap<SocketAddr, usize>>);

impl SegmentSizes {
    fn of(frames: &[Frame]) -> Self {
        let mut sizes = Self::default();
        for frame in frames {
            let Ok(view) = TcpView::parse(&frame.bytes) else {
                continue;
            };
            if !view.flags().has(Flags::SYN) {
                continue;
            }
            if let Some([high, low]) = view.option(OPTION_MSS) {
                let size = usize::from(u16::from_be_bytes([*high, *low]));
                sizes
                    .0
                    .entry(view.source)
                    .or_default()
                    .insert(view.destination, size);
            }
        }
        sizes
    }

    fn told(&self, from: SocketAddr, to: SocketAddr) -> Option<usize> {
        self.0.get(&from)?.get(&to).copied()
    }

    /// Payload bytes of a full segment of this frame's kind, options allowed for.
    fn for_segment(&self, view: &TcpView<'_>) -> usize {
        let (a, b) = (view.source, view.destination);
        let fixed = TCP_BYTES
            + if view.layout.ipv6 {
                IPV6_BYTES
            } else {
                IPV4_BYTES
            };
        let headers = view.layout.payload.start - view.layout.ip_at;
        let told = [self.told(a, b), self.told(b, a)]
            .into_iter()
            .flatten()
            .min();
        let packet = told.map_or(USUAL_PACKET_BYTES, |size| size + fixed);
        // At least one byte a segment, whatever an option claims.
        packet
            .min(LARGEST_PACKET_BYTES)
            .saturating_sub(headers)
            .max(1)
    }
}

/// The segments that a NIC would have made of a super-frame; `None` for any other frame.
fn split(frame: &Frame, sizes: &SegmentSizes) -> Option<Vec<Frame>> {
    let oversize =
        |view: &TcpView<'_>| view.layout.payload.end - view.layout.ip_at > LARGEST_PACKET_BYTES;
    let view = match TcpView::parse(&frame.bytes) {
        Ok(view) if oversize(&view) => view,
        // The length was left to the NIC, or the snap length cut the frame, whose whole segments
        // are still good: the frame's own length counts.
        Err(Outside::NoLength | Outside::Truncated) if frame.bytes.len() > MINIMUM_FRAME_BYTES => {
            let (_, ip_at, _) = link_layer(&frame.bytes).ok()?;
            let length = Some(frame.bytes.len() - ip_at);
            let view = TcpView::parse_with_length(&frame.bytes, length).ok()?;
            let stated = frame.original_len as usize > LARGEST_FRAME_BYTES;
            if frame.truncated && !stated {
                return None;
            }
            view
        }
        _ => return None,
    };
    let size = sizes.for_segment(&view);
    let payload = view.payload();
    let count = payload.len().div_ceil(size).max(1);
    let pieces = (0..count).map(|index| {
        let start = index * size;
        let end = payload.len().min(start + size);
        Frame {
            part: index as u32,
            bytes: piece(&view, &frame.bytes, start..end, index, frame.truncated),
            ..frame.clone()
        }
    });
    let mut pieces: Vec<Frame> = pieces.collect();
    if frame.truncated {
        // What follows the last whole segment is lost; so are FIN and PSH, which come with it.
        if payload.len() % size != 0 {
            pieces.pop();
        }
        if pieces.is_empty() {
            return None;
        }
        for piece in &mut pieces {
            piece.truncated = false;
        }
    }
    Some(pieces)
}

/// One segment: headers of the whole with length, identification, sequence number, flags and
/// checksums of the piece.
fn piece(
    view: &TcpView<'_>,
    frame: &[u8],
    range: std::ops::Range<usize>,
    index: usize,
    truncated: bool,
) -> Vec<u8> {
    let layout = &view.layout;
    let first = range.start == 0;
    let last = !truncated && range.end == view.payload().len();
    let mut bytes = frame[..layout.payload.start].to_vec();
    bytes.extend_from_slice(&view.payload()[range.clone()]);
    let packet = bytes.len() - layout.ip_at;
    let ip = &mut bytes[layout.ip_at..];
    if layout.ipv6 {
        ip[4..6].copy_from_slice(&((packet - IPV6_BYTES) as u16).to_be_bytes());
    } else {
        ip[2..4].copy_from_slice(&(packet as u16).to_be_bytes());
        let identification = u16::from_be_bytes([ip[4], ip[5]]).wrapping_add(index as u16);
        ip[4..6].copy_from_slice(&identification.to_be_bytes());
    }
    let sequence = view.sequence().plus(range.start as u64);
    let tcp = &mut bytes[layout.tcp_at..];
    tcp[4..8].copy_from_slice(&sequence.0.to_be_bytes());
    let mut flags = view.flags().0;
    if !last {
        flags &= !(Flags::FIN | Flags::PSH);
    }
    if !first {
        flags &= !(Flags::CWR | Flags::URG | Flags::SYN);
    }
    tcp[13] = flags;
    let layout = Layout {
        payload: layout.payload.start..bytes.len(),
        ..layout.clone()
    };
    fill_checksums(&mut bytes, &layout);
    if bytes.len() < MINIMUM_FRAME_BYTES {
        bytes.resize(MINIMUM_FRAME_BYTES, 0);
    }
    bytes
}
