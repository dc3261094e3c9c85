//! The capture reader and the reference reassembly, against answers found by others.
#![allow(missing_docs)]

mod common;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use common::{Row, adapter_sees, captures, endpoint, table, wants_repair};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use toe_testbench::capture::{Capture, CaptureError, CaptureReader, PcapngWriter};
use toe_testbench::flows::{Ending, Flows, Verdict, prepare, scan};

#[test]
fn every_capture_is_read_with_its_number_of_frames() {
    let Some(folder) = captures() else { return };
    let rows = table(&folder.join("manifest.tsv"));
    assert!(!rows.is_empty());
    for row in rows {
        let capture = Capture::read(&folder.join(&row["file"])).expect(&row["file"]);
        assert_eq!(
            capture.frames.len().to_string(),
            row["frames"],
            "{}",
            row["file"]
        );
        let numbers: Vec<u64> = capture.frames.iter().map(|frame| frame.number).collect();
        assert_eq!(
            numbers,
            (1..=capture.frames.len() as u64).collect::<Vec<_>>()
        );
        let kind = capture.format;
        assert_eq!(
            kind.pcapng,
            row["format"].starts_with("pcapng"),
            "{}",
            row["file"]
        );
        assert_eq!(
            kind.big_endian,
            row["format"].contains("-be"),
            "{}",
            row["file"]
        );
        assert_eq!(
            kind.nanoseconds,
            row["format"].ends_with("-ns"),
            "{}",
            row["file"]
        );
    }
}

fn flows_of(path: &Path, repair: bool) -> Flows {
    let capture = Capture::read(path).expect("a readable capture");
    scan(&prepare(capture.frames, repair).frames)
}

/// Compares one direction with the table; the answer is a complaint.
fn check_direction(row: &Row, flows: &Flows, client_to_server: bool) -> Result<(), String> {
    let (client, server) = (endpoint(&row["client"]), endpoint(&row["server"]));
    let (column, source, destination) = if client_to_server {
        ("c2s", client, server)
    } else {
        ("s2c", server, client)
    };
    let bytes: usize = row[&format!("{column}_bytes")].parse().expect("a number");
    let what = format!("{} {source} to {destination}", row["file"]);
    let streams: Vec<_> = flows
        .streams
        .iter()
        .filter(|stream| (stream.source, stream.destination) == (source, destination))
        .collect();
    let [stream] = streams[..] else {
        if streams.is_empty() && bytes == 0 {
            return Ok(());
        }
        return Err(format!("{what}: {} streams", streams.len()));
    };
    if stream.expected().len() != bytes || stream.sha256() != row[&format!("{column}_sha256")] {
        return Err(format!(
            "{what}: {} bytes, {:?}, hole {:?}, not the {bytes} bytes of the table",
            stream.expected().len(),
            stream.ending(),
            stream.first_hole(),
        ));
    }
    let closed = matches!(row["complete"].as_str(), "FIN" | "RST");
    let state = row[&format!("{column}_state")].as_str();
    if state == "fin" && stream.ending() != Ending::Fin {
        return Err(format!("{what}: ends in {:?}, not in FIN", stream.ending()));
    }
    if closed && !stream.complete() && state != "open" {
        return Err(format!(
            "{what}: not complete: {:?} {:?}",
            stream.start,
            stream.ending()
        ));
    }
    if row["complete"] == "OPEN" && stream.first_hole().is_some() {
        return Err(format!("{what}: has a hole: {:?}", stream.first_hole()));
    }
    Ok(())
}

#[test]
fn the_reference_reassembly_gives_every_golden_flow_that_an_adapter_can_see() {
    let Some(folder) = captures() else { return };
    let mut rows: HashMap<String, Vec<Row>> = HashMap::new();
    for row in table(&folder.join("flows.tsv")) {
        rows.entry(row["file"].clone()).or_default().push(row);
    }
    let (mut seen, mut outside, mut complaints) = (0, 0, Vec::new());
    for (file, rows) in rows {
        let repair = rows.iter().any(wants_repair);
        let flows = flows_of(&folder.join(&file), repair);
        for row in rows.iter().filter(|row| row["golden"] == "1") {
            if !adapter_sees(&row["encap"]) {
                outside += 1;
                let by_content = flows.verdicts.iter().any(
                    |verdict| matches!(verdict, Verdict::Outside(reason) if !reason.is_malformed()),
                );
                assert!(by_content, "{file}: nothing in it is recognised as outside");
                continue;
            }
            seen += 1;
            for client_to_server in [true, false] {
                complaints.extend(check_direction(row, &flows, client_to_server).err());
            }
        }
    }
    eprintln!("{seen} golden flows checked, {outside} outside");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(seen >= 140 && outside <= 10);
}

