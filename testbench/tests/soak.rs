//! Long random tests of the Verilated adapter and the driver, under the eyes of both models.

use toe_testbench::soak::{AdapterBench, Failure, Script, generate, run, shrink};

/// Operations of one script: connections end, and an end of all makes what follows dull.
const SCRIPT: usize = 250;
/// Candidates that are tried to make a failing script short.
const TRIES: usize = 400;

fn on_adapter(script: &Script) -> Result<(), Failure> {
    let broken = |what| Failure {
        operation: 0,
        behaviour: None,
        what,
    };
    let mut bench = AdapterBench::new(script).map_err(broken)?;
    run(script, &mut bench)
}

/// Runs scripts of these seeds; what fails is made short, and shown.
fn soak(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let script = generate(seed, SCRIPT);
        let Err(failure) = on_adapter(&script) else {
            continue;
        };
        let shrunk = shrink(&script, TRIES, on_adapter);
        let (script, last) = shrunk.map_or((script, failure.clone()), |s| (s.script, s.failure));
        panic!("seed {seed}: {failure}\nshrunk, {last}:\n{script}");
    }
}

#[test]
fn adapter_and_driver_do_what_the_models_allow() {
    if let Ok(file) = std::env::var("TOE_SCRIPT") {
        let script: Script = std::fs::read_to_string(file).unwrap().parse().unwrap();
        return on_adapter(&script).unwrap();
    }
    let count = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let first = count("SEED").unwrap_or(0);
    soak(first..first + count("OPERATIONS").unwrap_or(250u64).div_ceil(250));
}
