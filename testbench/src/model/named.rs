//! A Named Buffer: its pages, and where its next byte belongs (B28).

use std::sync::Arc;

/// A run of host memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Bus address of the first byte.
    pub address: u64,
    /// Bytes.
    pub bytes: u32,
}

/// A Named Buffer with the adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamedBuffer {
    pub request: u16,
    pub pages: Vec<Page>,
    pub push_mode: bool,
    /// Pages of cancelled buffers that were posted right behind it: they are held until it returns.
    pub pages_behind: usize,
}

impl Page {
    pub(super) fn contains(&self, address: u64) -> bool {
        (self.address..self.address + u64::from(self.bytes)).contains(&address)
    }
}

impl NamedBuffer {
    /// Bytes of all pages.
    pub fn bytes(&self) -> u64 {
        self.pages.iter().map(|page| u64::from(page.bytes)).sum()
    }

    pub fn contains(&self, address: u64) -> bool {
        self.position(address).is_some()
    }

    /// Which byte of the buffer lies at an address.
    pub fn position(&self, address: u64) -> Option<u64> {
        let mut before = 0;
        for page in &self.pages {
            let bytes = u64::from(page.bytes);
            if (page.address..page.address + bytes).contains(&address) {
                return Some(before + address - page.address);
            }
            before += bytes;
        }
        None
    }

    /// Where the byte at a position of the buffer lies, and how many of its page are left from there.
    pub fn place(&self, position: u64) -> Option<(u64, u64)> {
        let mut before = 0;
        for page in &self.pages {
            let bytes = u64::from(page.bytes);
            if position < before + bytes {
                let inside = position - before;
                return Some((page.address + inside, bytes - inside));
            }
            before += bytes;
        }
        None
    }
}

/// Bytes on their way to a Named Buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub address: u64,
    pub bytes: Arc<[u8]>,
    /// Cycle in which they were written.
    pub at: u64,
    /// How far the stream was in order at the adapter by then.
    pub in_order: u64,
}

/// The accepted buffer: the head of its connection's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filling {
    /// Offset in the stream of the buffer's first byte.
    pub from: u64,
    /// Bytes skipped as it was accepted.
    pub skipped: u64,
    /// Bytes filled from its start, the skipped ones included.
    pub filled: u64,
    /// Cycle of the latest data placed, or of the acceptance.
    pub placed_at: u64,
    /// Cycle at which a byte with PSH was placed or skipped.
    pub push_at: Option<u64>,
    /// A byte is skipped of a delivery that said PSH, be it of that byte or of one before it.
    pub pushed_before: bool,
}
