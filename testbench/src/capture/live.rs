//! Records frames from a network interface with pnet.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pnet_datalink::{self as datalink, Channel, Config, DataLinkReceiver, NetworkInterface};
use thiserror::Error;

use super::PcapngWriter;
use super::packet_socket::PacketSocket;

/// Longest frame that the kernel hands out: a super-frame of 64 KiB and its headers, and room.
const READ_BUFFER_BYTES: usize = 1 << 17;
/// How long Ctrl-C and a time limit may go unnoticed while no frame comes in.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Why recording cannot begin or go on.
#[derive(Debug, Error)]
pub enum RecordError {
    /// No such interface.
    #[error("{name}: no such interface; there are: {present}")]
    NoInterface {
        /// As the user named it.
        name: String,
        /// Those that there are.
        present: String,
    },
    /// The system refuses the packet socket.
    #[error("{name}: cannot open a packet socket: {source}{hint}")]
    Socket {
        /// As the user named it.
        name: String,
        /// What the system said.
        source: io::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// Reading from the interface failed, as when it goes down.
    #[error("{name}: recording stopped: {source}")]
    Read {
        /// As the user named it.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the recording: {0}")]
    Write(io::Error),
}

/// When a recording ends by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// After this many frames.
    pub frames: Option<u64>,
    /// After this time.
    pub time: Option<Duration>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Frames in the file.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that the kernel dropped because the recorder did not keep up.
    pub lost: u64,
}

/// A packet socket on an interface: frames are kept for it from now on.
pub struct Recorder {
    name: String,
    receiver: Box<dyn DataLinkReceiver>,
    socket: PacketSocket,
}

impl Recorder {
    /// Opens the interface; `outgoing`: record the frames that this machine sends, too.
    ///
    /// # Errors
    /// [`RecordError::NoInterface`], [`RecordError::Socket`].
    pub fn open(name: &str, outgoing: bool) -> Result<Self, RecordError> {
        let interface = find(name)?;
        let failed = |source: io::Error| {
            let hint = match source.kind() {
                io::ErrorKind::PermissionDenied => " (root or CAP_NET_RAW is needed)",
                _ => "",
            };
            RecordError::Socket {
                name: name.to_owned(),
                source,
                hint,
            }
        };
        let socket = PacketSocket::open(outgoing).map_err(failed)?;
        let config = Config {
            read_buffer_size: READ_BUFFER_BYTES,
            read_timeout: Some(LOOK_UP),
            socket_fd: Some(socket.try_clone().map_err(failed)?.into_raw()),
            ..Config::default()
        };
        match datalink::channel(&interface, config).map_err(failed)? {
            Channel::Ethernet(_, receiver) => Ok(Self {
                name: name.to_owned(),
                receiver,
                socket,
            }),
            _ => Err(failed(io::Error::from(io::ErrorKind::Unsupported))),
        }
    }

    /// Records until a limit is reached or `stop` is set. `progress` is told frames and bytes.
    ///
    /// # Errors
    /// [`RecordError::Read`], [`RecordError::Write`]; what came before is in the file.
    pub fn record<W: Write>(
        &mut self,
        writer: &mut PcapngWriter<W>,
        limits: Limits,
        stop: &AtomicBool,
        mut progress: impl FnMut(&Recording),
    ) -> Result<Recording, RecordError> {
        let begin = Instant::now();
        let mut recording = Recording::default();
        // Relaxed: the flag stands alone, nothing is read on the strength of it.
        while !stop.load(Ordering::Relaxed)
            && limits.frames.is_none_or(|frames| recording.frames < frames)
            && limits.time.is_none_or(|time| begin.elapsed() < time)
        {
            match self.receiver.next() {
                Ok(frame) => {
                    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
                    writer
                        .write(now_ns(), frame, length)
                        .map_err(RecordError::Write)?;
                    recording.frames += 1;
                    recording.bytes += u64::from(length);
                    progress(&recording);
                }
                // pnet tells so that no frame came in time, or that a signal did.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                            | io::ErrorKind::WouldBlock
                    ) =>
                {
                    // A quiet moment: let a reader of the file see what there is.
                    writer.flush().map_err(RecordError::Write)?;
                }
                Err(source) => {
                    writer.flush().map_err(RecordError::Write)?;
                    return Err(RecordError::Read {
                        name: self.name.clone(),
                        source,
                    });
                }
            }
        }
        writer.flush().map_err(RecordError::Write)?;
        recording.lost = self
            .socket
            .statistics()
            .map_or(0, |counts| u64::from(counts.lost));
        Ok(recording)
    }
}

fn find(name: &str) -> Result<NetworkInterface, RecordError> {
    let interfaces = datalink::interfaces();
    let present = || {
        let names: Vec<&str> = interfaces
            .iter()
            .map(|interface| interface.name.as_str())
            .collect();
        names.join(", ")
    };
    interfaces
        .iter()
        .find(|interface| interface.name == name)
        .cloned()
        .ok_or_else(|| RecordError::NoInterface {
            name: name.to_owned(),
            present: present(),
        })
}

fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
