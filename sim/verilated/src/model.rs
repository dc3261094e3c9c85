//! What all models have in common.
//!
//! One of the modules with `unsafe`: it owns the C++ object of a model.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::path::Path;
use std::pin::Pin;

use cxx::UniquePtr;

use crate::context::{Context, writable};
use crate::error::{Error, Result};
use crate::ffi;

/// What every model can do. The generated types have the same methods of their own; the trait is for generic code.
pub trait Model: Sized {
    /// Name of the model, as in the build script.
    const NAME: &'static str;

    /// Makes a model. Its `initial` blocks run with the first evaluation.
    fn new(context: &Context) -> Result<Self>;

    /// Lets the model react to its inputs, at the present time.
    fn eval(&mut self) -> Result<()>;

    #[doc(hidden)]
    fn handle(&self) -> &Handle;

    #[doc(hidden)]
    fn handle_mut(&mut self) -> &mut Handle;

    /// The model's context.
    fn context(&self) -> &Context {
        self.handle().context()
    }

    /// Starts a waveform file, FST or VCD by the ending of its name. The file is complete when the trace is closed or the model dropped.
    fn open_trace(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.handle_mut().open_trace(path.as_ref())
    }

    /// Whether a waveform file is being written.
    fn is_tracing(&self) -> bool {
        self.handle().is_tracing()
    }

    /// Ends the waveform file.
    fn close_trace(&mut self) {
        self.handle_mut().close_trace();
    }

    /// Writes the model's whole state, and the time, to a file. The model must be built `savable`.
    fn save(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.handle_mut().save(path.as_ref())
    }

    /// Reads back a state that [`save`](Self::save) wrote.
    fn restore(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.handle_mut().restore(path.as_ref())
    }

    /// The model's whole state, and the time, as bytes.
    fn state(&mut self) -> Result<Vec<u8>> {
        self.handle_mut().state()
    }

    /// Puts back what [`state`](Self::state) returned. If it is of another model this fails, and the model should be made anew.
    fn set_state(&mut self, state: &[u8]) -> Result<()> {
        self.handle_mut().set_state(state)
    }

    /// Runs the `final` blocks.
    fn run_final(&mut self) -> Result<()> {
        self.handle_mut().run_final()
    }
}

/// What every model with a clock can do. A clock cycle begins with the clock low and ends after its rising edge.
pub trait Clocked: Model {
    /// Units of time in a clock cycle.
    const PERIOD: u64;

    /// Clock low: lets combinational outputs follow the inputs. May be called any number of times in a cycle.
    fn settle(&mut self) -> Result<()>;

    /// The rising edge; then time has advanced by a period.
    fn rise(&mut self) -> Result<()>;

    /// [`settle`](Self::settle) and [`rise`](Self::rise) in one call: a whole clock cycle.
    fn cycle(&mut self) -> Result<()>;

    /// So many clock cycles in one call, with the inputs as they are. Ends early when the RTL stops.
    fn cycles(&mut self, number: u64) -> Result<()>;
}

/// What stands before a saved state in a file: a signature, the length and a checksum (FNV-1a).
struct Header([u8; 32]);

impl Header {
    fn of(state: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        let checksum = state.iter().fold(0xcbf2_9ce4_8422_2325, step);
        let mut header = *b"verilated state\n................";
        header[16..24].copy_from_slice(&(state.len() as u64).to_le_bytes());
        header[24..].copy_from_slice(&checksum.to_le_bytes());
        Self(header)
    }
}

/// The part of a generated model that does not depend on its ports.
#[doc(hidden)]
pub struct Handle {
    // Field order is drop order: the model goes before its context.
    model: UniquePtr<ffi::Model>,
    raw: *mut c_void,
    context: Context,
}

