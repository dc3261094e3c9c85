//! The host's end of the AXI4-Lite port: posted writes and reads, in order.

use std::collections::VecDeque;

use crate::stalls::Stalls;

/// An access of the host to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A posted write.
    Write {
        /// Byte offset.
        offset: u32,
        /// Value.
        value: u32,
    },
    /// A read; its result comes out of [`RegisterPort::take_read`] under `tag`.
    Read {
        /// Byte offset.
        offset: u32,
        /// Chosen by the caller.
        tag: u64,
    },
}

/// What the port drives in one cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortRequest {
    /// `awvalid`.
    pub aw_valid: bool,
    /// `wvalid`.
    pub w_valid: bool,
    /// `awaddr` or `araddr`.
    pub address: u32,
    /// `wdata`.
    pub data: u32,
    /// `arvalid`.
    pub ar_valid: bool,
}

/// What the adapter drives on the port in the same cycle.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortAnswer {
    /// `awready`.
    pub aw_ready: bool,
    /// `wready`.
    pub w_ready: bool,
    /// `bvalid`.
    pub b_valid: bool,
    /// `bresp`.
    pub b_response: u8,
    /// `arready`.
    pub ar_ready: bool,
    /// `rvalid`.
    pub r_valid: bool,
    /// `rdata`.
    pub r_data: u32,
    /// `rresp`.
    pub r_response: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Address or data of a write are still to be taken.
    Write {
        address: bool,
        data: bool,
    },
    WriteResponse,
    ReadAddress,
    ReadData,
}

/// AXI4-Lite master. One access at a time; reads wait for the writes before them, as on PCI Express.
///
/// It always takes responses: tie `bready` and `rready` high.
#[derive(Debug)]
pub struct RegisterPort {
    queue: VecDeque<Access>,
    current: Option<Access>,
    phase: Phase,
    stalls: Stalls,
    reads: VecDeque<(u64, Result<u32, u8>)>,
    refused_writes: u64,
}

impl RegisterPort {
    /// A port with nothing to do.
    pub fn new(stalls: Stalls) -> Self {
        Self {
            queue: VecDeque::new(),
            current: None,
            phase: Phase::Idle,
            stalls,
            reads: VecDeque::new(),
            refused_writes: 0,
        }
    }

    /// Queues an access.
    pub fn push(&mut self, access: Access) {
        self.queue.push_back(access);
    }

    /// Whether an access is queued or under way.
    #[inline]
    pub fn busy(&self) -> bool {
        self.current.is_some() || !self.queue.is_empty()
    }

    /// The next finished read: its tag, and the value or the error response.
    #[inline]
    pub fn take_read(&mut self) -> Option<(u64, Result<u32, u8>)> {
        self.reads.pop_front()
    }

    /// Whether a finished read waits to be taken.
    #[inline]
    pub fn has_read(&self) -> bool {
        !self.reads.is_empty()
    }

    /// Writes that were answered with an error.
    pub fn refused_writes(&self) -> u64 {
        self.refused_writes
    }

    /// What the port drives in the coming cycle.
    #[inline]
    pub fn drive(&mut self) -> PortRequest {
        if self.current.is_none() && !self.queue.is_empty() && !self.stalls.stall() {
            self.current = self.queue.pop_front();
            self.phase = match self.current {
                Some(Access::Write { .. }) => Phase::Write {
                    address: true,
                    data: true,
                },
                _ => Phase::ReadAddress,
            };
        }
        let (address, data) = match self.current {
            Some(Access::Write { offset, value }) => (offset, value),
            Some(Access::Read { offset, .. }) => (offset, 0),
            None => return PortRequest::default(),
        };
        let (aw_valid, w_valid) = match self.phase {
            Phase::Write { address, data } => (address, data),
            _ => (false, false),
        };
        let ar_valid = self.phase == Phase::ReadAddress;
        PortRequest {
            aw_valid,
            w_valid,
            address,
            data,
            ar_valid,
        }
    }

    /// Takes what the adapter drove in that cycle.
    #[inline]
    pub fn clock(&mut self, answer: &PortAnswer) {
        self.phase = match self.phase {
            Phase::Write { address, data } => {
                let address = address && !answer.aw_ready;
                let data = data && !answer.w_ready;
                if !address && !data && answer.b_valid {
                    self.end_write(answer.b_response)
                } else if address || data {
                    Phase::Write { address, data }
                } else {
                    Phase::WriteResponse
                }
            }
            Phase::WriteResponse if answer.b_valid => self.end_write(answer.b_response),
            Phase::ReadAddress if answer.ar_ready => Phase::ReadData,
            Phase::ReadData if answer.r_valid => {
                if let Some(Access::Read { tag, .. }) = self.current.take() {
                    let value = match answer.r_response {
                        0 => Ok(answer.r_data),
                        response => Err(response),
                    };
                    self.reads.push_back((tag, value));
                }
                Phase::Idle
            }
            phase => phase,
        };
    }

    fn end_write(&mut self, response: u8) -> Phase {
        self.refused_writes += u64::from(response != 0);
        self.current = None;
        Phase::Idle
    }
}
