//! What the tests of captures share: where the captures are, and their tables of answers.
#![allow(dead_code, missing_docs)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The folder of captures with independent answers: `TOE_CAPTURES`, or beside the workspace.
/// `None` is said loudly, so that a skipped test is no passed test.
pub fn captures() -> Option<PathBuf> {
    let folder = std::env::var_os("TOE_CAPTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures"),
        PathBuf::from,
    );
    if folder.join("manifest.tsv").is_file() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED: no captures at {} (set TOE_CAPTURES)",
        folder.display()
    );
    None
}

/// One row of a table, by column name.
pub type Row = HashMap<String, String>;

pub fn table(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).expect("a table of answers");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a header").split('\t').collect();
    lines
        .map(|line| {
            names
                .iter()
                .zip(line.split('\t'))
                .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
                .collect()
        })
        .collect()
}

/// A flow whose layers an adapter can read: at least one of the ways that its frames came is IP
/// over at most two VLAN tags; frames that came otherwise only quote it (ICMP).
pub fn adapter_sees(encapsulation: &str) -> bool {
    let direct = |layers: &str| {
        let mut vlan_tags = 0;
        layers.split(':').all(|layer| match layer {
            "vlan" => {
                vlan_tags += 1;
                vlan_tags <= 2
            }
            "eth" | "ethertype" | "sll" | "raw" | "null" | "ip" | "ipv6" | "tcp"
            | "ipv6.hopopts" | "ipv6.dstopts" | "ipv6.routing" => true,
            _ => false,
        })
    };
    let quoted = |layers: &str| layers.contains(":icmp:");
    let ways: Vec<&str> = encapsulation.split('+').collect();
    ways.iter().any(|way| direct(way)) && ways.iter().all(|way| direct(way) || quoted(way))
}

/// The table says that the answer holds whatever the checksums are, and some are wrong.
pub fn wants_repair(row: &Row) -> bool {
    row["csum_policy"] == "ignore-csum" && row["badcsum"] != "0"
}

/// An endpoint of the tables: IPv6 stands without brackets.
pub fn endpoint(text: &str) -> SocketAddr {
    let (address, port) = text.rsplit_once(':').expect("ADDRESS:PORT");
    SocketAddr::new(
        address.parse().expect("an address"),
        port.parse().expect("a port"),
    )
}
