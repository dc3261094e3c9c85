//! Random legal traces, each with one thing changed: the model finds it, under its number.

use toe_driver::registers::{Event, Refusal, ReturnReason};
use toe_testbench::model::{Dice, Seen};

use crate::model_traces::{judge, random_trace};

type Trace = Vec<(u64, Seen)>;

/// Changes what stands at a place of the trace, if it is something that the mutation is about.
type Mutation = fn(&mut Trace, usize) -> bool;

fn event(trace: &mut Trace, at: usize) -> Option<&mut Event> {
    match &mut trace[at].1 {
        Seen::Event(event) => Some(event),
        _ => None,
    }
}

fn change_skip(trace: &mut Trace, at: usize) -> bool {
    let Some(Event::NamedBufferAccepted { skipped, .. }) = event(trace, at) else {
        return false;
    };
    *skipped += 1;
    true
}

fn flip_push(trace: &mut Trace, at: usize) -> bool {
    let Some(Event::IndicateData { push, .. }) = event(trace, at) else {
        return false;
    };
    *push = !*push;
    true
}

fn change_returned_bytes(trace: &mut Trace, at: usize) -> bool {
    let Some(Event::NamedBufferReturned { bytes, .. }) = event(trace, at) else {
        return false;
    };
    *bytes += 1;
    true
}

fn full_for_another_reason(trace: &mut Trace, at: usize) -> bool {
    let Some(Event::NamedBufferReturned { reason, .. }) = event(trace, at) else {
        return false;
    };
    std::mem::replace(reason, ReturnReason::Timeout) == ReturnReason::Full
}

fn another_reason_for_full(trace: &mut Trace, at: usize) -> bool {
    let Some(Event::NamedBufferReturned { reason, .. }) = event(trace, at) else {
        return false;
    };
    let partly = matches!(reason, ReturnReason::Timeout | ReturnReason::Push);
    *reason = ReturnReason::Full;
    partly
}

fn return_full_twice(trace: &mut Trace, at: usize) -> bool {
    let full = matches!(
        event(trace, at),
        Some(Event::NamedBufferReturned {
            reason: ReturnReason::Full,
            ..
        })
    );
    let again = trace[at].clone();
    trace.insert(at, again);
    full
}

fn indicate_twice(trace: &mut Trace, at: usize) -> bool {
    let indicated = matches!(event(trace, at), Some(Event::IndicateData { .. }));
    let again = trace[at].clone();
    trace.insert(at, again);
    indicated
}

fn spoil_a_byte(trace: &mut Trace, at: usize) -> bool {
    let Seen::Write { bytes, .. } = &mut trace[at].1 else {
        return false;
    };
    bytes[0] ^= 1;
    true
}

fn shift_a_write(trace: &mut Trace, at: usize) -> bool {
    let Seen::Write { address, .. } = &mut trace[at].1 else {
        return false;
    };
    *address += 1;
    true
}

fn lose_a_write(trace: &mut Trace, at: usize) -> bool {
    let write = matches!(trace[at].1, Seen::Write { .. });
    trace.remove(at);
    write
}

/// Of a connection that is being uploaded, a page may be taken or refused: such refusals are left alone.
/// Not one that later refusals can stand in for, once the command is thought to have had its effect later.
fn lose_a_refusal(trace: &mut Trace, at: usize) -> bool {
    let refusal = match event(trace, at) {
        Some(Event::CommandRefused { reason, .. }) => {
            !matches!(reason, Refusal::NotOffloaded | Refusal::MoreThanPending)
        }
        _ => false,
    };
    trace.remove(at);
    refusal
}

/// The buffer comes back just before its last bytes are placed.
fn return_before_the_write(trace: &mut Trace, at: usize) -> bool {
    let back = matches!(
        event(trace, at),
        Some(Event::NamedBufferReturned {
            reason: ReturnReason::Full,
            ..
        })
    );
    let place = at > 0 && matches!(trace[at - 1].1, Seen::Write { .. });
    if back && place {
        let (earlier, later) = (trace[at - 1].0, trace[at].0);
        trace.swap(at - 1, at);
        (trace[at - 1].0, trace[at].0) = (earlier, later);
    }
    back && place
}

fn time_out_early(trace: &mut Trace, at: usize) -> bool {
    let timeout = matches!(
        event(trace, at),
        Some(Event::NamedBufferReturned {
            reason: ReturnReason::Timeout,
            ..
        })
    );
    // Everything from here on happens so much earlier that the timer cannot have expired.
    let before = at.checked_sub(1).map_or(0, |before| trace[before].0);
    let gap = trace[at].0 - before;
    for (cycle, _) in &mut trace[at..] {
        *cycle -= gap;
    }
    timeout && gap > 400
}

const MUTATIONS: [(&str, Mutation, &[u8]); 13] = [
    ("off by one in skip", change_skip, &[25]),
    ("PSH flag of IndicateData", flip_push, &[29]),
    ("a byte more returned", change_returned_bytes, &[27]),
    ("full, told as a time-out", full_for_another_reason, &[27]),
    ("partly full, told as full", another_reason_for_full, &[27]),
    ("a full buffer twice", return_full_twice, &[27]),
    ("a delivery twice", indicate_twice, &[18]),
    ("a spoilt byte", spoil_a_byte, &[6, 7, 25]),
    ("a write a byte further", shift_a_write, &[7, 25, 28, 38]),
    ("a write lost", lose_a_write, &[6, 7, 18, 25, 27, 28, 37]),
    (
        "a refusal lost",
        lose_a_refusal,
        &[1, 5, 6, 11, 25, 26, 27, 28],
    ),
    (
        "returned before its bytes",
        return_before_the_write,
        &[27, 29],
    ),
    ("a time-out too early", time_out_early, &[30]),
];

#[test]
fn a_legal_trace_with_one_thing_changed_is_rejected_under_its_number() {
    let mut dice = Dice::new(31);
    let traces: Vec<Trace> = (0..60).map(|seed| random_trace(seed, None)).collect();
    for (name, mutation, behaviours) in MUTATIONS {
        let mut changed = 0;
        for trace in &traces {
            let mutated = (0..300).find_map(|_| {
                let mut mutated = trace.clone();
                let at = dice.between(0, trace.len() as u64 - 1) as usize;
                mutation(&mut mutated, at).then_some((at, mutated))
            });
            let Some((at, mutated)) = mutated else {
                continue;
            };
            changed += 1;
            match judge(&mutated) {
                Ok(()) => panic!("{name} at {at} ({:?}) is accepted", trace[at]),
                Err(broken) => {
                    let number = broken.behaviour.0;
                    assert!(behaviours.contains(&number), "{name} at {at}: {broken}");
                }
            }
        }
        assert!(changed > 3, "{name}: {changed} traces");
    }
}
