//! One connection as the model sees it: its stream, and every history that explains what was seen.

use toe_driver::registers::Command;

use super::state::{Phase, Settings, State, View};
use super::stream::Stream;
use super::violation::{Broken, Verdict};

#[derive(Debug)]
pub(super) struct Connection {
    pub stream: Stream,
    /// Commands taken that have not had their effect in every history.
    pub commands: Vec<Command>,
    /// The histories that explain what was seen; never empty.
    pub histories: Vec<State>,
}

impl Default for Connection {
    fn default() -> Self {
        Connection {
            stream: Stream::default(),
            commands: Vec::new(),
            histories: vec![State::default()],
        }
    }
}

/// What surrounds all connections at one step.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub settings: &'a Settings,
    pub cycle: u64,
    /// Anonymous Buffers in the adapter's hands.
    pub buffers: usize,
}

impl Connection {
    pub fn view<'a>(&'a self, connection: u16, around: Surroundings<'a>) -> View<'a> {
        View {
            settings: around.settings,
            stream: &self.stream,
            commands: &self.commands,
            cycle: around.cycle,
            buffers: around.buffers,
            connection,
        }
    }

    /// A command was taken.
    pub fn take(&mut self, command: Command) {
        let closed = |history: &State| history.phase == Phase::Closed;
        if matches!(command, Command::Offload { .. }) && self.histories.iter().all(closed) {
            self.stream = Stream::default();
        }
        self.commands.push(command);
    }

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
    pub fn settle(&mut self, number: u16, around: Surroundings) {
        let mut reached = self.reachable(&self.view(number, around));
        reached.retain(|history| history.obeyed == self.commands.len());
        self.keep(reached);
    }

    /// Keeps the histories in which the step is allowed. When there is none, the complaint of the one that came furthest names
    /// the behaviour; the others tell what else was wrong.
    pub fn step(
        &mut self,
        number: u16,
        around: Surroundings,
        step: impl Fn(&mut State, &View) -> Verdict,
    ) -> Verdict {
        let view = self.view(number, around);
        let mut complaints: Vec<Broken> = Vec::new();
        let mut kept = Vec::new();
        for mut history in self.reachable(&view) {
            match step(&mut history, &view) {
                Ok(()) if kept.contains(&history) => (),
                Ok(()) => kept.push(history),
                Err(broken) if complaints.contains(&broken) => (),
                Err(broken) => complaints.push(broken),
            }
        }
        if !kept.is_empty() {
            self.keep(kept);
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

    /// Keeps these histories, and the commands that one of them waits for.
    fn keep(&mut self, histories: Vec<State>) {
        self.histories = histories;
        let obeyed = self.histories.iter().map(|history| history.obeyed).min();
        let obeyed = obeyed.unwrap_or(0);
        self.commands.drain(..obeyed);
        for history in &mut self.histories {
            history.obeyed -= obeyed;
        }
    }
}
