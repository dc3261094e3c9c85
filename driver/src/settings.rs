//! What can be set, from where, and which source won (B1 to B3).
//!
//! A [`Parameters`] is what one source says. [`Sources`] holds those that a person has a hand in, and
//! [`Sources::resolve`] puts the adapter's own defaults below them; the first source found wins.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

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
    const KEY: &'static str = "indicate_window_size";
    const RANGE: &'static str = "1 to 4294967295 bytes";

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

/// One source's values; what it does not set is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// indicateWindowSize of connections that bring none of their own (B2).
    pub indicate_window_size: Option<IndicateWindowSize>,
    /// Bytes of an Anonymous Buffer, 1 to 65535.
    pub anonymous_buffer_bytes: Option<u32>,
    /// Anonymous Buffers in the pool, 1 to 65536; unset, the pool follows from window and connections.
    pub anonymous_buffers: Option<u32>,
    /// Bytes of a host-frame buffer, 64 to 65535.
    pub host_frame_buffer_bytes: Option<u32>,
    /// Host-frame buffers, 1 to 65536.
    pub host_frame_buffers: Option<u32>,
    /// Entries of the event ring: a power of two, 2 to 65536.
    pub event_ring_entries: Option<u32>,
    /// When the driver acknowledges (B14).
    pub acknowledge: Option<AcknowledgePolicy>,
    /// How long the driver waits for the adapter's answer to a command.
    pub answer_deadline: Option<Duration>,
}

/// A parameter file as it is written down.
#[derive(Deserialize)]
struct File {
    indicate_window_size: Option<i64>,
    anonymous_buffer_bytes: Option<i64>,
    anonymous_buffers: Option<i64>,
    host_frame_buffer_bytes: Option<i64>,
    host_frame_buffers: Option<i64>,
    event_ring_entries: Option<i64>,
    acknowledge: Option<WordOrFraction>,
    answer_deadline_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WordOrFraction {
    Fraction(f64),
    Word(String),
}

impl Parameters {
    /// The keys of a parameter file.
    pub const KEYS: [&'static str; 8] = [
        "indicate_window_size",
        "anonymous_buffer_bytes",
        "anonymous_buffers",
        "host_frame_buffer_bytes",
        "host_frame_buffers",
        "event_ring_entries",
        "acknowledge",
        "answer_deadline_ms",
    ];

    /// Reads a parameter file.
    pub fn read(file: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(file).map_err(|error| SettingsError::Unreadable {
            file: file.to_owned(),
            reason: error.to_string(),
        })?;
        Self::parse(&text, file)
    }

    /// Parses the text of a parameter file; `file` is its name in errors.
    pub fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        let line_of = |place: usize| {
            1 + text
                .bytes()
                .take(place)
                .filter(|&byte| byte == b'\n')
                .count()
        };
        let syntax = |error: toml::de::Error| SettingsError::Syntax {
            file: file.to_owned(),
            line: line_of(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        };
        let table = toml::de::DeTable::parse(text).map_err(syntax)?;
        let mut unknown: Vec<_> = table
            .get_ref()
            .keys()
            .filter(|key| !Self::KEYS.contains(&key.get_ref().as_ref()))
            .collect();
        unknown.sort_by_key(|key| key.span().start);
        if let Some(key) = unknown.first() {
            return Err(SettingsError::UnknownKey {
                file: file.to_owned(),
                line: line_of(key.span().start),
                key: key.get_ref().to_string(),
            });
        }
        let values: File = toml::from_str(text).map_err(syntax)?;
        Self::from_file(values).map_err(|error| match error {
            SettingsError::Value { key, value, range } => {
                let place = table
                    .get_ref()
                    .keys()
                    .find(|known| known.get_ref().as_ref() == key);
                SettingsError::FileValue {
                    file: file.to_owned(),
                    line: line_of(place.map_or(0, |key| key.span().start)),
                    key,
                    value,
                    range,
                }
            }
            error => error,
        })
    }

