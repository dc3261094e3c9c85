//! What the driver knows of one connection: its state, its queue and its counters.
//!
//! ```text
//!             offloaded ok            upload sent            uploaded
//!  Offloading ───────────► Offloaded ───────────► Uploading ─────────► Ended
//!      └─ offloaded, any other status ─► Declined
//! ```
//!
//! The indicate window, as the driver counts it: `indicated_bytes` grows by every IndicateData (B16) and falls by
//! every acknowledgement sent; `accepted_bytes` of them are the application's already. When the window is full and
//! all of it is accepted, the whole is acknowledged and both are 0 again (B13); a policy may do so earlier (B14).

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;

use crate::error::Error;
use crate::number::{ConnectionId, SeqNumber, StreamOffset};
use crate::pool::Buffer;
use crate::registers::{Command, OffloadStatus, StateField};
use crate::settings::{AcknowledgePolicy, IndicateWindowSize, Sourced};
use crate::statistics::ConnectionStatistics;
use crate::wakers::Wakers;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `offload` was sent.
    Offloading,
    /// The adapter declined.
    Declined(OffloadStatus),
    /// The adapter has the connection.
    Offloaded,
    /// `upload` was sent.
    Uploading,
    /// The connection is the host's again; its number may be another's already.
    Ended,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Offloading => "being offloaded",
            Self::Declined(_) => "declined",
            Self::Offloaded => "offloaded",
            Self::Uploading => "being uploaded",
            Self::Ended => "uploaded",
        }
    }
}

/// Bytes in a connection's queue.
pub(crate) enum Chunk {
    /// In the buffer that the adapter wrote.
    Indicated {
        /// The buffer, held until its last byte is accepted.
        buffer: Rc<Buffer>,
        /// Bytes at its beginning that were accepted already.
        start: usize,
    },
    /// In memory of the driver: the buffer went back to the pool.
    Copied {
        /// What was in the buffer.
        bytes: Vec<u8>,
        /// As above.
        start: usize,
    },
}

impl Chunk {
    pub fn length(&self) -> usize {
        match self {
            Self::Indicated { buffer, start } => buffer.length() - start,
            Self::Copied { bytes, start } => bytes.len() - start,
        }
    }

    fn start_mut(&mut self) -> &mut usize {
        match self {
            Self::Indicated { start, .. } | Self::Copied { start, .. } => start,
        }
    }
}

/// A copy of the first buffer's content, under way for a reader. It belongs to the queue, so that the buffer is let
/// go as soon as the queue has no need of it, whatever the reader does.
pub(crate) struct Copying {
    pub buffer: Rc<Buffer>,
    pub content: Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>>>>,
}

/// Which event brought data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataEvent {
    /// Under the window.
    Indicate,
    /// In the course of an upload, outside the window.
    Upload,
}

/// One connection.
pub(crate) struct Context {
    pub id: ConnectionId,
    pub phase: Phase,
    /// Nobody holds the connection any more: what arrives is discarded, and it is uploaded.
    pub abandoned: bool,
    /// The FIN arrived, after every byte before it.
    pub closed: bool,
    /// The RST arrived.
    pub reset: bool,
    /// The driver stopped.
    pub stopped: bool,
    pub window: Sourced<IndicateWindowSize>,
    pub queue: VecDeque<Chunk>,
    /// Bytes in the queue.
    pub queued_bytes: usize,
    pub copying: Option<Copying>,
    pub statistics: ConnectionStatistics,
    policy: AcknowledgePolicy,
    /// The largest indicateWindowSize so far. A smaller one takes effect when the adapter obeys, which may be
    /// after deliveries that are on their way (B15); so this alone is a bound that the driver can hold it to.
    window_most: u32,
    /// indicatedBytes.
    indicated_bytes: u64,
    /// Of them, bytes accepted.
    accepted_bytes: u64,
    /// RCV.NXT at the offload.
    receive_next: SeqNumber,
    /// Every byte that arrived.
    received_bytes: u64,
    /// The upload has brought data: none can come under the window any more.
    upload_started: bool,
    state_receive_next: Option<u32>,
    state_flags: Option<u32>,
    /// Everybody who waits for a change.
    pub wakers: Wakers,
}

/// Bit 0 of the state field `flags`: FIN received in order.
const FLAG_FIN: u32 = 1;
/// Bit 1: RST received.
const FLAG_RST: u32 = 2;

impl Context {
    pub fn new(
        id: ConnectionId,
        receive_next: SeqNumber,
        window: Sourced<IndicateWindowSize>,
        policy: AcknowledgePolicy,
    ) -> Self {
        Self {
            id,
            phase: Phase::Offloading,
            abandoned: false,
            closed: false,
            reset: false,
            stopped: false,
            window_most: window.value.get(),
            window,
            queue: VecDeque::new(),
            queued_bytes: 0,
            copying: None,
            statistics: ConnectionStatistics::default(),
            policy,
            indicated_bytes: 0,
            accepted_bytes: 0,
            receive_next,
            received_bytes: 0,
            upload_started: false,
            state_receive_next: None,
            state_flags: None,
            wakers: Wakers::default(),
        }
    }

