//! Waveforms that a person is to look at, and the views that say what to look at.
#![allow(dead_code, missing_docs)]

use std::collections::HashMap;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fst_reader::{FstFilter, FstHierarchyEntry, FstReader, FstSignalHandle, FstSignalValue};

/// Unit of time of the models.
const PICOSECONDS: u64 = 100;

fn root() -> PathBuf {
    let testbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    testbench.parent().unwrap_or(testbench).to_path_buf()
}

/// Where a waveform with a view is written: `target/views/NAME`.
pub fn place(name: &str) -> PathBuf {
    root().join("target/views").join(name)
}

/// A view of `testbench/waves`.
pub struct View {
    /// The signals, each with the scopes it lies in and its range.
    pub signals: Vec<String>,
    /// Where it begins, in picoseconds.
    pub start: u64,
}

impl View {
    pub fn read(name: &str) -> Self {
        let path = root().join("testbench/waves").join(name);
        let text = fs::read_to_string(path).expect("a view");
        let signals = text.lines().filter(|line| line.starts_with("TOP."));
        let start = text
            .lines()
            .find_map(|line| line.strip_prefix("[timestart] "));
        View {
            signals: signals.map(str::to_owned).collect(),
            start: start.and_then(|time| time.parse().ok()).expect("a time"),
        }
    }
}

/// What stands in an FST file.
pub struct Trace {
    path: PathBuf,
    signals: HashMap<String, usize>,
}

impl Trace {
    pub fn read(path: &Path) -> Self {
        let mut scopes: Vec<String> = Vec::new();
        let mut signals = HashMap::new();
        let note = |entry| match entry {
            FstHierarchyEntry::Scope { name, .. } => scopes.push(name),
            FstHierarchyEntry::UpScope => drop(scopes.pop()),
            FstHierarchyEntry::Var { name, handle, .. } => {
                let name = name.replace(' ', "");
                signals.insert(format!("{}.{name}", scopes.join(".")), handle.get_index());
            }
            _ => {}
        };
        open(path)
            .read_hierarchy(note)
            .expect("the signals of an FST file");
        Trace {
            path: path.to_path_buf(),
            signals,
        }
    }

    pub fn has(&self, signal: &str) -> bool {
        self.signals.contains_key(signal)
    }

    /// Clock cycles for which a signal of one bit is high.
    pub fn cycles_high(&self, signal: &str) -> u64 {
        let period = match self.changes("TOP.clk")[..] {
            [.., (first, _), _, (last, _)] => last - first,
            _ => panic!("the clock stands"),
        };
        let changes = self.changes(signal);
        let high = changes.windows(2).filter(|pair| pair[0].1);
        let time: u64 = high.map(|pair| pair[1].0 - pair[0].0).sum();
        assert_eq!(time % period, 0, "{signal} changes with the clock");
        time / period
    }

    /// When a signal of one bit is high for the first time, in picoseconds.
    pub fn first_high(&self, signal: &str) -> u64 {
        let changes = self.changes(signal);
        let first = changes.iter().find(|(_, high)| *high);
        first.expect("it is high once").0 * PICOSECONDS
    }

    /// When a signal of one bit changed, and to what.
    fn changes(&self, signal: &str) -> Vec<(u64, bool)> {
        let wanted = FstSignalHandle::from_index(self.signals[signal]);
        let mut changes: Vec<(u64, bool)> = Vec::new();
        let note = |time, handle, value: FstSignalValue| {
            if let (true, FstSignalValue::String(bits)) = (handle == wanted, value) {
                let value = bits == b"1";
                if changes.last().is_none_or(|&(_, last)| last != value) {
                    changes.push((time, value));
                }
            }
        };
        let filter =
            FstFilter::filter_signals(vec![FstSignalHandle::from_index(self.signals[signal])]);
        open(&self.path)
            .read_signals(&filter, note)
            .expect("the values of an FST file");
        changes
    }
}

fn open(path: &Path) -> FstReader<BufReader<fs::File>> {
    let file = fs::File::open(path).expect("the waveform");
    FstReader::open(BufReader::new(file)).expect("an FST file")
}