    fn from_file(file: File) -> Result<Self, SettingsError> {
        let number = |value: Option<i64>, limits: &Limits| {
            value.map(|value| limits.check(value)).transpose()
        };
        let window = file.indicate_window_size.map(|bytes| {
            let range = IndicateWindowSize::RANGE;
            u64::try_from(bytes)
                .map_err(|_| out_of_range(IndicateWindowSize::KEY, bytes, range))
                .and_then(IndicateWindowSize::new)
        });
        Ok(Self {
            indicate_window_size: window.transpose()?,
            anonymous_buffer_bytes: number(file.anonymous_buffer_bytes, &ANONYMOUS_BUFFER_BYTES)?,
            anonymous_buffers: number(file.anonymous_buffers, &ANONYMOUS_BUFFERS)?,
            host_frame_buffer_bytes: number(
                file.host_frame_buffer_bytes,
                &HOST_FRAME_BUFFER_BYTES,
            )?,
            host_frame_buffers: number(file.host_frame_buffers, &HOST_FRAME_BUFFERS)?,
            event_ring_entries: number(file.event_ring_entries, &EVENT_RING_ENTRIES)?,
            acknowledge: match file.acknowledge {
                None => None,
                Some(WordOrFraction::Fraction(fraction)) => {
                    Some(AcknowledgePolicy::AtFraction(Fraction::new(fraction)?))
                }
                Some(WordOrFraction::Word(word)) => Some(word.parse()?),
            },
            answer_deadline: number(file.answer_deadline_ms, &ANSWER_DEADLINE_MS)?
                .map(|milliseconds| Duration::from_millis(u64::from(milliseconds))),
        })
    }

    /// Refuses values out of their range.
    fn check(&self) -> Result<(), SettingsError> {
        let check = |value: Option<u32>, limits: &Limits| match value {
            Some(value) => limits.check(i64::from(value)).map(drop),
            None => Ok(()),
        };
        check(self.anonymous_buffer_bytes, &ANONYMOUS_BUFFER_BYTES)?;
        check(self.anonymous_buffers, &ANONYMOUS_BUFFERS)?;
        check(self.host_frame_buffer_bytes, &HOST_FRAME_BUFFER_BYTES)?;
        check(self.host_frame_buffers, &HOST_FRAME_BUFFERS)?;
        check(self.event_ring_entries, &EVENT_RING_ENTRIES)
    }
}

/// Range of a whole number.
struct Limits {
    key: &'static str,
    least: u32,
    most: u32,
    power_of_two: bool,
    range: &'static str,
}

impl Limits {
    fn check(&self, value: i64) -> Result<u32, SettingsError> {
        u32::try_from(value)
            .ok()
            .filter(|value| (self.least..=self.most).contains(value))
            .filter(|value| !self.power_of_two || value.is_power_of_two())
            .ok_or_else(|| out_of_range(self.key, value, self.range))
    }
}

const ANONYMOUS_BUFFER_BYTES: Limits = Limits {
    key: "anonymous_buffer_bytes",
    least: 1,
    most: 65_535,
    power_of_two: false,
    range: "1 to 65535 bytes",
};
const ANONYMOUS_BUFFERS: Limits = Limits {
    key: "anonymous_buffers",
    least: 1,
    most: 65_536,
    power_of_two: false,
    range: "1 to 65536",
};
const HOST_FRAME_BUFFER_BYTES: Limits = Limits {
    key: "host_frame_buffer_bytes",
    least: 64,
    most: 65_535,
    power_of_two: false,
    range: "64 to 65535 bytes",
};
const HOST_FRAME_BUFFERS: Limits = Limits {
    key: "host_frame_buffers",
    least: 1,
    most: 65_536,
    power_of_two: false,
    range: "1 to 65536",
};
const EVENT_RING_ENTRIES: Limits = Limits {
    key: "event_ring_entries",
    least: 2,
    most: 65_536,
    power_of_two: true,
    range: "a power of two, 2 to 65536",
};
const ANSWER_DEADLINE_MS: Limits = Limits {
    key: "answer_deadline_ms",
    least: 1,
    most: u32::MAX,
    power_of_two: false,
    range: "1 to 4294967295 milliseconds",
};

/// Where a value came from; the first of these that has one wins (B3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The connection's own.
    Connection,
    /// Command line or API.
    UserInterface,
    /// The driver's parameter file.
    ParameterFile(PathBuf),
    /// The adapter's NVRAM default.
    Nvram,
    /// The reset value of the adapter's register.
    ResetValue,
    /// The driver's own default.
    Driver,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => formatter.write_str("the connection"),
            Self::UserInterface => formatter.write_str("user interface"),
            Self::ParameterFile(file) => write!(formatter, "parameter file {}", file.display()),
            Self::Nvram => formatter.write_str("NVRAM of the adapter"),
            Self::ResetValue => formatter.write_str("reset value of the adapter"),
            Self::Driver => formatter.write_str("default of the driver"),
        }
    }
}

