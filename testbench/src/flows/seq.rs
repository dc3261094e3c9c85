//! Sequence numbers, whose order is modular arithmetic (RFC 9293 section 3.4).

use std::fmt;

/// A TCP sequence number.
///
/// The reference reassembly has its own, apart from the driver's: two readings of the RFC that
/// check each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// How far `self` lies beyond `origin`; negative before it. Meaningful within 2^31 bytes.
    #[must_use]
    pub fn since(self, origin: Self) -> i64 {
        i64::from(self.0.wrapping_sub(origin.0).cast_signed())
    }

    /// The number `bytes` further on.
    #[must_use]
    pub fn plus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes as u32))
    }
}

impl fmt::Debug for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seq {:#010x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_survives_the_wrap() {
        assert_eq!(SeqNumber(3).since(SeqNumber(0xffff_fffe)), 5);
        assert_eq!(SeqNumber(0xffff_fffe).since(SeqNumber(3)), -5);
        assert_eq!(SeqNumber(0xffff_fffe).plus(5), SeqNumber(3));
    }
}
