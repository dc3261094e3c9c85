//! `toe-registers [--check] [ROOT]`: writes every generated file under the workspace's root, or checks them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use toe_registers::{MAP_PATH, generate};

const USAGE: &str = "usage: toe-registers [--check] [ROOT]";

fn main() -> ExitCode {
    let mut check = false;
    let mut root = None;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => check = true,
            "-h" | "--help" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            other if !other.starts_with('-') && root.is_none() => root = Some(PathBuf::from(other)),
            other => {
                eprintln!("toe-registers: unexpected argument {other}; {USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    match run(&root, check) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("toe-registers: {reason}");
            ExitCode::from(2)
        }
    }
}

/// False when a file differs from what the map gives.
fn run(root: &Path, check: bool) -> Result<bool, String> {
    let map = root.join(MAP_PATH);
    let text = std::fs::read_to_string(&map).map_err(|e| format!("{}: {e}", map.display()))?;
    let outputs = generate(&text).map_err(|e| format!("{MAP_PATH}: {e}"))?;
    let mut same = true;
    for output in outputs {
        let path = root.join(output.path);
        if std::fs::read_to_string(&path).is_ok_and(|now| now == output.text) {
            continue;
        }
        if check {
            eprintln!(
                "toe-registers: {} differs from {MAP_PATH}; run `make registers`",
                output.path
            );
            same = false;
        } else {
            std::fs::write(&path, output.text).map_err(|e| format!("{}: {e}", path.display()))?;
            println!("wrote {}", output.path);
        }
    }
    Ok(same)
}
