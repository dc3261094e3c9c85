//! The rules: which event and which write of the adapter is allowed in which state.

use toe_driver::registers::{Command, Event, ReturnReason};

use super::named::{Filling, NamedBuffer, Page, Written};
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
        if push {
            self.pushed_end = end;
        }
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
            pushed_before: self.pushed_end > from,
        });
        self.pending = 0;
        for written in std::mem::take(&mut self.early) {
            self.written(written, view)?;
        }
        Ok(())
    }

    fn accepted(&self) -> Option<&NamedBuffer> {
        self.buffers.front().filter(|_| self.filling.is_some())
    }

    /// Whether a byte at this address belongs to a buffer that is posted and not accepted, as far as the events tell.
    fn is_ahead(&self, address: u64, commands: &[Command]) -> bool {
        if self
            .accepted()
            .is_some_and(|buffer| buffer.contains(address))
        {
            return false;
        }
        let mut waiting = self.buffers.iter();
        let mut gathered = self.gathering.iter().flatten().flatten();
        waiting.any(|buffer| buffer.contains(address))
            || gathered.any(|page| page.contains(address))
            || commands[self.obeyed..].iter().any(|command| {
                let Command::PostNamedBuffer {
                    address: start,
                    bytes,
                    ..
                } = *command
                else {
                    return false;
                };
                let page = Page {
                    address: start,
                    bytes,
                };
                page.contains(address)
            })
    }

    /// Whether the adapter may write to this address for the connection.
    pub fn grants(&self, address: u64, commands: &[Command]) -> bool {
        let accepted = self.accepted();
        accepted.is_some_and(|buffer| buffer.contains(address)) || self.is_ahead(address, commands)
    }

    /// Whether the address is of the buffer that came back last.
    pub fn granted(&self, address: u64) -> bool {
        let returned = self.returned.as_ref();
        returned.is_some_and(|buffer| buffer.contains(address))
    }

    /// Bytes for a Named Buffer. They are written in the order of the stream, but ahead of events: those of a buffer whose
    /// acceptance is not told yet wait, and are judged with it.
    pub fn write(&mut self, address: u64, bytes: &[u8], view: &View) -> Verdict {
        let written = Written {
            address,
            bytes: bytes.into(),
            at: view.cycle,
            in_order: view.stream.in_order(),
        };
        self.written(written, view)
    }

    fn written(&mut self, written: Written, view: &View) -> Verdict {
        if self.is_ahead(written.address, view.commands) {
            self.early.push_back(written);
            return Ok(());
        }
        rule!(
            28,
            self.early.is_empty(),
            "a write to {:#x}, behind bytes of a later buffer",
            written.address
        );
        self.place(&written, view)
    }

    /// B25, B28: bytes for the accepted buffer go where its next byte belongs.
    fn place(&mut self, written: &Written, view: &View) -> Verdict {
        let head = self.buffers.front().filter(|_| self.filling.is_some());
        let (Some(buffer), Some(filling)) = (head, &mut self.filling) else {
            let came_back = self.returned.as_ref();
            let late = came_back.is_some_and(|buffer| buffer.contains(written.address));
            let behaviour = if late { 27 } else { 25 };
            return broken(
                behaviour,
                format!(
                    "a write to {:#x}, no Named Buffer is accepted",
                    written.address
                ),
            );
        };
        let (mut address, mut rest) = (written.address, &written.bytes[..]);
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
            rule!(
                35,
                end <= written.in_order,
                "bytes up to {end} were written with {} in order",
                written.in_order
            );
            let push = view.stream.push_in(self.delivered..end) == Push::Yes;
            self.delivered = end;
            filling.filled += now.len() as u64;
            filling.placed_at = written.at;
            if push && filling.push_at.is_none() {
                filling.push_at = Some(written.at);
            }
            address += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// Whether PSH is among the bytes of the accepted buffer. It counts for all bytes of an Anonymous Buffer, as IndicateData tells it.
    pub fn push_seen(&self, filling: &Filling, view: &View) -> Push {
        match view.stream.push_in(filling.from..self.delivered) {
            Push::No if filling.pushed_before => Push::Perhaps,
            seen => seen,
        }
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
        let ahead = |written: &Written| buffer.contains(written.address);
        rule!(
            27,
            !self.early.iter().any(ahead),
            "a Named Buffer comes back, {reason:?}, with bytes in it that no acceptance explains"
        );
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
        let seen = filling.map_or(Push::No, |filling| self.push_seen(filling, view));
        match reason {
            ReturnReason::Push => rule!(29, seen != Push::No, "push, and no PSH is placed"),
            ReturnReason::Timeout => {
                rule!(32, filled > 0, "a time-out of a buffer with nothing in it");
                let late = view.settings.push_is_read_late();
                rule!(
                    29,
                    seen != Push::Yes || late,
                    "a time-out, and a PSH is placed"
                );
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
        if let (Some(before), Some(returned)) = (at.checked_sub(1), &self.returned) {
            self.buffers[before].pages_behind += returned.pages.len() + returned.pages_behind;
        }
        Ok(())
    }
}
