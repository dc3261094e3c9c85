//! Long random tests of the Verilated adapter and the driver, under the eyes of both models.
//!
//! `make soak` runs scripts of every operation (`SEED=`, `OPERATIONS=`).

use indicatif::ProgressBar;
use toe_testbench::soak::{AdapterBench, Failure, Operation, Script, generate, run, shrink};

/// Operations of one script: connections end, and an end of all makes what follows dull.
const SCRIPT: usize = 250;
/// Candidates that are tried to make a failing script short.
const TRIES: usize = 200;

fn on_adapter(script: &Script) -> Result<(), Failure> {
    let broken = |what| Failure {
        operation: 0,
        behaviour: None,
        what,
    };
    let mut bench = AdapterBench::new(script).map_err(broken)?;
    run(script, &mut bench)
}

/// Runs scripts of these seeds, as they are after `keep`; what fails is made short, and shown.
fn soak(seeds: std::ops::Range<u64>, keep: impl Fn(&Operation) -> bool) {
    let bar = ProgressBar::new(seeds.end - seeds.start); // Shows itself on a terminal only.
    for seed in seeds {
        bar.inc(1);
        let mut script = generate(seed, SCRIPT);
        script.operations.retain(&keep);
        let Err(failure) = on_adapter(&script) else {
            continue;
        };
        let shrunk = shrink(&script, TRIES, on_adapter);
        let (script, last) = shrunk.map_or((script, failure.clone()), |s| (s.script, s.failure));
        panic!("seed {seed}: {failure}\nshrunk, {last}:\n{script}");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// All but Named Buffers and new windows: 60 scripts, more than 10,000 operations.
#[test]
fn what_goes_through_anonymous_buffers_is_as_the_models_say() {
    soak(0..60, |operation| match operation {
        Operation::Post { bytes, .. } => *bytes == 0,
        Operation::Window { .. } => false,
        _ => true,
    });
}

/// Everything, as long as asked for.
#[test]
fn all_operations_as_long_as_asked_for() {
    let Some(operations) = number("TOE_SOAK") else {
        return;
    };
    let first = number("SEED").unwrap_or(0);
    println!("soak: {operations} operations from seed {first} on");
    soak(first..first + operations.div_ceil(SCRIPT as u64), |_| true);
}
