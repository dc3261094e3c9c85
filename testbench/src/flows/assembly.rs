//! Bytes of one stream by their place in it: first copy wins, others are remembered.

use std::collections::BTreeMap;

/// Bytes that a later copy claims to stand at a place where others stand already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Place in the stream.
    pub offset: u64,
    /// What the later copy has there.
    pub bytes: Vec<u8>,
}

/// A stream with possible holes.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    /// Pieces by offset; they neither overlap nor touch.
    pieces: BTreeMap<u64, Vec<u8>>,
    alternatives: Vec<Alternative>,
    conflicting_bytes: u64,
}

impl Assembly {
    /// Takes a copy of `bytes` at `offset`. Places that are filled keep what they have.
    pub fn insert(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        let slice = |from: u64, to: u64| &bytes[(from - offset) as usize..(to - offset) as usize];
        let mut fresh = Vec::new();
        let mut cursor = offset;
        while cursor < end {
            if let Some((start, piece)) = self.piece_at(cursor) {
                let until = end.min(start + piece.len() as u64);
                let present = &piece[(cursor - start) as usize..(until - start) as usize];
                let claimed = slice(cursor, until);
                let differing = present.iter().zip(claimed).filter(|(a, b)| a != b).count();
                if differing > 0 {
                    self.conflicting_bytes += differing as u64;
                    self.alternatives.push(Alternative {
                        offset: cursor,
                        bytes: claimed.to_vec(),
                    });
                }
                cursor = until;
            } else {
                let next = self
                    .pieces
                    .range(cursor..)
                    .next()
                    .map_or(end, |(&start, _)| start);
                fresh.push((cursor, slice(cursor, end.min(next))));
                cursor = end.min(next);
            }
        }
        for (start, bytes) in fresh {
            self.place(start, bytes);
        }
    }

    fn piece_at(&self, offset: u64) -> Option<(u64, &Vec<u8>)> {
        let (&start, piece) = self.pieces.range(..=offset).next_back()?;
        (offset < start + piece.len() as u64).then_some((start, piece))
    }

    /// Fills a hole, or part of one, and joins the neighbours that now touch.
    fn place(&mut self, offset: u64, bytes: &[u8]) {
        let mut start = offset;
        match self.pieces.range_mut(..offset).next_back() {
            Some((&before, piece)) if before + piece.len() as u64 == offset => {
                piece.extend_from_slice(bytes);
                start = before;
            }
            _ => {
                self.pieces.insert(offset, bytes.to_vec());
            }
        }
        if let Some(behind) = self.pieces.remove(&(offset + bytes.len() as u64))
            && let Some(piece) = self.pieces.get_mut(&start)
        {
            piece.extend_from_slice(&behind);
        }
    }

    /// Bytes from the beginning to the first hole.
    #[must_use]
    pub fn contiguous(&self) -> &[u8] {
        self.pieces.get(&0).map_or(&[], Vec::as_slice)
    }

    /// End of the last byte present, behind whatever holes.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.pieces
            .last_key_value()
            .map_or(0, |(start, piece)| start + piece.len() as u64)
    }

    /// Where the first byte behind the first hole stands, if there is a hole.
    #[must_use]
    pub fn resumes_at(&self) -> Option<u64> {
        self.pieces.keys().copied().find(|&start| start > 0)
    }

    /// Bytes that a later copy had otherwise.
    #[must_use]
    pub fn conflicting_bytes(&self) -> u64 {
        self.conflicting_bytes
    }

    /// Every byte stands in some copy at its place.
    #[must_use]
    pub fn matches(&self, offset: u64, bytes: &[u8]) -> bool {
        if let Some((start, piece)) = self.piece_at(offset) {
            let present = &piece[(offset - start) as usize..];
            if present.starts_with(bytes) {
                return true;
            }
        }
        bytes
            .iter()
            .enumerate()
            .all(|(index, &byte)| self.has(offset + index as u64, byte))
    }

    fn has(&self, offset: u64, byte: u8) -> bool {
        let first = self
            .piece_at(offset)
            .is_some_and(|(start, piece)| piece[(offset - start) as usize] == byte);
        first
            || self.alternatives.iter().any(|other| {
                offset
                    .checked_sub(other.offset)
                    .and_then(|at| other.bytes.get(at as usize))
                    .is_some_and(|&present| present == byte)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_close_in_any_order() {
        let mut assembly = Assembly::default();
        assembly.insert(4, b"ef");
        assembly.insert(8, b"ij");
        assert_eq!(assembly.contiguous(), b"");
        assert_eq!(assembly.resumes_at(), Some(4));
        assembly.insert(0, b"abcd");
        assert_eq!(assembly.contiguous(), b"abcdef");
        assert_eq!(assembly.resumes_at(), Some(8));
        assembly.insert(3, b"defghijkl");
        assert_eq!(assembly.contiguous(), b"abcdefghijkl");
        assert_eq!((assembly.resumes_at(), assembly.end()), (None, 12));
        assert_eq!(assembly.conflicting_bytes(), 0);
    }

    #[test]
    fn the_first_copy_wins_and_the_second_still_matches() {
        let mut assembly = Assembly::default();
        assembly.insert(0, b"abcd");
        assembly.insert(2, b"CDef");
        assert_eq!(assembly.contiguous(), b"abcdef");
        assert_eq!(assembly.conflicting_bytes(), 2);
        assert!(assembly.matches(0, b"abcdef"));
        assert!(assembly.matches(1, b"bCDe"));
        assert!(!assembly.matches(1, b"bXDe"));
        assert!(!assembly.matches(5, b"fg"));
    }
}
