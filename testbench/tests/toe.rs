//! `rtl/toe.v`: what the whole adapter does at its pins, and in how many cycles.

mod toe_bench;

use toe_bench::{ACK, ANONYMOUS_COUNT, Bench, FIN, HOST_FRAME_COUNT, RST, SYN, pattern, segment};
use toe_driver::registers::{
    Command, Counter, Event, OffloadStatus, Refusal, StateField, field, offset,
};
use toe_sim::adapter::AdapterFault;
use toe_sim::frame_source::WireFrame;
use toe_sim::stalls::StallProfile;
use toe_sim::trial::trials;

/// Below the wrap of sequence numbers.
const FIRST: u32 = 0xffff_ff00;
const STALLS: [StallProfile; 2] = [StallProfile::NONE, StallProfile::HEAVY];

/// Receives this many bytes of a connection and acknowledges them; they must be the stream's.
fn receive(
    bench: &mut Bench,
    connection: u16,
    from: usize,
    length: usize,
) -> Result<(), AdapterFault> {
    let mut got = 0;
    while got < length {
        match bench.event()? {
            Event::IndicateData {
                connection: of,
                buffer,
                length: bytes,
                push: false,
            } => {
                assert_eq!(of, connection);
                let expected = pattern(from + got, bytes.into());
                assert_eq!(
                    bench.anonymous(buffer, bytes),
                    expected,
                    "bytes from {from} + {got}"
                );
                got += usize::from(bytes);
                bench.command(&Command::IndicateAcknowledge {
                    connection,
                    acknowledged_bytes: bytes.into(),
                })?;
            }
            other => panic!("{other:?} instead of data"),
        }
    }
    assert_eq!(got, length);
    Ok(())
}

// B5, B6, B7, B11, B33, B34, B37
#[test]
fn a_connection_is_offloaded_delivers_its_bytes_closes_and_is_handed_back() {
    trials("toe_life", 0..4, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        for (turn, connection) in [0, 1, 15, 0].into_iter().enumerate() {
            let status = bench.offload(connection, FIRST, 0)?;
            assert_eq!(status, OffloadStatus::Ok, "in turn {turn}");
            let mut at = 0;
            for length in [1, 7, 8, 64, 1460, 3, 512, 1447] {
                let sequence = FIRST.wrapping_add(at as u32);
                bench.send(segment(connection, sequence, ACK, &pattern(at, length)));
                receive(&mut bench, connection, at, length)?;
                at += length;
            }
            // Out of order: the second half first.
            let late = segment(
                connection,
                FIRST.wrapping_add(at as u32 + 100),
                ACK,
                &pattern(at + 100, 50),
            );
            let early = segment(
                connection,
                FIRST.wrapping_add(at as u32),
                ACK,
                &pattern(at, 100),
            );
            bench.send(late);
            bench.send(early);
            receive(&mut bench, connection, at, 150)?;
            at += 150;
            bench.send(segment(
                connection,
                FIRST.wrapping_add(at as u32),
                ACK | FIN,
                b"",
            ));
            assert_eq!(bench.event()?, Event::PeerClosed { connection });
            bench.command(&Command::Upload { connection })?;
            let state = |field, content| Event::State {
                connection,
                field,
                content,
            };
            let next = FIRST.wrapping_add(at as u32 + 1);
            let mut handed_back = [bench.event()?, bench.event()?];
            handed_back.sort_by_key(|event| {
                matches!(
                    event,
                    Event::State {
                        field: StateField::Flags,
                        ..
                    }
                )
            });
            assert_eq!(
                handed_back,
                [
                    state(StateField::ReceiveNext, next),
                    state(StateField::Flags, 1)
                ]
            );
            assert_eq!(bench.event()?, Event::Uploaded { connection });
            bench.settle()?;
        }
        Ok::<(), AdapterFault>(())
    });
}

