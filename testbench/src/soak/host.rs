//! The host's side of the real adapter: the driver's two traits, and what the buses show to the models.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use toe_driver::registers::{Command, Event, ReturnReason, offset};
use toe_driver::{BusAddress, BusError, DmaMemory, Observer, Reason, Registers, RequestId};
use toe_sim::adapter::{Adapter, AdapterFault, AdapterModel, BusCycle};
use toe_sim::register_port::Access;

use super::clock;
use super::run::Observation;
use crate::model::{DriverSeen, Seen};
use crate::world::heap::Heap;

/// What was seen, each with its cycle.
pub(super) type Notes = RefCell<Vec<(u64, Observation)>>;

/// The adapter, the memory around it, and who waits for it.
pub(super) struct Machine {
    pub adapter: RefCell<Adapter<Box<dyn AdapterModel>>>,
    heap: RefCell<Heap>,
    /// Register accesses that a stall holds back, and until when.
    held: RefCell<VecDeque<Access>>,
    held_until: Cell<u64>,
    next_read: Cell<u64>,
    reads: RefCell<HashMap<u64, Result<u32, u8>>>,
    read_wakers: RefCell<HashMap<u64, Waker>>,
    interrupt_seen: Cell<bool>,
    interrupt_waker: RefCell<Option<Waker>>,
    ring: Cell<(u64, u64)>,
    bursts: RefCell<Bursts>,
    pub notes: Notes,
    /// Requests that were complete as soon as they were posted.
    at_once: RefCell<Vec<(RequestId, Reason)>>,
    /// Connection and name of each open request.
    pub requests: RefCell<HashMap<RequestId, (u16, u64)>>,
    /// Cycle of the last movement on any bus.
    pub moved: Cell<u64>,
}

/// Write bursts whose address or data are still to come.
#[derive(Default)]
struct Bursts {
    addresses: VecDeque<(u64, u32)>,
    beats: VecDeque<(u64, u8, bool)>,
    /// Bytes of the current burst that lie together.
    run: Option<(u64, Vec<u8>)>,
    done: u32,
}

impl Machine {
    pub fn new(adapter: Adapter<Box<dyn AdapterModel>>) -> Rc<Self> {
        let (base, size) = (adapter.memory.base(), adapter.memory.size() as u64);
        Rc::new(Machine {
            adapter: RefCell::new(adapter),
            heap: RefCell::new(Heap::new(base, size)),
            held: RefCell::default(),
            held_until: Cell::new(0),
            next_read: Cell::new(0),
            reads: RefCell::default(),
            read_wakers: RefCell::default(),
            interrupt_seen: Cell::new(false),
            interrupt_waker: RefCell::default(),
            ring: Cell::new((0, 0)),
            bursts: RefCell::default(),
            notes: RefCell::default(),
            at_once: RefCell::default(),
            requests: RefCell::default(),
            moved: Cell::new(0),
        })
    }

    pub fn cycle(&self) -> u64 {
        self.adapter.borrow().cycle()
    }

    pub fn note(&self, observation: Observation) {
        let cycle = self.cycle();
        self.notes.borrow_mut().push((cycle, observation));
    }

    /// A request was posted, and noted.
    pub fn posted(&self, id: RequestId, connection: u16, name: u64) {
        let entry = (connection, name);
        self.requests.borrow_mut().insert(id, entry);
        for (id, reason) in self.at_once.take() {
            self.completed(id, reason);
        }
    }

    fn completed(&self, id: RequestId, reason: Reason) {
        let code = match reason {
            Reason::Full | Reason::DataQueued => ReturnReason::Full,
            Reason::Push => ReturnReason::Push,
            Reason::Timeout => ReturnReason::Timeout,
            Reason::Cancelled => ReturnReason::Cancelled,
            Reason::Ended => ReturnReason::Ended,
        };
        let known = self.requests.borrow_mut().remove(&id);
        match known {
            Some((connection, request)) => {
                self.note(Observation::Driver(DriverSeen::Complete {
                    connection,
                    request,
                    data: Vec::new(), // Entered when the application takes it, in this turn.
                    reason: code,
                }));
            }
            None => self.at_once.borrow_mut().push((id, reason)),
        }
    }

