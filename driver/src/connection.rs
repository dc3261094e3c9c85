//! An offloaded connection in the application's hands.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::bus::DmaMemory;
use crate::error::Error;
use crate::number::{ConnectionId, SeqNumber, StreamOffset};
use crate::settings::{IndicateWindowSize, Sourced};
use crate::statistics::ConnectionStatistics;

/// An offloaded connection: a byte stream ([`AsyncRead`]; reading is accepting), or indication by indication
/// ([`indication`](Self::indication)).
///
/// Dropping it ends the offload in the background and discards what was not accepted.
pub struct Connection<M: DmaMemory>(PhantomData<M>);

impl<M: DmaMemory + 'static> Connection<M> {
    /// Its number, until it is uploaded.
    pub fn id(&self) -> ConnectionId {
        todo!()
    }

    /// Waits until data stands in the queue that the application has not been told of, and tells (B20). `None`: the peer closed the
    /// connection, and everything before was accepted. [`Error::PeerReset`]: it was reset, and everything before
    /// was accepted (B37).
    pub async fn indication(&mut self) -> Result<Option<Indication<'_, M>>, Error> {
        todo!()
    }

    /// Its indicateWindowSize, and where that is from (B3).
    pub fn indicate_window_size(&self) -> Sourced<IndicateWindowSize> {
        todo!()
    }

    /// Sets another indicateWindowSize (B15).
    pub fn set_indicate_window_size(&self, bytes: IndicateWindowSize) -> Result<(), Error> {
        todo!()
    }

    /// A handle that tells of the connection's end, and its counts, apart from the stream of bytes.
    pub fn watch(&self) -> Watch {
        todo!()
    }

    /// What was counted so far.
    pub fn statistics(&self) -> ConnectionStatistics {
        todo!()
    }

    /// Ends the offload (B6): the adapter hands back its state and every byte that it acknowledged to the peer and did not deliver.
    pub async fn upload(self) -> Result<Uploaded, Error> {
        todo!()
    }
}

/// Reading accepts the bytes read (B21). The end of the stream is the peer's FIN; after a reset, the bytes before it
/// come first and then [`std::io::ErrorKind::ConnectionReset`] (B37).
impl<M: DmaMemory + 'static> AsyncRead for Connection<M> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        todo!()
    }
}

/// Notice that data is available. What arrives while the application thinks waits for the next one (B17).
pub struct Indication<'a, M: DmaMemory>(PhantomData<&'a M>);

impl<M: DmaMemory + 'static> Indication<'_, M> {
    /// Bytes indicated, at least 1.
    pub fn length(&self) -> usize {
        todo!()
    }

    /// Place of the first of them in the stream.
    pub fn offset(&self) -> StreamOffset {
        todo!()
    }

    /// Copies the first bytes indicated, as many as `into` takes, and says how many. They are not accepted by
    /// that.
    pub async fn copy(&self, into: &mut [u8]) -> Result<usize, Error> {
        todo!()
    }

    /// The application's answer (B21): accepts the first `bytes`; what is left stays queued and is indicated anew.
    pub fn accept(self, bytes: usize) -> Result<(), Error> {
        todo!()
    }
}

/// What an upload hands back (B6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// RCV.NXT.
    pub receive_next: SeqNumber,
    /// The peer's FIN was received in order; RCV.NXT counts it.
    pub finished: bool,
    /// The peer reset the connection.
    pub reset: bool,
    /// Place of the first undelivered byte in the stream: the bytes that the application accepted.
    pub accepted: StreamOffset,
    /// Every byte acknowledged to the peer and not accepted by the application, in order.
    pub undelivered: Vec<u8>,
    /// The counts of the connection.
    pub statistics: ConnectionStatistics,
}

/// Tells of a connection's end apart from its stream, and of its counts; outlives it.
#[derive(Clone)]
pub struct Watch;

impl Watch {
    /// Resolves when the FIN has arrived: every byte before it is in the queue (B37).
    pub async fn closed(&self) {
        todo!()
    }

    /// Resolves when the RST has arrived, at once, whatever stands in the queue (B37).
    pub async fn reset(&self) {
        todo!()
    }

    /// Whether the FIN has arrived.
    pub fn is_closed(&self) -> bool {
        todo!()
    }

    /// Whether the RST has arrived.
    pub fn is_reset(&self) -> bool {
        todo!()
    }

    /// What was counted so far.
    pub fn statistics(&self) -> ConnectionStatistics {
        todo!()
    }
}
