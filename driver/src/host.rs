//! What the main loop, the connections and the receivers of host frames share: the driver's memory of everything,
//! and what each event does to it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bus::DmaMemory;
use crate::command_queue::CommandQueue;
use crate::connection_table::ConnectionTable;
use crate::context::{Context, DataEvent, Phase};
use crate::error::Error;
use crate::number::ConnectionId;
use crate::observer::Observer;
use crate::pool::{Buffer, Pool};
use crate::receiver::Receivers;
use crate::registers::{Command, Event, Refusal, event_commands_taken};
use crate::settings::{Policy, Settings};
use crate::statistics::DriverStatistics;
use crate::wakers::Wakers;

/// A connection's context and those who look at it.
pub(crate) type SharedContext = Rc<RefCell<Context>>;

/// An answer that the adapter owes.
struct Owed {
    by: Instant,
    command: &'static str,
    context: SharedContext,
    until: Until,
}

/// What an answer changes.
enum Until {
    /// The connection leaves this phase.
    Leaves(Phase),
    /// So many cancels are answered.
    CancelsAnswered(u64),
}

impl Owed {
    fn is_answered(&self) -> bool {
        let context = self.context.borrow();
        match self.until {
            Until::Leaves(phase) => context.phase != phase,
            Until::CancelsAnswered(cancels) => context.cancels_answered >= cancels,
        }
    }
}

/// What the adapter can do, as it said at bring-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capabilities {
    pub connections: u32,
    pub receive_ring_bytes: u32,
    /// Pages of Named Buffers for each connection.
    pub named_buffer_pages: u32,
}

/// The driver's side of everything that does not need the registers.
pub(crate) struct Host<M: DmaMemory> {
    pub memory: Rc<M>,
    pub settings: Settings,
    pub capabilities: Capabilities,
    pub anonymous: Rc<Pool>,
    pub host_frame: Rc<Pool>,
    pub observer: Box<dyn Observer>,
    pub statistics: Cell<DriverStatistics>,
    pub connections: RefCell<ConnectionTable>,
    pub receivers: Receivers<M>,
    commands: RefCell<CommandQueue>,
    /// Told when a command may be sent: one is queued, room came, a buffer came back.
    work: Rc<Notify>,
    owed: RefCell<VecDeque<Owed>>,
    owed_changed: Notify,
    frames: RefCell<VecDeque<Rc<Buffer>>>,
    frame_wakers: RefCell<Wakers>,
    stopped: RefCell<Option<Error>>,
    stopping: Notify,
}

impl<M: DmaMemory> Host<M> {
    pub fn new(
        memory: Rc<M>,
        settings: Settings,
        capabilities: Capabilities,
        pools: [Rc<Pool>; 2],
        work: Rc<Notify>,
        commands: CommandQueue,
        observer: Box<dyn Observer>,
    ) -> Self {
        let [anonymous, host_frame] = pools;
        Self {
            memory,
            settings,
            anonymous,
            host_frame,
            observer,
            statistics: Cell::default(),
            connections: RefCell::new(ConnectionTable::new(capabilities.connections)),
            capabilities,
            receivers: Receivers::default(),
            commands: RefCell::new(commands),
            work,
            owed: RefCell::default(),
            owed_changed: Notify::new(),
            frames: RefCell::default(),
            frame_wakers: RefCell::default(),
            stopped: RefCell::default(),
            stopping: Notify::new(),
        }
    }

    /// Changes the counts.
    pub fn count(&self, change: impl FnOnce(&mut DriverStatistics)) {
        let mut statistics = self.statistics.get();
        change(&mut statistics);
        self.statistics.set(statistics);
    }

    // ------------------------------------------------------------ stopping