/// A value and the source that won.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// The value in force.
    pub value: T,
    /// Where it is from.
    pub source: Source,
}

/// What the adapter itself says before anybody sets anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdapterDefaults {
    /// Connections that can be offloaded at once.
    pub connections: u32,
    /// The NVRAM default of indicateWindowSize, where one is stored.
    pub nvram_indicate_window_size: Option<IndicateWindowSize>,
    /// The TOE Module's reset value of indicateWindowSize.
    pub reset_indicate_window_size: IndicateWindowSize,
    /// Reset value of the size of an Anonymous Buffer.
    pub anonymous_buffer_bytes: u32,
    /// Reset value of the size of a host-frame buffer.
    pub host_frame_buffer_bytes: u32,
}

/// The sources of settings that a person has a hand in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    user_interface: Parameters,
    file: Option<(PathBuf, Parameters)>,
}

impl Sources {
    /// No source but the adapter and the driver.
    pub fn new() -> Self {
        Self::default()
    }

    /// With what the command line or the API says.
    pub fn user_interface(mut self, parameters: Parameters) -> Self {
        self.user_interface = parameters;
        self
    }

    /// With what the parameter file `file` says.
    pub fn parameter_file(self, file: &Path) -> Result<Self, SettingsError> {
        let parameters = Parameters::read(file)?;
        Ok(self.parameters_of(file, parameters))
    }

    /// With `parameters`, that were read from `file`.
    pub fn parameters_of(mut self, file: &Path, parameters: Parameters) -> Self {
        self.file = Some((file.to_owned(), parameters));
        self
    }

    /// The settings in force on an adapter with these defaults.
    pub fn resolve(&self, adapter: &AdapterDefaults) -> Result<Settings, SettingsError> {
        self.user_interface.check()?;
        if let Some((_, parameters)) = &self.file {
            parameters.check()?;
        }
        let window = self
            .first(|parameters| parameters.indicate_window_size)
            .unwrap_or(match adapter.nvram_indicate_window_size {
                Some(value) => Sourced {
                    value,
                    source: Source::Nvram,
                },
                None => Sourced {
                    value: adapter.reset_indicate_window_size,
                    source: Source::ResetValue,
                },
            });
        let reset = |value| Sourced {
            value,
            source: Source::ResetValue,
        };
        let own = |value| Sourced {
            value,
            source: Source::Driver,
        };
        let anonymous_buffer_bytes = self
            .first(|parameters| parameters.anonymous_buffer_bytes)
            .unwrap_or_else(|| reset(adapter.anonymous_buffer_bytes));
        let pool = pool_of(
            window.value,
            anonymous_buffer_bytes.value,
            adapter.connections,
        );
        Ok(Settings {
            anonymous_buffers: self
                .first(|parameters| parameters.anonymous_buffers)
                .unwrap_or_else(|| own(pool)),
            host_frame_buffer_bytes: self
                .first(|parameters| parameters.host_frame_buffer_bytes)
                .unwrap_or_else(|| reset(adapter.host_frame_buffer_bytes)),
            host_frame_buffers: self
                .first(|parameters| parameters.host_frame_buffers)
                .unwrap_or_else(|| own(HOST_FRAME_BUFFERS_DEFAULT)),
            event_ring_entries: self
                .first(|parameters| parameters.event_ring_entries)
                .unwrap_or_else(|| own(EVENT_RING_ENTRIES_DEFAULT)),
            acknowledge: self
                .first(|parameters| parameters.acknowledge)
                .unwrap_or(Sourced {
                    value: AcknowledgePolicy::default(),
                    source: Source::Driver,
                }),
            answer_deadline: self
                .first(|parameters| parameters.answer_deadline)
                .unwrap_or(Sourced {
                    value: ANSWER_DEADLINE_DEFAULT,
                    source: Source::Driver,
                }),
            indicate_window_size: window,
            anonymous_buffer_bytes,
        })
    }

