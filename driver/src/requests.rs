//! The request interface: buffers posted, notifications answered, completions taken.
//!
//! Its semantics are those of the receive interface of Chimney, the interface of the source's driver: requests are served in
//! the order posted, and each completes exactly once, those of zero bytes included (B24); a notification is answered *accepted*,
//! *accepted in part* or *not accepted*, after which nothing is told until a request is posted (B21); completions and
//! notifications come one at a time and in the order of the stream (B23); the end is told after all data (B37).

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::bus::DmaMemory;
use crate::connection::Connection;
use crate::error::Error;
use crate::host::{Host, SharedContext};
use crate::named_buffer::NamedBuffer;
use crate::number::StreamOffset;
use crate::receive::{Posting, Reason, RequestId};

/// What [`Connection::receive`] brings.
pub enum Received<M: DmaMemory> {
    /// Data is available and no buffer is posted for it (B20).
    Data(Indication<M>),
    /// A request is complete.
    Completed(Completion<M>),
    /// The peer closed the connection; everything before that was taken (B37).
    Closed,
}

/// A completed request (B24, B27). The buffer is the application's again.
pub struct Completion<M: DmaMemory> {
    /// The request.
    pub request: RequestId,
    /// Its buffer; `None` for a request of zero bytes.
    pub buffer: Option<NamedBuffer<M>>,
    /// Place in the stream of the first byte.
    pub offset: StreamOffset,
    /// Bytes filled, from the buffer's start.
    pub bytes: u64,
    /// Why it came back.
    pub reason: Reason,
}

impl<M: DmaMemory> fmt::Debug for Completion<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            request,
            offset,
            bytes,
            reason,
            ..
        } = self;
        write!(
            formatter,
            "{request:?}: {bytes} bytes at {offset:?}, {reason:?}"
        )
    }
}

impl<M: DmaMemory> Completion<M> {
    /// Copies out the bytes filled.
    pub async fn content(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(self.bytes).unwrap_or(usize::MAX)];
        if let Some(buffer) = &self.buffer {
            buffer.read(0, &mut bytes).await?;
        }
        Ok(bytes)
    }
}

/// A request that was not posted: why, and the buffer.
pub struct Refused<M: DmaMemory> {
    /// Why.
    pub error: Box<Error>,
    /// The buffer, still the application's.
    pub buffer: NamedBuffer<M>,
}

impl<M: DmaMemory> fmt::Debug for Refused<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl<M: DmaMemory> fmt::Display for Refused<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, formatter)
    }
}

impl<M: DmaMemory> std::error::Error for Refused<M> {}

impl<M: DmaMemory> From<Refused<M>> for Error {
    fn from(refused: Refused<M>) -> Self {
        *refused.error
    }
}

impl<M: DmaMemory> Connection<M> {
    /// Posts a Named Buffer, with or without Push Mode (B29). It comes back as a [`Completion`], filled in the order
    /// posted. A buffer larger than the indicate window goes to the adapter (B25), another stays with the driver (B26).
    ///
    /// What stays with the driver keeps those posted behind it with the driver, until it is complete.
    pub fn post(&self, buffer: NamedBuffer<M>, push_mode: bool) -> Result<RequestId, Refused<M>> {
        let refused = |error| Box::new(self.host.refused(&self.context, error));
        if let Err(error) = self.check_open() {
            let error = refused(error);
            return Err(Refused { error, buffer });
        }
        let pages = buffer.pages().len();
        if let Err(error) = self.host.receivers.enter(buffer.pages()) {
            let error = refused(error);
            return Err(Refused { error, buffer });
        }
        let id = self.host.receivers.next_request();
        let posting = Posting {
            id,
            bytes: buffer.length(),
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
            push_mode,
        };
        self.host.receivers.named.borrow_mut().insert(id, buffer);
        self.context.borrow_mut().post(posting);
        self.host.act(&self.context);
        Ok(id)
    }

    /// Asks for the next notification (B22): completes, with no data, as soon as data is queued that no request before it
    /// takes; that data is then told of.
    pub fn post_zero_bytes(&self) -> Result<RequestId, Error> {
        self.check_open()
            .map_err(|error| self.host.refused(&self.context, error))?;
        let id = self.host.receivers.next_request();
        self.context.borrow_mut().post(Posting {
            id,
            bytes: 0,
            pages: 0,
            push_mode: false,
        });
        self.host.act(&self.context);
        Ok(id)
    }

    /// Whether a stream still can bring bytes.
    fn check_open(&self) -> Result<(), Error> {
        self.host.check_running()?;
        let context = self.context.borrow();
        match context.receive.is_over() {
            true => Err(Error::StreamEnded {
                connection: context.id,
            }),
            false => Ok(()),
        }
    }

    /// Asks for a request's buffer back (B27). It completes, filled or not; with another reason than
    /// [`Reason::Cancelled`] if that comes first. Complete already, it is refused as [`Error::NotPosted`].
    pub fn cancel(&self, request: RequestId) -> Result<(), Error> {
        self.host.check_running()?;
        {
            let mut context = self.context.borrow_mut();
            let connection = context.id;
            let Some(todo) = context.receive.cancel(request) else {
                drop(context);
                return Err(self
                    .host
                    .refused(&self.context, Error::NotPosted { connection }));
            };
            context.todo.extend(todo);
        }
        self.host.act(&self.context);
        Ok(())
    }

    /// Whether a buffer of `bytes` in one page would go to the adapter, were it the only one.
    pub fn would_hand_over(&self, bytes: u32) -> bool {
        self.context
            .borrow()
            .receive
            .is_for_adapter(u64::from(bytes), 1)
    }

    /// Requests that are not complete.
    pub fn requests(&self) -> usize {
        self.context.borrow().receive.requests()
    }

