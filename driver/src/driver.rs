//! The running driver: its main loop, and what can be asked of it.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::SocketAddr;

use crate::bring_up::Running;
use crate::bus::{DmaMemory, Registers};
use crate::connection::Connection;
use crate::error::Error;
use crate::host_frames::HostFrames;
use crate::number::SeqNumber;
use crate::registers::Counter;
use crate::settings::{IndicateWindowSize, Settings};
use crate::statistics::DriverStatistics;

/// The driver of one adapter; `S` is [`Reset`](crate::Reset) or [`Running`].
pub struct Driver<S> {
    pub(crate) state: S,
}

impl<R: Registers, M: DmaMemory> Clone for Driver<Running<R, M>> {
    /// Another handle of the same driver.
    fn clone(&self) -> Self {
        todo!()
    }
}

/// A connection that the host stack hands over (B5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offload {
    /// Source address and port, as they stand in received frames: the peer's.
    pub source: SocketAddr,
    /// Destination address and port in received frames.
    pub destination: SocketAddr,
    /// RCV.NXT: sequence number of the next byte expected.
    pub receive_next: SeqNumber,
    /// The connection's own indicateWindowSize (B2).
    pub indicate_window_size: Option<IndicateWindowSize>,
}

impl<R: Registers, M: DmaMemory + 'static> Driver<Running<R, M>> {
    /// The main loop: waits for the interrupt, acts on events, sends commands. It ends with an error only:
    /// [`Error::ShutDown`], or how the adapter misbehaved. Poll it beside everything else.
    pub async fn run(&self) -> Result<Infallible, Error> {
        todo!()
    }

    /// Offloads a connection (B5) and waits for the adapter's answer.
    pub async fn offload(&self, offload: Offload) -> Result<Connection<M>, Error> {
        todo!()
    }

    /// Frames for the host stack, whole and in order. One receiver at a time gets each frame.
    pub fn host_frames(&self) -> HostFrames<M> {
        todo!()
    }

    /// The settings in force and their sources.
    pub fn settings(&self) -> &Settings {
        todo!()
    }

    /// Connections that the adapter can hold at once.
    pub fn connections(&self) -> u32 {
        todo!()
    }

    /// Bytes of adapter memory for each connection.
    pub fn receive_ring_bytes(&self) -> u32 {
        todo!()
    }

    /// Connections that can still be offloaded.
    pub fn free_connections(&self) -> u32 {
        todo!()
    }

    /// Reads all counters of the adapter.
    pub async fn counters(&self) -> Result<Vec<(Counter, u32)>, Error> {
        todo!()
    }

    /// What the driver counted.
    pub fn statistics(&self) -> DriverStatistics {
        todo!()
    }

    /// Resets the adapter and gives its memory back. Every other handle, connection and [`run`](Self::run) gets
    /// [`Error::ShutDown`].
    pub async fn shut_down(self) -> Result<(), Error> {
        todo!()
    }
}

pub(crate) struct Inner<R, M>(PhantomData<(R, M)>);
