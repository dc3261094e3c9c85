//! What the reference adapter knows of one connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use toe_driver::registers::{Command, Refusal};

use crate::model::{Page, Settings};

#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub request: u16,
    pub pages: Vec<Page>,
    pub push_mode: bool,
    /// Pages of cancelled buffers right behind it.
    pub pages_behind: usize,
}

impl Posted {
    pub fn bytes(&self) -> u64 {
        self.pages.iter().map(|page| u64::from(page.bytes)).sum()
    }

    /// Address of a byte, and how many follow in its page.
    pub fn address(&self, mut at: u64) -> Option<(u64, u64)> {
        for page in &self.pages {
            let bytes = u64::from(page.bytes);
            if at < bytes {
                return Some((page.address + at, bytes - at));
            }
            at -= bytes;
        }
        None
    }
}

#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub filled: u64,
    pub latest: u64,
    pub from: u64,
    /// Cycle at which it will come back, if nothing else happens.
    pub due: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    pub open: bool,
    pub uploading: bool,
    pub receive_next: u32,
    pub window: u64,
    pub pending: u64,
    pub delivered: u64,
    pub bytes: Vec<u8>,
    pub pieces: BTreeMap<u64, u64>,
    pub in_order: u64,
    pub pushes: BTreeSet<u64>,
    pub finished: bool,
    pub reset: bool,
    pub told_close: bool,
    pub told_reset: bool,
    pub told: u32,
    /// Commands taken, whose effect is still to come.
    pub taken: VecDeque<Command>,
    pub posted: VecDeque<Posted>,
    pub accepted: Option<Accepted>,
    pub pages: Vec<Page>,
    pub refusing: Option<Refusal>,
}

impl Link {
    pub fn opened(receive_next: u32, window: u64, before: &mut Link) -> Self {
        Link {
            open: true,
            receive_next,
            window,
            taken: std::mem::take(&mut before.taken),
            ..Link::default()
        }
    }

    /// Keeps a segment; `in_order` follows the pieces that join it.
    pub fn keep(&mut self, offset: u64, bytes: &[u8], push: bool) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[start..end].copy_from_slice(bytes);
        let piece = self.pieces.entry(offset).or_default();
        *piece = (*piece).max(end as u64);
        let joined = |pieces: &BTreeMap<u64, u64>, upto| {
            let reached = pieces.range(..=upto).map(|(_, end)| *end);
            reached.max().filter(|end| *end > upto)
        };
        while let Some(end) = joined(&self.pieces, self.in_order) {
            self.in_order = end;
        }
        if push {
            self.pushes.insert(end as u64 - 1);
        }
    }

    pub fn held(&self) -> u64 {
        self.in_order - self.delivered
    }

    pub fn ended(&self) -> bool {
        (self.finished && self.held() == 0) || self.reset || self.uploading
    }

    /// Takes a page, or says why not.
    pub fn post(&mut self, page: Page, last: bool, settings: &Settings) -> Result<(), Refusal> {
        let pages = |posted: &Posted| posted.pages.len() + posted.pages_behind;
        let held: usize = self.posted.iter().map(pages).sum();
        let gathered: u64 = self.pages.iter().map(|page| u64::from(page.bytes)).sum();
        let bytes = gathered + u64::from(page.bytes);
        let refusal = if let Some(refusal) = self.refusing {
            Some(refusal)
        } else if page.bytes == 0 || bytes >= 1 << 32 {
            Some(Refusal::BadPage)
        } else if held + self.pages.len() + 1 > settings.named_buffer_pages {
            Some(Refusal::BuffersFull)
        } else if last && (bytes <= self.window || bytes <= self.pending) {
            Some(Refusal::TooSmall)
        } else {
            None
        };
        match refusal {
            Some(refusal) => {
                self.pages.clear();
                self.refusing = (!last).then_some(refusal);
                Err(refusal)
            }
            None => {
                self.pages.push(page);
                Ok(())
            }
        }
    }
}
