//! What the host does beside the buses: shown in waveforms, and held against what the adapter writes in the same cycle.

/// Cycles counted since [`Adapter::watch_named_page`](crate::adapter::Adapter::watch_named_page) was called first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Cycles in which the host copied to a page that is watched.
    pub copying: u64,
    /// Cycles in which a beat of the adapter landed in one.
    pub beats: u64,
    /// Cycles in which both happened.
    pub both: u64,
}

/// What a model that can show its host shows of one cycle. Places count through the pages that are watched, in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostCycle {
    /// The host's processor copies, and where to: the beginning of what it copies.
    pub copy: Option<u64>,
    /// A beat of the adapter lands, and where.
    pub beat: Option<u64>,
}

/// The pages that are watched, the copies under way, and the count.
#[derive(Debug, Default)]
pub(crate) struct HostView {
    /// Address and bytes.
    pages: Vec<(u64, u64)>,
    /// Targets of the copies under way.
    copies: Vec<u64>,
    overlap: Overlap,
}

impl HostView {
    pub fn watch(&mut self, address: u64, bytes: u64) {
        self.pages.push((address, bytes));
    }

    pub fn begin_copy(&mut self, to: u64) {
        self.copies.push(to);
    }

    pub fn end_copy(&mut self, to: u64) {
        let place = self.copies.iter().position(|&copy| copy == to);
        if let Some(place) = place {
            self.copies.remove(place);
        }
    }

    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// Whether there is anything to show and to count.
    #[inline]
    pub fn is_used(&self) -> bool {
        !self.pages.is_empty()
    }

    /// The cycle in which host memory took the beat at `beat`, if it took one.
    pub fn clock(&mut self, beat: Option<u64>) -> HostCycle {
        let cycle = HostCycle {
            copy: self.copies.iter().find_map(|&to| self.place(to)),
            // The first beat of a page may begin before it.
            beat: beat.and_then(|beat| self.place(beat).or_else(|| self.place(beat + 7))),
        };
        let (copying, beat) = (cycle.copy.is_some(), cycle.beat.is_some());
        self.overlap.copying += u64::from(copying);
        self.overlap.beats += u64::from(beat);
        self.overlap.both += u64::from(copying && beat);
        cycle
    }

    fn place(&self, address: u64) -> Option<u64> {
        let mut before = 0;
        for &(start, bytes) in &self.pages {
            if (start..start + bytes).contains(&address) {
                return Some(before + (address - start));
            }
            before += bytes;
        }
        None
    }
}
