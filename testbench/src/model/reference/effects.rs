//! What commands do in the reference adapter.

use toe_driver::registers::{Command, Event, OffloadStatus, Refusal, ReturnReason};

use super::adapter::ReferenceAdapter;
use super::fault::Fault;
use super::link::{Link, Posted};
use crate::model::Page;

impl ReferenceAdapter {
    pub(super) fn refuse(&mut self, connection: u16, command: &Command, reason: Refusal) {
        let request = match *command {
            Command::PostNamedBuffer { request, .. } => request,
            Command::CancelNamedBuffer { request, .. } => request,
            _ => 0,
        };
        self.tell(Event::CommandRefused {
            connection,
            opcode: command.opcode(),
            reason,
            request,
        });
    }

    /// The oldest command taken has its effect.
    pub(super) fn effect(&mut self, connection: u16, link: &mut Link) {
        let Some(command) = link.taken.pop_front() else {
            return;
        };
        let offload = matches!(command, Command::Offload { .. });
        if !offload && (!link.open || link.uploading) {
            return self.refuse(connection, &command, Refusal::NotOffloaded);
        }
        let twice = self.fault == Some(Fault::AcknowledgeTwice);
        match command {
            Command::Offload {
                receive_next,
                indicate_window_size,
                ..
            } => self.offload(connection, link, receive_next, indicate_window_size),
            Command::Upload { .. } => link.uploading = true,
            Command::IndicateAcknowledge {
                acknowledged_bytes, ..
            } => match link.pending.checked_sub(acknowledged_bytes.into()) {
                Some(left) if twice => {
                    link.pending = left.saturating_sub(acknowledged_bytes.into())
                }
                Some(left) => link.pending = left,
                None => self.refuse(connection, &command, Refusal::MoreThanPending),
            },
            Command::SetIndicateWindowSize { bytes: 0, .. } => {
                self.refuse(connection, &command, Refusal::ZeroWindow);
            }
            Command::SetIndicateWindowSize { bytes, .. } => link.window = bytes.into(),
            Command::PostNamedBuffer {
                address,
                bytes,
                request,
                last_page,
                push_mode,
                ..
            } => match link.post(Page { address, bytes }, last_page, &self.settings) {
                Err(refusal) => self.refuse(connection, &command, refusal),
                Ok(()) if last_page => link.posted.push_back(Posted {
                    request,
                    pages: std::mem::take(&mut link.pages),
                    push_mode,
                    pages_behind: 0,
                }),
                Ok(()) => (),
            },
            Command::CancelNamedBuffer { request, .. } => {
                let named = |posted: &Posted| posted.request == request;
                let full = link.posted.front().zip(link.accepted.as_ref());
                let full = full.is_some_and(|(head, accepted)| head.bytes() == accepted.filled);
                match link.posted.iter().position(named) {
                    Some(0) if full => {
                        self.give_back(connection, link, 0, ReturnReason::Full);
                        self.refuse(connection, &command, Refusal::NotPosted);
                    }
                    Some(at) => {
                        self.give_back(connection, link, at, ReturnReason::Cancelled);
                    }
                    None => self.refuse(connection, &command, Refusal::NotPosted),
                }
            }
            _ => (),
        }
    }

    pub(super) fn offload(
        &mut self,
        connection: u16,
        link: &mut Link,
        receive_next: u32,
        own: u32,
    ) {
        let window = if own == 0 {
            self.settings.indicate_window_size
        } else {
            own
        };
        let status = if connection >= self.settings.connections {
            OffloadStatus::BadConnection
        } else if link.open {
            OffloadStatus::Busy
        } else {
            *link = Link::opened(receive_next, window.into(), link);
            OffloadStatus::Ok
        };
        self.tell(Event::Offloaded { connection, status });
    }
}
