//! The table of mutations.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::MutantsError;

/// A rule broken on purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// What is wrong then, in a few words.
    pub name: String,
    /// The behaviour that it breaks: `B25`.
    pub behaviour: String,
    /// The file that it changes, from the root.
    pub file: String,
    /// A text that stands there once.
    pub old: String,
    /// What stands there instead.
    pub new: String,
    /// The models that the tests run, of those in `sim/build.rs`; the others are not built anew.
    #[serde(default)]
    pub models: Vec<String>,
    /// The tests that must notice, one at least: `PACKAGE/FILE/TEST`.
    pub tests: Vec<TestName>,
}

/// A test, by the package, the file in its `tests`, and the name of the function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct TestName {
    /// `toe-driver`.
    pub package: String,
    /// `push_mode`.
    pub file: String,
    /// `a_push_returns_the_buffer_however_full`.
    pub test: String,
}

impl TryFrom<String> for TestName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [package, file, test] => Ok(Self {
                package: package.to_owned(),
                file: file.to_owned(),
                test: test.to_owned(),
            }),
            _ => Err(format!("\"{text}\" is not PACKAGE/FILE/TEST")),
        }
    }
}

impl Mutation {
    /// The file's text with the mutation in it.
    ///
    /// # Errors
    /// [`MutantsError::Stale`] unless the old text stands there exactly once.
    pub fn apply(&self, text: &str) -> Result<String, MutantsError> {
        match text.matches(&self.old).count() {
            1 => Ok(text.replacen(&self.old, &self.new, 1)),
            times => Err(MutantsError::Stale {
                name: self.name.clone(),
                file: self.file.clone(),
                times,
                old: self.old.clone(),
            }),
        }
    }

    fn check(&self) -> Result<(), MutantsError> {
        let number = self.behaviour.strip_prefix('B');
        let number = number.and_then(|digits| digits.parse::<u32>().ok());
        let reason = match () {
            () if number.is_none() => format!("\"{}\" is no behaviour, as B25 is", self.behaviour),
            () if self.old == self.new => "old and new are the same".to_owned(),
            () if self.tests.is_empty() => "no test is named".to_owned(),
            () => return Ok(()),
        };
        let name = self.name.clone();
        Err(MutantsError::Malformed { name, reason })
    }
}

/// All mutations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// In the order of the file.
    #[serde(rename = "mutation")]
    pub mutations: Vec<Mutation>,
}

impl Table {
    /// Where the table stands, from the root.
    pub const PLACE: &'static str = "testbench/mutants/mutants.toml";

    /// The table of the tree at `root`, each mutation held against the text that it changes.
    ///
    /// # Errors
    /// When the table cannot be read, or a mutation is stale or cannot be.
    pub fn read(root: &Path) -> Result<Self, MutantsError> {
        let path = root.join(Self::PLACE);
        let text = fs::read_to_string(&path).map_err(MutantsError::file(&path))?;
        let table: Self = toml::from_str(&text).map_err(|error| MutantsError::Table {
            path,
            error: Box::new(error),
        })?;
        for mutation in &table.mutations {
            mutation.check()?;
            let path = root.join(&mutation.file);
            let text = fs::read_to_string(&path).map_err(MutantsError::file(&path))?;
            mutation.apply(&text)?;
        }
        Ok(table)
    }
}
