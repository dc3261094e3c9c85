//! The `toe` command as a script sees it: one line and status 2 for whatever the user can mend.
#![allow(missing_docs)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn toe(arguments: &[&str]) -> Output {
    Command::cargo_bin("toe")
        .expect("the binary is built with its tests")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

/// The command refuses: status 2, nothing on standard output, one line that has all these parts.
fn refuses(arguments: &[&str], parts: &[&str]) {
    let output = toe(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
    assert!(errors.starts_with("toe: "), "{arguments:?}: {errors}");
    for part in parts {
        assert!(
            errors.contains(part),
            "{arguments:?}: {errors} lacks {part}"
        );
    }
}

/// A folder with files to try: a good capture and bad ones.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let good = demo_capture();
        desk.file("good.pcap", &good);
        desk.file("cut.pcap", &good[..good.len() - 11]);
        desk.file("empty.pcap", &good[..24]);
        desk.file("nothing.pcap", b"");
        desk.file("text.pcap", b"this is no capture\n");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&good).expect("memory");
        let packed = encoder.finish().expect("memory");
        desk.file("cut.pcap.gz", &packed[..packed.len() / 2]);
        let mut link = good;
        link[20..24].copy_from_slice(&249u32.to_le_bytes());
        desk.file("link.pcap", &link);
        desk
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).expect("a writable folder");
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// A bundled capture.
fn demo_capture() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/multi16_loss2_4k.pcap");
    fs::read(path).expect("the bundled capture")
}

#[test]
fn bad_captures_are_refused_by_name_place_and_reason() {
    let desk = Desk::new();
    for (name, parts) in [
        ("absent.pcap", ["no such file", ""]),
        ("text.pcap", ["not a capture", "74 68 69 73"]),
        ("nothing.pcap", ["not a capture", "nothing"]),
        ("cut.pcap", ["cut in mid-record", "frame 233 at byte"]),
        ("cut.pcap.gz", ["cut in mid-record", "frame"]),
        ("empty.pcap", ["holds no frames", ""]),
        (
            "link.pcap",
            ["unsupported link type 249", "the file header"],
        ),
        ("", ["directory", ""]),
    ] {
        let path = desk.path(name);
        refuses(&["replay", &path], &[&path, parts[0], parts[1]]);
    }
}

#[test]
fn a_bad_capture_behind_a_good_one_is_found_before_anything_is_written() {
    let desk = Desk::new();
    let (good, cut) = (desk.path("good.pcap"), desk.path("cut.pcap"));
    let (streams, json) = (desk.path("streams"), desk.path("report.json"));
    desk.file("report.json", b"of the day before");
    refuses(
        &[
            "replay",
            &good,
            &cut,
            "--streams",
            &streams,
            "--json",
            &json,
        ],
        &[&cut, "cut in mid-record", "--salvage"],
    );
    assert!(!Path::new(&streams).exists());
    assert_eq!(fs::read(&json).expect("still there"), b"of the day before");
}

#[test]
fn bad_values_are_refused_by_option_and_range() {
    let desk = Desk::new();
    let good = desk.path("good.pcap");
    for (option, value, part) in [
        ("--window", "0", "1 to 4294967295 bytes"),
        ("--window", "4294967296", "1 to 4294967295 bytes"),
        ("--window", "-5", "1 to 4294967295 bytes"),
        ("--window", "many", "1 to 4294967295 bytes"),
        ("--pace", "fast", "10Gbit"),
        ("--pace", "0bit", "at least 1bit"),
        ("--app", "lazy", "accept"),
        ("--policy", "none", "indicate"),
        ("--seed", "x", "x"),
        ("--max-connections", "0", "0"),
        ("--think", "3 hours", "ns, us, ms or s"),
        ("--acknowledge", "1.5", "fraction"),
        ("--stalls", "often", "heavy"),
    ] {
        let value = format!("{option}={value}");
        refuses(&["replay", &good, &value], &[option, part]);
    }
}

