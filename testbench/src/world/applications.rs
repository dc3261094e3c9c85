//! Applications of offloaded connections: how they take their data.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use toe_driver::{
    BusError, Completion, Connection, Driver, Error, Indication, NamedBuffer, Reason, Received,
    Running, Uploaded,
};
use toe_sim::adapter::AdapterModel;

use super::bus::Bus;
use super::sink::{Sink, SinkError};
use super::time::World;

/// How an application takes its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application {
    /// Keeps Named Buffers posted ahead of need, in Push Mode: as many, and of as many bytes, as the driver's settings
    /// `named_buffers_ahead` and `named_buffer_bytes` say.
    Stream,
    /// Posts a Named Buffer, in Push Mode, once it was notified and has thought about it.
    Transaction {
        /// Clock cycles from the notification to the posting.
        think_cycles: u64,
    },
    /// Accepts all that is indicated, at once.
    Accept,
    /// Accepts all that is indicated, after thinking about it.
    Slow {
        /// Clock cycles from the indication to the answer.
        think_cycles: u64,
    },
}

/// Why an application gave up.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The driver failed.
    #[error(transparent)]
    Driver(#[from] Error),
    /// The bytes could not be put away.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// The driver of the simulated adapter.
pub(super) type Toe<M> = Driver<Running<Bus<M>, Bus<M>>>;

type Buffer<M> = NamedBuffer<Bus<M>>;

impl Application {
    /// Runs the application on `connection` until `upload` resolves; then ends the offload. Every byte goes to `sink`, those that
    /// the upload hands back included.
    ///
    /// # Errors
    /// When the driver fails, or the sink cannot take the bytes. A reset by the peer is no error: it ends the stream.
    pub(super) async fn run<M: AdapterModel + 'static>(
        self,
        world: World<M>,
        driver: Toe<M>,
        connection: Connection<Bus<M>>,
        sink: Rc<RefCell<Sink>>,
        upload: impl Future<Output = ()>,
    ) -> Result<Uploaded, ApplicationError> {
        let mut upload = std::pin::pin!(upload);
        let mut user = User {
            application: self,
            world,
            driver,
            connection,
            spare: Vec::new(),
        };
        let mut bytes = Vec::new();
        if self == Self::Stream {
            user.post_ahead()?;
        }
        loop {
            let more = tokio::select! {
                biased;
                () = &mut upload => break,
                more = user.take(&mut bytes) => more,
            };
            match more {
                Ok(true) => sink.borrow_mut().take(&bytes)?,
                Ok(false) | Err(Error::PeerReset { .. }) => {
                    upload.as_mut().await;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let uploaded = user.connection.upload().await?;
        sink.borrow_mut().take(&uploaded.undelivered)?;
        Ok(uploaded)
    }
}

/// An application at work.
struct User<M: AdapterModel + 'static> {
    application: Application,
    world: World<M>,
    driver: Toe<M>,
    connection: Connection<Bus<M>>,
    /// Named Buffers that are not posted.
    spare: Vec<Buffer<M>>,
}

impl<M: AdapterModel + 'static> User<M> {
    /// Takes what comes next into `bytes`; false at the end of the stream. Nothing is taken if this is dropped before it is
    /// done: memory of the simulated host is read without a wait.
    async fn take(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Error> {
        bytes.clear();
        match self.connection.receive().await? {
            Received::Closed => return Ok(false),
            Received::Completed(completion) => self.completed(completion, bytes).await?,
            Received::Data(indication) => self.notified(indication, bytes).await?,
        }
        Ok(true)
    }

    async fn completed(
        &mut self,
        completion: Completion<Bus<M>>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        *bytes = completion.content().await?;
        self.spare.extend(completion.buffer);
        if self.application == Application::Stream && completion.reason != Reason::Ended {
            self.post_ahead()?;
        }
        Ok(())
    }

    async fn notified(
        &mut self,
        indication: Indication<Bus<M>>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if let Application::Slow { think_cycles } | Application::Transaction { think_cycles } =
            self.application
        {
            self.world.sleep(think_cycles).await;
        }
        if matches!(self.application, Application::Transaction { .. })
            && let Some(buffer) = self.buffer()?
        {
            indication.decline()?;
            return self.post(buffer);
        }
        bytes.resize(indication.length(), 0);
        let count = indication.copy(bytes).await?;
        bytes.truncate(count);
        indication.accept(count)
    }

    /// Posts buffers until as many are posted as the settings say, or memory is short.
    fn post_ahead(&mut self) -> Result<(), Error> {
        let ahead = self.driver.settings().named_buffers_ahead.value as usize;
        for _ in self.connection.requests()..ahead {
            match self.buffer()? {
                Some(buffer) => self.post(buffer)?,
                None => break,
            }
        }
        Ok(())
    }

    fn post(&mut self, buffer: Buffer<M>) -> Result<(), Error> {
        match self.connection.post(buffer, true) {
            Ok(_) => Ok(()),
            Err(refused) => match *refused.error {
                Error::StreamEnded { .. } => Ok(()), // The next thing received is the end.
                error => Err(error),
            },
        }
    }

    /// A buffer to post; `None` when the host has no memory for another: the application then accepts what is indicated.
    fn buffer(&mut self) -> Result<Option<Buffer<M>>, Error> {
        if let Some(buffer) = self.spare.pop() {
            return Ok(Some(buffer));
        }
        let bytes = self.driver.settings().named_buffer_bytes.value;
        match self.driver.named_buffer(bytes) {
            Ok(buffer) => Ok(Some(buffer)),
            Err(Error::Bus(BusError::OutOfMemory { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
