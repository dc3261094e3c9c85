//! The adapter's model with its bus models: one call a clock, and runs of clocks until something happens.

use std::path::Path;

use crate::frame_source::{Beat, FrameSource, WireFrame};
use crate::host_memory::{HostMemory, MemoryFault, WriteAnswer, WriteRequest};
use crate::host_view::{HostCycle, HostView, Overlap};
use crate::recording::{Recording, Stimulus};
use crate::register_port::{Access, PortAnswer, PortRequest, RegisterPort};
use crate::stalls::{StallProfile, Stalls};

/// Duration of one clock cycle in picoseconds: 156.25 MHz.
pub const CYCLE_PICOSECONDS: u64 = 6_400;

/// The pins of the adapter's top module, whichever its parameters.
pub trait AdapterModel {
    /// One clock: inputs as they were set, then the rising edge.
    ///
    /// # Errors
    /// When the model stopped: `$stop`, `$fatal` or a failed assertion.
    fn cycle(&mut self) -> Result<(), verilated::Error>;
    /// Drives `rst`.
    fn set_reset(&mut self, reset: bool);
    /// Drives the frame stream.
    fn set_frame(&mut self, beat: &Beat);
    /// `s_axis_rx_tready`.
    fn frame_ready(&self) -> bool;
    /// Drives the answers on the write port.
    fn set_write_answer(&mut self, answer: &WriteAnswer);
    /// The write port.
    fn write_request(&self) -> WriteRequest;
    /// Drives the register port.
    fn set_port_request(&mut self, request: &PortRequest);
    /// The answers on the register port.
    fn port_answer(&self) -> PortAnswer;
    /// `interrupt_line`.
    fn interrupt(&self) -> bool;
    /// Starts a trace; the file's extension, `fst` or `vcd`, chooses the format.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn open_trace(&mut self, path: &Path) -> Result<(), verilated::Error>;
    /// Ends the trace.
    fn close_trace(&mut self);
    /// Shows in the trace what the host does in this cycle, if the model has pins for that.
    fn show_host(&mut self, cycle: &HostCycle) {
        let _ = cycle;
    }
}

/// Whichever model, chosen as the program runs.
impl AdapterModel for Box<dyn AdapterModel> {
    fn cycle(&mut self) -> Result<(), verilated::Error> {
        (**self).cycle()
    }
    fn set_reset(&mut self, reset: bool) {
        (**self).set_reset(reset);
    }
    fn set_frame(&mut self, beat: &Beat) {
        (**self).set_frame(beat);
    }
    fn frame_ready(&self) -> bool {
        (**self).frame_ready()
    }
    fn set_write_answer(&mut self, answer: &WriteAnswer) {
        (**self).set_write_answer(answer);
    }
    fn write_request(&self) -> WriteRequest {
        (**self).write_request()
    }
    fn set_port_request(&mut self, request: &PortRequest) {
        (**self).set_port_request(request);
    }
    fn port_answer(&self) -> PortAnswer {
        (**self).port_answer()
    }
    fn interrupt(&self) -> bool {
        (**self).interrupt()
    }
    fn open_trace(&mut self, path: &Path) -> Result<(), verilated::Error> {
        (**self).open_trace(path)
    }
    fn close_trace(&mut self) {
        (**self).close_trace();
    }
    fn show_host(&mut self, cycle: &HostCycle) {
        (**self).show_host(cycle);
    }
}

