//! A C++ program around a model, to compare its speed with that of Rust.

use std::path::{Path, PathBuf};

use super::compile::{Classes, Compiler, read, write};
use super::toolchain::Toolchain;
use super::{Error, Model};

/// The Verilator runtime, as far as a program without Rust needs it.
const RUNTIME: &[&str] = &[
    "verilated",
    "verilated_threads",
    "verilated_vcd_c",
    "verilated_save",
    "verilated_cov",
    "verilated_dpi",
];

/// Name of the executable in a folder.
pub const EXECUTABLE: &str = "program";

/// Compiles `source` and the generated C++ in `work` into an executable.
///
/// It is given every advantage: everything that runs in a clock cycle is one translation unit together with `source`, and
/// the code is not position-independent.
pub fn build(
    model: &Model,
    source: &Path,
    toolchain: &Toolchain,
    compiler: &Compiler,
    work: &Path,
    classes: &Classes,
) -> Result<(), Error> {
    let folder = work.join("bare");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Error::new(format!("{}: {error}", folder.display())))?;
    let include = |files: &[String]| -> String {
        files
            .iter()
            .map(|file| format!("#include \"{file}.cpp\"\n"))
            .collect()
    };
    let prefix = model.prefix();
    let user = read(source)?;
    let fast = format!(
        "{}using Bare = {prefix};\n#line 1 \"{}\"\n{user}",
        include(&classes.fast),
        source.display()
    );
    let slow = [
        &classes.slow[..],
        &classes.support_slow[..],
        &classes.support_fast[..],
    ];
    let mut units = vec![
        ("fast".to_owned(), fast, model.optimize),
        ("slow".to_owned(), include(&slow.concat()), 1),
    ];
    for file in RUNTIME {
        let text = format!(
            "#include \"{}\"\n",
            toolchain
                .include()
                .join(file)
                .with_extension("cpp")
                .display()
        );
        units.push((format!("runtime_{file}"), text, 3));
    }
    for (name, text, _) in &units {
        write(&folder.join(format!("{name}.cpp")), text)?;
    }
    let levels: Vec<_> = units
        .iter()
        .map(|(name, _, level)| (name.as_str(), *level))
        .collect();
    let flags = ["-I../model", "-fno-pie"].map(String::from);
    let objects = compiler.objects(&folder, &levels, &flags)?;
    compiler.link(&folder, &objects, &work.join(EXECUTABLE))
}

/// The environment variable that tells where the program of a model is.
pub fn variable(model: &Model) -> String {
    let name = model
        .name
        .to_ascii_uppercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("VERILATED_PROGRAM_{name}")
}

/// Where the program is put for the crate to use.
pub fn place(model: &Model, out: &Path) -> PathBuf {
    out.join(format!("{}-program", model.name))
}
