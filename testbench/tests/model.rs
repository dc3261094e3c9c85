//! The model of the adapter, tried out: each behaviour kept and broken, and random traces of a reference adapter.

#![allow(clippy::unwrap_used)] // helpers of tests may

#[path = "model_traces/driver.rs"]
mod driver;
mod model_traces;
#[path = "model_traces/mutated.rs"]
mod mutated;
#[path = "model_traces/soak.rs"]
mod soak;

use model_traces::*;
use toe_driver::registers::{Command, Event, OffloadStatus, Refusal, ReturnReason, StateField};
use toe_testbench::model::{
    AdapterModel, Behaviour, Dice, Due, Duty, Fault, May, Page, Push, Seen, StartModel, StartStep,
    WindowSource, window_of,
};

use Refusal::*;
use ReturnReason::*;

/// Two pages of 900 and 600 bytes.
const PAGES: [Page; 2] = [
    Page {
        address: NAMED + 0x1003,
        bytes: 900,
    },
    Page {
        address: NAMED,
        bytes: 600,
    },
];

/// A story with a buffer of 1500 bytes accepted, `skipped` of them skipped.
fn accepted(skipped: u32, push: Push, push_mode: bool) -> Story {
    let mut story = Story::offloaded();
    if skipped > 0 {
        story.peer(skipped.into(), push);
        story.indicate(skipped.into(), push == Push::Yes).unwrap();
    }
    story.post(7, &PAGES, push_mode).unwrap();
    story.accepted(skipped).unwrap();
    story
}

#[test]
fn b1_a_window_of_0_is_refused() {
    let mut story = Story::offloaded();
    story.window(0).unwrap();
    breaks(1, story.model.rest());
    story.refused(8, ZeroWindow, 0).unwrap();
    breaks(1, story.refused(8, ZeroWindow, 0));
}

#[test]
fn b1_b3_the_first_source_found_wins_and_0_is_refused() {
    use WindowSource::*;
    let sources = [
        (Reset, Some(65536)),
        (Nvram, None),
        (ParameterFile, Some(9)),
    ];
    assert_eq!(window_of(&sources), Ok(Some((ParameterFile, 9))));
    let own = [(UserInterface, Some(8)), (Connection, Some(7))];
    assert_eq!(window_of(&own), Ok(Some((Connection, 7))));
    breaks(1, window_of(&[(Connection, Some(7)), (Nvram, Some(0))]));
    breaks(1, window_of(&[(Nvram, Some(1 << 32))]));
}

#[test]
fn b4_start_up_goes_in_order_and_is_undone_in_reverse() {
    use StartStep::*;
    let up = |steps: &[StartStep]| {
        let mut model = StartModel::default();
        steps
            .iter()
            .try_for_each(|step| model.did(*step))
            .map(|()| model)
    };
    let all = up(&[Load, Allocate, Initialise, HandOver, Ready]).unwrap();
    all.reported(None).unwrap();
    breaks(4, up(&[Load, Initialise]));
    breaks(4, up(&[Load]).unwrap().reported(None));
    let failed = || {
        let mut model = up(&[Load, Allocate]).unwrap();
        model.failed(Initialise).unwrap();
        model
    };
    breaks(4, failed().undid(Load));
    breaks(4, failed().reported(Some(Initialise)));
    let mut undone = failed();
    undone.undid(Allocate).unwrap();
    undone.undid(Load).unwrap();
    breaks(4, undone.reported(Some(HandOver)));
    undone.reported(Some(Initialise)).unwrap();
}

#[test]
fn b2_b5_an_offload_is_answered_once_and_starts_with_its_own_window() {
    let mut story = Story::offloaded();
    let status = OffloadStatus::Ok;
    let event = |connection| Event::Offloaded { connection, status };
    breaks(5, story.event(event(0)));
    let mut own = offload(1);
    if let Command::Offload {
        indicate_window_size,
        ..
    } = &mut own
    {
        *indicate_window_size = 70;
    }
    story.take(own).unwrap();
    breaks(5, story.model.rest());
    story.event(event(1)).unwrap();
    let (connection, push) = (1, Push::No);
    let sent = Seen::Sent {
        connection,
        offset: 0,
        bytes: bytes(0, 300),
        push,
    };
    story.see(sent).unwrap();
    let offset = 300;
    let next = story.see(Seen::InOrder { connection, offset }).unwrap();
    assert_eq!(next.may, [May::Indicate(70)]);
    story.take(offload(1)).unwrap();
    breaks(5, story.event(event(1)));
    story.write(POOL, bytes(0, 9)).unwrap();
    let of_nobody = Event::IndicateData {
        connection: 2,
        buffer: 0,
        length: 9,
        push: false,
    };
    breaks(5, story.event(of_nobody));
}

