//! The bench of what is real: the Verilated adapter `toe_small`, and the driver with its request interface.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use toe_driver::registers::Event;
use toe_driver::{
    AcknowledgePolicy, Connection, Driver, Error, Fraction, IndicateWindowSize, Offload,
    Parameters, Running, SeqNumber, Sources,
};
use toe_sim::adapter::{Adapter, AdapterModel, AdapterSettings};
use toe_sim::frame_source::WireFrame;
use toe_sim::models::{Toe, ToeSmall};
use toe_sim::stalls::StallProfile;
use verilated::{Context, RandomReset};

use super::application::{Leaving, Live};
use super::clock;
use super::host::{HostBus, Machine};
use super::peer::{FIRST, IPV4, IPV6, PORT, Peer, Sending};
use super::run::{Bench, Observation};
use super::script::{Bus, Operation, Script};
use crate::model::{DriverSeen, DriverSettings, Seen, Settings};

/// Anonymous Buffers.
const BUFFERS: u32 = 64;
/// Entries of the event ring.
const EVENTS: u32 = 64;
/// Bytes of host memory, and where they lie.
const MEMORY_BYTES: usize = 1 << 24;
const MEMORY: u64 = 0x12_3456_0000;
/// Cycles without movement after which nothing moves any more, timers aside.
const QUIET: u64 = 1_200;
/// Cycles in which bytes that are on the bus have left the receive ring, stalls apart: its room is free when the last byte of a
/// delivery was read, and the first may be on the bus long before.
const RELEASE: u64 = 1_500;
/// Cycles between two turns of the tasks when nothing wakes them.
const TURN: u64 = 256;
/// How much earlier the expiry of the adapter's timer may be seen than the data tell: data are seen on the bus later than they are
/// decided. And how much later that of any: events wait for the bus, and the driver's timers have their grain.
const EARLY: u64 = 2_000;
const LATE: u64 = 6_000;
/// Cycles in which the adapter is up.
const START: u64 = 1_000_000;

type Opening = Rc<RefCell<Option<Result<Connection<HostBus>, Error>>>>;

/// A connection of the script.
enum Slot {
    Opening(Opening),
    Live(Box<Live>),
}

/// The bench.
///
/// Push Timers are whole
/// milliseconds of [`clock`], which are 100 cycles. An upload begins when no frame is under way, since else it would be open which segments the adapter keeps.
pub struct AdapterBench {
    settings: (Settings, DriverSettings),
    machine: Rc<Machine>,
    runtime: tokio::runtime::Runtime,
    pool: LocalPool,
    /// Cycle up to which the tasks' clock has come.
    told: u64,
    driver: Driver<Running<HostBus, HostBus>>,
    stopped: Rc<RefCell<Option<Error>>>,
    seed: u64,
    slots: BTreeMap<u16, Slot>,
    /// Frames that the MAC has not got, and until when.
    waiting: VecDeque<Sending>,
    network_until: u64,
    /// Until when a stall holds back memory or registers.
    host_until: u64,
    /// What is seen when the frames that the MAC has are taken.
    sending: VecDeque<Vec<Observation>>,
    sent: u64,
    last_sent: u64,
    /// Bytes on their way out of receive rings: when they are out, of which connection.
    leaving: VecDeque<(u64, u16, u64)>,
    /// Named pages: length and connection by address.
    pages: BTreeMap<u64, (u64, u16)>,
    noted: usize,
    next_request: u64,
}

