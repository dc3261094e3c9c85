//! Runs Verilator and the C++ compiler for one model.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Condvar, Mutex};

use super::cache::{Cache, Stamp, hash, hash_file};
use super::toolchain::{Toolchain, common_flags};
use super::{Error, Model, emit, ports, program};

const MODEL_H: &str = include_str!("../cpp/model.h");
const STATE_H: &str = include_str!("../cpp/state.h");
const PRINT_H: &str = include_str!("../cpp/print.h");

/// The C++ compiler with its flags, and the places where things are kept.
pub struct Compiler {
    tool: cc::Tool,
    archiver: PathBuf,
    ccache: bool,
    /// Identity of compiler and flags, part of every key.
    identity: u64,
    cache: Cache,
    out: PathBuf,
    crate_folder: PathBuf,
    /// The models that are looked at; all if not said.
    only: Option<Vec<String>>,
    jobs: Jobs,
}

/// Bounds how many processes run at a time.
struct Jobs {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Jobs {
    fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        if let Ok(mut free) = self.free.lock() {
            while *free == 0 {
                match self.freed.wait(free) {
                    Ok(guard) => free = guard,
                    Err(_) => return work(),
                }
            }
            *free -= 1;
        }
        let result = work();
        if let Ok(mut free) = self.free.lock() {
            *free += 1;
        }
        self.freed.notify_one();
        result
    }
}

impl Compiler {
    pub fn new(toolchain: &Toolchain) -> Result<Self, Error> {
        let folder = |name: &str| {
            let value = env::var_os(name)
                .ok_or_else(|| Error::new(format!("{name} is not set: not a build script")));
            value.map(PathBuf::from)
        };
        let mut build = cc::Build::new();
        common_flags(&mut build, toolchain);
        build.opt_level(0).warnings(false);
        let tool = build
            .try_get_compiler()
            .map_err(|error| Error::new(error.to_string()))?;
        let archiver = build
            .try_get_archiver()
            .map_err(|error| Error::new(error.to_string()))?;
        let version = Command::new(tool.path())
            .arg("--version")
            .output()
            .map(|output| output.stdout)
            .unwrap_or_default();
        let identity = hash((
            tool.path(),
            tool.args(),
            version,
            &toolchain.version,
            (MODEL_H, STATE_H, PRINT_H, env!("CARGO_PKG_VERSION")),
        ));
        println!("cargo::rerun-if-env-changed=VERILATED_NO_CCACHE");
        let wanted = env::var_os("VERILATED_NO_CCACHE").is_none() && tool.cc_env().is_empty();
        let ccache = wanted
            && Command::new("ccache")
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success());
        println!("cargo::rerun-if-env-changed=VERILATED_ONLY");
        let only = env::var("VERILATED_ONLY").ok();
        let only = only.map(|names| names.split(',').map(str::to_owned).collect());
        let jobs = env::var("NUM_JOBS")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(1usize)
            .max(1);
        Ok(Self {
            archiver: PathBuf::from(archiver.get_program()),
            tool,
            ccache,
            identity,
            cache: Cache::open()?,
            out: folder("OUT_DIR")?,
            crate_folder: folder("CARGO_MANIFEST_DIR")?,
            only,
            jobs: Jobs {
                free: Mutex::new(jobs),
                freed: Condvar::new(),
            },
        })
    }

    /// What was built last of a model that is not looked at.
    fn left_alone(&self, model: &Model, prefix: &str) -> Option<Stamp> {
        let only = self.only.as_ref()?;
        let named = only.contains(&model.name);
        (!named).then(|| self.cache.latest(prefix)).flatten()
    }

    /// Writes the list of all models, for `include_models!`.
    pub fn index(&self, models: &[Model]) -> Result<(), Error> {
        let lines = models
            .iter()
            .map(|model| format!("::verilated::include_model!(\"{}\");\n", model.name));
        write(
            &self.out.join("verilated_models.rs"),
            &lines.collect::<String>(),
        )
    }

    /// Compiles the translation units `NAME.cpp` of a folder, each at its optimisation level.
    pub fn objects(
        &self,
        folder: &Path,
        units: &[(&str, u32)],
        flags: &[String],
    ) -> Result<Vec<PathBuf>, Error> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = units
                .iter()
                .map(|(name, level)| scope.spawn(|| self.object(folder, name, *level, flags)))
                .collect();
            let panicked = || Err(Error::new("a build thread panicked"));
            let results = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| panicked()));
            results.collect()
        })
    }

    fn object(
        &self,
        folder: &Path,
        name: &str,
        level: u32,
        flags: &[String],
    ) -> Result<PathBuf, Error> {
        let mut command = if self.ccache {
            let mut command = Command::new("ccache");
            command.arg(self.tool.path()).args(self.tool.args());
            command.envs(self.tool.get_envs());
            command
        } else {
            self.tool.to_command()
        };
        let object = format!("{name}.o");
        command
            .current_dir(folder)
            .args(flags)
            .arg(format!("-O{level}"))
            .arg("-w");
        command
            .arg("-c")
            .arg(format!("{name}.cpp"))
            .arg("-o")
            .arg(&object);
        self.jobs.run(|| run(&mut command))?;
        Ok(folder.join(object))
    }

    /// Links objects into an executable without Rust.
    pub fn link(&self, folder: &Path, objects: &[PathBuf], to: &Path) -> Result<(), Error> {
        let mut command = self.tool.to_command();
        command
            .current_dir(folder)
            .arg("-no-pie")
            .args(objects)
            .arg("-o")
            .arg(to);
        command.args(["-pthread"]);
        self.jobs.run(|| run(&mut command)).map(drop)
    }
}