    /// Enters the bytes of a completion that was noted in this turn.
    pub fn complete(&self, name: u64, bytes: Vec<u8>) {
        for (_, seen) in self.notes.borrow_mut().iter_mut().rev() {
            if let Observation::Driver(DriverSeen::Complete { request, data, .. }) = seen
                && *request == name
            {
                *data = bytes;
                return;
            }
        }
    }

    pub fn stall_registers(&self, cycles: u64) {
        self.held_until.set(self.cycle() + cycles);
    }

    /// One clock. True when a task has something to do.
    pub fn step(&self) -> Result<bool, AdapterFault> {
        let mut adapter = self.adapter.borrow_mut();
        if !self.held.borrow().is_empty() && adapter.cycle() >= self.held_until.get() {
            for access in self.held.borrow_mut().drain(..) {
                adapter.push_access(access);
            }
        }
        let bus = adapter.step()?;
        let cycle = adapter.cycle();
        let mut woken = false;
        while let Some((tag, value)) = adapter.take_read() {
            self.reads.borrow_mut().insert(tag, value);
            if let Some(waker) = self.read_wakers.borrow_mut().remove(&tag) {
                waker.wake();
            }
            woken = true;
        }
        let quiet = self.held.borrow().is_empty();
        if quiet && self.interrupt_waker.borrow().is_some() && adapter.interrupt() {
            self.interrupt_seen.set(true);
            if let Some(waker) = self.interrupt_waker.borrow_mut().take() {
                waker.wake();
            }
            woken = true;
        }
        if bus.frame.valid || bus.request.aw_valid || bus.request.w_valid || bus.answer.b_valid {
            self.moved.set(cycle);
        }
        if woken || !quiet {
            self.moved.set(cycle);
        }
        self.watch(cycle, &bus);
        Ok(woken)
    }

    /// Notes what one cycle of the write port carried.
    fn watch(&self, cycle: u64, bus: &BusCycle) {
        let (request, answer) = (&bus.request, &bus.answer);
        let mut bursts = self.bursts.borrow_mut();
        if request.aw_valid && answer.aw_ready {
            let burst = (request.aw_address & !7, u32::from(request.aw_length) + 1);
            bursts.addresses.push_back(burst);
        }
        if request.w_valid && answer.w_ready {
            let beat = (request.w_data, request.w_strobe, request.w_last);
            bursts.beats.push_back(beat);
        }
        while let Some(&(start, beats)) = bursts.addresses.front() {
            let Some((data, strobe, _)) = bursts.beats.pop_front() else {
                break;
            };
            let address = start + 8 * u64::from(bursts.done);
            bursts.done += 1;
            let (ring, entries) = self.ring.get();
            if (ring..ring + 8 * entries).contains(&address) {
                if let Ok(event) = Event::try_from(data) {
                    let seen = Observation::Adapter(Seen::Event(event));
                    self.notes.borrow_mut().push((cycle, seen));
                }
            } else {
                self.enter(cycle, &mut bursts, address, data, strobe);
            }
            if bursts.done == beats {
                bursts.addresses.pop_front();
                bursts.done = 0;
                self.flush(cycle, &mut bursts);
            }
        }
    }

    fn enter(&self, cycle: u64, bursts: &mut Bursts, address: u64, data: u64, strobe: u8) {
        for (lane, byte) in data.to_le_bytes().into_iter().enumerate() {
            if strobe >> lane & 1 == 0 {
                continue;
            }
            let at = address + lane as u64;
            let end = |run: &(u64, Vec<u8>)| run.0 + run.1.len() as u64;
            if bursts.run.as_ref().is_some_and(|run| end(run) != at) {
                self.flush(cycle, bursts);
            }
            let run = bursts.run.get_or_insert_with(|| (at, Vec::new()));
            run.1.push(byte);
        }
    }

    fn flush(&self, cycle: u64, bursts: &mut Bursts) {
        if let Some((address, bytes)) = bursts.run.take() {
            let seen = Observation::Adapter(Seen::Write { address, bytes });
            self.notes.borrow_mut().push((cycle, seen));
        }
    }

