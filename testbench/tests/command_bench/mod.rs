//! The command engine with random owners around it: what the tests of commands share.
#![allow(dead_code, missing_docs)]

use std::collections::VecDeque;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_driver::registers::{Command, Event, OffloadStatus, Refusal};
use toe_sim::models::CommandEngine;
use verilated::{Context, Error, RandomReset};

/// Parameters of the model.
pub const CONNECTIONS: u16 = 16;
pub const ANONYMOUS_BUFFERS: u16 = 16;
pub const HOST_FRAME_BUFFERS: u16 = 8;
/// indicateWindowSize of the register.
pub const DEFAULT_WINDOW: u32 = 70_000;
/// Cycles in which any command must be done, a grant of all buffers included.
const DEADLINE: u32 = 2000;

/// A buffer as it is handed to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub address: u64,
    pub number: u16,
}

/// What the driver is told of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Offloaded(u16, OffloadStatus),
    Refused(u8, Refusal),
}

/// What an owner was asked, with the answer that it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Insert {
        connection: u16,
        addresses: [[u32; 4]; 2],
        ports: [u16; 2],
        ipv6: bool,
        receive_next: u32,
        window: u32,
        status: u8,
    },
    Remove {
        connection: u16,
        status: u8,
    },
    Window {
        opcode: u8,
        connection: u16,
        bytes: u32,
        refused: Option<Refusal>,
    },
}

/// An owner's answer on its way.
struct Answer {
    delay: u32,
    asked: Asked,
}

pub struct Bench {
    pub dut: CommandEngine,
    pub rng: ChaCha8Rng,
    /// Chance of 256 that a stream is taken in a cycle.
    pub ready_chance: u32,
    /// Chance of 256 that an owner says no.
    pub no_chance: u32,
    /// Chance of 256 that a buffer is used in a cycle.
    pub use_chance: u32,
    /// Chance of 256 that an event is written to the ring once it was handed over.
    pub written_chance: u32,
    /// Whether deliver closes what was removed, shortly after.
    pub closes: bool,
    /// Buffers granted and not used, by kind.
    pub granted: [u16; 2],
    pub used: [Vec<Buffer>; 2],
    pub asked: Vec<Asked>,
    pub told: VecDeque<Told>,
    /// Events that only bring the count of commands taken.
    pub reminders: u32,
    pub refused_pulses: u32,
    /// Words still to be written.
    words: VecDeque<(u8, u32)>,
    answer: Option<Answer>,
    /// The connection that deliver closes after so many cycles.
    pub close: Option<(u32, u16)>,
    unwritten_events: u32,
    /// Commands taken, as an event told last.
    pub told_taken: u32,
    /// The most that were taken beyond that.
    pub most_untold: u32,
}

