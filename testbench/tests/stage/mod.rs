//! Adapter and driver on a stage: the RTL with its buses, the driver on them, and peers that send what a test says.
#![allow(dead_code, missing_docs)]

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use toe_driver::registers::{Command, Event};
use toe_driver::{
    AcknowledgePolicy, BusAddress, Completion, Connection, Driver, IndicateWindowSize, NamedBuffer,
    Observer, Offload, Parameters, Received, Running, SeqNumber, Sources,
};
use toe_sim::adapter::{Adapter, AdapterFault, AdapterSettings};
use toe_sim::frame_source::WireFrame;
use toe_sim::models::ToeSmall;
use toe_sim::stalls::StallProfile;
use toe_sim::trial::trials;
use toe_testbench::world::{Bus, Scoreboard, World};
use verilated::{Context, RandomReset};

use crate::toe_bench::{ACK, pattern, segment};

pub type Memory = Bus<ToeSmall>;
pub type Toe = Driver<Running<Memory, Memory>>;

/// Sequence number of the first byte of every stream: soon behind it the numbers wrap.
const FIRST: u32 = u32::MAX - 99;
/// Longest payload that a peer sends.
const SEGMENT: usize = 700;
/// Cycles in which every story is over: 12.8 ms.
const DEADLINE: u64 = 2_000_000;
/// Cycles in which what can happen has happened.
pub const SOON: u64 = 4_000;
/// The Push Timer of every story, in cycles.
pub const PUSH_TIMER: u64 = 156_250;

/// Small buffers, so that everything turns over often; a Push Timer of a millisecond.
pub fn small(window: u64) -> Parameters {
    Parameters {
        indicate_window_size: IndicateWindowSize::new(window).ok(),
        anonymous_buffer_bytes: Some(64),
        anonymous_buffers: Some(32),
        event_ring_entries: Some(16),
        acknowledge: Some(AcknowledgePolicy::WindowFull),
        push_timer: Some(Duration::from_millis(1)),
        ..Parameters::default()
    }
}

/// What passed between driver and adapter, in order.
#[derive(Clone, Default)]
pub struct Log {
    events: Rc<RefCell<Vec<Event>>>,
    commands: Rc<RefCell<Vec<Command>>>,
}

impl Observer for Log {
    fn event(&self, _: u32, event: &Event, _: Option<BusAddress>) {
        self.events.borrow_mut().push(*event);
    }

    fn command(&self, command: &Command) {
        self.commands.borrow_mut().push(*command);
    }
}

impl Log {
    pub fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    pub fn commands(&self) -> Vec<Command> {
        self.commands.borrow().clone()
    }

    /// Bytes of each IndicateData of a connection.
    pub fn indicated(&self, of: &Connection<Memory>) -> Vec<u64> {
        let of = of.id().get();
        let length = |event: Event| match event {
            Event::IndicateData {
                connection, length, ..
            } if connection == of => Some(length.into()),
            _ => None,
        };
        self.events().into_iter().filter_map(length).collect()
    }

    /// Bytes of each indicateAcknowledge.
    pub fn acknowledged(&self) -> Vec<u32> {
        let bytes = |command: Command| match command {
            Command::IndicateAcknowledge {
                acknowledged_bytes, ..
            } => Some(acknowledged_bytes),
            _ => None,
        };
        self.commands().into_iter().filter_map(bytes).collect()
    }

    /// Anonymous Buffers granted.
    pub fn granted(&self) -> u64 {
        let count = |command: Command| match command {
            Command::GrantAnonymousBuffers { count, .. } => u64::from(count),
            _ => 0,
        };
        self.commands().into_iter().map(count).sum()
    }
}

/// What a story plays with.
pub struct Stage {
    pub world: World<ToeSmall>,
    pub driver: Toe,
    pub log: Log,
    tuples: Cell<u16>,
}

/// Plays `story` on an adapter that is up, without stalls and with heavy ones.
pub fn play<F>(name: &str, parameters: impl Fn() -> Parameters, story: impl Fn(Stage) -> F)
where
    F: Future<Output = ()> + 'static,
{
    trials(name, 0..4, |seed, wave| {
        let settings = AdapterSettings {
            seed,
            stalls: [StallProfile::NONE, StallProfile::HEAVY][seed as usize % 2],
            memory_bytes: 1 << 24,
            ..AdapterSettings::default()
        };
        let context = Context::new()
            .seed(seed + 1)
            .random_reset(RandomReset::Random);
        let mut adapter = Adapter::new(ToeSmall::new(&context)?, &settings)?;
        if let Some(wave) = wave {
            adapter.open_trace(wave)?;
        }
        let world = World::new(adapter, Scoreboard::new());
        let log = Log::default();
        let sources = Sources::new().user_interface(parameters());
        let driver = {
            let (world, log) = (world.clone(), log.clone());
            let reset = Driver::new(world.bus(), world.bus()).observed_by(log);
            let up = async move { reset.bring_up(&sources).await };
            world
                .run(up)
                .expect("no fault")
                .expect("the driver comes up")
        };
        let stage = Stage {
            world: world.clone(),
            driver: driver.clone(),
            log,
            tuples: Cell::new(0),
        };
        let story = story(stage);
        let clock = world.clone();
        let ended = world.run(async move {
            tokio::select! {
                biased;
                stopped = driver.run() => {
                    let Err(error) = stopped;
                    panic!("the driver stopped: {error}");
                }
                () = story => {}
                () = clock.sleep_until(DEADLINE) => panic!("the story does not end"),
            }
        });
        world.adapter().close_trace();
        ended.expect("adapter and scoreboard find no fault");
        Ok::<(), AdapterFault>(())
    });
}

