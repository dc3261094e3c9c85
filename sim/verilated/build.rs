//! Compiles the Verilator runtime, once for all models, when the run-time half is wanted.

#[cfg(feature = "runtime")]
#[path = "src/build/toolchain.rs"]
mod toolchain;

#[cfg(feature = "runtime")]
fn main() {
    if let Err(error) = runtime::compile() {
        println!("cargo::error={error}");
    }
}

#[cfg(not(feature = "runtime"))]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}

#[cfg(feature = "runtime")]
mod runtime {
    use super::toolchain::{Toolchain, common_flags};

    /// Files of the Verilator runtime, as far as the version has them; the linker takes what is used.
    const FILES: &[&str] = &[
        "verilated.cpp",
        "verilated_threads.cpp",
        "verilated_vcd_c.cpp",
        "verilated_save.cpp",
        "verilated_cov.cpp",
        "verilated_dpi.cpp",
        "verilated_probdist.cpp",
        "verilated_random.cpp",
    ];

    pub fn compile() -> Result<(), String> {
        let toolchain = Toolchain::find()?;
        for file in [
            "build.rs",
            "src/ffi.rs",
            "src/cpp",
            "src/build/toolchain.rs",
        ] {
            println!("cargo::rerun-if-changed={file}");
        }
        let include = toolchain.include();
        println!(
            "cargo::rerun-if-changed={}",
            include.join("verilated_config.h").display()
        );

        let fst = cfg!(feature = "fst").then_some("verilated_fst_c.cpp");
        let files = FILES
            .iter()
            .copied()
            .chain(fst)
            .map(|file| include.join(file))
            .filter(|file| file.exists());
        let mut build = cxx_build::bridge("src/ffi.rs");
        common_flags(&mut build, &toolchain);
        build
            .opt_level(3)
            .include("src/cpp")
            .flag("-include")
            .flag("print.h");
        build
            .file("src/cpp/runtime.cpp")
            .files(files)
            .flag("-pthread")
            .warnings(false);
        build
            .try_compile("verilated_runtime")
            .map_err(|error| error.to_string())?;

        if cfg!(feature = "fst") {
            println!("cargo::rustc-link-lib=z");
            if include.join("fstcpp").exists() {
                println!("cargo::rustc-link-lib=lz4");
            }
        }
        println!(
            "cargo::rustc-env=VERILATED_VERILATOR_VERSION={}",
            toolchain.version
        );
        // Build scripts of dependents see these as DEP_VERILATED_ROOT and so on.
        println!("cargo::metadata=ROOT={}", toolchain.root.display());
        println!("cargo::metadata=BINARY={}", toolchain.binary.display());
        Ok(())
    }
}
