//! From reset to running, step by step along the register document (B4).

use std::fmt;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

use crate::allocations::Allocations;
use crate::bus::{BusAddress, DmaMemory, Registers};
use crate::command_queue::{self, CommandQueue};
use crate::driver::{Driver, Inner, reset};
use crate::error::{Error, PoolKind};
use crate::event_ring::{EVENT_BYTES, EventRing};
use crate::host::{Capabilities, Host};
use crate::observer::{NoObserver, Observer};
use crate::pool::{ALIGNMENT, Layout, Pool};
use crate::register_file::RegisterFile;
use crate::registers::{ADAPTER_IDENTITY, ADAPTER_VERSION, Field, field, offset};
use crate::settings::{AdapterDefaults, IndicateWindowSize, Settings, Sources, out_of_range};

/// A step of the bring-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Identify and reset the adapter, read its defaults, resolve the settings.
    LoadParameters,
    /// Allocate the Anonymous Buffer pool from the default window, the host-frame buffers and the event ring.
    AllocatePool,
    /// Tell the adapter the event ring and the sizes of buffers.
    InitialiseAdapter,
    /// Hand the adapter the pool and the window.
    HandOverPool,
    /// Enable interrupts and frames.
    MakeReady,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::LoadParameters => "load parameters",
            Self::AllocatePool => "allocate the pool",
            Self::InitialiseAdapter => "initialise the adapter",
            Self::HandOverPool => "hand over the pool and the window",
            Self::MakeReady => "make ready",
        })
    }
}

/// State of a [`Driver`] before bring-up.
pub struct Reset<R, M> {
    registers: R,
    memory: M,
    observer: Box<dyn Observer>,
}

/// State of a [`Driver`] after bring-up.
pub struct Running<R: Registers, M: DmaMemory> {
    pub(crate) inner: Rc<Inner<R, M>>,
}

impl<R: Registers, M: DmaMemory> Driver<Reset<R, M>> {
    /// A driver of the adapter behind `registers` that reaches `memory`. Nothing is touched yet.
    pub fn new(registers: R, memory: M) -> Self {
        let observer = Box::new(NoObserver);
        Self {
            state: Reset {
                registers,
                memory,
                observer,
            },
        }
    }

    /// With an observer of every event and command.
    pub fn observed_by(mut self, observer: impl Observer + 'static) -> Self {
        self.state.observer = Box::new(observer);
        self
    }

    /// Brings the adapter up (B4). A failure undoes the steps before and names its own: [`Error::BringUp`].
    pub async fn bring_up(self, sources: &Sources) -> Result<Driver<Running<R, M>>, Error> {
        let Reset {
            registers,
            memory,
            observer,
        } = self.state;
        let registers = RegisterFile::new(registers);
        let memory = Rc::new(memory);
        let mut allocations = Allocations::new(Rc::clone(&memory));
        let mut step = Step::LoadParameters;
        let brought_up = steps(
            &mut step,
            &registers,
            &memory,
            &mut allocations,
            observer,
            sources,
        );
        match brought_up.await {
            Ok((host, ring)) => Ok(Driver {
                state: Running {
                    inner: Rc::new(Inner {
                        registers,
                        host: Rc::new(host),
                        ring: Mutex::new(ring),
                        allocations: Mutex::new(allocations),
                    }),
                },
            }),
            Err(reason) => {
                // Only an adapter that is known, and to which something was told, has anything to undo. If it cannot
                // be reset, its memory stays allocated: better lost than written to by nobody knows whom.
                if step > Step::AllocatePool && reset(&registers).await.is_ok() {
                    allocations.free();
                }
                Err(Error::BringUp {
                    step,
                    reason: Box::new(reason),
                })
            }
        }
    }
}

