//! From reset to running, step by step (B4).

use std::fmt;
use std::rc::Rc;

use crate::bus::{DmaMemory, Registers};
use crate::driver::{Driver, Inner};
use crate::error::Error;
use crate::observer::Observer;
use crate::settings::Sources;

/// A step of the bring-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Identify and reset the adapter, read its defaults, resolve the settings.
    LoadParameters,
    /// Allocate the Anonymous Buffer pool from the default window, the host-frame buffers and the event ring.
    AllocatePool,
    /// Tell the adapter the event ring and the sizes.
    InitialiseAdapter,
    /// Hand the adapter the window and the buffers.
    HandOverPool,
    /// Enable interrupts and frames.
    MakeReady,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::LoadParameters => "load parameters",
            Self::AllocatePool => "allocate the pool",
            Self::InitialiseAdapter => "initialise the adapter",
            Self::HandOverPool => "hand over the pool and the window",
            Self::MakeReady => "make ready",
        })
    }
}

/// State of a [`Driver`] before bring-up.
pub struct Reset<R, M> {
    pub(crate) registers: R,
    pub(crate) memory: M,
    pub(crate) observer: Box<dyn Observer>,
}

/// State of a [`Driver`] after bring-up.
pub struct Running<R: Registers, M: DmaMemory> {
    pub(crate) inner: Rc<Inner<R, M>>,
}

impl<R: Registers, M: DmaMemory + 'static> Driver<Reset<R, M>> {
    /// A driver of the adapter behind `registers` that reaches `memory`. Nothing is touched yet.
    pub fn new(registers: R, memory: M) -> Self {
        todo!()
    }

    /// With an observer of every event and command.
    pub fn observed_by(mut self, observer: impl Observer + 'static) -> Self {
        todo!()
    }

    /// Brings the adapter up (B4). A failure undoes the earlier steps and names the step: [`Error::BringUp`].
    pub async fn bring_up(self, sources: &Sources) -> Result<Driver<Running<R, M>>, Error> {
        todo!()
    }
}
