//! What the simulated adapter says of itself, known without running it.

use toe_driver::registers::reset;
use toe_driver::{AdapterDefaults, IndicateWindowSize};

/// Connections that the simulated adapter holds at once.
pub const SIMULATED_CONNECTIONS: u32 = 512;

/// The defaults of the simulated adapter: the register map's reset values and its own parameters.
///
/// # Panics
/// When the register map gives a reset value of 0 to the indicate window, which B1 forbids.
#[must_use]
pub fn adapter_defaults() -> AdapterDefaults {
    AdapterDefaults {
        connections: SIMULATED_CONNECTIONS,
        nvram_indicate_window_size: None,
        reset_indicate_window_size: IndicateWindowSize::new(u64::from(reset::INDICATE_WINDOW_SIZE))
            .expect("a window of the register map"),
        anonymous_buffer_bytes: reset::ANONYMOUS_BUFFER_BYTES,
        host_frame_buffer_bytes: reset::HOST_FRAME_BUFFER_BYTES,
    }
}
