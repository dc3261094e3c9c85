//! What has become of each connection, as the driver's observer sees it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use toe_driver::registers::{Command, Event};
use toe_driver::{BusAddress, Observer};
use tokio::sync::Notify;

/// Progress of one stretch of offload.
#[derive(Default)]
pub(super) struct Progress {
    /// Bytes that left the receive ring towards the host; those in a Named Buffer once it has come back.
    pub delivered: Cell<u64>,
    /// Bytes skipped in the Named Buffer accepted last.
    skipped: Cell<u64>,
    /// The peer's FIN has arrived.
    pub closed: Cell<bool>,
    /// The peer's RST has arrived.
    pub reset: Cell<bool>,
    /// Something of the above has changed.
    pub changed: Notify,
}

/// Progress of every connection, by its number.
#[derive(Clone, Default)]
pub(super) struct ProgressBook {
    stretches: Rc<RefCell<HashMap<u16, Rc<Progress>>>>,
}

impl ProgressBook {
    /// Progress of the connection that has this number now.
    pub fn of(&self, connection: u16) -> Rc<Progress> {
        Rc::clone(self.stretches.borrow_mut().entry(connection).or_default())
    }
}

impl Observer for ProgressBook {
    fn event(&self, _: u32, event: &Event, _: Option<BusAddress>) {
        let (connection, change): (u16, &dyn Fn(&Progress)) = match *event {
            Event::IndicateData {
                connection, length, ..
            }
            | Event::UploadData {
                connection, length, ..
            } => (connection, &move |progress| {
                progress
                    .delivered
                    .set(progress.delivered.get() + u64::from(length));
            }),
            Event::NamedBufferAccepted {
                connection,
                skipped,
            } => (connection, &move |progress| {
                progress.skipped.set(skipped.into())
            }),
            // One that was not accepted comes back with 0 bytes.
            Event::NamedBufferReturned {
                connection, bytes, ..
            } => (connection, &move |progress| {
                let placed = u64::from(bytes).saturating_sub(progress.skipped.get());
                progress.delivered.set(progress.delivered.get() + placed);
            }),
            Event::PeerClosed { connection } => (connection, &|progress| progress.closed.set(true)),
            Event::PeerReset { connection } => (connection, &|progress| progress.reset.set(true)),
            _ => return,
        };
        let progress = self.of(connection);
        change(&progress);
        progress.changed.notify_waiters();
    }

    fn command(&self, command: &Command) {
        if let Command::Offload { connection, .. } = command {
            self.stretches
                .borrow_mut()
                .insert(*connection, Rc::default());
        }
    }
}