impl Bench {
    pub fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = CommandEngine::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        dut.set_rst(1);
        dut.set_command_write_valid(0);
        dut.set_lookup_answer_valid(0);
        dut.set_window_answer_valid(0);
        dut.set_closed_valid(0);
        dut.set_event_written(0);
        dut.set_anonymous_buffer_bytes(2048);
        dut.set_host_frame_buffer_bytes(2048);
        dut.set_indicate_window_size(DEFAULT_WINDOW);
        for _ in 0..16 {
            dut.cycle()?;
        }
        dut.set_rst(0);
        Ok(Bench {
            dut,
            ready_chance: [256, 128, 30][rng.next_u32() as usize % 3],
            rng,
            no_chance: 0,
            use_chance: 0,
            written_chance: 64,
            closes: true,
            granted: [0; 2],
            used: [Vec::new(), Vec::new()],
            asked: Vec::new(),
            told: VecDeque::new(),
            reminders: 0,
            refused_pulses: 0,
            words: VecDeque::new(),
            answer: None,
            close: None,
            unwritten_events: 0,
            told_taken: 0,
            most_untold: 0,
        })
    }

    fn chance(&mut self, of_256: u32) -> bool {
        self.rng.next_u32() % 256 < of_256
    }

    /// Puts a command on its way: only the words that it has a use for, in any order, and then the last.
    pub fn push(&mut self, command: &Command) {
        let words = command.words();
        let mut order: Vec<u8> = (0..command.words_used() as u8).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, self.rng.next_u32() as usize % (at + 1));
        }
        let last = self.rng.next_u32();
        let used = order.into_iter().map(|at| (at, words[usize::from(at)]));
        self.words.extend(used.chain([(7, last)]));
    }

    /// Carries out one command alone, and returns what the driver is told of it.
    pub fn command(&mut self, command: &Command) -> Result<Option<Told>, Error> {
        assert!(self.told.is_empty(), "nothing is left of the last command");
        let before = self.dut.commands_taken();
        self.push(command);
        self.run_until(before.wrapping_add(1))?;
        Ok(self.told.pop_front())
    }

    /// Runs until this many commands were taken, and the last one's event was too.
    pub fn run_until(&mut self, taken: u32) -> Result<(), Error> {
        let mut cycles = 0;
        let mut last = self.dut.commands_taken();
        while self.dut.commands_taken() != taken {
            self.cycle()?;
            cycles += 1;
            if self.dut.commands_taken() != last {
                last = self.dut.commands_taken();
                cycles = 0;
            }
            assert!(cycles < DEADLINE, "stuck after {last} commands");
        }
        while self.dut.host_event_valid() == 1 {
            self.cycle()?;
        }
        Ok(())
    }

    pub fn cycle(&mut self) -> Result<(), Error> {
        self.drive_words();
        self.drive_answers();
        let ready = self.ready_chance;
        let takes: Vec<bool> = (0..3).map(|_| self.chance(ready)).collect();
        let uses: Vec<bool> = (0..2).map(|_| self.chance(self.use_chance)).collect();
        let written = self.unwritten_events > 0 && self.chance(self.written_chance);
        self.unwritten_events -= u32::from(written);
        let taken = self.dut.commands_taken();
        self.most_untold = self.most_untold.max(taken - self.told_taken);
        if written {
            self.told_taken = taken;
        }
        self.dut.set_event_written(written.into());
        self.dut
            .set_lookup_command_ready((takes[0] && self.answer.is_none()).into());
        self.dut
            .set_window_command_ready((takes[1] && self.answer.is_none()).into());
        self.dut.set_host_event_ready(takes[2].into());
        self.dut.set_anonymous_buffer_ready(uses[0].into());
        self.dut.set_host_buffer_ready(uses[1].into());
        self.dut.settle()?;
        self.take_questions();
        self.take_events();
        self.take_buffers();
        self.refused_pulses += u32::from(self.dut.refused_pulse());
        self.dut.rise()
    }

    fn drive_words(&mut self) {
        let write = self.dut.command_full() == 0 && !self.words.is_empty() && self.chance(200);
        self.dut.set_command_write_valid(write.into());
        if write && let Some((index, word)) = self.words.pop_front() {
            self.dut.set_command_write_index(index);
            self.dut.set_command_write_data(word);
        }
    }

    fn drive_answers(&mut self) {
        self.dut.set_lookup_answer_valid(0);
        self.dut.set_window_answer_valid(0);
        self.dut.set_closed_valid(0);
        match &mut self.close {
            Some((0, connection)) => {
                self.dut.set_closed_valid(1);
                self.dut.set_closed_connection(*connection);
                self.close = None;
            }
            Some((delay, _)) => *delay -= 1,
            None => {}
        }
        match &mut self.answer {
            Some(Answer { delay: 0, asked }) => {
                let asked = *asked;
                self.answer = None;
                self.give(asked);
            }
            Some(answer) => answer.delay -= 1,
            None => {}
        }
    }

    fn give(&mut self, asked: Asked) {
        match asked {
            Asked::Insert { status, .. } => {
                self.dut.set_lookup_answer_valid(1);
                self.dut.set_lookup_answer_status(status);
            }
            Asked::Remove { connection, status } => {
                self.dut.set_lookup_answer_valid(1);
                self.dut.set_lookup_answer_status(status);
                if status == 0 && self.closes {
                    self.close = Some((self.rng.next_u32() % 4, connection));
                }
            }
            Asked::Window { refused, .. } => {
                self.dut.set_window_answer_valid(1);
                self.dut.set_window_answer_refused(refused.is_some().into());
                self.dut
                    .set_window_answer_reason(refused.map_or(0x5a, |reason| reason as u8));
            }
        }
        self.asked.push(asked);
    }

    fn take_questions(&mut self) {
        let no = self.chance(self.no_chance);
        let pick = self.rng.next_u32();
        let dut = &self.dut;
        let address = |words: &[u32; 4]| [words[3], words[2], words[1], words[0]];
        let asked = if dut.lookup_command_valid() & dut.lookup_command_ready() == 1 {
            let connection = dut.lookup_command_connection();
            if dut.lookup_command_insert() == 1 {
                Asked::Insert {
                    connection,
                    addresses: [
                        address(dut.lookup_command_source()),
                        address(dut.lookup_command_destination()),
                    ],
                    ports: [
                        dut.lookup_command_source_port(),
                        dut.lookup_command_destination_port(),
                    ],
                    ipv6: dut.lookup_command_ipv6() == 1,
                    receive_next: dut.lookup_command_receive_next(),
                    window: dut.lookup_command_indicate_window_size(),
                    status: if no { 2 + (pick % 2) as u8 } else { 0 },
                }
            } else {
                let status = u8::from(no);
                Asked::Remove { connection, status }
            }
        } else if dut.window_command_valid() & dut.window_command_ready() == 1 {
            let reasons = [Refusal::MoreThanPending, Refusal::NotOffloaded];
            Asked::Window {
                opcode: dut.window_command_opcode(),
                connection: dut.window_command_connection(),
                bytes: dut.window_command_bytes(),
                refused: no.then_some(reasons[pick as usize % 2]),
            }
        } else {
            return;
        };
        let delay = [0, 0, 1, 7][self.rng.next_u32() as usize % 4];
        self.answer = Some(Answer { delay, asked });
    }

    fn take_events(&mut self) {
        if self.dut.host_event_valid() & self.dut.host_event_ready() == 0 {
            return;
        }
        self.unwritten_events += 1;
        match Event::try_from(self.dut.host_event()) {
            Ok(Event::Offloaded { connection, status }) => {
                self.told.push_back(Told::Offloaded(connection, status));
            }
            Ok(Event::CommandRefused { opcode, reason, .. }) => {
                self.told.push_back(Told::Refused(opcode, reason));
            }
            Ok(Event::CommandsTaken) => self.reminders += 1,
            other => panic!("the command engine does not write {other:?}"),
        }
    }

    fn take_buffers(&mut self) {
        let dut = &self.dut;
        let offered = [
            (
                dut.anonymous_buffer_valid() & dut.anonymous_buffer_ready(),
                dut.anonymous_buffer_address(),
                dut.anonymous_buffer_number(),
            ),
            (
                dut.host_buffer_valid() & dut.host_buffer_ready(),
                dut.host_buffer_address(),
                dut.host_buffer_number(),
            ),
        ];
        for (kind, (taken, address, number)) in offered.into_iter().enumerate() {
            if taken == 1 {
                self.used[kind].push(Buffer { address, number });
                self.granted[kind] = self.granted[kind].saturating_sub(1);
            }
        }
    }
}
