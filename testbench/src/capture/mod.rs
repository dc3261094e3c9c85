//! Capture files: read any of them, hand out Ethernet frames, write pcapng, record live frames.
//!
//! ```text
//!  file ─► source ────► pcap │ pcapng ──► link ─────► Frame
//!          (gz or not)  (records, time)   (to Ethernet)
//! ```
//!
//! What is read: pcap (both byte orders, micro- and nanoseconds) and pcapng (both byte orders,
//! enhanced, simple and obsolete packet blocks, an own link type and time resolution for every
//! interface), plain or compressed with gzip, told apart by content and never by name.
//!
//! What is not: link types other than those of [`link::LinkType`], and encrypted or
//! systemd-journal blocks, which hold no frames and are passed over.

mod error;
mod link;
mod live;
mod packet_socket;
mod pcap;
mod pcapng;
mod reader;
mod source;
mod writer;

use std::path::Path;

pub use error::CaptureError;
pub use link::{LinkType, MINIMUM_FRAME_BYTES, REWRITTEN_DESTINATION, REWRITTEN_SOURCE};
pub use live::{Limits, RecordError, Recorder, Recording};
pub use reader::{CaptureReader, Format};
pub use writer::PcapngWriter;

/// One frame of a capture, as the MAC of an adapter would hand it on: Ethernet, without FCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Place in the capture, counted from 1 as packet analysers do.
    pub number: u64,
    /// Which piece of the captured frame this is: 0, unless a super-frame was split
    /// (see [`crate::flows::prepare`]).
    pub part: u32,
    /// Nanoseconds since the epoch. A record without a time has that of the record before it.
    pub time_ns: u64,
    /// Destination address to end of payload, no FCS; link types other than Ethernet rewritten.
    pub bytes: Vec<u8>,
    /// Bytes of the frame that the capture holds, in its own link type.
    pub captured_len: u32,
    /// Bytes that the frame had on the wire, in its own link type.
    pub original_len: u32,
    /// The capture's snap length cut this frame short. This is no damage of the file.
    pub truncated: bool,
}

/// A whole capture in memory.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The file's name as the user gave it.
    pub name: String,
    /// Container, byte order and time resolution.
    pub format: Format,
    /// The frames in file order; never empty.
    pub frames: Vec<Frame>,
    /// Frames whose link layer was rewritten to Ethernet.
    pub rewritten: u64,
    /// Frames cut short by the capture's snap length.
    pub truncated: u64,
}

impl Capture {
    /// Reads a capture; any damage is an error.
    ///
    /// # Errors
    /// Every [`CaptureError`]; a capture without frames is one of them.
    pub fn read(path: &Path) -> Result<Self, CaptureError> {
        match Self::read_until_damage(path)? {
            (capture, None) => Ok(capture),
            (_, Some(damage)) => Err(damage),
        }
    }

    /// Reads what can be read: the frames before the first damage, and the damage.
    ///
    /// # Errors
    /// Those that leave nothing to use: no file, not a capture, no frame before the damage.
    pub fn read_until_damage(path: &Path) -> Result<(Self, Option<CaptureError>), CaptureError> {
        Self::collect(CaptureReader::open(path)?)
    }

    /// Drains a reader; see [`Capture::read_until_damage`].
    ///
    /// # Errors
    /// As for [`Capture::read_until_damage`].
    pub fn collect(
        mut reader: CaptureReader,
    ) -> Result<(Self, Option<CaptureError>), CaptureError> {
        let mut frames = Vec::new();
        let mut damage = None;
        for frame in reader.by_ref() {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(error) if frames.is_empty() => return Err(error),
                Err(error) => damage = Some(error),
            }
        }
        if frames.is_empty() {
            return Err(CaptureError::Empty {
                file: reader.name().to_owned(),
            });
        }
        let truncated = frames.iter().filter(|frame| frame.truncated).count() as u64;
        let capture = Self {
            name: reader.name().to_owned(),
            format: reader.format(),
            frames,
            rewritten: reader.rewritten(),
            truncated,
        };
        Ok((capture, damage))
    }
}
