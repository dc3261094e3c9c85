//! `rtl/host/registers.v` behind its AXI4-Lite port: what the map promises of every register, under any order
//! and any stalls of the bus's channels.

use std::collections::HashMap;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::{
    ADAPTER_IDENTITY, ADAPTER_VERSION, COMMAND_QUEUE_DEPTH, Command, offset, reset,
};
use toe_registers::map::{Access, Map};
use toe_sim::models::HostInterface;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// Cycles in which an access must be answered, with stalls.
const DEADLINE: u32 = 1500;
const OKAY: u8 = 0;
const SLVERR: u8 = 2;

struct Bench {
    dut: HostInterface,
    rng: ChaCha8Rng,
    /// Chance of 256 that a channel acts in a cycle.
    chance: u32,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = HostInterface::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let chance = [256, 128, 20][rng.next_u32() as usize % 3];
        dut.set_rst(1);
        dut.set_s_axil_awvalid(0);
        dut.set_s_axil_wvalid(0);
        dut.set_s_axil_arvalid(0);
        dut.set_s_axil_bready(0);
        dut.set_s_axil_rready(0);
        dut.set_bus_quiet(1);
        dut.set_count(0);
        dut.set_lookup_command_ready(0);
        dut.set_lookup_answer_valid(0);
        dut.set_window_answer_valid(0);
        dut.set_closed_valid(0);
        dut.set_host_event_ready(1);
        dut.set_event_written(0);
        for _ in 0..4 {
            dut.cycle()?;
        }
        dut.set_rst(0);
        Ok(Bench { dut, rng, chance })
    }

    fn acts(&mut self) -> bool {
        self.rng.next_u32() % 256 < self.chance
    }

    /// Writes a word, address and data in any order; returns the response.
    fn write_bytes(&mut self, offset: u32, value: u32, strobe: u8) -> Result<u8, Error> {
        let (mut address, mut data) = (true, true);
        for _ in 0..DEADLINE {
            if address && self.dut.s_axil_awvalid() == 0 && self.acts() {
                self.dut.set_s_axil_awvalid(1);
                self.dut.set_s_axil_awaddr(offset as u16);
            }
            if data && self.dut.s_axil_wvalid() == 0 && self.acts() {
                self.dut.set_s_axil_wvalid(1);
                self.dut.set_s_axil_wdata(value);
                self.dut.set_s_axil_wstrb(strobe);
            }
            let ready = self.acts();
            self.dut.set_s_axil_bready(ready.into());
            self.dut.settle()?;
            let address_taken = self.dut.s_axil_awvalid() & self.dut.s_axil_awready() == 1;
            let data_taken = self.dut.s_axil_wvalid() & self.dut.s_axil_wready() == 1;
            let done = self.dut.s_axil_bvalid() & self.dut.s_axil_bready() == 1;
            let response = self.dut.s_axil_bresp();
            self.dut.rise()?;
            if address_taken {
                address = false;
                self.dut.set_s_axil_awvalid(0);
            }
            if data_taken {
                data = false;
                self.dut.set_s_axil_wvalid(0);
            }
            if done {
                assert!(!address && !data, "an answer before its write");
                self.dut.set_s_axil_bready(0);
                return Ok(response);
            }
        }
        panic!("the write to {offset:#x} is not answered");
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<u8, Error> {
        self.write_bytes(offset, value, 0xf)
    }

    /// Reads a word; `Err` holds an error response.
    fn read(&mut self, offset: u32) -> Result<std::result::Result<u32, u8>, Error> {
        let mut address = true;
        for _ in 0..DEADLINE {
            if address && self.dut.s_axil_arvalid() == 0 && self.acts() {
                self.dut.set_s_axil_arvalid(1);
                self.dut.set_s_axil_araddr(offset as u16);
            }
            let ready = self.acts();
            self.dut.set_s_axil_rready(ready.into());
            self.dut.settle()?;
            let taken = self.dut.s_axil_arvalid() & self.dut.s_axil_arready() == 1;
            let done = self.dut.s_axil_rvalid() & self.dut.s_axil_rready() == 1;
            let (response, value) = (self.dut.s_axil_rresp(), self.dut.s_axil_rdata());
            self.dut.rise()?;
            if taken {
                address = false;
                self.dut.set_s_axil_arvalid(0);
            }
            if done {
                self.dut.set_s_axil_rready(0);
                return Ok(if response == OKAY {
                    Ok(value)
                } else {
                    Err(response)
                });
            }
        }
        panic!("the read of {offset:#x} is not answered");
    }

    /// Every register holds what it holds after a reset.
    fn check_reset(&mut self) -> Result<(), Error> {
        let constants = HashMap::from([
            (offset::IDENTITY, ADAPTER_IDENTITY),
            (offset::VERSION, ADAPTER_VERSION),
            (offset::CONNECTIONS, 16),
            (offset::RECEIVE_RING_BYTES, 4096),
            (offset::BUFFER_ROOM, 8 << 16 | 16),
            (offset::NAMED_BUFFER_PAGES, 16),
            (offset::CLOCK_PERIOD_PICOSECONDS, 6400),
        ]);
        for register in map().registers {
            for index in 0..register.count {
                let at = register.offset + 4 * index;
                let expected = match register.access {
                    Access::Wo => Err(SLVERR),
                    Access::Rw => Ok(register.reset.unwrap_or(0)),
                    Access::Ro => Ok(constants.get(&at).copied().unwrap_or(0)),
                };
                assert_eq!(self.read(at)?, expected, "{} {index}", register.name);
            }
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Result<u8, Error> {
        let words = command.words();
        for (index, word) in words.iter().enumerate().take(command.words_used()) {
            self.write(offset::COMMAND + 4 * index as u32, *word)?;
        }
        self.write(offset::COMMAND + 28, 0)
    }
}

fn map() -> Map {
    Map::parse(include_str!("../../rtl/registers/map.toml")).expect("the map is right")
}

/// Bits that a setting keeps of what is written.
fn kept(name: &str) -> u32 {
    match name {
        "control" | "interrupt_enable" => 1,
        "event_ring_address_low" => !63,
        "event_ring_entries" => 0x1_ffff,
        "anonymous_buffer_bytes" | "host_frame_buffer_bytes" => 0xffff,
        _ => u32::MAX,
    }
}

// B3
#[test]
fn every_register_has_its_reset_value_and_every_setting_reads_back_and_reaches_the_adapter() {
    trials("registers_settings", 0..12, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.check_reset()?;
        let settings: Vec<_> = map()
            .registers
            .into_iter()
            .filter(|register| register.access == Access::Rw)
            .collect();
        let mut values: HashMap<u32, u32> = HashMap::new();
        for _ in 0..60 {
            let register = &settings[bench.rng.next_u32() as usize % settings.len()];
            let value = bench.rng.next_u32();
            // A reset is another test.
            let value = if register.name == "control" {
                value & !2
            } else {
                value
            };
            assert_eq!(bench.write(register.offset, value)?, OKAY);
            values.insert(register.offset, value & kept(&register.name));
            let register = &settings[bench.rng.next_u32() as usize % settings.len()];
            let expected = values.get(&register.offset).copied().or(register.reset);
            assert_eq!(
                bench.read(register.offset)?.ok(),
                expected,
                "{}",
                register.name
            );
        }
        let get = |at: u32, reset: u32| values.get(&at).copied().unwrap_or(reset);
        let dut = &bench.dut;
        let ring = u64::from(get(offset::EVENT_RING_ADDRESS_HIGH, 0)) << 32
            | u64::from(get(offset::EVENT_RING_ADDRESS_LOW, 0));
        assert_eq!(u32::from(dut.enable()), get(offset::CONTROL, 0));
        assert_eq!(
            u32::from(dut.interrupt_enable()),
            get(offset::INTERRUPT_ENABLE, 0)
        );
        assert_eq!(dut.event_ring_address(), ring);
        assert_eq!(dut.event_ring_entries(), get(offset::EVENT_RING_ENTRIES, 0));
        assert_eq!(dut.event_consumer(), get(offset::EVENT_CONSUMER, 0));
        let anonymous = get(
            offset::ANONYMOUS_BUFFER_BYTES,
            reset::ANONYMOUS_BUFFER_BYTES,
        );
        assert_eq!(u32::from(dut.anonymous_buffer_bytes()), anonymous);
        let host_frame = get(
            offset::HOST_FRAME_BUFFER_BYTES,
            reset::HOST_FRAME_BUFFER_BYTES,
        );
        assert_eq!(u32::from(dut.host_frame_buffer_bytes()), host_frame);
        Ok::<(), Error>(())
    });
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    trials("registers_refused", 0..6, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let map = map();
        let known = |at: u32| {
            map.registers
                .iter()
                .any(|r| (r.offset..r.offset + 4 * r.count).contains(&at))
        };
        for at in (0..4096).step_by(4).filter(|at| !known(*at)).step_by(7) {
            assert_eq!(bench.read(at)?, Err(SLVERR), "{at:#x}");
            assert_eq!(bench.write(at, u32::MAX)?, SLVERR, "{at:#x}");
        }
        for register in &map.registers {
            if register.access == Access::Ro {
                assert_eq!(
                    bench.write(register.offset, u32::MAX)?,
                    SLVERR,
                    "{}",
                    register.name
                );
            }
            for strobe in [0, 1, 7, 14] {
                let response = bench.write_bytes(register.offset, u32::MAX, strobe)?;
                assert_eq!(
                    response, SLVERR,
                    "{} with strobes {strobe:#x}",
                    register.name
                );
            }
        }
        // B1
        assert_eq!(bench.write(offset::INDICATE_WINDOW_SIZE, 0)?, SLVERR);
        bench.check_reset()
    });
}

