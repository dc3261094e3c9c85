//! RTL that stops itself is an error with its place, never the end of the process.
#![allow(clippy::unwrap_used)] // helpers of tests may

use verilated::{Context, Error};
use verilated_checks::{Adder, Stopper};

/// Runs three good steps and then one that stops in this way.
fn stop(way: u8) -> (Stopper, Error) {
    let context = Context::new().capture_output();
    let mut dut = Stopper::new(&context).unwrap();
    for _ in 0..3 {
        dut.cycle().unwrap();
    }
    dut.set_way(way);
    let error = dut.cycle().unwrap_err();
    (dut, error)
}

/// The line of the design that holds this text.
fn line_of(text: &str) -> u32 {
    let design = include_str!("../designs/stopper.sv");
    let index = design.lines().position(|line| line.contains(text)).unwrap();
    index as u32 + 1
}

fn assert_stopped(error: &Error, text: &str, expected: &str) {
    match error {
        Error::Stopped {
            file,
            line,
            message,
            time,
        } => {
            assert_eq!(file, "designs/stopper.sv");
            assert_eq!(*line, line_of(text), "{error}");
            assert!(message.contains(expected), "{error}");
            assert_eq!(*time, 7, "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bare_stop_is_an_error_with_file_and_line() {
    assert_stopped(&stop(1).1, "1: $stop;", "$stop");
}

#[test]
fn a_stop_after_a_display_carries_its_text() {
    let (_, error) = stop(2);
    let Error::Stopped {
        file,
        line,
        message,
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (file.as_str(), *line),
        ("designs/stopper.sv", line_of("told to stop") + 1)
    );
    assert_eq!(message, "stopper: told to stop at step 3");
    assert_eq!(
        error.to_string(),
        format!("{file}:{line}: {message} (at time 7)")
    );
}

#[test]
fn fatal_is_an_error_with_its_text() {
    assert_stopped(&stop(3).1, "$fatal", "fatal at step 3");
}

#[test]
fn error_is_an_error_with_its_text() {
    assert_stopped(&stop(4).1, "$error", "error at step 3");
}

#[test]
fn a_failing_assertion_is_an_error() {
    assert_stopped(&stop(8).1, "assert (way != 8)", "ssertion failed");
}

#[test]
fn a_missing_memory_file_is_told_and_not_fatal_to_the_process() {
    let context = Context::new().capture_output();
    let mut dut = Stopper::new(&context).unwrap();
    dut.set_way(7);
    let result = dut.cycle();
    let told = format!("{result:?}{}", context.take_output());
    assert!(told.contains("there-is-no-such-file.hex"), "{told}");
}

#[test]
fn a_loop_that_does_not_converge_is_an_error() {
    let context = Context::new().capture_output();
    let mut dut = Stopper::new(&context).unwrap();
    dut.cycle().unwrap();
    dut.set_way(9);
    let error = dut.settle().unwrap_err();
    assert!(matches!(error, Error::Fatal { .. }), "{error:?}");
    assert!(error.to_string().contains("converge"), "{error}");
}

#[test]
fn the_step_in_which_it_stopped_is_completed_and_the_model_can_go_on() {
    let (mut dut, _) = stop(1);
    assert_eq!(dut.steps(), 4);
    dut.set_way(0);
    dut.cycle().unwrap();
    assert_eq!(dut.steps(), 5);
}

#[test]
fn every_stop_is_told_once() {
    let (mut dut, _) = stop(1);
    assert!(dut.cycle().is_err());
    dut.set_way(0);
    assert!(dut.cycle().is_ok());
}

#[test]
fn after_a_stop_other_models_and_contexts_are_unharmed() {
    let other = Context::new();
    let mut adder = Adder::new(&other).unwrap();
    for way in [1, 2, 3, 4, 8] {
        let (dut, _) = stop(way);
        drop(dut);
        adder.set_a(way);
        adder.eval().unwrap();
        assert_eq!(adder.sum(), u16::from(way));
    }
    let (_, error) = stop(9 - 1);
    assert!(matches!(error, Error::Stopped { .. }));
}

#[test]
fn finish_is_no_error_and_is_told_by_the_context() {
    let context = Context::new();
    let mut dut = Stopper::new(&context).unwrap();
    dut.cycle().unwrap();
    assert!(!context.finished());
    dut.set_way(5);
    dut.cycle().unwrap();
    assert!(context.finished());
    dut.set_way(0);
    dut.cycle().unwrap();
    assert_eq!(dut.steps(), 3);
}

#[test]
fn what_the_rtl_prints_can_be_captured() {
    let context = Context::new().capture_output();
    let mut dut = Stopper::new(&context).unwrap();
    dut.set_way(6);
    dut.cycle().unwrap();
    assert_eq!(context.take_output(), "only a word\n");
    dut.run_final().unwrap();
    assert_eq!(context.take_output(), "stopper: that was all\n");
    assert_eq!(context.take_output(), "");
}

#[test]
fn models_stop_on_threads_of_their_own() {
    let threads: Vec<_> = (0..8u8)
        .map(|index| {
            std::thread::spawn(move || {
                let (_, error) = stop([1, 2, 3, 4][usize::from(index) % 4]);
                matches!(error, Error::Stopped { time: 7, .. })
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap());
    }
}
