//! What the driver knows of one connection: its state, its queue and its counters.
//!
//! ```text
//!             offloaded ok            upload sent            uploaded
//!  Offloading ───────────► Offloaded ───────────► Uploading ─────────► Ended
//!      └─ offloaded, any other status ─► Declined
//! ```
//!
//! The receive process (B16 to B24) counts; here are the things that it counts: the buffers in the queue, the completions
//! that the application has not taken. What a method makes the process want done is in `todo` for the caller to run.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;

use tokio::time::Instant;

use crate::error::Error;
use crate::number::{ConnectionId, SeqNumber, StreamOffset};
use crate::pool::Buffer;
use crate::receive::{Action, Fault, Posting, Reason, ReceiveProcess, RequestId};
use crate::registers::{Command, OffloadStatus, ReturnReason, StateField};
use crate::settings::{IndicateWindowSize, Sourced};
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

/// A completed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completed {
    pub id: RequestId,
    /// Place in the stream of the first byte.
    pub offset: StreamOffset,
    pub bytes: u64,
    pub reason: Reason,
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
    pub receive: ReceiveProcess,
    /// What the receive process wants done, in order.
    pub todo: Vec<Action>,
    /// Requests completed whose completion the application has not taken, in order.
    pub completions: VecDeque<Completed>,
    /// The driver's Push Timer, while it runs.
    pub push_deadline: Option<Instant>,
    /// The connection stands in the list of those with something to copy; in that of running Push Timers.
    pub copy_listed: bool,
    pub timer_listed: bool,
    pub cancels_sent: u64,
    pub cancels_answered: u64,
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
        receive: ReceiveProcess,
    ) -> Self {
        Self {
            id,
            phase: Phase::Offloading,
            abandoned: false,
            closed: false,
            reset: false,
            stopped: false,
            window,
            queue: VecDeque::new(),
            queued_bytes: 0,
            copying: None,
            statistics: ConnectionStatistics::default(),
            receive,
            todo: Vec::new(),
            completions: VecDeque::new(),
            push_deadline: None,
            copy_listed: false,
            timer_listed: false,
            cancels_sent: 0,
            cancels_answered: 0,
            receive_next,
            received_bytes: 0,
            upload_started: false,
            state_receive_next: None,
            state_flags: None,
            wakers: Wakers::default(),
        }
    }

    /// Place of the first byte that is neither accepted nor in a completed request.
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

    fn faulty(&self, fault: Fault) -> Error {
        let connection = self.id;
        match fault {
            Fault::BeyondWindow { pending, window } => Error::BeyondWindow {
                connection,
                pending,
                window,
            },
            fault => Error::ReceiveFault { connection, fault },
        }
    }

    /// A buffer arrived (B16), with a PSH or not. Whoever is notified already is not notified again (B17): the queue
    /// just grows.
    pub fn on_data(
        &mut self,
        event: DataEvent,
        buffer: Rc<Buffer>,
        push: bool,
    ) -> Result<(), Error> {
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
                let todo = self
                    .receive
                    .indicated(bytes, push)
                    .map_err(|fault| self.faulty(fault))?;
                self.todo.extend(todo);
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
                self.todo.extend(self.receive.handed_back(bytes));
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
        self.todo.extend(self.receive.closed());
        self.wakers.wake();
        Ok(())
    }

    /// The adapter accepted a Named Buffer (B12, B25).
    pub fn on_buffer_accepted(&mut self, skipped: u32) -> Result<(), Error> {
        self.buffers_can_be_told_of("named_buffer_accepted")?;
        let todo = self
            .receive
            .accepted(skipped)
            .map_err(|fault| self.faulty(fault))?;
        self.todo.extend(todo);
        self.statistics.buffers_accepted += 1;
        Ok(())
    }

    /// A Named Buffer came back (B27).
    pub fn on_buffer_returned(&mut self, bytes: u32, reason: ReturnReason) -> Result<(), Error> {
        self.buffers_can_be_told_of("named_buffer_returned")?;
        let (placed, todo) = self
            .receive
            .returned(bytes, reason)
            .map_err(|fault| self.faulty(fault))?;
        self.todo.extend(todo);
        self.received_bytes += placed;
        self.statistics.dma_bytes += placed;
        self.cancels_answered += u64::from(reason == ReturnReason::Cancelled);
        Ok(())
    }

    /// The adapter had no buffer by the number of a cancel: the cancel crossed with its return.
    pub fn on_cancel_refused(&mut self, number: u16) -> Result<(), Error> {
        self.buffers_can_be_told_of("command_refused")?;
        self.receive
            .cancel_refused(number)
            .map_err(|fault| self.faulty(fault))?;
        self.cancels_answered += 1;
        Ok(())
    }

    fn buffers_can_be_told_of(&self, event: &'static str) -> Result<(), Error> {
        match self.phase {
            Phase::Offloaded | Phase::Uploading => Ok(()),
            _ => Err(self.unexpected(event)),
        }
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
        let todo = self
            .receive
            .uploaded()
            .map_err(|fault| self.faulty(fault))?;
        self.todo.extend(todo);
        self.receive_next = found;
        self.closed |= finished;
        self.reset |= flags & FLAG_RST != 0;
        self.phase = Phase::Ended;
        self.wakers.wake();
        Ok(())
    }

    /// How the stream ended, if the application has taken all of it (B37).
    pub fn end(&self) -> Option<Result<(), Error>> {
        let connection = self.id;
        let left = self.queued_bytes > 0
            || self.receive.requests() > 0
            || !self.completions.is_empty()
            || self.receive.is_told();
        if left {
            return None;
        }
        if self.closed {
            return Some(Ok(())); // A FIN in order makes the stream whole, RST or not.
        }
        (self.phase == Phase::Ended).then_some(Err(match self.reset {
            true => Error::PeerReset { connection },
            false => Error::NotOffloaded { connection },
        }))
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
        self.todo.extend(self.receive.uploading());
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
        self.todo.extend(self.receive.abandon());
        self.begin_upload()
    }

    /// The first `bytes` leave the queue. Buffers emptied go back to the pool (B18).
    fn consume(&mut self, bytes: usize) {
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
    }

    /// The application read the first `bytes` of the queue, untold.
    pub fn read(&mut self, bytes: usize) {
        self.consume(bytes);
        self.statistics.accepted_bytes += bytes as u64;
        self.todo.extend(self.receive.read(bytes as u64));
    }

    /// The application's answer to a notification (B21). False if it has none to answer, or accepts more than it was told of.
    pub fn answer(&mut self, bytes: usize, declined: bool) -> bool {
        let Some(todo) = self.receive.answer(bytes as u64, declined) else {
            return false;
        };
        self.todo.extend(todo);
        self.consume(bytes);
        self.statistics.accepted_bytes += bytes as u64;
        true
    }

    /// The driver copied the first `bytes` of the queue into a Named Buffer (B18, B25).
    pub fn copied(&mut self, bytes: usize, from_buffer: bool) {
        if from_buffer {
            self.statistics.copied_bytes += bytes as u64;
        }
        if !self.abandoned {
            self.consume(bytes);
        }
        self.todo.extend(self.receive.copied(bytes as u64));
    }

    /// The application posts a request.
    pub fn post(&mut self, posting: Posting) {
        self.statistics.requests += 1;
        self.todo.extend(self.receive.post(posting));
    }

    /// Sets another window (B15). Returns the command to send, before what is to do: with a smaller window, what is
    /// accepted may be a full window by now.
    pub fn set_window(&mut self, window: Sourced<IndicateWindowSize>) -> Result<Command, Error> {
        if self.phase != Phase::Offloaded {
            return Err(Error::NotOffloaded {
                connection: self.id,
            });
        }
        let bytes = window.value.get();
        self.window = window;
        self.todo.extend(self.receive.set_window(bytes));
        Ok(Command::SetIndicateWindowSize {
            connection: self.id.get(),
            bytes,
        })
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
