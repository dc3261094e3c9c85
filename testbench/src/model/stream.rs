//! What a peer sent on one connection, and how much of it the adapter has in order.

use std::collections::BTreeMap;
use std::ops::Range;

use super::violation::{Verdict, broken, rule};

/// Whether the last byte of a segment carries PSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// The segment had no PSH.
    No,
    /// The segment had PSH and was taken whole or up to its last byte.
    Yes,
    /// The behaviours leave it open: PSH of a retransmission whose last byte was held already, say.
    Perhaps,
}

/// The bytes of one offload; offset 0 is the first byte after its `receive_next`.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    bytes: Vec<u8>,
    pushes: BTreeMap<u64, Push>,
    in_order: u64,
    finished: bool,
    reset: bool,
}

impl Stream {
    /// Enters a segment that the adapter took; segments may come in any order and overlap.
    pub fn sent(&mut self, offset: u64, bytes: &[u8], push: Push) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[start..end].copy_from_slice(bytes);
        let Some(last) = (offset + bytes.len() as u64).checked_sub(1) else {
            return;
        };
        let known = self.pushes.get(&last);
        if push != Push::No && !bytes.is_empty() && known != Some(&Push::Yes) {
            self.pushes.insert(last, push);
        }
    }

    /// The adapter holds all bytes up to `offset`, without a gap.
    pub fn reach(&mut self, offset: u64) {
        self.in_order = self.in_order.max(offset.min(self.bytes.len() as u64));
    }

    /// A FIN is in order: no byte follows `in_order`.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// A RST was accepted: no byte follows `in_order`.
    pub fn reset(&mut self) {
        self.reset = true;
    }

    /// Bytes that the adapter holds without a gap, or has delivered.
    pub fn in_order(&self) -> u64 {
        self.in_order
    }

    /// FIN was in order.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// RST was accepted.
    pub fn is_reset(&self) -> bool {
        self.reset
    }

    /// The bytes of a range that the peer has sent.
    pub fn bytes(&self, range: Range<u64>) -> Option<&[u8]> {
        self.bytes.get(range.start as usize..range.end as usize)
    }

    /// Whether a byte of the range came last in a segment with PSH.
    pub fn push_in(&self, range: Range<u64>) -> Push {
        let mut found = Push::No;
        for push in self.pushes.range(range).map(|(_, push)| *push) {
            if push == Push::Yes || found == Push::No {
                found = push;
            }
        }
        found
    }

    /// Bytes that arrive at the host must be those that the peer sent there, and in order at the adapter.
    pub(super) fn check(&self, behaviour: u8, offset: u64, seen: &[u8]) -> Verdict {
        let end = offset + seen.len() as u64;
        rule!(
            35,
            end <= self.in_order,
            "bytes up to {end} reach the host, {} are in order",
            self.in_order
        );
        let sent = self.bytes(offset..end).unwrap_or_default();
        let wrong = sent.iter().zip(seen).position(|(sent, seen)| sent != seen);
        let Some(wrong) = wrong else { return Ok(()) };
        let (at, seen, sent) = (offset + wrong as u64, seen[wrong], sent[wrong]);
        broken(
            behaviour,
            format!("byte {at} is {seen:#04x}, the peer sent {sent:#04x}"),
        )
    }
}
