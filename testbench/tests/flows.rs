//! What becomes of frames before they meet the adapter: prepared, sorted into streams, reassembled.
#![allow(missing_docs)]

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use toe_testbench::capture::Frame;
use toe_testbench::flows::{
    Ending, Flags, Flows, Outside, Start, TcpView, Verdict, data_behind_syn, prepare,
    repair_checksums, scan,
};
use toe_testbench::report::stream_file_names;

const SYN: u8 = Flags::SYN;
const ACK: u8 = Flags::ACK;
const FIN: u8 = Flags::FIN;
const RST: u8 = Flags::RST;

/// A segment to be put into a frame.
#[derive(Clone)]
struct Segment {
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    options: Vec<u8>,
    payload: Vec<u8>,
    vlan_tags: usize,
}

/// From client to server, or the other way round.
fn segment(up: bool, flags: u8, sequence: u32, acknowledgement: u32, payload: &[u8]) -> Segment {
    let client: SocketAddr = "10.0.0.1:5000".parse().expect("an endpoint");
    let server: SocketAddr = "10.0.0.2:80".parse().expect("an endpoint");
    let (source, destination) = if up {
        (client, server)
    } else {
        (server, client)
    };
    Segment {
        source,
        destination,
        sequence,
        acknowledgement,
        flags,
        options: Vec::new(),
        payload: payload.to_vec(),
        vlan_tags: 0,
    }
}

fn up(flags: u8, sequence: u32, payload: &[u8]) -> Segment {
    segment(true, flags, sequence, 0, payload)
}

