//! One frame after another out of a capture file of either format.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::pcap::PcapDecoder;
use super::pcapng::PcapngDecoder;
use super::source::Source;
use super::{CaptureError, Frame, LinkType};

/// Container, byte order and time resolution, as a person would name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// pcapng rather than pcap.
    pub pcapng: bool,
    /// Fields are big-endian (of a pcapng file: of its first section).
    pub big_endian: bool,
    /// A pcap file counts nanoseconds. pcapng states a resolution for every interface.
    pub nanoseconds: bool,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.big_endian {
            "big-endian"
        } else {
            "little-endian"
        };
        match (self.pcapng, self.nanoseconds) {
            (true, _) => write!(f, "pcapng, {order}"),
            (false, true) => write!(f, "pcap, {order}, nanoseconds"),
            (false, false) => write!(f, "pcap, {order}, microseconds"),
        }
    }
}

/// One frame as its record holds it, before its link layer is looked at.
pub(super) struct Record {
    /// `None`: the record carries no time (Simple Packet Block).
    pub(super) time_ns: Option<u64>,
    pub(super) link_number: u32,
    /// Of a pcapng file: which interface.
    pub(super) interface: Option<u32>,
    pub(super) bytes: Vec<u8>,
    pub(super) original_len: u32,
}

/// What a decoder finds wrong; the reader adds file and place.
pub(super) enum Problem {
    Cut { needed: u64, present: u64 },
    Corrupt(String),
    LinkType { number: u32, place: String },
    Io(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Looks at `count` bytes of a record that begins here, all of which must be there.
pub(super) fn require(source: &mut Source, count: usize) -> Result<&[u8], Problem> {
    let bytes = source.peek(count)?;
    if bytes.len() < count {
        return Err(Problem::Cut {
            needed: count as u64,
            present: bytes.len() as u64,
        });
    }
    Ok(bytes)
}

enum Decoder {
    Pcap(PcapDecoder),
    Pcapng(PcapngDecoder),
}

/// An iterator over the frames of a capture. The first error is the last item.
pub struct CaptureReader {
    name: String,
    source: Source,
    decoder: Decoder,
    frames: u64,
    rewritten: u64,
    time_ns: u64,
    finished: bool,
}

impl CaptureReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`CaptureError::Open`], [`CaptureError::NotACapture`] and all that can be wrong with a header.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let failed = |reason: String| CaptureError::Open {
            file: name.clone(),
            reason,
        };
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => failed("no such file".to_owned()),
            _ => failed(error.to_string()),
        })?;
        match file.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                return Err(failed("is a directory, not a capture".to_owned()));
            }
            Ok(_) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
        Self::from_reader(&name, file)
    }

    /// Reads a capture from any source of bytes; `name` stands in error messages.
    ///
    /// # Errors
    /// As for [`CaptureReader::open`].
    pub fn from_reader(
        name: &str,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let place = Place {
            file: name,
            frames: 0,
            offset: 0,
            header: true,
        };
        let mut source = Source::new(reader).map_err(|e| place.error(Problem::Io(e)))?;
        let magic: Vec<u8> = source
            .peek(4)
            .map_err(|e| place.error(Problem::Io(e)))?
            .to_vec();
        let decoder = if PcapDecoder::recognises(&magic) {
            PcapDecoder::start(&mut source).map(Decoder::Pcap)
        } else if PcapngDecoder::recognises(&magic) {
            PcapngDecoder::start(&mut source).map(Decoder::Pcapng)
        } else {
            return Err(CaptureError::NotACapture {
                file: name.to_owned(),
                found: hexadecimal(&magic),
            });
        };
        let decoder = decoder.map_err(|problem| place.error(problem))?;
        Ok(Self {
            name: name.to_owned(),
            source,
            decoder,
            frames: 0,
            rewritten: 0,
            time_ns: 0,
            finished: false,
        })
    }

    /// The name given at the opening.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of capture this is.
    #[must_use]
    pub fn format(&self) -> Format {
        match &self.decoder {
            Decoder::Pcap(decoder) => decoder.format(),
            Decoder::Pcapng(decoder) => decoder.format(),
        }
    }

    /// Frames so far whose link layer was rewritten to Ethernet.
    #[must_use]
    pub fn rewritten(&self) -> u64 {
        self.rewritten
    }

    fn read(&mut self) -> Result<Option<Frame>, CaptureError> {
        let record = match &mut self.decoder {
            Decoder::Pcap(decoder) => decoder.next(&mut self.source),
            Decoder::Pcapng(decoder) => decoder.next(&mut self.source),
        };
        let place = Place {
            file: &self.name,
            frames: self.frames,
            offset: self.source.offset(),
            header: false,
        };
        let record = match record.map_err(|problem| place.error(problem))? {
            Some(record) => record,
            None if self.source.cut() => {
                return Err(CaptureError::CutCompressed {
                    file: self.name.clone(),
                    frames: self.frames,
                });
            }
            None => return Ok(None),
        };
        self.frames += 1;
        let link = LinkType::from_number(record.link_number).ok_or_else(|| {
            let interface = record
                .interface
                .map(|i| format!("interface {i}, "))
                .unwrap_or_default();
            CaptureError::LinkType {
                file: self.name.clone(),
                number: record.link_number,
                place: format!("{interface}frame {}", self.frames),
            }
        })?;
        self.time_ns = record.time_ns.unwrap_or(self.time_ns);
        self.rewritten += u64::from(link != LinkType::Ethernet);
        let captured_len = record.bytes.len() as u32;
        let truncated = captured_len < record.original_len;
        Ok(Some(Frame {
            number: self.frames,
            part: 0,
            time_ns: self.time_ns,
            bytes: link.to_ethernet(&record.bytes, truncated),
            captured_len,
            original_len: record.original_len.max(captured_len),
            truncated,
        }))
    }
}

impl Iterator for CaptureReader {
    type Item = Result<Frame, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let item = self.read().transpose();
        self.finished = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Where the reader is, for error messages.
struct Place<'a> {
    file: &'a str,
    frames: u64,
    offset: u64,
    header: bool,
}

impl Place<'_> {
    fn error(&self, problem: Problem) -> CaptureError {
        let file = self.file.to_owned();
        let offset = self.offset;
        let place = if self.header {
            "the file header".to_owned()
        } else {
            format!("frame {}", self.frames + 1)
        };
        match problem {
            Problem::Cut { needed, present } => CaptureError::Cut {
                file,
                place,
                offset,
                needed,
                present,
            },
            Problem::Corrupt(reason) => CaptureError::Corrupt {
                file,
                place,
                offset,
                reason,
            },
            Problem::LinkType { number, place } => CaptureError::LinkType {
                file,
                number,
                place,
            },
            Problem::Io(source) => CaptureError::Read {
                file,
                offset,
                source,
            },
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
