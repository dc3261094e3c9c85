//! Simulated time: who runs when.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use toe_sim::adapter::{Adapter, AdapterFault, AdapterModel, CYCLE_PICOSECONDS, Pause};

use super::heap::Heap;
use super::scoreboard::Scoreboard;
use super::scoreboard_fault::ScoreboardFault;

/// Why a run of the world ended before its main task.
#[derive(Debug, thiserror::Error)]
pub enum WorldFault {
    /// The adapter's model stopped or broke a rule on a bus.
    #[error(transparent)]
    Adapter(#[from] AdapterFault),
    /// The scoreboard saw a wrong byte, window or event.
    #[error("in cycle {cycle}: {fault}")]
    Scoreboard {
        /// Clock cycle.
        cycle: u64,
        /// What was wrong.
        fault: ScoreboardFault,
    },
    /// Nothing moved for a long simulated time though the main task was not done.
    #[error("nothing moved for {seconds} simulated seconds up to cycle {cycle}: {waiting}")]
    Stuck {
        /// Clock cycle.
        cycle: u64,
        /// Simulated seconds.
        seconds: u64,
        /// What was still to be done, as far as the world knows.
        waiting: String,
    },
    /// The executor could not be made.
    #[error("cannot make the executor: {0}")]
    Executor(#[from] std::io::Error),
}

/// Simulated time of `cycles` clock cycles, in nanoseconds.
pub fn cycles_to_nanoseconds(cycles: u64) -> u64 {
    (u128::from(cycles) * u128::from(CYCLE_PICOSECONDS) / 1000) as u64
}

/// Clock cycles that cover `nanoseconds`, rounded up.
pub fn nanoseconds_to_cycles(nanoseconds: u64) -> u64 {
    (u128::from(nanoseconds) * 1000).div_ceil(u128::from(CYCLE_PICOSECONDS)) as u64
}

/// Simulated seconds without any movement after which a run is given up.
const STUCK_SECONDS: u64 = 30;

/// Told the cycles so far and the frames taken.
type ProgressReport = Box<dyn FnMut(u64, u64)>;

/// Cycles run at most before the tasks are polled again and progress is reported.
const SLICE_CYCLES: u64 = 65_536;

pub(super) struct Inner<M> {
    pub(super) adapter: RefCell<Adapter<M>>,
    pub(super) heap: RefCell<Heap>,
    pub(super) scoreboard: RefCell<Scoreboard>,
    sleepers: RefCell<BinaryHeap<Reverse<(u64, u64)>>>,
    sleeper_wakers: RefCell<HashMap<u64, Option<Waker>>>,
    next_sleeper: Cell<u64>,
    pub(super) next_read: Cell<u64>,
    pub(super) read_results: RefCell<HashMap<u64, Result<u32, u8>>>,
    pub(super) read_wakers: RefCell<HashMap<u64, Waker>>,
    pub(super) interrupt_waker: RefCell<Option<Waker>>,
    pub(super) interrupt_seen: Cell<bool>,
    interrupt_latency: Cell<u64>,
    copy_bytes_per_cycle: Cell<u64>,
    frames_wanted: Cell<usize>,
    frames_waker: RefCell<Option<Waker>>,
    spawner: RefCell<Option<futures::executor::LocalSpawner>>,
    progress: RefCell<Option<ProgressReport>>,
}

/// One adapter and the time it lives in. Clones are handles to the same world.
pub struct World<M> {
    pub(super) inner: Rc<Inner<M>>,
}

impl<M> Clone for World<M> {
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<M: AdapterModel + 'static> World<M> {
    /// A world around `adapter`, checked by `scoreboard`.
    pub fn new(adapter: Adapter<M>, scoreboard: Scoreboard) -> Self {
        let heap = Heap::new(adapter.memory.base(), adapter.memory.size() as u64);
        Self {
            inner: Rc::new(Inner {
                adapter: RefCell::new(adapter),
                heap: RefCell::new(heap),
                scoreboard: RefCell::new(scoreboard),
                sleepers: RefCell::default(),
                sleeper_wakers: RefCell::default(),
                next_sleeper: Cell::new(0),
                next_read: Cell::new(0),
                read_results: RefCell::default(),
                read_wakers: RefCell::default(),
                interrupt_waker: RefCell::default(),
                interrupt_seen: Cell::new(false),
                interrupt_latency: Cell::new(0),
                copy_bytes_per_cycle: Cell::new(0),
                frames_wanted: Cell::new(0),
                frames_waker: RefCell::default(),
                spawner: RefCell::default(),
                progress: RefCell::default(),
            }),
        }
    }

    /// Clock cycles from the interrupt line to the driver's wake-up; 0 until set.
    pub fn set_interrupt_latency(&self, cycles: u64) {
        self.inner.interrupt_latency.set(cycles);
    }

    /// Bytes that the host's processor copies in a clock cycle; 0, until set, when a copy takes no time. At 16 it copies
    /// 2.5 GB/s. The driver's other work goes on meanwhile, as on another processor.
    pub fn set_copy_speed(&self, bytes_per_cycle: u64) {
        self.inner.copy_bytes_per_cycle.set(bytes_per_cycle);
    }

    /// The processor copies `bytes` bytes to `address`: so long does it take.
    pub(super) async fn copy(&self, address: u64, bytes: usize) {
        let speed = self.inner.copy_bytes_per_cycle.get();
        if speed == 0 {
            return;
        }
        let cycles = (bytes as u64).div_ceil(speed);
        {
            let mut adapter = self.adapter();
            adapter.begin_copy(address);
            adapter.keep_awake(cycles); // So that a waveform shows all of it.
        }
        self.sleep(cycles).await;
        self.adapter().end_copy(address);
    }

    /// Calls `report` with the cycle and the frames sent, now and then.
    pub fn on_progress(&self, report: impl FnMut(u64, u64) + 'static) {
        *self.inner.progress.borrow_mut() = Some(Box::new(report));
    }

    /// The current clock cycle.
    pub fn cycle(&self) -> u64 {
        self.inner.adapter.borrow().cycle()
    }

    /// The adapter, to look at or to feed between clocks.
    ///
    /// # Panics
    /// When held across an `.await`.
    pub fn adapter(&self) -> std::cell::RefMut<'_, Adapter<M>> {
        self.inner.adapter.borrow_mut()
    }

    /// The scoreboard.
    ///
    /// # Panics
    /// When held across an `.await`.
    pub fn scoreboard(&self) -> std::cell::RefMut<'_, Scoreboard> {
        self.inner.scoreboard.borrow_mut()
    }

