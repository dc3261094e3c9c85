//! The ring in host memory through which the adapter speaks.
//!
//! A slot holds an event of this turn if its phase bit is that of the turn: 1 in the first, then flipping. Until the
//! adapter writes a slot anew it holds the event of the turn before (or zero), and the driver remembers which: any
//! other word without the phase is a fault.

use crate::bus::{BusAddress, DmaMemory};
use crate::error::Error;
use crate::registers::event_phase;

/// Bytes of an event.
pub(crate) const EVENT_BYTES: usize = 8;

/// Slots read at once: the rest of a cache line.
const LINE_SLOTS: u32 = 8;

pub(crate) struct EventRing {
    address: BusAddress,
    /// What every slot held when it was last read; its length is the ring's, a power of two.
    slots: Vec<u64>,
    /// Events read, modulo 2^32.
    consumer: u32,
    /// What the adapter was last told of `consumer`.
    published: u32,
}

impl EventRing {
    /// The ring at `address`, of which all `entries` slots are zero.
    pub fn new(address: BusAddress, entries: u32) -> Self {
        Self {
            address,
            slots: vec![0; entries as usize],
            consumer: 0,
            published: 0,
        }
    }

    fn entries(&self) -> u32 {
        self.slots.len() as u32
    }

    fn slot(&self) -> u32 {
        self.consumer & (self.entries() - 1)
    }

    /// The phase of the next event.
    fn phase(&self) -> bool {
        (self.consumer >> self.entries().trailing_zeros()) & 1 == 0
    }

    /// Number of the next event, modulo 2^32.
    pub fn number(&self) -> u32 {
        self.consumer
    }

    /// Reads a cache line's worth of events, none if none has arrived.
    ///
    /// Order: the adapter writes an event in one beat of 8 bytes, and only after the bus acknowledged the data that
    /// it speaks of. So a slot is never half written, and reads that follow this one see the data.
    pub async fn read<M: DmaMemory>(&self, memory: &M, words: &mut Vec<u64>) -> Result<(), Error> {
        words.clear();
        let slot = self.slot();
        let line = (LINE_SLOTS - slot % LINE_SLOTS).min(self.entries() - slot);
        let mut bytes = [0; LINE_SLOTS as usize * EVENT_BYTES];
        let bytes = &mut bytes[..line as usize * EVENT_BYTES];
        let place = u64::from(slot) * EVENT_BYTES as u64;
        let address = BusAddress::new(self.address.get().wrapping_add(place));
        memory.read(address, bytes).await?;
        let phase = self.phase();
        for (slot, bytes) in (slot..).zip(bytes.chunks_exact(EVENT_BYTES)) {
            let mut word = [0; EVENT_BYTES];
            word.copy_from_slice(bytes);
            let word = u64::from_le_bytes(word);
            if event_phase(word) != phase {
                if word != self.slots[slot as usize] {
                    return Err(Error::WrongPhase {
                        slot,
                        found: word,
                        phase,
                    });
                }
                break;
            }
            words.push(word);
        }
        Ok(())
    }

    /// The next event, `word`, has been acted on.
    pub fn consume(&mut self, word: u64) {
        let slot = self.slot() as usize;
        self.slots[slot] = word;
        self.consumer = self.consumer.wrapping_add(1);
    }

    /// Half of the ring has been read since the adapter was last told.
    pub fn must_publish(&self) -> bool {
        self.consumer.wrapping_sub(self.published) >= (self.entries() / 2).max(1)
    }

    /// What to write to `event_consumer`, if that is news.
    ///
    /// Order: the words of these slots were copied out before, so the adapter may overwrite them from the moment that
    /// it sees the doorbell.
    pub fn publish(&mut self) -> Option<u32> {
        let news = self.consumer != self.published;
        self.published = self.consumer;
        news.then_some(self.consumer)
    }

    /// What `event_consumer` holds.
    pub fn published(&self) -> u32 {
        self.published
    }
}
