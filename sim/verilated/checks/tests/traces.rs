//! Waveforms: both formats, at any time, and what stands in them.
#![allow(clippy::unwrap_used)] // helpers of tests may

use std::fs;
use std::path::Path;

use fst_reader::{FstFilter, FstHierarchyEntry, FstReader, FstSignalValue};
use verilated::{Context, Error};
use verilated_checks::{Covered, OtherAdder, State, Wide};

type Anyhow = Result<(), Box<dyn std::error::Error>>;

/// The values of a one-word signal in a VCD file, as (time, value).
fn vcd(path: &Path, signal: &str) -> Vec<(u64, u64)> {
    let text = fs::read_to_string(path).unwrap();
    let declared = text.lines().find(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first() == Some(&"$var") && words.get(4) == Some(&signal)
    });
    let code = declared
        .unwrap_or_else(|| panic!("no {signal} in\n{text}"))
        .split_whitespace()
        .nth(3)
        .unwrap();
    let mut time = 0;
    let mut values = Vec::new();
    for line in text.lines() {
        if let Some(at) = line.strip_prefix('#') {
            time = at.parse().unwrap();
        } else if let Some((value, of)) =
            line.strip_prefix('b').and_then(|rest| rest.split_once(' '))
        {
            if of == code {
                values.push((time, u64::from_str_radix(value, 2).unwrap()));
            }
        } else if let Some(value) = line
            .strip_suffix(code)
            .filter(|value| ["0", "1"].contains(value))
        {
            values.push((time, value.parse().unwrap()));
        }
    }
    values
}

/// The values of a one-word signal in an FST file, as (time, value), changes only.
fn fst(path: &Path, signal: &str) -> Vec<(u64, u64)> {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let mut reader = FstReader::open(file).unwrap();
    let mut wanted = None;
    let mut find = |entry| {
        if let FstHierarchyEntry::Var { name, handle, .. } = entry
            && name.split_whitespace().next() == Some(signal)
        {
            wanted = Some(handle);
        }
    };
    reader.read_hierarchy(&mut find).unwrap();
    let wanted = wanted.unwrap_or_else(|| panic!("no {signal}"));
    let mut values: Vec<(u64, u64)> = Vec::new();
    let note = |time, handle, value: FstSignalValue| {
        if let (true, FstSignalValue::String(bits)) = (handle == wanted, value) {
            let bits = std::str::from_utf8(bits).unwrap();
            let value = u64::from_str_radix(bits, 2).unwrap();
            if values.last().is_none_or(|(_, last)| *last != value) {
                values.push((time, value));
            }
        }
    };
    reader.read_signals(&FstFilter::all(), note).unwrap();
    values
}

#[test]
fn a_waveform_shows_the_clock_and_what_happens_at_its_edges() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("state.vcd");
    let mut dut = State::new(&Context::new())?;
    dut.open_trace(&path)?;
    for _ in 0..3 {
        dut.cycle()?;
    }
    dut.close_trace();
    // A period is 10: low for 5, high for 5; the counter changes with the rising edge.
    assert_eq!(
        vcd(&path, "clk"),
        [(0, 0), (5, 1), (10, 0), (15, 1), (20, 0), (25, 1)]
    );
    assert_eq!(vcd(&path, "counter"), [(0, 0), (5, 1), (15, 2), (25, 3)]);
    Ok(())
}

#[test]
fn both_formats_of_one_model_appear_side_by_side() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let (fst_path, vcd_path) = (
        folder.path().join("deep/er/wide.fst"),
        folder.path().join("wide.vcd"),
    );
    let mut one = Wide::new(&Context::new())?;
    let mut other = Wide::new(&Context::new())?;
    one.open_trace(&fst_path)?;
    other.open_trace(&vcd_path)?;
    for value in 0..100 {
        for dut in [&mut one, &mut other] {
            dut.set_word_in(value);
            dut.cycle()?;
        }
    }
    assert!(one.is_tracing() && other.is_tracing());
    drop((one, other));
    for signal in ["clk", "word_in", "word_out", "eight_out"] {
        assert_eq!(fst(&fst_path, signal), vcd(&vcd_path, signal), "{signal}");
    }
    assert_eq!(vcd(&vcd_path, "word_in").len(), 100);
    Ok(())
}

#[test]
fn a_trace_can_begin_and_end_at_any_time() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("late.vcd");
    let mut dut = State::new(&Context::new())?;
    for round in 0..3 {
        for _ in 0..4 {
            dut.cycle()?;
        }
        dut.open_trace(&path)?;
        dut.cycle()?;
        dut.close_trace();
        assert!(!dut.is_tracing());
        let start = 40 + 50 * round;
        assert_eq!(
            vcd(&path, "counter"),
            [(start, start / 10), (start + 5, start / 10 + 1)]
        );
    }
    Ok(())
}

#[test]
fn the_step_of_a_failure_is_in_the_waveform() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("failure.vcd");
    let mut dut = verilated_checks::Stopper::new(&Context::new().capture_output())?;
    dut.open_trace(&path)?;
    dut.cycle()?;
    dut.set_way(1);
    assert!(matches!(dut.cycle(), Err(Error::Stopped { time: 3, .. })));
    drop(dut);
    assert_eq!(vcd(&path, "way"), [(0, 0), (2, 1)]);
    assert_eq!(vcd(&path, "steps"), [(0, 0), (1, 1), (3, 2)]);
    Ok(())
}

#[test]
fn a_model_without_a_clock_is_traced_as_time_passes() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("adder.vcd");
    let context = Context::new();
    let mut dut = OtherAdder::new(&context)?;
    dut.open_trace(&path)?;
    for value in 0..4 {
        dut.set_a(value);
        dut.eval()?;
        context.advance_time(3);
    }
    drop(dut);
    assert_eq!(vcd(&path, "sum"), [(0, 0), (3, 1), (6, 2), (9, 3)]);
    Ok(())
}

#[test]
fn tracing_does_not_change_what_the_model_does() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let mut plain = State::new(&Context::new())?;
    let mut traced = State::new(&Context::new())?;
    traced.open_trace(folder.path().join("traced.fst"))?;
    for _ in 0..20 {
        plain.cycle()?;
        traced.cycle()?;
        assert_eq!(
            (plain.counter(), plain.context().time()),
            (traced.counter(), traced.context().time())
        );
    }
    Ok(())
}

#[test]
fn a_trace_that_cannot_be_is_an_error() -> Anyhow {
    let folder = tempfile::tempdir()?;
    let mut dut = State::new(&Context::new())?;
    let error = dut.open_trace(folder.path().join("state.txt"));
    assert!(matches!(error, Err(Error::TraceFormat { .. })), "{error:?}");
    fs::write(folder.path().join("file"), "")?;
    let error = dut.open_trace(folder.path().join("file/state.fst"));
    assert!(matches!(error, Err(Error::File { .. })), "{error:?}");
    let mut untraced = Covered::new(&Context::new())?;
    let error = untraced.open_trace(folder.path().join("covered.vcd"));
    assert!(error.is_err_and(|error| error.to_string().contains("built without `trace`")));
    dut.cycle()?;
    Ok(())
}