fn run(command: &mut Command) -> Result<Output, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| Error::new(format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    Err(Error::new(text.trim_end()))
}

/// Builds one model, or finds that it is built.
pub fn model(model: &Model, toolchain: &Toolchain, compiler: &Compiler) -> Result<(), Error> {
    let prefix = model.prefix();
    let arguments = model.verilator_arguments(toolchain);
    let folders: Vec<_> = model
        .include_dirs
        .iter()
        .chain(&model.library_dirs)
        .map(|folder| compiler.crate_folder.join(folder))
        .collect();
    // A file that appears in a folder may be found before the one that was read.
    let listings: Vec<_> = folders.iter().map(|folder| hash_file(folder)).collect();
    let key = hash((
        (
            &arguments,
            model,
            toolchain.binary.as_path(),
            emit::fst_wanted(model),
        ),
        (compiler.identity, &compiler.crate_folder, listings),
    ));

    let left_alone = compiler.left_alone(model, &prefix);
    let stamp = match left_alone.or_else(|| compiler.cache.fresh(&prefix, key)) {
        Some(stamp) => stamp,
        None => {
            let stamp = build(model, toolchain, compiler, &prefix, &arguments)?;
            compiler.cache.stamp(&prefix, key, &stamp)?;
            stamp
        }
    };
    Cache::touch(&stamp.entry);

    let library = format!("lib{}.a", library_name(&prefix));
    for (from, to) in [
        (library.clone(), library),
        ("model.rs".to_owned(), format!("{}.rs", model.name)),
    ] {
        copy(&stamp.entry.join(from), &compiler.out.join(to))?;
    }
    if model.program.is_some() {
        let place = program::place(model, &compiler.out);
        // Not written in place: it may be running.
        let _ = fs::remove_file(&place);
        copy(&stamp.entry.join(program::EXECUTABLE), &place)?;
        println!(
            "cargo::rustc-env={}={}",
            program::variable(model),
            place.display()
        );
    }
    for source in &stamp.sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    println!("cargo::rustc-link-search=native={}", compiler.out.display());
    println!("cargo::rustc-link-lib=static={}", library_name(&prefix));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let copied = fs::copy(from, to).map(drop);
    copied.map_err(|error| Error::new(format!("{}: {error}", to.display())))
}

fn library_name(prefix: &str) -> String {
    format!("verilated_{prefix}")
}

