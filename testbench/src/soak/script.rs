//! Operation scripts: what peers, applications and buses do, in order.

use serde::{Deserialize, Serialize};

/// What holds for a whole script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSettings {
    /// indicateWindowSize of the adapter, in bytes.
    pub window: u32,
    /// Size of an Anonymous Buffer.
    pub anonymous: u32,
    /// Push Timer, in cycles.
    pub push_timer: u32,
    /// Bytes taken by the application that are acknowledged at the latest (B14).
    pub acknowledge: u32,
    /// Adapter memory of 64 KiB for each connection, so that segments of any length go through whole; else of 4 KiB.
    pub large: bool,
}

impl Default for ScriptSettings {
    fn default() -> Self {
        ScriptSettings {
            window: 4096,
            anonymous: 2048,
            push_timer: 5000,
            acknowledge: 1,
            large: false,
        }
    }
}

/// Where a stall happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bus {
    /// Frames from the MAC.
    Network,
    /// Writes to host memory: addresses, data and answers.
    Memory,
    /// Answers to writes alone.
    Answers,
    /// The register bus.
    Registers,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Offload a connection; a window of 0 takes the adapter's.
    Offload {
        /// Connection.
        connection: u16,
        /// Its own indicateWindowSize, or 0.
        window: u32,
    },
    /// The peer sends a segment that begins so far behind the bytes in order; negative: it repeats some.
    Segment {
        /// Connection.
        connection: u16,
        /// Distance of its first byte from the next byte expected.
        distance: i32,
        /// Payload.
        bytes: u32,
        /// PSH.
        push: bool,
    },
    /// The peer sends FIN.
    Fin {
        /// Connection.
        connection: u16,
    },
    /// The peer sends RST.
    Reset {
        /// Connection.
        connection: u16,
    },
    /// The application posts a buffer; 0 bytes ask for a notification.
    Post {
        /// Connection.
        connection: u16,
        /// Size.
        bytes: u32,
        /// Address of the first page modulo 64.
        align: u16,
        /// Pages that it is scattered over.
        pages: u16,
        /// Push Mode.
        push: bool,
    },
    /// The application cancels an open request: the `nth`, counted around.
    Cancel {
        /// Connection.
        connection: u16,
        /// Which.
        nth: u16,
    },
    /// The application takes at most so many of the bytes shown to it, now or as soon as it is shown some: early, late and in
    /// part are a matter of where this stands and how much it says.
    Accept {
        /// Connection.
        connection: u16,
        /// Bytes.
        bytes: u32,
    },
    /// The application does not accept what it was shown.
    Decline {
        /// Connection.
        connection: u16,
    },
    /// A new indicateWindowSize.
    Window {
        /// Connection.
        connection: u16,
        /// Bytes.
        bytes: u32,
    },
    /// End of offload.
    Upload {
        /// Connection.
        connection: u16,
    },
    /// A bus stalls.
    Stall {
        /// Which.
        bus: Bus,
        /// How long.
        cycles: u32,
    },
    /// Time passes.
    Wait {
        /// How much.
        cycles: u32,
    },
    /// Time passes until nothing moves; then no duty is open.
    Rest,
}

/// A reproducible test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Seed of what the script leaves open: the bytes themselves, and random stalls.
    pub seed: u64,
    /// What holds throughout.
    pub settings: ScriptSettings,
    /// What to do, in order.
    pub operations: Vec<Operation>,
}

/// The byte that a peer sends at an offset: the same for the same script, so that scripts carry no payload.
pub fn content(seed: u64, connection: u16, offset: u64) -> u8 {
    let mixed = (seed ^ (u64::from(connection) << 48) ^ offset).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

impl Operation {
    /// The numbers that may become smaller without its becoming another operation.
    pub(super) fn numbers(&mut self) -> Vec<Number<'_>> {
        use Number::{Flag, Long, Short, Signed};
        match self {
            Operation::Offload { window, .. } => vec![Long(window, 0)],
            Operation::Segment {
                distance,
                bytes,
                push,
                ..
            } => vec![Signed(distance), Long(bytes, 1), Flag(push)],
            Operation::Post {
                bytes,
                align,
                pages,
                push,
                ..
            } => vec![Long(bytes, 0), Short(align, 0), Short(pages, 1), Flag(push)],
            Operation::Cancel { nth, .. } => vec![Short(nth, 0)],
            Operation::Accept { bytes, .. } => vec![Long(bytes, 1)],
            Operation::Window { bytes, .. } => vec![Long(bytes, 1)],
            Operation::Stall { cycles, .. } => vec![Long(cycles, 1)],
            Operation::Wait { cycles } => vec![Long(cycles, 1)],
            Operation::Fin { .. }
            | Operation::Reset { .. }
            | Operation::Decline { .. }
            | Operation::Upload { .. }
            | Operation::Rest => Vec::new(),
        }
    }
}

/// A number of an operation, and the least that it can be.
pub(super) enum Number<'a> {
    Long(&'a mut u32, u32),
    Short(&'a mut u16, u16),
    Signed(&'a mut i32),
    Flag(&'a mut bool),
}

impl Number<'_> {
    /// What it is, as a distance from its least value.
    pub fn get(&self) -> i64 {
        match self {
            Number::Long(value, least) => i64::from(**value) - i64::from(*least),
            Number::Short(value, least) => i64::from(**value) - i64::from(*least),
            Number::Signed(value) => i64::from(**value),
            Number::Flag(value) => i64::from(**value),
        }
    }

    /// The reverse of `get`.
    pub fn set(&mut self, to: i64) {
        match self {
            Number::Long(value, least) => **value = (to + i64::from(*least)) as u32,
            Number::Short(value, least) => **value = (to + i64::from(*least)) as u16,
            Number::Signed(value) => **value = to as i32,
            Number::Flag(value) => **value = to != 0,
        }
    }
}
