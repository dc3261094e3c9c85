//! Frames for the tests of the receive path: built with etherparse, judged by a parser of their own.
//!
//! [`fate`] is what the receive group owes a frame, worked out byte by byte from the standards; nothing of it is taken
//! from the RTL.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

pub const HOP_BY_HOP: u8 = 0;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ROUTING: u8 = 43;
pub const FRAGMENT: u8 = 44;
pub const DESTINATION_OPTIONS: u8 = 60;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// A connection's addresses and ports as they stand in received frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
}

impl Tuple {
    pub fn random(rng: &mut ChaCha8Rng, ipv6: bool) -> Self {
        let mut address = || {
            let mut bytes = [0; 16];
            rng.fill_bytes(&mut bytes);
            if ipv6 {
                IpAddr::from(bytes)
            } else {
                IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
        };
        let (source, destination) = (address(), address());
        Self {
            source,
            destination,
            source_port: rng.next_u32() as u16,
            destination_port: rng.next_u32() as u16,
        }
    }

    pub fn is_ipv6(&self) -> bool {
        self.source.is_ipv6()
    }
}

/// An address on a command's 128-bit port: word 0 is bits 31 to 0.
pub fn port_words(address: IpAddr) -> [u32; 4] {
    let value = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    [0, 32, 64, 96].map(|shift| (value >> shift) as u32)
}

/// A TCP segment in a frame, with everything that may stand around it.
#[derive(Clone, Debug)]
pub struct Build {
    pub tuple: Tuple,
    /// 802.1Q and 802.1ad tags, by identifier.
    pub tags: Vec<u16>,
    /// Bytes of IPv4 options, a multiple of 4.
    pub ip_options: usize,
    /// IPv6 extension headers: kind and length in bytes, a multiple of 8.
    pub extensions: Vec<(u8, usize)>,
    /// Bytes of TCP options, a multiple of 4.
    pub tcp_options: usize,
    pub sequence_number: u32,
    pub acknowledgement_number: u32,
    pub window: u16,
    pub flags: u8,
    pub payload: Vec<u8>,
    /// Bytes behind the packet, beyond what pads the frame to 60.
    pub padding: usize,
}

impl Build {
    /// A segment without options whose sequence number lies just below 2^32.
    pub fn new(tuple: Tuple, payload: Vec<u8>) -> Self {
        Self {
            tuple,
            tags: vec![],
            ip_options: 0,
            extensions: vec![],
            tcp_options: 0,
            sequence_number: 0xffff_fff0,
            acknowledgement_number: 0x0123_4567,
            window: 0x89ab,
            flags: ACK,
            payload,
            padding: 0,
        }
    }

