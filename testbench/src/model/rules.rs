//! The rules: which step of the adapter is allowed in which state.

use toe_driver::registers::{Event, OffloadStatus, Refusal, ReturnReason, StateField};

use super::named::Filling;
use super::state::{Owed, Phase, State, View};
use super::stream::Push;
use super::violation::{Verdict, broken, rule};

/// The behaviour that a refusal belongs to.
pub(super) fn behaviour_of(refusal: Option<Refusal>) -> u8 {
    match refusal {
        Some(Refusal::MoreThanPending) => 11,
        Some(Refusal::ZeroWindow) => 1,
        Some(Refusal::TooSmall) => 26,
        Some(Refusal::NotPosted) => 27,
        Some(Refusal::NotOffloaded) => 5,
        Some(Refusal::Unsupported) => 38,
        Some(Refusal::BuffersFull | Refusal::BadPage) | None => 28,
    }
}

impl State {
    /// An event of this connection; `bytes` are those that were written for it.
    pub fn event(&mut self, event: Event, bytes: &[u8], view: &View) -> Verdict {
        let answer = matches!(event, Event::Offloaded { .. } | Event::CommandRefused { .. });
        let offloaded = matches!(self.phase, Phase::Open | Phase::Uploading { .. });
        rule!(5, answer || offloaded, "{event:?} of a connection that is not offloaded");
        match event {
            Event::Offloaded { status, .. } => self.offloaded(status, view),
            Event::IndicateData { push, .. } => self.indicate(bytes, push, view),
            Event::NamedBufferAccepted { skipped, .. } => self.accept(skipped, view),
            Event::NamedBufferReturned { bytes, reason, .. } => self.come_back(bytes, reason, view),
            Event::CommandRefused {
                opcode,
                reason,
                request,
                ..
            } => self.refused(opcode, reason, request),
            Event::PeerClosed { .. } => self.peer_closed(view),
            Event::PeerReset { .. } => self.peer_reset(view),
            Event::UploadData { .. } => self.hand_back(bytes, view),
            Event::State { content, field, .. } => self.tell(field, content, view),
            Event::Uploaded { .. } => self.uploaded(view),
            Event::HostFrame { .. } | Event::CommandsTaken | Event::BusError { .. } => Ok(()),
        }
    }

    /// B5: every offload is answered, and with the right words.
    fn offloaded(&mut self, status: OffloadStatus, view: &View) -> Verdict {
        let owed = self.answer_to(5);
        rule!(5, owed == Some(Owed::Offloaded), "an answer to no offload");
        rule!(5, self.may_answer(status, view), "{status:?} in phase {:?}", self.phase);
        if self.phase == Phase::Opening {
            self.phase = match status {
                OffloadStatus::Ok => Phase::Open,
                _ => Phase::Closed,
            };
        }
        Ok(())
    }

    /// B7 to B9, B15, B25, B29: a delivery to an Anonymous Buffer.
    fn indicate(&mut self, bytes: &[u8], push: bool, view: &View) -> Verdict {
        let length = bytes.len() as u32;
        rule!(6, self.phase == Phase::Open, "IndicateData after upload");
        rule!(25, self.buffers.is_empty(), "IndicateData with a Named Buffer posted");
        let (pending, window) = (self.pending, self.window);
        let behaviour = match pending {
            over if over > window => 15,
            full if full == window => 9,
            _ => 8,
        };
        rule!(
            behaviour,
            u64::from(pending) + u64::from(length) <= u64::from(window),
            "{length} bytes indicated, {pending} are pending in a window of {window}"
        );
        let content = view.stream.check(7, self.delivered, bytes);
        content.map_err(|broken| broken.ranked(line!()))?;
        let end = self.delivered + u64::from(length);
        let sent = view.stream.push_in(self.delivered..end);
        rule!(
            29,
            sent == Push::Perhaps || push == (sent == Push::Yes),
            "IndicateData says PSH {push}, the peer's PSH: {sent:?}"
        );
        self.pending += length;
        self.delivered = end;
        Ok(())
    }

