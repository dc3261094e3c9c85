//! The behaviours B1 to B32 in code: what adapter and driver may do next, and what they must.
//!
//! Written from the list of behaviours and the register document, not from the RTL or the driver. [`AdapterModel`] watches the
//! interface between driver and adapter, [`DriverModel`] the one between application and driver; each is fed what can be seen there, in order
//! ([`Seen`], [`DriverSeen`]), and answers each step with what may and must come next ([`Next`], [`DriverNext`]) or with a [`Violation`] that names the behaviour.
//! When nothing moves any more, `rest` asks for the duties that are left. [`ReferenceAdapter`] and [`ReferenceDriver`] take random steps of those allowed: against them the
//! models are tested, in `testbench/tests/model.rs`.
//!
//! ```
//! use toe_driver::registers::{Command, Event, OffloadStatus};
//! use toe_testbench::model::{AdapterModel, Behaviour, Seen, Settings};
//!
//! let mut model = AdapterModel::new(Settings::default());
//! let window = Command::SetIndicateWindowSize { connection: 0, bytes: 0 };
//! # let offload = Command::Offload { connection: 0, destination_port: 80, source_port: 40000,
//! #     receive_next: 1, indicate_window_size: 0, ipv6: false };
//! model.see(10, &Seen::Taken(offload))?;
//! let status = OffloadStatus::Ok;
//! model.see(20, &Seen::Event(Event::Offloaded { connection: 0, status }))?;
//! model.see(30, &Seen::Taken(window))?; // B1: 0 is refused.
//! assert_eq!(model.rest().unwrap_err().behaviour, Behaviour(1));
//! # Ok::<(), toe_testbench::model::Violation>(())
//! ```
//!
//! | behaviour | where it is judged | test |
//! |---|---|---|
//! | B1 | `startup::window_of`; `State::effect`, `Talk::command`: a window of 0 | `b1_…` |
//! | B2 | `State::offload`: the connection's own window, else the adapter's | `b2_b5_…` |
//! | B3, B4 | `startup` | `b1_b3_…`, `b4_…` |
//! | B5 | `State::offload`, `State::offloaded` | `b2_b5_…` |
//! | B6 | `State::hand_back`, `tell`, `uploaded` | `b6_…` |
//! | B7 | `Pool::report`, `State::indicate`, `Stream::check` | `b7_…` |
//! | B8, B9 | `State::indicate`; that delivery goes on: `State::must` | `b8_b9_…` |
//! | B10 | `State::must`, `State::uploaded`: held bytes are not lost; what is advertised to the peer is not seen here | `b8_b9_…`, `b6_…` |
//! | B11 | `State::effect`, `State::refused`, `State::must` | `b11_…` |
//! | B12 | `State::accept` | `b12_b25_…` |
//! | B13, B14 | `Talk::acknowledge`, `Talk::must` | `driver::b13_…`, `driver::b14_…` |
//! | B15 | `State::effect`, `State::indicate` | `b15_…` |
//! | B16, B17 | `Talk::arrive`, `Talk::notify` | `driver::b17_b20_…` |
//! | B18 | `Pool::grant`, `Pool::write`, `DriverModel::buffers`, `Talk::completes` | `b18_…`, `driver::b18_…` |
//! | B19 | `Talk::must` | `driver::b19_…` |
//! | B20 | `Talk::notify`, `Talk::must` | `driver::b17_b20_…` |
//! | B21 | `Talk::answer`, `Talk::notify` | `driver::b21_…` |
//! | B22 | `Talk::completes`, `Talk::must` | `driver::b22_…` |
//! | B23 | `Talk::complete`, `Talk::hand_over` | `driver::b23_…` |
//! | B24 | `Talk::complete`, `Talk::must` | `driver::b24_…` |
//! | B25 | `State::accept`, `State::write`, `Talk::hand_over`, `Talk::accepted` | `b12_b25_…`, `b25_…`, `driver::b25_…` |
//! | B26 | `State::post`, `Talk::hand_over` | `b26_…`, `driver::b26_…` |
//! | B27 | `State::come_back`, `Talk::complete`, `Talk::back` | `b27_…`, `driver::b27_…` |
//! | B28 | `State::post`, `State::write`, `NamedBuffer::place` | `b28_…` |
//! | B29 to B32 | `State::come_back`, `State::timer`; `Talk::completes`, `Talk::timer` | `b29_…` to `b32_…`, also `driver::` |
//! | B35, B37, B38 | as far as they show: `Stream::check`, `State::peer_closed`, `State::peer_reset`, `AdapterModel::write` | `b7_…`, `b37_…`, `b38_…` |
//!
//! # Choices where the behaviours are silent
//!
//! - A command has its effect at any time after it was taken, in order with those before it. `rest` is where it must have had it.
//! - Answers to commands of one opcode come in the order of the commands; answers to different ones in any order.
//! - Events come in order, each behind the bytes that it reports, and bytes come in the order of the stream. But bytes may run ahead of
//!   events that do not report them: they may be written to a Named Buffer before the events that return the one before it, refuse its
//!   cancel, report the last bytes indicated, or accept it. They are judged with its acceptance.
//! - A full buffer comes back as `full`, whatever else holds. A `timeout` is wrong once a PSH was placed or skipped for sure; unless
//!   the Push Timer is shorter than data are on their way to the bus, for then it may expire before PSH is seen.
//! - PSH counts for all bytes of the delivery to an Anonymous Buffer that it is in: where some of them are skipped, PSH may count as skipped.
//! - The Push Timer of a buffer that holds skipped bytes only runs from its acceptance.
//! - After PSH, bytes may still be placed until the buffer comes back, which it does within the Push Timer's time.
//! - During an upload a command may still have its effect, or be refused as `not_offloaded`. The order of `ended` buffers and `upload_data` is free.
//! - After RST buffers may fill on or come back at once; at rest all are back. The order of `ended` and `peer_closed` is free.
//! - While a notification waits for its answer nothing is copied, handed over or completed with data: the application may yet accept those bytes.
//! - A partial acceptance leaves data and no buffer, so it is followed by another notification.
//! - A zero-byte request may be completed at any time, at the latest when data are queued; it clears *not accepted* as any post does.
//! - A buffer is handed to the adapter only when all that is pending there is still queued: what the application took is acknowledged before. Else the skip would leave a hole.

mod adapter;
mod driver;
mod driver_duties;
mod driver_seen;
mod duties;
mod handover;
mod histories;
mod lifecycle;
mod named;
mod next;
mod pool;
mod reference;
mod request;
mod rules;
mod seen;
mod startup;
mod state;
mod stream;
mod talk;
mod violation;

pub use adapter::AdapterModel;
pub use driver::DriverModel;
pub use driver_duties::{DriverMay, DriverNext};
pub use driver_seen::DriverSeen;
pub use named::Page;
pub use next::{Due, Duty, May, Next};
pub use reference::{Dice, Fault, ReferenceAdapter, ReferenceDriver};
pub use request::{Answer, DriverSettings};
pub use seen::Seen;
pub(crate) use seen::{command_connection, event_connection};
pub use startup::{StartModel, StartStep, WindowSource, window_of};
pub use state::Settings;
pub use stream::{Push, Stream};
pub use violation::{Behaviour, Violation};