#[test]
fn b6_an_upload_hands_back_every_byte_and_buffer_once() {
    let told = |missing: u64| {
        let mut story = accepted(0, Push::No, false);
        story.peer(50, Push::No);
        story.take(Command::Upload { connection: 0 }).unwrap();
        let early = story.model.rest();
        assert!(early.is_err());
        story.returned(0, Ended).unwrap();
        story.fill(50 - missing).unwrap();
        let length = 50 - missing as u16;
        story
            .event(Event::UploadData {
                connection: 0,
                buffer: 0,
                length,
            })
            .unwrap();
        story
    };
    let next = (u32::MAX - 2).wrapping_add(50);
    breaks(6, told(1).state(StateField::ReceiveNext, next));
    breaks(6, told(0).state(StateField::ReceiveNext, next + 1));
    breaks(6, told(0).event(Event::Uploaded { connection: 0 }));
    let mut story = told(0);
    breaks(6, story.model.rest());
    story.state(StateField::ReceiveNext, next).unwrap();
    breaks(6, story.state(StateField::ReceiveNext, next));
    story.state(StateField::Flags, 0).unwrap();
    story.event(Event::Uploaded { connection: 0 }).unwrap();
    story.model.rest().unwrap();
    breaks(5, story.event(Event::PeerReset { connection: 0 }));
    story.acknowledge(0).unwrap();
    story.refused(7, NotOffloaded, 0).unwrap();
}

#[test]
fn b7_a_delivery_is_what_was_written_and_what_the_peer_sent() {
    let deliver = |written: Vec<u8>, length, push| {
        let mut story = Story::offloaded();
        story.peer(100, Push::No);
        story.write(POOL, written).unwrap();
        story.event(Event::IndicateData {
            connection: 0,
            buffer: 0,
            length,
            push,
        })
    };
    deliver(bytes(0, 40), 40, false).unwrap();
    breaks(7, deliver(bytes(0, 40), 41, false));
    breaks(7, deliver(bytes(1, 40), 40, false));
    breaks(35, deliver(bytes(0, 101), 101, false));
    breaks(29, deliver(bytes(0, 40), 40, true));
    let mut story = Story::offloaded();
    breaks(7, story.write(POOL + 1, vec![0]));
}

#[test]
fn b8_b9_the_window_is_filled_exactly_and_no_further() {
    let mut story = Story::offloaded();
    story.peer(1500, Push::No);
    story.indicate(400, false).unwrap();
    story.indicate(400, false).unwrap();
    let next = story.model.next(0);
    assert_eq!(next.may, [May::Indicate(200)]);
    let what = "the window is open: held bytes are indicated";
    let behaviour = Behaviour(11);
    let due = Due::AtRest;
    assert_eq!(
        next.must,
        [Duty {
            behaviour,
            due,
            what
        }]
    );
    story.indicate(199, false).unwrap();
    breaks(8, story.indicate(2, false));

    let mut story = Story::offloaded();
    story.peer(1500, Push::No);
    for count in [400, 400, 200] {
        story.indicate(count, false).unwrap();
    }
    story.model.rest().unwrap();
    breaks(9, story.indicate(1, false));
}

#[test]
fn b11_an_acknowledgement_counts_once_and_a_lost_one_does_not() {
    let mut story = Story::offloaded();
    story.peer(1500, Push::No);
    for count in [400, 400, 200] {
        story.indicate(count, false).unwrap();
    }
    story.acknowledge(300).unwrap();
    breaks(11, story.model.rest());
    story.indicate(300, false).unwrap();
    breaks(9, story.indicate(1, false));

    let mut story = Story::offloaded();
    story.peer(100, Push::No);
    story.indicate(100, false).unwrap();
    story.acknowledge(101).unwrap();
    breaks(11, story.model.rest());
    story.refused(7, MoreThanPending, 0).unwrap();
    story.acknowledge(100).unwrap();
    story.model.rest().unwrap();
    breaks(11, story.refused(7, MoreThanPending, 0));
}

