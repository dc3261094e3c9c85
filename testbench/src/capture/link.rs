//! Link types other than Ethernet, rewritten to Ethernet for the adapter.
//!
//! The adapter has an Ethernet port. A capture of another link layer carries the same IP packets
//! behind another header; that header is replaced by an Ethernet header with two locally
//! administered addresses that say what happened: [`REWRITTEN_SOURCE`] to
//! [`REWRITTEN_DESTINATION`]. Frames that a wire would have padded are padded.

/// Destination address of rewritten frames: locally administered, "TOE", 1.
pub const REWRITTEN_DESTINATION: [u8; 6] = [0x02, 0x54, 0x4f, 0x45, 0x00, 0x01];
/// Source address of rewritten frames: locally administered, "TOE", 2.
pub const REWRITTEN_SOURCE: [u8; 6] = [0x02, 0x54, 0x4f, 0x45, 0x00, 0x02];
/// Shortest Ethernet frame without FCS.
pub const MINIMUM_FRAME_BYTES: usize = 60;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Reserved by IEEE: stands for "a link layer that carried no Ethernet type".
const ETHERTYPE_NONE: u16 = 0xffff;
/// Smaller values of an Ethernet type field are lengths.
const SMALLEST_ETHERTYPE: u16 = 0x0600;

/// The link types that can be handed to the adapter, by their numbers at tcpdump.org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// 1: taken as it is.
    Ethernet,
    /// 113: Linux cooked capture, 16-byte header.
    LinuxCooked,
    /// 276: Linux cooked capture version 2, 20-byte header.
    LinuxCooked2,
    /// 12, 101: an IP packet of the version that its first nibble says.
    RawIp,
    /// 228: IPv4 packets.
    RawIpv4,
    /// 229: IPv6 packets.
    RawIpv6,
    /// 0: address family in the byte order of the recording host.
    Null,
    /// 108: address family in network byte order.
    Loop,
}

impl LinkType {
    /// The link type of a number, if it is supported.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 101 => Self::RawIp,
            108 => Self::Loop,
            113 => Self::LinuxCooked,
            228 => Self::RawIpv4,
            229 => Self::RawIpv6,
            276 => Self::LinuxCooked2,
            _ => return None,
        })
    }

    /// The frame as Ethernet. Short frames are padded, unless the snap length cut them: then
    /// padding would pass for bytes that the sender sent.
    #[must_use]
    pub fn to_ethernet(self, captured: &[u8], truncated: bool) -> Vec<u8> {
        let mut frame = match self {
            Self::Ethernet => captured.to_vec(),
            Self::LinuxCooked => cooked(captured, 14, 16),
            Self::LinuxCooked2 => cooked(captured, 0, 20),
            Self::RawIp => ethernet(ip_type(captured), captured),
            Self::RawIpv4 => ethernet(ETHERTYPE_IPV4, captured),
            Self::RawIpv6 => ethernet(ETHERTYPE_IPV6, captured),
            Self::Null | Self::Loop => loopback(captured),
        };
        if !truncated && frame.len() < MINIMUM_FRAME_BYTES {
            frame.resize(MINIMUM_FRAME_BYTES, 0);
        }
        frame
    }
}

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MINIMUM_FRAME_BYTES.max(14 + payload.len()));
    frame.extend_from_slice(&REWRITTEN_DESTINATION);
    frame.extend_from_slice(&REWRITTEN_SOURCE);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn ip_type(packet: &[u8]) -> u16 {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => ETHERTYPE_IPV4,
        Some(6) => ETHERTYPE_IPV6,
        _ => ETHERTYPE_NONE,
    }
}

/// Both cooked headers hold an Ethernet type somewhere; Linux's own small numbers there
/// (1 "802.3", 4 "802.2") stand for frames with a length field.
fn cooked(captured: &[u8], protocol_at: usize, header: usize) -> Vec<u8> {
    let (Some(protocol), Some(payload)) = (
        captured.get(protocol_at..protocol_at + 2),
        captured.get(header..),
    ) else {
        return ethernet(ETHERTYPE_NONE, &[]);
    };
    let protocol = u16::from_be_bytes([protocol[0], protocol[1]]);
    if protocol >= SMALLEST_ETHERTYPE {
        return ethernet(protocol, payload);
    }
    match u16::try_from(payload.len()) {
        Ok(length) if length < SMALLEST_ETHERTYPE => ethernet(length, payload),
        _ => ethernet(ETHERTYPE_NONE, payload),
    }
}

/// The address family is small, so its byte order shows by itself; the numbers of IPv6 differ
/// between the BSDs, macOS and Linux.
fn loopback(captured: &[u8]) -> Vec<u8> {
    let (Some(family), Some(payload)) = (captured.first_chunk::<4>(), captured.get(4..)) else {
        return ethernet(ETHERTYPE_NONE, &[]);
    };
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    let ethertype = match family {
        2 => ETHERTYPE_IPV4,
        10 | 24 | 28 | 30 => ETHERTYPE_IPV6,
        _ => ETHERTYPE_NONE,
    };
    ethernet(ethertype, payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_packets_get_the_type_of_their_version_and_padding() {
        let frame = LinkType::RawIp.to_ethernet(&[0x60, 1, 2], false);
        assert_eq!(frame.len(), MINIMUM_FRAME_BYTES);
        assert_eq!(frame[12..17], [0x86, 0xdd, 0x60, 1, 2]);
        assert_eq!(
            LinkType::RawIp.to_ethernet(&[0x45], true)[12..],
            [0x08, 0x00, 0x45]
        );
    }

    #[test]
    fn a_loopback_family_is_read_in_either_byte_order() {
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            let mut captured = family.to_vec();
            captured.push(0x45);
            assert_eq!(
                LinkType::Null.to_ethernet(&captured, true)[12..],
                [0x08, 0x00, 0x45]
            );
        }
    }

    #[test]
    fn cooked_headers_give_their_protocol_away() {
        let mut v1 = vec![0; 16];
        v1[14..16].copy_from_slice(&[0x81, 0x00]);
        v1.push(7);
        assert_eq!(
            LinkType::LinuxCooked.to_ethernet(&v1, true)[12..],
            [0x81, 0x00, 7]
        );
        let mut v2 = vec![0; 20];
        v2[..2].copy_from_slice(&[0x08, 0x00]);
        v2.push(7);
        assert_eq!(
            LinkType::LinuxCooked2.to_ethernet(&v2, true)[12..],
            [0x08, 0x00, 7]
        );
        assert_eq!(
            LinkType::LinuxCooked2.to_ethernet(&v2[..9], true)[12..],
            [0xff, 0xff]
        );
    }
}
