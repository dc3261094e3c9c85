//! The models of B1 to B32, tried out.

mod model_traces;

use model_traces::*;
use toe_testbench::model::{Fault, Push};

#[test]
fn random_legal_traces_are_accepted() {
    for seed in 0..300 {
        if let Err(broken) = judge(&random_trace(seed, None)) {
            let trace = random_trace(seed, None);
            for (cycle, seen) in trace {
                if cycle <= broken.cycle {
                    let text = format!("{seen:?}");
                    println!("{cycle} {}", &text[..text.len().min(200)]);
                }
            }
            panic!("seed {seed}: {broken}");
        }
    }
}

#[test]
fn each_planted_fault_is_found_under_its_number() {
    for (fault, behaviours) in [
        (Fault::SkipOffByOne, [25].as_slice()),
        (Fault::AcknowledgeTwice, &[8, 11, 25]),
        (Fault::WindowOverrun, &[8]),
        (Fault::WrongPage, &[28]),
        (Fault::PushEarly, &[29]),
        (Fault::TimerEarly, &[30]),
        (Fault::ReturnTwice, &[27]),
        (Fault::CloseEarly, &[37]),
        (Fault::UploadShort, &[6]),
    ] {
        let mut found = 0;
        for seed in 0..100 {
            if let Err(broken) = judge(&random_trace(seed, Some(fault))) {
                found += 1;
                let number = broken.behaviour.0;
                assert!(behaviours.contains(&number), "{fault:?}, seed {seed}: {broken}");
            }
        }
        println!("{fault:?}: {found}");
        assert!(found > 0, "{fault:?} was never found");
    }
}

#[test]
fn b8_the_window_is_filled_exactly_and_no_further() {
    let mut story = Story::offloaded();
    story.peer(1500, Push::No);
    story.indicate(400, false).unwrap();
    story.indicate(400, false).unwrap();
    story.indicate(200, false).unwrap();
    story.model.rest().unwrap();
    breaks(9, story.indicate(1, false));
    breaks(5, Err::<(), _>(story.event(toe_driver::registers::Event::PeerClosed { connection: 3 }).unwrap_err()));
}