#[test]
fn control_reset_waits_for_the_bus_and_then_resets_everything() {
    trials("registers_reset", 0..10, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.write(offset::INDICATE_WINDOW_SIZE, 1)?;
        bench.write(offset::EVENT_CONSUMER, 77)?;
        bench.write(offset::CONTROL, 1)?;
        bench.dut.set_count(0xff);
        for _ in 0..100 {
            bench.dut.cycle()?;
        }
        bench.dut.set_count(0);
        bench.command(&Command::IndicateAcknowledge {
            connection: 0,
            acknowledged_bytes: 0,
        })?;
        assert_eq!(bench.dut.enable(), 1);
        bench.dut.set_bus_quiet(0);
        assert_eq!(bench.write(offset::CONTROL, 3)?, OKAY);
        for cycle in 0..100 + seed {
            assert_eq!(bench.dut.adapter_reset(), 0, "the bus is not quiet");
            assert_eq!(bench.dut.s_axil_awready(), 0);
            assert_eq!(bench.dut.bus_hold(), 1, "in cycle {cycle}");
            bench.dut.cycle()?;
        }
        bench.dut.set_bus_quiet(1);
        let mut cycles = 0;
        while bench.dut.s_axil_awready() == 0 {
            bench.dut.cycle()?;
            cycles += 1;
            assert!(cycles < 100, "the reset does not end");
        }
        assert_eq!(bench.dut.bus_hold(), 0);
        bench.check_reset()
    });
}

