//! Allocation of host memory: first fit over a list of free ranges.

use std::collections::BTreeMap;

/// Free and used ranges of the host memory.
#[derive(Debug)]
pub struct Heap {
    free: BTreeMap<u64, u64>,
    used: BTreeMap<u64, (u64, u64)>,
}

impl Heap {
    /// All of `bytes` bytes from `base` on are free.
    pub fn new(base: u64, bytes: u64) -> Self {
        Self {
            free: BTreeMap::from([(base, bytes)]),
            used: BTreeMap::new(),
        }
    }

    /// Takes `bytes` bytes at a multiple of `alignment`; `None` when no free range is large enough.
    pub fn allocate(&mut self, bytes: u64, alignment: u64) -> Option<u64> {
        let (bytes, alignment) = (bytes.max(1), alignment.max(1));
        let (start, length, address) = self.free.iter().find_map(|(&start, &length)| {
            let address = start.checked_next_multiple_of(alignment)?;
            let end = address.checked_add(bytes)?;
            (end <= start + length).then_some((start, length, address))
        })?;
        self.free.remove(&start);
        let end = address + bytes;
        if start + length > end {
            self.free.insert(end, start + length - end);
        }
        self.used.insert(address, (start, end - start));
        Some(address)
    }

    /// Gives back what was taken at `address`; false when nothing was.
    pub fn release(&mut self, address: u64) -> bool {
        let Some((mut start, mut length)) = self.used.remove(&address) else {
            return false;
        };
        if let Some(next) = self.free.remove(&(start + length)) {
            length += next;
        }
        if let Some((&before, &size)) = self.free.range(..start).next_back()
            && before + size == start
        {
            start = before;
            length += size;
        }
        self.free.insert(start, length);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_released_can_be_taken_whole_again() {
        let mut heap = Heap::new(0x1000, 0x1000);
        let taken: Vec<_> = (1..10).filter_map(|n| heap.allocate(n * 7, 64)).collect();
        assert_eq!(taken.len(), 9);
        assert!(taken.iter().all(|address| address % 64 == 0));
        assert_eq!(heap.allocate(0x1000, 1), None);
        for address in taken {
            assert!(heap.release(address));
            assert!(!heap.release(address));
        }
        assert_eq!(heap.allocate(0x1000, 0x1000), Some(0x1000));
    }
}
