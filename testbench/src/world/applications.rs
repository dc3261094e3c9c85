//! Applications of offloaded connections: how they take what is indicated to them.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use toe_driver::{Connection, Error, Uploaded};
use toe_sim::adapter::AdapterModel;

use super::bus::Bus;
use super::sink::{Sink, SinkError};
use super::time::World;

/// How an application takes its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application {
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

impl Application {
    /// Runs the application on `connection` until `upload` resolves; then ends the offload. Every byte goes to `sink`, those that
    /// the upload hands back included.
    ///
    /// # Errors
    /// When the driver fails, or the sink cannot take the bytes. A reset by the peer is no error: it ends the stream.
    pub async fn run<M: AdapterModel + 'static>(
        self,
        world: World<M>,
        mut connection: Connection<Bus<M>>,
        sink: Rc<RefCell<Sink>>,
        upload: impl Future<Output = ()>,
    ) -> Result<Uploaded, ApplicationError> {
        let mut upload = std::pin::pin!(upload);
        let mut bytes = Vec::new();
        loop {
            let more = tokio::select! {
                biased;
                () = &mut upload => break,
                more = self.take(&world, &mut connection, &mut bytes) => more,
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
        let uploaded = connection.upload().await?;
        sink.borrow_mut().take(&uploaded.undelivered)?;
        Ok(uploaded)
    }

    /// Takes the next indication whole into `bytes`; false at the end of the stream. Nothing is taken if this is
    /// dropped before it is done.
    async fn take<M: AdapterModel + 'static>(
        self,
        world: &World<M>,
        connection: &mut Connection<Bus<M>>,
        bytes: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let Some(indication) = connection.indication().await? else {
            return Ok(false);
        };
        if let Self::Slow { think_cycles } = self {
            world.sleep(think_cycles).await;
        }
        bytes.resize(indication.length(), 0);
        let count = indication.copy(bytes).await?;
        bytes.truncate(count);
        indication.accept(count)?;
        Ok(true)
    }
}