/// Implements [`AdapterModel`] for a generated model of the top module; with more methods, if some are given.
macro_rules! adapter_model {
    ($model:ty $(, $($method:tt)+)?) => {
        impl $crate::adapter::AdapterModel for $model {
            #[inline(always)]
            fn cycle(&mut self) -> Result<(), verilated::Error> {
                <$model>::cycle(self)
            }
            fn set_reset(&mut self, reset: bool) {
                self.set_rst(u8::from(reset));
            }
            #[inline(always)]
            fn set_frame(&mut self, beat: &$crate::frame_source::Beat) {
                self.set_s_axis_rx_tvalid(u8::from(beat.valid));
                self.set_s_axis_rx_tdata(beat.data);
                self.set_s_axis_rx_tkeep(beat.keep);
                self.set_s_axis_rx_tlast(u8::from(beat.last));
                self.set_s_axis_rx_tuser(u8::from(beat.user));
            }
            #[inline(always)]
            fn frame_ready(&self) -> bool {
                self.s_axis_rx_tready() != 0
            }
            #[inline(always)]
            fn set_write_answer(&mut self, answer: &$crate::host_memory::WriteAnswer) {
                self.set_m_axi_awready(u8::from(answer.aw_ready));
                self.set_m_axi_wready(u8::from(answer.w_ready));
                self.set_m_axi_bvalid(u8::from(answer.b_valid));
                self.set_m_axi_bresp(answer.b_response);
            }
            #[inline(always)]
            fn write_request(&self) -> $crate::host_memory::WriteRequest {
                $crate::host_memory::WriteRequest {
                    aw_valid: self.m_axi_awvalid() != 0,
                    aw_address: self.m_axi_awaddr(),
                    aw_length: self.m_axi_awlen(),
                    aw_size: self.m_axi_awsize(),
                    aw_burst: self.m_axi_awburst(),
                    w_valid: self.m_axi_wvalid() != 0,
                    w_data: self.m_axi_wdata(),
                    w_strobe: self.m_axi_wstrb(),
                    w_last: self.m_axi_wlast() != 0,
                    b_ready: self.m_axi_bready() != 0,
                }
            }
            #[inline(always)]
            fn set_port_request(&mut self, request: &$crate::register_port::PortRequest) {
                let address = (request.address & 0xfff) as u16;
                self.set_s_axil_awvalid(u8::from(request.aw_valid));
                self.set_s_axil_awaddr(address);
                self.set_s_axil_wvalid(u8::from(request.w_valid));
                self.set_s_axil_wdata(request.data);
                self.set_s_axil_wstrb(0xf);
                self.set_s_axil_bready(1);
                self.set_s_axil_arvalid(u8::from(request.ar_valid));
                self.set_s_axil_araddr(address);
                self.set_s_axil_rready(1);
            }
            #[inline(always)]
            fn port_answer(&self) -> $crate::register_port::PortAnswer {
                $crate::register_port::PortAnswer {
                    aw_ready: self.s_axil_awready() != 0,
                    w_ready: self.s_axil_wready() != 0,
                    b_valid: self.s_axil_bvalid() != 0,
                    b_response: self.s_axil_bresp(),
                    ar_ready: self.s_axil_arready() != 0,
                    r_valid: self.s_axil_rvalid() != 0,
                    r_data: self.s_axil_rdata(),
                    r_response: self.s_axil_rresp(),
                }
            }
            #[inline(always)]
            fn interrupt(&self) -> bool {
                self.interrupt_line() != 0
            }
            fn open_trace(&mut self, path: &std::path::Path) -> Result<(), verilated::Error> {
                <$model>::open_trace(self, path)
            }
            fn close_trace(&mut self) {
                <$model>::close_trace(self);
            }
            $($($method)+)?
        }
    };
}
pub(crate) use adapter_model;

/// What went wrong in a run of the adapter.
#[derive(Debug, thiserror::Error)]
pub enum AdapterFault {
    /// The model stopped.
    #[error(transparent)]
    Model(#[from] verilated::Error),
    /// The adapter broke a rule on its memory port.
    #[error("in cycle {cycle}: {fault}")]
    Memory {
        /// Clock cycle.
        cycle: u64,
        /// The rule.
        fault: MemoryFault,
    },
}

/// Shape of the world that the adapter is put into.
#[derive(Debug, Clone, Copy)]
pub struct AdapterSettings {
    /// Seed of all stalls.
    pub seed: u64,
    /// Stalls on the buses.
    pub stalls: StallProfile,
    /// Clock cycles from the last beat of a burst to its response.
    pub write_latency_cycles: u64,
    /// Bus address of the host memory.
    pub memory_base: u64,
    /// Bytes of host memory.
    pub memory_bytes: usize,
    /// Keep the spacing of frames on a 10 Gbit/s line; otherwise frames follow one another as fast as they are taken.
    pub line_rate: bool,
}

impl Default for AdapterSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            stalls: StallProfile::NONE,
            write_latency_cycles: 16,
            memory_base: 0x10_0000_0000,
            memory_bytes: 1 << 28,
            line_rate: true,
        }
    }
}

