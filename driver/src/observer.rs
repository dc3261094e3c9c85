//! A window for scoreboards and logs: what passes between driver and adapter, in order.

use crate::bus::BusAddress;
use crate::receive::{Reason, RequestId};
use crate::registers::{Command, Event};

/// Sees every event before the driver acts on it, and every command before the adapter can.
///
/// The calls come from inside the driver's main loop: they must be short, and must not call the driver.
pub trait Observer {
    /// Event `number` (modulo 2^32, since bring-up) is valid and about to be acted on. `address` is that of the
    /// buffer that it names, still owned by nobody but the event.
    fn event(&self, number: u32, event: &Event, address: Option<BusAddress>);

    /// The command is about to be committed: the next access is the write of its last word.
    fn command(&self, command: &Command) {
        let _ = command;
    }

    /// The request is complete, with so many bytes; the application has yet to take it.
    fn completed(&self, request: RequestId, bytes: u64, reason: Reason) {
        let _ = (request, bytes, reason);
    }
}

/// Sees nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn event(&self, _: u32, _: &Event, _: Option<BusAddress>) {}
}

impl<T: Observer + ?Sized> Observer for std::rc::Rc<T> {
    fn event(&self, number: u32, event: &Event, address: Option<BusAddress>) {
        (**self).event(number, event, address);
    }

    fn command(&self, command: &Command) {
        (**self).command(command);
    }

    fn completed(&self, request: RequestId, bytes: u64, reason: Reason) {
        (**self).completed(request, bytes, reason);
    }
}
