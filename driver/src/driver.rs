//! The running driver: its main loop, and what can be asked of it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use tokio::sync::Mutex;

use crate::allocations::Allocations;
use crate::bring_up::Running;
use crate::bus::{DmaMemory, Registers};
use crate::command_queue;
use crate::connection::Connection;
use crate::context::{Context, Phase};
use crate::error::Error;
use crate::event_ring::EventRing;
use crate::host::Host;
use crate::host_frames::HostFrames;
use crate::named_buffer::NamedBuffer;
use crate::number::SeqNumber;
use crate::receive::ReceiveProcess;
use crate::register_file::RegisterFile;
use crate::registers::{Command, Counter, field, offset};
use crate::settings::{IndicateWindowSize, Settings};
use crate::statistics::DriverStatistics;

/// The driver of one adapter; `S` is its state, [`Reset`](crate::Reset) or [`Running`].
pub struct Driver<S> {
    pub(crate) state: S,
}

/// A running driver.
pub(crate) struct Inner<R, M: DmaMemory> {
    pub registers: RegisterFile<R>,
    pub host: Rc<Host<M>>,
    /// Whoever has it runs the main loop.
    pub ring: Mutex<EventRing>,
    pub allocations: Mutex<Allocations<M>>,
}

impl<R: Registers, M: DmaMemory> Clone for Driver<Running<R, M>> {
    /// Another handle of the same driver.
    fn clone(&self) -> Self {
        Self {
            state: Running {
                inner: Rc::clone(&self.state.inner),
            },
        }
    }
}

/// A connection that the host stack hands over (B5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offload {
    /// Source address and port, as they stand in received frames: the peer's.
    pub source: SocketAddr,
    /// Destination address and port in received frames.
    pub destination: SocketAddr,
    /// RCV.NXT: sequence number of the next byte expected.
    pub receive_next: SeqNumber,
    /// The connection's own indicateWindowSize (B2).
    pub indicate_window_size: Option<IndicateWindowSize>,
}

/// How often the line may be high with nothing in the ring. Once is normal: a doorbell takes time to lower it.
const SPURIOUS_INTERRUPTS_MOST: u32 = 16;

impl<R: Registers, M: DmaMemory> Driver<Running<R, M>> {
    fn host(&self) -> &Rc<Host<M>> {
        &self.state.inner.host
    }

    /// The main loop: waits for the interrupt, acts on events, sends commands. Poll it beside everything else; a
    /// second call waits for the first to end.
    ///
    /// It ends with an error only: [`Error::ShutDown`], or how the adapter misbehaved. Then every other call ends
    /// with the same error, and the adapter is to be shut down. To cancel it is to stop the driver.
    pub async fn run(&self) -> Result<Infallible, Error> {
        let host = self.host();
        let mut ring = self.state.inner.ring.lock().await;
        let Err(error) = tokio::select! {
            biased;
            error = host.stopped() => Err(error),
            result = self.handle_events(&mut ring) => result,
            result = self.send_commands() => result,
            result = host.copy_named() => result,
            never = host.run_push_timers() => match never {},
            error = host.overdue() => Err(error),
        };
        Err(host.stop(error))
    }

    async fn handle_events(&self, ring: &mut EventRing) -> Result<Infallible, Error> {
        let Inner {
            registers, host, ..
        } = &*self.state.inner;
        let mut words = Vec::new();
        let mut spurious = 0;
        loop {
            registers.interrupt().await; // No deadline: with nothing to tell, the adapter is silent.
            host.count(|statistics| statistics.interrupts += 1);
            let first = ring.number();
            loop {
                ring.read(&*host.memory, &mut words).await?;
                if words.is_empty() {
                    break;
                }
                for &word in &words {
                    host.act_on(ring.number(), word)?;
                    ring.consume(word);
                }
                if ring.must_publish() {
                    self.publish(ring).await?;
                }
                host.relieve().await?;
            }
            self.publish(ring).await?;
            if ring.number() != first {
                spurious = 0;
                continue;
            }
            spurious += 1;
            host.count(|statistics| statistics.spurious_interrupts += 1);
            if spurious > SPURIOUS_INTERRUPTS_MOST {
                return Err(Error::InterruptWithoutEvent { times: spurious });
            }
            // The read waits until the doorbell has arrived; and it shows whether the adapter still is there.
            registers
                .expect(offset::EVENT_CONSUMER, ring.published())
                .await?;
        }
    }

    async fn publish(&self, ring: &mut EventRing) -> Result<(), Error> {
        match ring.publish() {
            Some(consumer) => {
                let registers = &self.state.inner.registers;
                registers.write(offset::EVENT_CONSUMER, consumer).await
            }
            None => Ok(()),
        }
    }

    async fn send_commands(&self) -> Result<Infallible, Error> {
        let Inner {
            registers, host, ..
        } = &*self.state.inner;
        loop {
            let command = host.next_command().await?;
            host.observer.command(&command);
            host.count(|statistics| statistics.commands += 1);
            command_queue::commit(registers, &command).await?;
        }
    }