impl Handle {
    /// Takes ownership of what a generated constructor returned for this context.
    ///
    /// # Safety
    ///
    /// `construct` must return null or a new `verilated_rs::Model` that nothing else owns.
    pub unsafe fn new(
        context: &Context,
        construct: unsafe extern "C" fn(*const c_void) -> *mut c_void,
    ) -> Result<Self> {
        let context_pointer: *const ffi::Context = context.raw();
        // SAFETY: the caller's promise; the context lives as long as the handle, which holds a clone.
        let raw = unsafe { construct(context_pointer.cast()) };
        if raw.is_null() {
            return Err(context.stop());
        }
        // SAFETY: not null, and by the caller's promise a model that nothing else owns.
        let model = unsafe { UniquePtr::from_raw(raw.cast::<ffi::Model>()) };
        Ok(Self {
            model,
            raw,
            context: context.clone(),
        })
    }

    /// The C++ object, for the generated calls.
    #[inline(always)]
    pub fn raw(&self) -> *mut c_void {
        self.raw
    }

    /// Turns the answer of a generated call into a result.
    #[inline(always)]
    pub fn check(&self, good: bool) -> Result<()> {
        if good {
            Ok(())
        } else {
            Err(self.context.stop())
        }
    }

    /// The model's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    fn pin(&mut self) -> Pin<&mut ffi::Model> {
        self.model.pin_mut()
    }

    /// See [`Model::open_trace`].
    pub fn open_trace(&mut self, path: &Path) -> Result<()> {
        let format = |reason| Error::TraceFormat {
            path: path.to_owned(),
            reason,
        };
        let fst = match path.extension().and_then(|extension| extension.to_str()) {
            Some("fst") if cfg!(feature = "fst") => true,
            Some("fst") => {
                return Err(format(
                    "FST traces were left out of this build (feature `fst`)",
                ));
            }
            Some("vcd") => false,
            _ => return Err(format("the name of a trace file ends in .fst or .vcd")),
        };
        let text = writable(path)?;
        let good = ffi::model_open_trace(self.pin(), text, fst);
        self.check(good)
    }

    /// See [`Model::is_tracing`].
    pub fn is_tracing(&self) -> bool {
        self.model.as_ref().is_some_and(ffi::model_has_trace)
    }

    /// Writes the present values to the waveform file, if there is one and time has passed since the last ones.
    pub fn dump(&mut self) {
        ffi::model_dump(self.pin());
    }

    /// Writes what is buffered to the waveform file.
    pub fn flush_trace(&mut self) {
        ffi::model_flush_trace(self.pin());
    }

    /// See [`Model::close_trace`].
    pub fn close_trace(&mut self) {
        ffi::model_close_trace(self.pin());
    }

    /// See [`Model::save`].
    pub fn save(&mut self, path: &Path) -> Result<()> {
        let state = self.state()?;
        writable(path)?;
        let header = Header::of(&state);
        let bytes = [&header.0[..], &state].concat();
        std::fs::write(path, bytes).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
    }

    /// See [`Model::restore`].
    pub fn restore(&mut self, path: &Path) -> Result<()> {
        let failed = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let bytes = std::fs::read(path).map_err(failed)?;
        let whole = bytes
            .split_first_chunk()
            .filter(|(header, state)| Header::of(state).0 == **header);
        let Some((_, state)) = whole else {
            let damaged = "not a saved state, or a damaged one";
            return Err(failed(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                damaged,
            )));
        };
        self.set_state(state)
    }

    /// See [`Model::state`].
    pub fn state(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let good = ffi::model_save(self.pin(), &mut bytes);
        self.check(good)?;
        Ok(bytes)
    }

    /// See [`Model::set_state`].
    pub fn set_state(&mut self, state: &[u8]) -> Result<()> {
        let good = ffi::model_restore(self.pin(), state);
        self.check(good)
    }

    /// See [`Model::run_final`].
    pub fn run_final(&mut self) -> Result<()> {
        let good = ffi::model_final(self.pin());
        self.check(good)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Also makes the context current, which the model's destructor may look at.
        self.close_trace();
    }
}
