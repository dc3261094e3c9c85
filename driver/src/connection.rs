//! An offloaded connection in the application's hands.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::bus::{BusAddress, DmaMemory};
use crate::context::{Chunk, Phase};
use crate::error::Error;
use crate::host::{Host, SharedContext};
use crate::number::{ConnectionId, SeqNumber, StreamOffset};
use crate::pool::Buffer;
use crate::settings::{IndicateWindowSize, Source, Sourced};
use crate::statistics::ConnectionStatistics;

/// An offloaded connection: a byte stream ([`AsyncRead`](tokio::io::AsyncRead); reading is accepting), or, for an
/// application that wants to decide, indication by indication ([`indication`](Self::indication)).
///
/// Dropping it ends the offload in the background and discards what was not accepted.
pub struct Connection<M: DmaMemory> {
    pub(crate) host: Rc<Host<M>>,
    pub(crate) context: SharedContext,
}

/// What an application can find.
pub(crate) enum Available {
    /// So many bytes in the queue.
    Bytes(usize),
    /// The end of the stream.
    Closed,
}

impl<M: DmaMemory> Connection<M> {
    pub(crate) fn new(host: Rc<Host<M>>, context: SharedContext) -> Self {
        Self { host, context }
    }

    /// Its number at the adapter, until it is uploaded.
    pub fn id(&self) -> ConnectionId {
        self.context.borrow().id
    }

    /// Its indicateWindowSize, and where that is from (B3).
    pub fn indicate_window_size(&self) -> Sourced<IndicateWindowSize> {
        self.context.borrow().window.clone()
    }

    /// Sets another indicateWindowSize (B15).
    pub fn set_indicate_window_size(&self, bytes: IndicateWindowSize) -> Result<(), Error> {
        self.host.check_running()?;
        let window = Sourced {
            value: bytes,
            source: Source::Connection,
        };
        let commands = self.context.borrow_mut().set_window(window)?;
        for command in commands.into_iter().flatten() {
            self.host.send(command);
        }
        Ok(())
    }

    /// A handle that tells of the connection's end, and its counts, apart from the stream of bytes.
    pub fn watch(&self) -> Watch {
        Watch {
            context: Rc::clone(&self.context),
        }
    }

    /// What was counted so far.
    pub fn statistics(&self) -> ConnectionStatistics {
        self.context.borrow().statistics
    }

    /// Waits until data stands in the queue, and tells the application once (B20): until it answers, what arrives
    /// only queues (B17).
    ///
    /// `None`: the peer closed the connection, and everything before that was accepted. [`Error::PeerReset`]: it
    /// reset the connection, and everything before that was accepted (B37).
    pub async fn indication(&mut self) -> Result<Option<Indication<'_, M>>, Error> {
        let available = poll_fn(|task| self.poll_available(task)).await?;
        Ok(match available {
            Available::Bytes(length) => Some(Indication {
                connection: self,
                length,
            }),
            Available::Closed => None,
        })
    }

    pub(crate) fn poll_available(
        &self,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Result<Available, Error>> {
        self.host.check_running()?;
        let mut context = self.context.borrow_mut();
        if context.queued_bytes > 0 {
            return Poll::Ready(Ok(Available::Bytes(context.queued_bytes)));
        }
        if context.closed {
            return Poll::Ready(Ok(Available::Closed)); // A FIN in order makes the stream whole, RST or not.
        }
        if context.phase == Phase::Ended {
            let connection = context.id;
            return Poll::Ready(Err(match context.reset {
                true => Error::PeerReset { connection },
                false => Error::NotOffloaded { connection },
            }));
        }
        context.wakers.add(task.waker());
        Poll::Pending
    }

    /// The application accepted the first `bytes` of the queue.
    pub(crate) fn accept(&self, bytes: usize) {
        let command = self.context.borrow_mut().accept(bytes);
        if let Some(command) = command {
            self.host.send(command);
        }
    }

    /// Ends the offload (B6): the adapter hands back its state and every byte that it acknowledged to the peer and
    /// did not deliver. Cancelled, it goes on in the background, and the bytes are lost.
    pub async fn upload(self) -> Result<Uploaded, Error> {
        self.host.check_running()?;
        let command = self.context.borrow_mut().begin_upload();
        self.host.send_upload(&self.context, command);
        let ended = poll_fn(|task| {
            self.host.check_running()?;
            let mut context = self.context.borrow_mut();
            if context.phase == Phase::Ended {
                return Poll::Ready(Ok::<_, Error>(()));
            }
            context.wakers.add(task.waker());
            Poll::Pending
        });
        match tokio::time::timeout(self.host.deadline(), ended).await {
            Ok(ended) => ended?,
            Err(_) => return Err(self.host.no_answer("upload", self.id())),
        }
        let mut undelivered = vec![0; self.context.borrow().queued_bytes];
        self.copy(&mut undelivered).await?;
        let context = self.context.borrow();
        Ok(Uploaded {
            receive_next: context.uploaded_receive_next(),
            finished: context.closed,
            reset: context.reset,
            accepted: context.offset(),
            undelivered,
            statistics: context.statistics,
        })
    }

    /// Copies the first bytes of the queue, as many as fit.
    async fn copy(&self, into: &mut [u8]) -> Result<usize, Error> {
        let mut done = 0;
        while done < into.len() {
            let room = &mut into[done..];
            done += match self.copy_at(done, room) {
                Copy::Done(length) => length,
                Copy::Buffer {
                    held,
                    address,
                    length,
                } => {
                    self.host.check_running()?;
                    let length = length.min(room.len());
                    self.host.memory.read(address, &mut room[..length]).await?;
                    drop(held);
                    self.context.borrow_mut().statistics.copied_bytes += length as u64;
                    length
                }
                Copy::End => break,
            };
        }
        Ok(done)
    }

    /// Copies from place `skip` of the queue, if that is in memory of the driver.
    fn copy_at(&self, mut skip: usize, into: &mut [u8]) -> Copy {
        let context = self.context.borrow();
        for chunk in &context.queue {
            let length = chunk.length();
            if skip >= length {
                skip -= length;
                continue;
            }
            return match chunk {
                Chunk::Copied { bytes, start } => {
                    let length = (length - skip).min(into.len());
                    let from = start + skip;
                    into[..length].copy_from_slice(&bytes[from..from + length]);
                    Copy::Done(length)
                }
                Chunk::Indicated { buffer, start } => Copy::Buffer {
                    held: Rc::clone(buffer),
                    address: buffer.address_of(start + skip),
                    length: length - skip,
                },
            };
        }
        Copy::End
    }
}

