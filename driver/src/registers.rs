// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from rtl/registers/map.toml by `make registers`: do not edit.

//! The adapter as the driver sees it: registers, commands, events, counters.

use std::fmt;

/// Answer of the register `identity`: "TOE1".
pub const ADAPTER_IDENTITY: u32 = 0x544f4531;

/// Answer of the register `version`; another major version is another map.
pub const ADAPTER_VERSION: u32 = 0x00010000;

/// Commands that may be written before the first of them is taken.
pub const COMMAND_QUEUE_DEPTH: u32 = 64;

/// Byte offsets of the registers.
pub mod offset {
    /// The adapter answers 0x544F4531, "TOE1". Anything else is another device.
    /// Read only.
    pub const IDENTITY: u32 = 0x000;

    /// Version of this map. A driver refuses another major version.
    /// Read only.
    pub const VERSION: u32 = 0x004;

    /// Connections that can be offloaded at once.
    /// Read only.
    pub const CONNECTIONS: u32 = 0x008;

    /// Bytes of adapter memory for each connection, a power of two.
    /// Read only.
    pub const RECEIVE_RING_BYTES: u32 = 0x00c;

    /// Bring-up.
    /// Read and write.
    pub const CONTROL: u32 = 0x010;

    /// The interrupt line is high while enabled and events stand in the ring that `event_consumer` does not cover.
    /// Read and write.
    pub const INTERRUPT_ENABLE: u32 = 0x014;

    /// Bus address of the event ring, bits 31 to 0; a multiple of 64. Set while `control.enable` is 0.
    /// Read and write.
    pub const EVENT_RING_ADDRESS_LOW: u32 = 0x018;

    /// Bus address of the event ring, bits 63 to 32.
    /// Read and write.
    pub const EVENT_RING_ADDRESS_HIGH: u32 = 0x01c;

    /// Entries of 8 bytes in the event ring: a power of two, 2 to 65536. Set while `control.enable` is 0.
    /// Read and write.
    pub const EVENT_RING_ENTRIES: u32 = 0x020;

    /// Free-running 32-bit count of events that the driver has read. The adapter never writes more than `event_ring_entries` ahead of it.
    /// Read and write.
    pub const EVENT_CONSUMER: u32 = 0x024;

    /// Size of every Anonymous Buffer, 1 to 65535. One delivery never exceeds it. Set while `control.enable` is 0 and no connection is offloaded.
    /// Read and write.
    pub const ANONYMOUS_BUFFER_BYTES: u32 = 0x028;

    /// Size of every host-frame buffer, 64 to 65535. A longer frame for the host is dropped and counted.
    /// Read and write.
    pub const HOST_FRAME_BUFFER_BYTES: u32 = 0x02c;

    /// indicateWindowSize of a connection offloaded without one of its own, in bytes, at least 1 (B1 to B3); writing 0 is refused. Its reset value is the TOE Module's.
    /// Read and write.
    pub const INDICATE_WINDOW_SIZE: u32 = 0x030;

    /// The Adapter's NVRAM default of indicateWindowSize; 0 when none is stored (B3).
    /// Read only.
    pub const NVRAM_INDICATE_WINDOW_SIZE: u32 = 0x034;

    /// Free-running count of commands taken from the command queue, modulo 2^32; every event carries its low 8 bits.
    /// Read only.
    pub const COMMANDS_TAKEN: u32 = 0x038;

    /// Buffers that the adapter can hold at once. A grant beyond that is refused as `buffers_full`.
    /// Read only.
    pub const BUFFER_ROOM: u32 = 0x03c;

    /// Command window: words 0 to 7. Word 7 comes last and commits the command; words that the command has no use for need not be written. Refused while the queue is full.
    /// Write only; 8 words, one after the other.
    pub const COMMAND: u32 = 0x040;

    /// Pages of Named Buffers that the adapter can hold for each connection. A page is held until its buffer and all that were posted before it are returned.
    /// Read only.
    pub const NAMED_BUFFER_PAGES: u32 = 0x060;

    /// Period of the adapter's clock, in ps.
    /// Read only.
    pub const CLOCK_PERIOD_PICOSECONDS: u32 = 0x064;

    /// Push Timer of Named Buffers in Push Mode, in clock cycles (B30, B32): 500 ms at 156.25 MHz. At least 1; writing 0 is refused. Set while `control.enable` is 0.
    /// Read and write.
    pub const PUSH_TIMER_CYCLES: u32 = 0x068;

    /// Counters, in the order of the counter table, 32 bit, wrapping.
    /// Read only; 64 words, one after the other.
    pub const COUNTER: u32 = 0x100;
}

/// What registers hold after a reset.
pub mod reset {
    /// Of `control`.
    pub const CONTROL: u32 = 0;

    /// Of `interrupt_enable`.
    pub const INTERRUPT_ENABLE: u32 = 0;

    /// Of `event_ring_address_low`.
    pub const EVENT_RING_ADDRESS_LOW: u32 = 0;

    /// Of `event_ring_address_high`.
    pub const EVENT_RING_ADDRESS_HIGH: u32 = 0;

