//! The bytes of a capture file in order, decompressed if need be, with their offsets.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

const CHUNK_BYTES: usize = 1 << 16;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A window over the bytes of a file: look ahead as far as needed, then consume.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    ended: bool,
    compressed: bool,
    cut: bool,
}

impl Source {
    /// Wraps a reader, decompressing it when it begins like a gzip member.
    pub(super) fn new(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let mut source = Self::plain(Box::new(reader));
        if source.peek(2)? == GZIP_MAGIC {
            let head = io::Cursor::new(std::mem::take(&mut source.buffer));
            let rest = source.reader;
            source = Self::plain(Box::new(MultiGzDecoder::new(head.chain(rest))));
            source.compressed = true;
        }
        Ok(source)
    }

    fn plain(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            ended: false,
            compressed: false,
            cut: false,
        }
    }

    /// Offset of the next byte from the beginning of the (uncompressed) file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes ended because a compressed stream was cut.
    pub(super) fn cut(&self) -> bool {
        self.cut
    }

    /// The next `count` bytes, or fewer where the file ends before.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.start < count && !self.ended {
            self.fill(count)?;
        }
        let end = self.buffer.len().min(self.start + count);
        Ok(&self.buffer[self.start..end])
    }

    /// Passes over `count` bytes that a `peek` has shown.
    pub(super) fn consume(&mut self, count: usize) {
        debug_assert!(self.start + count <= self.buffer.len());
        self.start += count;
        self.offset += count as u64;
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let present = self.buffer.len();
        // In steps, so that a record that lies about its length costs no more than the file has.
        let step = wanted
            .saturating_sub(present)
            .clamp(CHUNK_BYTES, 16 * CHUNK_BYTES);
        self.buffer.resize(present + step, 0);
        let result = self.read_some(present);
        let count = *result.as_ref().unwrap_or(&0);
        self.buffer.truncate(present + count);
        self.ended |= count == 0;
        result.map(|_| ())
    }

    fn read_some(&mut self, present: usize) -> io::Result<usize> {
        loop {
            match self.reader.read(&mut self.buffer[present..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A compressed file that was cut: what it held so far is what there is.
                Err(error) if self.compressed && error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.cut = true;
                    return Ok(0);
                }
                result => return result,
            }
        }
    }
}
