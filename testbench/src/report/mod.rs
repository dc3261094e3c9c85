//! What a replay has to tell: as JSON for scripts, as a table for people.

mod table;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use serde::Serialize;

use crate::flows::{Ending, Start, Stream};

pub use table::{STYLE, duration, grouped, human};

/// The report of a run. `--json` writes it as it stands here, in this order.
///
/// With the same captures, settings and seed everything is the same, byte for byte, but the last
/// two figures, which tell of the machine that ran it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What was read, a capture each.
    pub captures: Vec<CaptureReport>,
    /// Seed of every random choice of the run.
    pub seed: u64,
    /// The settings in force.
    pub settings: Vec<SettingReport>,
    /// A direction of a connection each.
    pub connections: Vec<ConnectionReport>,
    /// Frames handed to the adapter.
    pub frames: u64,
    /// Frames of offloaded connections that passed every check.
    pub offloaded: u64,
    /// Frames that the adapter delivered whole to the host.
    pub to_host: u64,
    /// Frames that the adapter dropped, by reason; reasons that did not occur are left out.
    pub dropped: BTreeMap<String, u64>,
    /// The adapter's other counters; those that are 0 are left out.
    pub events: BTreeMap<String, u64>,
    /// Frames among `frames` that were sent again, because the adapter had not taken them.
    pub sent_again: u64,
    /// Offloads ended to make room for other connections.
    pub made_room: u64,
    /// Things that the user ought to know.
    pub notes: Vec<String>,
    /// Things that must not be; the exit status is 1 when there is one.
    pub faults: Vec<String>,
    /// Clock cycles simulated.
    pub cycles: u64,
    /// The same in nanoseconds.
    pub simulated_ns: u64,
    /// Time that the run took on this machine. `null` in a reproducible report.
    pub wall_seconds: Option<f64>,
    /// Speed of the simulation on this machine. `null` in a reproducible report.
    pub cycles_per_second: Option<f64>,
}

/// What was read from one capture file, and done to it before the adapter saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CaptureReport {
    /// As the user named it.
    pub file: String,
    /// Container, byte order, time resolution.
    pub format: String,
    /// Frames in the file.
    pub frames: u64,
    /// Frames whose link layer was rewritten to Ethernet.
    pub rewritten: u64,
    /// Frames cut short by the snap length.
    pub truncated: u64,
    /// Super-frames that were split.
    pub split: u64,
    /// Segments made of them.
    pub split_into: u64,
    /// Frames whose checksums were repaired.
    pub repaired: u64,
}

/// A setting in force and its source (B3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingReport {
    /// As in a parameter file.
    pub key: String,
    /// The value.
    pub value: String,
    /// Who set it.
    pub source: String,
}

/// A stretch of a stream that the capture does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HoleReport {
    /// Where it begins: bytes before it.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
}

/// One direction of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionReport {
    /// Sender, `ADDRESS:PORT`, of IPv6 `[ADDRESS]:PORT`.
    pub source: String,
    /// Receiver.
    pub destination: String,
    /// Bytes that the application got.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
    /// From SYN to FIN or RST, without a hole in the capture, and all of it delivered.
    pub complete: bool,
    /// Bytes that the capture holds before the first hole.
    pub expected_bytes: u64,
    /// "syn", "handshake" (known from the other side's answer) or "mid-stream".
    pub start: &'static str,
    /// "fin", "reset", "peer-reset", "open" or "hole".
    pub ending: &'static str,
    /// The first hole.
    pub hole: Option<HoleReport>,
    /// "offload", or "host" where the adapter had no room for it.
    pub path: &'static str,
    /// Bytes that the adapter placed in Named Buffers.
    pub dma_bytes: u64,
    /// Bytes that the driver copied out of Anonymous Buffers.
    pub copied_bytes: u64,
    /// IndicateData events.
    pub indications: u64,
    /// indicateAcknowledge commands.
    pub acknowledges: u64,
    /// Clock cycles with the indicate window full.
    pub window_closed_cycles: u64,
    /// Its frames in the capture.
    pub frames: u64,
    /// Segments sent again, because the adapter had not taken them.
    pub sent_again: u64,
    /// Bytes that later copies in the capture have otherwise: the first copy counts.
    pub conflicting_bytes: u64,
}

impl ConnectionReport {
    /// What the capture says of a stream; the rest is for the run to fill in.
    #[must_use]
    pub fn of_stream(stream: &Stream) -> Self {
        Self {
            source: stream.source.to_string(),
            destination: stream.destination.to_string(),
            expected_bytes: stream.expected().len() as u64,
            start: match stream.start {
                Start::Syn => "syn",
                Start::Handshake => "handshake",
                Start::MidStream => "mid-stream",
            },
            ending: match stream.ending() {
                Ending::Fin => "fin",
                Ending::Reset => "reset",
                Ending::PeerReset => "peer-reset",
                Ending::Open => "open",
                Ending::Hole => "hole",
            },
            hole: stream.first_hole().map(|hole| HoleReport {
                offset: hole.start,
                bytes: hole.end - hole.start,
            }),
            path: "offload",
            frames: stream.frames,
            conflicting_bytes: stream.conflicting_bytes(),
            ..Self::default()
        }
    }
}

/// The name of a stream's file: `SRC.SPORT-DST.DPORT`, the colons of IPv6 as `_`.
#[must_use]
pub fn stream_file_name(source: SocketAddr, destination: SocketAddr) -> String {
    let end = |end: SocketAddr| format!("{}.{}", end.ip(), end.port()).replace(':', "_");
    format!("{}-{}", end(source), end(destination))
}

/// Names for the files of all streams. Where the same endpoints had several connections, the
/// first with any data has the plain name, and `-2`, `-3` are appended to those of the others.
#[must_use]
pub fn stream_file_names(streams: &[Stream]) -> Vec<String> {
    let key = |stream: &Stream| (stream.source, stream.destination);
    let mut order: Vec<usize> = (0..streams.len()).collect();
    order.sort_by_key(|&index| streams[index].expected().is_empty());
    let mut used: HashMap<_, u32> = HashMap::new();
    let mut names = vec![String::new(); streams.len()];
    for index in order {
        let stream = &streams[index];
        let number = used
            .entry(key(stream))
            .and_modify(|number| *number += 1)
            .or_insert(1);
        names[index] = stream_file_name(stream.source, stream.destination);
        if *number > 1 {
            names[index] += &format!("-{number}");
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_file_name_has_no_colon() {
        let name = |source: &str, destination: &str| {
            stream_file_name(
                source.parse().expect("an endpoint"),
                destination.parse().expect("an endpoint"),
            )
        };
        assert_eq!(
            name("10.0.0.1:80", "10.0.0.2:5000"),
            "10.0.0.1.80-10.0.0.2.5000"
        );
        assert_eq!(name("[fd77::1]:80", "[::1]:5"), "fd77__1.80-__1.5");
    }
}