    /// Of `event_ring_entries`.
    pub const EVENT_RING_ENTRIES: u32 = 0;

    /// Of `event_consumer`.
    pub const EVENT_CONSUMER: u32 = 0;

    /// Of `anonymous_buffer_bytes`.
    pub const ANONYMOUS_BUFFER_BYTES: u32 = 2048;

    /// Of `host_frame_buffer_bytes`.
    pub const HOST_FRAME_BUFFER_BYTES: u32 = 16384;

    /// Of `indicate_window_size`.
    pub const INDICATE_WINDOW_SIZE: u32 = 65536;

    /// Of `push_timer_cycles`.
    pub const PUSH_TIMER_CYCLES: u32 = 78125000;
}

/// A part of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    low: u32,
    mask: u32,
}

impl Field {
    const fn new(low: u32, bits: u32) -> Self {
        let mask = u32::MAX >> (32 - bits);
        Field { low, mask }
    }

    /// The part's value in a register's.
    pub const fn get(self, register: u32) -> u32 {
        (register >> self.low) & self.mask
    }

    /// The register's value with the part set to `value`; bits that do not fit are left out.
    pub const fn set(self, register: u32, value: u32) -> u32 {
        (register & !(self.mask << self.low)) | ((value & self.mask) << self.low)
    }
}

/// Parts of registers.
pub mod field {
    use super::Field;

    /// Of `version`: Additions that an older driver may ignore.
    pub const VERSION_MINOR: Field = Field::new(0, 16);

    /// Of `version`: Changes that an older driver must not ignore.
    pub const VERSION_MAJOR: Field = Field::new(16, 16);

    /// Of `control`: 1: frames are taken from the MAC and buffers are used. 0 holds the MAC stream.
    pub const CONTROL_ENABLE: Field = Field::new(0, 1);

    /// Of `control`: Writing 1 resets the whole adapter, this register file included, once its writes to the bus are answered; registers answer again when it is done. Reads as 0.
    pub const CONTROL_RESET: Field = Field::new(1, 1);

    /// Of `interrupt_enable`: Interrupt on events.
    pub const INTERRUPT_ENABLE_EVENT: Field = Field::new(0, 1);

    /// Of `buffer_room`: Anonymous Buffers; the parameter ANONYMOUS_BUFFERS.
    pub const BUFFER_ROOM_ANONYMOUS_BUFFERS: Field = Field::new(0, 16);

    /// Of `buffer_room`: Host-frame buffers.
    pub const BUFFER_ROOM_HOST_FRAME_BUFFERS: Field = Field::new(16, 16);
}

/// A command: what is written to the window of registers at [`offset::COMMAND`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Hands `count` Anonymous Buffers to the adapter, which uses buffers in the order granted. They lie one after the other, `anonymous_buffer_bytes` rounded up to a multiple of 64 apart.
    GrantAnonymousBuffers {
        /// Bus address of the first buffer.
        address: u64,
        /// Number of the first buffer; the following count up.
        first_buffer: u16,
        /// How many, 1 to 65535.
        count: u16,
    },
    /// The same for host-frame buffers, `host_frame_buffer_bytes` rounded up to a multiple of 64 apart. They begin at multiples of 8: the lowest three bits of the address are taken for 0.
    GrantHostFrameBuffers {
        /// Bus address of the first buffer.
        address: u64,
        /// Number of the first buffer; the following count up.
        first_buffer: u16,
        /// How many, 1 to 65535.
        count: u16,
    },
    /// Source address, as it stands in received frames, of the connection that the next `offload` opens. IPv4 goes into word 4, words 1 to 3 are 0. Word 1 holds the first four bytes on the wire, the first of them in bits 31 to 24.
    SetSourceAddress {
        /// Its words, the first bytes on the wire first.
        address: [u32; 4],
    },
    /// Destination address, as it stands in received frames, of the connection that the next `offload` opens; laid out as in `set_source_address`.
    SetDestinationAddress {
        /// Its words, the first bytes on the wire first.
        address: [u32; 4],
    },
    /// Opens a connection (B5). Answered by the event `offloaded`.
    Offload {
        /// Connection, where the command names one.
        connection: u16,
        /// Destination port in received frames.
        destination_port: u16,
        /// Source port in received frames.
        source_port: u16,
        /// RCV.NXT: sequence number of the next byte expected.
        receive_next: u32,
        /// indicateWindowSize in bytes; 0 takes the adapter's.
        indicate_window_size: u32,
        /// 1: IPv6; 0: IPv4.
        ipv6: bool,
    },
    /// Ends offload (B6). Undelivered in-order bytes come as `upload_data`, then the state as `state` events, then `uploaded`.
    Upload {
        /// Connection, where the command names one.
        connection: u16,
    },
    /// indicateAcknowledge (B11).
    IndicateAcknowledge {
        /// Connection, where the command names one.
        connection: u16,
        /// AcknowledgedBytes.
        acknowledged_bytes: u32,
    },
    /// New indicateWindowSize of a live connection, in bytes, at least 1 (B15).
    SetIndicateWindowSize {
        /// Connection, where the command names one.
        connection: u16,
        /// indicateWindowSize.
        bytes: u32,
    },
    /// Posts a Named Buffer, or a further page of one (B12, B25 to B28). The pages of a buffer are posted one after the other; with the last the buffer joins the connection's queue. A page refused takes the whole buffer with it: its pages so far are forgotten, and each further one up to the last is refused too.
    PostNamedBuffer {
        /// Connection, where the command names one.
        connection: u16,
        /// Bus address of the page.
        address: u64,
        /// Bytes of this page, at least 1; all pages of a buffer together fewer than 2^32.
        bytes: u32,
        /// Number of the request, the same for all pages; no other buffer of the connection has it that is still with the adapter.
        request: u16,
        /// 1: the last page of the buffer.
        last_page: bool,
        /// Push Mode (B29); that of the last page counts.
        push_mode: bool,
    },
    /// Asks for a Named Buffer back, filled or not (B27). Each cancel has one answer, in the order of the cancels: `named_buffer_returned` with the reason `cancelled`, or `command_refused` with `not_posted`, when the buffer came back for another reason before.
    CancelNamedBuffer {
        /// Connection, where the command names one.
        connection: u16,
        /// Number of the request.
        request: u16,
    },
}