fn build(
    model: &Model,
    toolchain: &Toolchain,
    compiler: &Compiler,
    prefix: &str,
    arguments: &[String],
) -> Result<Stamp, Error> {
    let work = compiler.cache.work_folder(prefix)?;
    let trace: &[&str] = if model.trace { &["--trace"] } else { &[] };
    let mut sources = verilate(
        toolchain,
        compiler,
        &work.join("model"),
        trace,
        arguments,
        true,
    )?;
    let header = read(&work.join(format!("model/{prefix}.h")))?;
    let ports = ports::parse(&header);
    if let Some(port) = ports
        .iter()
        .find(|port| ports::RESERVED.contains(&port.member.as_str()))
    {
        return Err(Error::new(format!(
            "module {}: a port cannot be called `{}`, Verilator's class has a member of this name",
            model.top_module(),
            port.name
        )));
    }
    if let Some(clock) = &model.clock
        && !ports.iter().any(|port| &port.name == clock)
    {
        return Err(Error::new(format!(
            "module {} has no port `{clock}` to be its clock",
            model.top_module()
        )));
    }
    let classes = Classes::read(&work.join("model"), prefix)?;
    if model.trace {
        share_trace(&work.join("model"), prefix, &header)?;
    }
    let mut units = vec![
        (
            "fast",
            emit::fast(model, &ports, &classes.fast),
            model.optimize,
        ),
        (
            "slow",
            emit_slow(&[&classes.slow[..], &classes.support_slow[..]].concat()),
            model.optimize.min(1),
        ),
        (
            "trace",
            emit_slow(&classes.support_fast),
            model.optimize.min(2),
        ),
    ];
    if emit::fst_wanted(model) {
        verilate(
            toolchain,
            compiler,
            &work.join("fst"),
            &["--trace-fst"],
            arguments,
            false,
        )?;
        let classes = Classes::read(&work.join("fst"), prefix)?;
        let files: Vec<String> = [&classes.support_fast[..], &classes.support_slow[..]]
            .concat()
            .into_iter()
            .filter(|file| file.contains("__Trace"))
            .map(|file| format!("fst/{file}"))
            .collect();
        let connect = fst_connection(&read(&work.join(format!("fst/{prefix}.cpp")))?, prefix)?;
        units.push((
            "fst",
            emit::fst(model, &files, &connect),
            model.optimize.min(2),
        ));
    }
    for (name, text, _) in &units {
        write(&work.join(format!("{name}.cpp")), text)?;
    }
    write(&work.join("model.h"), MODEL_H)?;
    write(&work.join("state.h"), STATE_H)?;
    write(&work.join("print.h"), PRINT_H)?;
    write(&work.join("model.rs"), &emit::rust(model, &ports))?;

    let levels: Vec<_> = units
        .iter()
        .map(|(name, _, level)| (*name, *level))
        .collect();
    // A C++ program around the model is one more source.
    let program = model
        .program
        .as_ref()
        .map(|source| compiler.crate_folder.join(source));
    sources.extend(program.clone());
    let program_code = program.as_deref().map(hash_file);
    let code = hash((
        compiler.identity,
        &levels,
        hash_folder(&work)?,
        program_code,
    ));
    let entry = compiler.cache.entry(prefix, code);
    if entry.join("done").is_file() {
        let _ = fs::remove_dir_all(&work);
    } else {
        let flags = ["-Imodel", "-I.", "-include", "print.h"].map(String::from);
        let objects = compiler.objects(&work, &levels, &flags)?;
        if let Some(source) = &program {
            program::build(model, source, toolchain, compiler, &work, &classes)?;
        }
        let library = work.join(format!("lib{}.a", library_name(prefix)));
        run(Command::new(&compiler.archiver)
            .arg("crs")
            .arg(&library)
            .args(&objects))?;
        for object in objects {
            let _ = fs::remove_file(object);
        }
        compiler.cache.publish(&work, &entry)?;
    }
    Ok(Stamp {
        entry,
        sources: sources.into_iter().collect(),
    })
}

fn emit_slow(files: &[String]) -> String {
    files
        .iter()
        .map(|file| format!("#include \"{file}.cpp\"\n"))
        .collect()
}

/// Runs Verilator into `folder` and returns the Verilog files that it read.
fn verilate(
    toolchain: &Toolchain,
    compiler: &Compiler,
    folder: &Path,
    trace: &[&str],
    arguments: &[String],
    show_warnings: bool,
) -> Result<BTreeSet<PathBuf>, Error> {
    let mut command = Command::new(&toolchain.binary);
    command
        .env("VERILATOR_ROOT", &toolchain.root)
        .current_dir(&compiler.crate_folder);
    command.arg("-Mdir").arg(folder).args(trace).args(arguments);
    let output = compiler.jobs.run(|| run(&mut command))?;
    if show_warnings {
        for line in String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| line.starts_with("%Warning"))
        {
            println!("cargo::warning={line}");
        }
    }
    let prefix = arguments
        .iter()
        .skip_while(|argument| *argument != "--prefix")
        .nth(1)
        .cloned()
        .unwrap_or_default();
    let listing = read(&folder.join(format!("{prefix}__ver.d")))?;
    let (_, read_files) = listing
        .split_once(" : ")
        .ok_or_else(|| Error::new("Verilator's list of sources is not understood"))?;
    let program = fs::canonicalize(&toolchain.binary).unwrap_or_else(|_| toolchain.binary.clone());
    let files = read_files
        .split_whitespace()
        .map(|file| compiler.crate_folder.join(file));
    Ok(files
        .filter(|file| file.is_file() && fs::canonicalize(file).is_ok_and(|file| file != program))
        .collect())
}

