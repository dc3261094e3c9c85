//! A frame as an adapter may read it: Ethernet, up to two VLAN tags, IPv4 or IPv6, TCP.
//!
//! ```text
//!  Ethernet ─ VLAN? ─ VLAN? ─┬─ IPv4 (options) ──────────────────────────┬─ TCP (options) ─ payload
//!                            └─ IPv6 (hop-by-hop, destination, routing) ─┘
//! ```
//!
//! Everything else is [`Outside`], with the reason read from the frame itself: the host's
//! business, or nobody's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use super::checksum::{Sum, pseudo_header};
use super::seq::SeqNumber;

const ETHERNET_BYTES: usize = 14;
const VLAN_BYTES: usize = 4;
/// VLAN tags that the adapter passes over.
pub const MAXIMUM_VLAN_TAGS: usize = 2;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_CUSTOMER_TAG: u16 = 0x8100;
const ETHERTYPE_SERVICE_TAG: u16 = 0x88a8;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
const TCP_BYTES: usize = 20;
const PROTOCOL_TCP: u8 = 6;
const HEADER_HOP_BY_HOP: u8 = 0;
const HEADER_ROUTING: u8 = 43;
const HEADER_FRAGMENT: u8 = 44;
const HEADER_DESTINATION: u8 = 60;

/// Why a frame is not the adapter's TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outside {
    /// Shorter than its own link layer.
    Runt,
    /// Not IP; the Ethernet type, or the length field of an IEEE 802.3 frame.
    EtherType(u16),
    /// IP inside a PPPoE session.
    Pppoe,
    /// More than [`MAXIMUM_VLAN_TAGS`].
    VlanTags,
    /// A piece of an IP packet.
    Fragment,
    /// An IP protocol other than TCP: UDP, ICMP with a quoted header, tunnels.
    Protocol(u8),
    /// An IPv6 routing header that has further stops.
    Routing,
    /// The IP header contradicts itself.
    MalformedIp,
    /// The IP length reaches beyond the frame.
    Truncated,
    /// The IP length is 0: segmentation offload was to fill it in.
    NoLength,
    /// The TCP header contradicts itself or the IP length.
    MalformedTcp,
}

impl Outside {
    /// Broken, so dropped; the rest goes to the host whole.
    #[must_use]
    pub fn is_malformed(self) -> bool {
        matches!(
            self,
            Self::Runt | Self::MalformedIp | Self::Truncated | Self::NoLength | Self::MalformedTcp
        )
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runt => f.write_str("runt"),
            Self::EtherType(number) => write!(f, "Ethernet type {number:#06x}"),
            Self::Pppoe => f.write_str("PPPoE session"),
            Self::VlanTags => write!(f, "more than {MAXIMUM_VLAN_TAGS} VLAN tags"),
            Self::Fragment => f.write_str("IP fragment"),
            Self::Protocol(number) => write!(f, "IP protocol {number}"),
            Self::Routing => f.write_str("IPv6 routing header under way"),
            Self::MalformedIp => f.write_str("malformed IP header"),
            Self::Truncated => f.write_str("truncated"),
            Self::NoLength => f.write_str("no IP length"),
            Self::MalformedTcp => f.write_str("malformed TCP header"),
        }
    }
}

/// The flags of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number is valid.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer is valid.
    pub const URG: u8 = 0x20;
    /// Congestion window reduced (RFC 3168).
    pub const CWR: u8 = 0x80;

    /// Is this flag set?
    #[must_use]
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

/// Where the parts of a frame's TCP segment lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of the IP header.
    pub ip_at: usize,
    /// Of the TCP header.
    pub tcp_at: usize,
    /// TCP payload, without Ethernet padding.
    pub payload: Range<usize>,
    /// IPv6 rather than IPv4.
    pub ipv6: bool,
    /// VLAN tags passed over.
    pub vlan_tags: usize,
}

/// A TCP segment in its frame. Not yet proven: ask for the checksums.
#[derive(Clone, Debug)]
pub struct TcpView<'a> {
    frame: &'a [u8],
    /// Where the parts lie.
    pub layout: Layout,
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
}

