//! `rtl/deliver/push_timer.v`: a timer expires once, never early, and never after it was stopped.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::PushTimer;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

const CONNECTIONS: usize = 4;

// B30, B32
#[test]
fn a_timer_expires_after_its_time_unless_it_is_started_anew_or_stopped() {
    trials("push_timer", 0..60, |seed, wave| {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let cycles = [1, 10, 40, 200][seed as usize % 4];
        let mut dut = PushTimer::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_push_timer_cycles(cycles);
        dut.set_start(0);
        dut.set_stop(0);
        dut.set_watched(0);
        dut.set_rst(1);
        dut.cycle()?;
        dut.cycle()?;
        dut.set_rst(0);
        // When each was started last, as long as it runs.
        let mut started = [None::<u64>; CONNECTIONS];
        let mut watched = [false; CONNECTIONS];
        let mut stands = None::<(usize, u64)>;
        let mut expiries = 0;
        let mut touched = false;
        for cycle in 0..20_000u64 {
            dut.settle()?;
            if dut.expiry_valid() == 1 {
                let of = usize::from(dut.expiry_connection());
                let since = started[of].expect("it runs");
                assert!(
                    cycle - since >= u64::from(cycles),
                    "{} cycles",
                    cycle - since
                );
                if stands.is_none_or(|(other, _)| other != of) {
                    expiries += 1;
                    stands = Some((of, cycle));
                }
            } else {
                stands = None;
                // Nothing stands: so who is due comes within a round of all, and a few cycles.
                for since in started.iter().flatten() {
                    let late = (cycle - since).saturating_sub(u64::from(cycles));
                    assert!(late <= 600, "late by {late}");
                }
            }
            dut.set_start(0);
            dut.set_stop(0);
            // Whose turn it is stays for a cycle after a step of it.
            let chosen = match stands {
                _ if touched => None,
                // The turn that an alarm leads to.
                Some((of, at)) if cycle >= at + 12 => Some((of, true)),
                _ if rng.next_u32() % 16 == 0 => Some((
                    rng.next_u32() as usize % CONNECTIONS,
                    rng.next_u32() % 4 == 0,
                )),
                _ => None,
            };
            touched = chosen.is_some();
            if let Some((of, stop)) = chosen {
                dut.set_connection(of as u8);
                dut.set_stop(stop.into());
                dut.set_start((!stop).into());
            }
            dut.set_watched(
                watched
                    .iter()
                    .rev()
                    .fold(0, |all, &w| all << 1 | u8::from(w)),
            );
            dut.rise()?;
            if let Some((of, stop)) = chosen {
                started[of] = (!stop).then_some(cycle);
                // The next buffer is in Push Mode, too, and empty.
                watched[of] = !stop || rng.next_u32() % 2 == 0;
            }
        }
        assert!(expiries > 10 || cycles > 40, "{expiries} expiries");
        Ok::<(), Error>(())
    });
}
