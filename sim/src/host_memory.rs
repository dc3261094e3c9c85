//! Host memory behind an AXI4 write port: bytes, write grants, response latency, protocol checks.

use std::collections::{BTreeMap, VecDeque};

use crate::stalls::{StallProfile, Stalls};

/// What the write channels of the adapter's AXI4 master carry in one cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteRequest {
    /// `awvalid`.
    pub aw_valid: bool,
    /// `awaddr`, a byte address.
    pub aw_address: u64,
    /// `awlen`: beats of the burst less one.
    pub aw_length: u8,
    /// `awsize`: log2 of the bytes of a beat; only 3 is taken.
    pub aw_size: u8,
    /// `awburst`; only 1, incrementing, is taken.
    pub aw_burst: u8,
    /// `wvalid`.
    pub w_valid: bool,
    /// `wdata`.
    pub w_data: u64,
    /// `wstrb`: which lanes are written.
    pub w_strobe: u8,
    /// `wlast`.
    pub w_last: bool,
    /// `bready`.
    pub b_ready: bool,
}

/// What the memory answers in the same cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteAnswer {
    /// `awready`.
    pub aw_ready: bool,
    /// `wready`.
    pub w_ready: bool,
    /// `bvalid`.
    pub b_valid: bool,
    /// `bresp`: 0 OKAY, 2 SLVERR, 3 DECERR.
    pub b_response: u8,
}

/// A rule of AXI4 or of the memory grants that the adapter broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryFault {
    /// A byte outside every granted range was written (B38).
    #[error("the adapter wrote {bytes} byte(s) at {address:#x}, outside the memory granted to it")]
    NotGranted {
        /// First byte.
        address: u64,
        /// How many.
        bytes: u64,
    },
    /// A burst of a shape that this memory, and the adapter's specification, do not have.
    #[error(
        "the burst at {address:#x} has size {size} and type {burst}; only incrementing bursts of 8-byte beats are allowed"
    )]
    BurstShape {
        /// `awaddr`.
        address: u64,
        /// `awsize`.
        size: u8,
        /// `awburst`.
        burst: u8,
    },
    /// A burst that crosses a 4 KiB boundary.
    #[error("the burst of {beats} beats at {address:#x} crosses a 4 KiB boundary")]
    Crosses4K {
        /// `awaddr`.
        address: u64,
        /// Beats.
        beats: u32,
    },
    /// `wlast` on the wrong beat.
    #[error("wlast is {last} on beat {beat} of {beats} of the burst at {address:#x}")]
    WrongLast {
        /// `awaddr`.
        address: u64,
        /// Beat, from 1.
        beat: u32,
        /// Beats of the burst.
        beats: u32,
        /// What `wlast` was.
        last: bool,
    },
    /// Payload changed or valid fell before ready.
    #[error("{channel} changed while it waited for ready")]
    Unstable {
        /// The channel.
        channel: &'static str,
    },
}

#[derive(Debug, Clone, Copy)]
struct Burst {
    address: u64,
    beats: u32,
}

#[derive(Debug)]
struct CurrentBurst {
    burst: Burst,
    done: u32,
    /// The grant that the last beat fell in, as start and end.
    granted: (u64, u64),
    /// Bytes of this burst in that grant that are not counted there yet.
    uncounted: u64,
    response: u8,
}

/// Figures of the traffic on the port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryTraffic {
    /// Bursts.
    pub bursts: u64,
    /// Beats.
    pub beats: u64,
    /// Bytes written, by strobes.
    pub bytes: u64,
}