// B2, B6, B8, B9, B11, B15
#[test]
fn the_indicate_window_holds_data_back_and_an_upload_hands_it_over() {
    trials("toe_window", 0..4, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        assert_eq!(bench.offload(2, FIRST, 100)?, OffloadStatus::Ok);
        bench.send(segment(2, FIRST, ACK, &pattern(0, 1000)));
        let data = |buffer, length| Event::IndicateData {
            connection: 2,
            buffer,
            length,
            push: false,
        };
        assert_eq!(bench.event()?, data(0, 100));
        bench.settle()?;
        bench.command(&Command::SetIndicateWindowSize {
            connection: 2,
            bytes: 300,
        })?;
        assert_eq!(bench.event()?, data(1, 200));
        bench.command(&Command::IndicateAcknowledge {
            connection: 2,
            acknowledged_bytes: 1,
        })?;
        assert_eq!(bench.event()?, data(2, 1));
        bench.command(&Command::IndicateAcknowledge {
            connection: 2,
            acknowledged_bytes: 301,
        })?;
        let refused = |command: &Command, reason| Event::CommandRefused {
            connection: 2,
            opcode: command.opcode(),
            reason,
            request: 0,
        };
        let acknowledge = Command::IndicateAcknowledge {
            connection: 2,
            acknowledged_bytes: 301,
        };
        assert_eq!(
            bench.event()?,
            refused(&acknowledge, Refusal::MoreThanPending)
        );
        bench.settle()?;
        bench.command(&Command::Upload { connection: 2 })?;
        let mut got = Vec::new();
        let mut fields = 0;
        loop {
            match bench.event()? {
                Event::UploadData { buffer, length, .. } => {
                    got.extend_from_slice(bench.anonymous(buffer, length));
                }
                Event::State { .. } => fields += 1,
                Event::Uploaded { connection: 2 } => break,
                other => panic!("{other:?} in an upload"),
            }
        }
        assert_eq!(got, pattern(301, 699));
        assert_eq!(fields, 2);
        assert_eq!(
            bench.event_after(&acknowledge)?,
            refused(&acknowledge, Refusal::NotOffloaded)
        );
        assert_eq!(bench.counter(Counter::CommandsRefused)?, 2);
        Ok::<(), AdapterFault>(())
    });
}

#[test]
fn what_the_adapter_cannot_do_is_refused_with_its_reason() {
    trials("toe_refusals", 0..2, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        assert_eq!(bench.offload(3, FIRST, 0)?, OffloadStatus::Ok);
        assert_eq!(bench.offload_as(3, 4, FIRST, 0)?, OffloadStatus::Busy);
        assert_eq!(bench.offload_as(5, 3, FIRST, 0)?, OffloadStatus::Duplicate);
        assert_eq!(
            bench.offload_as(16, 6, FIRST, 0)?,
            OffloadStatus::BadConnection
        );
        let cases = [
            (Command::Upload { connection: 9 }, Refusal::NotOffloaded),
            (
                Command::SetIndicateWindowSize {
                    connection: 3,
                    bytes: 0,
                },
                Refusal::ZeroWindow,
            ),
            (
                Command::CancelNamedBuffer {
                    connection: 3,
                    request: 1,
                },
                Refusal::NotPosted,
            ),
        ];
        for (command, reason) in cases {
            let Event::CommandRefused {
                opcode,
                reason: because,
                ..
            } = bench.event_after(&command)?
            else {
                panic!("{command:?} is not refused");
            };
            assert_eq!((opcode, because), (command.opcode(), reason));
        }
        // All buffers are granted already.
        let grant = Command::GrantAnonymousBuffers {
            address: 0,
            first_buffer: 0,
            count: 1,
        };
        let Event::CommandRefused { reason, .. } = bench.event_after(&grant)? else {
            panic!("more buffers than fit");
        };
        assert_eq!(reason, Refusal::BuffersFull);
        bench.settle()
    });
}

// B33, B38
#[test]
fn what_is_no_segment_of_a_connection_goes_to_the_host_whole_or_is_counted() {
    trials("toe_host_frames", 0..4, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        assert_eq!(bench.offload(0, FIRST, 0)?, OffloadStatus::Ok);
        let mut arp = vec![0xff; 12];
        arp.extend([8, 6]);
        arp.extend(pattern(0, 46));
        let frames = [
            arp,
            segment(0, 1, SYN, b""),
            segment(2, FIRST, ACK, &pattern(0, 1400)),
            segment(1, FIRST, ACK, &pattern(0, 3)),
        ];
        for frame in &frames {
            bench.send(frame.clone());
        }
        for (number, frame) in frames.iter().enumerate() {
            let buffer = number as u16;
            let length = frame.len() as u16;
            assert_eq!(bench.event()?, Event::HostFrame { buffer, length });
            assert_eq!(bench.host_frame(buffer, length), frame);
        }
        let mut corrupt = segment(0, FIRST, ACK, &pattern(0, 100));
        corrupt[100] ^= 1;
        bench.send(corrupt);
        let mut corrupt = segment(0, FIRST, ACK, &pattern(0, 100));
        corrupt[22] ^= 0x40;
        bench.send(corrupt);
        bench.adapter.push_frame(WireFrame {
            bytes: segment(0, FIRST, ACK, &pattern(0, 100)),
            bad: true,
        });
        bench.send(vec![1; 40]);
        bench.send(segment(0, FIRST, ACK, &pattern(0, 10)));
        receive(&mut bench, 0, 0, 10)?;
        bench.settle()?;
        let expected = [
            (Counter::FramesReceived, 9),
            (Counter::FramesOffloaded, 1),
            (Counter::FramesToHost, 4),
            (Counter::DroppedTcpChecksum, 1),
            (Counter::DroppedIpChecksum, 1),
            (Counter::DroppedBadFrame, 1),
            (Counter::DroppedRunt, 1),
            (Counter::SegmentsInOrder, 1),
            (Counter::Deliveries, 1),
        ];
        for counter in Counter::ALL {
            let wanted = expected.iter().find(|(name, _)| *name == counter);
            let value = bench.counter(counter)?;
            assert_eq!(
                value,
                wanted.map_or(0, |(_, value)| *value),
                "{}",
                counter.name()
            );
        }
        Ok::<(), AdapterFault>(())
    });
}

