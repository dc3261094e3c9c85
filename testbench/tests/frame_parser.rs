//! `rtl/rx/frame_parser.v`: every chain of headers leads to the TCP header that was built, and to no other.

mod frames;

use std::path::Path;

use etherparse::{SlicedPacket, TransportSlice};
use frames::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::FrameParser;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// What the parser said of one frame.
#[derive(Debug, Default)]
struct Parsed {
    addresses: Vec<u64>,
    ipv6: bool,
    ports: Option<(u64, u32)>,
    /// Where the payload starts in the frame, and its length.
    payload: Option<(usize, u16)>,
    fields: Option<(u64, u32, u32, u16, u8)>,
    clean: bool,
    /// For each beat, the bytes of the IP packet from it on.
    left: Vec<u32>,
    malformed: bool,
    ip_seen: bool,
    tcp_seen: bool,
}

struct Bench {
    dut: FrameParser,
    rng: ChaCha8Rng,
    pause: u32,
    cycle: u64,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = FrameParser::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_beat_valid(0);
        for _ in 0..3 {
            dut.cycle()?;
        }
        dut.set_rst(0);
        Ok(Self {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            pause: [0, 64, 160][seed as usize % 3],
            cycle: 0,
        })
    }

    fn cycle(&mut self, beat: Option<usize>, parsed: &mut Parsed) -> Result<(), Error> {
        self.dut.settle()?;
        if self.dut.address_valid() == 1 {
            parsed.addresses.push(self.dut.address());
            parsed.ipv6 = self.dut.address_ipv6() == 1;
        }
        if self.dut.ports_valid() == 1 {
            assert!(parsed.ports.is_none(), "two TCP headers");
            parsed.ports = Some((self.cycle, self.dut.ports()));
        }
        if self.dut.payload_found() == 1 {
            let beat = beat.expect("the payload is found with a beat");
            let words = 2 * u32::from(self.dut.payload_skip()) - u32::from(self.dut.payload_skew());
            // Beats stand two bytes behind the frame.
            let start = 8 * (beat + 1) + 4 * words as usize - 2;
            let length = self.dut.payload_length();
            assert_eq!(self.dut.payload_some() == 1, length != 0);
            parsed.payload = Some((start, length));
        }
        if self.dut.fields_valid() == 1 {
            assert!(parsed.fields.is_none(), "fields twice");
            parsed.clean = self.dut.fields_clean() == 1;
            parsed.fields = Some((
                self.cycle,
                self.dut.sequence_number(),
                self.dut.acknowledgement_number(),
                self.dut.window(),
                self.dut.flags(),
            ));
        }
        if beat.is_some() {
            parsed.left.push(self.dut.ip_left());
        }
        self.dut.rise()?;
        self.cycle += 1;
        Ok(())
    }

    fn parse(&mut self, frame: &[u8]) -> Result<Parsed, Error> {
        let mut parsed = Parsed::default();
        let beats = frame.len().div_ceil(8);
        let mut bytes = random(&mut self.rng, 2);
        bytes.extend(frame);
        let filling = random(&mut self.rng, 8);
        bytes.extend(filling);
        for beat in 0..beats {
            while self.rng.next_u32() % 256 < self.pause {
                self.dut.set_beat_valid(0);
                let noise = self.rng.next_u64();
                self.dut.set_beat(noise);
                self.cycle(None, &mut parsed)?;
            }
            let word = std::array::from_fn(|byte| bytes[8 * beat + byte]);
            self.dut.set_beat_valid(1);
            self.dut.set_beat_first(u8::from(beat == 0));
            self.dut.set_beat_last(u8::from(beat + 1 == beats));
            self.dut.set_beat(u64::from_be_bytes(word));
            self.cycle(Some(beat), &mut parsed)?;
        }
        self.dut.set_beat_valid(0);
        // What is known of the frame is taken one cycle behind its last beat.
        self.dut.settle()?;
        parsed.malformed = self.dut.ip_malformed() == 1;
        parsed.ip_seen = self.dut.ip_seen() == 1;
        parsed.tcp_seen = self.dut.tcp_seen() == 1;
        self.cycle(None, &mut parsed)?;
        self.dut.settle()?;
        parsed.malformed |= self.dut.ip_short() == 1;
        self.cycle(None, &mut parsed)?;
        Ok(parsed)
    }
}