impl AdapterBench {
    /// A bench for a script: adapter and driver come up.
    ///
    /// # Errors
    /// When one of them does not.
    pub fn new(script: &Script) -> Result<Self, String> {
        let said = &script.settings;
        let stalls = match script.seed % 3 {
            0 => StallProfile::NONE,
            1 => StallProfile {
                frame: 32,
                write_address: 32,
                write_data: 32,
                write_response: 32,
                register: 32,
            },
            _ => StallProfile::HEAVY,
        };
        let context = Context::new()
            .seed(script.seed | 1)
            .random_reset(RandomReset::Random);
        let model: Result<Box<dyn AdapterModel>, _> = match said.large {
            false => ToeSmall::new(&context).map(|model| Box::new(model) as _),
            true => Toe::new(&context).map(|model| Box::new(model) as _),
        };
        let model = model.map_err(|error| error.to_string())?;
        let shape = AdapterSettings {
            seed: script.seed,
            stalls,
            memory_base: MEMORY,
            memory_bytes: MEMORY_BYTES,
            line_rate: false,
            ..AdapterSettings::default()
        };
        let mut adapter = Adapter::new(model, &shape).map_err(|error| error.to_string())?;
        adapter.memory.grant(MEMORY, MEMORY_BYTES as u64); // The model judges every write.
        let machine = Machine::new(adapter);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        let timer = u64::from(said.push_timer)
            .max(1)
            .next_multiple_of(clock::GRAIN);
        let parameters = Parameters {
            indicate_window_size: IndicateWindowSize::new(said.window.into()).ok(),
            anonymous_buffer_bytes: Some(said.anonymous),
            anonymous_buffers: Some(BUFFERS),
            event_ring_entries: Some(EVENTS),
            acknowledge: Some(match said.acknowledge {
                1 => AcknowledgePolicy::EveryAcceptance,
                bytes if bytes >= said.window => AcknowledgePolicy::WindowFull,
                _ => AcknowledgePolicy::AtFraction(
                    Fraction::new(0.5).map_err(|error| error.to_string())?,
                ),
            }),
            push_timer: Some(clock::duration(timer)),
            ..Parameters::default()
        };
        let sources = Sources::new().user_interface(parameters);
        let mut pool = LocalPool::new();
        let driver = bring_up(&machine, &runtime, &mut pool, sources)?;
        let (early_cycles, late_cycles) = (EARLY, LATE);
        let settings = Settings {
            connections: driver.connections() as u16,
            indicate_window_size: said.window,
            anonymous_buffer_bytes: said.anonymous,
            host_frame_buffer_bytes: driver.settings().host_frame_buffer_bytes.value,
            anonymous_buffers: 256,
            host_frame_buffers: 256,
            named_buffer_pages: driver.named_buffer_pages() as usize,
            push_timer_cycles: timer,
            early_cycles,
            late_cycles,
        };
        let policy = DriverSettings {
            indicate_window_size: said.window,
            acknowledge_at: match said.acknowledge {
                1 => 1,
                _ => u32::MAX, // The fraction is of each connection's own window.
            },
            named_buffer_pages: driver.named_buffer_pages() as u16,
            push_timer_cycles: timer,
            early_cycles: clock::GRAIN,
            late_cycles,
        };
        let stopped: Rc<RefCell<Option<Error>>> = Rc::default();
        let (slot, runs) = (Rc::clone(&stopped), driver.clone());
        let run = async move {
            let Err(error) = runs.run().await;
            *slot.borrow_mut() = Some(error);
        };
        let spawned = pool.spawner().spawn_local(run);
        spawned.map_err(|error| error.to_string())?;
        let told = machine.cycle();
        Ok(AdapterBench {
            settings: (settings, policy),
            machine,
            runtime,
            pool,
            told,
            driver,
            stopped,
            seed: script.seed,
            slots: BTreeMap::new(),
            waiting: VecDeque::new(),
            network_until: 0,
            host_until: 0,
            sending: VecDeque::new(),
            sent: 0,
            last_sent: 0,
            leaving: VecDeque::new(),
            pages: BTreeMap::new(),
            noted: 0,
            next_request: 0,
        })
    }

    fn live(&mut self, connection: u16) -> Option<&mut Live> {
        match self.slots.get_mut(&connection) {
            Some(Slot::Live(live)) => Some(live),
            _ => None,
        }
    }

    fn is_leaving(&self) -> bool {
        let leaving = |slot: &Slot| matches!(slot, Slot::Live(live) if live.leaving != Leaving::No);
        self.slots.values().any(leaving)
    }

