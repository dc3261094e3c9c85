//! What can be seen at the adapter.

use toe_driver::registers::{Command, Event};

use super::stream::Push;

/// One thing that can be seen at the adapter, in the order of their happening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The adapter took a command from its queue. Where that is not seen, tell it as the driver writes the command: that is early, and
    /// early is right. A number is offloaded anew only after its `uploaded`.
    Taken(Command),
    /// An event stands in the ring.
    Event(Event),
    /// Bytes were written to host memory, the event ring aside; cut where and as the bus does, but in its order, and before the event
    /// that reports them.
    Write {
        /// Bus address of the first byte.
        address: u64,
        /// The bytes, all of them enabled.
        bytes: Vec<u8>,
    },
    /// A segment of the peer that the adapter keeps.
    Sent {
        /// Connection.
        connection: u16,
        /// Offset of its first byte, from `receive_next` of the offload.
        offset: u64,
        /// Payload.
        bytes: Vec<u8>,
        /// PSH.
        push: Push,
    },
    /// All bytes up to this offset are in order at the adapter. Tell it no later than the adapter can know it; told too early, the model asks
    /// at rest for bytes that never came.
    InOrder {
        /// Connection.
        connection: u16,
        /// Offset behind the last of them.
        offset: u64,
    },
    /// A FIN is in order.
    Finished {
        /// Connection.
        connection: u16,
    },
    /// A RST was accepted.
    Reset {
        /// Connection.
        connection: u16,
    },
}

/// The connection that an observation speaks of.
pub(super) fn connection_of(seen: &Seen) -> Option<u16> {
    match seen {
        Seen::Taken(command) => command_connection(command),
        Seen::Event(event) => event_connection(event),
        Seen::Write { .. } => None,
        Seen::Sent { connection, .. }
        | Seen::InOrder { connection, .. }
        | Seen::Finished { connection }
        | Seen::Reset { connection } => Some(*connection),
    }
}

/// The connection that a command names.
pub(crate) fn command_connection(command: &Command) -> Option<u16> {
    match *command {
        Command::Offload { connection, .. }
        | Command::Upload { connection }
        | Command::IndicateAcknowledge { connection, .. }
        | Command::SetIndicateWindowSize { connection, .. }
        | Command::PostNamedBuffer { connection, .. }
        | Command::CancelNamedBuffer { connection, .. } => Some(connection),
        _ => None,
    }
}

/// The connection that an event speaks of.
pub(crate) fn event_connection(event: &Event) -> Option<u16> {
    match *event {
        Event::IndicateData { connection, .. }
        | Event::Offloaded { connection, .. }
        | Event::UploadData { connection, .. }
        | Event::State { connection, .. }
        | Event::Uploaded { connection }
        | Event::PeerClosed { connection }
        | Event::PeerReset { connection }
        | Event::NamedBufferAccepted { connection, .. }
        | Event::NamedBufferReturned { connection, .. } => Some(connection),
        Event::CommandRefused {
            connection, opcode, ..
        } => (opcode > 2).then_some(connection),
        _ => None,
    }
}
