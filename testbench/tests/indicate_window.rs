//! `rtl/deliver/indicate_window.v`: the two counters of each connection, and what they allow.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::Refusal;
use toe_sim::models::IndicateWindow;
use toe_sim::trial::trials;
use verilated::{Context, Error};

const CONNECTIONS: usize = 16;
const ACKNOWLEDGE: u8 = 7;
const RESIZE: u8 = 8;

#[derive(Clone, Copy, Default)]
struct Account {
    window: i64,
    pending: i64,
}

impl Account {
    fn allowance(self, buffer: u16, all: bool) -> i64 {
        let room = (self.window - self.pending).max(0);
        i64::from(buffer).min(if all { i64::MAX } else { room })
    }
}

/// The steps that the delivery scheduler gives, as calls.
struct Bench {
    dut: IndicateWindow,
    accounts: [Account; CONNECTIONS],
    buffer: u16,
}

impl Bench {
    fn start(seed: u64, wave: Option<&Path>, buffer: u16) -> Result<Self, Error> {
        let context = Context::new()
            .seed(seed)
            .random_reset(verilated::RandomReset::Random);
        let mut dut = IndicateWindow::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_keep(0);
        dut.set_operate(0);
        dut.set_charge(0);
        dut.set_absorb(0);
        dut.set_named_next(0);
        dut.set_named_room(0);
        dut.cycle()?;
        dut.set_rst(0);
        dut.set_anonymous_buffer_bytes(buffer);
        Ok(Bench {
            dut,
            accounts: Default::default(),
            buffer,
        })
    }

    fn look(&mut self, number: usize, arrival: bool, all: bool) -> Result<(), Error> {
        let other = (number + 5) % CONNECTIONS;
        self.dut.set_look(1);
        self.dut.set_look_arrival(arrival.into());
        self.dut.set_head_all((all && !arrival).into());
        self.dut.set_arrival_all((all && arrival).into());
        self.dut
            .set_arrival_connection(if arrival { number } else { other } as u8);
        self.dut
            .set_head_connection(if arrival { other } else { number } as u8);
        self.dut.cycle()?;
        self.dut.set_look(0);
        self.dut.set_connection(number as u8);
        Ok(())
    }

    /// The rest of a turn: the number of bytes that is charged, if any.
    fn turn(&mut self, charge: Option<u16>, keep: bool) -> Result<(), Error> {
        self.dut.set_fetch(1);
        self.dut.set_charge(charge.is_some().into());
        self.dut.set_charge_bytes(charge.unwrap_or_default());
        self.dut.cycle()?;
        self.dut.set_fetch(0);
        self.dut.set_charge(0);
        self.dut.set_operate(1);
        self.dut.cycle()?;
        self.dut.set_operate(0);
        self.dut.set_keep(keep.into());
        self.dut.cycle()?;
        self.dut.set_keep(0);
        Ok(())
    }

    fn open(&mut self, number: usize, window: u32) -> Result<(), Error> {
        self.dut.set_look_command(0);
        self.dut.set_open_bytes(window);
        self.look(number, true, false)?;
        self.turn(None, true)?;
        self.accounts[number] = Account {
            window: window.into(),
            pending: 0,
        };
        Ok(())
    }

    fn allowance(&mut self, number: usize, arrival: bool, all: bool) -> Result<u16, Error> {
        self.dut.set_look_command(0);
        self.look(number, arrival, all)?;
        self.dut.settle()?;
        let expected = self.accounts[number].allowance(self.buffer, all);
        assert_eq!(i64::from(self.dut.allowance()), expected);
        assert_eq!(self.dut.allowed() == 1, expected > 0);
        Ok(self.dut.allowance())
    }