    /// Offloads a connection; not while a number may come free, for the observations of its last user are still to come.
    fn offload(&mut self, connection: u16, window: u32) -> Result<(), String> {
        if self.slots.contains_key(&connection) || self.is_leaving() {
            return Ok(());
        }
        let ips: [IpAddr; 2] = match connection % 2 {
            1 => IPV6.map(IpAddr::V6),
            _ => IPV4.map(IpAddr::V4),
        };
        let offload = Offload {
            source: SocketAddr::new(ips[0], PORT + connection),
            destination: SocketAddr::new(ips[1], 80),
            receive_next: SeqNumber::new(FIRST),
            indicate_window_size: IndicateWindowSize::new(window.into()).ok(),
        };
        let opening = Opening::default();
        let (slot, driver) = (Rc::clone(&opening), self.driver.clone());
        let task = async move {
            let answer = driver.offload(offload).await;
            *slot.borrow_mut() = Some(answer);
        };
        self.slots.insert(connection, Slot::Opening(opening));
        let spawned = self.pool.spawner().spawn_local(task);
        spawned.map_err(|error| error.to_string())
    }

    /// A buffer scattered over pages of about equal size, the later ones at other addresses modulo 64.
    fn post(
        &mut self,
        connection: u16,
        bytes: u32,
        align: u16,
        pages: u16,
        push: bool,
    ) -> Result<(), String> {
        let count = u32::from(pages.max(1)).min(bytes);
        let align = u32::from(align);
        let pages = (0..count).map(|at| {
            let size = bytes / count + u32::from(at < bytes % count);
            ((align + 13 * at) % 64, size)
        });
        let Some(Slot::Live(live)) = self.slots.get_mut(&connection) else {
            return Ok(());
        };
        if live.leaving != Leaving::No {
            return Ok(());
        }
        self.next_request += 1;
        let buffer = match bytes {
            0 => None,
            _ => match self.driver.named_buffer_at(pages) {
                Ok(buffer) => Some((buffer, bytes, count as u16)),
                Err(_) => return Ok(()), // The host's memory is full of buffers that nobody fills.
            },
        };
        live.post(&self.machine, self.next_request, buffer, push);
        Ok(())
    }

    fn send(&mut self, sending: Option<Sending>) {
        self.waiting.extend(sending);
    }

    /// The tasks do what they can, and the applications with them.
    fn turn(&mut self) -> Result<(), String> {
        let now = self.machine.cycle();
        let passed = clock::duration(now - self.told);
        self.told = now;
        let _context = self.runtime.enter();
        if !passed.is_zero() {
            self.runtime.block_on(tokio::time::advance(passed));
        }
        loop {
            self.pool.run_until_stalled();
            if let Some(error) = &*self.stopped.borrow() {
                return Err(format!("the driver stopped: {error}"));
            }
            let mut acted = self.open()?;
            for slot in self.slots.values_mut() {
                let Slot::Live(live) = slot else { continue };
                acted |= live.act(&self.machine)?;
                let idle = self.waiting.is_empty() && self.sending.is_empty();
                let after = self.machine.cycle() > self.last_sent + RELEASE;
                if live.leaving == Leaving::Wanted && idle && after {
                    live.leaving = Leaving::Begun;
                    acted = true;
                    let begun = live.connection.begin_upload();
                    begun.map_err(|error| error.to_string())?;
                }
            }
            let over = |slot: &Slot| matches!(slot, Slot::Live(live) if live.is_over());
            let before = self.slots.len();
            self.slots.retain(|_, slot| !over(slot));
            if !acted && self.slots.len() == before {
                return Ok(());
            }
        }
    }

    /// Connections whose offload was answered go live. True if there are some.
    fn open(&mut self) -> Result<bool, String> {
        let mut opened = false;
        for (&name, slot) in &mut self.slots {
            let Slot::Opening(opening) = slot else {
                continue;
            };
            let Some(answer) = opening.borrow_mut().take() else {
                continue;
            };
            let connection = answer.map_err(|error| error.to_string())?;
            let peer = Peer::new(name, connection.id().get(), self.seed);
            *slot = Slot::Live(Box::new(Live::new(connection, peer)));
            opened = true;
        }
        Ok(opened)
    }

