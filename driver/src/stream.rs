//! A connection as an ordinary stream of bytes.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::bus::DmaMemory;
use crate::connection::{Available, Connection};
use crate::context::{Chunk, Copying};
use crate::error::Error;

/// Reading accepts the bytes that were read (B21). The stream ends where the peer's FIN stands; after a reset, the
/// bytes before it come first, and then [`io::ErrorKind::ConnectionReset`] (B37).
impl<M: DmaMemory + 'static> AsyncRead for Connection<M> {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        loop {
            match ready!(connection.poll_available(task)).map_err(into_io)? {
                Available::Closed => return Poll::Ready(Ok(())),
                Available::Bytes if into.remaining() == 0 => return Poll::Ready(Ok(())),
                Available::Bytes => {}
            }
            let done = connection.take_copied(into);
            if done > 0 {
                connection.accept(done);
                return Poll::Ready(Ok(()));
            }
            ready!(connection.poll_copying(task)).map_err(into_io)?;
        }
    }
}

impl<M: DmaMemory + 'static> Connection<M> {
    /// Copies what the front of the queue has in the driver's memory.
    fn take_copied(&self, into: &mut ReadBuf<'_>) -> usize {
        let context = self.context.borrow();
        let mut done = 0;
        for chunk in &context.queue {
            let Chunk::Copied { bytes, start } = chunk else {
                break;
            };
            let part = &bytes[*start..];
            let length = part.len().min(into.remaining());
            into.put_slice(&part[..length]);
            done += length;
            if length < part.len() {
                break;
            }
        }
        done
    }

    /// Moves the first buffer's content to the driver's memory, and the buffer back to the pool.
    fn poll_copying(&self, task: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let begun = self.context.borrow_mut().copying.take();
        let Some(mut copying) = begun.or_else(|| self.begin_copying()) else {
            return Poll::Ready(Ok(())); // The queue has no buffer.
        };
        match copying.content.as_mut().poll(task) {
            Poll::Ready(content) => {
                self.context.borrow_mut().replace(&copying.buffer, content?);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                let mut context = self.context.borrow_mut();
                context.copying = Some(copying);
                context.wakers.add(task.waker()); // Somebody else may copy it.
                Poll::Pending
            }
        }
    }

    fn begin_copying(&self) -> Option<Copying> {
        let buffer = self.context.borrow().first_buffer()?;
        let (host, held) = (Rc::clone(&self.host), Rc::clone(&buffer));
        let content = Box::pin(async move { host.content(&held).await });
        Some(Copying { buffer, content })
    }
}

/// The error as a reader of a byte stream expects it.
pub(crate) fn into_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::PeerReset { .. } => io::ErrorKind::ConnectionReset,
        Error::NotOffloaded { .. } | Error::ShutDown => io::ErrorKind::NotConnected,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
