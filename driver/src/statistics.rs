//! What is counted.

/// Counts of one connection since its offload. They stay readable after it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStatistics {
    /// IndicateData events (B16).
    pub indications: u64,
    /// Bytes that they brought.
    pub indicated_bytes: u64,
    /// indicateAcknowledge commands (B13, B14).
    pub acknowledges: u64,
    /// Bytes that they acknowledged.
    pub acknowledged_bytes: u64,
    /// Bytes that the application accepted, or that came in completed requests.
    pub accepted_bytes: u64,
    /// Bytes that the adapter placed in Named Buffers, known when they come back.
    pub dma_bytes: u64,
    /// Requests posted, those of zero bytes included.
    pub requests: u64,
    /// Requests completed (B24).
    pub completions: u64,
    /// Notifications that data is available (B20).
    pub notifications: u64,
    /// Named Buffers handed to the adapter.
    pub buffers_handed_over: u64,
    /// Named Buffers that the adapter accepted.
    pub buffers_accepted: u64,
    /// Calls of the application that were refused with an error.
    pub refused_calls: u64,
    /// Bytes that the driver copied out of Anonymous Buffers.
    pub copied_bytes: u64,
    /// Bytes that an upload handed back in Anonymous Buffers (B6).
    pub uploaded_bytes: u64,
    /// Most bytes that stood in the connection's queue at once.
    pub most_queued_bytes: u64,
}

impl ConnectionStatistics {
    /// Bytes that arrived and that the application has not accepted: in the queue, or in requests not complete.
    pub fn queued_bytes(&self) -> u64 {
        (self.indicated_bytes + self.uploaded_bytes + self.dma_bytes)
            .saturating_sub(self.accepted_bytes)
    }
}

/// Counts of the whole driver since bring-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriverStatistics {
    /// Times that the interrupt line was found high.
    pub interrupts: u64,
    /// Of these, times with no event in the ring.
    pub spurious_interrupts: u64,
    /// Events acted on.
    pub events: u64,
    /// Commands committed.
    pub commands: u64,
    /// Commands that hand buffers to the adapter.
    pub grants: u64,
    /// Frames for the host stack.
    pub host_frames: u64,
    /// Bytes copied out of Anonymous Buffers of connections that sat on the whole pool, so that the others go on.
    pub relieved_bytes: u64,
    /// Connections offloaded so far.
    pub offloads: u64,
    /// Connections uploaded so far.
    pub uploads: u64,
    /// Calls of applications that were refused with an error.
    pub refused_calls: u64,
}
