//! `rtl/dma/payload_writer.v`: every byte to its place, nothing beside it, completions in order, no cycle lost.

mod transfers;

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use toe_sim::stalls::StallProfile;
use toe_sim::trial::trials;
use transfers::payload_bench::{BASE, PayloadBench, rate};
use transfers::{Outcome, Transfer, below};

/// Another mix of stalls for every seed, from none to most of the time.
fn stalls(seed: u64) -> StallProfile {
    let chance = |shift: u32| [0, 32, 128, 220][(seed >> shift) as usize % 4];
    StallProfile {
        frame: chance(0),
        write_address: chance(2),
        write_data: chance(1),
        write_response: chance(3),
        register: 0,
    }
}

/// Another response latency for every seed.
fn latency(seed: u64) -> u64 {
    [0, 1, 7, 40, 250][seed as usize % 5]
}

/// Runs the transfers and checks that no burst, beat or byte was written too much.
fn run(mut bench: PayloadBench, transfers: Vec<Transfer>) -> Outcome<PayloadBench> {
    let count = |figure: fn(&Transfer) -> u64| transfers.iter().map(figure).sum::<u64>();
    let expected = [
        count(Transfer::bursts),
        count(Transfer::beats),
        count(|transfer| transfer.bytes.len() as u64),
    ];
    for transfer in transfers {
        bench.source.push(transfer);
    }
    bench.finish()?;
    let traffic = bench.memory.traffic();
    assert_eq!([traffic.bursts, traffic.beats, traffic.bytes], expected);
    Ok(bench)
}

fn memory_end(transfers: &[Transfer]) -> usize {
    let end = transfers.iter().map(Transfer::end).max().unwrap_or(BASE);
    usize::try_from(end - BASE)
        .expect("a small memory")
        .next_multiple_of(4096)
}

/// Transfers of these lengths one after the other, with gaps of 0 to 15 bytes, from any lane.
fn in_a_row(rng: &mut ChaCha8Rng, lengths: &[usize]) -> Vec<Transfer> {
    let mut address = BASE + below(rng, 4096);
    let place = |length: &usize| {
        address += below(rng, 16);
        let lane = below(rng, 8) as u8;
        let transfer = Transfer::random(rng, address, lane, *length);
        address = transfer.end();
        transfer
    };
    lengths.iter().map(place).collect()
}

#[test]
fn every_lane_offset_and_length_lands_exactly() {
    trials("payload_writer_lanes", 0..16, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut all = Vec::new();
        for length in 0..=34 {
            for lane in 0..8 {
                for offset in 0..8 {
                    let address = BASE + 64 * all.len() as u64 + offset;
                    all.push(Transfer::random(&mut rng, address, lane, length));
                }
            }
        }
        // In another order for every seed, so that every kind meets every other one.
        for index in (1..all.len()).rev() {
            all.swap(index, below(&mut rng, index as u64 + 1) as usize);
        }
        let bench = PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        run(bench, all).map(drop)
    });
}

#[test]
fn neighbours_that_share_a_word_do_not_touch_each_other() {
    trials("payload_writer_neighbours", 0..40, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let lengths: Vec<usize> = (0..300).map(|_| below(&mut rng, 40) as usize).collect();
        let all = in_a_row(&mut rng, &lengths);
        let bench = PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        run(bench, all).map(drop)
    });
}

#[test]
fn bursts_end_at_2_kib_wherever_a_transfer_begins_and_ends() {
    trials("payload_writer_pages", 0..12, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut all = Vec::new();
        for before in (0..=17).chain([2040, 2041, 2047, 2048, 4095]) {
            for after in (0..=17).chain([2040, 2041, 2047, 2048, 2049, 4096]) {
                let page = BASE + 12288 * (all.len() as u64 + 1);
                let lane = below(&mut rng, 8) as u8;
                let length = (before + after) as usize;
                all.push(Transfer::random(&mut rng, page - before, lane, length));
            }
        }
        let bench = PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        run(bench, all).map(drop)
    });
}

#[test]
fn any_length_up_to_65535_lands_exactly() {
    trials("payload_writer_long", 0..12, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut lengths = vec![65_535, 65_534, 65_529, 0, 1, 65_528, 9000, 1460];
        lengths.extend((0..10).map(|_| below(&mut rng, 65_536) as usize));
        let all = in_a_row(&mut rng, &lengths);
        let bench = PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        run(bench, all).map(drop)
    });
}

