//! `rtl/host/command_port.v` and `command_dispatch.v`: commands reach their owners whole, once, in order, and
//! the driver is told of every answer that it must know (B5, B11, B15).

mod command_bench;

use command_bench::{Asked, Bench, CONNECTIONS, DEFAULT_WINDOW, Told};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use toe_driver::registers::{COMMAND_QUEUE_DEPTH, Command, OffloadStatus, Refusal};
use toe_sim::trial::trials;
use verilated::Error;

fn offload(connection: u16) -> Command {
    Command::Offload {
        connection,
        destination_port: 80,
        source_port: 40_000,
        receive_next: 0xffff_fff0,
        indicate_window_size: 0,
        ipv6: false,
    }
}

fn any(rng: &mut ChaCha8Rng) -> Command {
    // Half of the numbers beyond the last differ from a good one in a high bit alone.
    let connection = match rng.next_u32() % 8 {
        0 => (CONNECTIONS << (rng.next_u32() % 12)) | (rng.next_u32() as u16 % CONNECTIONS),
        _ => rng.next_u32() as u16 % 4,
    };
    let address = std::array::from_fn(|_| rng.next_u32());
    match rng.next_u32() % 9 {
        0 => Command::SetSourceAddress { address },
        1 => Command::SetDestinationAddress { address },
        2 | 3 => Command::Offload {
            connection,
            destination_port: rng.next_u32() as u16,
            source_port: rng.next_u32() as u16,
            receive_next: rng.next_u32(),
            indicate_window_size: [0, 1, rng.next_u32()][rng.next_u32() as usize % 3],
            ipv6: rng.next_u32().is_multiple_of(2),
        },
        4 => Command::Upload { connection },
        5 | 6 => Command::IndicateAcknowledge {
            connection,
            acknowledged_bytes: [0, 1, u32::MAX, rng.next_u32()][rng.next_u32() as usize % 4],
        },
        7 => Command::SetIndicateWindowSize {
            connection,
            bytes: [0, 1, 0x1_0000, u32::MAX][rng.next_u32() as usize % 4],
        },
        _ => Command::PostNamedBuffer {
            connection,
            address: u64::from(rng.next_u32()) << 7,
            bytes: rng.next_u32(),
            request: rng.next_u32() as u16,
            last_page: true,
            push_mode: false,
        },
    }
}

/// What the engine must ask and tell, command by command, given the answers that the owners gave.
#[derive(Default)]
struct Expectation {
    used: [bool; CONNECTIONS as usize],
    addresses: [Option<[u32; 4]>; 2],
    asked: usize,
}

impl Expectation {
    /// What the driver must be told of the command; checks what its owner was asked.
    fn step(&mut self, command: Command, log: &[Asked]) -> Option<Told> {
        let refused = |reason| Some(Told::Refused(command.opcode(), reason));
        let used = |connection: u16| self.used.get(usize::from(connection)).copied();
        match command {
            Command::SetSourceAddress { address } => {
                self.addresses[0] = Some(address);
                None
            }
            Command::SetDestinationAddress { address } => {
                self.addresses[1] = Some(address);
                None
            }
            Command::Offload { connection, .. } => match used(connection) {
                None => Some(Told::Offloaded(connection, OffloadStatus::BadConnection)),
                Some(true) => Some(Told::Offloaded(connection, OffloadStatus::Busy)),
                Some(false) => {
                    let status = self.insert(command, log);
                    self.used[usize::from(connection)] = status == OffloadStatus::Ok;
                    Some(Told::Offloaded(connection, status))
                }
            },
            Command::SetIndicateWindowSize { bytes: 0, .. } => refused(Refusal::ZeroWindow),
            Command::Upload { connection } => match used(connection) {
                Some(true) => match self.next(log) {
                    Asked::Remove {
                        connection: c,
                        status,
                    } if c == connection => {
                        // Deliver closes it before the next command.
                        self.used[usize::from(connection)] = status != 0;
                        (status != 0).then_some(Told::Refused(6, Refusal::NotOffloaded))
                    }
                    other => panic!("{command:?} became {other:?}"),
                },
                _ => refused(Refusal::NotOffloaded),
            },
            Command::IndicateAcknowledge {
                connection,
                acknowledged_bytes: bytes,
            }
            | Command::SetIndicateWindowSize { connection, bytes } => match used(connection) {
                Some(true) => match self.known(log) {
                    Asked::Window {
                        opcode,
                        connection: c,
                        bytes: b,
                        refused,
                    } if (opcode, c, b) == (command.opcode(), connection, bytes) => {
                        refused.map(|reason| Told::Refused(command.opcode(), reason))
                    }
                    other => panic!("{command:?} became {other:?}"),
                },
                _ => refused(Refusal::NotOffloaded),
            },
            Command::PostNamedBuffer { connection, .. } => match used(connection) {
                Some(true) => match self.known(log) {
                    Asked::Window {
                        opcode: 9,
                        connection: c,
                        bytes,
                        refused,
                    } if c == connection && bytes == command.words()[1] => {
                        refused.map(|reason| Told::Refused(9, reason))
                    }
                    other => panic!("{command:?} became {other:?}"),
                },
                _ => refused(Refusal::NotOffloaded),
            },
            _ => refused(Refusal::Unsupported),
        }
    }

    /// The answer of a deliver that knows the number: until then it is asked again.
    fn known(&mut self, log: &[Asked]) -> Asked {
        let unknown = Some(Refusal::NotOffloaded);
        loop {
            match self.next(log) {
                Asked::Window { refused, .. } if refused == unknown => {}
                asked => return asked,
            }
        }
    }

