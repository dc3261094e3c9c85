//! The Internet checksum (RFC 1071) of IPv4 headers and TCP segments.

use std::net::IpAddr;

const PROTOCOL_TCP: u8 = 6;

/// A sum of 16-bit words in the making, end-around carry left for the end.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// Adds bytes that begin at an even place of the checked data.
    pub(super) fn add(mut self, bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(2);
        for word in words.by_ref() {
            self.0 += u64::from(u16::from_be_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            self.0 += u64::from(*last) << 8;
        }
        self
    }

    /// The folded sum, not complemented: 0xffff over data with a right checksum in it.
    pub(super) fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }
}

/// The TCP pseudo-header: RFC 9293 section 3.1 for IPv4, RFC 8200 section 8.1 for IPv6.
pub(super) fn pseudo_header(source: IpAddr, destination: IpAddr, tcp_bytes: usize) -> Sum {
    let sum = Sum::default();
    let sum = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            sum.add(&source.octets()).add(&destination.octets())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            sum.add(&source.octets()).add(&destination.octets())
        }
        _ => sum,
    };
    sum.add(&[0, PROTOCOL_TCP])
        .add(&(tcp_bytes as u32).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_tail_counts_as_a_high_byte_and_carries_fold_twice() {
        assert_eq!(
            Sum::default().add(&[0x12, 0x34, 0x56]).folded(),
            0x1234 + 0x5600
        );
        assert_eq!(Sum(0x1_ffff).folded(), 1);
        assert_eq!(Sum(0xffff_ffff).folded(), 0xffff);
    }
}