/// Host memory as the adapter sees it.
///
/// Bytes are visible at once; the response follows `latency` cycles after the last beat, in order.
/// A write outside the granted ranges is refused and reported.
#[derive(Debug)]
pub struct HostMemory {
    base: u64,
    bytes: Vec<u8>,
    /// By their start: length, and bytes written since.
    grants: BTreeMap<u64, (u64, u64)>,
    bursts: VecDeque<Burst>,
    current: Option<CurrentBurst>,
    early_beats: VecDeque<(u64, u8, bool)>,
    responses: VecDeque<(u64, u8)>,
    shown_response: Option<u8>,
    latency: u64,
    cycle: u64,
    /// Until this cycle neither address nor data move.
    stalled_until: u64,
    /// Until this cycle no response is shown.
    silent_until: u64,
    address_stalls: Stalls,
    data_stalls: Stalls,
    response_stalls: Stalls,
    waiting_address: Option<AddressChannel>,
    waiting_data: Option<DataChannel>,
    answered: WriteAnswer,
    error_at: Option<(u64, u8)>,
    watched_range: (u64, u64),
    watched: VecDeque<WatchedWrite>,
    latest_beat: Option<u64>,
    unanswered: VecDeque<Burst>,
    traffic: MemoryTraffic,
}

/// A beat that landed in the watched range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchedWrite {
    /// Address of the beat, a multiple of 8.
    pub address: u64,
    /// `wdata`.
    pub data: u64,
    /// `wstrb`.
    pub strobe: u8,
}

impl HostMemory {
    /// Memory of `size` bytes at bus address `base` (a multiple of 4096), all zero, nothing granted.
    pub fn new(base: u64, size: usize, latency: u64, stalls: &StallProfile, seed: u64) -> Self {
        Self {
            base,
            bytes: vec![0; size],
            grants: BTreeMap::new(),
            bursts: VecDeque::new(),
            current: None,
            early_beats: VecDeque::new(),
            responses: VecDeque::new(),
            shown_response: None,
            latency,
            cycle: 0,
            stalled_until: 0,
            silent_until: 0,
            address_stalls: Stalls::new(seed, 2, stalls.write_address),
            data_stalls: Stalls::new(seed, 3, stalls.write_data),
            response_stalls: Stalls::new(seed, 4, stalls.write_response),
            waiting_address: None,
            waiting_data: None,
            answered: WriteAnswer::default(),
            error_at: None,
            watched_range: (0, 0),
            watched: VecDeque::new(),
            latest_beat: None,
            unanswered: VecDeque::new(),
            traffic: MemoryTraffic::default(),
        }
    }

    /// First bus address.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Traffic so far.
    pub fn traffic(&self) -> MemoryTraffic {
        self.traffic
    }

    /// Lets the adapter write `length` bytes from `address` on.
    pub fn grant(&mut self, address: u64, length: u64) {
        self.grants.insert(address, (length, 0));
    }

    /// Bytes that the adapter has written into the range granted from `address` on, since it was granted; those written
    /// twice count twice.
    pub fn written(&self, address: u64) -> u64 {
        let counted = self.grants.get(&address).map_or(0, |&(_, written)| written);
        let current = self
            .current
            .as_ref()
            .filter(|current| current.granted.0 == address);
        counted + current.map_or(0, |current| current.uncounted)
    }

    /// Takes a grant back. False when there was none at that address.
    pub fn revoke(&mut self, address: u64) -> bool {
        self.grants.remove(&address).is_some()
    }

    /// Answers the burst that covers `address` with `response` once (2 SLVERR, 3 DECERR).
    pub fn fail_at(&mut self, address: u64, response: u8) {
        self.error_at = Some((address, response));
    }

