//! What can be set, from where, and which source won (B1 to B3).
//!
//! A [`Parameters`] is what one source says. [`Sources`] holds those that a person has a hand in, and
//! [`Sources::resolve`] puts the adapter's own defaults below them; the first source found wins.

mod values;

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub(crate) use values::out_of_range;
use values::*;
pub use values::{AcknowledgePolicy, Fraction, IndicateWindowSize, Policy, SettingsError};

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
    /// What becomes of data that comes before a buffer is posted for it (B50 to B52).
    pub policy: Option<Policy>,
    /// Bytes of a segment of full size, the window of [`Policy::HoldOff`]; 1 to 65535.
    pub segment_bytes: Option<u32>,
    /// Push Timer of adapter and driver (B30, B32), in whole milliseconds, 1 to 27000.
    pub push_timer: Option<Duration>,
    /// Bytes of the Named Buffers that a [`ByteStream`](crate::ByteStream) posts, 1 to 2^30; unset, 64 KiB, or more
    /// where the window is not smaller.
    pub named_buffer_bytes: Option<u32>,
    /// Named Buffers that a [`ByteStream`](crate::ByteStream) keeps posted, 1 to 1024.
    pub named_buffers_ahead: Option<u32>,
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
    policy: Option<String>,
    segment_bytes: Option<i64>,
    push_timer_ms: Option<i64>,
    named_buffer_bytes: Option<i64>,
    named_buffers_ahead: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WordOrFraction {
    Fraction(f64),
    Word(String),
}