    /// Where the IP header starts.
    pub fn ip_offset(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// Where the TCP header starts.
    pub fn tcp_offset(&self) -> usize {
        let extensions: usize = self.extensions.iter().map(|&(_, bytes)| bytes).sum();
        let ip = if self.tuple.is_ipv6() {
            40 + extensions
        } else {
            20 + self.ip_options
        };
        self.ip_offset() + ip
    }

    /// Where the IP packet ends.
    pub fn end(&self) -> usize {
        self.tcp_offset() + 20 + self.tcp_options + self.payload.len()
    }

    pub fn frame(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut frame = random(rng, 12);
        for tag in &self.tags {
            frame.extend(tag.to_be_bytes());
            frame.extend(random(rng, 2));
        }
        let mut tcp = TcpHeader::new(
            self.tuple.source_port,
            self.tuple.destination_port,
            self.sequence_number,
            self.window,
        );
        tcp.set_options_raw(&random(rng, self.tcp_options)).unwrap();
        tcp.acknowledgment_number = self.acknowledgement_number;
        let flag = |bit: u8| self.flags >> bit & 1 == 1;
        (tcp.fin, tcp.syn, tcp.rst, tcp.psh) = (flag(0), flag(1), flag(2), flag(3));
        (tcp.ack, tcp.urg, tcp.ece, tcp.cwr) = (flag(4), flag(5), flag(6), flag(7));
        let segment = tcp.header_len() + self.payload.len();
        match (self.tuple.source, self.tuple.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let (source, destination) = (source.octets(), destination.octets());
                let length = (segment + self.ip_options) as u16;
                let mut ip =
                    Ipv4Header::new(length, 64, IpNumber::TCP, source, destination).unwrap();
                ip.options = random(rng, self.ip_options).as_slice().try_into().unwrap();
                ip.set_payload_len(segment).unwrap();
                ip.identification = rng.next_u32() as u16;
                ip.dont_fragment = rng.next_u32() & 1 == 1;
                ip.header_checksum = ip.calc_header_checksum();
                tcp.checksum = tcp
                    .calc_checksum_ipv4_raw(source, destination, &self.payload)
                    .unwrap();
                frame.extend(0x0800u16.to_be_bytes());
                frame.extend(ip.to_bytes());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (source, destination) = (source.octets(), destination.octets());
                let kinds: Vec<u8> = self.extensions.iter().map(|&(kind, _)| kind).collect();
                let mut ip = Ipv6Header {
                    source,
                    destination,
                    next_header: IpNumber(*kinds.first().unwrap_or(&TCP)),
                    hop_limit: 64,
                    traffic_class: rng.next_u32() as u8,
                    ..Ipv6Header::default()
                };
                let extensions = self.tcp_offset() - self.ip_offset() - 40;
                ip.set_payload_length(extensions + segment).unwrap();
                tcp.checksum = tcp
                    .calc_checksum_ipv6_raw(source, destination, &self.payload)
                    .unwrap();
                frame.extend(0x86ddu16.to_be_bytes());
                frame.extend(ip.to_bytes());
                for (at, &(kind, bytes)) in self.extensions.iter().enumerate() {
                    let mut header = random(rng, bytes);
                    header[0] = *kinds.get(at + 1).unwrap_or(&TCP);
                    header[1] = (bytes / 8 - 1) as u8;
                    if kind == ROUTING {
                        header[3] = 0;
                    }
                    frame.extend(header);
                }
            }
            _ => panic!("addresses of one family"),
        }
        frame.extend(tcp.to_bytes());
        frame.extend(&self.payload);
        let length = (frame.len() + self.padding).max(60);
        let padding = random(rng, length - frame.len());
        frame.extend(padding);
        frame
    }
}

pub fn random(rng: &mut ChaCha8Rng, bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    rng.fill_bytes(&mut data);
    data
}

/// A number below `limit`.
pub fn below(rng: &mut ChaCha8Rng, limit: usize) -> usize {
    (rng.next_u64() % limit as u64) as usize
}

/// One segment of all the shapes that a segment may have.
pub fn any_build(rng: &mut ChaCha8Rng, tuple: Tuple) -> Build {
    let bytes = match below(rng, 16) {
        0..12 => below(rng, 41),
        12..15 => below(rng, 1461),
        _ => below(rng, 9001),
    };
    let payload = random(rng, bytes);
    let mut build = Build::new(tuple, payload);
    for _ in 0..[0, 0, 1, 2][below(rng, 4)] {
        build.tags.push([0x8100, 0x88a8][below(rng, 2)]);
    }
    if tuple.is_ipv6() {
        for _ in 0..[0, 0, 1, 2, 3][below(rng, 5)] {
            let kind = [HOP_BY_HOP, DESTINATION_OPTIONS, ROUTING][below(rng, 3)];
            build.extensions.push((kind, 8 + 8 * below(rng, 5)));
        }
    } else {
        build.ip_options = [0, 0, 4 * below(rng, 11)][below(rng, 3)];
    }
    build.tcp_options = [0, 12, 4 * below(rng, 11)][below(rng, 3)];
    build.sequence_number = 0u32.wrapping_sub(below(rng, 4096) as u32);
    build.acknowledgement_number = rng.next_u32();
    build.window = rng.next_u32() as u16;
    build.flags = rng.next_u32() as u8 & !SYN;
    build.padding = [0, 0, below(rng, 40)][below(rng, 3)];
    build
}

/// Why a frame is not delivered, in the order in which the reasons are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drop {
    BadFrame,
    Runt,
    Oversize,
    Truncated,
    Malformed,
    IpChecksum,
    TcpChecksum,
}

/// A segment as the segment acceptor must see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub connection: u16,
    pub sequence_number: u32,
    pub acknowledgement_number: u32,
    pub window: u16,
    pub flags: u8,
    pub payload: Vec<u8>,
}

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Offloaded(Received),
    Host,
    Dropped(Drop),
}

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    (be16(bytes, at) as u32) << 16 | be16(bytes, at + 2) as u32
}