#[test]
fn a_reset_by_the_peer_is_told_at_once_and_the_interrupt_stands_while_events_are_unread() {
    trials("toe_reset_by_peer", 0..2, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        assert_eq!(bench.offload(4, FIRST, 10)?, OffloadStatus::Ok);
        bench.settle()?;
        assert!(!bench.adapter.interrupt());
        bench.send(segment(4, FIRST, ACK, &pattern(0, 100)));
        bench.send(segment(4, FIRST.wrapping_add(100), RST, b""));
        bench.steps(2000)?;
        assert!(bench.adapter.interrupt());
        let data = Event::IndicateData {
            connection: 4,
            buffer: 0,
            length: 10,
            push: false,
        };
        assert_eq!(bench.event()?, data);
        bench.steps(200)?;
        assert!(bench.adapter.interrupt(), "one event is unread");
        assert_eq!(bench.event()?, Event::PeerReset { connection: 4 });
        bench.steps(200)?;
        assert!(!bench.adapter.interrupt());
        bench.settle()
    });
}

/// Whatever the adapter is at when it is reset, it breaks no rule on a bus and comes up again as new.
#[test]
fn the_drivers_reset_works_in_the_middle_of_everything() {
    trials("toe_reset", 0..24, |seed, wave| {
        let mut bench = Bench::new(seed, wave, STALLS[seed as usize % 2])?;
        assert_eq!(bench.offload(0, FIRST, 0)?, OffloadStatus::Ok);
        for index in 0..20 {
            let at = index * 1000;
            bench.send(segment(
                0,
                FIRST.wrapping_add(at as u32),
                ACK,
                &pattern(at, 1000),
            ));
            bench.send(segment(2, FIRST, ACK, &pattern(0, 900)));
        }
        bench.steps(300 + 37 * seed)?;
        bench.write(offset::CONTROL, field::CONTROL_RESET.set(1, 1))?;
        let frames = bench.adapter.frames_queued();
        bench.steps(300)?;
        assert!(
            bench.adapter.frames_queued() + 1 >= frames,
            "a held adapter takes no frame"
        );
        bench.bring_up()?;
        // Frames that were still to come go to the host: nothing is offloaded.
        let whole = [
            segment(2, FIRST, ACK, &pattern(0, 900)).len(),
            segment(0, FIRST, ACK, &pattern(0, 1000)).len(),
        ];
        while bench.adapter.frames_queued() > 0 {
            bench.step()?;
        }
        bench.steps(3000)?;
        while let Some(event) = bench.poll()? {
            let Event::HostFrame { length, .. } = event else {
                panic!("{event:?} after a reset");
            };
            assert!(
                whole.contains(&length.into()),
                "a part of a frame: {length} bytes"
            );
        }
        bench.write(offset::EVENT_CONSUMER, bench.consumer)?;
        assert_eq!(bench.offload(0, FIRST, 0)?, OffloadStatus::Ok);
        bench.send(segment(0, FIRST, ACK, &pattern(0, 1460)));
        receive(&mut bench, 0, 0, 1460)
    });
}

#[test]
fn while_not_enabled_no_frame_is_taken() {
    trials("toe_disabled", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, StallProfile::NONE)?;
        bench.write(offset::CONTROL, 0)?;
        bench.send(segment(0, FIRST, SYN, b""));
        bench.steps(500)?;
        assert_eq!(bench.adapter.frames_queued(), 1);
        bench.write(offset::CONTROL, 1)?;
        let Event::HostFrame { .. } = bench.event()? else {
            panic!("a SYN goes to the host");
        };
        Ok::<(), AdapterFault>(())
    });
}

