//! The build-script half: Verilog in, a linked model and its Rust type out.
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), verilated::build::Error> {
//!     verilated::build::Model::new("counter").source("counter.v").clock("clk").trace(true).compile()
//! }
//! ```

mod cache;
mod compile;
mod emit;
mod ports;
mod program;
mod toolchain;

use std::env;
use std::path::{Path, PathBuf};

pub use toolchain::Toolchain;

/// Why a model could not be built, in Verilator's or the compiler's own words.
///
/// Its `Debug` is its `Display`, so that `main` of a build script can simply return it.
pub struct Error(String);

impl Error {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// A Verilog design on its way to become a Rust type.
///
/// Relative paths are relative to the crate's folder.
#[derive(Debug, Clone, Hash)]
pub struct Model {
    name: String,
    top: Option<String>,
    sources: Vec<PathBuf>,
    arguments: Vec<String>,
    include_dirs: Vec<PathBuf>,
    library_dirs: Vec<PathBuf>,
    clock: Option<String>,
    period: u64,
    trace: bool,
    savable: bool,
    coverage: bool,
    deny_warnings: bool,
    optimize: u32,
    program: Option<PathBuf>,
}

impl Model {
    /// A model of this name. The name is that of the generated file and, in camel case, of the Rust type; it is also the
    /// name of the top module unless [`top`](Self::top) says another.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            top: None,
            sources: Vec::new(),
            arguments: Vec::new(),
            include_dirs: Vec::new(),
            library_dirs: Vec::new(),
            clock: None,
            period: 2,
            trace: false,
            savable: false,
            coverage: false,
            deny_warnings: false,
            optimize: 3,
            program: None,
        }
    }

    /// The top module, if its name is not that of the model.
    pub fn top(mut self, module: impl Into<String>) -> Self {
        self.top = Some(module.into());
        self
    }

    /// Adds a source file.
    pub fn source(mut self, file: impl Into<PathBuf>) -> Self {
        self.sources.push(file.into());
        self
    }

    /// Adds a folder for `` `include ``.
    pub fn include_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.include_dirs.push(folder.into());
        self
    }

    /// Adds a folder where modules that are not in the sources are found by name (`-y`).
    pub fn library_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.library_dirs.push(folder.into());
        self
    }

    /// Sets a parameter of the top module: a number, or a Verilog literal such as `32'h100` or `"text"`.
    pub fn parameter(self, name: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        self.argument(format!("-G{name}={value}"))
    }

    /// Defines a macro.
    pub fn define(self, name: &str) -> Self {
        self.argument(format!("+define+{name}"))
    }

    /// Turns assertions on: SystemVerilog ones, and the macro `ASSERTIONS` for those in plain Verilog.
    pub fn assertions(self, on: bool) -> Self {
        if on {
            self.argument("--assert").define("ASSERTIONS")
        } else {
            self
        }
    }

    /// Passes an argument to Verilator as it is.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Names the clock input: the type gets `settle`, `rise` and `cycle`.
    pub fn clock(mut self, port: impl Into<String>) -> Self {
        self.clock = Some(port.into());
        self
    }

    /// Units of time in a clock cycle, at least 2 (the default).
    pub fn period(mut self, units: u64) -> Self {
        self.period = units.max(2);
        self
    }

    /// Makes FST and VCD traces possible. Costs nothing in speed while no trace is open.
    pub fn trace(mut self, on: bool) -> Self {
        self.trace = on;
        self
    }

    /// Makes `save` and `restore` possible.
    pub fn savable(mut self, on: bool) -> Self {
        self.savable = on;
        self
    }

    /// Counts line, toggle and user coverage (slower). Verilator cannot have it together with `savable`.
    pub fn coverage(mut self, on: bool) -> Self {
        self.coverage = on;
        self
    }

    /// Lets Verilator's warnings fail the build instead of being shown as warnings of cargo.
    pub fn deny_warnings(mut self, on: bool) -> Self {
        self.deny_warnings = on;
        self
    }

    /// Optimisation level of the C++ compiler, 0 to 3 (the default), in every cargo profile.
    pub fn optimize(mut self, level: u32) -> Self {
        self.optimize = level.min(3);
        self
    }

    /// Also makes a C++ program around the same generated code, to compare speeds with. In the file the class of the model
    /// is called `Bare`. The program's path is in the environment variable `VERILATED_PROGRAM_` and the model's name in
    /// capitals, when the crate is compiled.
    pub fn program(mut self, file: impl Into<PathBuf>) -> Self {
        self.program = Some(file.into());
        self
    }

    /// Translates and compiles the model, unless nothing has changed since it was done last.
    pub fn compile(self) -> Result<(), Error> {
        compile_all([self])
    }

    /// Prefix of everything in C++: models of several crates may meet in one program.
    fn prefix(&self) -> String {
        let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
        let safe = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        format!("V{}_{}", safe(&package), safe(&self.name))
    }

    fn top_module(&self) -> &str {
        self.top.as_deref().unwrap_or(&self.name)
    }

    /// The arguments of Verilator, all but the output folder and the trace format.
    fn verilator_arguments(&self, toolchain: &Toolchain) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        let mut arguments: Vec<String> = [
            "--cc",
            "--output-split",
            "0",
            "-O3",
            "--x-assign",
            "unique",
            "--x-initial",
            "unique",
        ]
        .map(String::from)
        .into();
        arguments.extend([
            "--prefix".into(),
            self.prefix(),
            "--top-module".into(),
            self.top_module().into(),
        ]);
        if !self.arguments.iter().any(|argument| argument == "--timing") {
            arguments.push("--no-timing".into());
        }
        if !self.deny_warnings {
            arguments.push("-Wno-fatal".into());
        }
        if toolchain.number >= 5_030_000 {
            arguments.push("--quiet".into());
        }
        for (flag, on) in [("--savable", self.savable), ("--coverage", self.coverage)] {
            if on {
                arguments.push(flag.into());
            }
        }
        arguments.extend(
            self.include_dirs
                .iter()
                .map(|folder| format!("-I{}", text(folder))),
        );
        for folder in &self.library_dirs {
            arguments.extend(["-y".into(), text(folder)]);
        }
        arguments.extend(self.arguments.iter().cloned());
        arguments.extend(self.sources.iter().map(|file| text(file)));
        arguments
    }
}

/// Builds several models, as many at a time as cargo allows jobs; those that have not changed cost nothing.
///
/// `verilated::include_models!()` then brings in all of them.
pub fn compile_all(models: impl IntoIterator<Item = Model>) -> Result<(), Error> {
    let models: Vec<Model> = models.into_iter().collect();
    let toolchain = Toolchain::find()?;
    let compiler = compile::Compiler::new(&toolchain)?;
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for model in &models {
            // The compiler bounds how many processes run at a time.
            scope.spawn(|| {
                if let Err(error) = compile::model(model, &toolchain, &compiler)
                    && let Ok(mut failures) = failures.lock()
                {
                    failures.push(format!("model {}: {error}", model.name));
                }
            });
        }
    });
    let failures = failures
        .into_inner()
        .map_err(|_| Error::new("a build thread panicked"))?;
    // The first line stands out, the whole text is the build script's error.
    for failure in failures.iter().filter_map(|failure| failure.lines().next()) {
        println!("cargo::error={failure}");
    }
    if !failures.is_empty() {
        return Err(Error::new(failures.join("\n")));
    }
    compiler.index(&models)
}