impl<'a> TcpView<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// Why the frame is not the adapter's TCP.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Outside> {
        Self::parse_with_length(frame, None)
    }

    /// Reads a frame whose IP length is `ip_bytes`, whatever its header says.
    pub(super) fn parse_with_length(
        frame: &'a [u8],
        ip_bytes: Option<usize>,
    ) -> Result<Self, Outside> {
        let (ethertype, ip_at, vlan_tags) = link_layer(frame)?;
        let packet = &frame[ip_at..];
        let ip = match ethertype {
            ETHERTYPE_IPV4 => ipv4(packet, ip_bytes)?,
            ETHERTYPE_IPV6 => ipv6(packet, ip_bytes)?,
            ETHERTYPE_PPPOE_SESSION => return Err(Outside::Pppoe),
            other => return Err(Outside::EtherType(other)),
        };
        let segment = &packet[ip.header..ip.end];
        if segment.len() < TCP_BYTES {
            return Err(Outside::MalformedTcp);
        }
        let header = usize::from(segment[12] >> 4) * 4;
        if header < TCP_BYTES || header > segment.len() {
            return Err(Outside::MalformedTcp);
        }
        let tcp_at = ip_at + ip.header;
        let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
        Ok(Self {
            frame,
            layout: Layout {
                ip_at,
                tcp_at,
                payload: tcp_at + header..ip_at + ip.end,
                ipv6: ethertype == ETHERTYPE_IPV6,
                vlan_tags,
            },
            source: SocketAddr::new(ip.source, port(0)),
            destination: SocketAddr::new(ip.destination, port(2)),
        })
    }

    fn tcp(&self) -> &'a [u8] {
        &self.frame[self.layout.tcp_at..self.layout.payload.end]
    }

    fn word(&self, at: usize) -> u32 {
        let tcp = self.tcp();
        u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]])
    }

    /// Of the first payload byte, or of SYN or FIN.
    #[must_use]
    pub fn sequence(&self) -> SeqNumber {
        SeqNumber(self.word(4))
    }

    /// Sequence number of the first payload byte: behind SYN where there is one.
    #[must_use]
    pub fn data_sequence(&self) -> SeqNumber {
        self.sequence()
            .plus(u64::from(self.flags().has(Flags::SYN)))
    }

    /// The acknowledgement, where the flag says that there is one.
    #[must_use]
    pub fn acknowledgement(&self) -> Option<SeqNumber> {
        self.flags()
            .has(Flags::ACK)
            .then(|| SeqNumber(self.word(8)))
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags(self.tcp()[13])
    }

    /// The window field, unscaled.
    #[must_use]
    pub fn window(&self) -> u16 {
        (self.word(12) & 0xffff) as u16
    }

    /// TCP header with options, in bytes.
    #[must_use]
    pub fn header_bytes(&self) -> usize {
        self.layout.payload.start - self.layout.tcp_at
    }

    /// The bytes that the segment carries.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.frame[self.layout.payload.clone()]
    }

    /// The value of the first option of this kind.
    #[must_use]
    pub fn option(&self, kind: u8) -> Option<&'a [u8]> {
        let mut rest = &self.tcp()[TCP_BYTES..self.header_bytes()];
        loop {
            match rest {
                [] | [0, ..] => return None,
                [1, tail @ ..] => rest = tail,
                [found, length, ..] => {
                    let length = usize::from(*length);
                    if length < 2 || length > rest.len() {
                        return None;
                    }
                    if *found == kind {
                        return Some(&rest[2..length]);
                    }
                    rest = &rest[length..];
                }
                [_] => return None,
            }
        }
    }

    /// The IPv4 header checksum is right (IPv6 has none).
    #[must_use]
    pub fn ip_checksum_ok(&self) -> bool {
        if self.layout.ipv6 {
            return true;
        }
        let header = &self.frame[self.layout.ip_at..self.layout.tcp_at];
        Sum::default().add(header).folded() == 0xffff
    }

    /// The TCP checksum is right.
    #[must_use]
    pub fn tcp_checksum_ok(&self) -> bool {
        self.pseudo(self.tcp().len()).add(self.tcp()).folded() == 0xffff
    }

    /// The checksum field holds what a sender leaves there for its NIC to finish: the folded sum
    /// of the pseudo-header, with the length or (for segmentation offload) without.
    #[must_use]
    pub fn tcp_checksum_partial(&self) -> bool {
        let field = (self.word(16) >> 16) as u16;
        field == self.pseudo(self.tcp().len()).folded() || field == self.pseudo(0).folded()
    }

    /// What the TCP checksum field ought to hold.
    pub(super) fn tcp_checksum(&self) -> u16 {
        let (before, after) = self.tcp().split_at(16);
        !self
            .pseudo(self.tcp().len())
            .add(before)
            .add(&after[2..])
            .folded()
    }

    /// What the IPv4 header checksum field ought to hold.
    pub(super) fn ip_checksum(&self) -> u16 {
        let header = &self.frame[self.layout.ip_at..self.layout.tcp_at];
        !Sum::default()
            .add(&header[..10])
            .add(&header[12..])
            .folded()
    }

    fn pseudo(&self, tcp_bytes: usize) -> Sum {
        pseudo_header(self.source.ip(), self.destination.ip(), tcp_bytes)
    }
}

