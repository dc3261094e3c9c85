//! Long random tests of the Verilated adapter and the driver, under the eyes of both models.
//!
//! `make soak` runs scripts of every operation (`OPERATIONS=`, `SEED=`), or the script of a file (`SCRIPT=`). What once failed is kept,
//! short, in `soak/`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use toe_testbench::soak::{AdapterBench, Failure, Script, generate, run, shrink};

/// Operations of one script: connections end, and an end of all makes what follows dull.
const SCRIPT: usize = 250;
/// Candidates that are tried to make a failing script short.
const TRIES: usize = 800;
/// How often progress is told where there is no terminal to draw it on.
const REPORT: Duration = Duration::from_secs(60);

fn on_adapter(script: &Script) -> Result<(), Failure> {
    let broken = |what| Failure {
        operation: 0,
        behaviour: None,
        what,
    };
    let mut bench = AdapterBench::new(script).map_err(broken)?;
    run(script, &mut bench)
}

/// Runs scripts of these seeds; what fails is made short, shown, and written to a file.
fn soak(seeds: std::ops::Range<u64>) {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} scripts, {eta} left");
    let bar = ProgressBar::new(seeds.end - seeds.start); // Shows itself on a terminal only.
    let bar = bar.with_style(style.expect("a template"));
    let (begun, mut told, mut operations) = (Instant::now(), Instant::now(), 0);
    for seed in seeds.clone() {
        bar.inc(1);
        let script = generate(seed, SCRIPT);
        if let Err(failure) = on_adapter(&script) {
            bar.abandon();
            fail(seed, script, &failure);
        }
        operations += script.operations.len();
        if bar.is_hidden() && told.elapsed() > REPORT {
            told = Instant::now();
            println!("soak: {operations} operations, up to seed {seed}");
        }
    }
    bar.finish();
    let rate = operations as f64 / begun.elapsed().as_secs_f64();
    println!("soak: {operations} operations, seeds {seeds:?}: no complaint; {rate:.0} a second");
}

fn fail(seed: u64, script: Script, failure: &Failure) -> ! {
    println!("soak: seed {seed}: {failure}; looks for a short script");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
    let shrunk = shrink(&script, TRIES, on_adapter);
    let (script, last) = shrunk.map_or((script, failure.clone()), |s| (s.script, s.failure));
    let file = folder.join(format!("seed-{seed}.script"));
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&file, format!("# {last}\n{script}")));
    let again = match written {
        Ok(()) => format!("SCRIPT={} make soak", file.display()),
        Err(error) => format!("not written to {}: {error}", file.display()),
    };
    panic!("seed {seed}: {failure}\nshrunk, {last}:\n{script}\nagain: {again}");
}

fn replay(file: &Path) {
    let text = std::fs::read_to_string(file);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let script = text.parse::<Script>();
    let script = script.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if let Err(failure) = on_adapter(&script) {
        panic!("{}: {failure}", file.display());
    }
}

/// Scripts that once failed.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soak")
}

/// The kept scripts, each a test that is named after it.
macro_rules! kept {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            replay(&folder().join(concat!(stringify!($name), ".script")));
        })+

        const KEPT: &[&str] = &[$(stringify!($name)),+];
    };
}

kept! {
    a_buffer_fills_before_the_cancel_of_the_one_before_it_is_told
    a_buffer_stays_while_more_may_be_on_its_way_under_the_larger_window
    a_buffer_that_comes_back_at_the_end_can_still_be_cancelled
    a_cancel_crosses_with_a_full_buffer_while_the_next_one_fills
    a_short_push_timer_may_expire_before_push_is_read
    an_answer_s_deadline_is_of_the_simulated_time
    bytes_placed_may_run_ahead_of_the_last_indication
    memory_that_came_back_is_counted_for_its_next_buffer
    pages_of_a_cancelled_buffer_are_held_behind_those_before_it
    push_counts_for_the_whole_delivery_that_is_skipped_in_part
    what_is_declined_with_a_buffer_posted_is_told_again
}

#[test]
fn every_script_that_is_kept_is_run() {
    let files = std::fs::read_dir(folder()).expect("a folder of scripts");
    for file in files {
        let path = file.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        assert!(KEPT.contains(&&*name), "{name} is in no test");
    }
}

/// Everything: 44 scripts, more than 10,000 operations.
#[test]
fn every_operation_is_as_the_models_say() {
    soak(0..44);
}

/// Everything, as long as asked for; or a script that is named.
#[test]
fn all_operations_as_long_as_asked_for() {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(file) = std::env::var_os("SCRIPT").filter(|file| !file.is_empty()) {
        return replay(Path::new(&file));
    }
    let Some(operations) = number("TOE_SOAK") else {
        return;
    };
    let first = number("SEED").unwrap_or(0);
    println!("soak: {operations} operations from seed {first} on");
    soak(first..first + operations.div_ceil(SCRIPT as u64));
}
