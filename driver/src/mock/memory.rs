//! Host memory that knows what is allocated.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::bus::{BusAddress, BusError, DmaMemory};

/// DMA memory. Clones are the same memory. An access outside one allocation is an error.
#[derive(Clone, Default)]
pub struct Memory {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    blocks: BTreeMap<u64, Vec<u8>>,
    next: u64,
    allocations_left: Option<usize>,
    /// How far into the latest block the next allocation is to lie.
    again: Option<u64>,
}

/// The first block ends just below 4 GiB and the others lie above, so addresses have both halves.
const FIRST: u64 = 0xffff_f000;

impl Memory {
    /// Memory of which nothing is allocated.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `allocations` more succeed, and refuses those after.
    pub fn refuse_after(&self, allocations: usize) {
        self.state.borrow_mut().allocations_left = Some(allocations);
    }

    /// Lets the next allocation answer an address `into` the latest block, as no allocator may.
    pub fn answer_again(&self, into: u64) {
        self.state.borrow_mut().again = Some(into);
    }

    /// Bytes that are allocated.
    pub fn allocated_bytes(&self) -> usize {
        self.state.borrow().blocks.values().map(Vec::len).sum()
    }

    /// Reads at once, as the adapter or a test.
    pub fn get(&self, address: BusAddress, into: &mut [u8]) -> Result<(), BusError> {
        self.access(address, into.len(), |bytes| into.copy_from_slice(bytes))
    }

    /// Writes at once, as the adapter or a test.
    pub fn put(&self, address: BusAddress, from: &[u8]) -> Result<(), BusError> {
        self.access(address, from.len(), |bytes| bytes.copy_from_slice(from))
    }

    fn access(
        &self,
        address: BusAddress,
        bytes: usize,
        action: impl FnOnce(&mut [u8]),
    ) -> Result<(), BusError> {
        let mut state = self.state.borrow_mut();
        let found = state.blocks.range_mut(..=address.get()).next_back();
        let part = found.and_then(|(&first, block)| {
            let start = usize::try_from(address.get() - first).ok()?;
            block.get_mut(start..start.checked_add(bytes)?)
        });
        match part {
            Some(part) => {
                action(part);
                Ok(())
            }
            None => Err(BusError::NotAllocated { address, bytes }),
        }
    }
}

impl DmaMemory for Memory {
    fn allocate(&self, bytes: usize, alignment: usize) -> Result<BusAddress, BusError> {
        let mut state = self.state.borrow_mut();
        if let Some(left) = &mut state.allocations_left {
            if *left == 0 {
                return Err(BusError::OutOfMemory { bytes, alignment });
            }
            *left -= 1;
        }
        if let Some(into) = state.again.take()
            && let Some(&latest) = state.blocks.keys().next_back()
        {
            return Ok(BusAddress::new(latest + into));
        }
        let address = state.next.max(FIRST).next_multiple_of(alignment as u64);
        state.next = address + bytes as u64;
        state.blocks.insert(address, vec![0xa5; bytes]); // Not zero: nobody promised that.
        Ok(BusAddress::new(address))
    }

    fn free(&self, address: BusAddress) {
        self.state.borrow_mut().blocks.remove(&address.get());
    }

    async fn read(&self, address: BusAddress, into: &mut [u8]) -> Result<(), BusError> {
        tokio::task::yield_now().await; // Others get their turn, as on a real bus.
        self.get(address, into)
    }

    async fn write(&self, address: BusAddress, from: &[u8]) -> Result<(), BusError> {
        tokio::task::yield_now().await;
        self.put(address, from)
    }
}
