//! One way to drive every size of the receive path: its pins by name.

use std::path::Path;

use verilated::Error;

/// The pins of `receive_path`, whatever its parameters.
pub trait Pins: Sized {
    /// Connections, bytes of a ring, islands.
    const SIZE: (usize, i64, usize);
    /// A model after reset, with a waveform if there is a path for one.
    fn start(seed: u64, wave: Option<&Path>) -> Result<Self, Error>;
    /// Puts the inputs on the pins.
    fn drive(&mut self, inputs: &Inputs);
    /// Outputs follow the inputs.
    fn settle(&mut self) -> Result<(), Error>;
    /// The clock rises.
    fn rise(&mut self) -> Result<(), Error>;
    /// What stands on the outputs.
    fn outputs(&self) -> Outputs;
}

/// Inputs of one cycle; a stream is valid if its payload is there.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Segment header.
    pub segment: Option<[u32; 4]>,
    /// Payload word and whether it is the last.
    pub payload: Option<(u64, bool)>,
    /// Whether the verdict is good.
    pub verdict: Option<bool>,
    /// Opcode, connection, bytes.
    pub command: Option<(u8, u16, u32)>,
    /// Address and number.
    pub buffer: Option<(u64, u16)>,
    /// Bytes of an Anonymous Buffer.
    pub buffer_bytes: u16,
    /// The transfer is taken if there is one.
    pub transfer_ready: bool,
    /// The word is taken if there is one.
    pub data_ready: bool,
}

/// Outputs of one cycle.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// `segment_ready`.
    pub segment_ready: bool,
    /// `payload_ready`.
    pub payload_ready: bool,
    /// `verdict_ready`.
    pub verdict_ready: bool,
    /// `window_command_ready`.
    pub command_ready: bool,
    /// `anonymous_buffer_ready`.
    pub buffer_ready: bool,
    /// The transfer offered.
    pub transfer: Option<[u32; 5]>,
    /// The word offered.
    pub data: Option<u64>,
    /// Answer to a window command: the reason, 0 if it was obeyed.
    pub answer: Option<u8>,
    /// The connection that is closed.
    pub closed: Option<u16>,
    /// Counter pulses.
    pub count: u32,
}

/// Implements [`Pins`] for a model of `receive_path`.
#[macro_export]
macro_rules! receive_path_pins {
    ($model:ty, $size:expr) => {
        impl $crate::receive_bench::pins::Pins for $model {
            const SIZE: (usize, i64, usize) = $size;

            fn start(seed: u64, wave: Option<&std::path::Path>) -> Result<Self, verilated::Error> {
                let context = verilated::Context::new()
                    .seed(seed)
                    .random_reset(verilated::RandomReset::Random);
                let mut dut = <$model>::new(&context)?;
                if let Some(wave) = wave {
                    dut.open_trace(wave)?;
                }
                // No Named Buffers here: those are for the tests of the whole adapter.
                dut.set_window_command_words(&[0; 5]);
                dut.set_push_timer_cycles(1000);
                dut.set_rst(1);
                dut.cycle()?;
                dut.cycle()?;
                dut.set_rst(0);
                Ok(dut)
            }

            fn drive(&mut self, inputs: &$crate::receive_bench::pins::Inputs) {
                self.set_segment_valid(inputs.segment.is_some().into());
                if let Some(header) = &inputs.segment {
                    self.set_segment_header(header);
                }
                self.set_payload_valid(inputs.payload.is_some().into());
                if let Some((data, last)) = inputs.payload {
                    self.set_payload_data(data);
                    self.set_payload_last(last.into());
                }
                self.set_verdict_valid(inputs.verdict.is_some().into());
                self.set_verdict_good(inputs.verdict.unwrap_or_default().into());
                self.set_window_command_valid(inputs.command.is_some().into());
                if let Some((opcode, connection, bytes)) = inputs.command {
                    self.set_window_command_opcode(opcode);
                    self.set_window_command_connection(connection);
                    self.set_window_command_bytes(bytes);
                }
                self.set_anonymous_buffer_valid(inputs.buffer.is_some().into());
                if let Some((address, number)) = inputs.buffer {
                    self.set_anonymous_buffer_address(address);
                    self.set_anonymous_buffer_number(number);
                }
                self.set_anonymous_buffer_bytes(inputs.buffer_bytes);
                self.set_transfer_ready(inputs.transfer_ready.into());
                self.set_transfer_data_ready(inputs.data_ready.into());
            }

            fn settle(&mut self) -> Result<(), verilated::Error> {
                <$model>::settle(self)
            }

            fn rise(&mut self) -> Result<(), verilated::Error> {
                <$model>::rise(self)
            }

            fn outputs(&self) -> $crate::receive_bench::pins::Outputs {
                $crate::receive_bench::pins::Outputs {
                    segment_ready: self.segment_ready() == 1,
                    payload_ready: self.payload_ready() == 1,
                    verdict_ready: self.verdict_ready() == 1,
                    command_ready: self.window_command_ready() == 1,
                    buffer_ready: self.anonymous_buffer_ready() == 1,
                    transfer: (self.transfer_valid() == 1).then(|| *self.transfer_header()),
                    data: (self.transfer_data_valid() == 1).then(|| self.transfer_data()),
                    answer: (self.window_answer_valid() == 1).then(|| self.window_answer_reason()),
                    closed: (self.closed_valid() == 1).then(|| self.closed_connection()),
                    count: self.count(),
                }
            }
        }
    };
}