/// What the buses carried in one clock cycle.
#[derive(Debug, Clone, Copy)]
pub struct BusCycle {
    /// The frame stream.
    pub frame: Beat,
    /// Its `tready`.
    pub frame_ready: bool,
    /// The write port, adapter to memory.
    pub request: WriteRequest,
    /// The write port, memory to adapter.
    pub answer: WriteAnswer,
}

/// Why [`Adapter::run`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// A beat landed in the watched range of the host memory.
    Watched,
    /// A register read is done.
    Read,
    /// The interrupt line is high and every posted register write has arrived.
    Interrupt,
    /// Fewer frames are queued than asked for.
    FramesLow,
    /// The cycle asked for is reached.
    Limit,
    /// Nothing moved on any bus for [`IDLE_CYCLES`].
    Idle,
}

/// Cycles without any handshake after which the adapter counts as idle.
pub const IDLE_CYCLES: u64 = 256;

/// The adapter between its buses.
#[derive(Debug)]
pub struct Adapter<M> {
    model: M,
    /// Host memory.
    pub memory: HostMemory,
    port: RegisterPort,
    frames: FrameSource,
    cycle: u64,
    last_active: u64,
    /// Until this cycle the adapter may work without showing it.
    awake_until: u64,
    recording: Option<Recording>,
    host: HostView,
}

impl<M: AdapterModel> Adapter<M> {
    /// Puts `model` between its buses and holds it in reset for a few cycles.
    ///
    /// # Errors
    /// When the model stopped.
    pub fn new(mut model: M, settings: &AdapterSettings) -> Result<Self, AdapterFault> {
        let (stalls, seed) = (&settings.stalls, settings.seed);
        model.set_reset(true);
        model.set_frame(&Beat::default());
        model.set_write_answer(&WriteAnswer::default());
        model.set_port_request(&PortRequest::default());
        for place in [Some(0), None] {
            let (copy, beat) = (place, place);
            model.show_host(&HostCycle { copy, beat });
        }
        for _ in 0..8 {
            model.cycle()?;
        }
        model.set_reset(false);
        Ok(Self {
            model,
            memory: HostMemory::new(
                settings.memory_base,
                settings.memory_bytes,
                settings.write_latency_cycles,
                stalls,
                seed,
            ),
            port: RegisterPort::new(Stalls::new(seed, 5, stalls.register)),
            frames: FrameSource::new(Stalls::new(seed, 1, stalls.frame), settings.line_rate),
            cycle: 0,
            last_active: 0,
            awake_until: 0,
            recording: None,
            host: HostView::default(),
        })
    }

