//! What can be seen at the driver.

use toe_driver::registers::{Command, Event, ReturnReason};

use super::request::Answer;

/// One thing that can be seen at the driver, in the order of their happening there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverSeen {
    /// The driver gives the adapter a command.
    Command(Command),
    /// The driver reads an event.
    Event(Event),
    /// What the peer sends, where the content is to be judged.
    Sent {
        /// Connection.
        connection: u16,
        /// Offset from the offload's `receive_next`.
        offset: u64,
        /// Payload.
        bytes: Vec<u8>,
    },
    /// The application posts a buffer, or with 0 bytes asks for a notification.
    Post {
        /// Connection.
        connection: u16,
        /// The application's name for the request.
        request: u64,
        /// Size.
        bytes: u32,
        /// Pages that it is scattered over.
        pages: u16,
        /// Push Mode.
        push_mode: bool,
    },
    /// The application wants a request back.
    Cancel {
        /// Connection.
        connection: u16,
        /// Which.
        request: u64,
    },
    /// The driver shows the application what is queued.
    Notify {
        /// Connection.
        connection: u16,
        /// The bytes shown.
        data: Vec<u8>,
    },
    /// The application answers a notification.
    Answer {
        /// Connection.
        connection: u16,
        /// How.
        answer: Answer,
    },
    /// The driver completes a request.
    Complete {
        /// Connection.
        connection: u16,
        /// Which.
        request: u64,
        /// The bytes in it.
        data: Vec<u8>,
        /// Why.
        reason: ReturnReason,
    },
}
