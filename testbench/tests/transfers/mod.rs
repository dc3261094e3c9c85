//! What the tests of the DMA group share: transfers, and a source that offers them under stalls.
#![allow(dead_code, missing_docs)]

pub mod payload_bench;

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use toe_registers::bundles;
use toe_sim::host_memory::HostMemory;
use toe_sim::stalls::Stalls;

/// Any failure, for [`toe_sim::trial::trials`].
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A number below `end`.
pub fn below(rng: &mut ChaCha8Rng, end: u64) -> u64 {
    rng.next_u64() % end
}

/// One transfer and the bytes that it carries.
#[derive(Debug, Clone, Default)]
pub struct Transfer {
    pub address: u64,
    pub lane: u8,
    pub bytes: Vec<u8>,
    pub event: u64,
}

impl Transfer {
    pub fn random(rng: &mut ChaCha8Rng, address: u64, lane: u8, length: usize) -> Self {
        let mut bytes = vec![0; length];
        rng.fill_bytes(&mut bytes);
        Self {
            address,
            lane,
            bytes,
            // Of a kind that is written: one of kind 0 is none.
            event: 2 << 59,
        }
    }

    pub fn length(&self) -> u16 {
        u16::try_from(self.bytes.len()).expect("a length of at most 65535")
    }

    pub fn end(&self) -> u64 {
        self.address + self.bytes.len() as u64
    }

    /// The bundle on the wide port.
    pub fn header(&self) -> [u32; 5] {
        bundles::Transfer {
            address: self.address,
            length: self.length(),
            lane: self.lane,
            event: self.event,
        }
        .pack()
    }

    /// The words of the data stream, each with the bytes of one word of the bus, turned; lanes before the first byte
    /// and after the last carry noise.
    pub fn words(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        if self.bytes.is_empty() {
            return Vec::new();
        }
        let offset = (self.address % 8) as usize;
        let mut padded = vec![0; (offset + self.bytes.len()).div_ceil(8) * 8];
        rng.fill_bytes(&mut padded);
        padded[offset..offset + self.bytes.len()].copy_from_slice(&self.bytes);
        let turn = (offset + 8 - usize::from(self.lane)) % 8;
        padded
            .chunks_exact_mut(8)
            .map(|word| {
                word.rotate_left(turn);
                u64::from_le_bytes((&*word).try_into().expect("8 bytes"))
            })
            .collect()
    }

    /// Bursts that it takes, one for each 2 KiB that it touches.
    pub fn bursts(&self) -> u64 {
        match self.bytes.len() {
            0 => 0,
            _ => (self.end() - 1) / 2048 - self.address / 2048 + 1,
        }
    }

    /// Beats that it takes, one for each word that it touches.
    pub fn beats(&self) -> u64 {
        match self.bytes.len() {
            0 => 0,
            _ => (self.end() - 1) / 8 - self.address / 8 + 1,
        }
    }

    /// Lets the adapter write exactly these bytes, each of which is made wrong first.
    pub fn prepare(&self, memory: &mut HostMemory) -> Outcome {
        if self.bytes.is_empty() {
            return Ok(());
        }
        memory.grant(self.address, self.bytes.len() as u64);
        let place = memory
            .slice_mut(self.address, self.bytes.len())
            .ok_or("a transfer outside the memory")?;
        for (place, byte) in place.iter_mut().zip(&self.bytes) {
            *place = !byte;
        }
        Ok(())
    }

    /// Fails unless every byte is in its place; takes the grant back.
    pub fn settled(&self, memory: &mut HostMemory) -> Outcome {
        if self.bytes.is_empty() {
            return Ok(());
        }
        if memory.slice(self.address, self.bytes.len()) != Some(&self.bytes) {
            return Err(format!("{self:x?} is not in its place when it completes").into());
        }
        memory.revoke(self.address);
        Ok(())
    }
}

/// Offers transfers in order, each with its words no earlier than its header.
#[derive(Debug)]
pub struct Source {
    waiting: VecDeque<Transfer>,
    words: VecDeque<u64>,
    header_shown: bool,
    word_shown: bool,
    stalls: Stalls,
    rng: ChaCha8Rng,
}

impl Source {
    pub fn new(stalls: Stalls, rng: ChaCha8Rng) -> Self {
        Self {
            waiting: VecDeque::new(),
            words: VecDeque::new(),
            header_shown: false,
            word_shown: false,
            stalls,
            rng,
        }
    }

    pub fn push(&mut self, transfer: Transfer) {
        self.waiting.push_back(transfer);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.words.is_empty()
    }

    /// What is offered in the coming cycle.
    pub fn drive(&mut self) -> (Option<&Transfer>, Option<u64>) {
        if !self.header_shown
            && let Some(transfer) = self.waiting.front()
            && !self.stalls.stall()
        {
            self.header_shown = true;
            self.words.extend(transfer.words(&mut self.rng));
        }
        if !self.word_shown && !self.words.is_empty() && !self.stalls.stall() {
            self.word_shown = true;
        }
        (
            self.waiting.front().filter(|_| self.header_shown),
            self.words.front().copied().filter(|_| self.word_shown),
        )
    }

    pub fn take_header(&mut self) -> Option<Transfer> {
        self.header_shown = false;
        self.waiting.pop_front()
    }

    pub fn take_word(&mut self) {
        self.word_shown = false;
        self.words.pop_front();
    }
}