/// A pcap file of these records, in either byte order.
fn pcap(big_endian: bool, link: u32, records: &[(&[u8], u32)]) -> Vec<u8> {
    let word = |value: u32| {
        if big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let half = |value: u16| {
        if big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let mut file = word(0xa1b2_c3d4).to_vec();
    file.extend(half(2));
    file.extend(half(4));
    for field in [0, 0, 65535, link] {
        file.extend(word(field));
    }
    for (number, (bytes, original_len)) in records.iter().enumerate() {
        for field in [number as u32, 5, bytes.len() as u32, *original_len] {
            file.extend(word(field));
        }
        file.extend_from_slice(bytes);
    }
    file
}

fn read(bytes: Vec<u8>) -> Result<Capture, CaptureError> {
    let reader = CaptureReader::from_reader("test", std::io::Cursor::new(bytes))?;
    match Capture::collect(reader)? {
        (capture, None) => Ok(capture),
        (_, Some(damage)) => Err(damage),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn byte_order_and_compression_do_not_change_a_capture() {
    let records: [(&[u8], u32); 2] = [(&[1; 80], 80), (&[2; 70], 1500)];
    let plain = read(pcap(false, 1, &records)).expect("well-formed");
    assert_eq!(plain.frames[1].time_ns, 1_000_005_000);
    assert_eq!(
        (plain.frames[0].truncated, plain.frames[1].truncated),
        (false, true)
    );
    assert_eq!(
        (plain.frames[1].captured_len, plain.frames[1].original_len),
        (70, 1500)
    );
    let swapped = read(pcap(true, 1, &records)).expect("well-formed");
    assert_eq!(plain.frames, swapped.frames);
    let compressed = read(gzip(&pcap(true, 1, &records))).expect("well-formed");
    assert_eq!(plain.frames, compressed.frames);
}

#[test]
fn a_capture_cut_in_mid_record_says_where_and_keeps_the_frames_before() {
    let file = pcap(false, 1, &[(&[1; 80], 80), (&[2; 70], 70)]);
    let cut = file[..file.len() - 30].to_vec();
    let error = read(cut.clone()).expect_err("it is cut");
    assert_eq!(
        error.to_string(),
        "test: cut in mid-record: frame 2 at byte 120 needs 86 bytes, the file ends after 56"
    );
    let reader = CaptureReader::from_reader("test", std::io::Cursor::new(cut)).expect("a header");
    let (capture, damage) = Capture::collect(reader).expect("a frame");
    assert_eq!(capture.frames.len(), 1);
    assert!(matches!(damage, Some(CaptureError::Cut { .. })));

    let packed = gzip(&pcap(false, 1, &[(&[1; 80], 80), (&[2; 70], 70)]));
    let error = read(packed[..packed.len() - 10].to_vec()).expect_err("it is cut");
    assert!(
        error.to_string().starts_with("test: cut in mid-record: "),
        "{error}"
    );
}

#[test]
fn what_is_no_capture_is_named() {
    let cases: [(Vec<u8>, &str); 6] = [
        (Vec::new(), "test: not a capture: begins with nothing"),
        (
            b"GET / HTTP".to_vec(),
            "test: not a capture: begins with 47 45 54 20",
        ),
        (pcap(false, 1, &[]), "test: holds no frames"),
        (
            pcap(false, 189, &[(&[0; 60], 60)]),
            "test: unsupported link type 189 (the file header)",
        ),
        (
            pcap(false, 1, &[])[..20].to_vec(),
            "test: cut in mid-record: the file header at byte 0",
        ),
        (
            [pcap(false, 1, &[]), vec![0xff; 16]].concat(),
            "test: corrupt: frame 1 at byte 24: a captured length of 4294967295 bytes",
        ),
    ];
    for (bytes, beginning) in cases {
        let error = read(bytes).expect_err(beginning).to_string();
        assert!(error.starts_with(beginning), "{error}");
        assert!(!error.contains('\n'));
    }
    let missing = Capture::read(Path::new("no/such/file.pcap")).expect_err("it is missing");
    assert_eq!(missing.to_string(), "no/such/file.pcap: no such file");
}

/// A pcapng block in big-endian order.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len().next_multiple_of(4) as u32 + 12).to_be_bytes();
    let mut block = kind.to_be_bytes().to_vec();
    block.extend(length);
    block.extend_from_slice(body);
    block.resize(block.len().next_multiple_of(4), 0);
    block.extend(length);
    block
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

#[test]
fn each_pcapng_interface_has_its_own_link_type_time_and_snap_length() {
    let mut file = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 0x0001_0000, !0, !0]));
    // Ethernet, snap length 62; then raw IP with milliseconds that begin at second 5.
    file.extend(block(1, &words(&[1 << 16, 62])));
    let mut described = words(&[101 << 16, 0]);
    described.extend([
        0, 9, 0, 1, 3, 0, 0, 0, 0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0,
    ]);
    file.extend(block(1, &described));
    // A simple packet of 100 bytes, cut by the snap length; an enhanced one of interface 1.
    file.extend(block(3, &[words(&[100]), vec![7; 62]].concat()));
    file.extend(block(
        6,
        &[words(&[1, 0, 1500, 21, 21]), vec![0x45; 21]].concat(),
    ));
    // A block that nobody knows; an obsolete packet of interface 0.
    file.extend(block(0x77, &[1, 2, 3, 4]));
    file.extend(block(2, &[words(&[0, 0, 9, 61, 61]), vec![8; 61]].concat()));
    let capture = read(file).expect("well-formed");
    let [simple, enhanced, obsolete] = &capture.frames[..] else {
        panic!("three frames")
    };
    assert_eq!(
        (simple.bytes.len(), simple.truncated, simple.time_ns),
        (62, true, 0)
    );
    assert_eq!(enhanced.time_ns, 6_500_000_000);
    assert_eq!((enhanced.bytes.len(), enhanced.captured_len), (60, 21));
    assert_eq!(enhanced.bytes[12..15], [0x08, 0x00, 0x45]);
    assert_eq!((obsolete.bytes.len(), obsolete.time_ns), (61, 9_000));
    assert_eq!(capture.rewritten, 1);
    assert!(capture.format.pcapng && capture.format.big_endian);
}

#[test]
fn what_the_writer_writes_the_reader_reads() {
    let mut writer = PcapngWriter::new(Vec::new(), "eth0").expect("memory");
    let frames = [
        (1_234_567_890_123_456_789, vec![3; 61], 61),
        (u64::MAX, vec![4; 60], 9000),
    ];
    for (time_ns, bytes, original_len) in &frames {
        writer
            .write(*time_ns, bytes, *original_len)
            .expect("memory");
    }
    let capture = read(writer.into_inner().expect("memory")).expect("well-formed");
    for (frame, (time_ns, bytes, original_len)) in capture.frames.iter().zip(&frames) {
        assert_eq!((frame.time_ns, &frame.bytes), (*time_ns, bytes));
        assert_eq!(frame.original_len, *original_len);
        assert_eq!(frame.truncated, *original_len == 9000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_damage_makes_reader_or_scan_panic(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        end in any::<prop::sample::Index>(),
        packed in any::<bool>(),
    ) {
        static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
        let mut file = which.get(SAMPLES.get_or_init(samples)).clone();
        for (at, value) in damage {
            // Half of the damage lands where the headers are.
            let room = if value & 1 == 0 { file.len() } else { file.len().min(200) };
            let at = at.index(room);
            file[at] = value;
        }
        file.truncate(file.len() - end.index(file.len() / 4));
        let file = if packed { gzip(&file) } else { file };
        if let Ok(reader) = CaptureReader::from_reader("damaged", std::io::Cursor::new(file))
            && let Ok((capture, _)) = Capture::collect(reader)
        {
            let flows = scan(&prepare(capture.frames, true).frames);
            for stream in &flows.streams {
                prop_assert!(stream.matches(0, stream.expected()));
                prop_assert!(!stream.complete() || stream.first_hole().is_none());
            }
        }
    }
}

/// Real captures of every format where they are at hand, else a synthetic one.
fn samples() -> Vec<Vec<u8>> {
    let mut samples = vec![pcap(true, 101, &[(&[0x45; 80], 80), (&[0x60; 90], 90)])];
    if let Some(folder) = captures() {
        for file in [
            "impaired/tiny_loss3_20k.pcap",
            "corpora/zeek__dce-rpc__kerberos135_auth.pcapng",
            "corpora/zeek__ipv6-http-atomic-frag.pcap",
            "corpora/pcap-parser__assets__test001-be.pcapng",
            "corpora/PcapPlusPlus__sll2.pcap",
            "corpora/zeek__http-qinq-0.pcap",
        ] {
            samples.push(std::fs::read(folder.join(file)).expect("a capture"));
        }
    }
    samples
}
