//! The counter counts, says when it is full, and stops when driven beyond.

use verilated::{Context, Error};
use verilated_example::Counter;

/// A counter just out of reset.
fn counter(context: &Context) -> Result<Counter, Error> {
    let mut dut = Counter::new(context)?;
    dut.set_rst(1);
    dut.cycle()?;
    dut.set_rst(0);
    Ok(dut)
}

#[test]
fn it_counts_while_enabled() -> Result<(), Error> {
    let mut dut = counter(&Context::new())?;
    for enable in [1, 0, 1, 1, 0] {
        dut.set_enable(enable);
        dut.cycle()?;
    }
    assert_eq!(dut.count(), 3);
    Ok(())
}

#[test]
fn counting_beyond_the_limit_is_an_error_with_its_place() -> Result<(), Error> {
    let context = Context::new();
    let mut dut = counter(&context)?;
    dut.set_enable(1);
    for _ in 0..100 {
        dut.cycle()?;
    }
    dut.settle()?;
    assert_eq!((dut.count(), dut.full()), (100, 1));
    match dut.cycle() {
        Err(Error::Stopped {
            file,
            line,
            message,
            ..
        }) => {
            assert_eq!((file.as_str(), line), ("counter.v", 25));
            assert_eq!(message, "counter: counted beyond its limit");
        }
        other => panic!("the assertion did not fail: {other:?}"),
    }
    Ok(())
}

#[test]
fn waveforms_appear_in_both_formats() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for name in ["counter.fst", "counter.vcd"] {
        let path = folder.path().join(name);
        let mut dut = counter(&Context::new())?;
        dut.open_trace(&path)?;
        dut.set_enable(1);
        for _ in 0..50 {
            dut.cycle()?;
        }
        drop(dut);
        assert!(std::fs::metadata(&path)?.len() > 200, "{name} is empty");
    }
    Ok(())
}