#[test]
fn contradictory_options_are_refused_by_name() {
    let desk = Desk::new();
    let good = desk.path("good.pcap");
    let one = desk.path("one");
    refuses(&["replay"], &["CAPTURE"]);
    refuses(
        &["replay", &good, "--think", "5us"],
        &["--think", "--app stream"],
    );
    refuses(
        &["replay", &good, "--app", "slow", "--buffer", "70000"],
        &["--buffer", "--app slow"],
    );
    refuses(
        &["replay", &good, "--app", "transaction", "--ahead", "2"],
        &["--ahead", "--app transaction"],
    );
    refuses(
        &["replay", &good, "--policy", "copy", "--window", "9000"],
        &["--window", "policy copy"],
    );
    refuses(
        &[
            "replay",
            &good,
            "--policy",
            "hold-off",
            "--acknowledge",
            "0.5",
        ],
        &["--acknowledge", "policy hold-off"],
    );
    refuses(
        &["replay", &good, "--json", &one, "--transmitted", &one],
        &["--json", "--transmitted"],
    );
    refuses(
        &["replay", &good, "--json", &good],
        &["--json", "one of the captures"],
    );
    refuses(
        &["replay", &good, "--trace", "wave.txt"],
        &["--trace", ".fst", ".vcd"],
    );
    refuses(
        &["replay", &good, "--json", "a", "--json", "b"],
        &["--json"],
    );
    refuses(&["dance"], &["dance"]);
}

#[test]
fn a_bad_parameter_file_is_refused_by_line_and_key() {
    let desk = Desk::new();
    let good = desk.path("good.pcap");
    for (text, parts) in [
        (
            "indicate_window_size = 9\nwindow = 5\n",
            ["params.toml:2", "unknown key `window`"],
        ),
        (
            "indicate_window_size = 0\n",
            ["params.toml:1", "out of range"],
        ),
        ("acknowledge = \n", ["params.toml:1", ""]),
    ] {
        desk.file("params.toml", text.as_bytes());
        let path = desk.path("params.toml");
        refuses(&["replay", &good, "--params", &path], &parts);
        refuses(&["params", "--params", &path], &parts);
    }
    let absent = desk.path("absent.toml");
    refuses(&["params", "--params", &absent], &[&absent, "No such file"]);
}

#[test]
fn outputs_that_cannot_be_written_are_found_before_the_run() {
    let desk = Desk::new();
    let good = desk.path("good.pcap");
    let below_a_file = desk.path("text.pcap/out");
    refuses(
        &["replay", &good, "--streams", &below_a_file],
        &[&below_a_file, "cannot be written"],
    );
    refuses(
        &["replay", &good, "--json", &below_a_file],
        &[&below_a_file, "cannot be written"],
    );
    let nowhere = desk.path("no/folder/run.fst");
    refuses(
        &["replay", &good, "--trace", &nowhere],
        &[&nowhere, "the folder does not exist"],
    );
    let folder = desk.path("");
    refuses(
        &["replay", &good, "--transmitted", &folder],
        &[&folder, "cannot be written"],
    );
}

#[test]
fn params_tells_every_setting_and_its_source() {
    let desk = Desk::new();
    desk.file(
        "params.toml",
        b"indicate_window_size = 1460\nacknowledge = 0.5\n",
    );
    let path = desk.path("params.toml");
    let output = toe(&[
        "params",
        "--params",
        &path,
        "--acknowledge",
        "every-acceptance",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |key: &str| {
        text.lines()
            .find(|line| line.contains(key))
            .expect(key)
            .to_owned()
    };
    assert!(line("indicate_window_size").contains("1460"));
    assert!(line("indicate_window_size").contains("params.toml"));
    assert!(line("acknowledge").contains("every-acceptance"));
    assert!(line("acknowledge").contains("user interface"));
    assert!(line("anonymous_buffer_bytes").contains("reset value"));
}

#[test]
fn help_teaches_and_completions_name_the_commands() {
    for command in ["replay", "capture", "params", "bench", "completions"] {
        let output = toe(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(output.stdout.len() > 300, "{command}");
    }
    let help = String::from_utf8_lossy(&toe(&["replay", "--help"]).stdout).into_owned();
    for option in [
        "--window",
        "--policy",
        "--params",
        "--seed",
        "--app",
        "--pace",
        "--streams",
        "--json",
        "--trace",
        "--transmitted",
        "--max-connections",
        "--repair-checksums",
    ] {
        assert!(help.contains(option), "{option}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let output = toe(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("replay"),
            "{shell}"
        );
    }
    let output = toe(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage"));
}

#[test]
fn capture_refuses_an_interface_that_is_not_there_and_a_file_that_is() {
    let desk = Desk::new();
    let output = desk.path("new.pcapng");
    refuses(
        &["capture", "no-such-if0", "-o", &output],
        &["no-such-if0", "no such interface", "lo"],
    );
    assert!(!Path::new(&output).exists());
    let good = desk.path("good.pcap");
    let before = fs::read(&good).expect("there");
    // Without rights to open the socket, that is what it says instead.
    let output = toe(&["capture", "lo", "-o", &good, "--count", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(&good).expect("still there"), before);
}
