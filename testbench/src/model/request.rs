//! Requests of the application, its answers, and what is known of the driver.

use toe_driver::registers::ReturnReason;

/// The application's answer to a notification (B21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All that was shown.
    Accepted,
    /// So many bytes; the rest stays queued.
    Part(u64),
    /// Nothing, until a buffer is posted.
    NotAccepted,
}

/// What the model is told of the driver that it observes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverSettings {
    /// indicateWindowSize of a connection offloaded without its own (B2).
    pub indicate_window_size: u32,
    /// The policy (B14): so many bytes taken by the application are acknowledged at the latest; 1: every acceptance.
    /// At a full window all of them are, whatever stands here.
    pub acknowledge_at: u32,
    /// Pages of Named Buffers that the adapter can hold for a connection.
    pub named_buffer_pages: u16,
    /// Push Timer, in cycles (B30, B32).
    pub push_timer_cycles: u64,
    /// How much earlier an expiry may be seen.
    pub early_cycles: u64,
    /// How much later a return may be seen.
    pub late_cycles: u64,
}

/// Where a request of the application is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Driver,
    /// Handed to the adapter under a number; accepted; came back with bytes and reason.
    Adapter {
        number: u16,
        accepted: bool,
        back: Option<(u32, ReturnReason)>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub id: u64,
    pub bytes: u64,
    pub push_mode: bool,
    pub cancelled: bool,
    /// The adapter refused it, or cannot hold its pages: the driver fills it.
    pub refused: bool,
    /// The adapter gave it back at the end, without having accepted it: the driver fills it, or returns it as it is.
    pub came_back: bool,
    /// The widest window since it was handed over.
    pub widest: u32,
    pub place: Place,
}

impl Request {
    pub fn with_adapter(&self) -> bool {
        matches!(self.place, Place::Adapter { back: None, .. })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Open,
    Closed,
    Reset,
    Uploaded,
}