#[test]
fn b12_b25_exactly_what_is_pending_is_skipped() {
    for wrong in [99, 101, 0] {
        let mut story = Story::offloaded();
        story.peer(100, Push::No);
        story.indicate(100, false).unwrap();
        story.post(7, &PAGES, false).unwrap();
        breaks(25, story.accepted(wrong));
    }
    // An acknowledgement that was taken before the buffer counts; one taken after it may be too late.
    for (skipped, late) in [(60, false), (100, true), (60, true)] {
        let mut story = Story::offloaded();
        story.peer(100, Push::No);
        story.indicate(100, false).unwrap();
        if late {
            story.post(7, &PAGES, false).unwrap();
        }
        story.acknowledge(40).unwrap();
        if !late {
            story.post(7, &PAGES, false).unwrap();
            breaks(25, story.accepted(100));
        }
        story.accepted(skipped).unwrap();
        // In the end the two differ: the late one is refused.
        if skipped == 100 {
            breaks(11, story.model.rest());
            story.refused(7, MoreThanPending, 0).unwrap();
        }
        story.model.rest().unwrap();
    }
}

#[test]
fn b15_a_smaller_window_stops_delivery_at_once() {
    let mut story = Story::offloaded();
    story.peer(1500, Push::No);
    story.indicate(400, false).unwrap();
    story.window(300).unwrap();
    // Sent before the command had its effect, perhaps.
    story.indicate(10, false).unwrap();
    story.model.rest().unwrap();
    breaks(15, story.indicate(1, false));
}

#[test]
fn b18_buffers_are_used_in_the_order_granted() {
    let mut story = Story::offloaded();
    story.peer(100, Push::No);
    breaks(18, story.write(POOL + 448, bytes(0, 10)));
    let mut story = Story::offloaded();
    story.peer(100, Push::No);
    story.indicate(10, false).unwrap();
    story.buffer = 0;
    breaks(38, story.fill(10));
    let mut story = Story::offloaded();
    let twice = Command::GrantAnonymousBuffers {
        address: POOL,
        first_buffer: 99,
        count: 1,
    };
    breaks(18, story.take(twice));
}

#[test]
fn b25_bytes_follow_behind_those_skipped() {
    let mut story = accepted(100, Push::No, false);
    story.peer(200, Push::No);
    breaks(25, story.model.rest());
    breaks(25, story.write(PAGES[0].address, bytes(100, 10)));
    breaks(25, story.write(PAGES[0].address + 100, bytes(101, 10)));
    breaks(28, story.write(PAGES[0].address + 101, bytes(100, 10)));
    story.place(PAGES[0].address + 100, 200).unwrap();
    breaks(25, story.indicate(1, false));
    breaks(25, story.accepted(0));
    let mut story = Story::offloaded();
    story.peer(200, Push::No);
    story.post(7, &PAGES, false).unwrap();
    breaks(25, story.model.rest());
    // Bytes may come before the event that accepts their buffer, and are judged with it.
    story.write(PAGES[0].address, bytes(0, 10)).unwrap();
    breaks(25, story.model.rest());
    story.accepted(0).unwrap();
    let mut story = Story::offloaded();
    story.peer(200, Push::No);
    story.post(7, &PAGES, false).unwrap();
    story.write(PAGES[0].address + 1, bytes(0, 10)).unwrap();
    breaks(28, story.accepted(0));
}

#[test]
fn b26_a_buffer_not_larger_than_the_window_is_refused() {
    let mut story = Story::offloaded();
    story.post(1, &page(1000), false).unwrap();
    breaks(25, story.accepted(0));
    story.refused(9, TooSmall, 1).unwrap();
    story.post(2, &page(1001), false).unwrap();
    breaks(26, story.refused(9, TooSmall, 2));
    story.accepted(0).unwrap();
}

