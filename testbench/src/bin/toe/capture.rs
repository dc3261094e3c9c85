//! `toe capture`: records live frames.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use toe_testbench::capture::{Limits, PcapngWriter, Recorder};
use toe_testbench::report::grouped;

use crate::arguments::CaptureArguments;
use crate::error::Failure;
use crate::progress;

pub(crate) fn run(arguments: &CaptureArguments) -> Result<(), Failure> {
    let interface = &arguments.interface;
    let default = || PathBuf::from(format!("{interface}.pcapng"));
    let path = arguments.output.clone().unwrap_or_else(default);
    let unwritable = |error: io::Error| {
        let reason = match error.kind() {
            ErrorKind::AlreadyExists => "exists already; --force overwrites it".to_owned(),
            _ => format!("cannot be written: {error}"),
        };
        Failure::bad_input(format!("{}: {reason}", path.display()))
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::bad_input(format!("cannot catch signals: {error}")))?;
    }
    let mut recorder = Recorder::open(interface, arguments.outgoing).map_err(Failure::bad_input)?;
    // In its place from the beginning: a recording that is killed keeps what it has.
    let mut options = File::options();
    options
        .write(true)
        .truncate(true)
        .create(true)
        .create_new(!arguments.force);
    let output = BufWriter::new(options.open(&path).map_err(unwritable)?);
    let mut writer = PcapngWriter::new(output, interface).map_err(unwritable)?;
    eprintln!(
        "recording {interface} into {}; Ctrl-C stops",
        path.display()
    );
    let limits = Limits {
        frames: arguments.count,
        time: arguments.duration,
    };
    let bar = progress::of_recording();
    let outcome = recorder.record(&mut writer, limits, &stop, |recording| {
        bar.set_position(recording.frames);
        bar.set_message(format!("{} bytes", grouped(recording.bytes)));
    });
    bar.finish_and_clear();
    // Whatever ended the recording, what was recorded is kept.
    writer.flush().map_err(unwritable)?;
    let recording = outcome.map_err(Failure::bad_input)?;
    let lost = match recording.lost {
        0 => String::new(),
        lost => format!("; the kernel dropped {} more", grouped(lost)),
    };
    eprintln!(
        "{} frames, {} bytes in {}{lost}",
        grouped(recording.frames),
        grouped(recording.bytes),
        path.display()
    );
    Ok(())
}
