//! A Named Buffer: its pages, and where its next byte belongs (B28).

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
}
