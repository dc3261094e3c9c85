//! What a receiver accepts, worked out the plain way: one connection's stream as ranges of offsets.

/// What became of a segment, by the names of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has no payload, or is a RST, or failed a check.
    Nothing,
    /// `segments_in_order`; true: trimmed.
    InOrder(bool),
    /// `segments_out_of_order`; true: trimmed.
    OutOfOrder(bool),
    /// `segments_duplicate`.
    Duplicate,
    /// `segments_beyond_window`.
    BeyondWindow,
    /// `segments_no_gap`.
    NoGap,
    /// `segments_after_close`.
    AfterClose,
    /// `resets_refused`.
    ResetRefused,
}

/// FIN in `Segment::flags`.
pub const FIN: u8 = 1;
/// RST in `Segment::flags`.
pub const RST: u8 = 4;

/// The receiver's side of a connection. Offsets count from its first byte.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// RCV.NXT, the FIN not counted.
    pub next: i64,
    /// Ranges beyond a gap, in order, neither overlapping nor touching.
    pub islands: Vec<(i64, i64)>,
    /// Where the FIN stands.
    pub fin: Option<i64>,
    /// A RST was accepted.
    pub reset: bool,
}

impl Stream {
    /// The FIN is reached.
    pub fn finished(&self) -> bool {
        self.fin == Some(self.next)
    }

    /// Takes a segment at offset `start` that passed every check; the window ends at `edge`.
    pub fn take(&mut self, start: i64, length: i64, flags: u8, edge: i64, gaps: usize) -> Fate {
        let finished = self.finished();
        if flags & RST != 0 {
            if self.reset {
                return Fate::Nothing;
            }
            if start != self.next + i64::from(finished) {
                return Fate::ResetRefused;
            }
            self.reset = true;
            self.islands.clear();
            return Fate::Nothing;
        }
        let end = start + length;
        let limit = self.fin.unwrap_or(edge);
        let fin_stands = flags & FIN != 0
            && !self.reset
            && self.fin.is_none()
            && (self.next..=limit).contains(&end)
            && self.islands.iter().all(|island| island.1 <= end);
        let fate = self.fill(start, end, limit, finished, gaps);
        if fin_stands {
            self.fin = Some(end);
        }
        fate
    }

    fn fill(&mut self, start: i64, end: i64, limit: i64, finished: bool, gaps: usize) -> Fate {
        if start == end {
            return Fate::Nothing;
        }
        if self.reset || (finished && end > self.next) {
            return Fate::AfterClose;
        }
        if end <= self.next {
            return Fate::Duplicate;
        }
        let (from, to) = (start.max(self.next), end.min(limit));
        if from >= limit {
            return Fate::BeyondWindow;
        }
        if self.islands.iter().any(|i| i.0 <= from && to <= i.1) {
            return Fate::Duplicate;
        }
        let trimmed = (from, to) != (start, end);
        let (touched, apart): (Vec<(i64, i64)>, Vec<_>) =
            self.islands.iter().partition(|i| i.0 <= to && from <= i.1);
        let joined = touched
            .iter()
            .fold((from, to), |all, i| (all.0.min(i.0), all.1.max(i.1)));
        if from == self.next {
            self.next = joined.1;
            self.islands = apart;
            return Fate::InOrder(trimmed);
        }
        if apart.len() == gaps {
            return Fate::NoGap;
        }
        self.islands = apart;
        self.islands.push(joined);
        self.islands.sort_unstable();
        Fate::OutOfOrder(trimmed)
    }
}
