//! Host driver of the TCP offload engine.
#![doc = include_str!("../README.md")]

mod bring_up;
mod bus;
mod connection;
mod driver;
mod error;
mod host_frames;
mod number;
mod observer;
mod settings;
mod statistics;

pub mod registers;

pub use bring_up::{Reset, Running, Step};
pub use bus::{BusAddress, BusError, DmaMemory, Registers};
pub use connection::{Connection, Indication, Uploaded, Watch};
pub use driver::{Driver, Offload};
pub use error::{Error, PoolKind};
pub use host_frames::HostFrames;
pub use number::{BufferNumber, ConnectionId, SeqNumber, StreamOffset};
pub use observer::{NoObserver, Observer};
pub use settings::{
    AcknowledgePolicy, AdapterDefaults, Explanation, Fraction, IndicateWindowSize, Parameters,
    Settings, SettingsError, Source, Sourced, Sources,
};
pub use statistics::{ConnectionStatistics, DriverStatistics};