impl Segment {
    fn bytes(&self) -> Vec<u8> {
        let mut frame = vec![2; 12];
        for _ in 0..self.vlan_tags {
            frame.extend([0x81, 0x00, 0x00, 0x05]);
        }
        let tcp_bytes = 20 + self.options.len() + self.payload.len();
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([0x08, 0x00, 0x45, 0]);
                // A super-frame's length may not fit its field.
                let length = u16::try_from(20 + tcp_bytes).unwrap_or(0);
                frame.extend(length.to_be_bytes());
                frame.extend([0x12, 0x34, 0x40, 0, 64, 6, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend((tcp_bytes as u16).to_be_bytes());
                frame.extend([6, 64]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            _ => panic!("both ends are of one kind"),
        }
        frame.extend(self.source.port().to_be_bytes());
        frame.extend(self.destination.port().to_be_bytes());
        frame.extend(self.sequence.to_be_bytes());
        frame.extend(self.acknowledgement.to_be_bytes());
        frame.extend([
            (5 + self.options.len() as u8 / 4) << 4,
            self.flags,
            1,
            0,
            0,
            0,
            0,
            0,
        ]);
        frame.extend(&self.options);
        frame.extend(&self.payload);
        repair_checksums(&mut frame);
        frame
    }

    fn frame(&self) -> Frame {
        frame_of(self.bytes())
    }
}

fn frame_of(bytes: Vec<u8>) -> Frame {
    let length = bytes.len() as u32;
    Frame {
        number: 1,
        part: 0,
        time_ns: 0,
        bytes,
        captured_len: length,
        original_len: length,
        truncated: false,
    }
}

fn scan_of(segments: &[Segment]) -> Flows {
    let frames: Vec<Frame> = segments.iter().map(Segment::frame).collect();
    scan(&frames)
}

fn numbered(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

/// Views of the frames, all checksums proven.
fn proven(frames: &[Frame]) -> Vec<TcpView<'_>> {
    let views = frames
        .iter()
        .map(|frame| TcpView::parse(&frame.bytes).expect("TCP"));
    let views: Vec<_> = views.collect();
    assert!(
        views
            .iter()
            .all(|view| view.ip_checksum_ok() && view.tcp_checksum_ok())
    );
    views
}

#[test]
fn a_super_frame_is_split_as_the_nic_would_have_split_it() {
    for (ends, vlan_tags, fixed) in [
        (["10.0.0.1:1", "10.0.0.2:2"], 2, 40),
        (["[::1]:1", "[::2]:2"], 0, 60),
    ] {
        let end = |at: usize| ends[at].parse().expect("an endpoint");
        let payload = numbered(20_000);
        let mut syn = segment(true, SYN, 99, 0, &[]);
        (syn.source, syn.destination) = (end(0), end(1));
        // Largest segment 1000 bytes.
        syn.options = vec![2, 4, 0x03, 0xe8];
        let mut large = syn.clone();
        large.flags = ACK | FIN | Flags::PSH | Flags::CWR;
        large.sequence = 0xffff_f000;
        large.options = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        large.payload = payload.clone();
        large.vlan_tags = vlan_tags;
        let prepared = prepare(vec![syn.frame(), large.frame()], false);
        assert_eq!((prepared.split, prepared.split_into), (1, 21));
        let pieces = &prepared.frames[1..];
        let views = proven(pieces);
        let joined: Vec<u8> = views
            .iter()
            .flat_map(|view| view.payload().to_vec())
            .collect();
        assert_eq!(joined, payload);
        for (index, view) in views.iter().enumerate() {
            let (first, last) = (index == 0, index == 20);
            assert_eq!(pieces[index].part as usize, index);
            assert_eq!(
                view.sequence().0,
                0xffff_f000u32.wrapping_add(988 * index as u32)
            );
            assert_eq!(view.flags().has(FIN) && view.flags().has(Flags::PSH), last);
            assert_eq!(view.flags().has(Flags::CWR), first);
            assert_eq!(view.option(8).expect("time stamps").len(), 8);
            assert_eq!(view.layout.vlan_tags, vlan_tags);
            let packet = pieces[index].bytes.len() - view.layout.ip_at;
            assert!(packet == fixed + 1000 || last);
            if fixed == 40 {
                assert_eq!(
                    pieces[index].bytes[view.layout.ip_at + 5],
                    0x34 + index as u8
                );
            }
        }
    }
}

#[test]
fn a_jumbo_frame_is_left_alone_and_a_length_of_0_is_filled_in() {
    // 9018 bytes with FCS, the most that a wire carries.
    let jumbo = up(ACK, 5, &numbered(9000 - 40)).frame();
    let prepared = prepare(vec![jumbo.clone()], false);
    assert_eq!((prepared.split, &prepared.frames), (0, &vec![jumbo]));
    let prepared = prepare(vec![up(ACK, 5, &numbered(9001 - 40)).frame()], false);
    // No SYN told a size: packets of 1500 bytes.
    assert_eq!((prepared.split, prepared.split_into), (1, 7));
    let mut unfilled = up(ACK, 5, &numbered(2000)).frame();
    unfilled.bytes[16..18].fill(0);
    let prepared = prepare(vec![unfilled], false);
    let views = proven(&prepared.frames);
    assert_eq!(
        views.iter().map(|view| view.payload().len()).sum::<usize>(),
        2000
    );
}

#[test]
fn of_a_super_frame_cut_by_the_snap_length_the_whole_segments_survive() {
    let mut large = up(ACK | FIN, 5, &numbered(20_000)).frame();
    large.bytes.truncate(10_000);
    (large.captured_len, large.truncated) = (10_000, true);
    let mut small = up(ACK, 5, &numbered(1000)).frame();
    small.bytes.truncate(300);
    (small.captured_len, small.truncated) = (300, true);
    let prepared = prepare(vec![large, small.clone()], true);
    let (last, pieces) = prepared.frames.split_last().expect("frames");
    assert_eq!(pieces.len(), (10_000 - 54) / 1460);
    assert!(proven(pieces).iter().all(|view| !view.flags().has(FIN)));
    assert_eq!(last, &small);
    assert_eq!(TcpView::parse(&last.bytes).err(), Some(Outside::Truncated));
}

#[test]
fn checksums_are_repaired_on_demand_only() {
    let good = up(ACK, 1, b"good").frame();
    let mut bad = up(ACK, 5, b"bad").frame();
    *bad.bytes.last_mut().expect("bytes") ^= 1;
    let kept = prepare(vec![good.clone(), bad.clone()], false);
    assert_eq!((kept.repaired, &kept.frames[1]), (0, &bad));
    assert_eq!(scan(&kept.frames).verdicts[1], Verdict::TcpChecksum);
    let repaired = prepare(vec![good, bad], true);
    assert_eq!(repaired.repaired, 1);
    proven(&repaired.frames);
}

#[test]
fn a_sender_that_never_has_its_header_right_is_helped_and_one_damaged_header_is_not() {
    let frames = |damaged: std::ops::Range<usize>| -> Vec<Frame> {
        let mut frames: Vec<Frame> = (0..10).map(|n| up(ACK, n, b"x").frame()).collect();
        frames[damaged]
            .iter_mut()
            .for_each(|frame| frame.bytes[22] ^= 1);
        frames
    };
    let prepared = prepare(frames(0..10), false);
    assert_eq!((prepared.headers_repaired, prepared.repaired), (10, 0));
    proven(&prepared.frames);
    let prepared = prepare(frames(4..5), false);
    assert_eq!(prepared.headers_repaired, 0);
    assert_eq!(scan(&prepared.frames).verdicts[4], Verdict::IpChecksum);
}

#[test]
fn unfinished_checksums_are_told_from_damage() {
    let mut frames: Vec<Frame> = (0..20).map(|n| up(ACK, n, b"payload").frame()).collect();
    frames[3].bytes[60] ^= 0x40;
    assert_eq!(scan(&frames).checksums.wrong(), 1);
    assert_eq!(scan(&frames).checksums.hint(), None);
    // What Linux leaves to the NIC: the sum of 10.0.0.1, 10.0.0.2, protocol and length.
    let partial = 0x0a00u16 + 1 + 0x0a00 + 2 + 6 + 27;
    for frame in &mut frames {
        frame.bytes[50..52].copy_from_slice(&partial.to_be_bytes());
    }
    let statistics = scan(&frames).checksums;
    assert_eq!(statistics.partial, 20);
    let hint = statistics.hint().expect("a hint");
    assert!(
        hint.contains("--repair-checksums") && hint.contains("10.0.0.1"),
        "{hint}"
    );
}

#[test]
fn data_with_syn_is_part_of_the_stream_and_can_be_sent_without_syn() {
    let flows = scan_of(&[
        up(SYN, 99, b"early"),
        up(ACK, 105, b" late"),
        up(ACK | FIN, 110, b""),
    ]);
    let stream = &flows.streams[0];
    assert_eq!(stream.expected(), b"early late");
    assert!(stream.complete() && stream.segments[0].syn);
    let data = data_behind_syn(&up(SYN, u32::MAX, b"early").bytes()).expect("data");
    let frames = [frame_of(data)];
    let view = &proven(&frames)[0];
    assert_eq!((view.sequence().0, view.payload()), (0, &b"early"[..]));
    assert_eq!(view.flags(), Flags(ACK));
    assert_eq!(data_behind_syn(&up(ACK, 1, b"data").bytes()), None);
    assert_eq!(data_behind_syn(&up(SYN, 1, b"").bytes()), None);
}

#[test]
fn a_new_initial_sequence_number_begins_a_new_connection() {
    let flows = scan_of(&[
        up(SYN, 99, b""),
        segment(false, SYN | ACK, 999, 100, b""),
        up(ACK, 100, b"one"),
        up(SYN, 99, b""),
        up(ACK | FIN, 103, b""),
        segment(false, ACK | FIN, 1000, 104, b"answer"),
        up(SYN, 5_000_000, b""),
        segment(false, SYN | ACK, 7_000_000, 5_000_001, b""),
        up(ACK, 5_000_001, b"two!"),
    ]);
    let bytes: Vec<&[u8]> = flows
        .streams
        .iter()
        .map(|stream| stream.expected())
        .collect();
    assert_eq!(bytes, [&b"one"[..], b"answer", b"two!", b""]);
    assert_eq!(flows.predecessors(), [None, None, Some(0), Some(1)]);
    assert_eq!(
        (flows.connections, flows.peer(2), flows.peer(1)),
        (2, Some(3), Some(0))
    );
    let names = stream_file_names(&flows.streams);
    assert_eq!(names[0], "10.0.0.1.5000-10.0.0.2.80");
    assert_eq!(names[2], "10.0.0.1.5000-10.0.0.2.80-2");
}

#[test]
fn a_syn_without_any_data_does_not_take_the_plain_file_name() {
    let flows = scan_of(&[
        up(SYN, 99, b""),
        up(SYN, 7_000, b""),
        up(ACK, 7_001, b"data"),
    ]);
    assert_eq!(flows.streams.len(), 2);
    assert_eq!(
        stream_file_names(&flows.streams)[1],
        "10.0.0.1.5000-10.0.0.2.80"
    );
}

#[test]
fn a_handshake_out_of_order_is_one_connection() {
    let flows = scan_of(&[
        segment(false, SYN | ACK, 999, 100, b""),
        up(SYN, 99, b""),
        segment(false, ACK, 1000, 100, b"hello"),
        up(ACK, 100, b"world"),
    ]);
    assert_eq!((flows.connections, flows.streams.len()), (1, 2));
    assert!(
        flows
            .streams
            .iter()
            .all(|stream| stream.start == Start::Syn)
    );
}

#[test]
fn without_syn_a_stream_begins_at_its_first_segment() {
    let flows = scan_of(&[
        up(ACK, 0xffff_fffe, b"abcd"),
        up(ACK, 0xffff_fff0, b"much before"),
        up(ACK, 2, b"ef"),
    ]);
    let stream = &flows.streams[0];
    assert_eq!(
        (stream.start, stream.expected()),
        (Start::MidStream, &b"abcdef"[..])
    );
    assert!(!stream.complete());
    // The other side's answer tells where the client's first byte stands, though it is missing.
    let flows = scan_of(&[
        segment(false, SYN | ACK, 999, 100, b""),
        up(ACK, 103, b"later"),
    ]);
    assert_eq!(flows.streams[1].start, Start::Handshake);
    assert_eq!(flows.streams[1].first_hole(), Some(0..3));
    // A keep-alive probe repeats the last byte before.
    let flows = scan_of(&[
        segment(false, ACK, 500, 100, b""),
        up(ACK, 99, b"?"),
        up(ACK, 100, b"real"),
    ]);
    assert_eq!(flows.streams[1].expected(), b"real");
}

#[test]
fn an_rst_is_believed_at_the_next_byte_only() {
    let flows = scan_of(&[
        up(SYN, 99, b""),
        segment(false, SYN | ACK, 999, 100, b""),
        up(ACK, 100, b"abc"),
        up(RST, 105, b""),
        up(ACK, 103, b"def"),
        up(RST, 106, b""),
        up(ACK, 106, b"ghi"),
    ]);
    let stream = &flows.streams[0];
    assert_eq!(stream.expected(), b"abcdef");
    assert_eq!((stream.resets_ignored, stream.reset), (1, Some(6)));
    assert_eq!((stream.ending(), stream.complete()), (Ending::Reset, true));
    assert_eq!(flows.streams[1].ending(), Ending::PeerReset);
    assert_eq!(scan_of(&[up(RST, 1, b"")]).verdicts, [Verdict::Stray]);
}

#[test]
fn fin_ends_a_stream_and_holes_are_told() {
    let flows = scan_of(&[
        up(SYN, 99, b""),
        up(ACK, 100, b"abc"),
        up(ACK | FIN, 106, b"ghi"),
        up(ACK, 109, b"behind the end"),
    ]);
    let stream = &flows.streams[0];
    assert_eq!((stream.expected(), stream.fin), (&b"abc"[..], Some(9)));
    assert_eq!(
        (stream.first_hole(), stream.ending()),
        (Some(3..6), Ending::Hole)
    );
    let flows = scan_of(&[
        up(SYN, 99, b""),
        up(ACK, 100, b"abc"),
        up(ACK | FIN, 110, b""),
    ]);
    assert_eq!(flows.streams[0].first_hole(), Some(3..10));
    // A FIN in front of bytes that have come is an intruder's.
    let flows = scan_of(&[
        up(SYN, 99, b""),
        up(ACK, 100, b"abc"),
        up(ACK | FIN, 100, b"a"),
    ]);
    assert_eq!(
        (flows.streams[0].fin, flows.streams[0].ending()),
        (None, Ending::Open)
    );
}

#[test]
fn of_contradicting_copies_the_first_counts_and_all_match() {
    let flows = scan_of(&[
        up(SYN, 99, b""),
        up(ACK, 100, b"first"),
        up(ACK, 100, b"other, longer"),
    ]);
    let stream = &flows.streams[0];
    assert_eq!(stream.expected(), b"first, longer");
    assert_eq!(stream.conflicting_bytes(), 5);
    assert!(stream.matches(0, b"other, longer") && stream.matches(0, b"first, longer"));
    assert!(!stream.matches(0, b"third"));
    let again: Vec<usize> = stream
        .segments_covering(2..3)
        .map(|segment| segment.frame)
        .collect();
    assert_eq!(again, [1, 2]);
    assert_eq!(
        stream.segment_of_frame(2).map(|segment| segment.length),
        Some(13)
    );
}

#[test]
fn what_is_outside_is_known_by_its_content() {
    let plain = up(ACK, 1, b"data").bytes();
    let tagged = Segment {
        vlan_tags: 3,
        ..up(ACK, 1, b"data")
    }
    .bytes();
    let with = |at: usize, value: &[u8]| {
        let mut frame = plain.clone();
        frame[at..at + value.len()].copy_from_slice(value);
        frame
    };
    for (frame, expected) in [
        (tagged, Outside::VlanTags),
        (plain[..13].to_vec(), Outside::Runt),
        (plain[..57].to_vec(), Outside::Truncated),
        (plain[..20].to_vec(), Outside::Truncated),
        (with(12, &[0x88, 0x64]), Outside::Pppoe),
        (with(12, &[0x08, 0x06]), Outside::EtherType(0x0806)),
        (with(12, &[0x00, 0x40]), Outside::EtherType(0x0040)),
        (with(20, &[0x20, 0x00]), Outside::Fragment),
        (with(20, &[0x00, 0x01]), Outside::Fragment),
        (with(23, &[17]), Outside::Protocol(17)),
        (with(23, &[1]), Outside::Protocol(1)),
        (with(23, &[47]), Outside::Protocol(47)),
        (with(14, &[0x44]), Outside::MalformedIp),
        (with(14, &[0x65]), Outside::MalformedIp),
        (with(16, &[0x00, 0x13]), Outside::MalformedIp),
        (with(16, &[0x00, 0x00]), Outside::NoLength),
        (with(16, &[0x00, 0x1f]), Outside::MalformedTcp),
        (with(46, &[0x40]), Outside::MalformedTcp),
        (with(46, &[0xf0]), Outside::MalformedTcp),
    ] {
        assert_eq!(TcpView::parse(&frame).err(), Some(expected), "{frame:02x?}");
    }
}

#[test]
fn ipv6_extension_headers_are_passed_over_and_fragments_are_not() {
    let mut six = up(ACK, 1, b"data");
    (six.source, six.destination) = (
        "[fd00::1]:5".parse().expect("an endpoint"),
        "[fd00::2]:6".parse().expect("an endpoint"),
    );
    let plain = six.bytes();
    let behind = |kind: u8, header: &[u8]| {
        let mut frame = plain.clone();
        frame[20] = kind;
        let length = (24 + header.len()) as u16;
        frame[18..20].copy_from_slice(&length.to_be_bytes());
        frame.splice(54..54, header.iter().copied());
        frame
    };
    let hop_by_hop = behind(0, &[6, 0, 1, 4, 0, 0, 0, 0]);
    let destination = behind(60, &[6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let arrived = behind(43, &[6, 0, 0, 0, 0, 0, 0, 0]);
    for frame in [hop_by_hop, destination, arrived] {
        let view = TcpView::parse(&frame).expect("TCP");
        assert_eq!(view.payload(), b"data");
        assert!(view.tcp_checksum_ok());
    }
    for (frame, expected) in [
        (behind(43, &[6, 0, 0, 1, 0, 0, 0, 0]), Outside::Routing),
        (behind(44, &[6, 0, 0, 0, 0, 0, 0, 1]), Outside::Fragment),
        (behind(0, &[6, 200, 0, 0, 0, 0, 0, 0]), Outside::MalformedIp),
        (behind(50, &[0; 8]), Outside::Protocol(50)),
    ] {
        assert_eq!(TcpView::parse(&frame).err(), Some(expected));
    }
}

#[test]
fn captures_one_after_another_do_not_continue_connections() {
    let one = [up(SYN, 99, b""), up(ACK, 100, b"abc")];
    let mut flows = scan_of(&one);
    flows.append(scan_of(&one), 2);
    assert_eq!((flows.streams.len(), flows.connections), (2, 2));
    assert_eq!(
        flows.verdicts[3],
        Verdict::Segment {
            stream: 1,
            offset: 0
        }
    );
    assert_eq!(
        (flows.streams[1].index, flows.streams[1].segments[0].frame),
        (1, 3)
    );
    assert_eq!(flows.predecessors(), [None, Some(0)]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_order_and_overlap_of_copies_gives_the_stream(
        before_wrap in 0u32..4000,
        length in 1usize..5000,
        pieces in prop::collection::vec((any::<prop::sample::Index>(), 1usize..1500), 1..60),
        order in any::<prop::sample::Index>(),
    ) {
        let data = numbered(length);
        let isn = 0u32.wrapping_sub(before_wrap);
        let first = isn.wrapping_add(1);
        let mut segments = vec![up(SYN, isn, b"")];
        let mut covered = vec![false; length];
        for (at, size) in &pieces {
            let begin = at.index(length);
            let end = length.min(begin + size);
            covered[begin..end].fill(true);
            segments.push(up(ACK, first.wrapping_add(begin as u32), &data[begin..end]));
        }
        let turn = order.index(pieces.len());
        segments[1..].rotate_left(turn);
        segments.push(up(ACK | FIN, first.wrapping_add(length as u32), b""));
        let flows = scan_of(&segments);
        let stream = &flows.streams[0];
        let whole = covered.iter().position(|&there| !there).unwrap_or(length);
        prop_assert_eq!(stream.expected(), &data[..whole]);
        prop_assert_eq!(stream.fin, Some(length as u64));
        prop_assert_eq!(stream.complete(), whole == length);
        prop_assert_eq!(stream.conflicting_bytes(), 0);
        let hole = stream.first_hole();
        let hole_end = covered[whole..].iter().position(|&there| there).map_or(length, |n| whole + n);
        prop_assert_eq!(hole, (whole < length).then_some(whole as u64..hole_end as u64));
    }
}