    fn push(&self, access: Access) {
        let mut adapter = self.adapter.borrow_mut();
        let mut held = self.held.borrow_mut();
        if held.is_empty() && adapter.cycle() >= self.held_until.get() {
            adapter.push_access(access);
        } else {
            held.push_back(access);
        }
        self.moved.set(adapter.cycle());
    }
}

/// The host's way to the adapter.
#[derive(Clone)]
pub(super) struct HostBus(pub Rc<Machine>);

impl Registers for HostBus {
    async fn read(&self, offset: u32) -> Result<u32, BusError> {
        let tag = self.0.next_read.get();
        self.0.next_read.set(tag + 1);
        self.0.push(Access::Read { offset, tag });
        let value = poll_fn(|context| match self.0.reads.borrow_mut().remove(&tag) {
            Some(value) => Poll::Ready(value),
            None => {
                let waker = context.waker().clone();
                self.0.read_wakers.borrow_mut().insert(tag, waker);
                Poll::Pending
            }
        });
        let value = value.await.map(|value| match offset {
            offset::CLOCK_PERIOD_PICOSECONDS => clock::PERIOD_PICOSECONDS,
            _ => value,
        });
        value.map_err(|response| BusError::Response { offset, response })
    }

    async fn write(&self, offset: u32, value: u32) -> Result<(), BusError> {
        let (base, entries) = self.0.ring.get();
        self.0.ring.set(match offset {
            offset::EVENT_RING_ADDRESS_LOW => (base & !0xffff_ffff | u64::from(value), entries),
            offset::EVENT_RING_ADDRESS_HIGH => {
                (base & 0xffff_ffff | u64::from(value) << 32, entries)
            }
            offset::EVENT_RING_ENTRIES => (base, value.into()),
            _ => (base, entries),
        });
        self.0.push(Access::Write { offset, value });
        Ok(())
    }

    async fn interrupt(&self) {
        poll_fn(|context| {
            if self.0.interrupt_seen.replace(false) {
                return Poll::Ready(());
            }
            *self.0.interrupt_waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl DmaMemory for HostBus {
    fn allocate(&self, bytes: usize, alignment: usize) -> Result<BusAddress, BusError> {
        let mut heap = self.0.heap.borrow_mut();
        let address = heap.allocate(bytes as u64, alignment as u64);
        let address = address.ok_or(BusError::OutOfMemory { bytes, alignment })?;
        let mut adapter = self.0.adapter.borrow_mut();
        if let Some(block) = adapter.memory.slice_mut(address, bytes) {
            block.fill(0);
        }
        Ok(BusAddress::new(address))
    }

    fn free(&self, address: BusAddress) {
        self.0.heap.borrow_mut().release(address.get());
    }

    async fn read(&self, address: BusAddress, into: &mut [u8]) -> Result<(), BusError> {
        let bytes = into.len();
        let adapter = self.0.adapter.borrow();
        let from = adapter.memory.slice(address.get(), bytes);
        into.copy_from_slice(from.ok_or(BusError::NotAllocated { address, bytes })?);
        Ok(())
    }

    async fn write(&self, address: BusAddress, from: &[u8]) -> Result<(), BusError> {
        let bytes = from.len();
        let mut adapter = self.0.adapter.borrow_mut();
        let into = adapter.memory.slice_mut(address.get(), bytes);
        into.ok_or(BusError::NotAllocated { address, bytes })?
            .copy_from_slice(from);
        Ok(())
    }
}

impl Observer for HostBus {
    fn event(&self, _: u32, event: &Event, _: Option<BusAddress>) {
        self.0.note(Observation::Driver(DriverSeen::Event(*event)));
    }

    fn command(&self, command: &Command) {
        self.0.note(Observation::Adapter(Seen::Taken(*command)));
        let seen = DriverSeen::Command(*command);
        self.0.note(Observation::Driver(seen));
    }

    fn completed(&self, request: RequestId, _: u64, reason: Reason) {
        self.0.completed(request, reason);
    }
}
