//! Ports of every width carry what was put into them.

use verilated::{Context, Error, Model};
use verilated_checks::{Adder, OtherAdder, Wide};

#[test]
fn ports_of_every_width_carry_all_their_bits() -> Result<(), Error> {
    let mut dut = Wide::new(&Context::new())?;
    let wide = [0x0123_4567, 0x89ab_cdef, 1];
    let wider = [1, 2, 3, 4, 5, 6, 7, 0xffff_fff8];
    dut.set_bit_in(1);
    dut.set_seven_in(0x55);
    dut.set_eight_in(0xa5);
    dut.set_thirteen_in(0x1234);
    dut.set_word_in(0xdead_beef);
    dut.set_long_in(0x1_2345_6789);
    dut.set_double_in(0x0123_4567_89ab_cdef);
    dut.set_wide_in(&wide);
    dut.set_wider_in(&wider);
    dut.cycle()?;
    assert_eq!(dut.bit_out(), 0);
    assert_eq!(dut.seven_out(), !0x55 & 0x7f);
    assert_eq!(dut.eight_out(), !0xa5);
    assert_eq!(dut.thirteen_out(), !0x1234 & 0x1fff);
    assert_eq!(dut.word_out(), !0xdead_beef);
    assert_eq!(dut.long_out(), !0x1_2345_6789 & 0x1_ffff_ffff);
    assert_eq!(dut.double_out(), !0x0123_4567_89ab_cdef);
    assert_eq!(dut.wide_in(), &wide);
    assert_eq!(dut.wide_out(), &[!wide[0], !wide[1], 0]);
    assert_eq!(dut.wider_out(), &wider.map(|word| !word));
    Ok(())
}

#[test]
fn bits_beyond_a_ports_width_are_ignored() -> Result<(), Error> {
    let mut dut = Wide::new(&Context::new())?;
    dut.set_bit_in(0xfe);
    dut.set_seven_in(0xff);
    dut.set_long_in(u64::MAX);
    dut.set_wide_in(&[u32::MAX; 3]);
    assert_eq!((dut.bit_in(), dut.seven_in()), (0, 0x7f));
    assert_eq!(dut.long_in(), 0x1_ffff_ffff);
    assert_eq!(dut.wide_in(), &[u32::MAX, u32::MAX, 1]);
    dut.cycle()?;
    assert_eq!(dut.wide_out(), &[0; 3]);
    Ok(())
}

#[test]
fn ports_may_be_called_what_rust_and_cpp_keep_for_themselves() -> Result<(), Error> {
    let mut dut = Wide::new(&Context::new())?;
    dut.set_match(1);
    dut.settle()?;
    assert_eq!(dut.names_out(), 0b1000);
    dut.set_delete(1);
    dut.set_cycle(1);
    dut.set_double__underscore(1);
    dut.settle()?;
    assert_eq!(dut.names_out(), 0b1111);
    assert_eq!(
        (
            dut.r#match(),
            dut.delete(),
            dut.cycle_(),
            dut.double__underscore()
        ),
        (1, 1, 1, 1)
    );
    Ok(())
}

#[test]
fn a_module_without_a_clock_is_evaluated_and_time_is_its_users() -> Result<(), Error> {
    let context = Context::new();
    let mut small = Adder::new(&context)?;
    small.set_a(200);
    small.set_b(100);
    small.eval()?;
    assert_eq!(small.sum(), 300);
    context.advance_time(5);
    assert_eq!(context.time(), 5);
    Ok(())
}

#[test]
fn one_module_gives_several_models_with_parameters_of_their_own() -> Result<(), Error> {
    let context = Context::new();
    let mut small = Adder::new(&context)?;
    let mut large = OtherAdder::new(&context)?;
    large.set_a(0x1_ffff_ffff);
    large.set_b(1);
    large.eval()?;
    small.eval()?;
    assert_eq!(large.sum(), 0x2_0000_0000);
    assert_eq!(&small.label().to_be_bytes()[3..], b"adder");
    assert_eq!(&large.label().to_be_bytes()[3..], b"other");
    assert_eq!((Adder::NAME, OtherAdder::NAME), ("adder", "other_adder"));
    Ok(())
}
