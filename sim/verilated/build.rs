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

        let patched = rand_state(&include.join("verilated.cpp"))?;
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
            .file(patched)
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
        println!("cargo::metadata=FST={}", u8::from(cfg!(feature = "fst")));
        Ok(())
    }

    /// Gives each context random numbers of its own, in a copy of the runtime's main file.
    ///
    /// Verilator's state belongs to the thread and is seeded anew whenever *any* thread sets a seed: with two models in a
    /// process, or two tests side by side, a seed would not make a run reproducible.
    fn rand_state(file: &std::path::Path) -> Result<std::path::PathBuf, String> {
        let told = |error| format!("{}: {error}", file.display());
        let mut text = std::fs::read_to_string(file).map_err(told)?;
        let replacements = [
            (
                "static thread_local uint64_t t_state[2];",
                "uint64_t* const t_state = verilated_rs_rand().state;",
            ),
            (
                "static thread_local VlRNG t_rng{0};",
                "VlRNG& t_rng = reinterpret_cast<VlRNG&>(verilated_rs_rand().state);",
            ),
            (
                "static thread_local uint32_t t_seedEpoch = 0;",
                "uint32_t& t_seedEpoch = verilated_rs_rand().seen;",
            ),
            (
                "if (VL_UNLIKELY(t_seedEpoch != VerilatedContextImp::randSeedEpoch())) {",
                "if (VL_UNLIKELY(t_seedEpoch != verilated_rs_rand().epoch)) {",
            ),
            (
                "t_seedEpoch = VerilatedContextImp::randSeedEpoch();",
                "t_seedEpoch = verilated_rs_rand().epoch;",
            ),
            (
                "VerilatedContextImp::s().s_randSeedEpoch = newEpoch;",
                "verilated_rs_reseed(this);",
            ),
        ];
        // The state has one of two forms.
        let mut missing = -1;
        for (from, to) in replacements {
            if text.contains(from) {
                text = text.replace(from, to);
            } else {
                missing += 1;
            }
        }
        if missing > 0 {
            println!(
                "cargo::warning=this version of Verilator keeps random numbers in an unknown way: \
                 models that run side by side may disturb each other's"
            );
            return Ok(file.to_owned());
        }
        let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
        let patched = std::path::Path::new(&out).join("verilated.cpp");
        std::fs::write(&patched, text).map_err(told)?;
        Ok(patched)
    }
}
