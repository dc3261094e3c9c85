//! One connection as the model sees it: its stream, and every history that explains what was seen.

use super::state::{State, View};
use super::stream::Stream;
use super::violation::Verdict;

#[derive(Debug)]
pub(super) struct Connection {
    pub stream: Stream,
    /// The histories that explain what was seen; never empty.
    pub histories: Vec<State>,
}

impl Connection {
    /// Every history, with none, some and all of the commands taken in effect.
    pub fn reachable(&self, view: &View) -> Vec<State> {
        let mut reached = self.histories.clone();
        let mut at = 0;
        while let Some(history) = reached.get(at) {
            for later in history.settle(view) {
                if !reached.contains(&later) {
                    reached.push(later);
                }
            }
            at += 1;
        }
        reached
    }

    /// Keeps the histories in which the step is allowed.
    pub fn step(&mut self, view: &View, step: impl Fn(&mut State, &View) -> Verdict) -> Verdict {
        let mut complaint = Ok(());
        let mut kept = Vec::new();
        for mut history in self.reachable(view) {
            match step(&mut history, view) {
                Ok(()) if kept.contains(&history) => (),
                Ok(()) => kept.push(history),
                broken => complaint = broken,
            }
        }
        if kept.is_empty() {
            return complaint;
        }
        self.histories = kept;
        Ok(())
    }
}

