//! The two traits through which the driver reaches the adapter, and nothing else of the outside world.

use std::fmt;
use std::rc::Rc;

/// Address on the bus, as the adapter's DMA engine uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusAddress(u64);

impl BusAddress {
    /// The address `address`.
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Bits 31 to 0, as address registers and commands take them.
    pub const fn low(self) -> u32 {
        self.0 as u32
    }

    /// Bits 63 to 32.
    pub const fn high(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The address `bytes` further up; `None` where the address space ends.
    pub fn checked_add(self, bytes: u64) -> Option<Self> {
        self.0.checked_add(bytes).map(Self)
    }
}

impl fmt::Display for BusAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

/// Why an access to the bus failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The allocator has no such block.
    #[error("no {bytes} bytes of DMA memory aligned to {alignment} are left")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
        /// Alignment asked for.
        alignment: usize,
    },
    /// A memory access outside what was allocated.
    #[error("{bytes} bytes at bus address {address} are not allocated DMA memory")]
    NotAllocated {
        /// First byte of the access.
        address: BusAddress,
        /// Bytes of the access.
        bytes: usize,
    },
    /// The register port answered with an error.
    #[error("the register at offset {offset:#05x} answered with bus response {response}")]
    Response {
        /// Byte offset of the register.
        offset: u32,
        /// The response code of the bus.
        response: u8,
    },
    /// Whatever else the bus has to say.
    #[error("{reason}")]
    Other {
        /// One sentence.
        reason: String,
    },
}

/// Registers of the adapter and its interrupt.
///
/// Order: writes reach the adapter in the order in which they were made, and a read returns after every earlier
/// write has taken effect. A write may return before its effect is visible elsewhere (a posted write).
#[allow(async_fn_in_trait)] // One thread, no `Send` wanted: the driver runs on a current-thread executor.
pub trait Registers {
    /// Reads the 32-bit register at byte `offset`.
    async fn read(&self, offset: u32) -> Result<u32, BusError>;

    /// Writes the 32-bit register at byte `offset`.
    async fn write(&self, offset: u32, value: u32) -> Result<(), BusError>;

    /// Resolves while the interrupt line is high: at once if it is high already.
    async fn interrupt(&self);
}

/// Memory that the adapter can reach.
///
/// Order: a read that starts after the adapter's write was acknowledged on the bus sees it; an aligned read of
/// 8 bytes is never torn.
#[allow(async_fn_in_trait)] // As above.
pub trait DmaMemory {
    /// Allocates `bytes` zeroed bytes at a multiple of `alignment`, a power of two.
    fn allocate(&self, bytes: usize, alignment: usize) -> Result<BusAddress, BusError>;

    /// Gives back what [`allocate`](Self::allocate) returned.
    fn free(&self, address: BusAddress);

    /// Copies from `address` to `into`.
    async fn read(&self, address: BusAddress, into: &mut [u8]) -> Result<(), BusError>;

    /// Copies from `from` to `address`.
    async fn write(&self, address: BusAddress, from: &[u8]) -> Result<(), BusError>;
}

impl<T: Registers + ?Sized> Registers for Rc<T> {
    async fn read(&self, offset: u32) -> Result<u32, BusError> {
        (**self).read(offset).await
    }

    async fn write(&self, offset: u32, value: u32) -> Result<(), BusError> {
        (**self).write(offset, value).await
    }

    async fn interrupt(&self) {
        (**self).interrupt().await
    }
}

impl<T: DmaMemory + ?Sized> DmaMemory for Rc<T> {
    fn allocate(&self, bytes: usize, alignment: usize) -> Result<BusAddress, BusError> {
        (**self).allocate(bytes, alignment)
    }

    fn free(&self, address: BusAddress) {
        (**self).free(address);
    }

    async fn read(&self, address: BusAddress, into: &mut [u8]) -> Result<(), BusError> {
        (**self).read(address, into).await
    }

    async fn write(&self, address: BusAddress, from: &[u8]) -> Result<(), BusError> {
        (**self).write(address, from).await
    }
}