impl Command {
    /// The opcode, as it stands in word 0.
    pub const fn opcode(&self) -> u8 {
        match self {
            Command::GrantAnonymousBuffers { .. } => 1,
            Command::GrantHostFrameBuffers { .. } => 2,
            Command::SetSourceAddress { .. } => 3,
            Command::SetDestinationAddress { .. } => 4,
            Command::Offload { .. } => 5,
            Command::Upload { .. } => 6,
            Command::IndicateAcknowledge { .. } => 7,
            Command::SetIndicateWindowSize { .. } => 8,
            Command::PostNamedBuffer { .. } => 9,
            Command::CancelNamedBuffer { .. } => 10,
        }
    }

    /// How many words, from word 0 on, the command has a use for; word 7 is written in any case.
    pub const fn words_used(&self) -> usize {
        match self {
            Command::GrantAnonymousBuffers { .. } => 4,
            Command::GrantHostFrameBuffers { .. } => 4,
            Command::SetSourceAddress { .. } => 5,
            Command::SetDestinationAddress { .. } => 5,
            Command::Offload { .. } => 5,
            Command::Upload { .. } => 1,
            Command::IndicateAcknowledge { .. } => 2,
            Command::SetIndicateWindowSize { .. } => 2,
            Command::PostNamedBuffer { .. } => 5,
            Command::CancelNamedBuffer { .. } => 5,
        }
    }

    /// The eight words of the command window. Word 7 is written last, and commits them; of the others,
    /// those from [`Command::words_used`] on need not be written.
    pub fn words(&self) -> [u32; 8] {
        let mut words = [0; 8];
        put(&mut words, 0, self.opcode().into());
        match *self {
            Command::GrantAnonymousBuffers {
                address,
                first_buffer,
                count,
            } => {
                put(&mut words, 32, address);
                put(&mut words, 96, first_buffer.into());
                put(&mut words, 112, count.into());
            }
            Command::GrantHostFrameBuffers {
                address,
                first_buffer,
                count,
            } => {
                put(&mut words, 32, address);
                put(&mut words, 96, first_buffer.into());
                put(&mut words, 112, count.into());
            }
            Command::SetSourceAddress { address } => {
                put(&mut words, 32, address[0].into());
                put(&mut words, 64, address[1].into());
                put(&mut words, 96, address[2].into());
                put(&mut words, 128, address[3].into());
            }
            Command::SetDestinationAddress { address } => {
                put(&mut words, 32, address[0].into());
                put(&mut words, 64, address[1].into());
                put(&mut words, 96, address[2].into());
                put(&mut words, 128, address[3].into());
            }
            Command::Offload {
                connection,
                destination_port,
                source_port,
                receive_next,
                indicate_window_size,
                ipv6,
            } => {
                put(&mut words, 16, connection.into());
                put(&mut words, 32, destination_port.into());
                put(&mut words, 48, source_port.into());
                put(&mut words, 64, receive_next.into());
                put(&mut words, 96, indicate_window_size.into());
                put(&mut words, 128, ipv6.into());
            }
            Command::Upload { connection } => {
                put(&mut words, 16, connection.into());
            }
            Command::IndicateAcknowledge {
                connection,
                acknowledged_bytes,
            } => {
                put(&mut words, 16, connection.into());
                put(&mut words, 32, acknowledged_bytes.into());
            }
            Command::SetIndicateWindowSize { connection, bytes } => {
                put(&mut words, 16, connection.into());
                put(&mut words, 32, bytes.into());
            }
            Command::PostNamedBuffer {
                connection,
                address,
                bytes,
                request,
                last_page,
                push_mode,
            } => {
                put(&mut words, 16, connection.into());
                put(&mut words, 32, address);
                put(&mut words, 96, bytes.into());
                put(&mut words, 128, request.into());
                put(&mut words, 144, last_page.into());
                put(&mut words, 145, push_mode.into());
            }
            Command::CancelNamedBuffer {
                connection,
                request,
            } => {
                put(&mut words, 16, connection.into());
                put(&mut words, 128, request.into());
            }
        }
        words
    }

