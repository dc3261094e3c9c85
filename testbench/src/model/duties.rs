//! What may come next in a state, and what must.

use toe_driver::registers::{ReturnReason, StateField};

use super::lifecycle::behaviour_of;
use super::next::{Due, Duty, May};
use super::state::{Owed, Phase, State, View};
use super::stream::Push;
use super::violation::{Verdict, broken};

impl State {
    /// Bytes in order at the adapter that the host does not have.
    fn held(&self, view: &View) -> u64 {
        view.stream.in_order() - self.delivered.min(view.stream.in_order())
    }

    /// The oldest answer owed to each opcode.
    fn next_answers(&self) -> impl Iterator<Item = &Owed> {
        let oldest = |at: &(usize, &Owed)| {
            let mut earlier = self.owed.iter().take(at.0);
            earlier.all(|owed| owed.opcode() != at.1.opcode())
        };
        self.owed
            .iter()
            .enumerate()
            .filter(oldest)
            .map(|(_, owed)| owed)
    }

    /// The steps that the rules allow.
    pub fn may(&self, view: &View) -> Vec<May> {
        let mut may = Vec::new();
        for owed in self.next_answers() {
            match owed {
                Owed::Offloaded => may.push(May::Answer),
                Owed::Refusal(opcode, reason, _) => may.push(May::Refuse(*opcode, *reason)),
                Owed::Cancelled(_) => (),
            }
        }
        if !matches!(self.phase, Phase::Open | Phase::Uploading { .. }) {
            return may;
        }
        self.may_deliver(view, &mut may);
        self.may_return(view, &mut may);
        let stream = view.stream;
        if stream.is_finished() && !self.told_close && self.held(view) == 0 {
            may.push(May::Close);
        }
        if stream.is_reset() && !self.told_reset {
            may.push(May::Reset);
        }
        if let Phase::Uploading {
            receive_next,
            flags,
        } = self.phase
            && self.held(view) == 0
        {
            if !receive_next {
                may.push(May::Tell(StateField::ReceiveNext));
            }
            if !flags {
                may.push(May::Tell(StateField::Flags));
            }
            if receive_next && flags && self.buffers.is_empty() {
                may.push(May::Uploaded);
            }
        }
        may
    }

    fn may_deliver(&self, view: &View, may: &mut Vec<May>) {
        let held = self.held(view);
        let room = u64::from(self.window.saturating_sub(self.pending));
        let most = held.min(view.settings.anonymous_buffer_bytes.into());
        if self.phase == Phase::Open && self.buffers.is_empty() {
            if view.buffers > 0 && most.min(room) > 0 {
                may.push(May::Indicate(most.min(room)));
            }
        } else if self.phase != Phase::Open && view.buffers > 0 && most > 0 {
            may.push(May::HandBack(most));
        }
        match (&self.filling, self.buffers.front()) {
            (Some(filling), Some(buffer)) => {
                if let Some((address, room)) = buffer.place(filling.filled)
                    && held > 0
                {
                    may.push(May::Place(address, room.min(held)));
                }
            }
            (None, Some(_)) => may.push(May::Accept(self.pending)),
            _ => (),
        }
    }

    fn may_return(&self, view: &View, may: &mut Vec<May>) {
        let mut may_return =
            |request, filled, reason| may.push(May::Return(request, filled, reason));
        let filled = self.filling.as_ref().map_or(0, |filling| filling.filled);
        let mut answers = self.next_answers();
        if let Some(Owed::Cancelled(request)) = answers.find(|owed| owed.opcode() == 10) {
            let head = self
                .buffers
                .front()
                .is_some_and(|head| head.request == *request);
            may_return(
                *request,
                if head { filled } else { 0 },
                ReturnReason::Cancelled,
            );
        }
        let Some(head) = self.buffers.front() else {
            return;
        };
        if filled == head.bytes() {
            return may_return(head.request, filled, ReturnReason::Full);
        }
        if self.at_end(view.stream) {
            may_return(head.request, filled, ReturnReason::Ended);
        }
        let Some(filling) = self.filling.as_ref().filter(|_| head.push_mode) else {
            return;
        };
        let seen = self.push_seen(filling, view);
        if seen != Push::No {
            may_return(head.request, filled, ReturnReason::Push);
        }
        let expiry = filling.placed_at + view.settings.push_timer_cycles;
        let unseen = seen != Push::Yes || view.settings.push_is_read_late();
        if unseen && filled > 0 && view.cycle + view.settings.early_cycles >= expiry {
            may_return(head.request, filled, ReturnReason::Timeout);
        }
    }

    /// Complains of a duty whose time is over.
    pub fn in_time(&self, view: &View, at_rest: bool) -> Verdict {
        let late = self.must(view).into_iter().find(|duty| match duty.due {
            Due::AtRest => at_rest,
            Due::By(due) => due < view.cycle,
        });
        match late {
            Some(duty) => broken(duty.behaviour.0, format!("not done: {}", duty.what)),
            None => Ok(()),
        }
    }

    /// The steps that the behaviours ask for.
    pub fn must(&self, view: &View) -> Vec<Duty> {
        let mut must = Vec::new();
        let mut at_rest = |behaviour, what| must.push(Duty::new(behaviour, Due::AtRest, what));
        match self.owed.front() {
            Some(Owed::Offloaded) => at_rest(5, "the offload is answered"),
            Some(Owed::Refusal(_, reason, _)) => at_rest(behaviour_of(*reason), "a refusal"),
            Some(Owed::Cancelled(_)) => at_rest(27, "the cancelled buffer comes back"),
            None => (),
        }
        if !self.early.is_empty() {
            at_rest(25, "the buffer that bytes were written to is accepted");
        }
        let (uploading, open) = match self.phase {
            Phase::Closed | Phase::Opening => return must,
            phase => (phase != Phase::Open, phase == Phase::Open),
        };
        let ended = self.at_end(view.stream);
        let held = self.held(view) > 0;
        if view.stream.is_reset() && !self.told_reset && open {
            at_rest(37, "the reset is told");
        }
        let room = self.pending < self.window && view.buffers > 0;
        match (&self.filling, self.buffers.front()) {
            (None, Some(_)) if !ended => at_rest(25, "the head of the queue is accepted"),
            (Some(filling), Some(head)) if filling.filled == head.bytes() => {
                at_rest(27, "the full buffer comes back");
            }
            (_, Some(_)) if ended => at_rest(27, "the buffers come back at the end"),
            (Some(_), _) if held => at_rest(25, "held bytes are placed"),
            (None, None) if held && open && room => {
                at_rest(11, "the window is open: held bytes are indicated");
            }
            _ => (),
        }
        if view.stream.is_finished() && !held && !self.told_close && open {
            at_rest(37, "the close is told");
        }
        if uploading && (!held || view.buffers > 0) {
            at_rest(6, "the upload ends");
        }
        must.extend(self.timer(view));
        must
    }

    /// B29, B30: the Push Timer of the accepted buffer.
    fn timer(&self, view: &View) -> Option<Duty> {
        let (filling, head) = (self.filling.as_ref()?, self.buffers.front()?);
        let limit = view.settings.push_timer_cycles + view.settings.late_cycles;
        match filling.push_at {
            _ if !head.push_mode || filling.filled == 0 => None,
            Some(at) => Some(Duty::new(29, Due::By(at + limit), "PSH returns the buffer")),
            None => {
                let due = Due::By(filling.placed_at + limit);
                Some(Duty::new(30, due, "the Push Timer returns the buffer"))
            }
        }
    }
}
