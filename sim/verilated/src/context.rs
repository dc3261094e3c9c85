//! The surroundings of models: time, seed, plus-args, what they print.

use std::path::Path;
use std::rc::Rc;

use cxx::UniquePtr;

use crate::error::{Error, Result};
use crate::ffi;

/// What registers hold before anything is assigned to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomReset {
    /// All zeros (the default).
    Zeros,
    /// All ones.
    Ones,
    /// Random bits, a function of the seed.
    Random,
}

/// The surroundings of one or more models: time, seed, plus-args, and what they print.
///
/// Cheap to clone; clones are the same context. Models keep theirs alive. Any number of contexts may live in a process,
/// each with its own time; a model and its context stay on one thread.
///
/// ```
/// use verilated::{Context, RandomReset};
///
/// let context = Context::new().seed(7).random_reset(RandomReset::Random).plus_arg("depth=3");
/// assert_eq!(context.time(), 0);
/// ```
#[derive(Clone)]
pub struct Context {
    inner: Rc<UniquePtr<ffi::Context>>,
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("time", &self.time())
            .field("finished", &self.finished())
            .finish()
    }
}

impl Context {
    /// A context at time 0 with seed 1: runs are reproducible unless told otherwise.
    pub fn new() -> Self {
        Self {
            inner: Rc::new(ffi::new_context()),
        }
    }

    pub(crate) fn raw(&self) -> &ffi::Context {
        &self.inner
    }

    /// Sets the seed of random reset values and of `$random`. Set it before models are made.
    pub fn seed(self, seed: u64) -> Self {
        // Verilator takes 31 bits, and 0 would mean "take one from the clock". Small seeds stay as they are.
        let mixed = (seed ^ (seed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 33;
        let folded = if seed < 0x7fff_ffff {
            seed
        } else {
            mixed & 0x7fff_ffff
        };
        ffi::set_seed(
            self.raw(),
            if folded == 0 {
                0x7fff_ffff
            } else {
                folded as i32
            },
        );
        self
    }

    /// Chooses what registers hold at first. Set it before models are made.
    pub fn random_reset(self, mode: RandomReset) -> Self {
        let mode = match mode {
            RandomReset::Zeros => 0,
            RandomReset::Ones => 1,
            RandomReset::Random => 2,
        };
        ffi::set_random_reset(self.raw(), mode);
        self
    }

    /// Adds an argument for `$test$plusargs` and `$value$plusargs`, with or without its `+`.
    pub fn plus_arg(self, argument: impl AsRef<str>) -> Self {
        let argument = argument.as_ref();
        if argument.starts_with('+') {
            ffi::add_argument(self.raw(), argument);
        } else {
            ffi::add_argument(self.raw(), &format!("+{argument}"));
        }
        self
    }

    /// Simulated time, in units of the time precision.
    pub fn time(&self) -> u64 {
        ffi::get_time(self.raw())
    }

    /// Sets the simulated time, for models without a clock of their own.
    pub fn set_time(&self, time: u64) {
        ffi::set_time(self.raw(), time);
    }

    /// Lets time pass.
    pub fn advance_time(&self, by: u64) {
        self.set_time(self.time() + by);
    }

    /// The unit of time as a power of ten of a second: -12 is a picosecond.
    pub fn time_precision(&self) -> i32 {
        ffi::get_time_precision(self.raw())
    }

    /// Whether a model has met `$finish`.
    pub fn finished(&self) -> bool {
        ffi::is_finished(self.raw())
    }

    /// From now on keeps what the models print for [`take_output`](Self::take_output) instead of printing it.
    pub fn capture_output(self) -> Self {
        ffi::set_capture(self.raw(), true);
        self
    }

    /// What the models have printed since the last call, if output is captured.
    pub fn take_output(&self) -> String {
        String::from_utf8_lossy(&ffi::take_output(self.raw())).into_owned()
    }

    /// Writes the coverage counters of models that were built with coverage, for `verilator_coverage`.
    pub fn write_coverage(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = writable(path)?;
        ffi::write_coverage(self.raw(), text).map_err(|error| Error::Fatal {
            file: text.to_owned(),
            line: 0,
            message: error.what().to_owned(),
            time: self.time(),
        })
    }

    /// The stop that was recorded, as an error.
    #[cold]
    pub(crate) fn stop(&self) -> Error {
        let stop = ffi::take_stop(self.raw());
        if stop.fatal {
            Error::Fatal {
                file: stop.file,
                line: stop.line,
                message: stop.message,
                time: stop.time,
            }
        } else {
            Error::Stopped {
                file: stop.file,
                line: stop.line,
                message: stop.message,
                time: stop.time,
            }
        }
    }
}

/// Makes sure that a file can be written, its folder included, so that the C++ side cannot fail silently.
pub(crate) fn writable(path: &Path) -> Result<&str> {
    let file = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(file)?;
    }
    std::fs::File::create(path).map_err(file)?;
    path.to_str().ok_or_else(|| {
        let reason = "the path is not UTF-8";
        file(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            reason,
        ))
    })
}