    /// The command that the words hold; `None` for an unknown opcode.
    pub fn from_words(words: &[u32; 8]) -> Option<Command> {
        Some(match get(words, 0, 8) {
            1 => Command::GrantAnonymousBuffers {
                address: get(words, 32, 64),
                first_buffer: get(words, 96, 16) as u16,
                count: get(words, 112, 16) as u16,
            },
            2 => Command::GrantHostFrameBuffers {
                address: get(words, 32, 64),
                first_buffer: get(words, 96, 16) as u16,
                count: get(words, 112, 16) as u16,
            },
            3 => {
                let address = [1, 2, 3, 4].map(|at| words[at]);
                Command::SetSourceAddress { address }
            }
            4 => {
                let address = [1, 2, 3, 4].map(|at| words[at]);
                Command::SetDestinationAddress { address }
            }
            5 => Command::Offload {
                connection: get(words, 16, 16) as u16,
                destination_port: get(words, 32, 16) as u16,
                source_port: get(words, 48, 16) as u16,
                receive_next: get(words, 64, 32) as u32,
                indicate_window_size: get(words, 96, 32) as u32,
                ipv6: get(words, 128, 1) != 0,
            },
            6 => Command::Upload {
                connection: get(words, 16, 16) as u16,
            },
            7 => Command::IndicateAcknowledge {
                connection: get(words, 16, 16) as u16,
                acknowledged_bytes: get(words, 32, 32) as u32,
            },
            8 => Command::SetIndicateWindowSize {
                connection: get(words, 16, 16) as u16,
                bytes: get(words, 32, 32) as u32,
            },
            9 => Command::PostNamedBuffer {
                connection: get(words, 16, 16) as u16,
                address: get(words, 32, 64),
                bytes: get(words, 96, 32) as u32,
                request: get(words, 128, 16) as u16,
                last_page: get(words, 144, 1) != 0,
                push_mode: get(words, 145, 1) != 0,
            },
            10 => Command::CancelNamedBuffer {
                connection: get(words, 16, 16) as u16,
                request: get(words, 128, 16) as u16,
            },
            _ => return None,
        })
    }
}

/// Puts a value at a bit of the command's 256; at most two words are touched.
fn put(words: &mut [u32; 8], low: usize, value: u64) {
    words[low / 32] |= (value << (low % 32)) as u32;
    if low % 32 == 0 && low / 32 < 7 {
        words[low / 32 + 1] |= (value >> 32) as u32;
    }
}

/// The value of up to 64 bits at a bit of the command's 256.
fn get(words: &[u32; 8], low: usize, bits: usize) -> u64 {
    let high = words.get(low / 32 + 1).copied().unwrap_or(0);
    let both = u64::from(high) << 32 | u64::from(words[low / 32]);
    (both >> (low % 32)) & (u64::MAX >> (64 - bits))
}

/// Answer to an offload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffloadStatus {
    /// The connection is offloaded.
    Ok = 0,
    /// The connection number is in use.
    Busy = 1,
    /// The lookup table has no room for this tuple.
    NoRoom = 2,
    /// The tuple is offloaded already.
    Duplicate = 3,
    /// The connection number is out of range.
    BadConnection = 4,
}

impl OffloadStatus {
    /// The value that the bits stand for, if they stand for one.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            0 => OffloadStatus::Ok,
            1 => OffloadStatus::Busy,
            2 => OffloadStatus::NoRoom,
            3 => OffloadStatus::Duplicate,
            4 => OffloadStatus::BadConnection,
            _ => return None,
        })
    }
}

impl fmt::Display for OffloadStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OffloadStatus::Ok => "The connection is offloaded",
            OffloadStatus::Busy => "The connection number is in use",
            OffloadStatus::NoRoom => "The lookup table has no room for this tuple",
            OffloadStatus::Duplicate => "The tuple is offloaded already",
            OffloadStatus::BadConnection => "The connection number is out of range",
        })
    }
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Unknown or reserved opcode.
    Unsupported = 1,
    /// The connection is not offloaded.
    NotOffloaded = 2,
    /// AcknowledgedBytes exceeds indicatedBytesPending.
    MoreThanPending = 3,
    /// An indicateWindowSize of 0.
    ZeroWindow = 4,
    /// More buffers granted, or more pages of Named Buffers posted to a connection, than the adapter can hold.
    BuffersFull = 5,
    /// No Named Buffer with this request number is with the adapter.
    NotPosted = 6,
    /// A Named Buffer that is not larger than the connection's indicateWindowSize, or than its indicatedBytesPending (B26).
    TooSmall = 7,
    /// A page of 0 bytes, or one with which a buffer reaches 2^32 bytes.
    BadPage = 8,
}