/// Ethernet type, offset behind it, VLAN tags passed over.
pub(super) fn link_layer(frame: &[u8]) -> Result<(u16, usize, usize), Outside> {
    let mut at = ETHERNET_BYTES;
    for tags in 0.. {
        let Some(field) = frame.get(at - 2..at) else {
            return Err(Outside::Runt);
        };
        let ethertype = u16::from_be_bytes([field[0], field[1]]);
        if !matches!(ethertype, ETHERTYPE_CUSTOMER_TAG | ETHERTYPE_SERVICE_TAG) {
            return Ok((ethertype, at, tags));
        }
        if tags == MAXIMUM_VLAN_TAGS {
            break;
        }
        at += VLAN_BYTES;
    }
    Err(Outside::VlanTags)
}

/// The IP layer, in offsets from the beginning of the packet.
struct Ip {
    header: usize,
    end: usize,
    source: IpAddr,
    destination: IpAddr,
}

fn ipv4(packet: &[u8], ip_bytes: Option<usize>) -> Result<Ip, Outside> {
    let Some(fixed) = packet.first_chunk::<IPV4_BYTES>() else {
        return Err(Outside::Truncated);
    };
    let header = usize::from(fixed[0] & 0xf) * 4;
    let stated = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    let end = match (ip_bytes, stated) {
        (Some(bytes), _) => bytes,
        (None, 0) => return Err(Outside::NoLength),
        (None, stated) => stated,
    };
    if fixed[0] >> 4 != 4 || header < IPV4_BYTES || end < header {
        return Err(Outside::MalformedIp);
    }
    if end > packet.len() {
        return Err(Outside::Truncated);
    }
    // More fragments, or not the first.
    if u16::from_be_bytes([fixed[6], fixed[7]]) & 0x3fff != 0 {
        return Err(Outside::Fragment);
    }
    if fixed[9] != PROTOCOL_TCP {
        return Err(Outside::Protocol(fixed[9]));
    }
    let address = |at: usize| {
        IpAddr::V4(Ipv4Addr::new(
            fixed[at],
            fixed[at + 1],
            fixed[at + 2],
            fixed[at + 3],
        ))
    };
    Ok(Ip {
        header,
        end,
        source: address(12),
        destination: address(16),
    })
}

fn ipv6(packet: &[u8], ip_bytes: Option<usize>) -> Result<Ip, Outside> {
    let Some(fixed) = packet.first_chunk::<IPV6_BYTES>() else {
        return Err(Outside::Truncated);
    };
    if fixed[0] >> 4 != 6 {
        return Err(Outside::MalformedIp);
    }
    let stated = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let end = match (ip_bytes, stated) {
        (Some(bytes), _) => bytes,
        (None, 0) if fixed[6] == PROTOCOL_TCP => return Err(Outside::NoLength),
        (None, stated) => IPV6_BYTES + stated,
    };
    if end < IPV6_BYTES {
        return Err(Outside::MalformedIp);
    }
    if end > packet.len() {
        return Err(Outside::Truncated);
    }
    let mut header = IPV6_BYTES;
    let mut next = fixed[6];
    while matches!(
        next,
        HEADER_HOP_BY_HOP | HEADER_ROUTING | HEADER_DESTINATION
    ) {
        let Some(extension) = packet[..end].get(header..header + 8) else {
            return Err(Outside::MalformedIp);
        };
        if next == HEADER_ROUTING && extension[3] != 0 {
            return Err(Outside::Routing);
        }
        next = extension[0];
        header += 8 + 8 * usize::from(extension[1]);
    }
    match next {
        PROTOCOL_TCP if header <= end => {}
        PROTOCOL_TCP => return Err(Outside::MalformedIp),
        HEADER_FRAGMENT => return Err(Outside::Fragment),
        other => return Err(Outside::Protocol(other)),
    }
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&fixed[at..at + 16]);
        IpAddr::V6(Ipv6Addr::from(octets))
    };
    Ok(Ip {
        header,
        end,
        source: address(8),
        destination: address(24),
    })
}