    /// Place of the first byte that is not accepted.
    pub fn offset(&self) -> StreamOffset {
        StreamOffset::new(self.statistics.accepted_bytes)
    }

    fn unexpected(&self, event: &'static str) -> Error {
        Error::Unexpected {
            event,
            connection: self.id,
            state: self.phase.name(),
        }
    }

    /// The adapter answered the offload. Returns a command to send.
    pub fn on_offloaded(&mut self, status: OffloadStatus) -> Result<Option<Command>, Error> {
        if self.phase != Phase::Offloading {
            return Err(self.unexpected("offloaded"));
        }
        self.wakers.wake();
        if status != OffloadStatus::Ok {
            self.phase = Phase::Declined(status);
            return Ok(None);
        }
        self.phase = Phase::Offloaded;
        Ok(if self.abandoned {
            self.begin_upload()
        } else {
            None
        })
    }

    /// A buffer arrived (B16). Whoever is notified already is not notified again (B17): the queue just grows.
    pub fn on_data(&mut self, event: DataEvent, buffer: Rc<Buffer>) -> Result<(), Error> {
        let bytes = buffer.length() as u64;
        match event {
            DataEvent::Indicate => {
                let delivering = match self.phase {
                    Phase::Offloaded => true,
                    Phase::Uploading => !self.upload_started, // On its way when the upload was sent.
                    _ => false,
                };
                if !delivering {
                    return Err(self.unexpected("indicate_data"));
                }
                if self.closed {
                    return Err(Error::Unexpected {
                        event: "indicate_data",
                        connection: self.id,
                        state: "closed by its peer",
                    });
                }
                let pending = self.indicated_bytes + bytes;
                if pending > u64::from(self.window_most) {
                    return Err(Error::BeyondWindow {
                        connection: self.id,
                        pending,
                        window: self.window_most,
                    });
                }
                self.indicated_bytes = pending;
                self.statistics.indications += 1;
                self.statistics.indicated_bytes += bytes;
            }
            DataEvent::Upload => {
                let handing_back = self.phase == Phase::Uploading
                    && !self.closed
                    && self.state_receive_next.is_none()
                    && self.state_flags.is_none();
                if !handing_back {
                    return Err(self.unexpected("upload_data"));
                }
                self.upload_started = true;
                self.statistics.uploaded_bytes += bytes;
            }
        }
        self.received_bytes += bytes;
        if self.abandoned {
            return Ok(()); // Dropping the buffer returns it.
        }
        self.queued_bytes += buffer.length();
        self.queue.push_back(Chunk::Indicated { buffer, start: 0 });
        let queued = self.queued_bytes as u64;
        self.statistics.most_queued_bytes = self.statistics.most_queued_bytes.max(queued);
        self.wakers.wake();
        Ok(())
    }

    /// The FIN: every byte before it has arrived (B37).
    pub fn on_closed(&mut self) -> Result<(), Error> {
        if self.closed || !matches!(self.phase, Phase::Offloaded | Phase::Uploading) {
            return Err(self.unexpected("peer_closed"));
        }
        self.closed = true;
        self.wakers.wake();
        Ok(())
    }

    /// The RST, told at once (B37). The connection is of no more use, so its bytes are fetched by an upload; the
    /// end of that marks the end of the stream. Returns the command to send.
    pub fn on_reset(&mut self) -> Result<Option<Command>, Error> {
        if self.reset || !matches!(self.phase, Phase::Offloaded | Phase::Uploading) {
            return Err(self.unexpected("peer_reset"));
        }
        self.reset = true;
        self.wakers.wake();
        Ok(self.begin_upload())
    }

    /// Part of the state that an upload hands back (B6).
    pub fn on_state(&mut self, field: StateField, content: u32) -> Result<(), Error> {
        let place = match field {
            StateField::ReceiveNext => &mut self.state_receive_next,
            StateField::Flags => &mut self.state_flags,
        };
        if self.phase != Phase::Uploading || place.is_some() {
            return Err(self.unexpected("state"));
        }
        *place = Some(content);
        Ok(())
    }

    /// The upload is complete (B6). The adapter acknowledged to the peer what RCV.NXT says, so exactly these bytes
    /// must have arrived: nothing lost, nothing twice.
    pub fn on_uploaded(&mut self) -> Result<(), Error> {
        let (Phase::Uploading, Some(receive_next), Some(flags)) =
            (self.phase, self.state_receive_next, self.state_flags)
        else {
            return Err(self.unexpected("uploaded"));
        };
        let finished = flags & FLAG_FIN != 0;
        let found = SeqNumber::new(receive_next);
        let expected = self
            .receive_next
            .wrapping_add(self.received_bytes as u32) // Modulo 2^32, as sequence numbers are.
            .wrapping_add(u32::from(finished));
        if found != expected {
            return Err(Error::StateDisagrees {
                connection: self.id,
                found,
                expected,
            });
        }
        self.receive_next = found;
        self.closed |= finished;
        self.reset |= flags & FLAG_RST != 0;
        self.phase = Phase::Ended;
        self.wakers.wake();
        Ok(())
    }

