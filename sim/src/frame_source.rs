//! The MAC's receive side: frames as an AXI4-Stream of 64-bit beats.

use std::collections::VecDeque;

use crate::stalls::Stalls;

/// A frame on its way to the adapter: without preamble and FCS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireFrame {
    /// From destination address to the end of the payload.
    pub bytes: Vec<u8>,
    /// The MAC saw an error, such as a wrong FCS.
    pub bad: bool,
}

/// What the source drives in one cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beat {
    /// `tvalid`.
    pub valid: bool,
    /// `tdata`, first byte in bits 7 to 0.
    pub data: u64,
    /// `tkeep`.
    pub keep: u8,
    /// `tlast`.
    pub last: bool,
    /// `tuser`: bad frame, with `last`.
    pub user: bool,
}

/// Feeds queued frames to the adapter, back to back or spaced as on the wire.
#[derive(Debug)]
pub struct FrameSource {
    frames: VecDeque<WireFrame>,
    offset: usize,
    beat: Beat,
    stalls: Stalls,
    line_rate: bool,
    /// Bytes of line time that are still owed before the next frame may start.
    gap_bytes: i64,
    sent: u64,
}

/// Preamble, start delimiter, FCS and the shortest gap between two frames, in bytes.
const FRAME_OVERHEAD_BYTES: i64 = 8 + 4 + 12;

impl FrameSource {
    /// A source that keeps the frame spacing of a line at 8 bytes a cycle when `line_rate` is set, and
    /// otherwise sends as fast as the adapter takes.
    pub fn new(stalls: Stalls, line_rate: bool) -> Self {
        Self {
            frames: VecDeque::new(),
            offset: 0,
            beat: Beat::default(),
            stalls,
            line_rate,
            gap_bytes: 0,
            sent: 0,
        }
    }

    /// Queues a frame; an empty one is ignored.
    pub fn push(&mut self, frame: WireFrame) {
        if !frame.bytes.is_empty() {
            self.frames.push_back(frame);
        }
    }

    /// Frames queued, the one under way included.
    #[inline]
    pub fn queued(&self) -> usize {
        self.frames.len()
    }

    /// Frames whose last beat was taken.
    #[inline]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// What the source drives in the coming cycle.
    #[inline]
    pub fn drive(&mut self) -> Beat {
        if !self.beat.valid {
            if self.line_rate && self.gap_bytes > 0 {
                self.gap_bytes -= 8;
            } else if let Some(frame) = self.frames.front()
                && !self.stalls.stall()
            {
                self.beat = beat(frame, self.offset);
            }
        }
        self.beat
    }

    /// Takes `tready` of that cycle.
    #[inline]
    pub fn clock(&mut self, ready: bool) {
        if !(self.beat.valid && ready) {
            return;
        }
        self.offset += 8;
        if self.beat.last {
            let length = self.frames.pop_front().map_or(0, |frame| frame.bytes.len());
            let owed = self.gap_bytes.min(0) + length.max(60) as i64 + FRAME_OVERHEAD_BYTES;
            self.gap_bytes = owed - 8 * length.div_ceil(8) as i64;
            self.offset = 0;
            self.sent += 1;
            self.beat = Beat::default();
            if self.line_rate {
                return;
            }
        }
        self.beat = match self.frames.front() {
            Some(frame) if !self.stalls.stall() => beat(frame, self.offset),
            _ => Beat::default(),
        };
    }
}

#[inline]
fn beat(frame: &WireFrame, offset: usize) -> Beat {
    let rest = frame.bytes.get(offset..).unwrap_or_default();
    let last = rest.len() <= 8;
    let (data, keep) = match rest.first_chunk::<8>() {
        Some(bytes) => (u64::from_le_bytes(*bytes), 0xff),
        None => {
            let mut bytes = [0; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            (
                u64::from_le_bytes(bytes),
                (1u16 << rest.len()).wrapping_sub(1) as u8,
            )
        }
    };
    Beat {
        valid: true,
        data,
        keep,
        last,
        user: last && frame.bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stalls::Stalls;

    fn collect(source: &mut FrameSource, cycles: usize) -> (Vec<Vec<u8>>, Vec<usize>) {
        let (mut frames, mut starts, mut current) = (vec![], vec![], vec![]);
        for cycle in 0..cycles {
            let beat = source.drive();
            if beat.valid {
                if current.is_empty() {
                    starts.push(cycle);
                }
                let bytes = beat.data.to_le_bytes();
                current.extend(
                    (0..8)
                        .filter(|lane| beat.keep >> lane & 1 == 1)
                        .map(|lane| bytes[lane]),
                );
                if beat.last {
                    frames.push(std::mem::take(&mut current));
                }
            }
            source.clock(true);
        }
        (frames, starts)
    }

    #[test]
    fn every_byte_of_every_length_comes_out_once() {
        for stall in [0, 128] {
            let mut source = FrameSource::new(Stalls::new(1, 1, stall), false);
            let sent: Vec<Vec<u8>> = (1..40u8).map(|length| (0..length).collect()).collect();
            for bytes in &sent {
                source.push(WireFrame {
                    bytes: bytes.clone(),
                    bad: false,
                });
            }
            assert_eq!(collect(&mut source, 1000).0, sent);
        }
    }

    #[test]
    fn at_line_rate_a_minimum_frame_starts_every_ten_and_a_half_cycles() {
        let mut source = FrameSource::new(Stalls::new(1, 1, 0), true);
        for _ in 0..101 {
            source.push(WireFrame {
                bytes: vec![0; 60],
                bad: false,
            });
        }
        let (_, starts) = collect(&mut source, 1200);
        assert_eq!(starts.len(), 101);
        let period = (starts[100] - starts[0]) as f64 / 100.0;
        assert!((10.5..10.6).contains(&period), "{period}");
    }
}
