//! Records of a pcapng file: blocks, in sections of either byte order, with interfaces that have
//! a link type and a time resolution each.

use pcap_parser::pcapng::{
    parse_enhancedpacketblock_be, parse_enhancedpacketblock_le, parse_interfacedescriptionblock_be,
    parse_interfacedescriptionblock_le, parse_simplepacketblock_be, parse_simplepacketblock_le,
};
use pcap_parser::traits::PcapNGPacketBlock;

use super::pcap::LARGEST_FRAME_BYTES;
use super::reader::{Format, Problem, Record, require};
use super::source::Source;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete, still written by old tools.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Type, length, length again.
const SMALLEST_BLOCK_BYTES: usize = 12;
const SECTION_HEADER_BYTES: usize = 28;
/// Blocks hold one frame and its options, or lists of names and keys.
const LARGEST_BLOCK_BYTES: usize = 4 * LARGEST_FRAME_BYTES;
const OPTION_TIME_OFFSET: u16 = 14;

struct Interface {
    link_number: u32,
    snap_bytes: u32,
    resolution: Resolution,
    offset_seconds: i64,
}

/// Units of a second, as the option `if_tsresol` states them.
#[derive(Clone, Copy)]
enum Resolution {
    PowerOfTen(u32),
    PowerOfTwo(u32),
}

pub(super) struct PcapngDecoder {
    big_endian: bool,
    first_big_endian: bool,
    interfaces: Vec<Interface>,
}

impl PcapngDecoder {
    pub(super) fn recognises(magic: &[u8]) -> bool {
        magic == SECTION_HEADER.to_be_bytes()
    }

    pub(super) fn start(source: &mut Source) -> Result<Self, Problem> {
        let mut decoder = Self {
            big_endian: false,
            first_big_endian: false,
            interfaces: Vec::new(),
        };
        decoder.section(source)?;
        decoder.first_big_endian = decoder.big_endian;
        Ok(decoder)
    }

    pub(super) fn format(&self) -> Format {
        Format {
            pcapng: true,
            big_endian: self.first_big_endian,
            nanoseconds: false,
        }
    }

