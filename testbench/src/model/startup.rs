//! Settings and start-up (B1 to B4): which window counts, and in which order a driver comes up.

use super::violation::{Broken, Violation, broken};

/// Where a value of indicateWindowSize comes from, the first found first (B3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowSource {
    /// The connection's own value (B2).
    Connection,
    /// The command line or the API.
    UserInterface,
    /// The driver parameter file.
    ParameterFile,
    /// The Adapter's NVRAM default.
    Nvram,
    /// The TOE Module's reset value.
    Reset,
}

/// B1, B3: the value of the first source that has one, and which that was. A source that says 0 is refused, even where
/// another wins.
pub fn window_of(
    sources: &[(WindowSource, Option<u64>)],
) -> Result<Option<(WindowSource, u32)>, Violation> {
    let mut found: Option<(WindowSource, u32)> = None;
    for &(source, value) in sources {
        let Some(value) = value else { continue };
        let Some(bytes) = u32::try_from(value).ok().filter(|bytes| *bytes > 0) else {
            let what = format!("{source:?} says {value}, which is no indicateWindowSize");
            return Err(Broken::new(1, what).at(0, None));
        };
        if found.is_none_or(|(winner, _)| source < winner) {
            found = Some((source, bytes));
        }
    }
    Ok(found)
}

/// A step of start-up, in the order of B4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartStep {
    /// Load the parameters.
    Load,
    /// Allocate the Anonymous Buffer pool.
    Allocate,
    /// Initialise the Adapter.
    Initialise,
    /// Hand the Adapter the pool and the window.
    HandOver,
    /// Ready.
    Ready,
}

/// The steps in their order.
const ORDER: [StartStep; 5] = [
    StartStep::Load,
    StartStep::Allocate,
    StartStep::Initialise,
    StartStep::HandOver,
    StartStep::Ready,
];

/// Judges a start-up (B4).
#[derive(Clone, Debug, Default)]
pub struct StartModel {
    done: Vec<StartStep>,
    failed: Option<StartStep>,
}

impl StartModel {
    fn judge(&self, holds: bool, what: String) -> Result<(), Violation> {
        let verdict = if holds { Ok(()) } else { broken(4, what) };
        verdict.map_err(|broken| broken.at(0, None))
    }

    /// The step that may come next.
    pub fn next(&self) -> Option<StartStep> {
        let next = ORDER.get(self.done.len()).copied();
        next.filter(|_| self.failed.is_none())
    }

    /// A step was done.
    pub fn did(&mut self, step: StartStep) -> Result<(), Violation> {
        let next = self.next();
        self.judge(
            next == Some(step),
            format!("{step:?} is done, next is {next:?}"),
        )?;
        self.done.push(step);
        Ok(())
    }

    /// A step failed; all before it are undone, the latest first.
    pub fn failed(&mut self, step: StartStep) -> Result<(), Violation> {
        let next = self.next();
        self.judge(
            next == Some(step),
            format!("{step:?} fails, next is {next:?}"),
        )?;
        self.failed = Some(step);
        Ok(())
    }

    /// After a failure a step was undone.
    pub fn undid(&mut self, step: StartStep) -> Result<(), Violation> {
        let latest = self.done.last().copied().filter(|_| self.failed.is_some());
        self.judge(
            latest == Some(step),
            format!("{step:?} is undone, next is {latest:?}"),
        )?;
        self.done.pop();
        Ok(())
    }

    /// The driver reports how it went: with a failure, which step it was.
    pub fn reported(&self, failed: Option<StartStep>) -> Result<(), Violation> {
        let done = if self.failed.is_some() {
            0
        } else {
            ORDER.len()
        };
        let right = failed == self.failed && self.done.len() == done;
        self.judge(
            right,
            format!(
                "{failed:?} is reported; {:?} failed, {:?} stand",
                self.failed, self.done
            ),
        )
    }
}
