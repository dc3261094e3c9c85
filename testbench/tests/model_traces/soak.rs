//! Scripts: as text, run, and made short.

use std::collections::BTreeSet;

use toe_driver::registers::Event;
use toe_testbench::model::{Answer, DriverSeen, DriverSettings, Fault, Seen, Settings};
use toe_testbench::soak::{
    Bench, Failure, Observation, Operation, ReferenceBench, Script, generate, run, shrink,
};

/// Operations that a shrunk script may have.
const LINES: usize = 16;

fn on_reference(script: &Script, fault: Option<Fault>) -> Result<(), Failure> {
    run(script, &mut ReferenceBench::new(script, fault))
}

#[test]
fn a_script_is_the_same_after_a_round_trip() {
    for seed in 0..200 {
        let script = generate(seed, 60);
        assert_eq!(script.to_string().parse(), Ok(script.clone()));
        let json = serde_json::to_string(&script).unwrap();
        assert_eq!(serde_json::from_str::<Script>(&json).unwrap(), script);
    }
}

#[test]
fn a_wrong_line_is_named() {
    for (text, complaint) in [
        ("seed 1\nwait x", "line 2: x is no number of cycles"),
        ("\n\npost 0 1 2", "line 3: number of pages is missing"),
        ("rest now", "line 1: now is too much"),
        ("segment 0 0 5 pull", "line 1: pull where push may stand"),
        ("fly", "line 1: fly is no operation"),
    ] {
        assert_eq!(text.parse::<Script>().unwrap_err().to_string(), complaint);
    }
}

/// Names of what was seen, each with what tells its kinds apart.
#[derive(Default)]
struct Kinds(BTreeSet<String>);

impl Kinds {
    fn note(&mut self, observation: &Observation) {
        let name = match observation {
            Observation::Adapter(Seen::Event(Event::CommandRefused { reason, .. })) => {
                format!("refused {reason:?}")
            }
            Observation::Adapter(Seen::Event(Event::NamedBufferReturned { reason, .. })) => {
                format!("returned {reason:?}")
            }
            Observation::Adapter(Seen::Event(Event::NamedBufferAccepted { skipped, .. })) => {
                format!("accepted, skipped {}", *skipped > 0)
            }
            Observation::Driver(DriverSeen::Complete { reason, .. }) => {
                format!("completed {reason:?}")
            }
            Observation::Driver(DriverSeen::Answer { answer, .. }) => match answer {
                Answer::Part(_) => "answer Part".into(),
                answer => format!("answer {answer:?}"),
            },
            Observation::Adapter(Seen::Event(event)) => first_word(event),
            Observation::Adapter(Seen::Taken(command)) => first_word(command),
            Observation::Adapter(seen) => first_word(seen),
            Observation::Driver(seen) => first_word(seen),
        };
        self.0.insert(name);
    }
}

fn first_word(of: &impl std::fmt::Debug) -> String {
    let text = format!("{of:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

/// A bench that notes what it shows.
struct Noting<'a>(ReferenceBench, &'a mut Kinds);

impl Bench for Noting<'_> {
    fn settings(&self) -> (Settings, DriverSettings) {
        self.0.settings()
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), String> {
        self.0.apply(operation)
    }

    fn poll(&mut self, cycles: u64) -> Result<Vec<(u64, Observation)>, String> {
        let seen = self.0.poll(cycles)?;
        seen.iter().for_each(|(_, seen)| self.1.note(seen));
        Ok(seen)
    }

    fn cycle(&self) -> u64 {
        self.0.cycle()
    }

    fn is_at_rest(&self) -> bool {
        self.0.is_at_rest()
    }
}

#[test]
fn generated_scripts_reach_every_kind_of_step() {
    let mut kinds = Kinds::default();
    for seed in 0..150 {
        let script = generate(seed, 150);
        let bench = ReferenceBench::new(&script, None);
        run(&script, &mut Noting(bench, &mut kinds)).unwrap();
    }
    println!("{:#?}", kinds.0);
    for kind in [
        "IndicateData",
        "accepted, skipped false",
        "accepted, skipped true",
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
        "IndicateAcknowledge",
        "SetIndicateWindowSize",
        "PeerClosed",
        "PeerReset",
        "UploadData",
        "Uploaded",
    ] {
        assert!(kinds.0.contains(kind), "{kind} never came");
    }
}

#[test]
fn reference_driver_and_adapter_keep_every_behaviour() {
    let sweep = std::env::var_os("TOE_SWEEP").is_some();
    for seed in 0..if sweep { 5000 } else { 150 } {
        let script = generate(seed, 150);
        if let Err(failure) = on_reference(&script, None) {
            let short = shrink(&script, 3000, |script| on_reference(script, None)).unwrap();
            panic!("seed {seed}: {failure}\n{}{}", short.script, short.failure);
        }
    }
}

#[test]
fn a_script_that_finds_a_fault_shrinks_to_a_few_lines_that_find_it_still() {
    for fault in Fault::ALL {
        let find = |seed| {
            let script = generate(seed, 120);
            on_reference(&script, Some(fault))
                .is_err()
                .then_some(script)
        };
        let script = (1000..1300).find_map(find);
        let script = script.unwrap_or_else(|| panic!("{fault:?} was never found"));
        let short = shrink(&script, 2000, |script| on_reference(script, Some(fault))).unwrap();
        println!(
            "{fault:?} in {} tries: {}\n{}",
            short.tries, short.failure, short.script
        );
        let count = short.script.operations.len();
        assert!(
            count <= LINES,
            "{fault:?}: {count} operations are left\n{}",
            short.script
        );
        let number = short.failure.behaviour.unwrap().0;
        assert!(
            fault.breaks().contains(&number),
            "{fault:?}: {}",
            short.failure
        );
        let again = on_reference(&short.script.to_string().parse().unwrap(), Some(fault));
        assert_eq!(again, Err(short.failure));
        on_reference(&short.script, None).unwrap();
    }
}
