//! The driver towards the adapter: its commands, and what the adapter's events mean to it.

use toe_driver::registers::{Command, Event, ReturnReason};

use super::request::{End, Place};
use super::talk::Talk;
use super::violation::{Verdict, broken, rule};

impl Talk {
    pub fn command(&mut self, command: &Command) -> Verdict {
        match *command {
            Command::IndicateAcknowledge {
                acknowledged_bytes, ..
            } => self.acknowledge(acknowledged_bytes.into()),
            Command::SetIndicateWindowSize { bytes, .. } => {
                rule!(1, bytes > 0, "an indicateWindowSize of 0");
                let wider = u64::from(bytes.max(self.window));
                self.edge = self.edge.max(self.acknowledged + wider);
                self.window = bytes;
                for request in &mut self.requests {
                    request.widest = request.widest.max(bytes);
                }
                Ok(())
            }
            Command::PostNamedBuffer {
                bytes,
                request,
                last_page,
                push_mode,
                ..
            } => {
                self.gathering += u64::from(bytes);
                if !last_page {
                    return Ok(());
                }
                let bytes = std::mem::take(&mut self.gathering);
                self.hand_over(request, bytes, push_mode)
            }
            Command::CancelNamedBuffer { request, .. } => {
                let named = |place: &Place| matches!(place, Place::Adapter { number, .. } if *number == request);
                let known = self.requests.iter().any(|posted| named(&posted.place));
                rule!(
                    27,
                    known,
                    "a cancel of {request}, which is not with the adapter"
                );
                self.cancels.push_back(request);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// B13: what was accepted or copied is acknowledged, and only without a Named Buffer with the adapter.
    fn acknowledge(&mut self, bytes: u64) -> Verdict {
        let with_adapter = self.requests.iter().any(|request| request.with_adapter());
        rule!(
            13,
            !with_adapter,
            "an acknowledgement with a Named Buffer with the adapter"
        );
        let most = self.acknowledgeable();
        rule!(
            13,
            bytes <= most,
            "{bytes} bytes acknowledged, {most} were taken"
        );
        self.clear_pending(bytes, self.window);
        Ok(())
    }

    /// B25, B26: the first request still with the driver, if larger than the window, once all that is pending is what is queued.
    fn hand_over(&mut self, number: u16, bytes: u64, push_mode: bool) -> Verdict {
        let taken = |place: &Place| matches!(place, Place::Adapter { number: other, back: None, .. } if *other == number);
        let fresh = self.requests.iter().all(|request| !taken(&request.place));
        rule!(28, fresh, "the number {number} is with the adapter already");
        let window = self.window;
        rule!(
            26,
            bytes > window.into(),
            "{bytes} bytes handed over, the window is {window}"
        );
        rule!(
            23,
            self.notified.is_none(),
            "handed over before the notification is answered"
        );
        let first = !self.requests.iter().any(|request| request.with_adapter());
        let (pending, queued) = (self.pending, self.queued);
        rule!(
            25,
            !first || pending == queued,
            "handed over with {pending} bytes pending, {queued} queued: the rest would be skipped"
        );
        let mut here = self.requests.iter_mut();
        let Some(request) = here.find(|request| request.place == Place::Driver) else {
            return broken(25, format!("{bytes} bytes handed over, no request is left"));
        };
        rule!(
            25,
            request.bytes == bytes && request.push_mode == push_mode,
            "{bytes} bytes handed over, the head of the queue has {}",
            request.bytes
        );
        request.widest = window;
        request.place = Place::Adapter {
            number,
            accepted: false,
            back: None,
        };
        Ok(())
    }

    pub fn event(&mut self, event: &Event, cycle: u64) -> Verdict {
        match *event {
            Event::IndicateData { length, push, .. } => {
                self.pending += u64::from(length);
                self.arrive(length, push, cycle);
            }
            Event::UploadData { length, .. } => self.arrive(length, false, cycle),
            Event::NamedBufferAccepted { skipped, .. } => return self.accepted(skipped.into()),
            Event::NamedBufferReturned { bytes, reason, .. } => {
                return self.back(bytes, reason, cycle);
            }
            Event::CommandRefused {
                opcode: 9, request, ..
            } => {
                let named = |place: &Place| matches!(place, Place::Adapter { number, .. } if *number == request);
                for (at, posted) in self.requests.iter_mut().enumerate() {
                    if named(&posted.place) {
                        posted.place = Place::Driver;
                        posted.refused = true;
                        if at == 0 {
                            self.changed_at = cycle; // Only the first is copied to.
                        }
                    }
                }
            }
            Event::CommandRefused { opcode: 10, .. } => {
                self.cancels.pop_front();
            }
            Event::PeerClosed { .. } => self.end = End::Closed,
            Event::PeerReset { .. } => self.end = End::Reset,
            Event::Uploaded { .. } if self.end == End::Open => self.end = End::Uploaded,
            _ => (),
        }
        Ok(())
    }

    /// B16: what is indicated is queued.
    fn arrive(&mut self, length: u16, push: bool, cycle: u64) {
        let ahead: u64 = self
            .requests
            .iter()
            .map(|request| match request.place {
                Place::Adapter { back, .. } => back.map_or(0, |(bytes, _)| bytes.into()),
                Place::Driver => 0,
            })
            .sum();
        let start = self.consumed + ahead + self.queued;
        let length = u64::from(length);
        if push {
            self.pushed.push(start..start + length);
        }
        self.pushed.retain(|pushed| pushed.end > self.consumed);
        self.queued += length;
        self.changed_at = cycle;
    }

    /// B25: what is queued belongs to the head of the buffer from here on.
    fn accepted(&mut self, skipped: u64) -> Verdict {
        let queued = self.queued;
        rule!(
            25,
            skipped == queued,
            "{skipped} bytes skipped, {queued} queued"
        );
        self.queued = 0;
        let mut waiting = self
            .requests
            .iter_mut()
            .filter(|request| request.with_adapter());
        let head = waiting.next();
        let Some((widest, Place::Adapter { accepted, .. })) =
            head.map(|request| (request.widest, &mut request.place))
        else {
            return broken(
                25,
                "a Named Buffer is accepted that nobody handed over".into(),
            );
        };
        rule!(25, !*accepted, "a Named Buffer is accepted twice");
        *accepted = true;
        self.clear_pending(self.pending, widest);
        Ok(())
    }

    /// B27. What comes back at the end without having been accepted is the driver's to fill with what is queued (B18).
    fn back(&mut self, bytes: u32, reason: ReturnReason, cycle: u64) -> Verdict {
        let named = match reason {
            ReturnReason::Cancelled => self.cancels.pop_front(),
            _ => None,
        };
        let mut waiting = self
            .requests
            .iter_mut()
            .enumerate()
            .filter(|(_, request)| request.with_adapter());
        let found = waiting.find(|(_, request)| match (&request.place, reason) {
            (Place::Adapter { number, .. }, ReturnReason::Cancelled) => named == Some(*number),
            _ => true,
        });
        let Some((at, request)) = found else {
            return broken(
                27,
                format!("a buffer comes back, {reason:?}, and none is out"),
            );
        };
        match &mut request.place {
            Place::Adapter {
                accepted: true,
                back,
                ..
            } => *back = Some((bytes, reason)),
            Place::Adapter { back, .. } if reason != ReturnReason::Ended => {
                *back = Some((bytes, reason));
            }
            place => {
                *place = Place::Driver;
                (request.refused, request.came_back) = (true, true);
                if at == 0 {
                    self.changed_at = cycle; // Only the first is copied to.
                }
            }
        }
        Ok(())
    }
}