#[test]
fn a_transfer_of_no_bytes_completes_in_its_turn_without_the_bus() {
    trials("payload_writer_nothing", 0..20, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let lengths: Vec<usize> = (0..200)
            .map(|_| [0, 0, 0, 1, 8, 3000][below(&mut rng, 6) as usize])
            .collect();
        let all = in_a_row(&mut rng, &lengths);
        let bench = PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        let bench = run(bench, all)?;
        assert_eq!(bench.responses, vec![0; 200]);

        let mut bench = PayloadBench::new(seed, wave, 4096, 0, &StallProfile::NONE)?;
        bench.source.push(Transfer::default());
        bench.finish()?;
        assert_eq!(bench.memory.traffic().bursts, 0);
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn an_error_anywhere_comes_with_its_transfer_and_stops_nothing() {
    trials("payload_writer_error", 0..60, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut lengths: Vec<usize> = (0..40).map(|_| 1 + below(&mut rng, 300) as usize).collect();
        lengths.extend([7000, 1, 2049, 0, 64, 0, 9000]);
        let all = in_a_row(&mut rng, &lengths);
        let mut bench =
            PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        let victim = loop {
            let index = below(&mut rng, all.len() as u64) as usize;
            if !all[index].bytes.is_empty() {
                break index;
            }
        };
        let place = all[victim].address + below(&mut rng, all[victim].bytes.len() as u64);
        let response = 2 + (seed % 2) as u8;
        // The word may hold bytes of a neighbour: the model answers for the first one written.
        let word = |address: u64| address / 8;
        let blamed = all
            .iter()
            .position(|t| {
                !t.bytes.is_empty() && (word(t.address)..=word(t.end() - 1)).contains(&word(place))
            })
            .ok_or("nobody writes there")?;
        bench.memory.fail_at(place, response);
        let count = all.len();
        let bench = run(bench, all)?;
        let mut expected = vec![0; count];
        expected[blamed] = response;
        assert_eq!(bench.responses, expected);
        Ok::<(), Box<dyn std::error::Error>>(())
    });
}

#[test]
fn after_a_stop_nothing_is_begun_and_nothing_is_lost() {
    trials("payload_writer_stop", 0..30, |seed, wave| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let lengths: Vec<usize> = (0..60)
            .map(|_| [1, 8, 100, 5000][below(&mut rng, 4) as usize])
            .collect();
        let all = in_a_row(&mut rng, &lengths);
        let mut bench =
            PayloadBench::new(seed, wave, memory_end(&all), latency(seed), &stalls(seed))?;
        for transfer in all {
            bench.source.push(transfer);
        }
        for _ in 0..6 {
            for _ in 0..below(&mut rng, 300) {
                assert!(!bench.step()?.idle, "idle is said only under stop");
            }
            bench.dut.set_stop(1);
            let deadline = bench.cycle + 20_000;
            while !bench.step()?.idle {
                assert!(bench.cycle < deadline, "never idle");
            }
            assert!(!bench.memory.busy(), "idle while the memory is at work");
            for _ in 0..200 {
                let seen = bench.step()?;
                assert!(seen.idle && !seen.beat_visible && !seen.address_taken);
            }
            bench.dut.set_stop(0);
            bench.step()?;
            bench.step()?;
        }
        bench.finish()
    });
}

#[test]
fn never_more_than_64_writes_are_in_flight_and_64_are() {
    trials(
        "payload_writer_in_flight",
        0..1,
        |seed, wave: Option<&Path>| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let all = in_a_row(&mut rng, &[8; 400]);
            let bench = PayloadBench::new(seed, wave, memory_end(&all), 500, &StallProfile::NONE)?;
            assert_eq!(run(bench, all)?.most_in_flight, 64);
            Ok::<(), Box<dyn std::error::Error>>(())
        },
    );
}

/// Length, offset and what the bus allows: payload bytes for each beat.
const LIMITS: [(usize, u64, f64); 6] = [
    (8, 0, 8.0),
    (64, 0, 8.0),
    (256, 0, 8.0),
    (1460, 0, 1460.0 / 183.0),
    (9000, 0, 8.0),
    (64, 2, 64.0 / 9.0),
];

#[test]
fn the_bus_is_never_left_waiting() -> Outcome {
    for (length, offset, limit) in LIMITS {
        for latency in [0, 20] {
            let measured = rate(length, offset, 0, 100, latency)?;
            assert_eq!(
                measured.bytes_per_cycle, limit,
                "{length} bytes at {offset}"
            );
        }
    }
    Ok(())
}

#[test]
fn eight_bytes_a_cycle_last_at_250_cycles_of_latency() -> Outcome {
    for (length, offset, limit) in LIMITS.into_iter().filter(|&(length, ..)| length >= 64) {
        let measured = rate(length, offset, 0, 200, 250)?;
        assert_eq!(
            measured.bytes_per_cycle, limit,
            "{length} bytes at {offset}"
        );
    }
    Ok(())
}

#[test]
fn first_beat_after_two_cycles_and_status_within_four() -> Outcome {
    for (length, offset, _) in LIMITS {
        let measured = rate(length, offset, offset as u8, 1, 0)?;
        assert_eq!(measured.transfer_to_beat, 2, "{length} bytes at {offset}");
        assert!(measured.last_beat_to_status <= 4, "{measured:?}");
    }
    Ok(())
}