/// Cycles, in one run without stalls, between what happens at the pins.
#[test]
fn a_payload_reaches_the_host_bus_ten_cycles_after_its_frames_end_and_its_event_four_after_its_answer()
 {
    trials("toe_latency", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, StallProfile::NONE)?;
        assert_eq!(bench.offload(0, FIRST, 0)?, OffloadStatus::Ok);
        assert_eq!(bench.offload(1, FIRST, 0)?, OffloadStatus::Ok);
        let mut at = [0; 2];
        // Tags move the headers by half a beat, and lengths the end of the frame, to every place in a beat.
        for payload in (1..=24).chain([64, 100, 512, 1000, 1001, 1440]) {
            for (connection, tags) in [(0u16, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                let from = at[usize::from(connection)];
                let sequence = FIRST.wrapping_add(from as u32);
                bench.steps(100)?;
                bench.cycles = Some(Vec::new());
                let mut frame = segment(connection, sequence, ACK, &pattern(from, payload));
                let header = [54, 74][usize::from(connection)];
                frame.truncate(header + payload);
                let tag: [u8; 4] = [0x81, 0, 0, 1];
                frame.splice(12..12, tag.repeat(tags));
                frame.resize(frame.len().max(60), 0);
                bench.send(frame);
                bench.steps(500)?;
                let cycles = bench.cycles.take().unwrap_or_default();
                let find = |what: &dyn Fn(&toe_sim::adapter::BusCycle) -> bool| {
                    cycles.iter().position(what).expect("it happens")
                };
                let end = find(&|c| c.frame.valid && c.frame.last && c.frame_ready);
                let first = find(&|c| c.request.w_valid);
                let answer = find(&|c| c.answer.b_valid);
                let told = cycles[answer..].iter().position(|c| c.request.aw_valid);
                let told = told.expect("an event follows");
                println!(
                    "{payload} bytes, connection {connection}, {tags} tags: data after {} cycles, event after {told}",
                    first - end
                );
                assert!(
                    first - end <= 10,
                    "{payload} bytes after {} cycles",
                    first - end
                );
                assert!(told <= 4, "{payload} bytes: event after {told} cycles");
                receive(&mut bench, connection, from, payload)?;
                at[usize::from(connection)] += payload;
            }
        }
        Ok::<(), AdapterFault>(())
    });
}

#[test]
fn minimum_frames_pass_every_nine_cycles_and_long_ones_at_a_beat_a_cycle_and_two() {
    trials("toe_period", 0..1, |seed, wave| {
        for payload in [1, 6, 10, 100, 500, 1460] {
            let mut bench = Bench::new(seed, wave, StallProfile::NONE)?;
            assert_eq!(bench.offload(0, FIRST, u32::MAX)?, OffloadStatus::Ok);
            let frames = 64.min(4096 / payload).min(ANONYMOUS_COUNT.into());
            let mut beats = 0;
            for index in 0..frames {
                let at = index * payload;
                let frame = segment(0, FIRST.wrapping_add(at as u32), ACK, &pattern(at, payload));
                beats = frame.len().div_ceil(8) as u64;
                bench.send(frame);
            }
            bench.cycles = Some(Vec::new());
            let start = bench.adapter.cycle();
            while bench.adapter.frames_queued() > 0 {
                bench.step()?;
            }
            let taken = bench.adapter.cycle() - start;
            let period = taken as f64 / frames as f64;
            println!("{payload} bytes: a frame every {period:.2} cycles");
            let most = if beats <= 8 { 9 } else { beats + 2 };
            assert!(
                period <= most as f64,
                "{payload} bytes: every {period:.2} cycles"
            );
            let mut got = 0;
            while got < frames * payload {
                let Event::IndicateData { buffer, length, .. } = bench.event()? else {
                    panic!("something else than data");
                };
                assert_eq!(bench.anonymous(buffer, length), pattern(got, length.into()));
                got += usize::from(length);
            }
            let all = bench.adapter.cycle() - start;
            println!("{payload} bytes: all told after {all} cycles of {taken}");
            // The last frame's bytes follow its end.
            assert!(all < taken + beats + 100, "the host's side falls behind");
        }
        Ok::<(), AdapterFault>(())
    });
}

#[test]
fn more_host_frames_than_buffers_are_dropped_and_counted() {
    trials("toe_host_overrun", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, StallProfile::NONE)?;
        let extra = 40;
        for _ in 0..HOST_FRAME_COUNT + extra {
            bench.send(segment(0, FIRST, SYN, &pattern(0, 1000)));
        }
        bench.steps(20_000)?;
        let dropped = bench.counter(Counter::DroppedHostOverrun)?;
        // Those in the adapter's own memory count as delivered: a buffer is all they wait for.
        let kept = bench.counter(Counter::FramesToHost)?;
        assert_eq!(kept + dropped, u32::from(HOST_FRAME_COUNT + extra));
        assert!(dropped > 0 && kept > HOST_FRAME_COUNT.into());
        for buffer in 0..HOST_FRAME_COUNT {
            let Event::HostFrame { buffer: of, .. } = bench.event()? else {
                panic!("something else than a host frame");
            };
            assert_eq!(of, buffer);
        }
        bench.settle()?;
        Ok::<(), AdapterFault>(())
    });
}
