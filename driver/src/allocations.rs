//! DMA memory that the driver allocated.

use std::rc::Rc;

use crate::bus::{BusAddress, DmaMemory};
use crate::error::Error;

/// Memory that goes back when this is dropped, except while the adapter may write there.
pub(crate) struct Allocations<M: DmaMemory> {
    memory: Rc<M>,
    addresses: Vec<BusAddress>,
    /// The adapter knows the addresses.
    lent: bool,
}

impl<M: DmaMemory> Allocations<M> {
    pub fn new(memory: Rc<M>) -> Self {
        Self {
            memory,
            addresses: Vec::new(),
            lent: false,
        }
    }

    /// Allocates a block, of which every byte has an address.
    pub fn allocate(&mut self, bytes: usize, alignment: usize) -> Result<BusAddress, Error> {
        let address = self.memory.allocate(bytes, alignment)?;
        self.addresses.push(address);
        let aligned = address.get().is_multiple_of(alignment as u64);
        if aligned && address.checked_add(bytes as u64).is_some() {
            Ok(address)
        } else {
            Err(Error::BadAllocation {
                address,
                bytes,
                alignment,
            })
        }
    }

    /// The adapter is about to learn the addresses.
    pub fn lend(&mut self) {
        self.lent = true;
    }

    /// Gives everything back: the adapter was reset.
    pub fn free(&mut self) {
        self.lent = false;
        for address in self.addresses.drain(..).rev() {
            self.memory.free(address);
        }
    }
}

impl<M: DmaMemory> Drop for Allocations<M> {
    fn drop(&mut self) {
        if !self.lent {
            self.free();
        }
    }
}