    /// RCV.NXT that the upload handed back.
    pub fn uploaded_receive_next(&self) -> SeqNumber {
        self.receive_next
    }

    /// Ends the offload, unless that is under way. After `upload` no command for this connection is sent. Returns
    /// the command to send.
    pub fn begin_upload(&mut self) -> Option<Command> {
        if self.phase != Phase::Offloaded {
            return None;
        }
        self.phase = Phase::Uploading;
        Some(Command::Upload {
            connection: self.id.get(),
        })
    }

    /// Nobody will accept anything any more. Returns the command to send.
    pub fn abandon(&mut self) -> Option<Command> {
        self.abandoned = true;
        self.queue.clear();
        self.queued_bytes = 0;
        self.copying = None;
        self.begin_upload()
    }

    /// The application accepted the first `bytes` of the queue (B21). Buffers emptied go back to the pool (B18).
    /// Returns the acknowledgement to send, if one is due.
    pub fn accept(&mut self, bytes: usize) -> Option<Command> {
        debug_assert!(bytes <= self.queued_bytes);
        let mut left = bytes;
        while let Some(chunk) = self.queue.front_mut() {
            let length = chunk.length();
            if left < length {
                *chunk.start_mut() += left;
                break;
            }
            left -= length;
            self.queue.pop_front();
        }
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        self.forget_copying();
        self.statistics.accepted_bytes += bytes as u64;
        self.accepted_bytes += bytes as u64;
        self.acknowledge()
    }

    /// indicateAcknowledge, if it is due (B13, B14).
    fn acknowledge(&mut self) -> Option<Command> {
        if self.phase != Phase::Offloaded {
            return None; // The adapter no longer counts.
        }
        let window = self.window.value.get();
        let full = self.indicated_bytes >= u64::from(window);
        let all_accepted = self.accepted_bytes == self.indicated_bytes;
        let due = match self.policy {
            AcknowledgePolicy::WindowFull => full && all_accepted,
            AcknowledgePolicy::AtFraction(part) => {
                self.accepted_bytes >= u64::from(part.of(window)) || full && all_accepted
            }
            AcknowledgePolicy::EveryAcceptance => true,
        };
        if !due || self.accepted_bytes == 0 {
            return None;
        }
        // indicatedBytes never exceeds a window, which is a 32-bit number.
        let bytes = u32::try_from(self.accepted_bytes).unwrap_or(u32::MAX);
        self.accepted_bytes -= u64::from(bytes);
        self.indicated_bytes -= u64::from(bytes);
        self.statistics.acknowledges += 1;
        self.statistics.acknowledged_bytes += u64::from(bytes);
        Some(Command::IndicateAcknowledge {
            connection: self.id.get(),
            acknowledged_bytes: bytes,
        })
    }

    /// Sets another window (B15). Returns the commands to send: with a smaller window, what is accepted may be a
    /// full window by now.
    pub fn set_window(
        &mut self,
        window: Sourced<IndicateWindowSize>,
    ) -> Result<[Option<Command>; 2], Error> {
        if self.phase != Phase::Offloaded {
            return Err(Error::NotOffloaded {
                connection: self.id,
            });
        }
        let bytes = window.value.get();
        self.window = window;
        self.window_most = self.window_most.max(bytes);
        let set = Command::SetIndicateWindowSize {
            connection: self.id.get(),
            bytes,
        };
        Ok([Some(set), self.acknowledge()])
    }

    /// The buffer of the first chunk that is still in one.
    pub fn first_buffer(&self) -> Option<Rc<Buffer>> {
        self.queue.iter().find_map(|chunk| match chunk {
            Chunk::Indicated { buffer, .. } => Some(Rc::clone(buffer)),
            Chunk::Copied { .. } => None,
        })
    }

    /// Lets the buffer that is being copied go if the queue does not have it any more.
    fn forget_copying(&mut self) {
        if self.copying.is_none() {
            return;
        }
        let first = self.first_buffer();
        self.copying
            .take_if(|copying| !first.is_some_and(|first| Rc::ptr_eq(&first, &copying.buffer)));
    }

    /// The content of `buffer` was copied to memory of the driver: the queue goes on with the copy and lets the
    /// buffer go. Returns the bytes taken over, 0 if the queue no longer has the buffer.
    pub fn replace(&mut self, buffer: &Rc<Buffer>, content: Vec<u8>) -> usize {
        let chunk = self.queue.iter_mut().find_map(|chunk| match chunk {
            Chunk::Indicated {
                buffer: held,
                start,
            } if Rc::ptr_eq(held, buffer) => Some((*start, chunk)),
            _ => None,
        });
        let Some((start, chunk)) = chunk else {
            return 0;
        };
        let copied = content.len() - start;
        *chunk = Chunk::Copied {
            bytes: content,
            start,
        };
        self.statistics.copied_bytes += copied as u64;
        self.forget_copying();
        self.wakers.wake();
        copied
    }

    /// Chunks that occupy a buffer.
    pub fn buffers_held(&self) -> usize {
        let in_buffer = |chunk: &&Chunk| matches!(chunk, Chunk::Indicated { .. });
        self.queue.iter().filter(in_buffer).count()
    }
}