/// The ones' complement sum, folded to 16 bits.
fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What the receive group owes `frame`, given who is offloaded and how large the host's buffers are.
pub fn fate(
    frame: &[u8],
    bad: bool,
    host_buffer_bytes: usize,
    connection: impl Fn(&Tuple) -> Option<u16>,
) -> Fate {
    let to_host = if frame.len() > host_buffer_bytes {
        Fate::Dropped(Drop::Oversize)
    } else {
        Fate::Host
    };
    if bad {
        return Fate::Dropped(Drop::BadFrame);
    }
    if frame.len() < 60 {
        return Fate::Dropped(Drop::Runt);
    }
    if frame.len() > 65535 {
        return Fate::Dropped(Drop::Oversize);
    }
    let mut ip = 14;
    while ip < 22 && [0x8100, 0x88a8].contains(&be16(frame, ip - 2)) {
        ip += 4;
    }
    let packet = &frame[ip..];
    let kind = be16(frame, ip - 2);
    match (kind, packet[0] >> 4) {
        (0x0800, 4) => {
            let (header, total) = (usize::from(packet[0] & 15) * 4, be16(packet, 2));
            if total > packet.len() {
                return Fate::Dropped(Drop::Truncated);
            }
            if header < 20 || total < header {
                return Fate::Dropped(Drop::Malformed);
            }
            let tcp = packet[9] == TCP && be16(packet, 6) & 0x3fff == 0;
            if tcp && total - header < 20 {
                return Fate::Dropped(Drop::Malformed);
            }
            if sum(&[&packet[..header]]) != 0xffff {
                return Fate::Dropped(Drop::IpChecksum);
            }
            if !tcp {
                return to_host;
            }
            let addresses = &packet[12..20];
            let (source, destination) = (be32(packet, 12), be32(packet, 16));
            let pair = [source, destination].map(|word| IpAddr::from(word.to_be_bytes()));
            tcp_fate(&packet[header..total], addresses, pair, to_host, connection)
        }
        (0x86dd, 6) => {
            let mut left = be16(packet, 4);
            if 40 + left > packet.len() {
                return Fate::Dropped(Drop::Truncated);
            }
            let end = 40 + left;
            let mut next = packet[6];
            while next != TCP {
                if ![HOP_BY_HOP, DESTINATION_OPTIONS, ROUTING].contains(&next) {
                    return to_host;
                }
                if left < 8 {
                    return Fate::Dropped(Drop::Malformed);
                }
                let header = &packet[end - left..];
                if next == ROUTING && header[3] != 0 {
                    return to_host;
                }
                let bytes = 8 + 8 * usize::from(header[1]);
                if bytes > left {
                    return Fate::Dropped(Drop::Malformed);
                }
                next = header[0];
                left -= bytes;
            }
            if left < 20 {
                return Fate::Dropped(Drop::Malformed);
            }
            let address = |at: usize| {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&packet[at..at + 16]);
                IpAddr::from(bytes)
            };
            let pair = [address(8), address(24)];
            tcp_fate(
                &packet[end - left..end],
                &packet[8..40],
                pair,
                to_host,
                connection,
            )
        }
        _ => to_host,
    }
}

fn tcp_fate(
    segment: &[u8],
    addresses: &[u8],
    [source, destination]: [IpAddr; 2],
    to_host: Fate,
    connection: impl Fn(&Tuple) -> Option<u16>,
) -> Fate {
    let tuple = Tuple {
        source,
        destination,
        source_port: be16(segment, 0) as u16,
        destination_port: be16(segment, 2) as u16,
    };
    let (header, flags) = (usize::from(segment[12] >> 4) * 4, segment[13]);
    let Some(connection) = connection(&tuple).filter(|_| flags & SYN == 0) else {
        return to_host;
    };
    if header < 20 || header > segment.len() {
        return Fate::Dropped(Drop::Malformed);
    }
    let length = (segment.len() as u32).to_be_bytes();
    if sum(&[addresses, &[0, TCP], &length, segment]) != 0xffff {
        return Fate::Dropped(Drop::TcpChecksum);
    }
    Fate::Offloaded(Received {
        connection,
        sequence_number: be32(segment, 4),
        acknowledgement_number: be32(segment, 8),
        window: be16(segment, 14) as u16,
        flags,
        payload: segment[header..].to_vec(),
    })
}