    /// Hands frames to the MAC, and notes those that it has taken.
    fn frames(&mut self) {
        let cycle = self.machine.cycle();
        while cycle >= self.network_until
            && let Some(Sending { frame, then }) = self.waiting.pop_front()
        {
            let frame = WireFrame {
                bytes: frame,
                bad: false,
            };
            self.machine.adapter.borrow_mut().push_frame(frame);
            self.machine.moved.set(cycle);
            self.sending.push_back(then);
        }
        let taken = self.machine.adapter.borrow().frames_sent();
        while self.sent < taken {
            self.sent += 1;
            self.last_sent = cycle;
            for seen in self.sending.pop_front().unwrap_or_default() {
                self.machine.note(seen);
            }
        }
    }

    fn stall(&mut self, bus: Bus, cycles: u64) {
        let until = self.machine.cycle() + cycles;
        if bus == Bus::Network {
            self.network_until = until;
            return;
        }
        self.host_until = self.host_until.max(until);
        for (due, ..) in &mut self.leaving {
            *due += cycles; // The rest of a delivery may wait for the bus.
        }
        if bus == Bus::Registers {
            self.machine.stall_registers(cycles);
            return;
        }
        let memory = &mut self.machine.adapter.borrow_mut().memory;
        memory.stall_responses(cycles);
        if bus == Bus::Memory {
            memory.stall(cycles);
        }
    }

    /// What the latest notes say of receive rings.
    fn account(&mut self) {
        let cycle = self.machine.cycle();
        while let Some(&(due, number, bytes)) = self.leaving.front() {
            if due > cycle {
                break;
            }
            self.leaving.pop_front();
            for slot in self.slots.values_mut() {
                if let Slot::Live(live) = slot
                    && live.number == number
                {
                    live.peer.delivered += bytes;
                }
            }
        }
        let notes = self.machine.notes.borrow();
        for (_, seen) in &notes[self.noted..] {
            let freed = match seen {
                Observation::Adapter(Seen::Event(Event::IndicateData {
                    connection,
                    length,
                    ..
                })) => Some((*connection, u64::from(*length))),
                Observation::Adapter(Seen::Write { address, bytes }) => {
                    let page = self.pages.range(..=address).next_back();
                    page.filter(|(start, (length, _))| *address < *start + length)
                        .map(|(_, (_, connection))| (*connection, bytes.len() as u64))
                }
                Observation::Driver(DriverSeen::Command(command)) => {
                    if let toe_driver::registers::Command::PostNamedBuffer {
                        connection,
                        address,
                        bytes,
                        ..
                    } = command
                    {
                        let end = address + u64::from(*bytes);
                        // Buffers that had this memory before came back long ago.
                        self.pages.retain(|start, (length, _)| {
                            start + *length <= *address || end <= *start
                        });
                        self.pages
                            .insert(*address, (u64::from(*bytes), *connection));
                    }
                    None
                }
                _ => None,
            };
            if let Some((number, bytes)) = freed {
                let due = cycle.max(self.host_until) + RELEASE;
                self.leaving.push_back((due, number, bytes));
            }
        }
        self.noted = notes.len();
    }
}

