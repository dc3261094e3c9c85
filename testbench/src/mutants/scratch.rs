//! The copy of the tree in which mutations are made, and cargo in it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::MutantsError;

/// At the root of the tree, what is no source.
const NOT_COPIED: [&str; 7] = [
    "target", ".git", ".venv", ".tools", ".cache", "build", "waves",
];
/// A run of tests that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(300);
/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The copy.
pub struct Scratch {
    /// Its root.
    pub tree: PathBuf,
    build: PathBuf,
}

/// How a run of tests ended.
pub struct TestRun {
    /// Whether all passed.
    pub passed: bool,
    /// Names of those that failed.
    pub failed: Vec<String>,
    /// Whether it had to be stopped.
    pub hung: bool,
    /// What was printed.
    pub text: String,
}

impl Scratch {
    /// Copies the tree at `root`, or brings an older copy up to date. `target` is cargo's target folder of the tree: what it
    /// has of compiled models need not be compiled again.
    pub fn new(root: &Path, target: &Path) -> Result<Self, MutantsError> {
        let scratch = Self {
            tree: target.join("mutants/tree"),
            build: target.join("mutants/build"),
        };
        mirror(root, &scratch.tree, &NOT_COPIED)?;
        let models = target.join("verilated");
        if models.is_dir() {
            link_all(&models, &scratch.models())?;
        }
        Ok(scratch)
    }

    fn models(&self) -> PathBuf {
        self.build.join("verilated")
    }

    /// Builds the tests of one file. The outer error: cargo does not run; the inner one: what it said.
    pub fn build(
        &self,
        package: &str,
        file: &str,
        models: &[String],
    ) -> Result<Result<PathBuf, String>, MutantsError> {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let output = Command::new(&program)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.build)
            .env("VERILATED_CACHE", self.models())
            .env("VERILATED_ONLY", models.join(","))
            .args(["test", "--quiet", "--no-run", "--message-format=json"])
            .args(["--package", package, "--test", file])
            .output()
            .map_err(|error| MutantsError::Program {
                program: program.to_string_lossy().into_owned(),
                error,
            })?;
        let said = String::from_utf8_lossy(&output.stdout);
        let messages = said
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut rendered = String::new();
        let mut executable = None;
        for message in messages {
            if let Some(text) = message["message"]["rendered"].as_str() {
                rendered += text;
            }
            let is_it = message["target"]["name"] == file && message["target"]["kind"][0] == "test";
            if let (true, Some(path)) = (is_it, message["executable"].as_str()) {
                executable = Some(PathBuf::from(path));
            }
        }
        Ok(match executable {
            Some(path) if output.status.success() => Ok(path),
            _ => Err(rendered + &String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Runs tests of a file that was built.
    pub fn run(
        &self,
        executable: &Path,
        package: &str,
        tests: &[&str],
    ) -> Result<TestRun, MutantsError> {
        let failed = |error| MutantsError::Program {
            program: executable.display().to_string(),
            error,
        };
        let log = self.build.join("log");
        let file = fs::File::create(&log).map_err(MutantsError::file(&log))?;
        let errors = file.try_clone().map_err(MutantsError::file(&log))?;
        let folder = package.strip_prefix("toe-").unwrap_or(package);
        let mut child = Command::new(executable)
            .current_dir(self.tree.join(folder))
            .arg("--exact")
            .args(tests)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(failed)?;
        let start = Instant::now();
        let (passed, hung) = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break (status.success(), false);
            }
            if start.elapsed() > LONGEST {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                break (false, true);
            }
            std::thread::sleep(LOOK);
        };
        let text = fs::read(&log).map_err(MutantsError::file(&log))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let verdict = |line: &str| {
            let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
            Some(name.to_owned())
        };
        Ok(TestRun {
            passed,
            failed: text.lines().filter_map(verdict).collect(),
            hung,
            text,
        })
    }
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>, MutantsError> {
    let listing = fs::read_dir(folder).map_err(MutantsError::file(folder))?;
    listing
        .map(|item| item.map(|item| item.file_name()))
        .collect::<Result<_, _>>()
        .map_err(MutantsError::file(folder))
}

/// Makes `to` the same as `from`, and writes only what differs: cargo looks at dates.
fn mirror(from: &Path, to: &Path, without: &[&str]) -> Result<(), MutantsError> {
    fs::create_dir_all(to).map_err(MutantsError::file(to))?;
    let mut wanted = names(from)?;
    wanted.retain(|name| !without.iter().any(|other| name == other));
    for name in names(to)?.difference(&wanted) {
        let path = to.join(name);
        match path.is_dir() {
            true => fs::remove_dir_all(&path).map_err(MutantsError::file(&path))?,
            false => fs::remove_file(&path).map_err(MutantsError::file(&path))?,
        }
    }
    for name in wanted {
        let (old, new) = (from.join(&name), to.join(&name));
        if old.is_dir() {
            mirror(&old, &new, &[])?;
            continue;
        }
        let content = fs::read(&old).map_err(MutantsError::file(&old))?;
        if fs::read(&new).ok().as_ref() != Some(&content) {
            fs::copy(&old, &new).map_err(MutantsError::file(&new))?;
        }
    }
    Ok(())
}

/// Links every file of `from` that is not in `to`; compiled models are never written to again.
fn link_all(from: &Path, to: &Path) -> Result<(), MutantsError> {
    fs::create_dir_all(to).map_err(MutantsError::file(to))?;
    for name in names(from)? {
        let (old, new) = (from.join(&name), to.join(&name));
        if old.is_dir() {
            link_all(&old, &new)?;
        } else if !new.exists() && fs::hard_link(&old, &new).is_err() {
            fs::copy(&old, &new).map_err(MutantsError::file(&new))?;
        }
    }
    Ok(())
}
