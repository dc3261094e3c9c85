//! A run's stimuli by clock cycle, to be clocked again without whoever made them.

use std::io::{self, Write};

use crate::adapter::{Adapter, AdapterFault, AdapterModel};
use crate::frame_source::WireFrame;
use crate::register_port::Access;

/// What was handed to the adapter's bus models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stimulus {
    /// A frame for the MAC.
    Frame(Vec<u8>),
    /// A register write: byte offset and value.
    Write(u32, u32),
    /// A register read: byte offset.
    Read(u32),
}

/// Stimuli of a run without stalls, with the clock cycle before which each was handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// In order.
    pub stimuli: Vec<(u64, Stimulus)>,
    /// Clock cycles of the run.
    pub cycles: u64,
    /// Frames whose last beat was taken.
    pub frames: u64,
    /// Clock cycles from the last beat of a burst to its response.
    pub write_latency_cycles: u64,
    /// Bus address of the host memory.
    pub memory_base: u64,
    /// Bytes of host memory.
    pub memory_bytes: u64,
}

impl Recording {
    /// Clocks `adapter`, fresh from reset, through the run. Tells the bytes it wrote.
    ///
    /// # Errors
    /// When the model stopped or broke a rule on a bus.
    pub fn replay<M: AdapterModel>(&self, adapter: &mut Adapter<M>) -> Result<u64, AdapterFault> {
        adapter.memory.grant(self.memory_base, self.memory_bytes);
        let mut stimuli = self.stimuli.iter().peekable();
        while adapter.cycle() < self.cycles {
            while let Some((_, stimulus)) = stimuli.next_if(|(cycle, _)| *cycle <= adapter.cycle())
            {
                match stimulus {
                    Stimulus::Frame(bytes) => {
                        adapter.push_frame(WireFrame {
                            bytes: bytes.clone(),
                            bad: false,
                        });
                    }
                    &Stimulus::Write(offset, value) => {
                        adapter.push_access(Access::Write { offset, value });
                    }
                    &Stimulus::Read(offset) => adapter.push_access(Access::Read { offset, tag: 0 }),
                }
            }
            let until = stimuli.peek().map_or(self.cycles, |(cycle, _)| *cycle);
            while adapter.cycle() < until {
                adapter.step()?;
            }
            while adapter.take_read().is_some() {}
        }
        Ok(adapter.memory.traffic().bytes)
    }

    /// Writes the recording as `bare_loop.cpp` reads it: little-endian 64-bit words, the bytes of a frame padded to
    /// whole words.
    ///
    /// # Errors
    /// When `output` does not take it.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        let mut words = |words: &[u64]| {
            words
                .iter()
                .try_for_each(|word| output.write_all(&word.to_le_bytes()))
        };
        words(&[
            self.cycles,
            self.write_latency_cycles,
            self.memory_base,
            self.memory_bytes,
            self.stimuli.len() as u64,
        ])?;
        for (cycle, stimulus) in &self.stimuli {
            match stimulus {
                Stimulus::Frame(bytes) => {
                    words(&[*cycle, 0, bytes.len() as u64])?;
                    for chunk in bytes.chunks(8) {
                        let mut word = [0; 8];
                        word[..chunk.len()].copy_from_slice(chunk);
                        words(&[u64::from_le_bytes(word)])?;
                    }
                }
                &Stimulus::Write(offset, value) => {
                    words(&[*cycle, 1, u64::from(offset) << 32 | u64::from(value)])?;
                }
                &Stimulus::Read(offset) => words(&[*cycle, 2, u64::from(offset) << 32])?,
            }
        }
        Ok(())
    }
}
