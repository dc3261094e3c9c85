//! Seeded trials of a module: what fails is run again with a waveform.

use std::fmt::Display;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// Where the waveform of a test goes: `target/waves/NAME.fst` of the workspace.
pub fn wave_path(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    workspace
        .unwrap_or(Path::new("."))
        .join("target/waves")
        .join(format!("{name}.fst"))
}

/// Runs `body` for every seed. The first one that fails, by error or panic, is run again with a place for a waveform;
/// then the seed and the waveform are printed and the test fails.
///
/// The body gets the seed and, when it is to leave a waveform, the path for it. To look at one seed only, set `TOE_SEED`.
pub fn trials<E: Display>(
    name: &str,
    seeds: Range<u64>,
    body: impl Fn(u64, Option<&Path>) -> Result<(), E>,
) {
    let chosen = std::env::var("TOE_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seeds = chosen.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let first = catch_unwind(AssertUnwindSafe(|| body(seed, None)));
        if matches!(first, Ok(Ok(()))) {
            continue;
        }
        let path = wave_path(name);
        let again = catch_unwind(AssertUnwindSafe(|| body(seed, Some(&path))));
        eprintln!(
            "{name}: failed with TOE_SEED={seed}; waveform: {}",
            path.display()
        );
        match (first, again) {
            (Err(panic), _) | (_, Err(panic)) => resume_unwind(panic),
            (Ok(Err(error)), _) => panic!("{name}, seed {seed}: {error}"),
            (Ok(Ok(())), _) => unreachable!("a trial that passed is not run again"),
        }
    }
}
