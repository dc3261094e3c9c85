//! Records of a pcap file: a header of 24 bytes, then records of 16 bytes and a frame each.

use pcap_parser::pcap::{
    PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::LinkType;
use super::reader::{Format, Problem, Record, require};
use super::source::Source;

const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// Of Kuznetzov's variant, whose records carry the interface as well.
const MODIFIED_RECORD_HEADER_BYTES: usize = 24;
/// Largest frame believed: far above any snap length in use, far below a lying length field.
pub(super) const LARGEST_FRAME_BYTES: usize = 1 << 24;
/// Above the link type in its field: "the frames end in an FCS", and its length in 16-bit units.
const FCS_PRESENT: u32 = 1 << 26;
const FCS_LENGTH_SHIFT: u32 = 28;

pub(super) struct PcapDecoder {
    header: PcapHeader,
    link_number: u32,
    fcs_bytes: usize,
}

impl PcapDecoder {
    pub(super) fn recognises(magic: &[u8]) -> bool {
        matches!(
            magic,
            [0xd4, 0xc3, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0xc3, 0xd4]
                | [0x4d, 0x3c, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0x3c, 0x4d]
                | [0x34, 0xcd, 0xb2, 0xa1]
        )
    }

    pub(super) fn start(source: &mut Source) -> Result<Self, Problem> {
        let bytes = require(source, FILE_HEADER_BYTES)?;
        let (_, header) = parse_pcap_header(bytes)
            .map_err(|_| Problem::Corrupt("header not understood".to_owned()))?;
        if header.version_major != 2 {
            return Err(Problem::Corrupt(format!(
                "version {}.{} of the format is not known",
                header.version_major, header.version_minor
            )));
        }
        source.consume(FILE_HEADER_BYTES);
        let field = header.network.0 as u32;
        let link_number = field & 0xffff;
        if LinkType::from_number(link_number).is_none() {
            return Err(Problem::LinkType {
                number: link_number,
                place: "the file header".to_owned(),
            });
        }
        let fcs_bytes = if field & FCS_PRESENT != 0 {
            2 * (field >> FCS_LENGTH_SHIFT) as usize
        } else {
            0
        };
        Ok(Self {
            header,
            link_number,
            fcs_bytes,
        })
    }

    pub(super) fn format(&self) -> Format {
        Format {
            pcapng: false,
            big_endian: self.header.is_bigendian(),
            nanoseconds: self.header.is_nanosecond_precision(),
        }
    }

    pub(super) fn next(&mut self, source: &mut Source) -> Result<Option<Record>, Problem> {
        let header_bytes = if self.header.is_modified_format() {
            MODIFIED_RECORD_HEADER_BYTES
        } else {
            RECORD_HEADER_BYTES
        };
        if source.peek(1)?.is_empty() {
            return Ok(None);
        }
        let header = require(source, header_bytes)?;
        let field = [header[8], header[9], header[10], header[11]];
        let captured = if self.header.is_bigendian() {
            u32::from_be_bytes(field)
        } else {
            u32::from_le_bytes(field)
        } as usize;
        if captured > LARGEST_FRAME_BYTES {
            return Err(Problem::Corrupt(format!(
                "a captured length of {captured} bytes"
            )));
        }
        let bytes = require(source, header_bytes + captured)?;
        let parse = match (self.header.is_modified_format(), self.header.is_bigendian()) {
            (true, _) => parse_pcap_frame_modified,
            (false, true) => parse_pcap_frame_be,
            (false, false) => parse_pcap_frame,
        };
        let (_, block) =
            parse(bytes).map_err(|_| Problem::Corrupt("record not understood".to_owned()))?;
        let unit = if self.header.is_nanosecond_precision() {
            1
        } else {
            1_000
        };
        let time_ns = u64::from(block.ts_sec) * 1_000_000_000 + u64::from(block.ts_usec) * unit;
        let mut frame = block.data.to_vec();
        let mut original_len = block.origlen;
        if self.fcs_bytes > 0 && original_len as usize >= self.fcs_bytes {
            original_len -= self.fcs_bytes as u32;
            frame.truncate(original_len as usize);
        }
        source.consume(header_bytes + captured);
        Ok(Some(Record {
            time_ns: Some(time_ns),
            link_number: self.link_number,
            interface: None,
            bytes: frame,
            original_len,
        }))
    }
}
