//! What a scoreboard can find wrong with an adapter.

/// What the adapter did wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreboardFault {
    /// An event that is not a whole, aligned word.
    #[error("an event was written with strobes {strobe:#04x}")]
    EventStrobe {
        /// `wstrb`.
        strobe: u8,
    },
    /// An event in the wrong slot.
    #[error("event {event} was written to slot {slot}, not {expected}")]
    EventSlot {
        /// Count of events before it.
        event: u64,
        /// Where it landed.
        slot: u64,
        /// Where it belongs.
        expected: u64,
    },
    /// Wrong phase bit.
    #[error("event {event} carries the wrong phase")]
    EventPhase {
        /// Count of events before it.
        event: u64,
    },
    /// More events than the ring holds.
    #[error("event {event} overran the ring of {entries} entries: the driver has read {consumer}")]
    EventOverrun {
        /// Count of events before it.
        event: u64,
        /// Entries.
        entries: u64,
        /// Events read.
        consumer: u64,
    },
    /// An event without meaning.
    #[error("event {event}: {reason}")]
    EventMeaning {
        /// Count of events before it.
        event: u64,
        /// What the decoder says.
        reason: String,
    },
    /// An event before its data.
    #[error("the event for buffer {buffer} was written before its data was acknowledged")]
    EventBeforeData {
        /// Buffer.
        buffer: u16,
    },
    /// A buffer out of turn.
    #[error(
        "buffer {buffer} was used where buffer {expected} is next; none is granted if that is missing"
    )]
    WrongBuffer {
        /// Buffer used.
        buffer: u16,
        /// Buffer whose turn it is.
        expected: String,
    },
    /// A length beyond the buffer, or of nothing.
    #[error("{length} bytes were delivered into a buffer of {capacity}")]
    BadLength {
        /// Bytes delivered.
        length: u16,
        /// Bytes of the buffer.
        capacity: u32,
    },
    /// An event of a connection that is not offloaded.
    #[error("connection {connection} is not offloaded")]
    NotOffloaded {
        /// Connection.
        connection: u16,
    },
    /// B8.
    #[error("connection {connection}: {pending} bytes are pending in a window of {window} (B8)")]
    WindowExceeded {
        /// Connection.
        connection: u16,
        /// indicatedBytesPending.
        pending: u64,
        /// indicateWindowSize.
        window: u64,
    },
    /// A byte that the peer did not send there.
    #[error(
        "connection {connection}: the byte at stream offset {offset} is {found:#04x}, which the peer never sent there"
    )]
    WrongByte {
        /// Connection.
        connection: u16,
        /// Place in the stream.
        offset: u64,
        /// The byte.
        found: u8,
    },
    /// The end of the stream is not where the peer put it.
    #[error(
        "connection {connection}: closed after {delivered} bytes, the peer's FIN is at {finish}"
    )]
    WrongEnd {
        /// Connection.
        connection: u16,
        /// Bytes delivered.
        delivered: u64,
        /// Place of the FIN.
        finish: String,
    },
    /// Upload handed back another RCV.NXT than was delivered.
    #[error(
        "connection {connection}: RCV.NXT was handed back for stream offset {handed}, {delivered} bytes were delivered (B6)"
    )]
    WrongState {
        /// Connection.
        connection: u16,
        /// Place in the stream of RCV.NXT, the FIN not counted.
        handed: u64,
        /// Bytes delivered.
        delivered: u64,
    },
    /// A frame for the host that was never sent, or out of order.
    #[error("a frame of {length} bytes reached the host that was not sent in that place")]
    WrongHostFrame {
        /// Length.
        length: u16,
    },
    /// A Named Buffer accepted or returned that was not posted, or not in its turn.
    #[error("connection {connection}: the adapter tells of a Named Buffer that it cannot have")]
    NoSuchNamedBuffer {
        /// Connection.
        connection: u16,
    },
    /// B25.
    #[error(
        "connection {connection}: {skipped} bytes were skipped while {pending} were pending (B25)"
    )]
    WrongSkip {
        /// Connection.
        connection: u16,
        /// Bytes skipped.
        skipped: u64,
        /// indicatedBytesPending.
        pending: u64,
    },
    /// A Named Buffer came back with a count or a reason that does not fit what was written to it.
    #[error(
        "connection {connection}: a Named Buffer of {room} bytes came back ({reason}) with {bytes}, of which {skipped} were skipped and {written} written (B27)"
    )]
    WrongReturn {
        /// Connection.
        connection: u16,
        /// The reason given.
        reason: String,
        /// Bytes filled, by the event.
        bytes: u64,
        /// Bytes skipped.
        skipped: u64,
        /// Bytes written.
        written: u64,
        /// Bytes of the buffer.
        room: u64,
    },
    /// A Named Buffer came back before its data was acknowledged by the bus.
    #[error("connection {connection}: a Named Buffer came back before its data was acknowledged")]
    ReturnBeforeData {
        /// Connection.
        connection: u16,
    },
    /// An upload ended with Named Buffers still with the adapter.
    #[error(
        "connection {connection}: uploaded with {buffers} Named Buffers and the answers to {cancels} cancels missing (B6)"
    )]
    NamedBuffersKept {
        /// Connection.
        connection: u16,
        /// Buffers not returned.
        buffers: usize,
        /// Cancels not answered.
        cancels: usize,
    },
    /// A command that the driver had every right to give.
    #[error("the adapter refused opcode {opcode} of connection {connection}: {reason}")]
    Refused {
        /// Connection.
        connection: u16,
        /// Opcode.
        opcode: u8,
        /// Reason.
        reason: String,
    },
    /// The bus failed.
    #[error("the adapter reports a bus error on connection {connection}, buffer {buffer}")]
    Bus {
        /// Connection.
        connection: u16,
        /// Buffer.
        buffer: u16,
    },
}