impl Parameters {
    /// The keys of a parameter file.
    pub const KEYS: [&'static str; 13] = [
        "indicate_window_size",
        "anonymous_buffer_bytes",
        "anonymous_buffers",
        "host_frame_buffer_bytes",
        "host_frame_buffers",
        "event_ring_entries",
        "acknowledge",
        "answer_deadline_ms",
        "policy",
        "segment_bytes",
        "push_timer_ms",
        "named_buffer_bytes",
        "named_buffers_ahead",
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
        let milliseconds = |value: Option<i64>, limits: &Limits| {
            let value = number(value, limits)?;
            Ok::<_, SettingsError>(value.map(|value| Duration::from_millis(u64::from(value))))
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
            answer_deadline: milliseconds(file.answer_deadline_ms, &ANSWER_DEADLINE_MS)?,
            policy: file.policy.map(|word| word.parse()).transpose()?,
            segment_bytes: number(file.segment_bytes, &SEGMENT_BYTES)?,
            push_timer: milliseconds(file.push_timer_ms, &PUSH_TIMER_MS)?,
            named_buffer_bytes: number(file.named_buffer_bytes, &NAMED_BUFFER_BYTES)?,
            named_buffers_ahead: number(file.named_buffers_ahead, &NAMED_BUFFERS_AHEAD)?,
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
        check(self.event_ring_entries, &EVENT_RING_ENTRIES)?;
        check(self.segment_bytes, &SEGMENT_BYTES)?;
        let push_timer = |timer: Duration| u32::try_from(timer.as_millis()).unwrap_or(u32::MAX);
        check(self.push_timer.map(push_timer), &PUSH_TIMER_MS)?;
        check(self.named_buffer_bytes, &NAMED_BUFFER_BYTES)?;
        check(self.named_buffers_ahead, &NAMED_BUFFERS_AHEAD)
    }
}

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
        let own = |value| Sourced {
            value,
            source: Source::Driver,
        };
        let reset = |value| Sourced {
            value,
            source: Source::ResetValue,
        };
        let policy = self.first_or(|parameters| parameters.policy, Policy::default());
        let segment_bytes = self.first_or(|parameters| parameters.segment_bytes, SEGMENT_DEFAULT);
        let (window, acknowledge) = match policy.value {
            Policy::Indicate => (None, None),
            Policy::HoldOff => (
                NonZeroU32::new(segment_bytes.value).map(IndicateWindowSize::from),
                Some(AcknowledgePolicy::EveryAcceptance),
            ),
            Policy::Copy => (
                Some(IndicateWindowSize::MOST),
                Some(AcknowledgePolicy::AtFraction(Fraction::HALF)),
            ),
        };
        let by_policy = |value| Sourced {
            value,
            source: policy.source.clone(),
        };
        let window = window.map(by_policy).unwrap_or_else(|| {
            self.first(|parameters| parameters.indicate_window_size)
                .unwrap_or(match adapter.nvram_indicate_window_size {
                    Some(value) => Sourced {
                        value,
                        source: Source::Nvram,
                    },
                    None => reset(adapter.reset_indicate_window_size),
                })
        });
        let acknowledge = match acknowledge {
            Some(value) => Sourced {
                value,
                source: policy.source.clone(),
            },
            None => self.first_or(
                |parameters| parameters.acknowledge,
                AcknowledgePolicy::default(),
            ),
        };
        let anonymous_buffer_bytes = self
            .first(|parameters| parameters.anonymous_buffer_bytes)
            .unwrap_or(Sourced {
                value: adapter.anonymous_buffer_bytes,
                source: Source::ResetValue,
            });
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
                .unwrap_or(Sourced {
                    value: adapter.host_frame_buffer_bytes,
                    source: Source::ResetValue,
                }),
            host_frame_buffers: self.first_or(
                |parameters| parameters.host_frame_buffers,
                HOST_FRAME_BUFFERS_DEFAULT,
            ),
            event_ring_entries: self.first_or(
                |parameters| parameters.event_ring_entries,
                EVENT_RING_ENTRIES_DEFAULT,
            ),
            answer_deadline: self.first_or(
                |parameters| parameters.answer_deadline,
                ANSWER_DEADLINE_DEFAULT,
            ),
            push_timer: self.first_or(|parameters| parameters.push_timer, PUSH_TIMER_DEFAULT),
            named_buffer_bytes: self.first_or(
                |parameters| parameters.named_buffer_bytes,
                named_buffer_of(policy.value, window.value),
            ),
            named_buffers_ahead: self.first_or(
                |parameters| parameters.named_buffers_ahead,
                NAMED_BUFFERS_AHEAD_DEFAULT,
            ),
            indicate_window_size: window,
            anonymous_buffer_bytes,
            acknowledge,
            policy,
            segment_bytes,
        })
    }

    /// The first source's value, or the driver's own.
    fn first_or<T>(&self, value: impl Fn(&Parameters) -> Option<T>, own: T) -> Sourced<T> {
        self.first(value).unwrap_or(Sourced {
            value: own,
            source: Source::Driver,
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
/// What a segment carries over Ethernet, IPv4 and TCP without options.
const SEGMENT_DEFAULT: u32 = 1460;
const PUSH_TIMER_DEFAULT: Duration = Duration::from_millis(500);
const NAMED_BUFFERS_AHEAD_DEFAULT: u32 = 4;

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

/// 64 KiB; or, where the adapter places, the next multiple of a page larger than the window, within reason (B25).
fn named_buffer_of(policy: Policy, window: IndicateWindowSize) -> u32 {
    let usual = 1 << 16;
    let larger = (window.get() / PAGE_BYTES + 1).saturating_mul(PAGE_BYTES);
    match policy {
        Policy::Indicate if larger <= NAMED_BUFFER_BYTES_MOST => larger.max(usual),
        _ => usual,
    }
}

const PAGE_BYTES: u32 = 4096;
const NAMED_BUFFER_BYTES_MOST: u32 = 1 << 20;

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
    /// What becomes of data that comes before a buffer is posted for it (B50 to B52).
    pub policy: Sourced<Policy>,
    /// Bytes of a segment of full size.
    pub segment_bytes: Sourced<u32>,
    /// Push Timer of adapter and driver (B30, B32).
    pub push_timer: Sourced<Duration>,
    /// Bytes of the Named Buffers that a [`ByteStream`](crate::ByteStream) posts.
    pub named_buffer_bytes: Sourced<u32>,
    /// Named Buffers that a [`ByteStream`](crate::ByteStream) keeps posted.
    pub named_buffers_ahead: Sourced<u32>,
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
        fn milliseconds(key: &'static str, setting: &Sourced<Duration>) -> Explanation {
            Explanation {
                key,
                value: setting.value.as_millis().to_string(),
                source: setting.source.clone(),
            }
        }
        vec![
            line("indicate_window_size", &self.indicate_window_size),
            line("anonymous_buffer_bytes", &self.anonymous_buffer_bytes),
            line("anonymous_buffers", &self.anonymous_buffers),
            line("host_frame_buffer_bytes", &self.host_frame_buffer_bytes),
            line("host_frame_buffers", &self.host_frame_buffers),
            line("event_ring_entries", &self.event_ring_entries),
            line("acknowledge", &self.acknowledge),
            milliseconds("answer_deadline_ms", &self.answer_deadline),
            line("policy", &self.policy),
            line("segment_bytes", &self.segment_bytes),
            milliseconds("push_timer_ms", &self.push_timer),
            line("named_buffer_bytes", &self.named_buffer_bytes),
            line("named_buffers_ahead", &self.named_buffers_ahead),
        ]
    }

    /// The window of a connection that brings `own`, and its source (B2, B3).
    pub fn window_of(&self, own: Option<IndicateWindowSize>) -> Sourced<IndicateWindowSize> {
        match own {
            // The other policies *are* a window; it is not the connection's to choose.
            Some(value) if self.policy.value == Policy::Indicate => Sourced {
                value,
                source: Source::Connection,
            },
            _ => self.indicate_window_size.clone(),
        }
    }
}