    fn first<T>(&self, value: impl Fn(&Parameters) -> Option<T>) -> Option<Sourced<T>> {
        if let Some(value) = value(&self.user_interface) {
            return Some(Sourced {
                value,
                source: Source::UserInterface,
            });
        }
        let (file, parameters) = self.file.as_ref()?;
        let value = value(parameters)?;
        Some(Sourced {
            value,
            source: Source::ParameterFile(file.clone()),
        })
    }
}

const HOST_FRAME_BUFFERS_DEFAULT: u32 = 64;
const EVENT_RING_ENTRIES_DEFAULT: u32 = 1024;
const ANSWER_DEADLINE_DEFAULT: Duration = Duration::from_secs(1);

/// Host memory that a pool takes when nobody says how large it shall be.
const POOL_BYTES_MOST: u64 = 32 << 20;
const POOL_BUFFERS_LEAST: u64 = 16;

/// Buffers that hold a full window of every connection, within reason (B4).
fn pool_of(window: IndicateWindowSize, buffer_bytes: u32, connections: u32) -> u32 {
    let buffer_bytes = u64::from(buffer_bytes.max(1));
    let each = u64::from(window.get()).div_ceil(buffer_bytes);
    let most = (POOL_BYTES_MOST / buffer_bytes).min(u64::from(ANONYMOUS_BUFFERS.most));
    let buffers = each
        .saturating_mul(u64::from(connections))
        .max(POOL_BUFFERS_LEAST)
        .min(most);
    u32::try_from(buffers).unwrap_or(ANONYMOUS_BUFFERS.most)
}

/// The settings in force, each with its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// indicateWindowSize of connections that bring none of their own (B2).
    pub indicate_window_size: Sourced<IndicateWindowSize>,
    /// Bytes of an Anonymous Buffer.
    pub anonymous_buffer_bytes: Sourced<u32>,
    /// Anonymous Buffers in the pool.
    pub anonymous_buffers: Sourced<u32>,
    /// Bytes of a host-frame buffer.
    pub host_frame_buffer_bytes: Sourced<u32>,
    /// Host-frame buffers.
    pub host_frame_buffers: Sourced<u32>,
    /// Entries of the event ring.
    pub event_ring_entries: Sourced<u32>,
    /// When the driver acknowledges (B14).
    pub acknowledge: Sourced<AcknowledgePolicy>,
    /// How long the driver waits for the adapter's answer to a command.
    pub answer_deadline: Sourced<Duration>,
}

/// One line of [`Settings::explain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The key, as in a parameter file.
    pub key: &'static str,
    /// The value in force.
    pub value: String,
    /// The source that won.
    pub source: Source,
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} = {} ({})", self.key, self.value, self.source)
    }
}

impl Settings {
    /// Every setting, its value and the source that won (B3), in the order of [`Parameters::KEYS`].
    pub fn explain(&self) -> Vec<Explanation> {
        fn line<T: ToString>(key: &'static str, setting: &Sourced<T>) -> Explanation {
            Explanation {
                key,
                value: setting.value.to_string(),
                source: setting.source.clone(),
            }
        }
        let deadline = Sourced {
            value: self.answer_deadline.value.as_millis(),
            source: self.answer_deadline.source.clone(),
        };
        vec![
            line("indicate_window_size", &self.indicate_window_size),
            line("anonymous_buffer_bytes", &self.anonymous_buffer_bytes),
            line("anonymous_buffers", &self.anonymous_buffers),
            line("host_frame_buffer_bytes", &self.host_frame_buffer_bytes),
            line("host_frame_buffers", &self.host_frame_buffers),
            line("event_ring_entries", &self.event_ring_entries),
            line("acknowledge", &self.acknowledge),
            line("answer_deadline_ms", &deadline),
        ]
    }

    /// The window of a connection that brings `own`, and its source (B2, B3).
    pub fn window_of(&self, own: Option<IndicateWindowSize>) -> Sourced<IndicateWindowSize> {
        match own {
            Some(value) => Sourced {
                value,
                source: Source::Connection,
            },
            None => self.indicate_window_size.clone(),
        }
    }
}

fn out_of_range(key: &'static str, value: impl ToString, range: &'static str) -> SettingsError {
    SettingsError::Value {
        key,
        value: value.to_string(),
        range,
    }
}
