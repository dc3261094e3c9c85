//! A pool of equal buffers, each in the hands of exactly one of driver, adapter and application.
//!
//! ```text
//!            grant                     event                  drop of `Buffer`
//!  free ──────────────► with adapter ─────────► held ────────────────────────────► free
//!  (allocation map)     (in the order granted)  (`Buffer`: queue or application)
//! ```
//!
//! The adapter uses buffers in the order granted, so an event must name the oldest one granted. Buffers come back
//! one by one, and are granted again in batches of neighbours, one command each.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bitvec::vec::BitVec;
use tokio::sync::Notify;

use crate::bus::BusAddress;
use crate::error::{Error, PoolKind};
use crate::registers::Command;

/// Buffers lie at multiples of this.
pub(crate) const ALIGNMENT: u32 = 64;

/// Where the buffers of a pool lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub kind: PoolKind,
    pub first: BusAddress,
    /// Bytes of a buffer.
    pub bytes: u32,
    /// Buffers, 1 to 65536.
    pub count: u32,
}

impl Layout {
    /// Bytes from one buffer to the next.
    pub fn stride(bytes: u32) -> u32 {
        bytes.next_multiple_of(ALIGNMENT)
    }

    /// Address of a buffer of the pool.
    fn address(&self, number: u16) -> BusAddress {
        let place = u64::from(number) * u64::from(Self::stride(self.bytes));
        BusAddress::new(self.first.get().wrapping_add(place)) // Bring-up checked that the pool's end is an address.
    }
}

/// Neighbouring buffers that go to the adapter in one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    kind: PoolKind,
    address: BusAddress,
    first: u16,
    count: u16,
}

impl Grant {
    pub fn command(self) -> Command {
        let (address, first_buffer, count) = (self.address.get(), self.first, self.count);
        match self.kind {
            PoolKind::Anonymous => Command::GrantAnonymousBuffers {
                address,
                first_buffer,
                count,
            },
            PoolKind::HostFrame => Command::GrantHostFrameBuffers {
                address,
                first_buffer,
                count,
            },
        }
    }
}

/// Who has which buffer.
struct Ownership {
    layout: Layout,
    /// Allocation map: set for buffers that nobody has.
    free: BitVec,
    /// Ones in `free`.
    free_count: usize,
    /// Buffers with the adapter, the next one that it uses in front.
    granted: VecDeque<u16>,
    /// Most buffers that may be with the adapter.
    room: usize,
    /// Where the search for free buffers goes on, so that they are granted in turn.
    cursor: usize,
    /// Buffers still to be granted in this batch.
    batch_left: usize,
}

impl Ownership {
    fn grantable(&self) -> usize {
        self.free_count.min(self.room - self.granted.len())
    }

    /// The adapter has so few buffers left that even a small batch is worth a command.
    fn low(&self) -> bool {
        self.granted.len() <= self.room / 4
    }

    fn next_grant(&mut self) -> Option<Grant> {
        let grantable = self.grantable();
        if self.batch_left == 0 {
            let worth_a_command = grantable >= (self.room / 8).max(1) || self.low();
            if grantable == 0 || !worth_a_command {
                return None;
            }
            self.batch_left = grantable;
        }
        let most = self.batch_left.min(grantable).min(usize::from(u16::MAX));
        let first = self.next_free()?;
        let count = self.free[first..].leading_ones().min(most);
        self.free[first..first + count].fill(false);
        self.free_count -= count;
        self.batch_left -= count;
        self.cursor = first + count;
        let numbers = first as u16..=(first + count - 1) as u16; // A pool has at most 65536 buffers.
        self.granted.extend(numbers);
        Some(Grant {
            kind: self.layout.kind,
            address: self.layout.address(first as u16),
            first: first as u16,
            count: count as u16,
        })
    }

    fn next_free(&self) -> Option<usize> {
        let ahead = self.free.get(self.cursor..)?.first_one();
        ahead
            .map(|place| self.cursor + place)
            .or_else(|| self.free.first_one())
    }

    fn take(&mut self, found: u16, length: u32) -> Result<(), Error> {
        let Layout { kind, bytes, .. } = self.layout;
        match self.granted.front() {
            None => return Err(Error::BufferNotGranted { kind, found }),
            Some(&expected) if expected != found => {
                return Err(Error::BufferOutOfOrder {
                    kind,
                    found,
                    expected,
                });
            }
            Some(_) => {}
        }
        if length == 0 || length > bytes {
            return Err(Error::BadLength {
                kind,
                buffer: found,
                length,
                room: bytes,
            });
        }
        self.granted.pop_front();
        Ok(())
    }

    fn release(&mut self, number: u16) {
        self.free.set(usize::from(number), true);
        self.free_count += 1;
    }
}

/// A pool, shared by the main loop and everybody who holds one of its buffers.
pub(crate) struct Pool {
    ownership: RefCell<Ownership>,
    /// Told when a grant may be due.
    work: Rc<Notify>,
}

impl Pool {
    /// A pool whose buffers nobody has; at most `room` of them may be with the adapter.
    pub fn new(layout: Layout, room: u32, work: Rc<Notify>) -> Self {
        let count = layout.count as usize;
        Self {
            ownership: RefCell::new(Ownership {
                layout,
                free: BitVec::repeat(true, count),
                free_count: count,
                granted: VecDeque::new(),
                room: (room as usize).clamp(1, count),
                cursor: 0,
                batch_left: 0,
            }),
            work,
        }
    }

    /// The next buffers for the adapter, if enough came back to be worth a command.
    pub fn next_grant(&self) -> Option<Grant> {
        self.ownership.borrow_mut().next_grant()
    }

    /// The adapter wrote `length` bytes into buffer `number`: the buffer passes into the driver's hands.
    pub fn take(self: &Rc<Self>, number: u16, length: u32) -> Result<Rc<Buffer>, Error> {
        let mut ownership = self.ownership.borrow_mut();
        ownership.take(number, length)?;
        Ok(Rc::new(Buffer {
            number,
            address: ownership.layout.address(number),
            length: length as usize,
            pool: Rc::clone(self),
        }))
    }

    /// Almost every buffer is held: the adapter has, and soon gets, few.
    pub fn is_starved(&self) -> bool {
        let ownership = self.ownership.borrow();
        ownership.granted.len() + ownership.free_count <= ownership.room / 4
    }
}

/// A buffer that the adapter filled. Dropping it returns it to the pool, which grants it to the adapter again (B18).
///
/// Order: whoever reads the buffer holds it until the read has finished, and the grant is a register write made
/// after that; so the adapter cannot overwrite what is still being read.
pub(crate) struct Buffer {
    number: u16,
    address: BusAddress,
    length: usize,
    pool: Rc<Pool>,
}

impl Buffer {
    pub fn address(&self) -> BusAddress {
        self.address
    }

    /// Address of the byte at `place`.
    pub fn address_of(&self, place: usize) -> BusAddress {
        BusAddress::new(self.address.get().wrapping_add(place as u64)) // Within the buffer, so no wrap.
    }

    /// Bytes in it.
    pub fn length(&self) -> usize {
        self.length
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.ownership.borrow_mut().release(self.number);
        self.pool.work.notify_one();
    }
}
