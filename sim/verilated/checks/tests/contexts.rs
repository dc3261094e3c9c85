//! Several models and contexts in one process; time, seeds, plus-args, states and coverage.

use std::fs;

use verilated::{Clocked, Context, Error, Model, RandomReset};
use verilated_checks::{Covered, State};

#[test]
fn two_contexts_have_times_of_their_own() -> Result<(), Error> {
    let contexts = [Context::new(), Context::new()];
    let mut first = State::new(&contexts[0])?;
    let mut second = Covered::new(&contexts[1])?;
    for _ in 0..3 {
        first.cycle()?;
        first.cycle()?;
        second.cycle()?;
    }
    assert_eq!((first.counter(), second.counter()), (6, 3));
    assert_eq!((contexts[0].time(), contexts[1].time()), (60, 6));
    assert_eq!((State::PERIOD, Covered::PERIOD), (10, 2));
    Ok(())
}

#[test]
fn two_models_of_one_kind_do_not_share_state() -> Result<(), Error> {
    let context = Context::new();
    let mut one = State::new(&context)?;
    one.cycle()?;
    let mut other = State::new(&context)?;
    one.cycle()?;
    other.cycle()?;
    assert_eq!((one.counter(), other.counter()), (2, 1));
    Ok(())
}

#[test]
fn a_context_lives_as_long_as_its_models() -> Result<(), Error> {
    let mut dut = State::new(&Context::new())?;
    dut.cycle()?;
    assert_eq!(dut.context().time(), 10);
    Ok(())
}

/// What a seed makes of registers that nothing sets, and of `$random`.
fn drawn(seed: u64, mode: RandomReset) -> Result<Vec<u64>, Error> {
    let context = Context::new().seed(seed).random_reset(mode);
    let mut dut = State::new(&context)?;
    let mut drawn = Vec::new();
    for address in 0..16 {
        dut.set_address(address);
        dut.cycle()?;
        drawn.extend([dut.stored(), u64::from(dut.random())]);
    }
    drawn.push(u64::from(dut.never_set()));
    Ok(drawn)
}

#[test]
fn random_reset_is_reproducible_by_seed() -> Result<(), Error> {
    let first = drawn(7, RandomReset::Random)?;
    // What other contexts draw in between makes no difference.
    let other = drawn(8, RandomReset::Random)?;
    assert_eq!(first, drawn(7, RandomReset::Random)?);
    assert_ne!(first, other);
    assert!(first.iter().filter(|&&word| word == 0).count() < 3);
    Ok(())
}

#[test]
fn seeds_beyond_31_bits_differ_and_zero_is_a_seed() -> Result<(), Error> {
    let seeds = [0, 1, 1 << 31, 1 << 40, u64::MAX];
    let drawn: Vec<_> = seeds
        .iter()
        .map(|&seed| drawn(seed, RandomReset::Random))
        .collect::<Result<_, _>>()?;
    for (index, one) in drawn.iter().enumerate() {
        assert!(
            drawn[index + 1..].iter().all(|other| one != other),
            "seed {}",
            seeds[index]
        );
    }
    assert_eq!(drawn[0], self::drawn(0, RandomReset::Random)?);
    Ok(())
}

#[test]
fn registers_start_with_zeros_or_ones_when_told_so() -> Result<(), Error> {
    let zeros = State::new(&Context::new())?;
    assert_eq!(zeros.never_set(), 0);
    let mut ones = State::new(&Context::new().random_reset(RandomReset::Ones))?;
    ones.settle()?;
    assert_eq!(ones.never_set(), u32::MAX);
    Ok(())
}

#[test]
fn plus_args_reach_the_rtl() -> Result<(), Error> {
    let mut with = State::new(&Context::new().plus_arg("depth=31").plus_arg("+verbose"))?;
    with.settle()?;
    assert_eq!((with.depth(), with.verbose()), (31, 1));
    let mut without = State::new(&Context::new())?;
    without.settle()?;
    assert_eq!((without.depth(), without.verbose()), (7, 0));
    Ok(())
}

