//! Values on the command line that are more than a number or a name.

use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use toe_driver::{AcknowledgePolicy, IndicateWindowSize, Policy};

/// When frames are sent to the adapter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PaceValue {
    AsSoonAsPossible,
    Captured,
    BitsPerSecond(f64),
}

impl FromStr for PaceValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "asap" => return Ok(Self::AsSoonAsPossible),
            "captured" => return Ok(Self::Captured),
            _ => {}
        }
        let not_a_pace = || {
            "expected asap, captured, or a rate such as 10Gbit, 2.5Gbit, 100Mbit, 64kbit".to_owned()
        };
        let rate = text.strip_suffix("bit").ok_or_else(not_a_pace)?;
        let (number, unit) = match rate.char_indices().last() {
            Some((at, 'k')) => (&rate[..at], 1e3),
            Some((at, 'M')) => (&rate[..at], 1e6),
            Some((at, 'G')) => (&rate[..at], 1e9),
            _ => (rate, 1.0),
        };
        // No signs, exponents, infinities: a rate is digits with perhaps a point.
        if !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(not_a_pace());
        }
        let bits = number.parse::<f64>().map_err(|_| not_a_pace())? * unit;
        if bits < 1.0 {
            return Err("a rate is at least 1bit a second".to_owned());
        }
        Ok(Self::BitsPerSecond(bits))
    }
}

/// `--window`: the range is the driver's, the words are the option's.
pub(crate) fn window(text: &str) -> Result<IndicateWindowSize, String> {
    text.parse()
        .map_err(|_| "the indicate window is 1 to 4294967295 bytes".to_owned())
}

/// `--acknowledge`.
pub(crate) fn acknowledge(text: &str) -> Result<AcknowledgePolicy, String> {
    text.parse().map_err(|_| {
        "expected window-full, every-acceptance, or a fraction of the window above 0 and at most 1"
            .to_owned()
    })
}

/// A length of time: a number and `ns`, `us`, `ms` or `s`; seconds where no unit stands.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        _ => return Err("expected a number with ns, us, ms or s behind it".to_owned()),
    };
    let seconds = number
        .parse::<f64>()
        .map_err(|_| "expected a number and a unit".to_owned())?;
    Duration::try_from_secs_f64(seconds * scale).map_err(|error| error.to_string())
}

/// How the application takes its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApplicationValue {
    /// Keeps Named Buffers posted ahead of need (--buffer, --ahead)
    Stream,
    /// Posts a Named Buffer once it was notified and has thought about it (--buffer, --think)
    Transaction,
    /// Takes what is indicated, after thinking about it (--think)
    Slow,
    /// Takes what is indicated, at once
    Accept,
}

impl ApplicationValue {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Transaction => "transaction",
            Self::Slow => "slow",
            Self::Accept => "accept",
        }
    }
}

/// What the adapter does with data that nobody has posted a buffer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyValue {
    /// Delivers up to the indicate window to Anonymous Buffers, then waits
    Indicate,
    /// Delivers a segment, then waits until it is taken or a buffer is posted
    HoldOff,
    /// Delivers all of it, and the driver copies all of it
    Copy,
}

impl From<PolicyValue> for Policy {
    fn from(value: PolicyValue) -> Self {
        match value {
            PolicyValue::Indicate => Self::Indicate,
            PolicyValue::HoldOff => Self::HoldOff,
            PolicyValue::Copy => Self::Copy,
        }
    }
}

/// How much the buses around the adapter stall at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StallsValue {
    /// Never
    None,
    /// In one cycle of eight
    Light,
    /// In every other cycle
    Heavy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_word_or_a_rate() {
        assert_eq!("asap".parse(), Ok(PaceValue::AsSoonAsPossible));
        assert_eq!("captured".parse(), Ok(PaceValue::Captured));
        assert_eq!("10Gbit".parse(), Ok(PaceValue::BitsPerSecond(1e10)));
        assert_eq!("2.5kbit".parse(), Ok(PaceValue::BitsPerSecond(2500.0)));
        assert_eq!("8bit".parse(), Ok(PaceValue::BitsPerSecond(8.0)));
        for wrong in [
            "", "bit", "Gbit", "0bit", "-1bit", "1e9bit", "10G", "infbit", "1.2.3bit", "é",
        ] {
            assert!(wrong.parse::<PaceValue>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(time("20us"), Ok(Duration::from_micros(20)));
        assert_eq!(time("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "us", "3 h", "-1s", "9e9s", "1.2.3"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
