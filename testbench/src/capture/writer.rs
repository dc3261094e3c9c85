//! Writes frames into a pcapng file: one section, one Ethernet interface, nanoseconds.

use std::io::{self, Write};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const SECTION_LENGTH_UNKNOWN: u64 = u64::MAX;
const LINK_ETHERNET: u16 = 1;
const OPTION_END: u16 = 0;
const OPTION_APPLICATION: u16 = 4;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
/// 10^-9 s.
const NANOSECONDS: u8 = 9;

/// A pcapng file in the making. Every block is written whole, so a reader may follow.
pub struct PcapngWriter<W: Write> {
    output: W,
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the headers. `interface` names the place that the frames are from.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(output: W, interface: &str) -> io::Result<Self> {
        let mut writer = Self {
            output,
            block: Vec::new(),
        };
        writer.put(&BYTE_ORDER_MAGIC.to_le_bytes());
        writer.put(&1u16.to_le_bytes());
        writer.put(&0u16.to_le_bytes());
        writer.put(&SECTION_LENGTH_UNKNOWN.to_le_bytes());
        let application = concat!("toe ", env!("CARGO_PKG_VERSION"));
        writer.option(OPTION_APPLICATION, application.as_bytes());
        writer.option(OPTION_END, &[]);
        writer.finish(SECTION_HEADER)?;

        writer.put(&LINK_ETHERNET.to_le_bytes());
        writer.put(&0u16.to_le_bytes());
        writer.put(&0u32.to_le_bytes());
        writer.option(OPTION_INTERFACE_NAME, interface.as_bytes());
        writer.option(OPTION_TIME_RESOLUTION, &[NANOSECONDS]);
        writer.option(OPTION_END, &[]);
        writer.finish(INTERFACE_DESCRIPTION)?;
        Ok(writer)
    }

    /// Adds a frame: Ethernet without FCS, time since the epoch, length on the wire.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&mut self, time_ns: u64, frame: &[u8], original_len: u32) -> io::Result<()> {
        self.put(&0u32.to_le_bytes());
        self.put(&((time_ns >> 32) as u32).to_le_bytes());
        self.put(&(time_ns as u32).to_le_bytes());
        self.put(&(frame.len() as u32).to_le_bytes());
        self.put(&original_len.to_le_bytes());
        self.put(frame);
        self.pad();
        self.finish(ENHANCED_PACKET)
    }

    /// Hands the output back after flushing it.
    ///
    /// # Errors
    /// What the output says.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    /// Pushes what is written so far towards the file.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put(value);
        self.pad();
    }

    fn finish(&mut self, kind: u32) -> io::Result<()> {
        let length = (self.block.len() as u32 + 12).to_le_bytes();
        self.output.write_all(&kind.to_le_bytes())?;
        self.output.write_all(&length)?;
        self.output.write_all(&self.block)?;
        self.output.write_all(&length)?;
        self.block.clear();
        Ok(())
    }
}