    /// Offloads a connection (B5) and waits for the adapter's answer. Cancelled, the connection is uploaded again.
    pub async fn offload(&self, offload: Offload) -> Result<Connection<M>, Error> {
        let host = self.host();
        host.check_running()?;
        if offload.source.is_ipv4() != offload.destination.is_ipv4() {
            return Err(Error::MixedFamilies);
        }
        let window = host.settings.window_of(offload.indicate_window_size);
        let receive = ReceiveProcess::new(
            window.value.get(),
            host.settings.acknowledge.value,
            host.pages_for_adapter(),
        );
        let context = host
            .connections
            .borrow_mut()
            .insert(|id| Context::new(id, offload.receive_next, window.clone(), receive))
            .ok_or(Error::NoFreeConnection {
                connections: self.connections(),
            })?;
        let id = context.borrow().id;
        // The three are queued at once, so no other offload comes between them.
        host.send(Command::SetSourceAddress {
            address: address_words(offload.source.ip()),
        });
        host.send(Command::SetDestinationAddress {
            address: address_words(offload.destination.ip()),
        });
        host.send(Command::Offload {
            connection: id.get(),
            destination_port: offload.destination.port(),
            source_port: offload.source.port(),
            receive_next: offload.receive_next.get(),
            indicate_window_size: window.value.get(),
            ipv6: offload.source.is_ipv6(),
        });
        host.owe("offload", &context, Phase::Offloading);
        let connection = Connection::new(Rc::clone(host), Rc::clone(&context));
        let answer = poll_fn(|task| {
            host.check_running()?;
            let mut context = context.borrow_mut();
            match context.phase {
                Phase::Offloading => {
                    context.wakers.add(task.waker());
                    Poll::Pending
                }
                Phase::Declined(status) => Poll::Ready(Err(Error::OffloadDeclined {
                    connection: id,
                    status,
                })),
                Phase::Offloaded | Phase::Uploading | Phase::Ended => Poll::Ready(Ok(())),
            }
        });
        match tokio::time::timeout(host.deadline(), answer).await {
            Ok(answer) => answer.map(|()| connection),
            Err(_) => Err(host.no_answer("offload", id)),
        }
    }

    /// Allocates a Named Buffer of `bytes`, in one page.
    pub fn named_buffer(&self, bytes: u32) -> Result<NamedBuffer<M>, Error> {
        self.scattered_named_buffer([bytes])
    }

    /// Allocates a Named Buffer of pages of these sizes (B28).
    pub fn scattered_named_buffer(
        &self,
        pages: impl IntoIterator<Item = u32>,
    ) -> Result<NamedBuffer<M>, Error> {
        self.named_buffer_at(pages.into_iter().map(|bytes| (0, bytes)))
    }

    /// Allocates a Named Buffer as the memory of an application may lie (B28): each of its pages begins so many bytes behind a
    /// multiple of 64, and has so many bytes.
    pub fn named_buffer_at(
        &self,
        pages: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<NamedBuffer<M>, Error> {
        NamedBuffer::allocate(Rc::clone(&self.host().memory), pages)
    }

    /// Receiver of the frames for the host stack. Of several receivers, each frame reaches one.
    pub fn host_frames(&self) -> HostFrames<M> {
        HostFrames::new(Rc::clone(self.host()))
    }

    /// The settings in force and their sources (B3).
    pub fn settings(&self) -> &Settings {
        &self.host().settings
    }

    /// Connections that the adapter can hold at once.
    pub fn connections(&self) -> u32 {
        self.host().capabilities.connections
    }

    /// Pages of Named Buffers that the adapter can hold for each connection; 0 if it takes none.
    pub fn named_buffer_pages(&self) -> u32 {
        self.host().capabilities.named_buffer_pages
    }

    /// Bytes of adapter memory for each connection.
    pub fn receive_ring_bytes(&self) -> u32 {
        self.host().capabilities.receive_ring_bytes
    }

    /// Connections that can be offloaded now.
    pub fn free_connections(&self) -> u32 {
        self.host().connections.borrow().free()
    }

    /// Reads all counters of the adapter; each is 32 bits wide and wraps.
    pub async fn counters(&self) -> Result<Vec<(Counter, u32)>, Error> {
        self.host().check_running()?;
        let mut counters = Vec::with_capacity(Counter::ALL.len());
        for counter in Counter::ALL {
            let value = self.state.inner.registers.read(counter.offset()).await?;
            counters.push((counter, value));
        }
        Ok(counters)
    }

    /// What the driver counted.
    pub fn statistics(&self) -> DriverStatistics {
        self.host().statistics.get()
    }

    /// Resets the adapter and gives its memory back. Every other handle, every connection and [`run`](Self::run) end
    /// with [`Error::ShutDown`], or with the error that ended them before.
    ///
    /// Without it, or if the reset fails, the memory is not given back: the adapter may still write there.
    pub async fn shut_down(self) -> Result<(), Error> {
        self.host().stop(Error::ShutDown);
        let Inner {
            registers,
            allocations,
            host,
            ..
        } = &*self.state.inner;
        reset(registers).await?;
        allocations.lock().await.free();
        host.receivers.free_all();
        Ok(())
    }
}

/// Resets the adapter. The read waits until the reset has taken effect: from then on it writes nowhere.
pub(crate) async fn reset<R: Registers>(registers: &RegisterFile<R>) -> Result<(), Error> {
    let reset = field::CONTROL_RESET.set(0, 1);
    registers.write(offset::CONTROL, reset).await?;
    registers.expect(offset::CONTROL, 0).await
}

/// An address as `set_source_address` wants it.
fn address_words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(address) => [0, 0, 0, address.to_bits()],
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
        }
    }
}
