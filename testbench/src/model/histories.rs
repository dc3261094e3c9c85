//! One connection as the model sees it: its stream, and every history that explains what was seen.

use super::state::{State, View};
use super::stream::Stream;
use super::violation::{Broken, Verdict};

#[derive(Debug)]
pub(super) struct Connection {
    pub stream: Stream,
    /// The histories that explain what was seen; never empty.
    pub histories: Vec<State>,
}

impl Default for Connection {
    fn default() -> Self {
        Connection {
            stream: Stream::default(),
            histories: vec![State::default()],
        }
    }
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

    /// All commands taken have had their effect.
    pub fn settle(&mut self, view: &View) {
        self.histories = self.reachable(view);
        self.histories.retain(|history| history.taken.is_empty());
    }

    /// Keeps the histories in which the step is allowed. When there is none, the complaint of the one that came furthest names
    /// the behaviour; the others tell what else was wrong.
    pub fn step(&mut self, view: &View, step: impl Fn(&mut State, &View) -> Verdict) -> Verdict {
        let mut complaints: Vec<Broken> = Vec::new();
        let mut kept = Vec::new();
        for mut history in self.reachable(view) {
            match step(&mut history, view) {
                Ok(()) if kept.contains(&history) => (),
                Ok(()) => kept.push(history),
                Err(broken) if complaints.contains(&broken) => (),
                Err(broken) => complaints.push(broken),
            }
        }
        if !kept.is_empty() {
            self.histories = kept;
            return Ok(());
        }
        complaints.sort_by_key(|broken| std::cmp::Reverse(broken.rank));
        let what: Vec<String> = complaints
            .iter()
            .map(|broken| broken.what.clone())
            .collect();
        let what = what.join("; or ");
        complaints.truncate(1);
        complaints
            .pop()
            .map_or(Ok(()), |first| Err(Broken { what, ..first }))
    }
}
