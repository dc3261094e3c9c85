//! Turns a script that fails into a short one that still fails (delta debugging).

use super::run::Failure;
use super::script::{Operation, Script};

/// Seeds that each candidate is tried with.
const SEEDS: u64 = 4;

/// A script that fails, as short as it was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The script.
    pub script: Script,
    /// How it fails: by the same behaviour as the one it came from.
    pub failure: Failure,
    /// How many scripts were tried.
    pub tries: usize,
}

/// Drops operations, then makes numbers smaller, until neither helps or `budget` scripts were tried; `None` when the
/// script does not fail at all. A candidate counts when it fails by the same behaviour.
pub fn shrink(
    script: &Script,
    budget: usize,
    check: impl FnMut(&Script) -> Result<(), Failure>,
) -> Option<Shrunk> {
    let mut check = check;
    let failure = check(script).err()?;
    let mut search = Search {
        best: Shrunk {
            script: script.clone(),
            failure,
            tries: 1,
        },
        budget,
        check,
    };
    loop {
        let before = search.best.script.clone();
        search.drop_operations();
        search.simplify_numbers();
        if search.best.script == before || search.best.tries >= budget {
            return Some(search.best);
        }
    }
}

struct Search<F> {
    best: Shrunk,
    budget: usize,
    check: F,
}

impl<F: FnMut(&Script) -> Result<(), Failure>> Search<F> {
    /// Keeps a candidate that fails in the same way, under its seed or one of the next: a failure that hangs on a throw of the
    /// dice would else hold on to operations that do nothing but shift the throws.
    fn try_out(&mut self, operations: Vec<Operation>) -> bool {
        if operations == self.best.script.operations {
            return false;
        }
        for later in 0..SEEDS {
            if self.best.tries >= self.budget {
                return false;
            }
            self.best.tries += 1;
            let script = Script {
                seed: self.best.script.seed.wrapping_add(later),
                settings: self.best.script.settings.clone(),
                operations: operations.clone(),
            };
            match (self.check)(&script) {
                Err(failure) if failure.behaviour == self.best.failure.behaviour => {
                    self.best.script = script;
                    self.best.failure = failure;
                    return true;
                }
                _ => (),
            }
        }
        false
    }

    /// Drops what stands behind the failure, then chunks: halves, quarters, down to single operations.
    fn drop_operations(&mut self) {
        let mut ahead = self.best.script.operations.clone();
        ahead.truncate(self.best.failure.operation + 1);
        self.try_out(ahead);
        let mut chunk = self.best.script.operations.len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < self.best.script.operations.len() {
                let mut fewer = self.best.script.operations.clone();
                let end = (at + chunk).min(fewer.len());
                fewer.drain(at..end);
                if !self.try_out(fewer) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
    }

    /// Makes each number as small as it can be, by halving the distance to what fails still.
    fn simplify_numbers(&mut self) {
        for at in 0..self.best.script.operations.len() {
            let numbers = self.best.script.operations[at].clone().numbers().len();
            for number in 0..numbers {
                self.simplify(at, number);
            }
        }
    }

    fn simplify(&mut self, at: usize, number: usize) {
        let now = self.best.script.operations[at].clone().numbers()[number].get();
        if now == 0 || self.try_number(at, number, 0) {
            return;
        }
        let (mut passes, mut fails) = (0, now);
        while (fails - passes).abs() > 1 && self.best.tries < self.budget {
            let middle = passes + (fails - passes) / 2;
            if self.try_number(at, number, middle) {
                fails = middle;
            } else {
                passes = middle;
            }
        }
    }

    fn try_number(&mut self, at: usize, number: usize, value: i64) -> bool {
        let mut operations = self.best.script.operations.clone();
        operations[at].numbers()[number].set(value);
        self.try_out(operations)
    }
}