impl Stage {
    /// Lets time pass.
    pub async fn wait(&self, cycles: u64) {
        self.world.sleep(cycles).await;
    }

    /// The next connection, with a window of its own or not, and its peer. Every second one is IPv6.
    pub async fn offload(&self, window: Option<u64>) -> (Connection<Memory>, Peer) {
        let tuple = self.tuples.get();
        self.tuples.set(tuple + 1);
        let [source, destination] = match tuple % 2 {
            0 => ["10.0.0.1", "10.0.0.2"],
            _ => [
                "2001:db8:102:304:a0b0:c0d0:0:1",
                "2001:db8:102:304:a0b0:c0d0:0:2",
            ],
        };
        let address = |host: &str, port| SocketAddr::new(host.parse().expect("an address"), port);
        let offload = Offload {
            source: address(source, 40_000 + tuple),
            destination: address(destination, 80),
            receive_next: SeqNumber::new(FIRST),
            indicate_window_size: window.and_then(|bytes| IndicateWindowSize::new(bytes).ok()),
        };
        let connection = self.driver.offload(offload).await.expect("the offload");
        let peer = Peer {
            world: self.world.clone(),
            tuple,
            sent: 0,
        };
        (connection, peer)
    }

    pub fn buffer(&self, pages: &[u32]) -> NamedBuffer<Memory> {
        let buffer = self.driver.scattered_named_buffer(pages.iter().copied());
        buffer.expect("memory")
    }
}

/// Who sends. It looks at no window: a story sends no more than 4096 bytes beyond what was delivered.
pub struct Peer {
    world: World<ToeSmall>,
    tuple: u16,
    pub sent: usize,
}

impl Peer {
    /// The next bytes of the stream; the last segment has these flags, too.
    pub fn send(&mut self, bytes: usize, flags: u8) {
        let end = self.sent + bytes;
        loop {
            let length = (end - self.sent).min(SEGMENT);
            let last = self.sent + length == end;
            let flags = if last { ACK | flags } else { ACK };
            let sequence = FIRST.wrapping_add(self.sent as u32);
            let bytes = segment(self.tuple, sequence, flags, &pattern(self.sent, length));
            self.world
                .adapter()
                .push_frame(WireFrame { bytes, bad: false });
            self.sent += length;
            if last {
                return;
            }
        }
    }
}

/// What comes next is a completion, with the stream's bytes in it.
pub async fn completion(connection: &mut Connection<Memory>) -> Completion<Memory> {
    match connection.receive().await.expect("the stream goes on") {
        Received::Completed(completion) => {
            let content = completion.content().await.expect("its bytes");
            let from = completion.offset.get() as usize;
            assert!(content == pattern(from, content.len()), "{completion:?}");
            completion
        }
        Received::Data(indication) => panic!("told of {} bytes", indication.length()),
        Received::Closed => panic!("closed"),
    }
}

/// What comes next is a notification. Says of how many bytes; they are the stream's; the first `accept` are accepted.
pub async fn told(connection: &mut Connection<Memory>, accept: Option<usize>) -> usize {
    let indication = match connection.receive().await.expect("the stream goes on") {
        Received::Data(indication) => indication,
        Received::Completed(completion) => panic!("{completion:?}"),
        Received::Closed => panic!("closed"),
    };
    let length = indication.length();
    let mut bytes = vec![0; length];
    let from = indication.offset().get() as usize;
    let copied = indication.copy(&mut bytes).await.expect("the bytes");
    assert_eq!(copied, length);
    assert!(bytes == pattern(from, length), "{length} bytes at {from}");
    let answered = match accept {
        Some(accept) => indication.accept(accept.min(length)),
        None => indication.decline(),
    };
    answered.expect("the answer");
    length
}

/// Accepts all that is told of until so many bytes were.
pub async fn accept(connection: &mut Connection<Memory>, bytes: usize) {
    let mut left = bytes;
    while left > 0 {
        left -= told(connection, Some(usize::MAX)).await;
    }
}

/// The one that there is.
pub fn only<T: Debug>(mut found: Vec<T>) -> T {
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}