    /// Whether the driver still runs; else why not.
    pub fn check_running(&self) -> Result<(), Error> {
        match &*self.stopped.borrow() {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    /// Stops everything: every wait and every later call ends with `error`, or with the one that stopped it before.
    pub fn stop(&self, error: Error) -> Error {
        let first = self.stopped.borrow_mut().get_or_insert(error).clone();
        for context in self.connections.borrow().all() {
            let mut context = context.borrow_mut();
            context.stopped = true;
            context.wakers.wake();
        }
        self.frame_wakers.borrow_mut().wake();
        self.stopping.notify_one();
        first
    }

    /// Resolves when the driver stops.
    pub async fn stopped(&self) -> Error {
        loop {
            if let Err(error) = self.check_running() {
                return error;
            }
            self.stopping.notified().await;
        }
    }

    // ------------------------------------------------------------ commands

    /// Queues a command for the adapter.
    pub fn send(&self, command: Command) {
        self.commands.borrow_mut().push(command);
        self.work.notify_one();
    }

    /// Queues an upload and remembers that it is to be answered.
    pub fn send_upload(&self, context: &SharedContext, command: Option<Command>) {
        let Some(command) = command else { return };
        self.send(command);
        self.owe("upload", context, Phase::Uploading);
        self.act(context);
    }

    /// The next command to commit: waits until there is one and room for it. Buffers that came back go first, as
    /// without them nothing is delivered.
    pub async fn next_command(&self) -> Result<Command, Error> {
        let mut stuck_since = None;
        loop {
            let wait = {
                let mut commands = self.commands.borrow_mut();
                if commands.has_room() {
                    let grant = self
                        .anonymous
                        .next_grant()
                        .or_else(|| self.host_frame.next_grant());
                    if grant.is_some() {
                        self.count(|statistics| statistics.grants += 1);
                    }
                    let next = grant
                        .map(|grant| grant.command())
                        .or_else(|| commands.pop());
                    if let Some(command) = next {
                        commands.count_sent();
                        return Ok(command);
                    }
                    None
                } else {
                    let since = *stuck_since.get_or_insert_with(Instant::now);
                    Some((since, commands.in_flight()))
                }
            };
            let Some((since, in_flight)) = wait else {
                stuck_since = None;
                self.work.notified().await; // No deadline: there is nothing to send.
                continue;
            };
            let waited = self.settings.answer_deadline.value;
            let room = self.work.notified();
            if tokio::time::timeout_at(since + waited, room).await.is_err() {
                return Err(Error::CommandQueueStuck { waited, in_flight });
            }
        }
    }

    // ------------------------------------------------------------ answers owed

    /// From now on the adapter owes an answer that takes `context` out of the phase `while_in`.
    pub fn owe(&self, command: &'static str, context: &SharedContext, while_in: Phase) {
        self.owe_until(command, context, Until::Leaves(while_in));
    }

    /// From now on the adapter owes the answer to cancel number `cancels` of `context`.
    pub fn owe_cancel(&self, context: &SharedContext, cancels: u64) {
        self.owe_until(
            "cancel_named_buffer",
            context,
            Until::CancelsAnswered(cancels),
        );
    }

    fn owe_until(&self, command: &'static str, context: &SharedContext, until: Until) {
        self.owed.borrow_mut().push_back(Owed {
            by: Instant::now() + self.deadline(),
            command,
            context: Rc::clone(context),
            until,
        });
        self.owed_changed.notify_one();
    }

    /// Pages of Named Buffers that a connection may have with the adapter.
    pub fn pages_for_adapter(&self) -> u32 {
        match self.settings.policy.value {
            Policy::Copy => 0, // Everything is copied (B51).
            Policy::Indicate | Policy::HoldOff => self.capabilities.named_buffer_pages,
        }
    }

    /// Counts a call of the application that is refused.
    pub fn refused(&self, context: &SharedContext, error: Error) -> Error {
        context.borrow_mut().statistics.refused_calls += 1;
        self.count(|statistics| statistics.refused_calls += 1);
        error
    }

    /// How long the driver waits for an answer.
    pub fn deadline(&self) -> Duration {
        self.settings.answer_deadline.value
    }

    /// Resolves when an answer is overdue.
    pub async fn overdue(&self) -> Error {
        loop {
            let next = {
                let mut owed = self.owed.borrow_mut();
                owed.retain(|owed| !owed.is_answered());
                match owed.front() {
                    Some(owed) if owed.by <= Instant::now() => {
                        return self.no_answer(owed.command, owed.context.borrow().id);
                    }
                    first => first.map(|owed| owed.by), // All wait equally long: the first is due first.
                }
            };
            let changed = self.owed_changed.notified();
            match next {
                None => changed.await,
                Some(by) => drop(tokio::time::timeout_at(by, changed).await), // Either way, look again.
            }
        }
    }

    /// The error of an answer that did not come.
    pub fn no_answer(&self, command: &'static str, connection: ConnectionId) -> Error {
        Error::NoAnswer {
            command,
            connection,
            waited: self.deadline(),
        }
    }

    // ------------------------------------------------------------ events

    /// Acts on event `number`. Nothing is believed: an event that the adapter cannot have sent is an error.
    pub fn act_on(&self, number: u32, word: u64) -> Result<(), Error> {
        let event = Event::try_from(word).map_err(|reason| Error::MeaninglessEvent {
            number,
            word,
            reason,
        })?;
        self.commands
            .borrow_mut()
            .count_taken(number, event_commands_taken(word))?;
        let buffer = match event {
            Event::IndicateData { buffer, length, .. }
            | Event::UploadData { buffer, length, .. } => {
                Some(self.anonymous.take(buffer, u32::from(length))?)
            }
            Event::HostFrame { buffer, length } => {
                Some(self.host_frame.take(buffer, u32::from(length))?)
            }
            _ => None,
        };
        let address = buffer.as_ref().map(|buffer| buffer.address());
        self.observer.event(number, &event, address);
        self.count(|statistics| statistics.events += 1);
        self.dispatch(&event, buffer)?;
        self.work.notify_one(); // There may be room for commands now.
        Ok(())
    }

    fn dispatch(&self, event: &Event, buffer: Option<Rc<Buffer>>) -> Result<(), Error> {
        match (*event, buffer) {
            (
                Event::IndicateData {
                    connection, push, ..
                },
                Some(buffer),
            ) => self.on(connection, "indicate_data", |context| {
                context.on_data(DataEvent::Indicate, buffer, push)
            }),
            (Event::UploadData { connection, .. }, Some(buffer)) => {
                self.on(connection, "upload_data", |context| {
                    context.on_data(DataEvent::Upload, buffer, false)
                })
            }
            (
                Event::NamedBufferAccepted {
                    connection,
                    skipped,
                },
                _,
            ) => self.on(connection, "named_buffer_accepted", |context| {
                context.on_buffer_accepted(skipped)
            }),
            (
                Event::NamedBufferReturned {
                    connection,
                    bytes,
                    reason,
                },
                _,
            ) => self.on(connection, "named_buffer_returned", |context| {
                context.on_buffer_returned(bytes, reason)
            }),
            (
                Event::CommandRefused {
                    connection,
                    opcode,
                    reason: Refusal::NotPosted,
                    request,
                },
                _,
            ) if opcode == cancel_opcode() => self.on(connection, "command_refused", |context| {
                context.on_cancel_refused(request)
            }),
            (Event::HostFrame { .. }, Some(buffer)) => {
                self.count(|statistics| statistics.host_frames += 1);
                self.frames.borrow_mut().push_back(buffer);
                self.frame_wakers.borrow_mut().wake();
                Ok(())
            }
            (Event::Offloaded { connection, status }, _) => {
                let context = self.context(connection, "offloaded")?;
                let command = context.borrow_mut().on_offloaded(status)?;
                self.owed_changed.notify_one();
                if matches!(context.borrow().phase, Phase::Declined(_)) {
                    self.connections
                        .borrow_mut()
                        .remove(ConnectionId::new(connection));
                } else {
                    self.count(|statistics| statistics.offloads += 1);
                }
                self.send_upload(&context, command);
                Ok(())
            }
            (
                Event::State {
                    connection,
                    field,
                    content,
                },
                _,
            ) => {
                let context = self.context(connection, "state")?;
                context.borrow_mut().on_state(field, content)
            }
            (Event::Uploaded { connection }, _) => {
                let context = self.context(connection, "uploaded")?;
                context.borrow_mut().on_uploaded()?;
                self.act(&context);
                self.owed_changed.notify_one();
                self.connections
                    .borrow_mut()
                    .remove(ConnectionId::new(connection));
                self.count(|statistics| statistics.uploads += 1);
                Ok(())
            }
            (Event::PeerClosed { connection }, _) => {
                self.on(connection, "peer_closed", Context::on_closed)
            }
            (Event::PeerReset { connection }, _) => {
                let context = self.context(connection, "peer_reset")?;
                let command = context.borrow_mut().on_reset()?;
                self.send_upload(&context, command);
                Ok(())
            }
            (
                Event::CommandRefused {
                    connection,
                    opcode,
                    reason,
                    ..
                },
                _,
            ) => Err(Error::CommandRefused {
                opcode,
                connection: ConnectionId::new(connection),
                reason,
            }),
            (
                Event::BusError {
                    connection,
                    buffer,
                    response,
                },
                _,
            ) => Err(Error::AdapterWriteFailed {
                connection: ConnectionId::new(connection),
                buffer,
                response,
            }),
            // Its count of commands taken was all it had to say; and events with a buffer have one by now.
            (Event::CommandsTaken, _) => Ok(()),
            (
                Event::IndicateData { .. } | Event::UploadData { .. } | Event::HostFrame { .. },
                None,
            ) => Ok(()),
        }
    }

    /// Lets the context of a connection take an event, and does what follows from it.
    fn on(
        &self,
        connection: u16,
        event: &'static str,
        take: impl FnOnce(&mut Context) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let context = self.context(connection, event)?;
        take(&mut context.borrow_mut())?;
        self.act(&context);
        Ok(())
    }

    fn context(&self, connection: u16, event: &'static str) -> Result<SharedContext, Error> {
        let id = ConnectionId::new(connection);
        self.connections.borrow().get(id).ok_or(Error::Unexpected {
            event,
            connection: id,
            state: "not offloaded",
        })
    }

    // ------------------------------------------------------------ host frames

    /// The next frame for the host stack.
    pub async fn next_frame(&self) -> Result<Rc<Buffer>, Error> {
        std::future::poll_fn(|task| {
            self.check_running()?;
            if let Some(frame) = self.frames.borrow_mut().pop_front() {
                return Poll::Ready(Ok(frame));
            }
            self.frame_wakers.borrow_mut().add(task.waker());
            Poll::Pending
        })
        .await
    }

    // ------------------------------------------------------------ copying

    /// Copies the whole of a buffer to memory of the driver.
    pub async fn content(&self, buffer: &Buffer) -> Result<Vec<u8>, Error> {
        self.check_running()?;
        let mut bytes = vec![0; buffer.length()];
        self.memory.read(buffer.address(), &mut bytes).await?;
        Ok(bytes)
    }

    /// When almost every Anonymous Buffer waits for an application, copies the queue that holds most of them to
    /// memory of the driver, so that the other connections go on (B9). That memory is bounded by the windows.
    pub async fn relieve(&self) -> Result<(), Error> {
        while self.anonymous.is_starved() {
            let Some(context) = self.connections.borrow().longest_queue() else {
                return Ok(()); // They are on their way back.
            };
            loop {
                let Some(buffer) = context.borrow().first_buffer() else {
                    break;
                };
                let content = self.content(&buffer).await?;
                let copied = context.borrow_mut().replace(&buffer, content);
                self.count(|statistics| statistics.relieved_bytes += copied as u64);
            }
        }
        Ok(())
    }
}

/// Opcode of `cancel_named_buffer`, the only command whose refusal is no fault: it may cross with the buffer's return.
fn cancel_opcode() -> u8 {
    let (connection, request) = (0, 0);
    Command::CancelNamedBuffer {
        connection,
        request,
    }
    .opcode()
}
