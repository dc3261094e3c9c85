//! `rtl/rx/rx.v`: the whole group, from the MAC's frames to segments, payload, verdicts and host frames.

mod frames;
mod rx_bench;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use frames::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rx_bench::*;
use toe_sim::frame_source::WireFrame;
use toe_sim::trial::trials;
use verilated::Error;

const CONNECTIONS: u16 = 16;

struct World {
    bench: Bench,
    rng: ChaCha8Rng,
    tuples: Vec<Tuple>,
}

/// A bench with every connection offloaded, one in three over IPv6.
fn world(seed: u64, wave: Option<&Path>, chances: Chances) -> Result<World, Error> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut bench = Bench::new(seed, wave, chances)?;
    let tuples: Vec<Tuple> = (0..CONNECTIONS)
        .map(|connection| Tuple::random(&mut rng, connection % 3 == 0))
        .collect();
    for (connection, &tuple) in (0..).zip(&tuples) {
        bench.offload(connection, tuple)?;
    }
    Ok(World { bench, rng, tuples })
}

impl World {
    fn tuple(&mut self) -> Tuple {
        self.tuples[below(&mut self.rng, self.tuples.len())]
    }

    fn send(&mut self, build: &Build) {
        let frame = build.frame(&mut self.rng);
        self.bench.push(frame);
    }

    /// Sends a frame that must have this fate, so that a test cannot pass on a fate it did not mean.
    fn send_for(&mut self, frame: Vec<u8>, fate: &Fate) {
        let frame = WireFrame {
            bytes: frame,
            bad: false,
        };
        assert_eq!(&self.bench.fate(&frame), fate);
        if *fate == Fate::Host {
            self.bench
                .make_room(frame.bytes.len())
                .expect("the model goes on");
        }
        self.bench.push_wire(frame);
    }

    fn offloaded(&self, build: &Build) -> Fate {
        Fate::Offloaded(Received {
            connection: self.bench.table[&build.tuple],
            sequence_number: build.sequence_number,
            acknowledgement_number: build.acknowledgement_number,
            window: build.window,
            flags: build.flags,
            payload: build.payload.clone(),
        })
    }

    /// Sends a segment that must come out as it was built.
    fn send_good(&mut self, build: &Build) {
        let frame = build.frame(&mut self.rng);
        let fate = self.offloaded(build);
        self.send_for(frame, &fate);
    }
}

#[test]
fn segments_of_every_shape_come_out_as_they_were_sent_under_any_stalls() {
    trials("rx_shapes", 0..40, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        for _ in 0..250 {
            let tuple = world.tuple();
            let build = any_build(&mut world.rng, tuple);
            world.send_good(&build);
        }
        world.bench.finish()
    });
}

#[test]
fn every_option_length_tag_and_extension_header_is_skipped() {
    trials("rx_headers", 0..4, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        let (ipv6, ipv4) = (world.tuples[0], world.tuples[1]);
        let kinds = [HOP_BY_HOP, DESTINATION_OPTIONS, ROUTING];
        let mut chains = vec![vec![]];
        for kind in kinds {
            for bytes in [8, 16, 24, 64, 256, 2048] {
                chains.push(vec![(kind, bytes)]);
            }
        }
        for (first, second) in kinds.iter().flat_map(|a| kinds.map(|b| (*a, b))) {
            chains.push(vec![(first, 8), (second, 8), (first, 16)]);
        }
        for tags in 0..3 {
            for tcp_options in (0..=40).step_by(4) {
                for shape in 0..11 + chains.len() {
                    let bytes = below(&mut world.rng, 20);
                    let payload = random(&mut world.rng, bytes);
                    let mut build = Build::new(if shape < 11 { ipv4 } else { ipv6 }, payload);
                    build.tags = [0x88a8, 0x8100][2 - tags..].to_vec();
                    build.tcp_options = tcp_options;
                    if shape < 11 {
                        build.ip_options = 4 * shape;
                    } else {
                        build.extensions = chains[shape - 11].clone();
                    }
                    world.send_good(&build);
                }
            }
        }
        world.bench.finish()
    });
}

#[test]
fn every_payload_length_with_every_padding_is_cut_right() {
    trials("rx_lengths", 0..4, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        let lengths = (0..=80).chain(1440..=1460).chain([4096, 8960, 8999, 9000]);
        for (place, bytes) in lengths.enumerate() {
            for padding in [0, 1, 2, 3, 5, 6, 7, 8, 9, 40] {
                let tuple = world.tuples[place % world.tuples.len()];
                let payload = random(&mut world.rng, bytes);
                let mut build = Build::new(tuple, payload);
                build.tags = [vec![], vec![0x8100], vec![0x88a8, 0x8100]][padding % 3].clone();
                build.padding = padding;
                world.send_good(&build);
            }
        }
        world.bench.finish()
    });
}