impl Refusal {
    /// The value that the bits stand for, if they stand for one.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            1 => Refusal::Unsupported,
            2 => Refusal::NotOffloaded,
            3 => Refusal::MoreThanPending,
            4 => Refusal::ZeroWindow,
            5 => Refusal::BuffersFull,
            6 => Refusal::NotPosted,
            7 => Refusal::TooSmall,
            8 => Refusal::BadPage,
            _ => return None,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Unsupported => "Unknown or reserved opcode",
            Refusal::NotOffloaded => "The connection is not offloaded",
            Refusal::MoreThanPending => "AcknowledgedBytes exceeds indicatedBytesPending",
            Refusal::ZeroWindow => "An indicateWindowSize of 0",
            Refusal::BuffersFull => {
                "More buffers granted, or more pages of Named Buffers posted to a connection, than the adapter can hold"
            }
            Refusal::NotPosted => "No Named Buffer with this request number is with the adapter",
            Refusal::TooSmall => {
                "A Named Buffer that is not larger than the connection's indicateWindowSize, or than its indicatedBytesPending (B26)"
            }
            Refusal::BadPage => "A page of 0 bytes, or one with which a buffer reaches 2^32 bytes",
        })
    }
}

/// Why a Named Buffer came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnReason {
    /// It is full.
    Full = 0,
    /// A byte that came last in a segment with PSH was placed, or skipped (B29).
    Push = 1,
    /// Its Push Timer expired (B30).
    Timeout = 2,
    /// The driver asked for it.
    Cancelled = 3,
    /// The connection ended: FIN, RST or upload.
    Ended = 4,
}

impl ReturnReason {
    /// The value that the bits stand for, if they stand for one.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            0 => ReturnReason::Full,
            1 => ReturnReason::Push,
            2 => ReturnReason::Timeout,
            3 => ReturnReason::Cancelled,
            4 => ReturnReason::Ended,
            _ => return None,
        })
    }
}

impl fmt::Display for ReturnReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReturnReason::Full => "It is full",
            ReturnReason::Push => {
                "A byte that came last in a segment with PSH was placed, or skipped (B29)"
            }
            ReturnReason::Timeout => "Its Push Timer expired (B30)",
            ReturnReason::Cancelled => "The driver asked for it",
            ReturnReason::Ended => "The connection ended: FIN, RST or upload",
        })
    }
}

/// Fields of the state that an upload hands back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateField {
    /// RCV.NXT.
    ReceiveNext = 0,
    /// Bit 0: FIN received in order. Bit 1: RST received.
    Flags = 1,
}

impl StateField {
    /// The value that the bits stand for, if they stand for one.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            0 => StateField::ReceiveNext,
            1 => StateField::Flags,
            _ => return None,
        })
    }
}

impl fmt::Display for StateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateField::ReceiveNext => "RCV.NXT",
            StateField::Flags => "Bit 0: FIN received in order. Bit 1: RST received",
        })
    }
}

/// An event, without its phase and its count of commands taken.
///
/// Events that this adapter never writes are not in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// IndicateData: `length` bytes of the connection are in Anonymous Buffer `buffer` (B7, B16).
    IndicateData {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Number of the buffer written.
        buffer: u16,
        /// Bytes delivered.
        length: u16,
        /// 1: one of these bytes came last in a segment with PSH (B29).
        push: bool,
    },
    /// A frame of `length` bytes for the host stack is in host-frame buffer `buffer`.
    HostFrame {
        /// Number of the buffer written.
        buffer: u16,
        /// Bytes delivered.
        length: u16,
    },
    /// Answer to `offload`; `value` is an offload status.
    Offloaded {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// How the offload ended.
        status: OffloadStatus,
    },
    /// `length` bytes, acknowledged to the peer and not yet delivered, handed back by an upload in Anonymous Buffer `buffer`; not counted in indicatedBytesPending (B6).
    UploadData {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Number of the buffer written.
        buffer: u16,
        /// Bytes delivered.
        length: u16,
    },
    /// Part of the connection's state, handed back by an upload: detail is a state field, `value` its content.
    State {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Content of the state field.
        content: u32,
        /// Which state field.
        field: StateField,
    },
    /// The upload is complete; the connection number is free.
    Uploaded {
        /// Connection, where the event speaks of one.
        connection: u16,
    },
    /// FIN: every byte before it has been delivered (B37).
    PeerClosed {
        /// Connection, where the event speaks of one.
        connection: u16,
    },
    /// RST: sent at once; bytes accepted before it are still delivered under the window (B37).
    PeerReset {
        /// Connection, where the event speaks of one.
        connection: u16,
    },
    /// Only for its `taken`: half the command queue was taken since the last event.
    CommandsTaken,
    /// A command was refused and changed nothing (B11).
    CommandRefused {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Opcode of the command.
        opcode: u8,
        /// Why.
        reason: Refusal,
        /// Number of the request, where the command names one.
        request: u16,
    },
    /// The bus answered a write with an error; `connection` and `buffer` are those of the failed delivery where it had one. The adapter stops using the bus until it is reset.
    BusError {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Number of the buffer written.
        buffer: u16,
        /// BRESP: 2 slave error, 3 decode error.
        response: u8,
    },
    /// The adapter accepted the Named Buffer at the head of the connection's queue and skipped its first `skipped` bytes, the indicatedBytesPending of that moment, which is 0 from then on (B12, B25). The driver copies into them what was indicated and not acknowledged before; what follows is placed by the adapter.
    NamedBufferAccepted {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Bytes skipped.
        skipped: u32,
    },
    /// A Named Buffer came back (B27): the accepted one, or for `cancelled` the one that was named, or for `ended` the first that was posted. The adapter does not write to it any more.
    NamedBufferReturned {
        /// Connection, where the event speaks of one.
        connection: u16,
        /// Bytes filled from the buffer's start, the skipped ones included.
        bytes: u32,
        /// Why.
        reason: ReturnReason,
    },
}

