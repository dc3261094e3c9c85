//! Everything that can go wrong between the driver and the adapter.

use std::time::Duration;

use crate::bring_up::Step;
use crate::bus::{BusAddress, BusError};
use crate::number::{ConnectionId, SeqNumber};
use crate::receive::Fault;
use crate::registers::{EventError, OffloadStatus, Refusal};
use crate::settings::SettingsError;

/// Which pool a buffer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// Anonymous Buffers.
    Anonymous,
    /// Buffers for frames that are the host stack's.
    HostFrame,
}

impl std::fmt::Display for PoolKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Anonymous => "Anonymous Buffer",
            Self::HostFrame => "host-frame buffer",
        })
    }
}

/// What the driver has to say when it cannot go on, or cannot do what was asked.
///
/// [`is_misbehaviour`](Self::is_misbehaviour) tells the adapter's faults from the caller's. After one of the
/// adapter's, [`run`](crate::Driver::run) has ended and every other call returns the same error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A step of the bring-up failed; what came before it is undone.
    #[error("bring-up failed at the step \"{step}\": {reason}")]
    BringUp {
        /// The step.
        step: Step,
        /// What went wrong in it.
        #[source]
        reason: Box<Error>,
    },
    /// The bus did not do what it was asked.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Something else answers at the adapter's registers.
    #[error(
        "the identity register holds {found:#010x}, not {expected:#010x}: this is another device"
    )]
    OtherDevice {
        /// What it holds.
        found: u32,
        /// What the adapter would answer.
        expected: u32,
    },
    /// The adapter has another major version of the register map.
    #[error("the adapter has version {found} of the register map, this driver knows {known}")]
    OtherVersion {
        /// Major version of the adapter.
        found: u32,
        /// Major version that the driver knows.
        known: u32,
    },
    /// The adapter fell off the bus: every register reads as all ones.
    #[error(
        "register {offset:#05x} reads as all ones and so does the identity: the adapter is gone"
    )]
    AdapterGone {
        /// The register that was read.
        offset: u32,
    },
    /// A capability register holds what no adapter can have.
    #[error("register {offset:#05x} holds {value}, which no adapter of this map can have")]
    Capability {
        /// The register.
        offset: u32,
        /// What it holds.
        value: u32,
    },
    /// A register did not keep what was written to it.
    #[error("register {offset:#05x} was written {written:#x} and reads as {found:#x}")]
    RegisterLost {
        /// The register.
        offset: u32,
        /// What the driver wrote.
        written: u32,
        /// What it holds.
        found: u32,
    },
    /// A command waited in vain for room in the command queue.
    #[error("the adapter took no command for {waited:?} while {in_flight} were in flight")]
    CommandQueueStuck {
        /// How long the driver waited.
        waited: Duration,
        /// Commands written and not taken.
        in_flight: u32,
    },
    /// An event says that the adapter took commands that were never sent.
    #[error(
        "event {number} says that {taken} more commands were taken while {in_flight} were in flight"
    )]
    CommandsNeverSent {
        /// Number of the event since bring-up, modulo 2^32.
        number: u32,
        /// Commands taken since the event before.
        taken: u32,
        /// Commands written and not taken.
        in_flight: u32,
    },
    /// The event ring holds what the adapter cannot have written there in this turn.
    #[error(
        "slot {slot} of the event ring changed to {found:#018x} without the phase of this turn, {phase}"
    )]
    WrongPhase {
        /// The slot.
        slot: u32,
        /// What it holds.
        found: u64,
        /// The phase that an event of this turn has.
        phase: bool,
    },
    /// An event whose kind or fields have no meaning.
    #[error("event {number}, {word:#018x}: {reason}")]
    MeaninglessEvent {
        /// Number of the event since bring-up, modulo 2^32.
        number: u32,
        /// The event.
        word: u64,
        /// What is wrong with it.
        #[source]
        reason: EventError,
    },
    /// The line stays high with no event in the ring.
    #[error("the interrupt line was high {times} times with no event in the ring")]
    InterruptWithoutEvent {
        /// How often, one after the other.
        times: u32,
    },
    /// An event names a buffer that is not the next one granted.
    #[error("the adapter wrote {kind} {found}, but {expected} is the next one granted")]
    BufferOutOfOrder {
        /// Which pool.
        kind: PoolKind,
        /// The buffer that the event names.
        found: u16,
        /// The buffer that it must name.
        expected: u16,
    },
    /// An event names a buffer while none is granted.
    #[error("the adapter wrote {kind} {found}, but none is granted")]
    BufferNotGranted {
        /// Which pool.
        kind: PoolKind,
        /// The buffer that the event names.
        found: u16,
    },
    /// An event's length is not that of a delivery.
    #[error("the adapter wrote {length} bytes into {kind} {buffer} of {room} bytes")]
    BadLength {
        /// Which pool.
        kind: PoolKind,
        /// The buffer.
        buffer: u16,
        /// The event's length.
        length: u32,
        /// Bytes of the buffer.
        room: u32,
    },
    /// An event speaks of a connection that is not in a state in which it can.
    #[error("the adapter sent \"{event}\" for connection {connection}, which is {state}")]
    Unexpected {
        /// Name of the event.
        event: &'static str,
        /// The connection.
        connection: ConnectionId,
        /// Its state.
        state: &'static str,
    },
    /// The adapter delivered more than the window allows (B8).
    #[error(
        "connection {connection} has {pending} bytes pending in an indicate window of {window}"
    )]
    BeyondWindow {
        /// The connection.
        connection: ConnectionId,
        /// Bytes delivered and not acknowledged.
        pending: u64,
        /// The widest that the window can be.
        window: u64,
    },
    /// The adapter told of Named Buffers what cannot be.
    #[error("connection {connection}: {fault}")]
    ReceiveFault {
        /// The connection.
        connection: ConnectionId,
        /// What it told.
        #[source]
        fault: Fault,
    },
    /// The state that an upload handed back does not fit the bytes that were delivered (B6).
    #[error(
        "connection {connection} was uploaded with RCV.NXT {found}, but its bytes end at {expected}"
    )]
    StateDisagrees {
        /// The connection.
        connection: ConnectionId,
        /// RCV.NXT by the adapter.
        found: SeqNumber,
        /// RCV.NXT by the bytes that arrived.
        expected: SeqNumber,
    },
    /// The adapter refused a command that it must obey.
    #[error("the adapter refused command {opcode} for connection {connection}: {reason:?}")]
    CommandRefused {
        /// Opcode of the command.
        opcode: u8,
        /// The connection, where the command names one.
        connection: ConnectionId,
        /// Why.
        reason: Refusal,
    },
    /// A write of the adapter failed on the bus.
    #[error(
        "the bus answered {response} to a write of the adapter (connection {connection}, buffer {buffer})"
    )]
    AdapterWriteFailed {
        /// The connection of the failed delivery, where it had one.
        connection: ConnectionId,
        /// The buffer of the failed delivery, where it had one.
        buffer: u16,
        /// BRESP.
        response: u8,
    },
    /// The adapter owes an answer.
    #[error(
        "the adapter did not answer \"{command}\" of connection {connection} within {waited:?}"
    )]
    NoAnswer {
        /// Name of the command.
        command: &'static str,
        /// The connection.
        connection: ConnectionId,
        /// How long the driver waited.
        waited: Duration,
    },
    /// Every connection number is in use.
    #[error("all {connections} connections of the adapter are in use")]
    NoFreeConnection {
        /// Connections that the adapter has.
        connections: u32,
    },
    /// Source and destination are of different address families.
    #[error("source and destination of a connection must both be IPv4 or both be IPv6")]
    MixedFamilies,
    /// The adapter declined the offload; nothing changed.
    #[error("the adapter declined to offload connection {connection}: {status:?}")]
    OffloadDeclined {
        /// The connection.
        connection: ConnectionId,
        /// Its answer.
        status: OffloadStatus,
    },
    /// The peer reset the connection, and every byte before has been read (B37).
    #[error("connection {connection} was reset by the peer")]
    PeerReset {
        /// The connection.
        connection: ConnectionId,
    },
    /// More was accepted than was indicated.
    #[error("{bytes} bytes were accepted of an indication of {indicated}")]
    AcceptedTooMuch {
        /// Bytes accepted.
        bytes: usize,
        /// Bytes indicated.
        indicated: usize,
    },
    /// The connection is uploaded or on its way.
    #[error("connection {connection} is no longer offloaded")]
    NotOffloaded {
        /// The connection.
        connection: ConnectionId,
    },
    /// A request for a stream that has ended, with nothing left in the queue.
    #[error("connection {connection} has no more bytes: its stream has ended")]
    StreamEnded {
        /// The connection.
        connection: ConnectionId,
    },
    /// A Named Buffer shares bytes with one that is posted.
    #[error("{bytes} bytes at {address} are posted already, at least in part")]
    Overlap {
        /// First byte of the page.
        address: BusAddress,
        /// Bytes of the page.
        bytes: u32,
    },
    /// A Named Buffer without a byte, or with a page without one.
    #[error("a Named Buffer needs at least one page, and every page at least one byte")]
    EmptyPage,
    /// The place is not in the buffer.
    #[error("byte {place} is outside a Named Buffer of {length} bytes")]
    OutsideBuffer {
        /// The place.
        place: u64,
        /// Bytes of the buffer.
        length: u64,
    },
    /// A cancel of a request that is complete already, or of another connection.
    #[error("the request is not posted to connection {connection} any more")]
    NotPosted {
        /// The connection.
        connection: ConnectionId,
    },
    /// The driver was shut down.
    #[error("the driver was shut down")]
    ShutDown,
    /// A block of DMA memory is not where it was asked for.
    #[error("the allocator answered {address} for an alignment of {alignment} and {bytes} bytes")]
    BadAllocation {
        /// What it answered.
        address: BusAddress,
        /// Bytes asked for.
        bytes: usize,
        /// Alignment asked for.
        alignment: usize,
    },
}

impl Error {
    /// Whether the adapter or the bus did what it must not, so that the driver stops.
    pub fn is_misbehaviour(&self) -> bool {
        !matches!(
            self,
            Self::Settings(_)
                | Self::NoFreeConnection { .. }
                | Self::MixedFamilies
                | Self::OffloadDeclined { .. }
                | Self::PeerReset { .. }
                | Self::AcceptedTooMuch { .. }
                | Self::NotOffloaded { .. }
                | Self::StreamEnded { .. }
                | Self::Overlap { .. }
                | Self::EmptyPage
                | Self::OutsideBuffer { .. }
                | Self::NotPosted { .. }
                | Self::ShutDown
        )
    }
}