#[test]
fn a_command_beyond_the_queue_is_refused_and_harms_none_before_it() {
    trials("registers_queue", 0..3, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.chance = 256;
        // It stays in the queue, as nobody answers it.
        let offload = |connection| Command::Offload {
            connection,
            destination_port: 1,
            source_port: 2,
            receive_next: 3,
            indicate_window_size: 4,
            ipv6: false,
        };
        for connection in 0..COMMAND_QUEUE_DEPTH {
            assert_eq!(bench.command(&offload(connection as u16 % 16))?, OKAY);
        }
        assert_eq!(bench.command(&offload(99))?, SLVERR);
        assert_eq!(bench.read(offset::COMMANDS_TAKEN)?, Ok(0));
        assert_eq!(bench.dut.lookup_command_connection(), 0);
        // With answers, the queue empties, each command as it was written.
        bench.dut.set_lookup_command_ready(1);
        let mut asked = Vec::new();
        for _ in 0..2000 {
            bench.dut.settle()?;
            let take = bench.dut.lookup_command_valid() == 1;
            if take {
                asked.push(u32::from(bench.dut.lookup_command_connection()));
            }
            bench.dut.rise()?;
            bench.dut.set_lookup_answer_valid(take.into());
            bench.dut.set_lookup_answer_status(2);
        }
        let expected: Vec<u32> = (0..COMMAND_QUEUE_DEPTH).map(|number| number % 16).collect();
        assert_eq!(asked, expected);
        assert_eq!(bench.read(offset::COMMANDS_TAKEN)?, Ok(COMMAND_QUEUE_DEPTH));
        Ok::<(), Error>(())
    });
}
