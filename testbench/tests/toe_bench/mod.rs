//! The whole adapter with a plain driver at its pins, for tests that look at single cycles.
#![allow(dead_code, missing_docs)]

use std::path::Path;

use toe_driver::registers::{
    Command, Counter, Event, OffloadStatus, event_commands_taken, event_phase, field, offset,
};
use toe_sim::adapter::{Adapter, AdapterFault, AdapterModel, AdapterSettings, BusCycle};
use toe_sim::frame_source::WireFrame;
use toe_sim::models::ToeSmall;
use toe_sim::register_port::Access;
use toe_sim::stalls::StallProfile;
use toe_testbench::flows::repair_checksums;
use verilated::{Context, RandomReset};

pub const BASE: u64 = 0x12_3456_0000;
const RING: u64 = BASE;
pub const RING_ENTRIES: u32 = 256;
const ANONYMOUS: u64 = BASE + 0x1_0000;
pub const ANONYMOUS_BYTES: u32 = 2048;
pub const ANONYMOUS_COUNT: u16 = 256;
const HOST_FRAMES: u64 = BASE + 0x10_0000;
pub const HOST_FRAME_BYTES: u32 = 9216;
pub const HOST_FRAME_COUNT: u16 = 16;
const MEMORY_BYTES: usize = 0x20_0000;
/// Cycles in which anything that must happen has happened.
const DEADLINE: u64 = 20_000;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// One segment from 10.0.0.1 to 10.0.0.2, or, for odd connections, between two IPv6 addresses.
pub fn segment(connection: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let ipv6 = connection % 2 == 1;
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let tcp_length = 20 + payload.len() as u16;
    if ipv6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(tcp_length.to_be_bytes());
        frame.extend([6, 64]);
        for words in [address(connection, 1), address(connection, 2)] {
            frame.extend(words.into_iter().flat_map(u32::to_be_bytes));
        }
    } else {
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((20 + tcp_length).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(address(connection, 1)[3].to_be_bytes());
        frame.extend(address(connection, 2)[3].to_be_bytes());
    }
    frame.extend((40_000 + connection).to_be_bytes());
    frame.extend(80u16.to_be_bytes());
    frame.extend(sequence.to_be_bytes());
    frame.extend([0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    repair_checksums(&mut frame);
    frame.resize(frame.len().max(60), 0);
    frame
}

fn address(connection: u16, host: u32) -> [u32; 4] {
    if connection % 2 == 1 {
        [0x2001_0db8, 0x0102_0304, 0xa0b0_c0d0, host]
    } else {
        [0, 0, 0, 0x0a00_0000 + host]
    }
}

/// Bytes of a stream: each tells its offset.
pub fn pattern(from: usize, length: usize) -> Vec<u8> {
    (from..from + length)
        .map(|at| (at ^ ((at >> 8) * 7)) as u8)
        .collect()
}

/// The adapter, brought up, and what its driver keeps.
pub struct Bench {
    pub adapter: Adapter<ToeSmall>,
    pub consumer: u32,
    pub commands: u32,
    /// Every cycle since the bench was told to remember them.
    pub cycles: Option<Vec<BusCycle>>,
}

impl Bench {
    /// The adapter after its reset, with memory granted.
    pub fn reset(
        seed: u64,
        wave: Option<&Path>,
        stalls: StallProfile,
    ) -> Result<Self, AdapterFault> {
        Self::reset_at(seed, wave, stalls, false)
    }

    /// The adapter in operation, its frames spaced as on a line at a beat a cycle.
    pub fn line(seed: u64, wave: Option<&Path>) -> Result<Self, AdapterFault> {
        let mut bench = Self::reset_at(seed, wave, StallProfile::NONE, true)?;
        bench.bring_up()?;
        Ok(bench)
    }

    fn reset_at(
        seed: u64,
        wave: Option<&Path>,
        stalls: StallProfile,
        line_rate: bool,
    ) -> Result<Self, AdapterFault> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut model = ToeSmall::new(&context)?;
        if let Some(wave) = wave {
            AdapterModel::open_trace(&mut model, &wave.with_extension("vcd"))?;
        }
        let settings = AdapterSettings {
            seed,
            stalls,
            write_latency_cycles: 16,
            memory_base: BASE,
            memory_bytes: MEMORY_BYTES,
            line_rate,
        };
        let mut adapter = Adapter::new(model, &settings)?;
        adapter.memory.grant(RING, 8 * u64::from(RING_ENTRIES));
        for index in 0..u64::from(ANONYMOUS_COUNT) {
            let bytes = u64::from(ANONYMOUS_BYTES);
            adapter.memory.grant(ANONYMOUS + index * bytes, bytes);
        }
        for index in 0..u64::from(HOST_FRAME_COUNT) {
            let bytes = u64::from(HOST_FRAME_BYTES);
            adapter.memory.grant(HOST_FRAMES + index * bytes, bytes);
        }
        Ok(Bench {
            adapter,
            consumer: 0,
            commands: 0,
            cycles: None,
        })
    }

    /// The adapter in operation: ring, buffers, interrupt, frames.
    pub fn new(seed: u64, wave: Option<&Path>, stalls: StallProfile) -> Result<Self, AdapterFault> {
        let mut bench = Self::reset(seed, wave, stalls)?;
        bench.bring_up()?;
        Ok(bench)
    }

    pub fn bring_up(&mut self) -> Result<(), AdapterFault> {
        self.consumer = 0;
        self.commands = 0;
        let clear = vec![0; 8 * RING_ENTRIES as usize];
        self.memory_mut(RING, clear.len()).copy_from_slice(&clear);
        self.write(offset::EVENT_RING_ADDRESS_LOW, RING as u32)?;
        self.write(offset::EVENT_RING_ADDRESS_HIGH, (RING >> 32) as u32)?;
        self.write(offset::EVENT_RING_ENTRIES, RING_ENTRIES)?;
        self.write(offset::ANONYMOUS_BUFFER_BYTES, ANONYMOUS_BYTES)?;
        self.write(offset::HOST_FRAME_BUFFER_BYTES, HOST_FRAME_BYTES)?;
        self.write(offset::INTERRUPT_ENABLE, 1)?;
        self.command(&Command::GrantAnonymousBuffers {
            address: ANONYMOUS,
            first_buffer: 0,
            count: ANONYMOUS_COUNT,
        })?;
        self.command(&Command::GrantHostFrameBuffers {
            address: HOST_FRAMES,
            first_buffer: 0,
            count: HOST_FRAME_COUNT,
        })?;
        self.write(offset::CONTROL, field::CONTROL_ENABLE.set(0, 1))
    }

    fn memory_mut(&mut self, address: u64, length: usize) -> &mut [u8] {
        self.adapter
            .memory
            .slice_mut(address, length)
            .expect("inside the memory")
    }

    pub fn memory(&self, address: u64, length: usize) -> &[u8] {
        self.adapter
            .memory
            .slice(address, length)
            .expect("inside the memory")
    }

    pub fn anonymous(&self, buffer: u16, length: u16) -> &[u8] {
        let at = ANONYMOUS + u64::from(buffer) * u64::from(ANONYMOUS_BYTES);
        self.memory(at, length.into())
    }

    pub fn host_frame(&self, buffer: u16, length: u16) -> &[u8] {
        let at = HOST_FRAMES + u64::from(buffer) * u64::from(HOST_FRAME_BYTES);
        self.memory(at, length.into())
    }

    pub fn step(&mut self) -> Result<(), AdapterFault> {
        let cycle = self.adapter.step()?;
        if let Some(cycles) = &mut self.cycles {
            cycles.push(cycle);
        }
        Ok(())
    }

    pub fn steps(&mut self, count: u64) -> Result<(), AdapterFault> {
        (0..count).try_for_each(|_| self.step())
    }

    /// Writes a register, and waits until the write has arrived.
    pub fn write(&mut self, offset: u32, value: u32) -> Result<(), AdapterFault> {
        let refused = self.adapter.refused_writes();
        self.adapter.push_access(Access::Write { offset, value });
        self.read(offset::IDENTITY)?;
        assert_eq!(
            self.adapter.refused_writes(),
            refused,
            "write to {offset:#x}"
        );
        Ok(())
    }

    pub fn read(&mut self, offset: u32) -> Result<u32, AdapterFault> {
        self.adapter.push_access(Access::Read { offset, tag: 0 });
        for _ in 0..DEADLINE {
            self.step()?;
            if let Some((_, value)) = self.adapter.take_read() {
                return Ok(value.expect("the register can be read"));
            }
        }
        panic!("the read of {offset:#x} is not answered");
    }

    pub fn counter(&mut self, counter: Counter) -> Result<u32, AdapterFault> {
        self.read(counter.offset())
    }

    /// Writes a command: the words that it uses, and the last.
    pub fn command(&mut self, command: &Command) -> Result<(), AdapterFault> {
        let words = command.words();
        for index in (0..command.words_used()).chain([7]) {
            self.adapter.push_access(Access::Write {
                offset: offset::COMMAND + 4 * index as u32,
                value: words[index],
            });
        }
        self.commands += 1;
        self.read(offset::IDENTITY)?;
        Ok(())
    }

    pub fn send(&mut self, bytes: Vec<u8>) {
        self.adapter.push_frame(WireFrame { bytes, bad: false });
    }

    /// The next event, if it is there.
    pub fn poll(&mut self) -> Result<Option<Event>, AdapterFault> {
        let slot = RING + 8 * u64::from(self.consumer % RING_ENTRIES);
        let bytes = self.memory(slot, 8).try_into().expect("eight bytes");
        let word = u64::from_le_bytes(bytes);
        let turn = self.consumer / RING_ENTRIES;
        if event_phase(word) != (turn.is_multiple_of(2)) {
            return Ok(None);
        }
        let told = self
            .commands
            .wrapping_sub(event_commands_taken(word).into()) as u8;
        assert!(
            told <= 64,
            "an event tells of commands that were not written"
        );
        self.consumer += 1;
        let event = Event::try_from(word).expect("an event of the map");
        Ok(Some(event))
    }

    /// The next event; the driver has read it.
    pub fn event(&mut self) -> Result<Event, AdapterFault> {
        let start = self.adapter.cycle();
        loop {
            if let Some(event) = self.poll()? {
                self.adapter.push_access(Access::Write {
                    offset: offset::EVENT_CONSUMER,
                    value: self.consumer,
                });
                return Ok(event);
            }
            self.step()?;
            assert!(self.adapter.cycle() - start < DEADLINE, "no event comes");
        }
    }

    /// Nothing more happens, and no event is left.
    pub fn settle(&mut self) -> Result<(), AdapterFault> {
        self.steps(400)?;
        assert_eq!(self.poll()?, None);
        Ok(())
    }

    pub fn offload(
        &mut self,
        connection: u16,
        receive_next: u32,
        window: u32,
    ) -> Result<OffloadStatus, AdapterFault> {
        self.offload_as(connection, connection, receive_next, window)
    }

    /// Offloads the tuple of one connection under the number of another.
    pub fn offload_as(
        &mut self,
        number: u16,
        tuple: u16,
        receive_next: u32,
        window: u32,
    ) -> Result<OffloadStatus, AdapterFault> {
        self.command(&Command::SetSourceAddress {
            address: address(tuple, 1),
        })?;
        self.command(&Command::SetDestinationAddress {
            address: address(tuple, 2),
        })?;
        self.command(&Command::Offload {
            connection: number,
            destination_port: 80,
            source_port: 40_000 + tuple,
            receive_next,
            indicate_window_size: window,
            ipv6: tuple % 2 == 1,
        })?;
        match self.event()? {
            Event::Offloaded { connection, status } if connection == number => Ok(status),
            other => panic!("{other:?} answers an offload"),
        }
    }
}

impl Bench {
    /// The event that follows a command.
    pub fn event_after(&mut self, command: &Command) -> Result<Event, AdapterFault> {
        self.command(command)?;
        self.event()
    }
}
