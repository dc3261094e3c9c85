//! Runs a script on a bench under the eyes of both models.

use super::script::{Operation, Script};
use crate::model::{
    AdapterModel, Behaviour, DriverModel, DriverSeen, DriverSettings, Seen, Settings, Violation,
};

/// Cycles that pass after each operation that is not itself about time.
const BREATH: u64 = 20;
/// Cycles after which a bench that does not come to rest has failed.
const PATIENCE: u64 = 5_000_000;
/// Cycles between two looks at whether the bench is at rest.
const LOOK: u64 = 1000;

/// What a bench saw, for one model or the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// At the adapter.
    Adapter(Seen),
    /// At the driver.
    Driver(DriverSeen),
}

/// Something that scripts run on: adapter, driver, peers, applications and buses.
///
/// What to hand over in `poll`, on a bench of RTL and driver:
///
/// | observation | where it is seen |
/// |---|---|
/// | `Adapter(Taken)` | the command window, when word 7 is written |
/// | `Adapter(Write)` | a data beat outside the event ring: the bytes that its strobes enable |
/// | `Adapter(Event)` | a beat in the event ring, decoded |
/// | `Adapter(Sent)`, then `InOrder`, `Finished`, `Reset` | the frame's last beat, if the reference receiver keeps the segment |
/// | `Driver(Command)`, `Driver(Event)` | the driver's observer |
/// | the rest of `Driver` | the application's calls and what they return |
///
/// An operation that has no sense at the moment (a cancel with nothing open, a segment of a connection that is not offloaded) does nothing, so
/// that every part of a script is a script. A connection is offloaded anew only when nothing is open on it.
pub trait Bench {
    /// How the models are to judge this bench.
    fn settings(&self) -> (Settings, DriverSettings);

    /// Begins an operation; what it leads to shows in the next polls.
    fn apply(&mut self, operation: &Operation) -> Result<(), String>;

    /// The cycle up to which all that was seen has been handed over.
    fn cycle(&self) -> u64;

    /// Lets cycles pass; what was seen in them, in order, each with its cycle.
    fn poll(&mut self, cycles: u64) -> Result<Vec<(u64, Observation)>, String>;

    /// Nothing moves, and without another operation nothing will: no command under way, no stall, no timer running.
    fn is_at_rest(&self) -> bool;
}

/// How a script failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {operation}: {what}")]
pub struct Failure {
    /// During which operation, from 0.
    pub operation: usize,
    /// The behaviour broken, when a model complained.
    pub behaviour: Option<Behaviour>,
    /// The complaint.
    pub what: String,
}

/// Does a script; both models agree with all that is seen, and with what is not seen once all is at rest.
pub fn run(script: &Script, bench: &mut impl Bench) -> Result<(), Failure> {
    let (adapter, driver) = bench.settings();
    let mut judges = Judges {
        adapter: AdapterModel::new(adapter),
        driver: DriverModel::new(driver),
        operation: 0,
    };
    for (at, operation) in script.operations.iter().enumerate() {
        judges.operation = at;
        match operation {
            Operation::Rest => judges.rest(bench)?,
            Operation::Wait { cycles } => judges.poll(bench, (*cycles).into())?,
            operation => {
                let applied = bench.apply(operation);
                applied.map_err(|what| judges.failure(what))?;
                judges.poll(bench, BREATH)?;
            }
        }
    }
    judges.rest(bench)
}

struct Judges {
    adapter: AdapterModel,
    driver: DriverModel,
    operation: usize,
}

impl Judges {
    fn failure(&self, what: String) -> Failure {
        Failure {
            operation: self.operation,
            behaviour: None,
            what,
        }
    }

    fn violation(&self, broken: Violation) -> Failure {
        Failure {
            operation: self.operation,
            behaviour: Some(broken.behaviour),
            what: broken.to_string(),
        }
    }

    fn poll(&mut self, bench: &mut impl Bench, cycles: u64) -> Result<(), Failure> {
        let seen = bench.poll(cycles).map_err(|what| self.failure(what))?;
        for (cycle, observation) in seen {
            let judged = match &observation {
                Observation::Adapter(seen) => self.adapter.note(cycle, seen),
                Observation::Driver(seen) => self.driver.note(cycle, seen).map(|_| ()),
            };
            judged.map_err(|broken| self.violation(broken))?;
        }
        let now = bench.cycle();
        let late = self.adapter.wait(now).and_then(|()| self.driver.wait(now));
        late.map_err(|broken| self.violation(broken))
    }

    fn rest(&mut self, bench: &mut impl Bench) -> Result<(), Failure> {
        let mut waited = 0;
        while !bench.is_at_rest() {
            if waited > PATIENCE {
                let what = format!("not at rest after {waited} cycles");
                return Err(self.failure(what));
            }
            self.poll(bench, LOOK)?;
            waited += LOOK;
        }
        let judged = self.adapter.rest().and_then(|()| self.driver.rest());
        judged.map_err(|broken| self.violation(broken))
    }
}
