//! Long random tests of the Verilated adapter and the driver, under the eyes of both models.
//!
//! `make soak` runs scripts of every operation (`OPERATIONS=`, `SEED=`), or the script of a file (`SCRIPT=`). What once failed is kept,
//! short, in `soak/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use toe_driver::registers::{Command, Event};
use toe_testbench::model::{DriverSeen, DriverSettings, Seen, Settings};
use toe_testbench::soak::{
    AdapterBench, Bench, Failure, Observation, Operation, Script, generate, run, shrink,
};

/// Operations of one script: connections end, and an end of all makes what follows dull.
const SCRIPT: usize = 250;
/// Candidates that are tried to make a failing script short.
const TRIES: usize = 800;
/// How often progress is told where there is no terminal to draw it on.
const REPORT: Duration = Duration::from_secs(60);

/// What came, in a word or two each.
type Kinds = BTreeSet<String>;

/// A bench that notes what it shows.
struct Noting<'a>(AdapterBench, &'a mut Kinds);

impl Bench for Noting<'_> {
    fn settings(&self) -> (Settings, DriverSettings) {
        self.0.settings()
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), String> {
        self.0.apply(operation)
    }

    fn cycle(&self) -> u64 {
        self.0.cycle()
    }

    fn poll(&mut self, cycles: u64) -> Result<Vec<(u64, Observation)>, String> {
        let seen = self.0.poll(cycles)?;
        self.1.extend(seen.iter().map(|(_, seen)| kind(seen)));
        Ok(seen)
    }

    fn is_at_rest(&self) -> bool {
        self.0.is_at_rest()
    }
}

fn kind(seen: &Observation) -> String {
    match seen {
        Observation::Adapter(Seen::Event(event)) => match event {
            Event::NamedBufferAccepted { skipped, .. } => format!("skips {}", *skipped > 0),
            Event::NamedBufferReturned { reason, .. } => format!("returned {reason:?}"),
            Event::CommandRefused { reason, .. } => format!("refused {reason:?}"),
            Event::IndicateData { push, .. } => format!("IndicateData, PSH {push}"),
            event => word(event),
        },
        Observation::Adapter(Seen::Taken(command)) => match command {
            Command::PostNamedBuffer {
                last_page: false, ..
            } => "a page that is not the last".into(),
            command => word(command),
        },
        Observation::Adapter(Seen::Sent { bytes, push, .. }) => {
            let size = match bytes.len() {
                1 => "1 byte",
                9000.. => "9000 bytes",
                _ => "any size",
            };
            format!("segment of {size}, PSH {push:?}")
        }
        Observation::Adapter(Seen::Write { address, .. }) => format!("write at {}", address % 8),
        Observation::Driver(DriverSeen::Complete { reason, .. }) => format!("completed {reason:?}"),
        Observation::Driver(DriverSeen::Answer { answer, .. }) => format!("answer {answer:?}"),
        Observation::Adapter(seen) => word(seen),
        Observation::Driver(seen) => word(seen),
    }
}

/// The first word of what something is.
fn word(it: &impl std::fmt::Debug) -> String {
    let text = format!("{it:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].into()
}

/// What a soak must have met.
const MET: &[&str] = &[
    "IndicateData, PSH false",
    "IndicateData, PSH true",
    "skips false",
    "skips true",
    "returned Full",
    "returned Push",
    "returned Timeout",
    "returned Cancelled",
    "returned Ended",
    "refused NotPosted",
    "completed Full",
    "completed Push",
    "completed Timeout",
    "completed Cancelled",
    "completed Ended",
    "answer Accepted",
    "answer Part",
    "answer NotAccepted",
    "Notify",
    "a page that is not the last",
    "IndicateAcknowledge",
    "SetIndicateWindowSize",
    "CancelNamedBuffer",
    "PeerClosed",
    "PeerReset",
    "UploadData",
    "Uploaded",
    "segment of 1 byte, PSH No",
    "segment of 1 byte, PSH Yes",
    "segment of any size, PSH Perhaps",
    "segment of 9000 bytes, PSH No",
    "segment of 9000 bytes, PSH Yes",
    "write at 0",
    "write at 1",
    "write at 2",
    "write at 3",
    "write at 4",
    "write at 5",
    "write at 6",
    "write at 7",
];

fn on_adapter(script: &Script) -> Result<(), Failure> {
    on_noting_adapter(script, &mut Kinds::new())
}

fn on_noting_adapter(script: &Script, kinds: &mut Kinds) -> Result<(), Failure> {
    let broken = |what| Failure {
        operation: 0,
        behaviour: None,
        what,
    };
    let bench = AdapterBench::new(script).map_err(broken)?;
    run(script, &mut Noting(bench, kinds))
}

/// Runs scripts of these seeds, and says what came; what fails is made short, shown, and written to a file.
fn soak(seeds: std::ops::Range<u64>) -> Kinds {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} scripts, {eta} left");
    let bar = ProgressBar::new(seeds.end - seeds.start); // Shows itself on a terminal only.
    let bar = bar.with_style(style.expect("a template"));
    let mut kinds = Kinds::new();
    let (begun, mut told, mut operations) = (Instant::now(), Instant::now(), 0);
    for seed in seeds.clone() {
        bar.inc(1);
        let script = generate(seed, SCRIPT);
        if let Err(failure) = on_noting_adapter(&script, &mut kinds) {
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
    kinds
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
    a_request_behind_the_first_does_not_start_its_push_timer_anew
    a_short_push_timer_may_expire_before_push_is_read
    an_answer_s_deadline_is_of_the_simulated_time
    bytes_placed_may_run_ahead_of_the_last_indication
    memory_that_came_back_is_counted_for_its_next_buffer
    pages_of_a_cancelled_buffer_are_held_behind_those_before_it
    push_counts_for_the_whole_delivery_that_is_skipped_in_part
    room_is_free_when_the_last_byte_of_a_delivery_was_read
    the_return_of_a_buffer_behind_the_first_does_not_start_its_push_timer_anew
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

/// Everything: 44 scripts, more than 10,000 operations, and nothing of what there is left out.
#[test]
fn every_operation_is_as_the_models_say() {
    let kinds = soak(0..44);
    for kind in MET {
        let met = kinds.iter().any(|met| met.starts_with(kind));
        assert!(met, "{kind}: never came; {kinds:?}");
    }
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