#[test]
fn a_saved_state_comes_back_with_its_time() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("state.bin");
    let context = Context::new().seed(5).random_reset(RandomReset::Random);
    let mut dut = State::new(&context)?;
    dut.set_load(1);
    for address in 0..16 {
        dut.set_address(address);
        dut.set_value(0x1111_0000 + u64::from(address));
        dut.cycle()?;
    }
    dut.set_load(0);
    dut.save(&path)?;

    let elsewhere = Context::new();
    let mut copy = State::new(&elsewhere)?;
    copy.restore(&path)?;
    assert_eq!(elsewhere.time(), context.time());
    assert_eq!(copy.counter(), 16);
    assert_eq!(copy.never_set(), 0x1111_000f);
    for address in 0..16 {
        for model in [&mut dut, &mut copy] {
            model.set_address(address);
            model.cycle()?;
        }
        assert_eq!(copy.stored(), 0x1111_0000 + u64::from(address));
        let seen = |model: &State| (model.stored(), model.counter(), model.random());
        assert_eq!(seen(&copy), seen(&dut), "random numbers go on as well");
    }
    Ok(())
}

#[test]
fn a_state_that_cannot_be_used_is_an_error() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("state.bin");
    let mut dut = State::new(&Context::new().capture_output())?;
    assert!(matches!(dut.restore(&path), Err(Error::File { .. })));
    fs::write(&path, "something else")?;
    assert!(matches!(dut.restore(&path), Err(Error::File { .. })));
    dut.save(&path)?;
    let bytes = fs::read(&path)?;
    fs::write(&path, &bytes[..bytes.len() / 2])?;
    assert!(matches!(dut.restore(&path), Err(Error::File { .. })));
    // A model that was left alone by these failures goes on.
    dut.cycle()?;
    assert_eq!(dut.counter(), 1);
    let state = dut.state()?;
    for wrong in [
        &state[..state.len() - 8],
        &[&state[..], &[0; 8]].concat(),
        &[0; 4096],
    ] {
        assert!(matches!(dut.set_state(wrong), Err(Error::Fatal { .. })));
    }
    let error = Covered::new(&Context::new())?.save(&path);
    assert!(error.is_err_and(|error| error.to_string().contains("savable")));
    let error = dut.save(folder.path().join("state.bin/below-a-file"));
    assert!(matches!(error, Err(Error::File { .. })), "{error:?}");
    Ok(())
}

#[test]
fn coverage_is_counted_and_written() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("coverage/coverage.dat");
    let context = Context::new();
    let mut dut = Covered::new(&context)?;
    for _ in 0..5 {
        dut.cycle()?;
    }
    context.write_coverage(&path)?;
    let text = fs::read_to_string(&path)?;
    assert!(text.starts_with("# SystemC::Coverage"), "{text}");
    assert!(text.contains("designs/state.v"), "{text}");
    assert!(text.lines().any(|line| line.ends_with("' 5")), "{text}");
    Ok(())
}

/// Generic code takes any clocked model.
fn steps<M: Clocked>(model: &mut M, cycles: u32) -> Result<u64, Error> {
    for _ in 0..cycles {
        model.cycle()?;
    }
    Ok(model.context().time() / M::PERIOD)
}

#[test]
fn many_cycles_in_one_call_are_as_many_single_ones() -> Result<(), Error> {
    let mut one = State::new(&Context::new())?;
    let mut other = State::new(&Context::new())?;
    one.cycles(1000)?;
    for _ in 0..1000 {
        other.cycle()?;
    }
    let seen = |model: &State| (model.counter(), model.random(), model.context().time());
    assert_eq!(seen(&one), seen(&other));
    Ok(())
}

#[test]
fn generic_code_drives_any_model_with_a_clock() -> Result<(), Error> {
    assert_eq!(steps(&mut State::new(&Context::new())?, 9)?, 9);
    assert_eq!(steps(&mut <Covered as Model>::new(&Context::new())?, 4)?, 4);
    Ok(())
}
