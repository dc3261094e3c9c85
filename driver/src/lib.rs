#![doc = include_str!("../README.md")]

mod allocations;
mod bring_up;
mod bus;
mod byte_stream;
mod command_queue;
mod connection;
mod connection_table;
mod context;
mod driver;
mod error;
mod event_ring;
mod host;
mod host_frames;
mod named_buffer;
mod number;
mod observer;
mod pool;
mod receiver;
mod register_file;
mod requests;
mod settings;
mod statistics;
mod stream;
mod wakers;

pub mod mock;
pub mod receive;
#[allow(clippy::let_and_return, clippy::manual_is_multiple_of)] // Generated, every event alike.
pub mod registers;

pub use bring_up::{Reset, Running, Step};
pub use bus::{BusAddress, BusError, DmaMemory, Registers};
pub use byte_stream::ByteStream;
pub use connection::{Connection, Uploaded, Watch};
pub use driver::{Driver, Offload};
pub use error::{Error, PoolKind};
pub use host_frames::HostFrames;
pub use named_buffer::NamedBuffer;
pub use number::{ConnectionId, SeqNumber, StreamOffset};
pub use observer::{NoObserver, Observer};
pub use receive::{Reason, RequestId};
pub use requests::{Completion, Indication, Received, Refused};
pub use settings::{
    AcknowledgePolicy, AdapterDefaults, Explanation, Fraction, IndicateWindowSize, Parameters,
    Policy, Settings, SettingsError, Source, Sourced, Sources,
};
pub use statistics::{ConnectionStatistics, DriverStatistics};
