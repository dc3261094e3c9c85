//! What the bench knows of one connection: the reference, and what the path has told and delivered.

use toe_driver::registers::{Event, StateField};

use super::reference::Stream;

/// Offsets are those of the stream's bytes, from 0.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    pub live: bool,
    pub closing: bool,
    pub generation: u32,
    /// Sequence number of offset 0.
    pub base: u32,
    /// All segments sent so far taken, those on their way included.
    pub stream: Stream,
    /// RCV.NXT after each segment with a verdict, as far as it is not delivered.
    pub proven: Vec<i64>,
    pub fin_proven: bool,
    pub reset_proven: bool,
    /// By headers that have appeared.
    pub delivered: i64,
    /// By headers that were taken.
    pub shown: i64,
    /// By words.
    pub left: i64,
    pub window: i64,
    pub pending: i64,
    /// Something was heard of it.
    pub seen: bool,
    pub told_closed: bool,
    pub told_reset: bool,
    pub told_state: [Option<u32>; 2],
    pub told_uploaded: bool,
    /// Nothing is to move its window's end until its segments have their verdict.
    pub frozen: bool,
    /// Segments without a verdict.
    pub in_flight: usize,
    /// Commands without an answer.
    pub commands: usize,
    /// From this cycle on nothing moves by itself.
    pub settled: u64,
}

impl Connection {
    pub fn open(generation: u32, base: u32, window: i64) -> Self {
        Connection {
            live: true,
            generation,
            base,
            proven: vec![0],
            window,
            ..Connection::default()
        }
    }

    /// Checks an event without bytes against what has happened.
    pub fn told(&mut self, event: Event) {
        match event {
            Event::PeerClosed { .. } => {
                assert!(self.fin_proven && !self.told_closed, "{self:?}");
                assert_eq!(self.delivered, self.stream.next, "B37: after all data");
                self.told_closed = true;
            }
            Event::PeerReset { .. } => {
                assert!(self.reset_proven && !self.told_reset, "{self:?}");
                self.told_reset = true;
            }
            Event::State { content, field, .. } => {
                assert!(self.closing && self.delivered == self.stream.next);
                assert!(self.told_state[field as usize].is_none());
                self.told_state[field as usize] = Some(content);
            }
            Event::Uploaded { .. } => {
                let fin = u32::from(self.stream.finished());
                let flags = fin | u32::from(self.stream.reset) << 1;
                let next = self.base.wrapping_add(self.stream.next as u32);
                assert_eq!(
                    self.told_state[StateField::ReceiveNext as usize],
                    Some(next.wrapping_add(fin))
                );
                assert_eq!(self.told_state[StateField::Flags as usize], Some(flags));
                self.told_uploaded = true;
            }
            other => panic!("{other:?} is no event of the receive path"),
        }
    }
}

/// The byte of a stream at an offset; differs between connections and between their lives.
pub fn content(connection: usize, generation: u32, offset: i64) -> u8 {
    let seed = (connection as u64) << 40 ^ u64::from(generation) << 24;
    let mixed = (offset as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u8 ^ (mixed >> 57) as u8
}