#[test]
fn a_minimum_frame_is_taken_every_eight_cycles_and_a_long_one_at_eight_bytes_a_cycle() {
    trials("rx_rate", 0..1, |seed, wave| {
        let mut world = world(seed, wave, Chances::NONE)?;
        for (ipv6, offloaded) in [(false, true), (true, true), (false, false)] {
            for bytes in [0, 1, 6, 7, 8, 9, 10, 11, 12, 100, 1446, 1460, 9000] {
                let mut tuple = world.tuples[usize::from(!ipv6)];
                tuple.source_port ^= u16::from(!offloaded);
                let payload = random(&mut world.rng, bytes);
                let build = Build::new(tuple, payload);
                let first = world.bench.times.last_beat.len();
                for _ in 0..21 {
                    world.send(&build);
                }
                world.bench.finish()?;
                let ends = &world.bench.times.last_beat[first..];
                let beats = build.end().max(60).div_ceil(8) as u64;
                assert_eq!(ends[20] - ends[0], 20 * beats, "{bytes} bytes of payload");
            }
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn header_payload_and_verdict_follow_the_last_beat_in_two_three_and_four_cycles() {
    trials("rx_latency", 0..1, |seed, wave| {
        let mut world = world(seed, wave, Chances::NONE)?;
        let mut cases = vec![];
        for ipv6 in [false, true] {
            for tags in 0..3 {
                for tcp_options in [0, 4, 12] {
                    cases.extend((0..40).map(|bytes| (ipv6, tags, tcp_options, bytes)));
                    cases.push((ipv6, tags, tcp_options, 1460));
                }
            }
        }
        for (ipv6, tags, tcp_options, bytes) in cases {
            let payload = random(&mut world.rng, bytes);
            let mut build = Build::new(world.tuples[usize::from(!ipv6)], payload);
            build.tags = vec![0x8100; tags];
            build.tcp_options = tcp_options;
            world.bench.times = Times::default();
            let payloads = usize::from(bytes != 0);
            world.send_good(&build);
            // The times are counted by payloads taken, so they start over with each segment.
            world.bench.finish()?;
            let times = &world.bench.times;
            let end = times.last_beat[0];
            let case = format!("{build:?}");
            assert!(times.verdict[0] <= end + 4, "verdict: {case}");
            let plain = !ipv6 && tags == 0;
            assert!(
                times.header[0] <= end + 1 + u64::from(!plain),
                "header: {case}"
            );
            assert_eq!(times.last_payload.len(), payloads);
            if bytes != 0 {
                assert!(times.last_payload[0] <= end + 3, "payload: {case}");
            }
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn what_is_no_clean_segment_of_an_offloaded_connection_goes_to_the_host_untouched() {
    trials("rx_host", 0..12, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        for _ in 0..12 {
            let tuple = world.tuple();
            let mut build = any_build(&mut world.rng, tuple);
            build.payload.truncate(1460);
            let ip = build.ip_offset();
            let checked = |frame: &mut Vec<u8>| fix_ip_checksum(frame, ip);

            // Frames around a segment, each after one that is ours and before another.
            world.send_good(&build);
            build.flags |= SYN;
            let frame = build.frame(&mut world.rng);
            world.send_for(frame, &Fate::Host);
            build.flags &= !SYN;
            let mut strangers = vec![tuple; 4];
            strangers[0].source_port ^= 1 << below(&mut world.rng, 16);
            strangers[1].destination_port ^= 1 << below(&mut world.rng, 16);
            strangers[2].source = flip(&mut world.rng, tuple.source);
            strangers[3].destination = flip(&mut world.rng, tuple.destination);
            for stranger in strangers {
                let mut build = build.clone();
                build.tuple = stranger;
                let mut frame = build.frame(&mut world.rng);
                let last = build.end() - 1;
                frame[last] ^= 1; // and nobody checks a stranger's sum
                world.send_for(frame, &Fate::Host);
            }
            let good = build.frame(&mut world.rng);
            let mut change = |edit: &dyn Fn(&mut Vec<u8>)| {
                let mut frame = good.clone();
                edit(&mut frame);
                world.send_for(frame, &Fate::Host);
            };
            change(&|frame| frame[ip - 1] = 0x06); // ARP
            change(&|frame| frame[ip] ^= 0x10); // another version
            change(&|frame| frame[ip - 2] = 0x05); // a length, as in IEEE 802.3
            if tuple.is_ipv6() {
                if build.extensions.is_empty() {
                    change(&|frame| frame[ip + 6] = FRAGMENT);
                    change(&|frame| frame[ip + 6] = UDP);
                } else {
                    change(&|frame| frame[ip + 6] = 51); // authentication header
                    change(&|frame| {
                        frame[ip + 6] = ROUTING;
                        frame[ip + 40 + 3] = 1;
                    });
                }
            } else {
                change(&|frame| {
                    frame[ip + 9] = UDP;
                    checked(frame);
                });
                change(&|frame| {
                    frame[ip + 6] |= 0x20; // more fragments
                    checked(frame);
                });
                change(&|frame| {
                    frame[ip + 7] |= 1; // fragment offset
                    checked(frame);
                });
            }
            let mut tagged = build.clone();
            tagged.tags = vec![0x8100; 3];
            let frame = tagged.frame(&mut world.rng);
            world.send_for(frame, &Fate::Host);
            let mut frame = random(&mut world.rng, 60);
            frame[12] = 0x88;
            frame[13] = 0x64; // PPPoE
            world.send_for(frame, &Fate::Host);
            world.send_good(&build);
        }
        world.bench.finish()
    });
}

fn flip(rng: &mut ChaCha8Rng, address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => (u32::from(address) ^ 1 << below(rng, 32))
            .to_be_bytes()
            .into(),
        IpAddr::V6(address) => (u128::from(address) ^ 1 << below(rng, 128))
            .to_be_bytes()
            .into(),
    }
}

/// Makes the IPv4 header checksum right again, where the header lies in the frame.
fn fix_ip_checksum(frame: &mut [u8], ip: usize) {
    let end = ip + usize::from(frame[ip] & 15) * 4;
    frame[ip + 10] = 0;
    frame[ip + 11] = 0;
    let mut sum = 0u32;
    for pair in frame[ip..end].chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair[1]);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    frame[ip + 10..ip + 12].copy_from_slice(&(!sum as u16).to_be_bytes());
}

#[test]
fn a_flip_of_any_byte_of_a_segment_is_never_taken_for_good() {
    trials("rx_flips", 0..6, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        let mut fates = HashSet::new();
        for connection in [0, 1] {
            let mut build = any_build(&mut world.rng, world.tuples[connection]);
            build.payload = random(&mut world.rng, 30 + seed as usize % 8);
            let frame = build.frame(&mut world.rng);
            for place in build.ip_offset()..build.end() {
                let mut frame = frame.clone();
                frame[place] ^= 1 << below(&mut world.rng, 8);
                let frame = WireFrame {
                    bytes: frame,
                    bad: false,
                };
                let fate = world.bench.fate(&frame);
                assert!(
                    // Fields that no sum covers may change: all else is dropped or a stranger's.
                    !matches!(fate, Fate::Offloaded(_)) || build.tuple.is_ipv6(),
                    "byte {place} of {build:?}"
                );
                fates.insert(std::mem::discriminant(&fate));
                world.bench.make_room(frame.bytes.len())?;
                world.bench.push_wire(frame);
            }
        }
        assert!(fates.len() >= 2);
        world.bench.finish()
    });
}

#[test]
fn lengths_that_lie_are_dropped_for_their_reason_and_stop_nothing() {
    trials("rx_lies", 0..8, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        for round in 0..24 {
            let tuple = world.tuple();
            let mut build = any_build(&mut world.rng, tuple);
            build.payload.truncate(100);
            let good = build.frame(&mut world.rng);
            let (ip, tcp) = (build.ip_offset(), build.tcp_offset());
            let mut lies = vec![];
            for value in 0..16u8 {
                let mut frame = good.clone();
                frame[tcp + 12] = value << 4 | frame[tcp + 12] & 15;
                lies.push(frame);
                if !tuple.is_ipv6() {
                    let mut frame = good.clone();
                    frame[ip] = 0x40 | value;
                    lies.push(frame.clone());
                    if ip + usize::from(value) * 4 <= frame.len() {
                        fix_ip_checksum(&mut frame, ip);
                        lies.push(frame);
                    }
                }
            }
            let length = if tuple.is_ipv6() { ip + 4 } else { ip + 2 };
            let right = usize::from(good[length]) << 8 | usize::from(good[length + 1]);
            let near = (0..80).chain(right.saturating_sub(24)..right + 48);
            for value in near.chain([0x7fff, 0x8000, 0xffff]) {
                let mut frame = good.clone();
                frame[length..length + 2].copy_from_slice(&(value as u16).to_be_bytes());
                if !tuple.is_ipv6() {
                    fix_ip_checksum(&mut frame, ip);
                }
                lies.push(frame);
            }
            for &(_, bytes) in &build.extensions {
                for value in [0, 1, 2, 3, 9, 31, 254, 255] {
                    let mut frame = good.clone();
                    frame[ip + 41] = value;
                    lies.push(frame);
                }
                for kind in [HOP_BY_HOP, TCP, ROUTING, FRAGMENT, DESTINATION_OPTIONS, 59] {
                    let mut frame = good.clone();
                    frame[ip + 40 + (bytes & 8)] = kind;
                    lies.push(frame);
                }
            }
            for frame in lies {
                world.bench.push(frame);
            }
            if round % 4 == 0 {
                let tuple = world.tuple();
                let build = any_build(&mut world.rng, tuple);
                world.send_good(&build);
            }
        }
        world.bench.finish()?;
        for reason in [Drop::Truncated, Drop::Malformed, Drop::TcpChecksum] {
            assert!(
                world.bench.counts[DROPPED + reason as usize] > 20,
                "{reason:?}"
            );
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn frames_cut_off_anywhere_or_marked_bad_are_dropped() {
    trials("rx_cuts", 0..6, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        for _ in 0..6 {
            let tuple = world.tuple();
            let mut build = any_build(&mut world.rng, tuple);
            build.payload.truncate(60);
            let good = build.frame(&mut world.rng);
            for bytes in 1..=good.len() {
                world.bench.push_wire(WireFrame {
                    bytes: good[..bytes].to_vec(),
                    bad: world.rng.next_u32() % 4 == 0,
                });
            }
        }
        world.bench.finish()?;
        for reason in [Drop::BadFrame, Drop::Runt, Drop::Truncated] {
            assert!(
                world.bench.counts[DROPPED + reason as usize] > 20,
                "{reason:?}"
            );
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn a_frame_with_the_hash_of_an_offloaded_tuple_goes_to_the_host_untouched() {
    trials("rx_twins", 0..4, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        for round in 0..40u32 {
            let mut tuple = world.tuples[1];
            let (IpAddr::V4(source), IpAddr::V4(destination)) = (tuple.source, tuple.destination)
            else {
                panic!("connection 1 is an IPv4 one");
            };
            // Of two IPv4 addresses only `source ^ turn(destination)` enters the hash.
            let change = 1 << (round % 32);
            let source = u32::from(source) ^ u32::rotate_left(change, 13);
            tuple.source = Ipv4Addr::from(source).into();
            tuple.destination = Ipv4Addr::from(u32::from(destination) ^ change).into();
            let payload = random(&mut world.rng, round as usize);
            let build = Build::new(tuple, payload);
            let frame = build.frame(&mut world.rng);
            world.send_for(frame, &Fate::Host);
            let payload = random(&mut world.rng, 9);
            let build = Build::new(world.tuples[1], payload);
            world.send_good(&build);
        }
        world.bench.finish()?;
        assert_eq!(
            world.bench.refused, 40,
            "each was a segment until its tuple was compared"
        );
        Ok::<(), Error>(())
    });
}

#[test]
fn noise_never_stops_the_group() {
    trials("rx_noise", 0..20, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        for _ in 0..400 {
            let tuple = world.tuple();
            let mut build = any_build(&mut world.rng, tuple);
            build.payload.truncate(200);
            let mut frame = build.frame(&mut world.rng);
            for _ in 0..below(&mut world.rng, 4) {
                let headers = build.tcp_offset() + 20 - 12;
                let place = 12 + below(&mut world.rng, headers);
                frame[place] = world.rng.next_u32() as u8;
            }
            if world.rng.next_u32() % 8 == 0 {
                let bytes = 1 + below(&mut world.rng, frame.len());
                frame.truncate(bytes);
            }
            world.bench.push_wire(WireFrame {
                bytes: frame,
                bad: world.rng.next_u32() % 16 == 0,
            });
        }
        world.bench.finish()
    });
}

#[test]
fn open_and_close_stand_in_the_order_in_which_frames_saw_the_change() {
    trials("rx_commands", 0..12, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        let mut free = vec![];
        for _ in 0..60 {
            // Frames of connections that are, were and will be offloaded, while commands come.
            for _ in 0..1 + below(&mut world.rng, 6) {
                let tuple = world.tuple();
                let mut build = any_build(&mut world.rng, tuple);
                build.payload.truncate(40);
                world.bench.make_room(build.end() + build.padding)?;
                world.send(&build);
            }
            let cycles = below(&mut world.rng, 40) as u64;
            world.bench.run(cycles)?;
            let connection = below(&mut world.rng, CONNECTIONS.into());
            if world.bench.numbers.contains_key(&(connection as u16)) {
                let command = Command::Remove(connection as u16);
                assert_eq!(world.bench.command(command)?, STATUS_OK);
                assert_eq!(world.bench.command(command)?, STATUS_BUSY);
                free.push(connection);
            } else if let Some(connection) = free.pop() {
                let ipv6 = world.rng.next_u32() & 1 == 1;
                if world.rng.next_u32() & 1 == 1 {
                    world.tuples[connection] = Tuple::random(&mut world.rng, ipv6);
                }
                if !world.bench.numbers.contains_key(&(connection as u16)) {
                    world
                        .bench
                        .offload(connection as u16, world.tuples[connection])?;
                }
            }
        }
        world.bench.finish()
    });
}

#[test]
fn a_closed_gate_holds_frames_between_two_and_commands_still_go() {
    trials("rx_enable", 0..4, |seed, wave| {
        let mut world = world(seed, wave, Chances::NONE)?;
        for _ in 0..20 {
            let tuple = world.tuple();
            let build = any_build(&mut world.rng, tuple);
            world.send(&build);
        }
        let cycles = below(&mut world.rng, 30) as u64;
        world.bench.run(cycles)?;
        world.bench.dut.set_enable(0);
        world.bench.run(1200)?;
        let taken = world.bench.times.last_beat.len();
        assert_eq!(
            world.bench.counts[FRAMES_RECEIVED], taken as u64,
            "whole frames"
        );
        let tuple = world.tuples[3];
        assert_eq!(world.bench.command(Command::Remove(3))?, STATUS_OK);
        world.bench.offload(3, tuple)?;
        assert_eq!(
            world.bench.times.last_beat.len(),
            taken,
            "a frame was taken"
        );
        world.bench.dut.set_enable(1);
        world.bench.finish()
    });
}

#[test]
fn host_frames_that_find_no_room_are_counted_and_offloaded_ones_go_on() {
    trials("rx_overrun", 0..6, |seed, wave| {
        let mut world = world(seed, wave, Chances::NONE)?;
        world.bench.lossy_host = true;
        world.bench.stall(4, 255);
        for _ in 0..300 {
            let mut tuple = world.tuple();
            let host = world.rng.next_u32() % 2 == 0;
            tuple.source_port ^= u16::from(host);
            let mut build = any_build(&mut world.rng, tuple);
            build.payload.truncate(1460);
            world.send(&build);
        }
        world.bench.run(8000)?;
        world.bench.stall(4, 0);
        world.bench.finish()?;
        assert!(world.bench.counts[DROPPED_HOST_OVERRUN] > 0);
        assert!(world.bench.counts[FRAMES_TO_HOST] > 10);
        Ok::<(), Error>(())
    });
}

#[test]
fn a_frame_longer_than_the_hosts_buffers_or_the_adapter_is_counted_as_oversize() {
    trials("rx_oversize", 0..3, |seed, wave| {
        let mut world = world(seed, wave, Chances::of(seed))?;
        world.bench.dut.set_host_frame_buffer_bytes(1514);
        world.bench.host_buffer_bytes = 1514;
        let mut lengths = vec![1513, 1514, 1515, 1516, 1522, 65534];
        lengths.extend([65535, 65536, 65537, 65543, 65544, 131_072, 131_100, 60]);
        for bytes in lengths {
            let mut frame = random(&mut world.rng, bytes);
            frame[12..14].copy_from_slice(&[0x08, 0x06]);
            world.bench.push(frame);
            let tuple = world.tuples[1];
            let payload = random(&mut world.rng, 100);
            let mut build = Build::new(tuple, payload);
            world.send_good(&build);
            build.padding = bytes;
            world.send(&build);
        }
        world.bench.finish()?;
        assert!(world.bench.counts[DROPPED + Drop::Oversize as usize] > 15);
        Ok::<(), Error>(())
    });
}
