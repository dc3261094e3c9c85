//! All mutations, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::scratch::Scratch;
use super::{MutantsError, Mutation, Table, TestName};

/// What became of a mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// These tests failed.
    Caught(Vec<String>),
    /// Every test passed.
    Survived,
    /// It cannot be built, so it proves nothing: the compiler's words.
    NotBuilt(String),
}

/// A mutation, run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// Time of the build and of the tests.
    pub time: Duration,
}

/// Tests by package and file.
type Files = BTreeMap<(String, String), Vec<String>>;

fn by_file<'a>(tests: impl IntoIterator<Item = &'a TestName>) -> Files {
    let mut files = Files::new();
    for test in tests.into_iter().collect::<BTreeSet<_>>() {
        let file = (test.package.clone(), test.file.clone());
        files.entry(file).or_default().push(test.test.clone());
    }
    files
}

/// A copy of the tree in which mutations can be run.
pub struct Campaign {
    scratch: Scratch,
}

impl Campaign {
    /// Copies the tree at `root` into `target`, cargo's target folder, and sees that every test that a mutation names
    /// passes there.
    ///
    /// # Errors
    /// When the table is stale, the tree does not build, or a test fails or does not exist.
    pub fn begin(root: &Path, target: &Path, mutations: &[Mutation]) -> Result<Self, MutantsError> {
        Table::read(root)?;
        let scratch = Scratch::new(root, target)?;
        let campaign = Self { scratch };
        let models: BTreeSet<_> = mutations.iter().flat_map(|m| &m.models).cloned().collect();
        let models: Vec<_> = models.into_iter().collect();
        for ((package, file), tests) in by_file(mutations.iter().flat_map(|m| &m.tests)) {
            let unmutated = |reason| Err(MutantsError::Unmutated { reason });
            let executable = match campaign.scratch.build(&package, &file, &models)? {
                Ok(executable) => executable,
                Err(said) => return unmutated(said),
            };
            let names: Vec<_> = tests.iter().map(String::as_str).collect();
            let run = campaign.scratch.run(&executable, &package, &names)?;
            if !run.passed {
                return unmutated(run.text);
            }
            let ran = |name: &&&str| !run.text.contains(&format!("test {name} ... ok"));
            if let Some(name) = names.iter().find(ran) {
                return unmutated(format!("{package} has no test {file}/{name}"));
            }
        }
        Ok(campaign)
    }

    /// Makes the mutation, runs its tests, and takes it back.
    ///
    /// # Errors
    /// When the copy cannot be read or written, or cargo cannot be run.
    pub fn run(&self, mutation: &Mutation) -> Result<Outcome, MutantsError> {
        let path = self.scratch.tree.join(&mutation.file);
        let text = fs::read_to_string(&path).map_err(MutantsError::file(&path))?;
        let mutated = mutation.apply(&text)?;
        let start = Instant::now();
        fs::write(&path, mutated).map_err(MutantsError::file(&path))?;
        let verdict = self.judge(mutation);
        fs::write(&path, text).map_err(MutantsError::file(&path))?;
        Ok(Outcome {
            verdict: verdict?,
            time: start.elapsed(),
        })
    }

    fn judge(&self, mutation: &Mutation) -> Result<Verdict, MutantsError> {
        let mut caught = Vec::new();
        for ((package, file), tests) in by_file(&mutation.tests) {
            let executable = match self.scratch.build(&package, &file, &mutation.models)? {
                Ok(executable) => executable,
                Err(said) => return Ok(Verdict::NotBuilt(said)),
            };
            let names: Vec<_> = tests.iter().map(String::as_str).collect();
            let run = self.scratch.run(&executable, &package, &names)?;
            let of_file = |test: &String| format!("{file}::{test}");
            match run {
                run if run.passed => {}
                run if run.hung => caught.push(format!("{file} (hangs)")),
                run if run.failed.is_empty() => caught.push(format!("{file} (ends)")),
                run => caught.extend(run.failed.iter().map(of_file)),
            }
        }
        Ok(match caught.is_empty() {
            true => Verdict::Survived,
            false => Verdict::Caught(caught),
        })
    }
}
