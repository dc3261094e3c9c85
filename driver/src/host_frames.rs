//! Frames that are not the adapter's business.

use std::rc::Rc;

use crate::bus::DmaMemory;
use crate::error::Error;
use crate::host::Host;
use crate::pool::Buffer;

/// Receiver of the frames for the host stack: other protocols, fragments, SYN, unknown connections (B33).
///
/// A frame occupies a host-frame buffer until it is received. With all of them occupied the adapter drops frames for
/// the host, counts them, and goes on with its connections.
pub struct HostFrames<M: DmaMemory> {
    host: Rc<Host<M>>,
    /// The frame that a cancelled [`receive`](Self::receive) was about to copy.
    begun: Option<Rc<Buffer>>,
}

impl<M: DmaMemory> HostFrames<M> {
    pub(crate) fn new(host: Rc<Host<M>>) -> Self {
        Self { host, begun: None }
    }

    /// The next frame, whole, without FCS, in the order of arrival. Cancelled, it loses nothing.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        let buffer = match &self.begun {
            Some(buffer) => buffer,
            None => self.begun.insert(self.host.next_frame().await?),
        };
        let frame = self.host.content(buffer).await?;
        self.begun = None;
        Ok(frame)
    }
}
