//! The rules for offload, refusals, close, reset and upload.

use toe_driver::registers::{OffloadStatus, Refusal, StateField};

use super::state::{Owed, Phase, State, View};
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
    /// B5: every offload is answered, and with the right words.
    pub(super) fn offloaded(&mut self, status: OffloadStatus, view: &View) -> Verdict {
        let owed = self.answer_to(5);
        rule!(5, owed == Some(Owed::Offloaded), "an answer to no offload");
        rule!(
            5,
            self.may_answer(status, view),
            "{status:?} in phase {:?}",
            self.phase
        );
        if self.phase == Phase::Opening {
            self.phase = match status {
                OffloadStatus::Ok => Phase::Open,
                _ => Phase::Closed,
            };
        }
        Ok(())
    }

    /// A refusal that is owed, with the right reason: B1, B5, B11, B26, B27, B28.
    pub(super) fn refused(&mut self, opcode: u8, reason: Refusal, request: u16) -> Verdict {
        let owed = self.answer_to(opcode);
        let (expected, number) = match &owed {
            Some(Owed::Refusal(_, expected, number)) => (*expected, *number),
            other => {
                let behaviour = behaviour_of(Some(reason));
                return broken(
                    behaviour,
                    format!("opcode {opcode} is refused, {reason:?}; owed: {other:?}"),
                );
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
    pub(super) fn peer_closed(&mut self, view: &View) -> Verdict {
        let (delivered, in_order) = (self.delivered, view.stream.in_order());
        rule!(
            37,
            view.stream.is_finished() && !self.told_close,
            "peer_closed without a new FIN"
        );
        rule!(
            37,
            delivered == in_order,
            "peer_closed after {delivered} of {in_order} bytes"
        );
        self.told_close = true;
        Ok(())
    }

    /// B37: a reset is told once.
    pub(super) fn peer_reset(&mut self, view: &View) -> Verdict {
        rule!(
            37,
            view.stream.is_reset() && !self.told_reset,
            "peer_reset without a new RST"
        );
        self.told_reset = true;
        Ok(())
    }

    /// B6: what was acknowledged to the peer and not delivered, in order.
    pub(super) fn hand_back(&mut self, bytes: &[u8], view: &View) -> Verdict {
        let uploading = matches!(self.phase, Phase::Uploading { .. });
        rule!(6, uploading, "upload_data without upload");
        view.stream.check(6, self.delivered, bytes)?;
        self.delivered += bytes.len() as u64;
        Ok(())
    }

    /// B6: the state, each field once, after the bytes.
    pub(super) fn tell(&mut self, field: StateField, content: u32, view: &View) -> Verdict {
        let Phase::Uploading {
            receive_next,
            flags,
        } = &mut self.phase
        else {
            return broken(6, "state without upload".into());
        };
        let stream = view.stream;
        let in_order = stream.in_order();
        rule!(
            6,
            self.delivered == in_order,
            "state, {} of {in_order} delivered",
            self.delivered
        );
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
        rule!(
            6,
            content == expected,
            "{field:?} is {content:#x}, expected {expected:#x}"
        );
        Ok(())
    }

    /// B6: with `uploaded` nothing is left with the adapter.
    pub(super) fn uploaded(&mut self, view: &View) -> Verdict {
        let told = Phase::Uploading {
            receive_next: true,
            flags: true,
        };
        rule!(
            6,
            self.phase == told,
            "uploaded before all of the state: {:?}",
            self.phase
        );
        let (left, in_order) = (self.buffers.len(), view.stream.in_order());
        rule!(
            6,
            left == 0,
            "uploaded, {left} Named Buffers have not come back"
        );
        rule!(
            6,
            self.delivered == in_order,
            "uploaded, {} of {in_order}",
            self.delivered
        );
        self.phase = Phase::Closed;
        Ok(())
    }
}
