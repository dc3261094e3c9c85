//! Frames that are not the adapter's business.

use std::marker::PhantomData;

use crate::bus::DmaMemory;
use crate::error::Error;

/// Receiver of the frames for the host stack.
pub struct HostFrames<M: DmaMemory>(PhantomData<M>);

impl<M: DmaMemory> HostFrames<M> {
    /// The next frame, whole, without FCS. Until it is received, a frame occupies a host-frame buffer; with all of
    /// them occupied, the adapter drops and counts.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        todo!()
    }
}