#[test]
fn b27_a_buffer_comes_back_once_with_its_bytes_and_the_reason_that_holds() {
    let full = || {
        let mut story = accepted(100, Push::No, false);
        story.peer(1400, Push::No);
        story.place(PAGES[0].address + 100, 800).unwrap();
        story.place(PAGES[1].address, 600).unwrap();
        story
    };
    breaks(27, full().model.rest());
    breaks(27, full().returned(1499, Full));
    breaks(27, full().returned(1500, Timeout));
    breaks(27, full().returned(1500, Ended));
    breaks(27, full().returned(1500, Cancelled));
    let mut story = full();
    story.returned(1500, Full).unwrap();
    breaks(27, story.returned(1500, Full));
    breaks(27, story.write(PAGES[0].address, vec![0]));
    breaks(27, accepted(100, Push::No, false).returned(100, Full));
    breaks(27, accepted(100, Push::No, false).returned(100, Ended));

    let mut story = accepted(100, Push::No, false);
    story.post(8, &page(2000), false).unwrap();
    story.cancel(8).unwrap();
    story.cancel(9).unwrap();
    breaks(27, story.model.rest());
    // The answers come in the order of the cancels.
    breaks(27, story.refused(10, NotPosted, 9));
    breaks(27, story.returned(100, Cancelled));
    story.returned(0, Cancelled).unwrap();
    story.refused(10, NotPosted, 9).unwrap();
    story.cancel(7).unwrap();
    breaks(27, story.refused(10, NotPosted, 7));
    story.returned(100, Cancelled).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b28_pages_fill_in_order_and_buffers_in_the_order_posted() {
    let mut story = accepted(0, Push::No, false);
    story.post(8, &page(2000)[..], false).unwrap();
    story.peer(1600, Push::No);
    breaks(28, story.write(PAGES[1].address, bytes(0, 10)));
    breaks(28, story.write(PAGES[0].address, bytes(0, 901)));
    story.place(PAGES[0].address, 900).unwrap();
    breaks(28, story.write(PAGES[1].address + 1, bytes(900, 10)));
    // Bytes may run ahead of the event that returns the buffer before theirs; but none may follow them there.
    story.write(NAMED + 1900, bytes(900, 10)).unwrap();
    breaks(25, story.model.rest());
    breaks(28, story.write(PAGES[1].address, bytes(900, 10)));
    breaks(38, story.write(NAMED + 2000, bytes(900, 10)));

    let mut story = Story::offloaded();
    story.post(8, &page(0), false).unwrap();
    breaks(28, story.model.rest());
    story.refused(9, BadPage, 8).unwrap();
    let seventeen: Vec<Page> = (0..17).flat_map(|_| page(100)).collect();
    story.post(9, &seventeen, false).unwrap();
    story.refused(9, BuffersFull, 9).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b29_psh_counts_when_its_byte_has_been_placed() {
    let mut story = accepted(100, Push::No, true);
    story.peer(50, Push::Yes);
    breaks(29, story.returned(100, Push_()));
    story.place(PAGES[0].address + 100, 49).unwrap();
    breaks(29, story.returned(149, Push_()));
    story.place(PAGES[0].address + 149, 1).unwrap();
    let placed = story.cycle;
    let by = |cycle| Due::By(cycle + 500 + 200);
    assert_eq!(story.model.next(0).must[0].due, by(placed));
    breaks(29, story.model.wait(placed + 701));

    // PSH among the bytes skipped counts as well.
    let mut story = accepted(100, Push::Yes, true);
    story.cycle += 600;
    breaks(29, story.returned(100, Timeout));
    let mut story = accepted(100, Push::Yes, true);
    story.returned(100, Push_()).unwrap();
    // Where the peer's PSH is doubtful, both are right.
    accepted(100, Push::Perhaps, true)
        .returned(100, Push_())
        .unwrap();
}

/// `ReturnReason::Push`, which the peer's `Push` hides.
#[allow(non_snake_case)]
fn Push_() -> ReturnReason {
    ReturnReason::Push
}

#[test]
fn b30_the_push_timer_runs_from_the_latest_data() {
    let placed = || {
        let mut story = accepted(100, Push::No, true);
        story.peer(60, Push::No);
        story.cycle += 300;
        story.place(PAGES[0].address + 100, 60).unwrap();
        story
    };
    let mut story = placed();
    story.cycle += 479;
    breaks(30, story.returned(160, Timeout));
    let mut story = placed();
    story.cycle += 480;
    story.returned(160, Timeout).unwrap();
    let mut story = placed();
    story.model.wait(story.cycle + 700).unwrap();
    breaks(30, story.model.wait(story.cycle + 701));
}

#[test]
fn b31_without_push_mode_nothing_is_watched() {
    let mut story = accepted(100, Push::Yes, false);
    breaks(31, story.returned(100, Push_()));
    story.cycle += 1000;
    breaks(31, story.returned(100, Timeout));
    story.model.wait(1_000_000).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b32_an_empty_buffer_does_not_time_out() {
    let mut story = accepted(0, Push::No, true);
    story.cycle += 5000;
    breaks(32, story.returned(0, Timeout));
    story.model.wait(1_000_000).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b37_the_close_comes_after_all_data_and_a_reset_at_once() {
    let closed = Event::PeerClosed { connection: 0 };
    let mut story = Story::offloaded();
    breaks(37, story.event(closed));
    story.peer(100, Push::No);
    story.see(Seen::Finished { connection: 0 }).unwrap();
    story.indicate(99, false).unwrap();
    breaks(37, story.event(closed));
    story.indicate(1, false).unwrap();
    breaks(37, story.model.rest());
    story.event(closed).unwrap();
    breaks(37, story.event(closed));
    story.post(1, &page(2000), false).unwrap();
    breaks(27, story.model.rest());
    story.returned(0, Ended).unwrap();
    story.model.rest().unwrap();

    let mut story = Story::offloaded();
    story.peer(2000, Push::No);
    story.see(Seen::Reset { connection: 0 }).unwrap();
    breaks(37, story.model.rest());
    story.event(Event::PeerReset { connection: 0 }).unwrap();
    story.indicate(400, false).unwrap();
}

#[test]
fn b38_no_byte_goes_where_nothing_was_granted() {
    let mut story = Story::offloaded();
    breaks(38, story.write(0, vec![1]));
    breaks(38, story.write(POOL, vec![0; 401]));
}

#[test]
fn random_legal_traces_are_accepted() {
    for seed in 0..300 {
        if let Err(broken) = judge(&random_trace(seed, None)) {
            panic!("seed {seed}: {broken}");
        }
    }
}

/// The same with events later: bytes written behind them, that they do not report, overtake them.
fn with_late_events(mut trace: Vec<(u64, Seen)>, seed: u64) -> Vec<(u64, Seen)> {
    let mut dice = Dice::new(seed);
    for start in (0..trace.len()).rev() {
        let mut at = start;
        while matches!(trace[at].1, Seen::Event(_))
            && matches!(trace.get(at + 1), Some((_, Seen::Write { .. })))
            && !dice.once_in(3)
        {
            trace[at].0 = trace[at + 1].0;
            trace.swap(at, at + 1);
            at += 1;
        }
    }
    trace
}

#[test]
fn b25_b28_bytes_may_run_ahead_of_events_that_do_not_report_them() {
    let mut overtaken = 0;
    for seed in 400..600 {
        let trace = random_trace(seed, None);
        let late = with_late_events(trace.clone(), seed);
        overtaken += usize::from(trace != late);
        if let Err(broken) = judge(&late) {
            panic!("seed {seed}: {broken}");
        }
    }
    assert!(overtaken > 100, "{overtaken}");
}

#[test]
fn what_comes_was_among_what_may_come() {
    for seed in 300..400 {
        let mut model = AdapterModel::new(settings());
        for (cycle, seen) in random_trace(seed, None) {
            model.wait(cycle).unwrap();
            foreseen(&model, &seen).unwrap_or_else(|what| panic!("seed {seed}, {cycle}: {what}"));
            model.see(cycle, &seen).unwrap();
        }
    }
}

#[test]
fn each_planted_fault_is_found_under_its_number() {
    for fault in Fault::ALL {
        let mut found = 0;
        for seed in 0..100 {
            if let Err(broken) = judge(&random_trace(seed, Some(fault))) {
                found += 1;
                let breaks = fault.breaks();
                assert!(
                    breaks.contains(&broken.behaviour.0),
                    "{fault:?}, seed {seed}: {broken}"
                );
            }
        }
        assert!(found > 0, "{fault:?} was never found");
    }
}