/// The lists of files in Verilator's `_classes.mk`.
#[derive(Default)]
pub struct Classes {
    pub fast: Vec<String>,
    pub slow: Vec<String>,
    pub support_fast: Vec<String>,
    pub support_slow: Vec<String>,
}

impl Classes {
    fn read(folder: &Path, prefix: &str) -> Result<Self, Error> {
        let text = read(&folder.join(format!("{prefix}_classes.mk")))?;
        let mut classes = Self::default();
        let mut list: Option<&mut Vec<String>> = None;
        for line in text.lines() {
            if let Some((name, _)) = line.split_once("+=") {
                list = match name.trim() {
                    "VM_CLASSES_FAST" => Some(&mut classes.fast),
                    "VM_CLASSES_SLOW" => Some(&mut classes.slow),
                    "VM_SUPPORT_FAST" => Some(&mut classes.support_fast),
                    "VM_SUPPORT_SLOW" => Some(&mut classes.support_slow),
                    _ => None,
                };
            } else if line.starts_with(char::is_whitespace) {
                let file = line.trim().trim_end_matches('\\').trim();
                if let (Some(list), false) = (list.as_mut(), file.is_empty()) {
                    list.push(file.to_owned());
                }
            } else {
                list = None;
            }
        }
        if classes.fast.is_empty() {
            return Err(Error::new(format!("{prefix}_classes.mk lists no files")));
        }
        Ok(classes)
    }
}

/// Gives the model's class, made with VCD traces, a second way to connect a trace: FST.
///
/// Verilator makes a class for one format only. The functions of the other differ in their parameter types alone, so that
/// both can be linked; what is missing is the declaration of the one that connects a file.
fn share_trace(folder: &Path, prefix: &str, header: &str) -> Result<(), Error> {
    let old = "void trace(VerilatedVcdC* tfp, int levels, int options = 0);";
    let new = "void traceBaseModel(VerilatedTraceBaseC* tfp, int levels, int options);";
    let text = if header.contains(old) {
        header
            .replace("class VerilatedVcdC;", "class VerilatedVcdC;\nclass VerilatedFstC;")
            .replace(old, &format!(
                "{old}\n    void vcd_trace_model(VerilatedVcdC* tfp, int levels, int options) {{ trace(tfp, levels, options); }}\n    \
                 void fst_trace_model(VerilatedFstC* tfp, int levels, int options);"
            ))
    } else if header.contains(new) {
        header.replace(new, &format!(
            "{new}\n  public:\n    void vcd_trace_model(VerilatedTraceBaseC* tfp, int levels, int options) {{ traceBaseModel(tfp, levels, options); }}\n    \
             void fst_trace_model(VerilatedTraceBaseC* tfp, int levels, int options);"
        ))
    } else {
        return Err(Error::new(
            "this version of Verilator declares traces in an unknown way",
        ));
    };
    write(&folder.join(format!("{prefix}.h")), &text)
}

/// The code that connects an FST file, from the class that was made with FST traces.
fn fst_connection(code: &str, prefix: &str) -> Result<String, Error> {
    let unknown = || Error::new("this version of Verilator connects traces in an unknown way");
    let (_, from) = code
        .split_once("// Trace configuration\n")
        .ok_or_else(unknown)?;
    let section = from
        .split_once("//=====")
        .map_or(from, |(section, _)| section);
    let renamed = section
        .replace(
            &format!("{prefix}::trace(VerilatedFstC*"),
            &format!("{prefix}::fst_trace_model(VerilatedFstC*"),
        )
        .replace(
            &format!("{prefix}::traceBaseModel("),
            &format!("{prefix}::fst_trace_model("),
        );
    if renamed == section {
        return Err(unknown());
    }
    Ok(renamed)
}

/// A fingerprint of all the C++ and Rust in a folder and those in it.
fn hash_folder(folder: &Path) -> Result<u64, Error> {
    let failed = |error| Error::new(format!("{}: {error}", folder.display()));
    let mut parts = Vec::new();
    for item in fs::read_dir(folder).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() {
            parts.push((name, hash_folder(&path)?));
        } else if [".cpp", ".h", ".rs"]
            .iter()
            .any(|ending| name.ends_with(ending))
        {
            parts.push((name, hash_file(&path).unwrap_or_default()));
        }
    }
    parts.sort();
    Ok(hash(parts))
}

pub fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::new(format!("{}: {error}", path.display())))
}

pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error::new(format!("{}: {error}", path.display())))
}