/// A word in the event ring that no adapter of this map writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventError {
    /// The kind is unknown or reserved.
    Kind {
        /// The kind.
        kind: u32,
    },
    /// A field holds a value that has no meaning.
    Value {
        /// Name of the event.
        event: &'static str,
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        value: u32,
    },
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventError::Kind { kind } => write!(f, "the event kind {kind} is unknown"),
            EventError::Value {
                event,
                field,
                value,
            } => write!(f, "{value} has no meaning as {field} of the event {event}"),
        }
    }
}

impl std::error::Error for EventError {}

impl TryFrom<u64> for Event {
    type Error = EventError;

    fn try_from(word: u64) -> Result<Self, EventError> {
        Ok(match bits(word, 59, 4) {
            1 => Event::IndicateData {
                connection: bits(word, 32, 16) as u16,
                buffer: bits(word, 16, 16) as u16,
                length: bits(word, 0, 16) as u16,
                push: bits(word, 56, 1) != 0,
            },
            2 => Event::HostFrame {
                buffer: bits(word, 16, 16) as u16,
                length: bits(word, 0, 16) as u16,
            },
            3 => {
                let status = bits(word, 0, 32);
                let status = OffloadStatus::from_bits(status).ok_or(EventError::Value {
                    event: "offloaded",
                    field: "status",
                    value: status,
                })?;
                Event::Offloaded {
                    connection: bits(word, 32, 16) as u16,
                    status,
                }
            }
            4 => Event::UploadData {
                connection: bits(word, 32, 16) as u16,
                buffer: bits(word, 16, 16) as u16,
                length: bits(word, 0, 16) as u16,
            },
            5 => {
                let field = bits(word, 56, 3);
                let field = StateField::from_bits(field).ok_or(EventError::Value {
                    event: "state",
                    field: "field",
                    value: field,
                })?;
                Event::State {
                    connection: bits(word, 32, 16) as u16,
                    content: bits(word, 0, 32),
                    field,
                }
            }
            6 => Event::Uploaded {
                connection: bits(word, 32, 16) as u16,
            },
            7 => Event::PeerClosed {
                connection: bits(word, 32, 16) as u16,
            },
            8 => Event::PeerReset {
                connection: bits(word, 32, 16) as u16,
            },
            9 => Event::CommandsTaken,
            10 => {
                let reason = bits(word, 8, 8);
                let reason = Refusal::from_bits(reason).ok_or(EventError::Value {
                    event: "command_refused",
                    field: "reason",
                    value: reason,
                })?;
                Event::CommandRefused {
                    connection: bits(word, 32, 16) as u16,
                    opcode: bits(word, 0, 8) as u8,
                    reason,
                    request: bits(word, 16, 16) as u16,
                }
            }
            11 => Event::BusError {
                connection: bits(word, 32, 16) as u16,
                buffer: bits(word, 16, 16) as u16,
                response: bits(word, 0, 2) as u8,
            },
            12 => Event::NamedBufferAccepted {
                connection: bits(word, 32, 16) as u16,
                skipped: bits(word, 0, 32),
            },
            13 => {
                let reason = bits(word, 56, 3);
                let reason = ReturnReason::from_bits(reason).ok_or(EventError::Value {
                    event: "named_buffer_returned",
                    field: "reason",
                    value: reason,
                })?;
                Event::NamedBufferReturned {
                    connection: bits(word, 32, 16) as u16,
                    bytes: bits(word, 0, 32),
                    reason,
                }
            }
            kind => return Err(EventError::Kind { kind }),
        })
    }
}