    /// B12, B25: the head of the queue is accepted and skips exactly indicatedBytesPending, which is 0 from then on.
    fn accept(&mut self, skipped: u32, view: &View) -> Verdict {
        rule!(
            25,
            self.filling.is_none() && !self.buffers.is_empty(),
            "a Named Buffer is accepted, {} are posted, one is accepted already: {}",
            self.buffers.len(),
            self.filling.is_some()
        );
        let pending = self.pending;
        rule!(25, skipped == pending, "{skipped} bytes skipped, {pending} pending");
        let from = self.delivered - u64::from(skipped);
        let push = view.stream.push_in(from..self.delivered) == Push::Yes;
        self.filling = Some(Filling {
            from,
            skipped: skipped.into(),
            filled: skipped.into(),
            placed_at: view.cycle,
            push_at: push.then_some(view.cycle),
        });
        self.pending = 0;
        Ok(())
    }

    /// B25, B28: bytes for a Named Buffer go where its next byte belongs.
    pub fn write(&mut self, address: u64, bytes: &[u8], view: &View) -> Verdict {
        let head = self.buffers.front().filter(|_| self.filling.is_some());
        let (Some(buffer), Some(filling)) = (head, &mut self.filling) else {
            let came_back = self.returned.as_ref();
            let late = came_back.is_some_and(|buffer| buffer.contains(address));
            let behaviour = if late { 27 } else { 25 };
            return broken(behaviour, format!("a write to {address:#x}, no Named Buffer is accepted"));
        };
        let (mut address, mut rest) = (address, bytes);
        while !rest.is_empty() {
            let Some((next, room)) = buffer.place(filling.filled) else {
                return broken(28, format!("{} bytes too many for request {}", rest.len(), buffer.request));
            };
            let position = buffer.position(address);
            let skipped = position.is_some_and(|position| position < filling.skipped);
            let behaviour = if skipped { 25 } else { 28 };
            rule!(
                behaviour,
                address == next,
                "byte {} of request {} goes to {address:#x} instead of {next:#x}",
                filling.filled,
                buffer.request
            );
            let (now, later) = rest.split_at(rest.len().min(room as usize));
            view.stream.check(25, self.delivered, now)?;
            let end = self.delivered + now.len() as u64;
            let push = view.stream.push_in(self.delivered..end) == Push::Yes;
            self.delivered = end;
            filling.filled += now.len() as u64;
            filling.placed_at = view.cycle;
            if push && filling.push_at.is_none() {
                filling.push_at = Some(view.cycle);
            }
            address += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// B27 to B32: a Named Buffer comes back with the bytes it holds and the reason that holds.
    fn come_back(&mut self, bytes: u32, reason: ReturnReason, view: &View) -> Verdict {
        let at = match reason {
            ReturnReason::Cancelled => match self.answer_to(10) {
                Some(Owed::Cancelled(request)) => {
                    let mut buffers = self.buffers.iter();
                    buffers.position(|buffer| buffer.request == request)
                }
                _ => None,
            },
            ReturnReason::Ended => (!self.buffers.is_empty()).then_some(0),
            _ => self.filling.as_ref().map(|_| 0),
        };
        let buffer = at.and_then(|at| self.buffers.get(at));
        let (Some(at), Some(buffer)) = (at, buffer) else {
            return broken(27, format!("a Named Buffer comes back, {reason:?}, and none can"));
        };
        let filling = self.filling.as_ref().filter(|_| at == 0);
        let filled = filling.map_or(0, |filling| filling.filled);
        let size = buffer.bytes();
        rule!(27, u64::from(bytes) == filled, "{bytes} bytes returned, {filled} are filled");
        let full = reason == ReturnReason::Full;
        rule!(27, full == (filled == size), "{filled} of {size} bytes came back as {reason:?}");
        let watched = !matches!(reason, ReturnReason::Push | ReturnReason::Timeout);
        rule!(31, watched || buffer.push_mode, "{reason:?} without Push Mode");
        let seen = filling.map_or(Push::No, |filling| {
            view.stream.push_in(filling.from..self.delivered)
        });
        match reason {
            ReturnReason::Push => rule!(29, seen != Push::No, "push, and no PSH is placed"),
            ReturnReason::Timeout => {
                rule!(32, filled > 0, "a time-out of a buffer with nothing in it");
                rule!(29, seen != Push::Yes, "a time-out, and a PSH is placed");
                let placed_at = filling.map_or(0, |filling| filling.placed_at);
                let expiry = placed_at + view.settings.push_timer_cycles;
                rule!(
                    30,
                    view.cycle + view.settings.early_cycles >= expiry,
                    "a time-out at {}, the latest data were placed at {placed_at}",
                    view.cycle
                );
            }
            ReturnReason::Ended => rule!(27, self.at_end(view.stream), "ended, and it goes on"),
            ReturnReason::Full | ReturnReason::Cancelled => (),
        }
        if at == 0 {
            self.filling = None;
        }
        self.returned = self.buffers.remove(at);
        Ok(())
    }

    /// A refusal that is owed, with the right reason: B1, B5, B11, B26, B27, B28.
    fn refused(&mut self, opcode: u8, reason: Refusal, request: u16) -> Verdict {
        let owed = self.answer_to(opcode);
        let (expected, number) = match &owed {
            Some(Owed::Refusal(_, expected, number)) => (*expected, *number),
            other => {
                let behaviour = behaviour_of(Some(reason));
                return broken(behaviour, format!("opcode {opcode} is refused, {reason:?}; owed: {other:?}"));
            }
        };
        rule!(
            behaviour_of(expected),
            expected.is_none_or(|expected| expected == reason) && request == number,
            "opcode {opcode}, request {request} is refused, {reason:?}; owed: {owed:?}"
        );
        Ok(())
    }

    /// B37: the close is told once, after every byte before it.
    fn peer_closed(&mut self, view: &View) -> Verdict {
        let (delivered, in_order) = (self.delivered, view.stream.in_order());
        rule!(37, view.stream.is_finished() && !self.told_close, "peer_closed without a new FIN");
        rule!(37, delivered == in_order, "peer_closed after {delivered} of {in_order} bytes");
        self.told_close = true;
        Ok(())
    }

    /// B37: a reset is told once.
    fn peer_reset(&mut self, view: &View) -> Verdict {
        rule!(37, view.stream.is_reset() && !self.told_reset, "peer_reset without a new RST");
        self.told_reset = true;
        Ok(())
    }

    /// B6: what was acknowledged to the peer and not delivered, in order.
    fn hand_back(&mut self, bytes: &[u8], view: &View) -> Verdict {
        let uploading = matches!(self.phase, Phase::Uploading { .. });
        rule!(6, uploading, "upload_data without upload");
        view.stream.check(6, self.delivered, bytes)?;
        self.delivered += bytes.len() as u64;
        Ok(())
    }

    /// B6: the state, each field once, after the bytes.
    fn tell(&mut self, field: StateField, content: u32, view: &View) -> Verdict {
        let Phase::Uploading {
            receive_next,
            flags,
        } = &mut self.phase
        else {
            return broken(6, format!("state without upload"));
        };
        let stream = view.stream;
        let in_order = stream.in_order();
        rule!(6, self.delivered == in_order, "state, {} of {in_order} delivered", self.delivered);
        let (told, expected) = match field {
            StateField::ReceiveNext => {
                let sent = (in_order as u32).wrapping_add(stream.is_finished().into());
                (receive_next, self.receive_next.wrapping_add(sent))
            }
            StateField::Flags => {
                let reset = u32::from(stream.is_reset()) << 1;
                (flags, u32::from(stream.is_finished()) | reset)
            }
        };
        rule!(6, !std::mem::replace(told, true), "{field:?} is told twice");
        rule!(6, content == expected, "{field:?} is {content:#x}, expected {expected:#x}");
        Ok(())
    }

    /// B6: with `uploaded` nothing is left with the adapter.
    fn uploaded(&mut self, view: &View) -> Verdict {
        let told = Phase::Uploading {
            receive_next: true,
            flags: true,
        };
        rule!(6, self.phase == told, "uploaded before all of the state: {:?}", self.phase);
        let (left, in_order) = (self.buffers.len(), view.stream.in_order());
        rule!(6, left == 0, "uploaded, {left} Named Buffers have not come back");
        rule!(6, self.delivered == in_order, "uploaded, {} of {in_order}", self.delivered);
        self.phase = Phase::Closed;
        Ok(())
    }
}
