//! Random scripts.

use super::script::{Bus, Operation, Script, ScriptSettings};
use crate::model::Dice;

/// Connections of a generated script.
const CONNECTIONS: u64 = 3;

/// A script of about so many operations; it begins with offloads and ends at rest.
pub fn generate(seed: u64, operations: usize) -> Script {
    let mut dice = Dice::new(seed);
    let window = size(&mut dice, 1, 20_000);
    let settings = ScriptSettings {
        window,
        anonymous: size(&mut dice, 64, 9000),
        push_timer: size(&mut dice, 200, 8_000),
        acknowledge: match dice.between(0, 2) {
            0 => 1,
            1 => (window / 2).max(1),
            _ => window,
        },
        large: dice.once_in(4),
    };
    let offload = |connection| Operation::Offload {
        connection,
        window: 0,
    };
    let mut script = Script {
        seed,
        settings: settings.clone(),
        operations: (0..CONNECTIONS as u16).map(offload).collect(),
    };
    for _ in 0..operations {
        let next = operation(&mut dice, &settings);
        script.operations.push(next);
    }
    script.operations.push(Operation::Rest);
    script
}

/// A length: often small, sometimes near a power of two, at times anything.
fn size(dice: &mut Dice, least: u64, most: u64) -> u32 {
    let value = match dice.between(0, 3) {
        0 => dice.between(least, most),
        1 => dice.between(least, least + 16),
        _ => (1 << dice.between(1, 14)) + dice.between(0, 4) - 2,
    };
    value.clamp(least, most) as u32
}

fn operation(dice: &mut Dice, settings: &ScriptSettings) -> Operation {
    let window = settings.window;
    let connection = dice.between(0, CONNECTIONS - 1) as u16;
    match dice.between(0, 39) {
        0..=15 => Operation::Segment {
            connection,
            distance: match dice.between(0, 5) {
                0 => size(dice, 1, if settings.large { 20_000 } else { 4_000 }) as i32,
                1 => -(dice.between(1, 1000) as i32),
                _ => 0,
            },
            bytes: size(dice, 1, 9000),
            push: dice.once_in(4),
        },
        16..=22 => Operation::Post {
            connection,
            bytes: match dice.between(0, 9) {
                0 => 0,
                1..=5 => window.saturating_add(size(dice, 1, 20_000)),
                _ => size(dice, 1, 20_000),
            },
            align: dice.between(0, 63) as u16,
            pages: match dice.between(0, 7) {
                0..=3 => 1,
                4..=6 => dice.between(1, 6) as u16,
                _ => dice.between(1, 20) as u16, // More than an adapter holds, too.
            },
            push: dice.once_in(2),
        },
        23..=28 => Operation::Accept {
            connection,
            bytes: if dice.once_in(3) {
                size(dice, 1, 9000)
            } else {
                u32::MAX
            },
        },
        29 => Operation::Decline { connection },
        30 | 31 => Operation::Cancel {
            connection,
            nth: dice.between(0, 3) as u16,
        },
        32 => Operation::Window {
            connection,
            bytes: size(dice, 1, 20_000),
        },
        33 => match dice.between(0, 5) {
            0 => Operation::Fin { connection },
            1 => Operation::Reset { connection },
            2 => Operation::Upload { connection },
            _ => Operation::Rest,
        },
        34 => Operation::Offload {
            connection,
            window: if dice.once_in(2) {
                0
            } else {
                size(dice, 1, 20_000)
            },
        },
        35 | 36 => Operation::Stall {
            bus: *dice
                .pick(&[Bus::Network, Bus::Memory, Bus::Answers, Bus::Registers])
                .unwrap_or(&Bus::Memory),
            cycles: size(dice, 1, 500),
        },
        _ => Operation::Wait {
            cycles: if dice.once_in(6) {
                size(dice, 4_000, 30_000)
            } else {
                size(dice, 1, 4_000)
            },
        },
    }
}