impl Bench for AdapterBench {
    fn settings(&self) -> (Settings, DriverSettings) {
        self.settings.clone()
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), String> {
        let clock = self.runtime.handle().clone();
        let _context = clock.enter(); // The driver's deadlines are of the simulated time.
        let machine = Rc::clone(&self.machine);
        let ring = u64::from(self.driver.receive_ring_bytes());
        match *operation {
            Operation::Offload { connection, window } => self.offload(connection, window)?,
            Operation::Segment {
                connection,
                distance,
                bytes,
                push,
            } => {
                let live = self.live(connection);
                let live = live.filter(|live| live.leaving == Leaving::No);
                let sending = live.and_then(|live| live.peer.segment(distance, bytes, push, ring));
                self.send(sending);
            }
            Operation::Fin { connection } | Operation::Reset { connection } => {
                let reset = matches!(operation, Operation::Reset { .. });
                let live = self.live(connection);
                let live = live.filter(|live| live.leaving == Leaving::No);
                let sending = live.and_then(|live| live.peer.end(reset));
                self.send(sending);
            }
            Operation::Post {
                connection,
                bytes,
                align,
                pages,
                push,
            } => self.post(connection, bytes, align, pages, push)?,
            Operation::Cancel { connection, nth } => {
                if let Some(live) = self.live(connection) {
                    live.cancel(&machine, nth);
                }
            }
            Operation::Accept { connection, bytes } => {
                if let Some(live) = self.live(connection) {
                    live.accept(bytes);
                }
            }
            Operation::Decline { connection } => {
                if let Some(live) = self.live(connection) {
                    live.decline(&machine)?;
                }
            }
            Operation::Window { connection, bytes } => {
                let window = IndicateWindowSize::new(bytes.into());
                if let (Some(live), Ok(window)) = (self.live(connection), window)
                    && live.leaving == Leaving::No
                {
                    // Refused behind the end of the stream, where it has no sense.
                    live.connection.set_indicate_window_size(window).ok();
                }
            }
            Operation::Upload { connection } => {
                if let Some(live) = self.live(connection)
                    && live.leaving == Leaving::No
                {
                    live.leaving = Leaving::Wanted;
                }
            }
            Operation::Stall { bus, cycles } => self.stall(bus, cycles.into()),
            Operation::Wait { .. } | Operation::Rest => (),
        }
        Ok(())
    }

    fn poll(&mut self, cycles: u64) -> Result<Vec<(u64, Observation)>, String> {
        let end = self.machine.cycle() + cycles;
        self.turn()?;
        while self.machine.cycle() < end {
            let woken = self.machine.step().map_err(|error| error.to_string())?;
            self.frames();
            self.account();
            if woken || self.machine.cycle().is_multiple_of(TURN) {
                self.turn()?;
            }
        }
        self.turn()?;
        self.account();
        self.noted = 0;
        let notes = std::mem::take(&mut *self.machine.notes.borrow_mut());
        Ok(notes)
    }

    fn cycle(&self) -> u64 {
        self.machine.cycle()
    }

    fn is_at_rest(&self) -> bool {
        let mut quiet = QUIET;
        for slot in self.slots.values() {
            match slot {
                Slot::Opening(_) => return false,
                Slot::Live(live) if live.leaving != Leaving::No => return false,
                Slot::Live(live) if live.is_timing() => {
                    let driver = &self.settings.1;
                    quiet = driver.push_timer_cycles + driver.late_cycles + QUIET;
                }
                Slot::Live(_) => (),
            }
        }
        let frames = self.waiting.is_empty() && self.sending.is_empty();
        frames && self.leaving.is_empty() && self.machine.cycle() > self.machine.moved.get() + quiet
    }
}

/// Brings the driver up, as long as that takes.
fn bring_up(
    machine: &Rc<Machine>,
    runtime: &tokio::runtime::Runtime,
    pool: &mut LocalPool,
    sources: Sources,
) -> Result<Driver<Running<HostBus, HostBus>>, String> {
    let bus = HostBus(Rc::clone(machine));
    let result = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&result);
    let task = async move {
        let driver = Driver::new(bus.clone(), bus.clone()).observed_by(bus);
        *slot.borrow_mut() = Some(driver.bring_up(&sources).await);
    };
    let spawned = pool.spawner().spawn_local(task);
    spawned.map_err(|error| error.to_string())?;
    let _context = runtime.enter();
    while machine.cycle() < START {
        pool.run_until_stalled();
        let driver = result.borrow_mut().take();
        if let Some(driver) = driver {
            return driver.map_err(|error: Error| error.to_string());
        }
        machine.step().map_err(|error| error.to_string())?;
    }
    Err(format!("the driver is not up in cycle {START}"))
}