    /// Runs `task` beside the others. Only inside [`World::run`].
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let spawner = self.inner.spawner.borrow();
        let spawner = spawner
            .as_ref()
            .expect("World::spawn is called inside World::run");
        spawner
            .spawn_local(task)
            .expect("the executor outlives its tasks");
    }

    /// Waits for `cycles` clock cycles; 0 returns at once.
    pub async fn sleep(&self, cycles: u64) {
        self.sleep_until(self.cycle() + cycles).await;
    }

    /// Waits for clock cycle `cycle`.
    pub async fn sleep_until(&self, cycle: u64) {
        if cycle <= self.cycle() {
            return;
        }
        let id = self.inner.next_sleeper.get();
        self.inner.next_sleeper.set(id + 1);
        self.inner.sleepers.borrow_mut().push(Reverse((cycle, id)));
        self.inner.sleeper_wakers.borrow_mut().insert(id, None);
        std::future::poll_fn(
            |context| match self.inner.sleeper_wakers.borrow_mut().get_mut(&id) {
                Some(waker) => {
                    *waker = Some(context.waker().clone());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            },
        )
        .await;
    }

    /// Waits until fewer than `count` frames are queued at the adapter. One task at a time.
    pub async fn frames_below(&self, count: usize) {
        std::future::poll_fn(|context| {
            if self.inner.adapter.borrow().frames_queued() < count {
                self.inner.frames_wanted.set(0);
                Poll::Ready(())
            } else {
                self.inner.frames_wanted.set(count);
                *self.inner.frames_waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }

    /// Runs `main`, and whatever it spawns, to its end.
    ///
    /// # Errors
    /// When the adapter or the scoreboard found a fault first, or nothing moves any more.
    pub fn run<T: 'static>(
        &self,
        main: impl Future<Output = T> + 'static,
    ) -> Result<T, WorldFault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let _context = runtime.enter();
        let mut pool = LocalPool::new();
        *self.inner.spawner.borrow_mut() = Some(pool.spawner());
        let result: Rc<RefCell<Option<T>>> = Rc::default();
        let slot = Rc::clone(&result);
        self.spawn(async move {
            let output = main.await;
            *slot.borrow_mut() = Some(output);
        });
        let mut clock = Clock {
            cycle: self.cycle(),
            stuck_since: self.cycle(),
        };
        let outcome = loop {
            pool.run_until_stalled();
            if let Some(output) = result.borrow_mut().take() {
                break Ok(output);
            }
            if let Err(fault) = self.advance(&mut clock) {
                break Err(fault);
            }
            let nanoseconds =
                cycles_to_nanoseconds(self.cycle()) - cycles_to_nanoseconds(clock.cycle);
            clock.cycle = self.cycle();
            if nanoseconds > 0 {
                runtime.block_on(tokio::time::advance(Duration::from_nanos(nanoseconds)));
            }
        };
        self.inner.spawner.borrow_mut().take();
        outcome
    }

    /// Clocks the adapter until a task has something to do.
    fn advance(&self, clock: &mut Clock) -> Result<(), WorldFault> {
        let inner = &*self.inner;
        loop {
            let now = self.cycle();
            let due = inner
                .sleepers
                .borrow()
                .peek()
                .map(|Reverse((cycle, _))| *cycle);
            if due.is_some_and(|due| due <= now) {
                self.wake_sleepers(now);
                self.check_stuck(clock)?;
                return Ok(());
            }
            let limit = due.unwrap_or(u64::MAX).min(now + SLICE_CYCLES);
            let interrupt = inner.interrupt_waker.borrow().is_some();
            let pause =
                inner
                    .adapter
                    .borrow_mut()
                    .run(limit, interrupt, inner.frames_wanted.get())?;
            match pause {
                Pause::Watched => {
                    clock.stuck_since = now;
                    self.score()?;
                }
                Pause::Read => {
                    self.finish_reads();
                    return Ok(());
                }
                Pause::Interrupt => {
                    self.raise_interrupt()?;
                    return Ok(());
                }
                Pause::FramesLow => {
                    inner.frames_wanted.set(0);
                    clock.stuck_since = self.cycle();
                    wake(&inner.frames_waker);
                    return Ok(());
                }
                Pause::Limit => {
                    self.report_progress();
                    self.check_stuck(clock)?;
                    if due != Some(self.cycle()) {
                        return Ok(());
                    }
                }
                Pause::Idle => {
                    self.skip_idle(due);
                    self.check_stuck(clock)?;
                    if due != Some(self.cycle()) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Time passes without clocks: to the next sleeper, or by a millisecond, the grain of tokio's timers. While a Push Timer
    /// of the adapter runs, it passes with them.
    fn skip_idle(&self, due: Option<u64>) {
        let now = self.cycle();
        let millisecond = nanoseconds_to_cycles(1_000_000);
        {
            let mut adapter = self.inner.adapter.borrow_mut();
            if self.inner.scoreboard.borrow().is_timing(&adapter.memory) {
                adapter.keep_awake(millisecond); // Its clock is the timer's.
                return;
            }
        }
        let to = due.map_or(now + millisecond, |due| due.min(now + millisecond));
        self.inner.adapter.borrow_mut().skip(to - now);
    }

    fn check_stuck(&self, clock: &Clock) -> Result<(), WorldFault> {
        let cycle = self.cycle();
        let seconds = cycles_to_nanoseconds(cycle - clock.stuck_since) / 1_000_000_000;
        if seconds < STUCK_SECONDS {
            return Ok(());
        }
        let waiting = self.inner.scoreboard.borrow().waiting();
        Err(WorldFault::Stuck {
            cycle,
            seconds,
            waiting,
        })
    }

    fn wake_sleepers(&self, now: u64) {
        let mut sleepers = self.inner.sleepers.borrow_mut();
        while let Some(&Reverse((cycle, id))) = sleepers.peek() {
            if cycle > now {
                break;
            }
            sleepers.pop();
            if let Some(Some(waker)) = self.inner.sleeper_wakers.borrow_mut().remove(&id) {
                waker.wake();
            }
        }
    }

    fn finish_reads(&self) {
        let mut adapter = self.inner.adapter.borrow_mut();
        while let Some((tag, value)) = adapter.take_read() {
            self.inner.read_results.borrow_mut().insert(tag, value);
            if let Some(waker) = self.inner.read_wakers.borrow_mut().remove(&tag) {
                waker.wake();
            }
        }
    }

    fn raise_interrupt(&self) -> Result<(), WorldFault> {
        let inner = &*self.inner;
        let until = self.cycle() + inner.interrupt_latency.get();
        while self.cycle() < until {
            let limit = until;
            let pause = inner.adapter.borrow_mut().run(limit, false, 0)?;
            match pause {
                Pause::Watched => self.score()?,
                Pause::Read => self.finish_reads(),
                Pause::Idle => {
                    let rest = until - self.cycle();
                    inner.adapter.borrow_mut().skip(rest);
                }
                _ => {}
            }
        }
        inner.interrupt_seen.set(true);
        wake(&inner.interrupt_waker);
        Ok(())
    }

    fn score(&self) -> Result<(), WorldFault> {
        let mut adapter = self.inner.adapter.borrow_mut();
        let mut scoreboard = self.inner.scoreboard.borrow_mut();
        let cycle = adapter.cycle();
        while let Some(write) = adapter.memory.take_watched() {
            scoreboard
                .event(cycle, write, &mut adapter.memory)
                .map_err(|fault| WorldFault::Scoreboard { cycle, fault })?;
        }
        Ok(())
    }

    fn report_progress(&self) {
        if let Some(report) = self.inner.progress.borrow_mut().as_mut() {
            let adapter = self.inner.adapter.borrow();
            report(adapter.cycle(), adapter.frames_sent());
        }
    }
}

/// What the clock loop keeps between polls of the tasks.
struct Clock {
    /// Cycle up to which tokio's time was advanced.
    cycle: u64,
    /// Cycle of the last movement.
    stuck_since: u64,
}

fn wake(slot: &RefCell<Option<Waker>>) {
    if let Some(waker) = slot.borrow_mut().take() {
        waker.wake();
    }
}