/// The steps of B4. `step` is the one at work.
async fn steps<R: Registers, M: DmaMemory>(
    step: &mut Step,
    registers: &RegisterFile<R>,
    memory: &Rc<M>,
    allocations: &mut Allocations<M>,
    observer: Box<dyn Observer>,
    sources: &Sources,
) -> Result<(Host<M>, EventRing), Error> {
    *step = Step::LoadParameters;
    identify(registers).await?;
    reset(registers).await?;
    let connections = at_most(registers, offset::CONNECTIONS, 1 << 16).await?;
    let capabilities = Capabilities {
        connections,
        receive_ring_bytes: receive_ring_bytes(registers).await?,
        named_buffer_pages: registers.read(offset::NAMED_BUFFER_PAGES).await?,
    };
    let settings = load_parameters(registers, connections, sources).await?;
    let push_timer = match capabilities.named_buffer_pages {
        0 => None, // An adapter without Named Buffers has no Push Timer.
        _ => Some(push_timer_cycles(registers, settings.push_timer.value).await?),
    };
    let room = [
        field::BUFFER_ROOM_ANONYMOUS_BUFFERS,
        field::BUFFER_ROOM_HOST_FRAME_BUFFERS,
    ];
    let room = buffer_room(registers, room).await?;

    *step = Step::AllocatePool;
    let anonymous = allocate_buffers(allocations, PoolKind::Anonymous, &settings)?;
    let host_frame = allocate_buffers(allocations, PoolKind::HostFrame, &settings)?;
    let entries = settings.event_ring_entries.value;
    let ring_bytes = entries as usize * EVENT_BYTES;
    let ring = allocations.allocate(ring_bytes, ALIGNMENT as usize)?;
    memory.write(ring, &vec![0; ring_bytes]).await?; // No slot has the first turn's phase, 1.

    *step = Step::InitialiseAdapter;
    allocations.lend();
    for (register, value) in [
        (offset::EVENT_RING_ADDRESS_LOW, ring.low()),
        (offset::EVENT_RING_ADDRESS_HIGH, ring.high()),
        (offset::EVENT_RING_ENTRIES, entries),
        (offset::EVENT_CONSUMER, 0),
        (offset::ANONYMOUS_BUFFER_BYTES, anonymous.bytes),
        (offset::HOST_FRAME_BUFFER_BYTES, host_frame.bytes),
    ] {
        registers.write_and_check(register, value).await?;
    }
    if let Some(cycles) = push_timer {
        registers
            .write_and_check(offset::PUSH_TIMER_CYCLES, cycles)
            .await?;
    }

    *step = Step::HandOverPool;
    let window = settings.indicate_window_size.value.get();
    registers
        .write_and_check(offset::INDICATE_WINDOW_SIZE, window)
        .await?;
    let work = Rc::new(Notify::new());
    let pool = |layout: Layout, room| Rc::new(Pool::new(layout, room, Rc::clone(&work)));
    let pools = [pool(anonymous, room[0]), pool(host_frame, room[1])];
    let mut commands = CommandQueue::default();
    let mut grants = 0;
    for pool in &pools {
        // A fresh pool is one run of neighbours: two commands at most, so there is room for them.
        while let Some(grant) = pool.next_grant() {
            let command = grant.command();
            observer.command(&command);
            commands.count_sent();
            grants += 1;
            command_queue::commit(registers, &command).await?;
        }
    }

    *step = Step::MakeReady;
    let interrupt = field::INTERRUPT_ENABLE_EVENT.set(0, 1);
    registers
        .write_and_check(offset::INTERRUPT_ENABLE, interrupt)
        .await?;
    let enable = field::CONTROL_ENABLE.set(0, 1);
    registers.write_and_check(offset::CONTROL, enable).await?;

    let host = Host::new(
        Rc::clone(memory),
        settings,
        capabilities,
        pools,
        work,
        commands,
        observer,
    );
    host.count(|statistics| (statistics.commands, statistics.grants) = (grants, grants));
    Ok((host, EventRing::new(ring, entries)))
}

/// Makes sure that the adapter is one, of a map that this driver knows.
async fn identify<R: Registers>(registers: &RegisterFile<R>) -> Result<(), Error> {
    let found = registers.read(offset::IDENTITY).await?;
    if found != ADAPTER_IDENTITY {
        return Err(Error::OtherDevice {
            found,
            expected: ADAPTER_IDENTITY,
        });
    }
    let major = |version| field::VERSION_MAJOR.get(version);
    let version = registers.read(offset::VERSION).await?;
    if major(version) != major(ADAPTER_VERSION) {
        return Err(Error::OtherVersion {
            found: major(version),
            known: major(ADAPTER_VERSION),
        });
    }
    Ok(())
}

