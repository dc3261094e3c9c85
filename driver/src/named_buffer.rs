//! Host memory that an application posts to receive into.

use std::rc::Rc;

use crate::bus::{BusAddress, DmaMemory};
use crate::error::Error;
use crate::pool::ALIGNMENT;

/// A piece of a Named Buffer that is contiguous on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub address: BusAddress,
    pub bytes: u32,
    /// What was allocated for it.
    block: BusAddress,
}

/// A Named Buffer in the hands of whoever has this value: posting moves it to the driver, the request's completion moves it
/// back. So its bytes are never in two owners' hands. Dropping it gives the memory back.
pub struct NamedBuffer<M: DmaMemory> {
    memory: Rc<M>,
    pages: Vec<Page>,
    /// The adapter may write there.
    lent: bool,
}

impl<M: DmaMemory> NamedBuffer<M> {
    /// Allocates a buffer of pages that begin so many bytes behind a multiple of 64, and of these sizes, each 1 to 2^32-1 bytes.
    pub(crate) fn allocate(
        memory: Rc<M>,
        pages: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, Error> {
        let mut buffer = Self {
            memory,
            pages: Vec::new(),
            lent: false,
        };
        for (offset, bytes) in pages {
            if bytes == 0 {
                return Err(Error::EmptyPage);
            }
            let length = offset as usize + bytes as usize;
            let alignment = ALIGNMENT as usize;
            let block = buffer.memory.allocate(length, alignment)?;
            let start = block.get();
            buffer.pages.push(Page {
                address: BusAddress::new(start.wrapping_add(u64::from(offset))),
                bytes,
                block,
            });
            let aligned = start.is_multiple_of(alignment as u64);
            if !aligned || start.checked_add(length as u64).is_none() {
                return Err(Error::BadAllocation {
                    address: block,
                    bytes: length,
                    alignment,
                });
            }
        }
        if buffer.pages.is_empty() {
            return Err(Error::EmptyPage);
        }
        Ok(buffer)
    }

    /// Bytes of all its pages.
    pub fn length(&self) -> u64 {
        self.pages.iter().map(|page| u64::from(page.bytes)).sum()
    }

    /// Copies from `place` of the buffer; `into` must lie within it, else the error is [`Error::OutsideBuffer`].
    pub async fn read(&self, place: u64, into: &mut [u8]) -> Result<(), Error> {
        let mut done = 0;
        while done < into.len() {
            let (address, run) = self.run_at(place + done as u64)?;
            let length = run.min(into.len() - done);
            let part = &mut into[done..done + length];
            self.memory.read(address, part).await?;
            done += length;
        }
        Ok(())
    }

    /// The bytes from `place` that lie together: where, and how many.
    pub(crate) fn run_at(&self, place: u64) -> Result<(BusAddress, usize), Error> {
        let mut skip = place;
        for page in &self.pages {
            let bytes = u64::from(page.bytes);
            if skip < bytes {
                let address = BusAddress::new(page.address.get() + skip); // Within the page, so no overflow.
                return Ok((address, (bytes - skip) as usize));
            }
            skip -= bytes;
        }
        Err(Error::OutsideBuffer {
            place,
            length: self.length(),
        })
    }

    pub(crate) fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The adapter is about to learn the addresses.
    pub(crate) fn lend(&mut self) {
        self.lent = true;
    }

    /// The adapter writes there no more.
    pub(crate) fn take_back(&mut self) {
        self.lent = false;
    }
}

impl<M: DmaMemory> std::fmt::Debug for NamedBuffer<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NamedBuffer")
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

impl<M: DmaMemory> Drop for NamedBuffer<M> {
    fn drop(&mut self) {
        if self.lent {
            return; // Better lost than written to by the adapter in somebody else's hands.
        }
        for page in &self.pages {
            self.memory.free(page.block);
        }
    }
}
