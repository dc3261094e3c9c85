//! The driver's two traits over the simulated adapter.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use toe_driver::{BusAddress, BusError, DmaMemory, Registers};
use toe_sim::adapter::AdapterModel;
use toe_sim::register_port::Access;

use super::time::{Inner, World};

/// The host's way to the adapter: its registers, its interrupt, and memory that it can reach.
///
/// Register writes are posted; a read waits for the writes before it. Memory is that of
/// [`toe_sim::host_memory`], at once visible to both sides. What the driver writes to it is a copy, which takes its time
/// ([`World::set_copy_speed`]) and is there at its end.
pub struct Bus<M> {
    inner: Rc<Inner<M>>,
}

impl<M> Clone for Bus<M> {
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<M: AdapterModel + 'static> World<M> {
    /// The host's way to the adapter.
    pub fn bus(&self) -> Bus<M> {
        Bus {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<M: AdapterModel> Registers for Bus<M> {
    async fn read(&self, offset: u32) -> Result<u32, BusError> {
        let tag = self.inner.next_read.get();
        self.inner.next_read.set(tag + 1);
        self.inner
            .adapter
            .borrow_mut()
            .push_access(Access::Read { offset, tag });
        let value = poll_fn(
            |context| match self.inner.read_results.borrow_mut().remove(&tag) {
                Some(value) => Poll::Ready(value),
                None => {
                    self.inner
                        .read_wakers
                        .borrow_mut()
                        .insert(tag, context.waker().clone());
                    Poll::Pending
                }
            },
        )
        .await;
        value.map_err(|response| BusError::Response { offset, response })
    }

    async fn write(&self, offset: u32, value: u32) -> Result<(), BusError> {
        let mut adapter = self.inner.adapter.borrow_mut();
        let mut scoreboard = self.inner.scoreboard.borrow_mut();
        let busy = scoreboard.register_write(offset, value, &mut adapter.memory);
        adapter.keep_awake(busy);
        adapter.push_access(Access::Write { offset, value });
        Ok(())
    }

    async fn interrupt(&self) {
        poll_fn(|context| {
            if self.inner.interrupt_seen.replace(false) {
                return Poll::Ready(());
            }
            *self.inner.interrupt_waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl<M: AdapterModel + 'static> DmaMemory for Bus<M> {
    fn allocate(&self, bytes: usize, alignment: usize) -> Result<BusAddress, BusError> {
        let address = self
            .inner
            .heap
            .borrow_mut()
            .allocate(bytes as u64, alignment as u64);
        let address = address.ok_or(BusError::OutOfMemory { bytes, alignment })?;
        if let Some(block) = self
            .inner
            .adapter
            .borrow_mut()
            .memory
            .slice_mut(address, bytes)
        {
            block.fill(0);
        }
        Ok(BusAddress::new(address))
    }

    fn free(&self, address: BusAddress) {
        self.inner.heap.borrow_mut().release(address.get());
    }

    async fn read(&self, address: BusAddress, into: &mut [u8]) -> Result<(), BusError> {
        let adapter = self.inner.adapter.borrow();
        let bytes = adapter.memory.slice(address.get(), into.len());
        into.copy_from_slice(bytes.ok_or(BusError::NotAllocated {
            address,
            bytes: into.len(),
        })?);
        Ok(())
    }

    async fn write(&self, address: BusAddress, from: &[u8]) -> Result<(), BusError> {
        let world = World {
            inner: Rc::clone(&self.inner),
        };
        world.copy(address.get(), from.len()).await;
        let mut adapter = self.inner.adapter.borrow_mut();
        let block = adapter.memory.slice_mut(address.get(), from.len());
        block
            .ok_or(BusError::NotAllocated {
                address,
                bytes: from.len(),
            })?
            .copy_from_slice(from);
        Ok(())
    }
}
