//! The rules: which event and which write of the adapter is allowed in which state.

use toe_driver::registers::{Event, ReturnReason};

use super::named::Filling;
use super::state::{Owed, Phase, State, View};
use super::stream::Push;
use super::violation::{Verdict, broken, rule};

impl State {
    /// An event of this connection; `bytes` are those that were written for it.
    pub fn event(&mut self, event: Event, bytes: &[u8], view: &View) -> Verdict {
        let answer = matches!(
            event,
            Event::Offloaded { .. } | Event::CommandRefused { .. }
        );
        let offloaded = matches!(self.phase, Phase::Open | Phase::Uploading { .. });
        rule!(
            5,
            answer || offloaded,
            "{event:?} of a connection that is not offloaded"
        );
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

    /// B7 to B9, B15, B25, B29: a delivery to an Anonymous Buffer.
    fn indicate(&mut self, bytes: &[u8], push: bool, view: &View) -> Verdict {
        let length = bytes.len() as u32;
        rule!(6, self.phase == Phase::Open, "IndicateData after upload");
        rule!(
            25,
            self.buffers.is_empty(),
            "IndicateData with a Named Buffer posted"
        );
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
        rule!(
            25,
            skipped == pending,
            "{skipped} bytes skipped, {pending} pending"
        );
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
        for (address, bytes) in std::mem::take(&mut self.early) {
            self.write(address, &bytes, view)?;
        }
        Ok(())
    }

    /// Whether bytes for this address may be on their way ahead of the event that accepts their buffer: the one behind those
    /// that are full.
    fn is_early(&self, address: u64) -> bool {
        let full = match (&self.filling, self.buffers.front()) {
            (Some(filling), Some(head)) if filling.filled == head.bytes() => 1,
            (Some(_), _) => return false,
            (None, _) => 0,
        };
        let mut waiting = self.buffers.iter().skip(full);
        waiting.any(|buffer| buffer.contains(address))
    }

    /// B25, B28: bytes for a Named Buffer go where its next byte belongs.
    pub fn write(&mut self, address: u64, bytes: &[u8], view: &View) -> Verdict {
        if self.is_early(address) {
            self.early.push_back((address, bytes.to_vec()));
            return Ok(());
        }
        let head = self.buffers.front().filter(|_| self.filling.is_some());
        let (Some(buffer), Some(filling)) = (head, &mut self.filling) else {
            let came_back = self.returned.as_ref();
            let late = came_back.is_some_and(|buffer| buffer.contains(address));
            let behaviour = if late { 27 } else { 25 };
            return broken(
                behaviour,
                format!("a write to {address:#x}, no Named Buffer is accepted"),
            );
        };
        let (mut address, mut rest) = (address, bytes);
        while !rest.is_empty() {
            let Some((next, room)) = buffer.place(filling.filled) else {
                return broken(
                    28,
                    format!(
                        "{} bytes too many for request {}",
                        rest.len(),
                        buffer.request
                    ),
                );
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
            return broken(
                27,
                format!("a Named Buffer comes back, {reason:?}, and none can"),
            );
        };
        let filling = self.filling.as_ref().filter(|_| at == 0);
        let filled = filling.map_or(0, |filling| filling.filled);
        let size = buffer.bytes();
        rule!(
            27,
            u64::from(bytes) == filled,
            "{bytes} bytes returned, {filled} are filled"
        );
        let full = reason == ReturnReason::Full;
        rule!(
            27,
            full == (filled == size),
            "{filled} of {size} bytes came back as {reason:?}"
        );
        let watched = !matches!(reason, ReturnReason::Push | ReturnReason::Timeout);
        rule!(
            31,
            watched || buffer.push_mode,
            "{reason:?} without Push Mode"
        );
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
}