fn check_segment(bench: &mut Bench, build: &Build) -> Result<(), Error> {
    let frame = build.frame(&mut bench.rng);
    let parsed = bench.parse(&frame)?;
    let case = format!("{build:?}");

    // What etherparse reads is what was meant.
    let sliced = SlicedPacket::from_ethernet(&frame).expect("a frame that etherparse reads");
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
        panic!("etherparse finds no TCP in {case}");
    };
    let tuple = build.tuple;
    let ports = u32::from(tcp.source_port()) << 16 | u32::from(tcp.destination_port());
    let (ports_at, found) = parsed.ports.unwrap_or_else(|| panic!("no ports: {case}"));
    assert_eq!(found, ports, "{case}");
    let [s, d] = [port_words(tuple.source), port_words(tuple.destination)];
    let pair = |first: u32, second: u32| u64::from(first) << 32 | u64::from(second);
    let pairs = if tuple.is_ipv6() {
        vec![
            pair(s[3], s[2]),
            pair(s[1], s[0]),
            pair(d[3], d[2]),
            pair(d[1], d[0]),
        ]
    } else {
        vec![pair(s[0], d[0])]
    };
    assert_eq!(
        (&parsed.addresses, parsed.ipv6),
        (&pairs, tuple.is_ipv6()),
        "{case}"
    );

    let header = build.tcp_offset() + 20 + build.tcp_options;
    let payload = (header, build.payload.len() as u16);
    assert_eq!(parsed.payload, Some(payload), "{case}");
    assert_eq!(tcp.payload().len(), build.payload.len());
    let (fields_at, sequence_number, acknowledgement_number, window, flags) =
        parsed.fields.unwrap_or_else(|| panic!("no fields: {case}"));
    assert_eq!(sequence_number, tcp.sequence_number(), "{case}");
    assert_eq!(
        acknowledgement_number,
        tcp.acknowledgment_number(),
        "{case}"
    );
    assert_eq!((window, flags), (tcp.window_size(), build.flags), "{case}");
    assert_eq!(parsed.clean, build.flags & SYN == 0, "{case}");
    assert!(
        fields_at >= ports_at + 3,
        "the lookup needs three cycles: {case}"
    );
    assert!(
        !parsed.malformed && parsed.ip_seen && parsed.tcp_seen,
        "{case}"
    );

    // Behind the start of TCP, the parser knows where the packet ends.
    let end = build.end() + 2;
    let first = (build.tcp_offset() + 2) / 8;
    for (beat, &left) in parsed.left.iter().enumerate().skip(first) {
        assert_eq!(
            left as usize,
            end.saturating_sub(8 * beat),
            "beat {beat} of {case}"
        );
    }
    Ok(())
}

#[test]
fn every_header_chain_leads_to_the_tcp_header_that_was_built() {
    trials("frame_parser_chains", 0..24, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        for place in 0..300 {
            let tuple = Tuple::random(&mut bench.rng, place % 2 == 0);
            let mut build = any_build(&mut bench.rng, tuple);
            // etherparse knows at most one header of each kind, in the order of RFC 8200.
            let order = [HOP_BY_HOP, DESTINATION_OPTIONS, ROUTING];
            build
                .extensions
                .sort_by_key(|&(kind, _)| order.iter().position(|&k| k == kind));
            build.extensions.dedup_by_key(|&mut (kind, _)| kind);
            build.payload.truncate(200);
            check_segment(&mut bench, &build)?;
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn what_is_no_tcp_segment_yields_no_ports_and_no_fields() {
    trials("frame_parser_others", 0..12, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        for place in 0..200 {
            let tuple = Tuple::random(&mut bench.rng, place % 2 == 0);
            let mut build = any_build(&mut bench.rng, tuple);
            build.payload.truncate(64);
            build.extensions.truncate(1);
            if place % 5 == 0 {
                build.tags = vec![0x8100; 3];
            }
            let mut frame = build.frame(&mut bench.rng);
            let ip = build.ip_offset();
            match place % 5 {
                1 => frame[ip] ^= 0x20,
                2 if tuple.is_ipv6() => frame[ip + 6] = FRAGMENT,
                2 => frame[ip + 6] |= 0x20,
                3 => frame[ip - 1] ^= 0x01,
                4 => frame[ip + if tuple.is_ipv6() { 6 } else { 9 }] = UDP,
                _ => {}
            }
            let parsed = bench.parse(&frame)?;
            assert!(
                parsed.ports.is_none() && parsed.fields.is_none(),
                "{build:?}"
            );
            assert!(!parsed.tcp_seen);
            // The next frame is parsed as if nothing had been.
            let build = any_build(&mut bench.rng, tuple);
            let mut build = Build {
                extensions: vec![],
                ..build
            };
            build.payload.truncate(20);
            check_segment(&mut bench, &build)?;
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn a_frame_cut_off_anywhere_does_not_disturb_the_next() {
    trials("frame_parser_cuts", 0..6, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        for place in 0..12 {
            let tuple = Tuple::random(&mut bench.rng, place % 2 == 0);
            let mut build = any_build(&mut bench.rng, tuple);
            build.payload.truncate(16);
            build.extensions.truncate(1);
            let frame = build.frame(&mut bench.rng);
            for bytes in 1..=frame.len() {
                bench.parse(&frame[..bytes])?;
                if bytes % 4 == 0 {
                    check_segment(&mut bench, &build)?;
                }
            }
        }
        Ok::<(), Error>(())
    });
}
