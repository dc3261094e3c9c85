//! The peer of one connection: its frames, and what of them a receiver must keep.

use std::collections::BTreeMap;

use super::script::content;
use crate::flows::repair_checksums;
use crate::model::{DriverSeen, Push, Seen};
use crate::soak::Observation;

/// Separate gaps that an adapter keeps at least (B35); the peer leaves no more.
const GAPS: usize = 4;
/// Longest payload: that of a jumbo frame.
const SEGMENT_BYTES: u64 = 9_000;
/// Sequence number of the first byte: soon behind it the numbers wrap.
pub(super) const FIRST: u32 = u32::MAX - 99;

const FIN: u8 = 1;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A frame, and what is seen once its last beat is taken.
pub(super) struct Sending {
    pub frame: Vec<u8>,
    pub then: Vec<Observation>,
}

/// What the peer sent of one connection; it is the reference receiver too.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Connection in the script.
    name: u16,
    /// Number at the adapter.
    number: u16,
    seed: u64,
    /// Bytes in order.
    pub next: u64,
    /// Ranges behind a gap: ends by starts.
    islands: BTreeMap<u64, u64>,
    /// FIN or RST was sent.
    pub over: bool,
    /// Bytes that have left the receive ring.
    pub delivered: u64,
}

impl Peer {
    pub fn new(name: u16, number: u16, seed: u64) -> Self {
        Peer {
            name,
            number,
            seed,
            ..Peer::default()
        }
    }

    /// A segment, cut to the receive window; none where nothing fits, or where it would leave a gap too many.
    pub fn segment(&mut self, distance: i32, bytes: u32, push: bool, ring: u64) -> Option<Sending> {
        let offset = self.next.saturating_add_signed(distance.into());
        let window = (self.delivered + ring).saturating_sub(offset);
        let bytes = u64::from(bytes).min(SEGMENT_BYTES).min(window);
        if self.over || bytes == 0 {
            return None;
        }
        let end = offset + bytes;
        let held = |at: u64| {
            at < self.next || {
                let before = self.islands.range(..=at).next_back();
                before.is_some_and(|(_, end)| at < *end)
            }
        };
        let mark = match (push, held(end - 1)) {
            (false, _) => Push::No,
            (true, false) => Push::Yes,
            (true, true) => Push::Perhaps,
        };
        let mut islands = self.islands.clone();
        let (mut start, mut stop) = (offset, end);
        islands.retain(|&from, &mut to| {
            let touches = from <= stop && start <= to;
            if touches {
                (start, stop) = (start.min(from), stop.max(to));
            }
            !touches
        });
        let mut next = self.next;
        if start <= next {
            next = next.max(stop);
        } else {
            islands.insert(start, stop);
        }
        if islands.len() > GAPS {
            return None;
        }
        (self.next, self.islands) = (next, islands);
        let data: Vec<u8> = (offset..end)
            .map(|at| content(self.seed, self.name, at))
            .collect();
        let flags = ACK | if push { PSH } else { 0 };
        let connection = self.number;
        Some(Sending {
            frame: self.frame(offset, flags, &data),
            then: vec![
                Observation::Driver(DriverSeen::Sent {
                    connection,
                    offset,
                    bytes: data.clone(),
                }),
                Observation::Adapter(Seen::Sent {
                    connection,
                    offset,
                    bytes: data,
                    push: mark,
                }),
                Observation::Adapter(Seen::InOrder {
                    connection,
                    offset: next,
                }),
            ],
        })
    }

    /// FIN, or RST; none behind a gap.
    pub fn end(&mut self, reset: bool) -> Option<Sending> {
        if self.over || !self.islands.is_empty() {
            return None;
        }
        self.over = true;
        let connection = self.number;
        let (flags, seen) = match reset {
            true => (RST | ACK, Seen::Reset { connection }),
            false => (FIN | ACK, Seen::Finished { connection }),
        };
        Some(Sending {
            frame: self.frame(self.next, flags, &[]),
            then: vec![Observation::Adapter(seen)],
        })
    }

    fn frame(&self, offset: u64, flags: u8, payload: &[u8]) -> Vec<u8> {
        let ipv6 = self.name % 2 == 1;
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        let length = 20 + payload.len() as u16;
        if ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([6, 64]);
            frame.extend(IPV6[0].octets());
            frame.extend(IPV6[1].octets());
        } else {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((20 + length).to_be_bytes());
            frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            frame.extend(IPV4[0].octets());
            frame.extend(IPV4[1].octets());
        }
        frame.extend((PORT + self.name).to_be_bytes());
        frame.extend(80u16.to_be_bytes());
        frame.extend(FIRST.wrapping_add(offset as u32).to_be_bytes());
        frame.extend([0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(payload);
        repair_checksums(&mut frame);
        frame.resize(frame.len().max(60), 0);
        frame
    }
}

/// Port of the peer of connection 0; the others follow.
pub(super) const PORT: u16 = 40_000;

/// Peer and host.
pub(super) const IPV4: [std::net::Ipv4Addr; 2] = [
    std::net::Ipv4Addr::new(10, 0, 0, 1),
    std::net::Ipv4Addr::new(10, 0, 0, 2),
];
pub(super) const IPV6: [std::net::Ipv6Addr; 2] = [
    std::net::Ipv6Addr::new(0x2001, 0xdb8, 0x102, 0x304, 0, 0, 0, 1),
    std::net::Ipv6Addr::new(0x2001, 0xdb8, 0x102, 0x304, 0, 0, 0, 2),
];
