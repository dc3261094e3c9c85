//! Traces for the tests of the models: told step by step, or thrown by dice.

use toe_driver::registers::{Command, Event, OffloadStatus, Refusal, ReturnReason, StateField};
use toe_testbench::model::{
    AdapterModel, Behaviour, Dice, Fault, May, Next, Page, Push, ReferenceAdapter, Seen, Settings,
    Violation,
};

pub const POOL: u64 = 0x10_0000;
pub const NAMED: u64 = 0x80_0000;

/// Settings small enough that windows fill and timers expire.
pub fn settings() -> Settings {
    Settings {
        indicate_window_size: 1000,
        anonymous_buffer_bytes: 400,
        push_timer_cycles: 500,
        early_cycles: 10,
        late_cycles: 200,
        ..Settings::default()
    }
}

/// A byte of the peer's stream.
pub fn byte(offset: u64) -> u8 {
    (offset * 7 + offset / 251) as u8
}

pub fn bytes(from: u64, count: u64) -> Vec<u8> {
    (from..from + count).map(byte).collect()
}

/// A story of connection 0, told to the model step by step; each step takes ten cycles.
pub struct Story {
    pub model: AdapterModel,
    pub cycle: u64,
    /// Bytes that the peer sent, and that the adapter delivered.
    pub sent: u64,
    pub delivered: u64,
    /// Next buffer in the order granted.
    pub buffer: u16,
}

pub type Step = Result<Next, Violation>;

impl Story {
    /// Connection 0 is offloaded; the adapter holds 100 Anonymous Buffers.
    pub fn offloaded() -> Self {
        let mut story = Story {
            model: AdapterModel::new(settings()),
            cycle: 0,
            sent: 0,
            delivered: 0,
            buffer: 0,
        };
        let grant = Command::GrantAnonymousBuffers {
            address: POOL,
            first_buffer: 0,
            count: 100,
        };
        story.take(grant).unwrap();
        story.take(offload(0)).unwrap();
        let status = OffloadStatus::Ok;
        story
            .event(Event::Offloaded {
                connection: 0,
                status,
            })
            .unwrap();
        story
    }

    pub fn see(&mut self, seen: Seen) -> Step {
        self.cycle += 10;
        self.model.see(self.cycle, &seen)
    }

    pub fn take(&mut self, command: Command) -> Step {
        self.see(Seen::Taken(command))
    }

    pub fn event(&mut self, event: Event) -> Step {
        self.see(Seen::Event(event))
    }

    /// The peer's next bytes arrive in order.
    pub fn peer(&mut self, count: u64, push: Push) {
        let sent = Seen::Sent {
            connection: 0,
            offset: self.sent,
            bytes: bytes(self.sent, count),
            push,
        };
        self.see(sent).unwrap();
        self.sent += count;
        let offset = self.sent;
        self.see(Seen::InOrder {
            connection: 0,
            offset,
        })
        .unwrap();
    }

    pub fn write(&mut self, address: u64, bytes: Vec<u8>) -> Step {
        self.see(Seen::Write { address, bytes })
    }

    /// The next `count` bytes go to the next Anonymous Buffer.
    pub fn fill(&mut self, count: u64) -> Step {
        let address = POOL + 448 * u64::from(self.buffer);
        let next = self.write(address, bytes(self.delivered, count));
        self.delivered += count;
        next
    }

    /// A whole delivery.
    pub fn indicate(&mut self, count: u64, push: bool) -> Step {
        self.fill(count)?;
        self.buffer += 1;
        self.event(Event::IndicateData {
            connection: 0,
            buffer: self.buffer - 1,
            length: count as u16,
            push,
        })
    }

    /// The next `count` bytes go to an address.
    pub fn place(&mut self, address: u64, count: u64) -> Step {
        let next = self.write(address, bytes(self.delivered, count));
        self.delivered += count;
        next
    }

    pub fn acknowledge(&mut self, acknowledged_bytes: u32) -> Step {
        self.take(Command::IndicateAcknowledge {
            connection: 0,
            acknowledged_bytes,
        })
    }

    pub fn window(&mut self, bytes: u32) -> Step {
        self.take(Command::SetIndicateWindowSize {
            connection: 0,
            bytes,
        })
    }

    pub fn post(&mut self, request: u16, pages: &[Page], push_mode: bool) -> Step {
        let mut step = Ok(Next::default());
        for (at, page) in pages.iter().enumerate() {
            step = self.take(Command::PostNamedBuffer {
                connection: 0,
                address: page.address,
                bytes: page.bytes,
                request,
                last_page: at + 1 == pages.len(),
                push_mode,
            });
        }
        step
    }

    pub fn cancel(&mut self, request: u16) -> Step {
        self.take(Command::CancelNamedBuffer {
            connection: 0,
            request,
        })
    }

    pub fn accepted(&mut self, skipped: u32) -> Step {
        self.event(Event::NamedBufferAccepted {
            connection: 0,
            skipped,
        })
    }

    pub fn returned(&mut self, bytes: u32, reason: ReturnReason) -> Step {
        self.event(Event::NamedBufferReturned {
            connection: 0,
            bytes,
            reason,
        })
    }

    pub fn refused(&mut self, opcode: u8, reason: Refusal, request: u16) -> Step {
        self.event(Event::CommandRefused {
            connection: 0,
            opcode,
            reason,
            request,
        })
    }

    pub fn state(&mut self, field: StateField, content: u32) -> Step {
        self.event(Event::State {
            connection: 0,
            content,
            field,
        })
    }
}

