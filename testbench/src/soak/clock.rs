//! The clock that the driver is told: so slow that a timer of its own, which counts milliseconds, takes no longer than what it waits for.

use std::time::Duration;

/// Period of the adapter's clock, as the driver reads it.
pub(super) const PERIOD_PICOSECONDS: u32 = 10_000_000;
/// Cycles in the grain of the driver's timers, a millisecond.
pub(super) const GRAIN: u64 = 1_000_000_000 / PERIOD_PICOSECONDS as u64;

/// How long so many cycles take.
pub(super) fn duration(cycles: u64) -> Duration {
    Duration::from_nanos(cycles * u64::from(PERIOD_PICOSECONDS) / 1000)
}
