//! Values of settings: their ranges, how they are written, and what is wrong with one.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use super::Parameters;

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The parameter file cannot be read.
    #[error("{}: cannot be read: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The parameter file is not TOML, or a value is of the wrong type.
    #[error("{}:{line}: {reason}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// The parameter file has a key that nobody knows.
    #[error("{}:{line}: unknown key `{key}`; known are {}", file.display(), Parameters::KEYS.join(", "))]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value in the parameter file is out of its range.
    #[error("{}:{line}: {key} = {value} is out of range: {range}", file.display())]
    FileValue {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// A value is out of its range.
    #[error("{key} = {value} is out of range: {range}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
}

/// indicateWindowSize: bytes that the adapter may deliver to Anonymous Buffers of a connection before it must wait;
/// 1 to 2^32-1 (B1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndicateWindowSize(NonZeroU32);

impl IndicateWindowSize {
    pub(super) const KEY: &'static str = "indicate_window_size";
    pub(super) const RANGE: &'static str = "1 to 4294967295 bytes";

    /// The largest.
    pub(crate) const MOST: Self = Self(NonZeroU32::MAX);

    /// A window of `bytes`, or the error that says what is allowed.
    pub fn new(bytes: u64) -> Result<Self, SettingsError> {
        u32::try_from(bytes)
            .ok()
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or_else(|| out_of_range(Self::KEY, bytes, Self::RANGE))
    }

    /// Bytes.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl From<NonZeroU32> for IndicateWindowSize {
    fn from(bytes: NonZeroU32) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for IndicateWindowSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for IndicateWindowSize {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text.parse() {
            Ok(bytes) => Self::new(bytes),
            Err(_) => Err(out_of_range(Self::KEY, text, Self::RANGE)),
        }
    }
}

/// A part of the window: more than 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    const RANGE: &'static str = "more than 0, at most 1";

    pub(super) const HALF: Self = Self(0.5);

    /// The fraction `fraction`, or the error that says what is allowed.
    pub fn new(fraction: f64) -> Result<Self, SettingsError> {
        if fraction > 0.0 && fraction <= 1.0 {
            Ok(Self(fraction))
        } else {
            Err(out_of_range("acknowledge", fraction, Self::RANGE))
        }
    }

    /// The number itself.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// That part of `window`, rounded up: 1 to `window` bytes.
    pub fn of(self, window: u32) -> u32 {
        ((f64::from(window) * self.0).ceil() as u32).clamp(1, window.max(1))
    }
}

/// When the driver acknowledges what the application accepted (B14).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AcknowledgePolicy {
    /// When the window is full and all of it is accepted (B13): fewest commands.
    #[default]
    WindowFull,
    /// As soon as this part of the window is accepted.
    AtFraction(Fraction),
    /// Whenever the application accepts: the window stays widest open.
    EveryAcceptance,
}

impl fmt::Display for AcknowledgePolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WindowFull => formatter.write_str("window-full"),
            Self::AtFraction(fraction) => write!(formatter, "{}", fraction.get()),
            Self::EveryAcceptance => formatter.write_str("every-acceptance"),
        }
    }
}

impl FromStr for AcknowledgePolicy {
    type Err = SettingsError;

    /// `window-full`, `every-acceptance` or a fraction of the window such as `0.5`.
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "window-full" => Ok(Self::WindowFull),
            "every-acceptance" => Ok(Self::EveryAcceptance),
            _ => text
                .parse()
                .ok()
                .and_then(|fraction| Fraction::new(fraction).ok())
                .map(Self::AtFraction)
                .ok_or_else(|| {
                    out_of_range(
                        "acknowledge",
                        text,
                        "window-full, every-acceptance, or a fraction of the window above 0 and at most 1",
                    )
                }),
        }
    }
}

