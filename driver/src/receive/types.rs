//! What goes into the receive process and comes out of it.

use crate::registers::ReturnReason;

/// Number of a request of the application, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

impl RequestId {
    /// The request numbered `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A request as the process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its number.
    pub id: RequestId,
    /// Bytes of its buffer; 0 asks for the next notification (B22).
    pub bytes: u64,
    /// Pages of its buffer.
    pub pages: u32,
    /// Push Mode (B29).
    pub push_mode: bool,
}

/// Why a request was completed (B27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The buffer is full.
    Full,
    /// Push Mode: a PSH came (B29).
    Push,
    /// Push Mode: the Push Timer expired (B30).
    Timeout,
    /// The application asked for it.
    Cancelled,
    /// The stream ended: closed, reset or uploaded.
    Ended,
    /// A request of zero bytes: data stands in the queue (B22).
    DataQueued,
}

/// What the runner of the process has to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send indicateAcknowledge.
    Acknowledge {
        /// AcknowledgedBytes.
        bytes: u32,
    },
    /// Send every page of the request's buffer to the adapter.
    HandOver {
        /// The request.
        id: RequestId,
        /// Its number at the adapter.
        number: u16,
        /// Push Mode.
        push_mode: bool,
    },
    /// Ask the adapter for the buffer back.
    TakeBack {
        /// Number of the request at the adapter.
        number: u16,
    },
    /// The request is complete.
    Complete {
        /// The request.
        id: RequestId,
        /// Bytes filled from the buffer's start.
        bytes: u64,
        /// Why.
        reason: Reason,
    },
    /// Start the driver's Push Timer, or start it anew.
    StartPushTimer,
    /// Stop it.
    StopPushTimer,
}

/// Bytes to copy from the front of the queue into a Named Buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyStep {
    /// The request.
    pub id: RequestId,
    /// Place in its buffer.
    pub place: u64,
    /// Bytes at the most.
    pub bytes: u64,
}

/// An event of the adapter that it cannot have sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More is delivered than the window allows (B8).
    #[error("{pending} bytes are pending in an indicate window of {window}")]
    BeyondWindow {
        /// Bytes delivered and not acknowledged.
        pending: u64,
        /// The widest that the window can have been.
        window: u64,
    },
    /// Data for Anonymous Buffers while a Named Buffer takes it.
    #[error("data was indicated while a Named Buffer was accepted and not returned")]
    IndicatedBesideNamedBuffer,
    /// A buffer accepted or returned that is not with the adapter, or not in its turn.
    #[error("no Named Buffer is with the adapter of which that can be true")]
    NoSuchBuffer,
    /// The adapter skipped another number of bytes than are pending (B25).
    #[error("{skipped} bytes were skipped while {pending} were pending")]
    WrongSkip {
        /// Bytes skipped.
        skipped: u64,
        /// Bytes indicated and not acknowledged.
        pending: u64,
    },
    /// A buffer came back with a count of bytes that it cannot have.
    #[error(
        "a Named Buffer of {room} bytes, {skipped} of them skipped, came back with {bytes} bytes: {reason:?}"
    )]
    WrongCount {
        /// Bytes filled, by the event.
        bytes: u64,
        /// Bytes skipped.
        skipped: u64,
        /// Bytes of the buffer.
        room: u64,
        /// The reason given.
        reason: ReturnReason,
    },
    /// A push or a time-out of a buffer that is not in Push Mode.
    #[error("a Named Buffer without Push Mode came back: {reason:?}")]
    NotInPushMode {
        /// The reason given.
        reason: ReturnReason,
    },
    /// The upload is complete with Named Buffers or cancels still with the adapter.
    #[error(
        "{buffers} Named Buffers and {cancels} answers to cancels are missing at the end of an upload"
    )]
    Missing {
        /// Buffers with the adapter.
        buffers: usize,
        /// Cancels not answered.
        cancels: usize,
    },
}
