//! Numbers that must not be mixed up.

use std::fmt;

/// TCP sequence number. Its order is modular (RFC 9293 §3.4), hence partial: two numbers exactly 2^31 apart have
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqNumber(u32);

impl SeqNumber {
    /// The sequence number `number`.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sequence number `bytes` later, modulo 2^32.
    pub const fn wrapping_add(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// Bytes from `earlier` to `self`; `None` when `self` comes before `earlier`.
    pub const fn distance_from(self, earlier: Self) -> Option<u32> {
        let distance = self.0.wrapping_sub(earlier.0);
        if distance < 1 << 31 {
            Some(distance)
        } else {
            None
        }
    }
}

impl PartialOrd for SeqNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        use std::cmp::Ordering;
        match self.0.wrapping_sub(other.0) {
            0 => Some(Ordering::Equal),
            0x8000_0000 => None,
            distance if distance < 0x8000_0000 => Some(Ordering::Greater),
            _ => Some(Ordering::Less),
        }
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Number of an offloaded connection, as commands and events carry it. It is used again after an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u16);

impl ConnectionId {
    /// Connection `number`.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number itself.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Place in a connection's byte stream, counted from the first byte after the offload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamOffset(u64);

impl StreamOffset {
    /// `bytes` after the first byte.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes from the start of the stream.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StreamOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::SeqNumber;

    // B34
    #[test]
    fn sequence_numbers_compare_modulo_2_to_the_32() {
        let before = SeqNumber::new(u32::MAX);
        let after = before.wrapping_add(2);
        assert_eq!(after.get(), 1);
        assert!(before < after);
        assert_eq!(after.distance_from(before), Some(2));
        assert_eq!(before.distance_from(after), None);
        assert_eq!(before.distance_from(before), Some(0));
        assert_eq!(
            before.partial_cmp(&before.wrapping_add(1 << 31)),
            None,
            "half the circle apart"
        );
    }
}