/// A step of copying from the queue.
enum Copy {
    /// So many bytes were copied.
    Done(usize),
    /// So many bytes are at `address`.
    Buffer {
        /// Keeps the buffer from the adapter while it is read.
        held: Rc<Buffer>,
        address: BusAddress,
        length: usize,
    },
    /// No more bytes.
    End,
}

impl<M: DmaMemory> Drop for Connection<M> {
    fn drop(&mut self) {
        let command = self.context.borrow_mut().abandon();
        self.host.send_upload(&self.context, command);
    }
}

/// Notice that data is available. What arrives while the application thinks is in the next one (B17).
///
/// Dropping it is no answer: the data stays and is indicated anew.
pub struct Indication<'a, M: DmaMemory> {
    connection: &'a mut Connection<M>,
    length: usize,
}

impl<M: DmaMemory> Indication<'_, M> {
    /// Bytes indicated, at least 1.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Place of the first of them in the stream.
    pub fn offset(&self) -> StreamOffset {
        self.connection.context.borrow().offset()
    }

    /// Copies the first bytes indicated, as many as fit, and says how many. That does not accept them.
    pub async fn copy(&self, into: &mut [u8]) -> Result<usize, Error> {
        let length = self.length.min(into.len());
        self.connection.copy(&mut into[..length]).await
    }

    /// The application's answer (B21): it accepts the first `bytes`, all or a part; what is left stays queued and is
    /// indicated anew.
    pub fn accept(self, bytes: usize) -> Result<(), Error> {
        if bytes > self.length {
            return Err(Error::AcceptedTooMuch {
                bytes,
                indicated: self.length,
            });
        }
        self.connection.host.check_running()?;
        self.connection.accept(bytes);
        Ok(())
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
    /// Place in the stream of the first byte of `undelivered`: so many bytes did the application accept.
    pub accepted: StreamOffset,
    /// Every byte acknowledged to the peer and not accepted by the application, in order.
    pub undelivered: Vec<u8>,
    /// The counts of the connection.
    pub statistics: ConnectionStatistics,
}

/// Tells of a connection's end apart from its stream, and of its counts; outlives it.
#[derive(Clone)]
pub struct Watch {
    context: SharedContext,
}

impl Watch {
    /// Waits for the FIN: every byte before it is in the queue (B37). False if the offload ended without one.
    pub async fn closed(&self) -> bool {
        self.until(Self::is_closed).await
    }

    /// Waits for the RST, which is told at once, whatever stands in the queue (B37). False if the offload ended
    /// without one.
    pub async fn reset(&self) -> bool {
        self.until(Self::is_reset).await
    }

    /// Whether the FIN has arrived.
    pub fn is_closed(&self) -> bool {
        self.context.borrow().closed
    }

    /// Whether the RST has arrived.
    pub fn is_reset(&self) -> bool {
        self.context.borrow().reset
    }

    /// What was counted so far.
    pub fn statistics(&self) -> ConnectionStatistics {
        self.context.borrow().statistics
    }

    async fn until(&self, arrived: impl Fn(&Self) -> bool) -> bool {
        poll_fn(|task| {
            if arrived(self) {
                return Poll::Ready(true);
            }
            let mut context = self.context.borrow_mut();
            if context.stopped || context.phase == Phase::Ended {
                return Poll::Ready(false);
            }
            context.wakers.add(task.waker());
            Poll::Pending
        })
        .await
    }
}
