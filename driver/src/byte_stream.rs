//! A connection as an ordinary stream of bytes, with direct placement underneath.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::bus::DmaMemory;
use crate::connection::{Connection, Uploaded, Watch};
use crate::error::Error;
use crate::named_buffer::NamedBuffer;
use crate::number::StreamOffset;
use crate::receive::Reason;
use crate::stream::into_io;

/// A read of at least so many bytes is large: what `tokio::io::copy` and `BufReader` ask for.
const LARGE_READ: usize = 8192;

/// A stream of bytes. A large read posts Named Buffers in Push Mode, as many ahead as the setting `named_buffers_ahead` says, so
/// that the adapter places what follows; a small one takes what is queued. The bytes are the same.
///
/// It ends where the peer's FIN stands; after a reset, the bytes before it come first, and then
/// [`io::ErrorKind::ConnectionReset`] (B37).
pub struct ByteStream<M: DmaMemory> {
    connection: Connection<M>,
    /// Bytes of a completed buffer, and how many of them were read.
    content: Vec<u8>,
    read: usize,
    /// A completed buffer being read out.
    reading: Option<Reading<M>>,
    /// Buffers that are not posted.
    spare: Vec<NamedBuffer<M>>,
}

type Reading<M> = Pin<Box<dyn Future<Output = (Result<Vec<u8>, Error>, Option<NamedBuffer<M>>)>>>;

impl<M: DmaMemory + 'static> Connection<M> {
    /// This connection as a stream of bytes.
    pub fn into_stream(self) -> ByteStream<M> {
        ByteStream {
            connection: self,
            content: Vec::new(),
            read: 0,
            reading: None,
            spare: Vec::new(),
        }
    }
}

impl<M: DmaMemory + 'static> ByteStream<M> {
    /// The connection underneath.
    pub fn connection(&self) -> &Connection<M> {
        &self.connection
    }

    /// A handle that tells of the connection's end, and its counts.
    pub fn watch(&self) -> Watch {
        self.connection.watch()
    }

    /// Ends the offload, as [`Connection::upload`]. What was not read is undelivered.
    pub async fn upload(mut self) -> Result<Uploaded, Error> {
        if let Some(reading) = self.reading.take() {
            self.content = reading.await.0?;
            self.read = 0;
        }
        let mut uploaded = self.connection.upload().await?;
        let unread = self.content.split_off(self.read);
        let accepted = uploaded.accepted.get().saturating_sub(unread.len() as u64);
        uploaded.accepted = StreamOffset::new(accepted);
        uploaded.undelivered.splice(0..0, unread);
        Ok(uploaded)
    }

    /// Posts buffers until enough are with adapter and driver, if the adapter would take them: else they would only add a copy.
    fn post_ahead(&mut self) -> Result<(), Error> {
        let settings = &self.connection.host.settings;
        let bytes = settings.named_buffer_bytes.value;
        let ahead = settings.named_buffers_ahead.value as usize;
        while self.connection.requests() < ahead && self.connection.would_hand_over(bytes) {
            let buffer = match self.spare.pop() {
                Some(buffer) => buffer,
                None => {
                    let memory = std::rc::Rc::clone(&self.connection.host.memory);
                    NamedBuffer::allocate(memory, [(0, bytes)])?
                }
            };
            if let Err(refused) = self.connection.post(buffer, true) {
                return match *refused.error {
                    Error::StreamEnded { .. } => Ok(()), // The reader is told so where the stream ends.
                    error => Err(error),
                };
            }
        }
        Ok(())
    }
}

impl<M: DmaMemory + 'static> AsyncRead for ByteStream<M> {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        loop {
            if into.remaining() >= LARGE_READ {
                stream.post_ahead().map_err(into_io)?;
            }
            let unread = &stream.content[stream.read..];
            if !unread.is_empty() {
                let length = unread.len().min(into.remaining());
                into.put_slice(&unread[..length]);
                stream.read += length;
                return Poll::Ready(Ok(()));
            }
            if let Some(reading) = &mut stream.reading {
                let (content, buffer) = ready!(reading.as_mut().poll(task));
                stream.reading = None;
                stream.spare.extend(buffer);
                stream.content = content.map_err(into_io)?;
                stream.read = 0;
                continue;
            }
            if let Some(mut completion) = stream.connection.take_completion() {
                let ended = completion.reason == Reason::Ended;
                if completion.bytes > 0 {
                    stream.reading = Some(Box::pin(async move {
                        let content = completion.content().await;
                        (content, completion.buffer.take())
                    }));
                } else if !ended {
                    stream.spare.extend(completion.buffer.take());
                }
                continue;
            }
            if stream.connection.requests() > 0 {
                ready!(stream.connection.poll_completed(task)).map_err(into_io)?;
                continue;
            }
            return Pin::new(&mut stream.connection).poll_read(task, into);
        }
    }
}
