//! Frames of one made-up TCP connection.

use crate::flows::repair_checksums;

/// Bytes before the payload: Ethernet, IPv4 and TCP without options.
const HEADER_BYTES: usize = 54;

/// Source of back-to-back segments of one connection: 10.0.0.1 to 10.0.0.2, destination port 5001.
#[derive(Debug, Clone)]
pub struct TcpFrames {
    source_port: u16,
    sequence: u32,
    fill: u8,
}

impl TcpFrames {
    /// Source address of every frame, as the `set_source_address` command takes it.
    pub const SOURCE: [u32; 4] = [0, 0, 0, 0x0a00_0001];
    /// Destination address of every frame.
    pub const DESTINATION: [u32; 4] = [0, 0, 0, 0x0a00_0002];
    /// Destination port of every frame.
    pub const DESTINATION_PORT: u16 = 5001;

    /// A connection from `source_port` whose first byte has sequence number `sequence`.
    pub fn new(source_port: u16, sequence: u32) -> Self {
        Self {
            source_port,
            sequence,
            fill: 0,
        }
    }

    /// The next segment, with `payload` bytes, padded to 60 bytes if it is shorter.
    pub fn next_segment(&mut self, payload: u16) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEADER_BYTES + usize::from(payload));
        frame.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        let ip_length = (payload + 40).to_be_bytes();
        frame.extend([
            0x45,
            0,
            ip_length[0],
            ip_length[1],
            0,
            0,
            0x40,
            0,
            64,
            6,
            0,
            0,
        ]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(self.source_port.to_be_bytes());
        frame.extend(Self::DESTINATION_PORT.to_be_bytes());
        frame.extend(self.sequence.to_be_bytes());
        frame.extend([0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        for _ in 0..payload {
            frame.push(self.fill);
            self.fill = self.fill.wrapping_add(1);
        }
        self.sequence = self.sequence.wrapping_add(payload.into());
        repair_checksums(&mut frame);
        frame.resize(frame.len().max(60), 0);
        frame
    }
}
