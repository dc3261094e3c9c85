//! The tree itself: what a reader may rely on in every file.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest Verilog file, in lines: longer ones are two modules.
const VERILOG_LINES: usize = 250;
/// Longest line of Verilog, in characters.
const VERILOG_COLUMNS: usize = 100;
/// Longest Rust file, in lines.
const RUST_LINES: usize = 700;

fn root() -> PathBuf {
    let testbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    testbench.parent().unwrap_or(testbench).to_path_buf()
}

/// Every file of the tree as (path from the root, text), but for what is built and what is not text.
fn files() -> Vec<(String, String)> {
    fn visit(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(root)
                .ok()
                .and_then(Path::to_str)
                .expect("a UTF-8 path below the root")
                .to_owned();
            let built = ["target", ".git", ".venv", ".tools", "build", "waves"];
            if built.contains(&name.as_str()) || path.is_symlink() {
                continue;
            } else if path.is_dir() {
                visit(root, &path, found);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((name, text));
            }
        }
    }
    let mut found = Vec::new();
    visit(&root(), &root(), &mut found);
    found.sort();
    found
}

/// Files written by hand whose name ends so; a generator signs its files on the second line.
fn written(ending: &str) -> Vec<(String, String)> {
    let generated = |text: &str| {
        let second = text.lines().nth(1);
        second.is_some_and(|line| line.contains("Generated from"))
    };
    let mut found = files();
    found.retain(|(name, text)| name.ends_with(ending) && !generated(text));
    found
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn each_verilog_file_holds_one_module_of_its_own_name() {
    none(
        written(".v")
            .iter()
            .filter(|(name, _)| name.starts_with("rtl/"))
            .filter_map(|(name, text)| {
                let modules: Vec<&str> = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("module "))
                    .map(|rest| {
                        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                            .next()
                    })
                    .map(Option::unwrap_or_default)
                    .collect();
                let stem = Path::new(name).file_stem()?.to_str()?;
                (modules != [stem]).then(|| format!("{name}: holds {modules:?}"))
            })
            .collect(),
    );
}

#[test]
fn verilog_files_are_short_and_narrow() {
    let mut complaints = Vec::new();
    for (name, text) in written(".v") {
        let lines = text.lines().count();
        if lines > VERILOG_LINES {
            complaints.push(format!("{name}: {lines} lines, {VERILOG_LINES} at most"));
        }
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > VERILOG_COLUMNS || line.contains('\t') {
                complaints.push(format!("{name}:{}: too wide, or a tab", number + 1));
            }
        }
    }
    none(complaints);
}

#[test]
fn verilog_files_declare_every_net_and_restore_the_default() {
    let mut found = files();
    found.retain(|(name, _)| name.starts_with("rtl/") && name.ends_with(".v"));
    none(
        found
            .iter()
            .filter(|(_, text)| {
                let off = text.find("`default_nettype none");
                let on = text.rfind("`default_nettype wire");
                !matches!((off, on, text.find("\nmodule ")), (Some(off), Some(on), Some(module))
                    if off < module && module < on)
            })
            .map(|(name, _)| format!("{name}: `default_nettype none before, wire after the module"))
            .collect(),
    );
}

#[test]
fn verilog_files_name_their_licence_and_check_their_invariants() {
    let mut complaints = Vec::new();
    for (name, text) in written(".v") {
        if name.starts_with("rtl/") && !text.starts_with("// SPDX-License-Identifier: ") {
            complaints.push(format!("{name}: the first line names no licence"));
        }
        if text.contains("// Invariant:") && !text.contains("`ifdef ASSERTIONS") {
            complaints.push(format!("{name}: states an invariant and asserts none"));
        }
    }
    none(complaints);
}

#[test]
fn each_module_is_in_the_table_of_modules() {
    let table = fs::read_to_string(root().join("rtl/README.md")).unwrap_or_default();
    none(
        written(".v")
            .iter()
            .filter(|(name, _)| name.starts_with("rtl/"))
            .filter(|(name, _)| {
                let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
                !table.contains(&format!("`{stem}`"))
            })
            .map(|(name, _)| format!("rtl/README.md does not name {name}"))
            .collect(),
    );
}

#[test]
fn rust_files_are_short() {
    none(
        written(".rs")
            .iter()
            .map(|(name, text)| (name, text.lines().count()))
            .filter(|&(_, lines)| lines > RUST_LINES)
            .map(|(name, lines)| format!("{name}: {lines} lines, {RUST_LINES} at most"))
            .collect(),
    );
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let here = format!("{}/", root().display());
    let home = std::env::var("HOME").unwrap_or_default();
    let homes = ["/home", "/root", "/Users"].map(|folder| format!("{folder}/"));
    let mut complaints = Vec::new();
    for (name, text) in files() {
        for (number, line) in text.lines().enumerate() {
            let foreign = line.contains(&here)
                || (home.len() > 1 && line.contains(&format!("{home}/")))
                || homes.iter().any(|folder| line.contains(folder.as_str()));
            if foreign {
                complaints.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(complaints);
}

#[test]
fn the_files_that_the_demo_promises_are_there() {
    let folder = root().join("testbench/demo");
    let table = fs::read_to_string(folder.join("README.md")).unwrap();
    let sums = fs::read_to_string(folder.join("streams.sha256")).unwrap();
    let mut captures = 0;
    let mut bytes = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        captures += 1;
        bytes += fs::metadata(&path).unwrap().len();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            table.contains(&format!("`{name}.pcap`")),
            "README.md: no row for {name}"
        );
        assert!(
            sums.contains(&format!("  {name}/")),
            "streams.sha256: no sum for {name}"
        );
    }
    assert!(
        captures >= 5 && bytes < 1 << 20,
        "{captures} captures, {bytes} bytes"
    );
}
