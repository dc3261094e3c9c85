//! Which steps the reference adapter may take.

use toe_driver::registers::{Event, ReturnReason};

use super::adapter::ReferenceAdapter;
use super::fault::Fault;
use super::link::Link;

#[derive(Clone, Copy)]
pub(super) enum Step {
    Take,
    Effect(u16),
    Indicate(u16),
    Accept(u16),
    Place(u16),
    Return(u16, ReturnReason),
    Close(u16),
    Reset(u16),
    HandBack(u16),
    Tell(u16),
}

impl ReferenceAdapter {
    /// Every step that may be taken now.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.queue.is_empty() {
            steps.push(Step::Take);
        }
        for (&number, link) in &self.links {
            if !link.taken.is_empty() {
                steps.push(Step::Effect(number));
            }
            if link.open {
                self.link_steps(number, link, &mut steps);
            }
        }
        steps
    }

    fn link_steps(&self, number: u16, link: &Link, steps: &mut Vec<Step>) {
        let buffer = !self.anonymous.is_empty();
        let early = self.fault == Some(Fault::CloseEarly);
        if link.finished && !link.told_close && (link.held() == 0 || early) {
            steps.push(Step::Close(number));
        }
        if link.reset && !link.told_reset {
            steps.push(Step::Reset(number));
        }
        match (&link.accepted, link.posted.front()) {
            (Some(accepted), Some(head)) => {
                let room = head.bytes() - accepted.filled;
                if room == 0 {
                    steps.push(Step::Return(number, ReturnReason::Full));
                } else if link.held() > 0 && (!link.ended() || link.reset) {
                    steps.push(Step::Place(number));
                }
                let push = link.pushes.range(accepted.from..link.delivered).next();
                let early = self.fault == Some(Fault::PushEarly) && link.held() > 0;
                let soon = early.then(|| link.pushes.range(link.delivered..link.in_order).next());
                if head.push_mode && room > 0 && (push.is_some() || soon.flatten().is_some()) {
                    steps.push(Step::Return(number, ReturnReason::Push));
                } else if accepted.due.is_some_and(|due| due <= self.cycle) && room > 0 {
                    steps.push(Step::Return(number, ReturnReason::Timeout));
                }
                if room > 0 && link.ended() {
                    steps.push(Step::Return(number, ReturnReason::Ended));
                }
            }
            (None, Some(_)) if link.ended() => {
                steps.push(Step::Return(number, ReturnReason::Ended));
            }
            (None, Some(_)) => steps.push(Step::Accept(number)),
            (_, None) if link.uploading => {
                steps.push(if link.held() == 0 {
                    Step::Tell(number)
                } else {
                    Step::HandBack(number)
                });
                if link.held() > 0 && !buffer {
                    steps.pop();
                }
            }
            (_, None) if link.held() > 0 && link.pending < link.window && buffer => {
                steps.push(Step::Indicate(number));
            }
            _ => (),
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        let connection = match step {
            Step::Take => return self.take_command(),
            Step::Effect(number)
            | Step::Indicate(number)
            | Step::Accept(number)
            | Step::Place(number)
            | Step::Return(number, _)
            | Step::Close(number)
            | Step::Reset(number)
            | Step::HandBack(number)
            | Step::Tell(number) => number,
        };
        let Some(mut link) = self.links.remove(&connection) else {
            return;
        };
        match step {
            Step::Effect(_) => self.effect(connection, &mut link),
            Step::Indicate(_) => self.indicate(connection, &mut link),
            Step::HandBack(_) => self.hand_back(connection, &mut link),
            Step::Accept(_) => self.accept(connection, &mut link),
            Step::Place(_) => self.place(&mut link),
            Step::Return(_, reason) => {
                let again = self.fault == Some(Fault::ReturnTwice) && reason == ReturnReason::Full;
                let bytes = self.give_back(connection, &mut link, 0, reason);
                if again {
                    self.tell(Event::NamedBufferReturned {
                        connection,
                        bytes,
                        reason,
                    });
                }
            }
            Step::Close(_) => {
                link.told_close = true;
                self.tell(Event::PeerClosed { connection });
            }
            Step::Reset(_) => {
                link.told_reset = true;
                self.tell(Event::PeerReset { connection });
            }
            Step::Tell(_) => self.tell_state(connection, &mut link),
            Step::Take => (),
        }
        self.links.insert(connection, link);
    }
}
