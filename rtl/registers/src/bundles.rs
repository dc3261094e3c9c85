// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from rtl/registers/map.toml by `make registers`: do not edit.

//! The bundles between the adapter's modules, as test benches put them on wide ports.

/// Values of [`Segment::kind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// A received segment; payload and verdict follow.
    #[default]
    Data = 0,
    /// The connection was just offloaded: RCV.NXT is `sequence_number`, indicateWindowSize is `acknowledgement_number`. No payload, no verdict.
    Open = 1,
    /// The connection was just taken out of the lookup for upload. No payload, no verdict.
    Close = 2,
}

impl SegmentKind {
    /// The value that the bits stand for, if they stand for one.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        Some(match bits {
            0 => SegmentKind::Data,
            1 => SegmentKind::Open,
            2 => SegmentKind::Close,
            _ => return None,
        })
    }
}

/// What rx tells tcp of one segment, or, in stream order with segments, of one connection command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// What this is.
    pub kind: SegmentKind,
    /// Connection.
    pub connection: u16,
    /// SEG.SEQ.
    pub sequence_number: u32,
    /// SEG.ACK.
    pub acknowledgement_number: u32,
    /// SEG.WND, unscaled.
    pub window: u16,
    /// CWR ECE URG ACK PSH RST SYN FIN, FIN in bit 0.
    pub flags: u8,
    /// Bytes of payload.
    pub payload_length: u16,
}

impl Segment {
    /// Bits of the bundle.
    pub const BITS: usize = 122;

    /// The bundle on its port; bits beyond [`Self::BITS`] are 0.
    pub fn pack(&self) -> [u32; 4] {
        let mut words = [0; 4];
        put(&mut words, 0, 2, self.kind as u64);
        put(&mut words, 2, 16, self.connection.into());
        put(&mut words, 18, 32, self.sequence_number.into());
        put(&mut words, 50, 32, self.acknowledgement_number.into());
        put(&mut words, 82, 16, self.window.into());
        put(&mut words, 98, 8, self.flags.into());
        put(&mut words, 106, 16, self.payload_length.into());
        words
    }

    /// The bundle that stands on a port; `None` when a field holds a value that has no name.
    pub fn unpack(words: &[u32; 4]) -> Option<Self> {
        Some(Segment {
            kind: SegmentKind::from_bits(get(words, 0, 2))?,
            connection: get(words, 2, 16) as u16,
            sequence_number: get(words, 18, 32) as u32,
            acknowledgement_number: get(words, 50, 32) as u32,
            window: get(words, 82, 16) as u16,
            flags: get(words, 98, 8) as u8,
            payload_length: get(words, 106, 16) as u16,
        })
    }
}

/// Values of [`Arrival::kind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ArrivalKind {
    /// Bytes up to `sequence_number` are in the ring, in order.
    #[default]
    Data = 4,
    /// New connection: first byte `sequence_number`, indicateWindowSize `value`.
    Open = 1,
    /// FIN is in order: no byte comes after `sequence_number`, up to which all is in the ring.
    Finish = 2,
    /// RST was accepted.
    Reset = 3,
    /// Upload: hand over what is held up to `sequence_number`, then the state; `value` is the `flags` state field, and RCV.NXT is `sequence_number` plus flags bit 0.
    Close = 0,
}

impl ArrivalKind {
    /// The value that the bits stand for, if they stand for one.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        Some(match bits {
            4 => ArrivalKind::Data,
            1 => ArrivalKind::Open,
            2 => ArrivalKind::Finish,
            3 => ArrivalKind::Reset,
            0 => ArrivalKind::Close,
            _ => return None,
        })
    }
}

/// What tcp tells deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// What this is; the highest bit tells data from all else.
    pub kind: ArrivalKind,
    /// Connection.
    pub connection: u16,
    /// See kind.
    pub sequence_number: u32,
    /// See kind.
    pub value: u32,
}

impl Arrival {
    /// Bits of the bundle.
    pub const BITS: usize = 83;

    /// The bundle on its port; bits beyond [`Self::BITS`] are 0.
    pub fn pack(&self) -> [u32; 3] {
        let mut words = [0; 3];
        put(&mut words, 0, 3, self.kind as u64);
        put(&mut words, 3, 16, self.connection.into());
        put(&mut words, 19, 32, self.sequence_number.into());
        put(&mut words, 51, 32, self.value.into());
        words
    }

    /// The bundle that stands on a port; `None` when a field holds a value that has no name.
    pub fn unpack(words: &[u32; 3]) -> Option<Self> {
        Some(Arrival {
            kind: ArrivalKind::from_bits(get(words, 0, 3))?,
            connection: get(words, 3, 16) as u16,
            sequence_number: get(words, 19, 32) as u32,
            value: get(words, 51, 32) as u32,
        })
    }
}

/// One write to host memory and the event that follows it, if any. With length 0, only the event, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Bus address of the first byte.
    pub address: u64,
    /// Bytes.
    pub length: u16,
    /// Byte lane of the first byte in the first beat of the data stream. A beat holds the bytes of one word of the bus; with the bytes that are not in the transfer, they are turned alike in all beats.
    pub lane: u8,
    /// The event without phase; `taken` is filled in as it is written. Kind 0: no event follows.
    pub event: u64,
}

impl Transfer {
    /// Bits of the bundle.
    pub const BITS: usize = 146;

    /// The bundle on its port; bits beyond [`Self::BITS`] are 0.
    pub fn pack(&self) -> [u32; 5] {
        let mut words = [0; 5];
        put(&mut words, 0, 64, self.address);
        put(&mut words, 64, 16, self.length.into());
        put(&mut words, 80, 3, self.lane.into());
        put(&mut words, 83, 63, self.event);
        words
    }

    /// The bundle that stands on a port; `None` when a field holds a value that has no name.
    pub fn unpack(words: &[u32; 5]) -> Option<Self> {
        Some(Transfer {
            address: get(words, 0, 64),
            length: get(words, 64, 16) as u16,
            lane: get(words, 80, 3) as u8,
            event: get(words, 83, 63),
        })
    }
}

/// Puts the low bits of a value at a place in the words.
fn put(words: &mut [u32], low: usize, bits: usize, value: u64) {
    for bit in 0..bits {
        let at = low + bit;
        words[at / 32] |= ((value >> bit & 1) as u32) << (at % 32);
    }
}

/// The value of up to 64 bits at a place in the words.
fn get(words: &[u32], low: usize, bits: usize) -> u64 {
    (0..bits).fold(0, |value, bit| {
        let at = low + bit;
        value | u64::from(words[at / 32] >> (at % 32) & 1) << bit
    })
}