impl From<Event> for u64 {
    /// The event's word with phase 0 and no commands taken.
    fn from(event: Event) -> u64 {
        match event {
            Event::IndicateData {
                connection,
                buffer,
                length,
                push,
            } => {
                let word = at(1, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(buffer.into(), 16);
                let word = word | at(length.into(), 0);
                let word = word | at(push.into(), 56);
                word
            }
            Event::HostFrame { buffer, length } => {
                let word = at(2, 59);
                let word = word | at(buffer.into(), 16);
                let word = word | at(length.into(), 0);
                word
            }
            Event::Offloaded { connection, status } => {
                let word = at(3, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(status as u64, 0);
                word
            }
            Event::UploadData {
                connection,
                buffer,
                length,
            } => {
                let word = at(4, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(buffer.into(), 16);
                let word = word | at(length.into(), 0);
                word
            }
            Event::State {
                connection,
                content,
                field,
            } => {
                let word = at(5, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(content.into(), 0);
                let word = word | at(field as u64, 56);
                word
            }
            Event::Uploaded { connection } => {
                let word = at(6, 59);
                let word = word | at(connection.into(), 32);
                word
            }
            Event::PeerClosed { connection } => {
                let word = at(7, 59);
                let word = word | at(connection.into(), 32);
                word
            }
            Event::PeerReset { connection } => {
                let word = at(8, 59);
                let word = word | at(connection.into(), 32);
                word
            }
            Event::CommandsTaken => {
                let word = at(9, 59);
                word
            }
            Event::CommandRefused {
                connection,
                opcode,
                reason,
                request,
            } => {
                let word = at(10, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(opcode.into(), 0);
                let word = word | at(reason as u64, 8);
                let word = word | at(request.into(), 16);
                word
            }
            Event::BusError {
                connection,
                buffer,
                response,
            } => {
                let word = at(11, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(buffer.into(), 16);
                let word = word | at(response.into(), 0);
                word
            }
            Event::NamedBufferAccepted {
                connection,
                skipped,
            } => {
                let word = at(12, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(skipped.into(), 0);
                word
            }
            Event::NamedBufferReturned {
                connection,
                bytes,
                reason,
            } => {
                let word = at(13, 59);
                let word = word | at(connection.into(), 32);
                let word = word | at(bytes.into(), 0);
                let word = word | at(reason as u64, 56);
                word
            }
        }
    }
}

/// The phase of an event's word: true in the first turn of the ring, then it flips with every turn.
pub const fn event_phase(word: u64) -> bool {
    bits(word, 63, 1) != 0
}

/// Low bits of [`offset::COMMANDS_TAKEN`] at the time that the event was written.
pub const fn event_commands_taken(word: u64) -> u8 {
    bits(word, 48, 8) as u8
}

/// The word with its phase and its count of commands taken set, as the adapter writes it.
pub const fn event_stamped(word: u64, phase: bool, commands_taken: u8) -> u64 {
    word | at(phase as u64, 63) | at(commands_taken as u64, 48)
}

/// Up to 32 bits of an event's word.
const fn bits(word: u64, low: u32, width: u32) -> u32 {
    ((word >> low) & (u64::MAX >> (64 - width))) as u32
}

/// A value at its place in an event's word.
const fn at(value: u64, low: u32) -> u64 {
    value << low
}

/// A counter of the adapter: 32 bits, wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counter {
    /// Frames taken from the MAC.
    FramesReceived,
    /// Frames of an offloaded connection that passed every check.
    FramesOffloaded,
    /// Frames delivered whole to the host.
    FramesToHost,
    /// Dropped: marked bad by the MAC.
    DroppedBadFrame,
    /// Dropped: fewer than 60 bytes.
    DroppedRunt,
    /// Dropped: longer than the adapter or the host-frame buffer takes.
    DroppedOversize,
    /// Dropped: the IP length exceeds the frame.
    DroppedTruncated,
    /// Dropped: header lengths contradict one another.
    DroppedMalformed,
    /// Dropped: IPv4 header checksum.
    DroppedIpChecksum,
    /// Dropped: TCP checksum of an offloaded connection's segment.
    DroppedTcpChecksum,
    /// Dropped: no room on the host-frame path.
    DroppedHostOverrun,
    /// Segments that began at RCV.NXT.
    SegmentsInOrder,
    /// Segments kept behind a gap.
    SegmentsOutOfOrder,
    /// Segments with no new byte.
    SegmentsDuplicate,
    /// Segments of which a part was cut away.
    SegmentsTrimmed,
    /// Segments beyond the receive window.
    SegmentsBeyondWindow,
    /// Segments dropped because every gap record was in use.
    SegmentsNoGap,
    /// Segments with data after FIN or RST.
    SegmentsAfterClose,
    /// RST that did not carry RCV.NXT.
    ResetsRefused,
    /// Deliveries to Anonymous Buffers.
    Deliveries,
    /// Times that data waited because a connection's indicate window was full.
    WindowClosed,
    /// Times that data waited because no Anonymous Buffer was granted.
    NoAnonymousBuffer,
    /// Deliveries to Named Buffers.
    NamedDeliveries,
    /// Named Buffers accepted.
    NamedBuffersAccepted,
    /// Named Buffers returned full.
    NamedBuffersFull,
    /// Named Buffers returned because of PSH.
    NamedBuffersPushed,
    /// Named Buffers returned because their Push Timer expired.
    NamedBuffersTimedOut,
    /// Commands refused.
    CommandsRefused,
}

impl Counter {
    /// All counters, in the order of their registers.
    pub const ALL: [Counter; 28] = [
        Counter::FramesReceived,
        Counter::FramesOffloaded,
        Counter::FramesToHost,
        Counter::DroppedBadFrame,
        Counter::DroppedRunt,
        Counter::DroppedOversize,
        Counter::DroppedTruncated,
        Counter::DroppedMalformed,
        Counter::DroppedIpChecksum,
        Counter::DroppedTcpChecksum,
        Counter::DroppedHostOverrun,
        Counter::SegmentsInOrder,
        Counter::SegmentsOutOfOrder,
        Counter::SegmentsDuplicate,
        Counter::SegmentsTrimmed,
        Counter::SegmentsBeyondWindow,
        Counter::SegmentsNoGap,
        Counter::SegmentsAfterClose,
        Counter::ResetsRefused,
        Counter::Deliveries,
        Counter::WindowClosed,
        Counter::NoAnonymousBuffer,
        Counter::NamedDeliveries,
        Counter::NamedBuffersAccepted,
        Counter::NamedBuffersFull,
        Counter::NamedBuffersPushed,
        Counter::NamedBuffersTimedOut,
        Counter::CommandsRefused,
    ];

    /// Byte offset of its register.
    pub const fn offset(self) -> u32 {
        offset::COUNTER + 4 * self as u32
    }

    /// Its name in the map.
    pub const fn name(self) -> &'static str {
        match self {
            Counter::FramesReceived => "frames_received",
            Counter::FramesOffloaded => "frames_offloaded",
            Counter::FramesToHost => "frames_to_host",
            Counter::DroppedBadFrame => "dropped_bad_frame",
            Counter::DroppedRunt => "dropped_runt",
            Counter::DroppedOversize => "dropped_oversize",
            Counter::DroppedTruncated => "dropped_truncated",
            Counter::DroppedMalformed => "dropped_malformed",
            Counter::DroppedIpChecksum => "dropped_ip_checksum",
            Counter::DroppedTcpChecksum => "dropped_tcp_checksum",
            Counter::DroppedHostOverrun => "dropped_host_overrun",
            Counter::SegmentsInOrder => "segments_in_order",
            Counter::SegmentsOutOfOrder => "segments_out_of_order",
            Counter::SegmentsDuplicate => "segments_duplicate",
            Counter::SegmentsTrimmed => "segments_trimmed",
            Counter::SegmentsBeyondWindow => "segments_beyond_window",
            Counter::SegmentsNoGap => "segments_no_gap",
            Counter::SegmentsAfterClose => "segments_after_close",
            Counter::ResetsRefused => "resets_refused",
            Counter::Deliveries => "deliveries",
            Counter::WindowClosed => "window_closed",
            Counter::NoAnonymousBuffer => "no_anonymous_buffer",
            Counter::NamedDeliveries => "named_deliveries",
            Counter::NamedBuffersAccepted => "named_buffers_accepted",
            Counter::NamedBuffersFull => "named_buffers_full",
            Counter::NamedBuffersPushed => "named_buffers_pushed",
            Counter::NamedBuffersTimedOut => "named_buffers_timed_out",
            Counter::CommandsRefused => "commands_refused",
        }
    }

    /// What it counts, in one sentence.
    pub const fn describe(self) -> &'static str {
        match self {
            Counter::FramesReceived => "Frames taken from the MAC.",
            Counter::FramesOffloaded => {
                "Frames of an offloaded connection that passed every check."
            }
            Counter::FramesToHost => "Frames delivered whole to the host.",
            Counter::DroppedBadFrame => "Dropped: marked bad by the MAC.",
            Counter::DroppedRunt => "Dropped: fewer than 60 bytes.",
            Counter::DroppedOversize => {
                "Dropped: longer than the adapter or the host-frame buffer takes."
            }
            Counter::DroppedTruncated => "Dropped: the IP length exceeds the frame.",
            Counter::DroppedMalformed => "Dropped: header lengths contradict one another.",
            Counter::DroppedIpChecksum => "Dropped: IPv4 header checksum.",
            Counter::DroppedTcpChecksum => {
                "Dropped: TCP checksum of an offloaded connection's segment."
            }
            Counter::DroppedHostOverrun => "Dropped: no room on the host-frame path.",
            Counter::SegmentsInOrder => "Segments that began at RCV.NXT.",
            Counter::SegmentsOutOfOrder => "Segments kept behind a gap.",
            Counter::SegmentsDuplicate => "Segments with no new byte.",
            Counter::SegmentsTrimmed => "Segments of which a part was cut away.",
            Counter::SegmentsBeyondWindow => "Segments beyond the receive window.",
            Counter::SegmentsNoGap => "Segments dropped because every gap record was in use.",
            Counter::SegmentsAfterClose => "Segments with data after FIN or RST.",
            Counter::ResetsRefused => "RST that did not carry RCV.NXT.",
            Counter::Deliveries => "Deliveries to Anonymous Buffers.",
            Counter::WindowClosed => {
                "Times that data waited because a connection's indicate window was full."
            }
            Counter::NoAnonymousBuffer => {
                "Times that data waited because no Anonymous Buffer was granted."
            }
            Counter::NamedDeliveries => "Deliveries to Named Buffers.",
            Counter::NamedBuffersAccepted => "Named Buffers accepted.",
            Counter::NamedBuffersFull => "Named Buffers returned full.",
            Counter::NamedBuffersPushed => "Named Buffers returned because of PSH.",
            Counter::NamedBuffersTimedOut => {
                "Named Buffers returned because their Push Timer expired."
            }
            Counter::CommandsRefused => "Commands refused.",
        }
    }
}
