//! The simulated world around one adapter: time, buses, scoreboard, replay.
//!
//! Everything runs on one thread and on one time line. Tasks (the driver, the applications, the peer) are
//! polled until all of them wait; then the adapter is clocked until something happens that one of them waits
//! for, and simulated time follows. So a run is a pure function of its inputs and its seed.

mod applications;
mod bus;
pub(crate) mod heap;
mod named_account;
mod peer;
mod progress;
mod replay;
mod scoreboard;
mod scoreboard_fault;
mod sink;
mod time;

pub use applications::{Application, ApplicationError};
pub use bus::Bus;
pub use replay::{
    Pace, ReplayError, ReplayOutcome, ReplaySettings, StreamOutcome, record_replay, run_replay,
};
pub use scoreboard::{ConnectionScore, Direction, Scoreboard, StreamOracle};
pub use scoreboard_fault::ScoreboardFault;
pub use sink::{Sink, SinkError};
pub use time::{World, WorldFault, cycles_to_nanoseconds, nanoseconds_to_cycles};