    /// Starts a waveform.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open_trace(&mut self, path: &Path) -> Result<(), AdapterFault> {
        Ok(self.model.open_trace(path)?)
    }

    /// Ends the waveform.
    pub fn close_trace(&mut self) {
        self.model.close_trace();
    }

    /// Clock cycles simulated since reset.
    #[inline]
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Records all stimuli from now on; only right from reset, without stalls and without a line rate, will
    /// clocking the recording give the same run.
    pub fn start_recording(&mut self) {
        self.recording = Some(Recording::default());
    }

    /// Ends the recording. `write_latency_cycles` is that of the settings.
    pub fn take_recording(&mut self, write_latency_cycles: u64) -> Option<Recording> {
        let mut recording = self.recording.take()?;
        recording.cycles = self.cycle;
        recording.frames = self.frames.sent();
        recording.write_latency_cycles = write_latency_cycles;
        recording.memory_base = self.memory.base();
        recording.memory_bytes = self.memory.size() as u64;
        Some(recording)
    }

    /// Queues a frame for the adapter.
    pub fn push_frame(&mut self, frame: WireFrame) {
        if let Some(recording) = &mut self.recording {
            recording
                .stimuli
                .push((self.cycle, Stimulus::Frame(frame.bytes.clone())));
        }
        self.frames.push(frame);
        self.last_active = self.cycle;
    }

    /// Frames queued and not yet wholly taken.
    pub fn frames_queued(&self) -> usize {
        self.frames.queued()
    }

    /// Frames taken.
    pub fn frames_sent(&self) -> u64 {
        self.frames.sent()
    }

    /// Queues a register access.
    pub fn push_access(&mut self, access: Access) {
        if let Some(recording) = &mut self.recording {
            let stimulus = match access {
                Access::Write { offset, value } => Stimulus::Write(offset, value),
                Access::Read { offset, .. } => Stimulus::Read(offset),
            };
            recording.stimuli.push((self.cycle, stimulus));
        }
        self.port.push(access);
        self.last_active = self.cycle;
    }

    /// Counts the adapter as busy for further `cycles`: a command makes it work inside for that long.
    pub fn keep_awake(&mut self, cycles: u64) {
        self.awake_until = self.awake_until.max(self.cycle) + cycles;
    }

    /// From now on counts the beats that land in `bytes` bytes from `address` on, a page of a Named Buffer, and the cycles in
    /// which the host copies to it; and shows both in the waveform of a model that can.
    pub fn watch_named_page(&mut self, address: u64, bytes: u64) {
        self.host.watch(address, bytes);
    }

    /// The host's processor begins to copy to `address`.
    pub fn begin_copy(&mut self, address: u64) {
        self.host.begin_copy(address);
    }

    /// That copy is done.
    pub fn end_copy(&mut self, address: u64) {
        self.host.end_copy(address);
    }

    /// Cycles of copying and of beats in Named Buffers, since the first page was watched.
    pub fn overlap(&self) -> Overlap {
        self.host.overlap()
    }

    /// The next finished register read: tag, and value or error response.
    pub fn take_read(&mut self) -> Option<(u64, Result<u32, u8>)> {
        self.port.take_read()
    }

    /// Register writes answered with an error.
    pub fn refused_writes(&self) -> u64 {
        self.port.refused_writes()
    }

    /// Whether the interrupt line is high and every posted write has arrived.
    #[inline]
    pub fn interrupt(&self) -> bool {
        self.model.interrupt() && !self.port.busy()
    }

    /// One clock cycle. Tells what the buses carried in it.
    ///
    /// # Errors
    /// When the model stopped or broke a rule on a bus.
    #[inline(always)]
    pub fn step(&mut self) -> Result<BusCycle, AdapterFault> {
        let beat = self.frames.drive();
        let answer = self.memory.drive();
        let request = self.model.write_request();
        let frame_ready = self.model.frame_ready();
        self.model.set_frame(&beat);
        self.model.set_write_answer(&answer);
        let port = self.port.drive();
        self.model.set_port_request(&port);
        let port_answer = self.model.port_answer();
        self.memory
            .clock(&request)
            .map_err(|fault| AdapterFault::Memory {
                cycle: self.cycle,
                fault,
            })?;
        self.frames.clock(frame_ready);
        self.port.clock(&port_answer);
        if self.host.is_used() {
            let shown = self.host.clock(self.memory.latest_beat());
            self.model.show_host(&shown);
        }
        self.cycle += 1;
        if beat.valid || request.aw_valid || request.w_valid || answer.b_valid || self.port.busy() {
            self.last_active = self.cycle;
        }
        self.model.cycle()?;
        Ok(BusCycle {
            frame: beat,
            frame_ready,
            request,
            answer,
        })
    }

    /// Clocks until something happens that somebody outside waits for: at the latest at cycle `limit`.
    ///
    /// `interrupt`: stop at an interrupt. `frames`: stop when fewer frames than this are queued.
    ///
    /// # Errors
    /// When the model stopped or broke a rule on a bus.
    pub fn run(
        &mut self,
        limit: u64,
        interrupt: bool,
        frames: usize,
    ) -> Result<Pause, AdapterFault> {
        loop {
            if self.memory.has_watched() {
                return Ok(Pause::Watched);
            }
            if self.port.has_read() {
                return Ok(Pause::Read);
            }
            if interrupt && self.interrupt() {
                return Ok(Pause::Interrupt);
            }
            if self.frames.queued() < frames {
                return Ok(Pause::FramesLow);
            }
            if self.cycle >= limit {
                return Ok(Pause::Limit);
            }
            if self.cycle - self.last_active > IDLE_CYCLES
                && self.cycle > self.awake_until
                && self.frames.queued() == 0
                && !self.memory.busy()
            {
                return Ok(Pause::Idle);
            }
            self.step()?;
        }
    }

    /// Lets `cycles` pass without clocking the model; only when it is idle, since nothing would move.
    pub fn skip(&mut self, cycles: u64) {
        self.cycle += cycles;
        self.last_active += cycles;
    }
}