/// What becomes of data that comes before the application posted a buffer for it (B50 to B52).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The adapter delivers up to the indicate window and places the rest in Named Buffers (B52).
    #[default]
    Indicate,
    /// The adapter delivers at most a segment, then waits until the application has taken it or posted a buffer
    /// (B50): a window of one segment of full size, acknowledged at every acceptance.
    ///
    /// A window counts bytes, so of segments that are not of full size it lets several pass; that is in favour of
    /// this policy.
    HoldOff,
    /// The adapter never waits and never sees a Named Buffer; the driver copies everything (B51): the largest window,
    /// acknowledged often enough never to close, which takes next to no commands.
    Copy,
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Indicate => "indicate",
            Self::HoldOff => "hold-off",
            Self::Copy => "copy",
        })
    }
}

impl FromStr for Policy {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "indicate" => Ok(Self::Indicate),
            "hold-off" => Ok(Self::HoldOff),
            "copy" => Ok(Self::Copy),
            _ => Err(out_of_range("policy", text, "indicate, hold-off or copy")),
        }
    }
}

/// Range of a whole number.
pub(super) struct Limits {
    key: &'static str,
    least: u32,
    pub most: u32,
    power_of_two: bool,
    range: &'static str,
}

impl Limits {
    pub fn check(&self, value: i64) -> Result<u32, SettingsError> {
        u32::try_from(value)
            .ok()
            .filter(|value| (self.least..=self.most).contains(value))
            .filter(|value| !self.power_of_two || value.is_power_of_two())
            .ok_or_else(|| out_of_range(self.key, value, self.range))
    }
}

pub(super) const ANONYMOUS_BUFFER_BYTES: Limits = Limits {
    key: "anonymous_buffer_bytes",
    least: 1,
    most: 65_535,
    power_of_two: false,
    range: "1 to 65535 bytes",
};
pub(super) const ANONYMOUS_BUFFERS: Limits = Limits {
    key: "anonymous_buffers",
    least: 1,
    most: 65_536,
    power_of_two: false,
    range: "1 to 65536",
};
pub(super) const HOST_FRAME_BUFFER_BYTES: Limits = Limits {
    key: "host_frame_buffer_bytes",
    least: 64,
    most: 65_535,
    power_of_two: false,
    range: "64 to 65535 bytes",
};
pub(super) const HOST_FRAME_BUFFERS: Limits = Limits {
    key: "host_frame_buffers",
    least: 1,
    most: 65_536,
    power_of_two: false,
    range: "1 to 65536",
};
pub(super) const EVENT_RING_ENTRIES: Limits = Limits {
    key: "event_ring_entries",
    least: 2,
    most: 65_536,
    power_of_two: true,
    range: "a power of two, 2 to 65536",
};
pub(super) const ANSWER_DEADLINE_MS: Limits = Limits {
    key: "answer_deadline_ms",
    least: 1,
    most: u32::MAX,
    power_of_two: false,
    range: "1 to 4294967295 milliseconds",
};

pub(super) const SEGMENT_BYTES: Limits = Limits {
    key: "segment_bytes",
    least: 1,
    most: 65_535,
    power_of_two: false,
    range: "1 to 65535 bytes",
};
pub(super) const PUSH_TIMER_MS: Limits = Limits {
    key: "push_timer_ms",
    least: 1,
    most: 27_000,
    power_of_two: false,
    range: "1 to 27000 milliseconds",
};
pub(super) const NAMED_BUFFER_BYTES: Limits = Limits {
    key: "named_buffer_bytes",
    least: 1,
    most: 1 << 30,
    power_of_two: false,
    range: "1 to 1073741824 bytes",
};
pub(super) const NAMED_BUFFERS_AHEAD: Limits = Limits {
    key: "named_buffers_ahead",
    least: 1,
    most: 1024,
    power_of_two: false,
    range: "1 to 1024",
};

pub(crate) fn out_of_range(
    key: &'static str,
    value: impl ToString,
    range: &'static str,
) -> SettingsError {
    SettingsError::Value {
        key,
        value: value.to_string(),
        range,
    }
}