    fn next(&mut self, log: &[Asked]) -> Asked {
        self.asked += 1;
        *log.get(self.asked - 1).expect("an owner was asked")
    }

    fn insert(&mut self, command: Command, log: &[Asked]) -> OffloadStatus {
        let Asked::Insert {
            connection,
            addresses,
            ports,
            ipv6,
            receive_next,
            window,
            status,
        } = self.next(log)
        else {
            panic!("{command:?} became something else");
        };
        for (was, expected) in addresses.iter().zip(self.addresses) {
            assert!(expected.is_none_or(|expected| expected == *was));
        }
        let own_window = match command {
            Command::Offload {
                indicate_window_size: 0,
                ..
            } => {
                assert_eq!(window, DEFAULT_WINDOW);
                0
            }
            _ => window,
        };
        let became = Command::Offload {
            connection,
            destination_port: ports[1],
            source_port: ports[0],
            receive_next,
            indicate_window_size: own_window,
            ipv6,
        };
        assert_eq!(became, command);
        OffloadStatus::from_bits(status.into()).expect("a status")
    }
}

#[test]
fn commands_reach_their_owners_in_order_and_the_driver_is_told_of_each_answer() {
    trials("command_port_order", 0..60, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.no_chance = [0, 60, 128][seed as usize % 3];
        let program: Vec<Command> = (0..300).map(|_| any(&mut bench.rng)).collect();
        for command in &program {
            bench.push(command);
        }
        bench.run_until(program.len() as u32)?;
        let mut expectation = Expectation::default();
        let mut refusals = 0;
        for command in program {
            let Some(told) = expectation.step(command, &bench.asked) else {
                continue;
            };
            refusals += u32::from(matches!(told, Told::Refused(..)));
            assert_eq!(bench.told.pop_front(), Some(told), "of {command:?}");
        }
        assert_eq!(bench.told.pop_front(), None);
        assert_eq!(expectation.asked, bench.asked.len());
        bench.cycle()?;
        assert_eq!(bench.refused_pulses, refusals);
        Ok::<(), Error>(())
    });
}

#[test]
fn the_queue_holds_what_the_map_promises_and_says_when_it_is_full() {
    trials("command_port_full", 0..3, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.command(&offload(3))?;
        bench.ready_chance = 0;
        let acknowledge = |acknowledged_bytes| Command::IndicateAcknowledge {
            connection: 3,
            acknowledged_bytes,
        };
        for bytes in 0..COMMAND_QUEUE_DEPTH + 1 {
            bench.push(&acknowledge(bytes));
        }
        for _ in 0..2000 {
            bench.cycle()?;
        }
        assert_eq!(bench.dut.commands_taken(), 1);
        assert_eq!(bench.dut.command_full(), 1);
        bench.ready_chance = 256;
        bench.run_until(1 + COMMAND_QUEUE_DEPTH + 1)?;
        let bytes: Vec<u32> = bench.asked[1..]
            .iter()
            .map(|asked| match asked {
                Asked::Window { bytes, .. } => *bytes,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(bytes, (0..COMMAND_QUEUE_DEPTH + 1).collect::<Vec<_>>());
        Ok::<(), Error>(())
    });
}

#[test]
fn a_number_stays_in_use_until_deliver_has_closed_it() {
    trials("command_port_close", 0..3, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.closes = false;
        let ok = |connection| Some(Told::Offloaded(connection, OffloadStatus::Ok));
        assert_eq!(bench.command(&offload(5))?, ok(5));
        assert_eq!(bench.command(&Command::Upload { connection: 5 })?, None);
        let busy = Some(Told::Offloaded(5, OffloadStatus::Busy));
        assert_eq!(bench.command(&offload(5))?, busy);
        bench.close = Some((0, 5));
        bench.cycle()?;
        assert_eq!(bench.command(&offload(5))?, ok(5));
        Ok::<(), Error>(())
    });
}

/// A number that is closed in the very cycle in which another one comes into use.
#[test]
fn closing_one_number_does_not_lose_the_mark_of_another() {
    trials("command_port_mark", 0..40, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.closes = false;
        bench.ready_chance = 256;
        bench.command(&offload(1))?;
        bench.command(&Command::Upload { connection: 1 })?;
        bench.push(&offload(2));
        bench.close = Some((seed as u32, 1));
        bench.run_until(3)?;
        for _ in 0..seed {
            bench.cycle()?;
        }
        bench.told.clear();
        let told = |connection, status| Some(Told::Offloaded(connection, status));
        assert_eq!(bench.command(&offload(1))?, told(1, OffloadStatus::Ok));
        assert_eq!(bench.command(&offload(2))?, told(2, OffloadStatus::Busy));
        Ok::<(), Error>(())
    });
}

#[test]
fn the_driver_hears_of_half_a_queue_taken_even_if_no_other_event_says_so() {
    trials("command_port_reminder", 0..5, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        bench.command(&offload(0))?;
        bench.written_chance = 256;
        for _ in 0..10 {
            bench.cycle()?;
        }
        let commands = COMMAND_QUEUE_DEPTH / 2 * 5;
        for _ in 0..commands {
            bench.push(&Command::IndicateAcknowledge {
                connection: 0,
                acknowledged_bytes: 1,
            });
        }
        bench.run_until(1 + commands)?;
        for _ in 0..100 {
            bench.cycle()?;
        }
        // Commands go on while a reminder waits, and it tells of them too.
        assert!((1..=5).contains(&bench.reminders));
        assert!(1 + commands - bench.told_taken < COMMAND_QUEUE_DEPTH / 2);
        assert!(
            bench.most_untold < COMMAND_QUEUE_DEPTH,
            "the driver may wait for ever"
        );
        Ok::<(), Error>(())
    });
}