pub fn offload(connection: u16) -> Command {
    Command::Offload {
        connection,
        destination_port: 80,
        source_port: 40000 + connection,
        receive_next: u32::MAX - 2,
        indicate_window_size: 0,
        ipv6: false,
    }
}

/// One page at NAMED, larger than the window of 1000.
pub fn page(bytes: u32) -> Vec<Page> {
    vec![Page {
        address: NAMED,
        bytes,
    }]
}

/// The step breaks just this behaviour.
#[track_caller]
pub fn breaks<T: std::fmt::Debug>(behaviour: u8, step: Result<T, Violation>) {
    match step {
        Ok(next) => panic!("allowed; next: {next:?}"),
        Err(broken) => assert_eq!(broken.behaviour, Behaviour(behaviour), "{broken}"),
    }
}

/// A random trace of a reference adapter under random commands and segments, to its rest.
pub fn random_trace(seed: u64, fault: Option<Fault>) -> Vec<(u64, Seen)> {
    let mut dice = Dice::new(seed);
    let mut adapter = ReferenceAdapter::new(settings(), dice.any(), fault);
    let mut granted = 0;
    let mut request = 0;
    let mut ends = [0_u64; 2];
    let mut uploading = [false; 2];
    for _ in 0..400 {
        let connection = dice.between(0, 1) as u16;
        match dice.between(0, 13) {
            0 => {
                adapter.command(Command::GrantAnonymousBuffers {
                    address: POOL + 448 * granted,
                    first_buffer: granted as u16,
                    count: 20,
                });
                granted += 20;
            }
            1 if !uploading[usize::from(connection)] || adapter.is_closed(connection) => {
                adapter.command(offload(connection));
                uploading[usize::from(connection)] = false;
            }
            2 if dice.once_in(8) => {
                adapter.command(Command::Upload { connection });
                uploading[usize::from(connection)] = true;
                ends[usize::from(connection)] = 0;
            }
            3..=5 => {
                let end = &mut ends[usize::from(connection)];
                let known = adapter.in_order(connection);
                *end = (*end).clamp(known, known + 3000);
                let offset = if dice.once_in(4) { known } else { *end };
                let count = dice.between(1, 600);
                adapter.segment(connection, offset, &bytes(offset, count), dice.once_in(3));
                *end = (*end).max(offset + count + dice.between(0, 1) * dice.between(0, 50));
            }
            6 => adapter.command(Command::IndicateAcknowledge {
                connection,
                acknowledged_bytes: dice.between(0, 700) as u32,
            }),
            7 if dice.once_in(3) => adapter.command(Command::SetIndicateWindowSize {
                connection,
                bytes: dice.between(0, 1500) as u32,
            }),
            8 | 9 => {
                let pages = dice.between(1, 4);
                let push_mode = dice.once_in(2);
                let least = u64::from(!dice.once_in(20));
                for at in 1..=pages {
                    adapter.command(Command::PostNamedBuffer {
                        connection,
                        address: NAMED + 0x4000 * u64::from(request) + 0x1000 * at,
                        bytes: dice.between(least, 1500) as u32,
                        request,
                        last_page: at == pages,
                        push_mode,
                    });
                }
                request += 1;
            }
            10 if dice.once_in(2) => adapter.command(Command::CancelNamedBuffer {
                connection,
                request: request.saturating_sub(dice.between(0, 3) as u16),
            }),
            11 if dice.once_in(6) => adapter.end(connection, dice.once_in(2)),
            _ => (),
        }
        for _ in 0..dice.between(0, 6) {
            adapter.step(u64::MAX);
        }
    }
    while adapter.step(u64::MAX) {}
    adapter.seen()
}

/// Feeds a trace to a fresh model; at its end all is at rest. What came must have been among what may come.
pub fn judge(trace: &[(u64, Seen)]) -> Result<(), Violation> {
    let mut model = AdapterModel::new(settings());
    for (cycle, seen) in trace {
        model.see(*cycle, seen)?;
    }
    model.rest()
}

/// Whether the model said that an event may come.
pub fn foreseen(model: &AdapterModel, seen: &Seen) -> Result<(), String> {
    let Seen::Event(event) = seen else {
        return Ok(());
    };
    let fits = |may: &May| match (*event, may) {
        (Event::Offloaded { .. }, May::Answer) => true,
        (Event::IndicateData { length, .. }, May::Indicate(most)) => u64::from(length) <= *most,
        (Event::UploadData { length, .. }, May::HandBack(most)) => u64::from(length) <= *most,
        (Event::NamedBufferAccepted { skipped, .. }, May::Accept(pending)) => skipped == *pending,
        (Event::NamedBufferReturned { bytes, reason, .. }, May::Return(_, filled, why)) => {
            u64::from(bytes) == *filled && reason == *why
        }
        (Event::CommandRefused { opcode, reason, .. }, May::Refuse(of, why)) => {
            opcode == *of && why.is_none_or(|why| why == reason)
        }
        (Event::PeerClosed { .. }, May::Close) => true,
        (Event::PeerReset { .. }, May::Reset) => true,
        (Event::State { field, .. }, May::Tell(which)) => field == *which,
        (Event::Uploaded { .. }, May::Uploaded) => true,
        _ => false,
    };
    let next = (0..2).flat_map(|connection| model.next(connection).may);
    let may: Vec<May> = next.collect();
    let foreseen = may.iter().any(fits);
    foreseen
        .then_some(())
        .ok_or_else(|| format!("{event:?} was not among {may:?}"))
}
