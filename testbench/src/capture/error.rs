//! What can be wrong with a capture file, each in one line: file, place, reason.

use std::io;

use thiserror::Error;

/// Why a capture cannot be read (further).
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The file cannot be opened.
    #[error("{file}: {reason}")]
    Open {
        /// As the user named it.
        file: String,
        /// "no such file", or what the system said.
        reason: String,
    },
    /// Neither pcap nor pcapng, plain or compressed.
    #[error("{file}: not a capture: begins with {found}, which is neither pcap nor pcapng")]
    NotACapture {
        /// As the user named it.
        file: String,
        /// The first bytes in hexadecimal, or "nothing".
        found: String,
    },
    /// The file ends inside a record: a copy or a recording that was interrupted.
    #[error(
        "{file}: cut in mid-record: {place} at byte {offset} needs {needed} bytes, \
         the file ends after {present}"
    )]
    Cut {
        /// As the user named it.
        file: String,
        /// "the file header", "frame 17", "the block after frame 17".
        place: String,
        /// Where that record begins in the (uncompressed) file.
        offset: u64,
        /// Bytes of the whole record.
        needed: u64,
        /// Bytes that are there.
        present: u64,
    },
    /// The compressed stream ends early.
    #[error("{file}: cut in mid-record: the compressed data ends early, after frame {frames}")]
    CutCompressed {
        /// As the user named it.
        file: String,
        /// Whole frames before the cut.
        frames: u64,
    },
    /// A record contradicts itself or the format.
    #[error("{file}: corrupt: {place} at byte {offset}: {reason}")]
    Corrupt {
        /// As the user named it.
        file: String,
        /// As for [`CaptureError::Cut`].
        place: String,
        /// Where that record begins in the (uncompressed) file.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The frames are of a kind that cannot be rewritten to Ethernet.
    #[error(
        "{file}: unsupported link type {number} ({place}); supported: 1 Ethernet, 113 and 276 \
         Linux cooked, 12, 101, 228 and 229 raw IP, 0 and 108 loopback"
    )]
    LinkType {
        /// As the user named it.
        file: String,
        /// The number in the registry of tcpdump.org.
        number: u32,
        /// "the file header", "interface 2, frame 17".
        place: String,
    },
    /// A well-formed capture that holds no frame.
    #[error("{file}: holds no frames")]
    Empty {
        /// As the user named it.
        file: String,
    },
    /// The system could not read on.
    #[error("{file}: reading at byte {offset} failed: {source}")]
    Read {
        /// As the user named it.
        file: String,
        /// In the (uncompressed) file.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
}
