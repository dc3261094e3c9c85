//! `toe capture` between two network namespaces, joined by a pair of virtual interfaces.
#![allow(missing_docs)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use toe_testbench::capture::Capture;
use toe_testbench::flows::{Ending, prepare, scan};

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 99, 7, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(10, 99, 7, 2);
const DEADLINE: Duration = Duration::from_secs(30);

/// Two namespaces and the wire between them, removed when dropped.
struct Wire {
    names: [String; 2],
}

impl Wire {
    fn new() -> Result<Self, String> {
        let names = [0, 1].map(|end| format!("toe-test-{}-{end}", std::process::id()));
        let wire = Self { names };
        let [sender, receiver] = &wire.names;
        let (there, here) = (format!("{SENDER}/24"), format!("{RECEIVER}/24"));
        let steps: [&[&str]; 9] = [
            &["netns", "add", sender],
            &["netns", "add", receiver],
            &[
                "-n", sender, "link", "add", "wire0", "type", "veth", "peer", "wire1",
            ],
            &["-n", sender, "link", "set", "wire1", "netns", receiver],
            &["-n", sender, "addr", "add", &there, "dev", "wire0"],
            &["-n", receiver, "addr", "add", &here, "dev", "wire1"],
            &["-n", sender, "link", "set", "wire0", "up"],
            &["-n", receiver, "link", "set", "wire1", "up"],
            &["-n", receiver, "link", "set", "lo", "up"],
        ];
        for step in steps {
            let output = Command::new("ip")
                .args(step)
                .output()
                .map_err(|e| format!("no ip: {e}"))?;
            if !output.status.success() {
                let reason = String::from_utf8_lossy(&output.stderr);
                return Err(format!("ip {}: {}", step.join(" "), reason.trim()));
            }
        }
        Ok(wire)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in &self.names {
            // What was not made cannot be removed; nothing else is to be done about it here.
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

/// Runs `work` on a thread of its own inside a namespace.
fn inside<T: Send + 'static>(
    namespace: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let file = File::open(format!("/var/run/netns/{namespace}")).expect("the namespace exists");
    thread::spawn(move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("the right to enter it");
        work()
    })
}

fn connect(to: SocketAddr) -> TcpStream {
    let begin = Instant::now();
    loop {
        match TcpStream::connect_timeout(&to, Duration::from_secs(1)) {
            Ok(stream) => return stream,
            Err(error) => assert!(begin.elapsed() < DEADLINE, "{to}: {error}"),
        }
    }
}

#[test]
fn a_transfer_between_two_namespaces_is_recorded_byte_for_byte() {
    let wire = match Wire::new() {
        Ok(wire) => wire,
        Err(reason) => {
            eprintln!("SKIPPED: no network namespaces here: {reason}");
            return;
        }
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wire.pcapng");
    let sent: Vec<u8> = (0..1_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();

    let path = file.clone();
    let recorder = inside(&wire.names[1], move || {
        Command::new(env!("CARGO_BIN_EXE_toe"))
            .args(["capture", "wire1", "--duration", "60s", "--output"])
            .arg(path)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary is built with its tests")
    });
    let mut recorder = recorder.join().expect("the recorder starts");
    let mut lines = BufReader::new(recorder.stderr.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.starts_with("recording wire1"), "{first}");

    let (port, port_is) = std::sync::mpsc::channel();
    let listening = inside(&wire.names[1], move || {
        let listener = TcpListener::bind((RECEIVER, 0)).expect("an address of the namespace");
        port.send(listener.local_addr().expect("a bound socket").port())
            .expect("a listener");
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).expect("the bytes");
        received
    });
    let port = port_is.recv_timeout(DEADLINE).expect("the listener's port");
    let bytes = sent.clone();
    let sending = inside(&wire.names[0], move || {
        let mut stream = connect((RECEIVER, port).into());
        stream.write_all(&bytes).expect("a connection");
        stream.shutdown(Shutdown::Write).expect("a connection");
        let _ = stream.read(&mut [0]);
        stream.local_addr().expect("a connection")
    });
    assert!(listening.join().expect("no panic") == sent);
    let source = sending.join().expect("no panic");

    // As Ctrl-C does.
    let interrupt = Command::new("kill")
        .args(["-INT", &recorder.id().to_string()])
        .status();
    assert!(interrupt.expect("kill").success());
    assert!(recorder.wait().expect("the recorder ends").success());
    let last = lines.next().expect("a line").expect("text");
    assert!(
        last.contains("frames") && !last.contains("dropped"),
        "{last}"
    );

    // The sender's kernel leaves checksums to a NIC that is not there; one way is recorded.
    let capture = Capture::read(&file).expect("a good capture");
    assert!(
        capture
            .frames
            .iter()
            .all(|frame| frame.time_ns > 1_600_000_000_000_000_000)
    );
    let checksums = scan(&capture.frames).checksums;
    assert!(checksums.wrong() == 0 || checksums.hint().is_some());
    let flows = scan(&prepare(capture.frames, true).frames);
    let streams: Vec<_> = flows
        .streams
        .iter()
        .filter(|s| s.destination.port() == port)
        .collect();
    let [stream] = streams[..] else {
        panic!("{} streams", streams.len())
    };
    assert_eq!(stream.source, source);
    assert!(
        stream.expected() == sent,
        "{} bytes",
        stream.expected().len()
    );
    assert_eq!(stream.ending(), Ending::Fin);
    assert!(
        flows.streams.iter().all(|s| s.source.ip() == SENDER),
        "outgoing frames are left out"
    );
}