/// Reads a register that holds 1 to `most`.
async fn at_most<R: Registers>(
    registers: &RegisterFile<R>,
    offset: u32,
    most: u32,
) -> Result<u32, Error> {
    match registers.read(offset).await? {
        value if (1..=most).contains(&value) => Ok(value),
        value => Err(Error::Capability { offset, value }),
    }
}

/// Reads the adapter memory of a connection, a power of two.
async fn receive_ring_bytes<R: Registers>(registers: &RegisterFile<R>) -> Result<u32, Error> {
    let offset = offset::RECEIVE_RING_BYTES;
    match registers.read(offset).await? {
        value if value.is_power_of_two() => Ok(value),
        value => Err(Error::Capability { offset, value }),
    }
}

/// The Push Timer in cycles of the adapter's clock: the one setting for driver and adapter. Rounded up, so that the
/// adapter never is early.
async fn push_timer_cycles<R: Registers>(
    registers: &RegisterFile<R>,
    timer: Duration,
) -> Result<u32, Error> {
    let offset = offset::CLOCK_PERIOD_PICOSECONDS;
    let period = registers.read(offset).await?;
    if period == 0 {
        return Err(Error::Capability {
            offset,
            value: period,
        });
    }
    let picoseconds = timer.as_nanos() * 1000;
    u32::try_from(picoseconds.div_ceil(u128::from(period)).max(1)).map_err(|_| {
        let range = "too long for the adapter's count of clock cycles";
        out_of_range("push_timer_ms", timer.as_millis(), range).into()
    })
}

/// Reads how many buffers of each pool the adapter can hold.
async fn buffer_room<R: Registers>(
    registers: &RegisterFile<R>,
    fields: [Field; 2],
) -> Result<[u32; 2], Error> {
    let offset = offset::BUFFER_ROOM;
    let value = registers.read(offset).await?;
    let room = fields.map(|field| field.get(value));
    if room.contains(&0) {
        return Err(Error::Capability { offset, value });
    }
    Ok(room)
}

/// Reads the adapter's defaults and resolves the settings (B3).
async fn load_parameters<R: Registers>(
    registers: &RegisterFile<R>,
    connections: u32,
    sources: &Sources,
) -> Result<Settings, Error> {
    let window_at = async |offset| {
        let bytes = NonZeroU32::new(registers.read(offset).await?);
        Ok::<_, Error>(bytes.map(IndicateWindowSize::from))
    };
    let reset_window = window_at(offset::INDICATE_WINDOW_SIZE).await?;
    let defaults = AdapterDefaults {
        connections,
        nvram_indicate_window_size: window_at(offset::NVRAM_INDICATE_WINDOW_SIZE).await?,
        reset_indicate_window_size: reset_window.ok_or(Error::Capability {
            offset: offset::INDICATE_WINDOW_SIZE,
            value: 0,
        })?,
        anonymous_buffer_bytes: at_most(registers, offset::ANONYMOUS_BUFFER_BYTES, 65_535).await?,
        host_frame_buffer_bytes: at_most(registers, offset::HOST_FRAME_BUFFER_BYTES, 65_535)
            .await?,
    };
    Ok(sources.resolve(&defaults)?)
}

/// Allocates the buffers of a pool, one after the other.
fn allocate_buffers<M: DmaMemory>(
    allocations: &mut Allocations<M>,
    kind: PoolKind,
    settings: &Settings,
) -> Result<Layout, Error> {
    let (bytes, count) = match kind {
        PoolKind::Anonymous => (
            &settings.anonymous_buffer_bytes,
            &settings.anonymous_buffers,
        ),
        PoolKind::HostFrame => (
            &settings.host_frame_buffer_bytes,
            &settings.host_frame_buffers,
        ),
    };
    let (bytes, count) = (bytes.value, count.value);
    let pool_bytes = Layout::stride(bytes) as usize * count as usize;
    let first: BusAddress = allocations.allocate(pool_bytes, ALIGNMENT as usize)?;
    Ok(Layout {
        kind,
        first,
        bytes,
        count,
    })
}
