//! Simulation speed: Rust through this crate against a bare C++ loop over the same model, turn by turn in one run.
//!
//! The C++ program is its own executable, not position-independent and compiled as one translation unit with its loop, so
//! that it is as fast as C++ gets. Both make the same clock cycles and must end with the same checksum.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use verilated::{Context, Error};
use verilated_checks::{Mill, SmallMill};

/// Turns of each side; the figure is the median of the ratios.
const TURNS: usize = 31;

/// The loop of `mill.cpp` around a model.
macro_rules! mill_loop {
    ($module:ident, $model:ident) => {
        mod $module {
            use super::*;
            pub struct Loop {
                pub dut: $model,
                word: u64,
                beat: u32,
            }

            impl Loop {
                pub fn new(context: &Context) -> Result<Self, Error> {
                    let dut = $model::new(context)?;
                    let mut this = Self {
                        dut,
                        word: 0x9e37_79b9_7f4a_7c15,
                        beat: 0,
                    };
                    this.dut.set_rst(1);
                    this.dut.set_out_ready(1);
                    this.cycle()?;
                    this.cycle()?;
                    this.dut.set_rst(0);
                    this.dut.set_in_valid(1);
                    Ok(this)
                }

                #[inline(always)]
                fn cycle(&mut self) -> Result<(), Error> {
                    let dut = &mut self.dut;
                    dut.settle()?;
                    let taken = dut.in_valid() & dut.in_ready() != 0;
                    dut.rise()?;
                    self.drive(taken);
                    Ok(())
                }

                /// The same with one call: `ready` of this design comes from a register, so that it can be read before the cycle.
                #[inline(always)]
                fn cycle_in_one_call(&mut self) -> Result<(), Error> {
                    let taken = self.dut.in_valid() & self.dut.in_ready() != 0;
                    self.dut.cycle()?;
                    self.drive(taken);
                    Ok(())
                }

                #[inline(always)]
                fn drive(&mut self, taken: bool) {
                    let dut = &mut self.dut;
                    if taken {
                        self.word = self
                            .word
                            .wrapping_mul(6364136223846793005)
                            .wrapping_add(1442695040888963407);
                        self.beat += 1;
                        dut.set_in_data(self.word);
                        dut.set_in_last(u8::from(self.beat % 24 == 23));
                        dut.set_in_keep(if dut.in_last() != 0 { 0x0f } else { 0xff });
                    }
                    dut.set_out_ready(u8::from(self.beat % 16 != 15) | dut.out_last());
                }

                pub fn run(&mut self, cycles: u64, one_call: bool) -> Result<f64, Error> {
                    let begin = Instant::now();
                    if one_call {
                        for _ in 0..cycles {
                            self.cycle_in_one_call()?;
                        }
                    } else {
                        for _ in 0..cycles {
                            self.cycle()?;
                        }
                    }
                    Ok(begin.elapsed().as_nanos() as f64)
                }
            }
        }
    };
}
mill_loop!(mill, Mill);
mill_loop!(small_mill, SmallMill);

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the C++ program and the two Rust loops turn by turn and prints the figures.
macro_rules! compare {
    ($title:literal, $module:ident, $program:literal, $cycles:expr) => {{
        let mut program = Command::new(env!($program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut orders = program.stdin.take().ok_or("no standard input")?;
        let mut answers = BufReader::new(program.stdout.take().ok_or("no standard output")?);
        let mut two_calls = $module::Loop::new(&Context::new())?;
        let mut one_call = $module::Loop::new(&Context::new())?;
        let (mut bare_times, mut two_ratios, mut one_ratios) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..=TURNS {
            writeln!(orders, "{}", $cycles)?;
            let mut line = String::new();
            answers.read_line(&mut line)?;
            let (time, checksum) = line.trim().split_once(' ').ok_or("the C++ program died")?;
            let (bare_time, checksum): (f64, u32) = (time.parse()?, checksum.parse()?);
            let two_time = two_calls.run($cycles, false)?;
            let one_time = one_call.run($cycles, true)?;
            assert_eq!(checksum, two_calls.dut.checksum(), "the loops differ");
            assert_eq!(checksum, one_call.dut.checksum(), "the loops differ");
            if turn > 0 {
                bare_times.push(bare_time);
                two_ratios.push(bare_time / two_time);
                one_ratios.push(bare_time / one_time);
            }
        }
        let per_cycle = median(bare_times) / $cycles as f64;
        println!(
            "{}: bare C++ loop {per_cycle:.1} ns a clock cycle, {:.2} M cycles/s",
            $title,
            1e3 / per_cycle
        );
        println!(
            "    settle() and rise() {:.3} of its speed",
            median(two_ratios)
        );
        println!(
            "    cycle()             {:.3} of its speed",
            median(one_ratios)
        );
    }};
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(()); // `cargo test` wants to know only that it compiles
    }
    println!("Verilator {}", verilated::VERILATOR_VERSION);
    compare!("large design", mill, "VERILATED_PROGRAM_MILL", 50_000u64);
    compare!(
        "small design",
        small_mill,
        "VERILATED_PROGRAM_SMALL_MILL",
        500_000u64
    );
    Ok(())
}
