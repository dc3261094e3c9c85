//! Faults to plant in the reference adapter.

/// A fault to plant, and the behaviour that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// B25: one byte too few is skipped.
    SkipOffByOne,
    /// B11: an acknowledgement is counted twice.
    AcknowledgeTwice,
    /// B8: a delivery goes a byte beyond the window.
    WindowOverrun,
    /// B28: the second page is filled from its second byte.
    WrongPage,
    /// B29: PSH returns a buffer before its byte is placed.
    PushEarly,
    /// B30: the Push Timer is not started anew by new data.
    TimerEarly,
    /// B27: a full buffer comes back twice.
    ReturnTwice,
    /// B37: the close overtakes the bytes before it.
    CloseEarly,
    /// B6: an upload forgets the last byte.
    UploadShort,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 9] = [
        Fault::SkipOffByOne,
        Fault::AcknowledgeTwice,
        Fault::WindowOverrun,
        Fault::WrongPage,
        Fault::PushEarly,
        Fault::TimerEarly,
        Fault::ReturnTwice,
        Fault::CloseEarly,
        Fault::UploadShort,
    ];

    /// The behaviours that it can break, whichever shows first.
    pub fn breaks(self) -> &'static [u8] {
        match self {
            Fault::SkipOffByOne => &[25],
            Fault::AcknowledgeTwice => &[8, 9, 11, 15, 25],
            Fault::WindowOverrun => &[8, 9, 15],
            Fault::WrongPage => &[28],
            Fault::PushEarly => &[29],
            Fault::TimerEarly => &[30],
            Fault::ReturnTwice => &[27],
            Fault::CloseEarly => &[37],
            Fault::UploadShort => &[6],
        }
    }
}
