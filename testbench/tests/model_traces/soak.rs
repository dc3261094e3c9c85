//! Scripts: as text, run, and made short.

use toe_testbench::model::Fault;
use toe_testbench::soak::{Failure, ReferenceBench, Script, generate, run, shrink};

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

#[test]
fn reference_driver_and_adapter_keep_every_behaviour() {
    for seed in 0..150 {
        let script = generate(seed, 150);
        if let Err(failure) = on_reference(&script, None) {
            let short = shrink(&script, 3000, |script| on_reference(script, None)).unwrap();
            panic!("seed {seed}: {failure}\n{}{}", short.script, short.failure);
        }
    }
}

#[test]
fn a_script_that_finds_a_fault_shrinks_to_a_few_lines_that_find_it_still() {
    for (fault, lines) in Fault::ALL.into_iter().zip([10; 9]) {
        let find = |seed| {
            let script = generate(seed, 120);
            on_reference(&script, Some(fault)).is_err().then_some(script)
        };
        let script = (1000..1300).find_map(find);
        let script = script.unwrap_or_else(|| panic!("{fault:?} was never found"));
        let short = shrink(&script, 4000, |script| on_reference(script, Some(fault))).unwrap();
        println!("{fault:?} in {} tries: {}\n{}", short.tries, short.failure, short.script);
        let count = short.script.operations.len();
        assert!(count <= lines, "{fault:?}: {count} operations are left\n{}", short.script);
        let number = short.failure.behaviour.unwrap().0;
        assert!(fault.breaks().contains(&number), "{fault:?}: {}", short.failure);
        let again = on_reference(&short.script.to_string().parse().unwrap(), Some(fault));
        assert_eq!(again, Err(short.failure));
        on_reference(&short.script, None).unwrap();
    }
}