    /// Waits for what comes next in the stream: the completion of a request; or, with no request posted, the notification that data
    /// is available, once until it is answered (B20); or the end.
    ///
    /// [`Error::PeerReset`]: the peer reset the connection, and everything before that was taken (B37).
    pub async fn receive(&mut self) -> Result<Received<M>, Error> {
        let next = poll_fn(|task| self.poll_next(task)).await?;
        Ok(match next {
            Next::Completion(completion) => Received::Completed(completion),
            Next::Data(length) => Received::Data(Indication::new(self, length)),
            Next::Closed => Received::Closed,
        })
    }

    /// [`receive`](Self::receive) for applications that post nothing: waits for the next notification. `None` is the end.
    pub async fn indication(&mut self) -> Result<Option<Indication<M>>, Error> {
        let next = poll_fn(|task| {
            let untaken = !self.context.borrow().completions.is_empty();
            if untaken {
                self.context.borrow_mut().wakers.add(task.waker());
                return Poll::Pending;
            }
            self.poll_next(task)
        });
        Ok(match next.await? {
            Next::Data(length) => Some(Indication::new(self, length)),
            Next::Completion(_) | Next::Closed => None,
        })
    }

    fn poll_next(&self, task: &mut std::task::Context<'_>) -> Poll<Result<Next<M>, Error>> {
        self.host.check_running()?;
        if let Some(completion) = self.take_completion() {
            return Poll::Ready(Ok(Next::Completion(completion)));
        }
        let mut context = self.context.borrow_mut();
        if let Some(length) = context.receive.tell() {
            context.statistics.notifications += 1;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            return Poll::Ready(Ok(Next::Data(length)));
        }
        match context.end() {
            Some(end) => Poll::Ready(end.map(|()| Next::Closed)),
            None => {
                context.wakers.add(task.waker());
                Poll::Pending
            }
        }
    }

    /// Waits for a completion, of requests that are posted.
    pub(crate) fn poll_completed(
        &self,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.host.check_running()?;
        let mut context = self.context.borrow_mut();
        if !context.completions.is_empty() {
            return Poll::Ready(Ok(()));
        }
        context.wakers.add(task.waker());
        Poll::Pending
    }

    /// The next completion that the application has not taken.
    pub(crate) fn take_completion(&self) -> Option<Completion<M>> {
        let completed = self.context.borrow_mut().completions.pop_front()?;
        Some(Completion {
            request: completed.id,
            buffer: self.host.receivers.named.borrow_mut().remove(&completed.id),
            offset: completed.offset,
            bytes: completed.bytes,
            reason: completed.reason,
        })
    }
}

impl<M: DmaMemory> Host<M> {
    /// Gives back the buffers of completions that nobody will take.
    pub(crate) fn drop_completions(&self, context: &SharedContext) {
        let completions = std::mem::take(&mut context.borrow_mut().completions);
        for completed in completions {
            self.receivers.named.borrow_mut().remove(&completed.id);
        }
    }

    fn answer(&self, context: &SharedContext, bytes: usize, declined: bool) -> Result<(), Error> {
        self.check_running()?;
        if !context.borrow_mut().answer(bytes, declined) {
            let connection = context.borrow().id;
            return Err(self.refused(context, Error::NotOffloaded { connection }));
        }
        self.act(context);
        Ok(())
    }

    /// Nobody answered: the data stays and is told of anew.
    fn unanswered(&self, context: &SharedContext) {
        {
            let mut context = context.borrow_mut();
            let todo = context.receive.forget_notification();
            context.todo.extend(todo);
            context.wakers.wake();
        }
        self.act(context);
    }
}

enum Next<M: DmaMemory> {
    Completion(Completion<M>),
    Data(usize),
    Closed,
}

/// Notice that data is available, to be answered now or later (B21). Until then nothing is told, what arrives is in the next
/// one (B17), and requests posted wait.
///
/// Dropping it is no answer: the data stays and is indicated anew.
pub struct Indication<M: DmaMemory> {
    host: Rc<Host<M>>,
    context: SharedContext,
    length: usize,
    answered: bool,
}

impl<M: DmaMemory> Indication<M> {
    fn new(connection: &Connection<M>, length: usize) -> Self {
        Self {
            host: Rc::clone(&connection.host),
            context: Rc::clone(&connection.context),
            length,
            answered: false,
        }
    }

    /// Bytes indicated, at least 1.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Place of the first of them in the stream.
    pub fn offset(&self) -> StreamOffset {
        self.context.borrow().offset()
    }

    /// Copies the first bytes indicated, as many as fit, and says how many. That does not accept them.
    pub async fn copy(&self, into: &mut [u8]) -> Result<usize, Error> {
        let length = self.length.min(into.len());
        self.host.copy(&self.context, &mut into[..length]).await
    }

    /// The application's answer (B21): it accepts the first `bytes`, all or a part; what is left stays queued and is
    /// indicated anew.
    pub fn accept(mut self, bytes: usize) -> Result<(), Error> {
        let indicated = self.length;
        if bytes > indicated {
            let error = Error::AcceptedTooMuch { bytes, indicated };
            return Err(self.host.refused(&self.context, error));
        }
        self.answered = true;
        self.host.answer(&self.context, bytes, false)
    }

    /// The application's answer (B21): *not accepted*. The data stays, and is not indicated again until a request is
    /// posted, which takes it.
    pub fn decline(mut self) -> Result<(), Error> {
        self.answered = true;
        self.host.answer(&self.context, 0, true)
    }
}

impl<M: DmaMemory> Drop for Indication<M> {
    fn drop(&mut self) {
        if !self.answered {
            self.host.unanswered(&self.context);
        }
    }
}