    /// Blocks up to and including the next one with a frame.
    pub(super) fn next(&mut self, source: &mut Source) -> Result<Option<Record>, Problem> {
        loop {
            if source.peek(1)?.is_empty() {
                return Ok(None);
            }
            let head = require(source, 8)?;
            if head[..4] == SECTION_HEADER.to_be_bytes() {
                self.section(source)?;
                continue;
            }
            let kind = self.word(head, 0);
            let length = self.word(head, 4) as usize;
            check_length(length, SMALLEST_BLOCK_BYTES)?;
            let block = require(source, length)?;
            if self.word(block, length - 4) as usize != length {
                return Err(Problem::Corrupt(format!(
                    "the block's two lengths differ: {length} and {}",
                    self.word(block, length - 4)
                )));
            }
            let record = match kind {
                INTERFACE_DESCRIPTION => {
                    let interface = self.interface(block)?;
                    self.interfaces.push(interface);
                    None
                }
                ENHANCED_PACKET => Some(self.enhanced(block)?),
                SIMPLE_PACKET => Some(self.simple(block)?),
                PACKET => Some(self.obsolete(block)?),
                _ => None,
            };
            source.consume(length);
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        let field = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        if self.big_endian {
            u32::from_be_bytes(field)
        } else {
            u32::from_le_bytes(field)
        }
    }

    fn half(&self, bytes: &[u8], at: usize) -> u16 {
        let field = [bytes[at], bytes[at + 1]];
        if self.big_endian {
            u16::from_be_bytes(field)
        } else {
            u16::from_le_bytes(field)
        }
    }

    /// A section header: byte order anew, interfaces counted from 0 again.
    fn section(&mut self, source: &mut Source) -> Result<(), Problem> {
        let head = require(source, SMALLEST_BLOCK_BYTES)?;
        let magic = [head[8], head[9], head[10], head[11]];
        self.big_endian = if u32::from_be_bytes(magic) == BYTE_ORDER_MAGIC {
            true
        } else if u32::from_le_bytes(magic) == BYTE_ORDER_MAGIC {
            false
        } else {
            return Err(Problem::Corrupt(
                "a section without byte-order magic".to_owned(),
            ));
        };
        let length = self.word(head, 4) as usize;
        check_length(length, SECTION_HEADER_BYTES)?;
        let major = {
            let block = require(source, length)?;
            self.half(block, 12)
        };
        if major != 1 {
            return Err(Problem::Corrupt(format!(
                "version {major} of the format is not known"
            )));
        }
        source.consume(length);
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&self, block: &[u8]) -> Result<Interface, Problem> {
        let parse = if self.big_endian {
            parse_interfacedescriptionblock_be
        } else {
            parse_interfacedescriptionblock_le
        };
        let (_, block) = parse(block).map_err(|_| not_understood("interface description"))?;
        let exponent = u32::from(block.if_tsresol & 0x7f);
        let resolution = if block.if_tsresol & 0x80 == 0 {
            Resolution::PowerOfTen(exponent)
        } else {
            Resolution::PowerOfTwo(exponent)
        };
        let offset_seconds = block
            .options
            .iter()
            .find(|option| option.code.0 == OPTION_TIME_OFFSET)
            .and_then(|option| option.value.first_chunk::<8>())
            .map_or(0, |value| {
                if self.big_endian {
                    i64::from_be_bytes(*value)
                } else {
                    i64::from_le_bytes(*value)
                }
            });
        Ok(Interface {
            link_number: block.linktype.0 as u32 & 0xffff,
            snap_bytes: block.snaplen,
            resolution,
            offset_seconds,
        })
    }

    fn enhanced(&self, block: &[u8]) -> Result<Record, Problem> {
        let parse = if self.big_endian {
            parse_enhancedpacketblock_be
        } else {
            parse_enhancedpacketblock_le
        };
        let (_, block) = parse(block).map_err(|_| not_understood("enhanced packet"))?;
        let interface = self.described(block.if_id)?;
        let ticks = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
        Ok(Record {
            time_ns: Some(interface.nanoseconds(ticks)),
            link_number: interface.link_number,
            interface: Some(block.if_id),
            bytes: block.packet_data().to_vec(),
            original_len: block.origlen,
        })
    }

    /// No time, no captured length: that is the smaller of wire length and snap length.
    fn simple(&self, block: &[u8]) -> Result<Record, Problem> {
        let parse = if self.big_endian {
            parse_simplepacketblock_be
        } else {
            parse_simplepacketblock_le
        };
        let (_, block) = parse(block).map_err(|_| not_understood("simple packet"))?;
        let interface = self.described(0)?;
        let snap = if interface.snap_bytes == 0 {
            u32::MAX
        } else {
            interface.snap_bytes
        };
        let captured = block.origlen.min(snap) as usize;
        let bytes = block.data.get(..captured).ok_or_else(|| {
            Problem::Corrupt(format!(
                "{captured} bytes captured in a block that holds {}",
                block.data.len()
            ))
        })?;
        Ok(Record {
            time_ns: None,
            link_number: interface.link_number,
            interface: Some(0),
            bytes: bytes.to_vec(),
            original_len: block.origlen,
        })
    }

    fn obsolete(&self, block: &[u8]) -> Result<Record, Problem> {
        const HEADER: usize = 28;
        if block.len() < HEADER + 4 {
            return Err(not_understood("packet"));
        }
        let number = u32::from(self.half(block, 8));
        let interface = self.described(number)?;
        let ticks = u64::from(self.word(block, 12)) << 32 | u64::from(self.word(block, 16));
        let captured = self.word(block, 20) as usize;
        let bytes = block[HEADER..block.len() - 4].get(..captured);
        let bytes = bytes.ok_or_else(|| not_understood("packet"))?;
        Ok(Record {
            time_ns: Some(interface.nanoseconds(ticks)),
            link_number: interface.link_number,
            interface: Some(number),
            bytes: bytes.to_vec(),
            original_len: self.word(block, 24),
        })
    }

    fn described(&self, number: u32) -> Result<&Interface, Problem> {
        self.interfaces
            .get(number as usize)
            .ok_or_else(|| Problem::Corrupt(format!("interface {number} was never described")))
    }
}

impl Interface {
    fn nanoseconds(&self, ticks: u64) -> u64 {
        let ticks = u128::from(ticks);
        let since = match self.resolution {
            Resolution::PowerOfTen(digits @ 0..=9) => ticks * 10u128.pow(9 - digits),
            Resolution::PowerOfTen(digits) => 10u128
                .checked_pow(digits - 9)
                .map_or(0, |divisor| ticks / divisor),
            Resolution::PowerOfTwo(bits) => ticks
                .checked_mul(1_000_000_000)
                .and_then(|scaled| scaled.checked_shr(bits))
                .unwrap_or(0),
        };
        let offset = i128::from(self.offset_seconds) * 1_000_000_000;
        let total = i128::try_from(since)
            .unwrap_or(i128::MAX)
            .saturating_add(offset);
        u64::try_from(total.max(0)).unwrap_or(u64::MAX)
    }
}

fn check_length(length: usize, smallest: usize) -> Result<(), Problem> {
    if length < smallest || length > LARGEST_BLOCK_BYTES || !length.is_multiple_of(4) {
        return Err(Problem::Corrupt(format!(
            "a block length of {length} bytes"
        )));
    }
    Ok(())
}

fn not_understood(block: &str) -> Problem {
    Problem::Corrupt(format!("{block} block not understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(resolution: Resolution, offset_seconds: i64) -> Interface {
        Interface {
            link_number: 1,
            snap_bytes: 0,
            resolution,
            offset_seconds,
        }
    }

    #[test]
    fn every_resolution_comes_out_in_nanoseconds() {
        use Resolution::{PowerOfTen, PowerOfTwo};
        assert_eq!(
            interface(PowerOfTen(6), 0).nanoseconds(1_500_000),
            1_500_000_000
        );
        assert_eq!(interface(PowerOfTen(9), 1).nanoseconds(7), 1_000_000_007);
        assert_eq!(interface(PowerOfTen(12), 0).nanoseconds(7_999), 7);
        assert_eq!(
            interface(PowerOfTwo(10), 0).nanoseconds(1536),
            1_500_000_000
        );
        assert_eq!(interface(PowerOfTwo(127), -9).nanoseconds(u64::MAX), 0);
        assert_eq!(interface(PowerOfTen(127), 0).nanoseconds(u64::MAX), 0);
    }
}