    /// The bytes from `address` on, or `None` outside the memory.
    pub fn slice(&self, address: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(address.checked_sub(self.base)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }

    /// The same, to be written by the host.
    pub fn slice_mut(&mut self, address: u64, length: usize) -> Option<&mut [u8]> {
        let start = usize::try_from(address.checked_sub(self.base)?).ok()?;
        self.bytes.get_mut(start..start.checked_add(length)?)
    }

    /// Reports every later beat in `length` bytes from `address` on through [`HostMemory::take_watched`].
    pub fn watch(&mut self, address: u64, length: u64) {
        self.watched_range = (address, address + length);
    }

    /// The oldest watched write not yet taken.
    #[inline]
    pub fn take_watched(&mut self) -> Option<WatchedWrite> {
        self.watched.pop_front()
    }

    /// Whether a watched write waits to be taken.
    #[inline]
    pub fn has_watched(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Address of the beat that the latest [`HostMemory::clock`] took, if it took one.
    #[inline]
    pub fn latest_beat(&self) -> Option<u64> {
        self.latest_beat
    }

    /// Whether a write into `length` bytes from `address` on has not been answered yet: the adapter cannot
    /// know that its bytes are there.
    pub fn unanswered(&self, address: u64, length: u64) -> bool {
        self.unanswered.iter().any(|burst| {
            burst.address < address + length && address < burst.address + 8 * u64::from(burst.beats)
        })
    }

    /// Takes neither address nor data for `cycles` cycles; responses go on.
    pub fn stall(&mut self, cycles: u64) {
        self.stalled_until = self.stalled_until.max(self.cycle + cycles);
    }

    /// Shows no further response for `cycles` cycles; address and data go on.
    pub fn stall_responses(&mut self, cycles: u64) {
        self.silent_until = self.silent_until.max(self.cycle + cycles);
    }

    /// Whether a write is under way or its response not yet taken.
    pub fn busy(&self) -> bool {
        self.current.is_some()
            || !self.bursts.is_empty()
            || !self.early_beats.is_empty()
            || !self.responses.is_empty()
            || self.shown_response.is_some()
    }

    /// What the memory drives in the coming cycle; call once before [`HostMemory::clock`].
    #[inline]
    pub fn drive(&mut self) -> WriteAnswer {
        if self.shown_response.is_none()
            && let Some(&(due, response)) = self.responses.front()
            && due.max(self.silent_until) <= self.cycle
            && !self.response_stalls.stall()
        {
            self.responses.pop_front();
            self.shown_response = Some(response);
        }
        let moves = self.cycle >= self.stalled_until;
        self.answered = WriteAnswer {
            aw_ready: !self.address_stalls.stall() && self.bursts.len() < 64 && moves,
            w_ready: !self.data_stalls.stall() && self.early_beats.len() < 256 && moves,
            b_valid: self.shown_response.is_some(),
            b_response: self.shown_response.unwrap_or(0),
        };
        self.answered
    }

    /// Takes what the adapter drove in the cycle that [`HostMemory::drive`] answered.
    ///
    /// # Errors
    /// A [`MemoryFault`] when the adapter broke a rule; the write is not carried out.
    #[inline]
    pub fn clock(&mut self, request: &WriteRequest) -> Result<(), MemoryFault> {
        self.cycle += 1;
        self.latest_beat = None;
        if self.waiting_address.is_some() || self.waiting_data.is_some() {
            self.check_stable(request)?;
        }
        self.waiting_address =
            (request.aw_valid && !self.answered.aw_ready).then(|| address_channel(request));
        self.waiting_data =
            (request.w_valid && !self.answered.w_ready).then(|| data_channel(request));
        if request.aw_valid && self.answered.aw_ready {
            self.take_address(request)?;
        }
        if request.w_valid && self.answered.w_ready {
            self.early_beats
                .push_back((request.w_data, request.w_strobe, request.w_last));
        }
        if self.answered.b_valid && request.b_ready {
            self.shown_response = None;
            self.unanswered.pop_front();
        }
        while !self.early_beats.is_empty() && self.open_burst() {
            if let Some((data, strobe, last)) = self.early_beats.pop_front() {
                self.take_beat(data, strobe, last)?;
            }
        }
        Ok(())
    }

    fn check_stable(&self, now: &WriteRequest) -> Result<(), MemoryFault> {
        if self
            .waiting_address
            .is_some_and(|held| !now.aw_valid || held != address_channel(now))
        {
            return Err(MemoryFault::Unstable {
                channel: "the write address channel",
            });
        }
        if self
            .waiting_data
            .is_some_and(|held| !now.w_valid || held != data_channel(now))
        {
            return Err(MemoryFault::Unstable {
                channel: "the write data channel",
            });
        }
        Ok(())
    }

    fn take_address(&mut self, request: &WriteRequest) -> Result<(), MemoryFault> {
        let beats = u32::from(request.aw_length) + 1;
        let address = request.aw_address;
        if request.aw_size != 3 || request.aw_burst != 1 {
            return Err(MemoryFault::BurstShape {
                address,
                size: request.aw_size,
                burst: request.aw_burst,
            });
        }
        if (address & 0xfff & !7) + u64::from(beats) * 8 > 4096 {
            return Err(MemoryFault::Crosses4K { address, beats });
        }
        self.traffic.bursts += 1;
        self.bursts.push_back(Burst {
            address: address & !7,
            beats,
        });
        Ok(())
    }

    /// Makes the oldest burst the current one; false when there is none.
    fn open_burst(&mut self) -> bool {
        if self.current.is_none()
            && let Some(burst) = self.bursts.pop_front()
        {
            self.current = Some(CurrentBurst {
                burst,
                done: 0,
                granted: (0, 0),
                uncounted: 0,
                response: 0,
            });
        }
        self.current.is_some()
    }

    fn take_beat(&mut self, data: u64, strobe: u8, last: bool) -> Result<(), MemoryFault> {
        let Some(current) = self.current.as_mut() else {
            return Ok(());
        };
        let address = current.burst.address + 8 * u64::from(current.done);
        current.done += 1;
        let beats = current.burst.beats;
        if last != (current.done == beats) {
            return Err(MemoryFault::WrongLast {
                address: current.burst.address,
                beat: current.done,
                beats,
                last,
            });
        }
        if strobe != 0 {
            let first = address + u64::from(strobe.trailing_zeros());
            let end = address + 8 - u64::from(strobe.leading_zeros());
            if first < current.granted.0 || end > current.granted.1 {
                count(&mut self.grants, current);
                current.granted = self
                    .grants
                    .range(..=first)
                    .next_back()
                    .map_or((0, 0), |(&start, &(length, _))| (start, start + length));
            }
            if end > current.granted.1 || first < current.granted.0 {
                return Err(MemoryFault::NotGranted {
                    address: first,
                    bytes: end - first,
                });
            }
            if let Some((at, response)) = self.error_at
                && (address..address + 8).contains(&at)
            {
                current.response = response;
                self.error_at = None;
            }
            store(
                &mut self.bytes,
                address.wrapping_sub(self.base),
                data,
                strobe,
            )
            .ok_or(MemoryFault::NotGranted {
                address: first,
                bytes: end - first,
            })?;
            current.uncounted += u64::from(strobe.count_ones());
        }
        if address >= self.watched_range.0 && address < self.watched_range.1 {
            self.watched.push_back(WatchedWrite {
                address,
                data,
                strobe,
            });
        }
        self.latest_beat = Some(address);
        self.traffic.beats += 1;
        self.traffic.bytes += u64::from(strobe.count_ones());
        if last {
            count(&mut self.grants, current);
            self.responses
                .push_back((self.cycle + self.latency, current.response));
            self.current = None;
        }
        Ok(())
    }
}

/// Counts the bytes of the burst where they were written.
fn count(grants: &mut BTreeMap<u64, (u64, u64)>, current: &mut CurrentBurst) {
    let bytes = std::mem::take(&mut current.uncounted);
    if bytes > 0
        && let Some((_, written)) = grants.get_mut(&current.granted.0)
    {
        *written += bytes;
    }
}

type AddressChannel = (u64, u8, u8, u8);
type DataChannel = (u64, u8, bool);

fn address_channel(request: &WriteRequest) -> AddressChannel {
    (
        request.aw_address,
        request.aw_length,
        request.aw_size,
        request.aw_burst,
    )
}

fn data_channel(request: &WriteRequest) -> DataChannel {
    let lanes = (0..8).filter(|lane| request.w_strobe >> lane & 1 == 1);
    let data = lanes.fold(0, |kept, lane| kept | request.w_data & 0xff << (8 * lane));
    (data, request.w_strobe, request.w_last)
}

/// Writes the lanes that `strobe` names at `offset`, a multiple of 8; `None` outside `bytes`.
#[inline]
fn store(bytes: &mut [u8], offset: u64, data: u64, strobe: u8) -> Option<()> {
    let start = usize::try_from(offset).ok()?;
    let beat = bytes.get_mut(start..start.checked_add(8)?)?;
    let data = data.to_le_bytes();
    if strobe == 0xff {
        beat.copy_from_slice(&data);
    } else {
        for (lane, byte) in beat.iter_mut().enumerate() {
            if strobe >> lane & 1 == 1 {
                *byte = data[lane];
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(
        memory: &mut HostMemory,
        address: u64,
        beats: &[(u64, u8)],
    ) -> Result<(), MemoryFault> {
        let mut request = WriteRequest {
            aw_valid: true,
            aw_address: address,
            aw_length: u8::try_from(beats.len() - 1).expect("a burst"),
            aw_size: 3,
            aw_burst: 1,
            b_ready: true,
            ..WriteRequest::default()
        };
        let mut beat = 0;
        for _ in 0..10_000 {
            let answer = memory.drive();
            if let Some(&(data, strobe)) = beats.get(beat) {
                request.w_valid = true;
                (request.w_data, request.w_strobe) = (data, strobe);
                request.w_last = beat + 1 == beats.len();
            } else {
                request.w_valid = false;
            }
            memory.clock(&request)?;
            beat += usize::from(request.w_valid && answer.w_ready);
            request.aw_valid &= !answer.aw_ready;
            if beat == beats.len() && !memory.busy() {
                return Ok(());
            }
        }
        panic!("the write never ended");
    }

    #[test]
    fn bytes_land_where_the_strobes_say_under_any_stalls() {
        for stalls in [StallProfile::NONE, StallProfile::HEAVY] {
            let mut memory = HostMemory::new(0x1000, 0x1000, 5, &stalls, 1);
            memory.grant(0x1003, 10);
            write(
                &mut memory,
                0x1003,
                &[(0x0706_0504_0302_0100, 0xf8), (0x1716_1514_1312_1110, 0x1f)],
            )
            .expect("granted");
            let bytes = memory.slice(0x1000, 16).expect("inside");
            assert_eq!(bytes, [0, 0, 0, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 0, 0, 0]);
        }
    }

    // B38
    #[test]
    fn a_byte_outside_the_grants_is_refused() {
        let mut memory = HostMemory::new(0x1000, 0x1000, 0, &StallProfile::NONE, 1);
        memory.grant(0x1000, 12);
        let fault = write(&mut memory, 0x1008, &[(0, 0x1f)]).expect_err("one byte too many");
        assert_eq!(
            fault,
            MemoryFault::NotGranted {
                address: 0x1008,
                bytes: 5
            }
        );
        assert!(memory.revoke(0x1000));
        assert!(write(&mut memory, 0x1000, &[(0, 1)]).is_err());
    }

    #[test]
    fn a_burst_across_4_kib_is_refused() {
        let mut memory = HostMemory::new(0, 0x4000, 0, &StallProfile::NONE, 1);
        memory.grant(0, 0x4000);
        let fault = write(&mut memory, 0xff8, &[(0, 0xff), (0, 0xff)]).expect_err("crossing");
        assert_eq!(
            fault,
            MemoryFault::Crosses4K {
                address: 0xff8,
                beats: 2
            }
        );
        write(&mut memory, 0xff0, &[(0, 0xff), (0, 0xff)]).expect("up to the boundary");
    }
}