    /// A command, and the reason why it was refused, if it was.
    fn command(&mut self, number: usize, opcode: u8, bytes: u32, live: bool) -> Result<u8, Error> {
        self.dut.set_look_command(1);
        self.dut.set_window_command_opcode(opcode);
        self.dut.set_window_command_bytes(bytes);
        self.look(number, bytes.is_multiple_of(2), false)?;
        self.dut.set_live(live.into());
        self.turn(None, true)?;
        self.dut.settle()?;
        assert_eq!(self.dut.window_answer_valid(), 1);
        let reason = self.dut.window_answer_reason();
        assert_eq!(self.dut.window_answer_refused() == 1, reason != 0);
        let account = &mut self.accounts[number];
        let expected = match opcode {
            ACKNOWLEDGE | RESIZE if !live => Refusal::NotOffloaded as u8,
            ACKNOWLEDGE if i64::from(bytes) > account.pending => Refusal::MoreThanPending as u8,
            RESIZE if bytes == 0 => Refusal::ZeroWindow as u8,
            ACKNOWLEDGE | RESIZE => 0,
            _ => Refusal::Unsupported as u8,
        };
        assert_eq!(reason, expected, "opcode {opcode}, {bytes} bytes");
        match (reason, opcode) {
            (0, ACKNOWLEDGE) => account.pending -= i64::from(bytes),
            (0, _) => account.window = bytes.into(),
            _ => {}
        }
        Ok(reason)
    }
}

// B7, B8, B11, B15
#[test]
fn the_counters_follow_any_order_of_operations() {
    trials("indicate_window", 0..50, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let buffer = [1, 100, 2048, 65_535][seed as usize % 4];
        let mut bench = Bench::start(seed, wave, buffer)?;
        let window = |rng: &mut ChaCha8Rng| match rng.next_u32() % 5 {
            0 => 1,
            1 => rng.next_u32() % 100 + 1,
            2 => u32::MAX,
            3 => 65_535 + rng.next_u32() % 3,
            _ => rng.next_u32() % 10_000 + 1,
        };
        for number in 0..CONNECTIONS {
            let bytes = window(&mut rng);
            bench.open(number, bytes)?;
        }
        for _ in 0..2000 {
            let number = rng.next_u32() as usize % CONNECTIONS;
            let pending = bench.accounts[number].pending as u32;
            match rng.next_u32() % 16 {
                0 => {
                    let bytes = window(&mut rng);
                    bench.open(number, bytes)?;
                }
                1..8 => {
                    let (arrival, all) = (rng.next_u32() % 2 == 0, rng.next_u32() % 8 == 0);
                    let most = u32::from(bench.allowance(number, arrival, all)?);
                    if most == 0 || all {
                        bench.turn(None, false)?;
                    } else {
                        let bytes = if rng.next_u32() % 2 == 0 {
                            most
                        } else {
                            rng.next_u32() % most + 1
                        };
                        bench.turn(Some(bytes as u16), true)?;
                        bench.accounts[number].pending += i64::from(bytes);
                    }
                }
                8..12 => {
                    let bytes = match rng.next_u32() % 4 {
                        0 => pending,
                        1 => pending.wrapping_add(rng.next_u32() % 3),
                        2 => rng.next_u32(),
                        _ => rng.next_u32() % pending.saturating_add(1).max(1),
                    };
                    bench.command(number, ACKNOWLEDGE, bytes, rng.next_u32() % 16 != 0)?;
                }
                12..15 => {
                    let bytes = if rng.next_u32() % 8 == 0 {
                        0
                    } else {
                        window(&mut rng)
                    };
                    bench.command(number, RESIZE, bytes, rng.next_u32() % 16 != 0)?;
                }
                _ => {
                    bench.command(number, 6, 1, true)?;
                }
            }
        }
        Ok::<(), Error>(())
    });
}

// B1
#[test]
fn windows_of_one_byte_and_of_all_32_bits_are_filled_exactly() {
    trials("indicate_window_extremes", 0..1, |seed, wave| {
        let mut bench = Bench::start(seed, wave, 65_535)?;
        for window in [1, u32::MAX] {
            bench.open(2, window)?;
            let mut sent = 0u64;
            loop {
                let most = bench.allowance(2, false, false)?;
                if most == 0 {
                    break;
                }
                bench.turn(Some(most), true)?;
                bench.accounts[2].pending += i64::from(most);
                sent += u64::from(most);
            }
            assert_eq!(sent, window.into());
            assert_eq!(bench.command(2, ACKNOWLEDGE, window, true)?, 0);
            assert_eq!(bench.command(2, ACKNOWLEDGE, 1, true)?, 3);
        }
        Ok::<(), Error>(())
    });
}
