//! An offloaded connection in the application's hands.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::bus::{BusAddress, DmaMemory};
use crate::context::{Chunk, Context, Phase};
use crate::error::Error;
use crate::host::{Host, SharedContext};
use crate::number::{ConnectionId, SeqNumber, StreamOffset};
use crate::pool::Buffer;
use crate::settings::{IndicateWindowSize, Source, Sourced};
use crate::statistics::ConnectionStatistics;

/// An offloaded connection. It has two faces: requests and notifications ([`post`](Self::post), [`receive`](Self::receive)),
/// or a stream of bytes ([`into_stream`](Self::into_stream)), where a large read posts a Named Buffer.
///
/// Read directly ([`AsyncRead`](tokio::io::AsyncRead)), it is a stream that posts nothing and copies everything.
///
/// Dropping it ends the offload in the background and discards what was not accepted.
pub struct Connection<M: DmaMemory> {
    pub(crate) host: Rc<Host<M>>,
    pub(crate) context: SharedContext,
}

/// What an application can find.
pub(crate) enum Available {
    /// Bytes in the queue.
    Bytes,
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
        let command = self.context.borrow_mut().set_window(window)?;
        self.host.send(command);
        self.host.act(&self.context);
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

    /// Waits for bytes that the application may read at once: there are some, no request is posted that they belong to,
    /// and nothing told of them is unanswered.
    pub(crate) fn poll_available(
        &self,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Result<Available, Error>> {
        self.host.check_running()?;
        let mut context = self.context.borrow_mut();
        let free = context.receive.free_to_take();
        if free > 0 && context.completions.is_empty() {
            return Poll::Ready(Ok(Available::Bytes));
        }
        match context.end() {
            Some(end) => Poll::Ready(end.map(|()| Available::Closed)),
            None => {
                context.wakers.add(task.waker());
                Poll::Pending
            }
        }
    }

    /// The application read the first `bytes` of the queue.
    pub(crate) fn accept(&self, bytes: usize) {
        self.context.borrow_mut().read(bytes);
        self.host.act(&self.context);
    }

    /// Begins to end the offload (B6), and leaves the application in charge of taking what is left: completions of every
    /// request, and data, until [`receive`](Self::receive) says that the connection is no longer offloaded.
    pub fn begin_upload(&self) -> Result<(), Error> {
        self.host.check_running()?;
        let command = self.context.borrow_mut().begin_upload();
        self.host.send_upload(&self.context, command);
        Ok(())
    }

    /// Ends the offload (B6): the adapter hands back its state and every byte that it acknowledged to the peer and
    /// did not deliver. Every request is completed; the bytes of completions that were not taken are part of
    /// [`Uploaded::undelivered`]. Cancelled, it goes on in the background, and the bytes are lost.
    pub async fn upload(self) -> Result<Uploaded, Error> {
        self.begin_upload()?;
        {
            let mut context = self.context.borrow_mut();
            let todo = context.receive.forget_notification();
            context.todo.extend(todo);
        }
        self.host.act(&self.context);
        let ended = poll_fn(|task| {
            self.host.check_running()?;
            let mut context = self.context.borrow_mut();
            if context.phase == Phase::Ended && context.receive.requests() == 0 {
                return Poll::Ready(Ok::<_, Error>(()));
            }
            context.wakers.add(task.waker());
            Poll::Pending
        });
        match tokio::time::timeout(self.host.deadline(), ended).await {
            Ok(ended) => ended?,
            Err(_) => return Err(self.host.no_answer("upload", self.id())),
        }
        let mut accepted = self.context.borrow().statistics.accepted_bytes;
        let mut undelivered = Vec::new();
        while let Some(completion) = self.take_completion() {
            accepted -= completion.bytes;
            undelivered.extend(completion.content().await?);
        }
        let from = undelivered.len();
        undelivered.resize(from + self.context.borrow().queued_bytes, 0);
        self.host
            .copy(&self.context, &mut undelivered[from..])
            .await?;
        let context = self.context.borrow();
        Ok(Uploaded {
            receive_next: context.uploaded_receive_next(),
            finished: context.closed,
            reset: context.reset,
            accepted: StreamOffset::new(accepted),
            undelivered,
            statistics: context.statistics,
        })
    }
}

impl<M: DmaMemory> Host<M> {
    /// Copies the first bytes of the queue, as many as fit.
    pub(crate) async fn copy(
        &self,
        context: &SharedContext,
        into: &mut [u8],
    ) -> Result<usize, Error> {
        let mut done = 0;
        while done < into.len() {
            let room = &mut into[done..];
            let step = copy_at(&context.borrow(), done, room);
            done += match step {
                Copy::Done(length) => length,
                Copy::Buffer {
                    held,
                    address,
                    length,
                } => {
                    self.check_running()?;
                    let length = length.min(room.len());
                    self.memory.read(address, &mut room[..length]).await?;
                    drop(held);
                    context.borrow_mut().statistics.copied_bytes += length as u64;
                    length
                }
                Copy::End => break,
            };
        }
        Ok(done)
    }
}

/// Copies from place `skip` of the queue, if that is in memory of the driver.
fn copy_at(context: &Context, mut skip: usize, into: &mut [u8]) -> Copy {
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
        self.host.drop_completions(&self.context);
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

    /// Bytes that stand in the connection's queue: neither accepted nor in a Named Buffer.
    pub fn queued_bytes(&self) -> usize {
        self.context.borrow().queued_bytes
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
