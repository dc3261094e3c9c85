//! The buffers that the driver granted: used in the order granted, each written before it is reported.

use std::collections::VecDeque;

use super::violation::{Broken, Verdict, broken, rule};

/// Buffers lie at multiples of this apart.
const STRIDE: u64 = 64;

#[derive(Clone, Debug)]
struct Held {
    number: u16,
    address: u64,
    written: Vec<u8>,
}

/// Equal buffers in the adapter's hands: Anonymous Buffers, or those for host frames.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    buffer_bytes: u32,
    held: VecDeque<Held>,
}

impl Pool {
    pub fn new(buffer_bytes: u32) -> Self {
        Pool {
            buffer_bytes,
            held: VecDeque::new(),
        }
    }

    /// Buffers in the adapter's hands.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// B18: a buffer goes to the adapter only when it is not there already.
    pub fn grant(&mut self, address: u64, first_buffer: u16, count: u16) -> Verdict {
        let stride = u64::from(self.buffer_bytes).next_multiple_of(STRIDE);
        for nth in 0..count {
            let number = first_buffer.wrapping_add(nth);
            rule!(
                18,
                self.held.iter().all(|held| held.number != number),
                "buffer {number} is granted while the adapter has it"
            );
            self.held.push_back(Held {
                number,
                address: address + u64::from(nth) * stride,
                written: Vec::new(),
            });
        }
        Ok(())
    }

    /// A grant was refused: its buffers were the last.
    pub fn take_back(&mut self, count: usize) {
        self.held.truncate(self.held.len().saturating_sub(count));
    }

    fn find(&self, address: u64) -> Option<usize> {
        let size = u64::from(self.buffer_bytes);
        self.held
            .iter()
            .position(|held| (held.address..held.address + size).contains(&address))
    }

    pub fn contains(&self, address: u64) -> bool {
        self.find(address).is_some()
    }

    /// Bytes land in a buffer from its start, without a gap, and in no buffer out of turn.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Verdict {
        let size = u64::from(self.buffer_bytes);
        let Some(at) = self.find(address) else {
            return Ok(());
        };
        let untouched = self
            .held
            .iter()
            .take(at)
            .find(|held| held.written.is_empty());
        if let Some(earlier) = untouched {
            let number = self.held[at].number;
            let earlier = earlier.number;
            return broken(
                18,
                format!("buffer {number} is written before buffer {earlier}"),
            );
        }
        let held = &mut self.held[at];
        let next = held.address + held.written.len() as u64;
        rule!(
            38,
            address + bytes.len() as u64 <= held.address + size,
            "{} bytes at {address:#x} end behind buffer {}",
            bytes.len(),
            held.number
        );
        rule!(
            7,
            address == next,
            "buffer {} is written at {address:#x}, its next byte is {next:#x}",
            held.number
        );
        held.written.extend_from_slice(bytes);
        Ok(())
    }

    /// The adapter reports `length` bytes in a buffer and is done with it: its bytes.
    pub fn report(&mut self, behaviour: u8, number: u16, length: u16) -> Result<Vec<u8>, Broken> {
        let front = self.held.front().map(|held| held.number);
        rule!(
            18,
            front == Some(number),
            "buffer {number} is reported, the next in the order granted is {front:?}"
        );
        let written = self
            .held
            .pop_front()
            .map_or(Vec::new(), |held| held.written);
        rule!(
            behaviour,
            length > 0 && written.len() == usize::from(length),
            "{length} bytes are reported in buffer {number}, {} were written",
            written.len()
        );
        Ok(written)
    }
}
