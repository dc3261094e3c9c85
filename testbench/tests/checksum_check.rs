//! `rtl/rx/checksum_check.v`: two ones' complement sums over whatever words and bytes belong to them.

mod frames;

use std::path::Path;

use frames::{below, random};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::ChecksumCheck;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// One beat as the parser describes it: eight bytes, the two behind them with the last beat, and what belongs where.
#[derive(Clone, Debug)]
struct Beat {
    bytes: [u8; 10],
    ip_words: [bool; 2],
    tcp_words: [bool; 2],
    tcp_body: bool,
    /// Bytes of the packet from this beat on.
    left: usize,
    tcp_start: bool,
    tcp_length: u16,
}

impl Beat {
    fn counts_in_ip(&self, byte: usize) -> bool {
        byte < 8 && self.ip_words[byte / 4]
    }

    fn counts_in_tcp(&self, byte: usize, last: bool) -> bool {
        let belongs = if byte < 8 {
            self.tcp_words[byte / 4]
        } else {
            last
        };
        belongs
            && if self.tcp_body {
                byte < self.left
            } else {
                byte < 8
            }
    }
}

/// A frame: no word counts in the first beat, then headers, then TCP to the end of the packet, then padding.
fn frame(rng: &mut ChaCha8Rng, beats: usize, fill: Option<u8>) -> Vec<Beat> {
    let start = 2 + below(rng, beats - 3);
    let mut left = 8 * (beats - start) - below(rng, 12);
    (0..beats)
        .map(|place| {
            let mut bytes = [0; 10];
            match fill {
                Some(byte) => bytes = [byte; 10],
                None => rng.fill_bytes(&mut bytes),
            }
            let flag =
                |rng: &mut ChaCha8Rng| place > 0 && place <= start && rng.next_u32() & 1 == 1;
            let body = place > start;
            let beat = Beat {
                bytes,
                ip_words: [flag(rng), flag(rng)],
                tcp_words: [body || flag(rng), body || flag(rng)],
                tcp_body: body,
                left: if body { left } else { 500 },
                tcp_start: place == start,
                tcp_length: rng.next_u32() as u16,
            };
            if place >= start {
                left = left.saturating_sub(8);
            }
            beat
        })
        .collect()
}

/// Sums of the frame, folded as often as it takes: the IPv4 header's and TCP's.
fn sums(frame: &[Beat]) -> [u64; 2] {
    let mut sums = [0, 6];
    for (place, beat) in frame.iter().enumerate() {
        let last = place + 1 == frame.len();
        for byte in 0..10 {
            let weight = if byte % 2 == 0 { 256 } else { 1 };
            let value = u64::from(beat.bytes[byte]) * weight;
            sums[0] += value * u64::from(beat.counts_in_ip(byte));
            sums[1] += value * u64::from(beat.counts_in_tcp(byte, last));
        }
        sums[1] += u64::from(beat.tcp_length) * u64::from(beat.tcp_start);
    }
    sums
}

/// Nothing but zeros is not all ones; everything else that is a multiple of 65535 is.
fn good(frame: &[Beat]) -> [bool; 2] {
    sums(frame).map(|sum| sum != 0 && sum % 65535 == 0)
}

struct Check {
    dut: ChecksumCheck,
    rng: ChaCha8Rng,
    /// Chance of 256 of a pause before a beat.
    pause: u32,
    /// Answers that are due: in how many cycles, and what they must be.
    due: Vec<(u8, [bool; 2], String)>,
}

impl Check {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = ChecksumCheck::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        let mut check = Self {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            pause: [0, 0, 128][seed as usize % 3],
            due: vec![],
        };
        check.idle(3)?;
        Ok(check)
    }

    fn cycle(&mut self) -> Result<(), Error> {
        self.dut.settle()?;
        for (cycles, expected, case) in &mut self.due {
            if *cycles == 0 {
                let answer = [self.dut.ip_good() == 1, self.dut.tcp_parts() == 0xF];
                assert_eq!(&answer, expected, "{case}");
            }
            *cycles = cycles.wrapping_sub(1);
        }
        self.due.retain(|&(cycles, ..)| cycles < 3);
        self.dut.rise()
    }

    fn idle(&mut self, cycles: usize) -> Result<(), Error> {
        for _ in 0..cycles {
            self.dut.set_beat_valid(0);
            self.dut.set_tcp_start(0);
            // What stands on the other ports must not matter.
            let noise = self.rng.next_u64();
            self.dut.set_beat(noise);
            self.dut.set_tcp_word_0(noise as u8 & 1);
            self.dut.set_ip_word_1(noise as u8 >> 1 & 1);
            self.cycle()?;
        }
        Ok(())
    }

    fn send(&mut self, frame: &[Beat]) -> Result<(), Error> {
        for (place, beat) in frame.iter().enumerate() {
            while self.rng.next_u32() % 256 < self.pause {
                self.idle(1)?;
            }
            let last = place + 1 == frame.len();
            let word = u64::from_be_bytes(std::array::from_fn(|byte| beat.bytes[byte]));
            self.dut.set_beat_valid(1);
            self.dut.set_beat_first(u8::from(place == 0));
            self.dut.set_beat_last(u8::from(last));
            self.dut.set_beat(word);
            let rest = u16::from_be_bytes([beat.bytes[8], beat.bytes[9]]);
            self.dut.set_beat_rest(rest);
            self.dut.set_ip_word_0(u8::from(beat.ip_words[0]));
            self.dut.set_ip_word_1(u8::from(beat.ip_words[1]));
            self.dut.set_tcp_word_0(u8::from(beat.tcp_words[0]));
            self.dut.set_tcp_word_1(u8::from(beat.tcp_words[1]));
            self.dut.set_tcp_body(u8::from(beat.tcp_body));
            self.dut.set_ip_left((beat.left % 16) as u8);
            self.dut.set_ip_far(u8::from(beat.left >= 16));
            self.dut.set_tcp_start(u8::from(beat.tcp_start));
            self.dut.set_tcp_length(beat.tcp_length);
            if last {
                self.due.push((2, good(frame), format!("{frame:?}")));
            }
            self.cycle()?;
        }
        Ok(())
    }
}

/// Changes one counted half of the frame so that the sum becomes all ones.
fn mend(rng: &mut ChaCha8Rng, frame: &mut [Beat], tcp: bool) -> bool {
    let last = frame.len() - 1;
    let halves: Vec<(usize, usize)> = (0..frame.len())
        .flat_map(|place| (0..5).map(move |half| (place, 2 * half)))
        .filter(|&(place, byte)| {
            let beat = &frame[place];
            let ours = |byte| {
                if tcp {
                    beat.counts_in_tcp(byte, place == last)
                } else {
                    beat.counts_in_ip(byte)
                }
            };
            // Not one that the other sum needs too.
            let other = if tcp {
                beat.counts_in_ip(byte)
            } else {
                beat.counts_in_tcp(byte, place == last)
            };
            ours(byte) && ours(byte + 1) && !other
        })
        .collect();
    if halves.is_empty() {
        return false;
    }
    let (place, byte) = halves[below(rng, halves.len())];
    frame[place].bytes[byte..byte + 2].fill(0);
    let sum = sums(frame)[usize::from(tcp)];
    let value = (65535 - (sum % 65535) as u16).to_be_bytes();
    frame[place].bytes[byte..byte + 2].copy_from_slice(&value);
    true
}

#[test]
fn a_right_sum_is_good_and_any_flip_of_a_counted_bit_is_not() {
    trials("checksum_check_flips", 0..30, |seed, wave| {
        let mut check = Check::new(seed, wave)?;
        let mut goods = [0; 2];
        for _ in 0..60 {
            let beats = [4 + below(&mut check.rng, 12), 190][usize::from(seed % 8 == 7)];
            let mut frame = frame(&mut check.rng, beats, None);
            for tcp in [false, true] {
                mend(&mut check.rng, &mut frame, tcp);
            }
            let right = good(&frame);
            goods[0] += u32::from(right[0]);
            goods[1] += u32::from(right[1]);
            check.send(&frame)?;
            let (place, byte) = (below(&mut check.rng, beats), below(&mut check.rng, 10));
            frame[place].bytes[byte] ^= 1 << below(&mut check.rng, 8);
            check.send(&frame)?;
        }
        assert!(goods.iter().all(|&count| count > 10), "{goods:?}");
        check.idle(4)
    });
}

#[test]
fn no_carry_of_any_fold_is_lost() {
    // Frames of ones, zeros and near-ones: sums that carry out of every fold, such as those of 255.255.255.255.
    trials("checksum_check_folds", 0..6, |seed, wave| {
        let mut check = Check::new(seed, wave)?;
        for fill in [0xff, 0xfe, 0x00, 0x01, 0x7f, 0x80] {
            for beats in (4..40).chain([188, 1129]) {
                let mut frame = frame(&mut check.rng, beats, Some(fill));
                check.send(&frame)?;
                for tcp in [false, true] {
                    mend(&mut check.rng, &mut frame, tcp);
                }
                check.send(&frame)?;
                for beat in &mut frame {
                    beat.tcp_length = [0xffff, 0xfffe, 0, 1][below(&mut check.rng, 4)];
                }
                check.send(&frame)?;
            }
        }
        check.idle(4)
    });
}

#[test]
fn frames_of_one_beat_back_to_back_do_not_mix() {
    trials("checksum_check_short", 0..8, |seed, wave| {
        let mut check = Check::new(seed, wave)?;
        for _ in 0..200 {
            let bytes = random(&mut check.rng, 10);
            let beats = 1 + below(&mut check.rng, 3);
            let beat = Beat {
                bytes: std::array::from_fn(|byte| bytes[byte]),
                ip_words: [true; 2],
                tcp_words: [true; 2],
                tcp_body: false,
                left: 0,
                tcp_start: false,
                tcp_length: 0,
            };
            let mut frame = vec![beat; beats];
            // Of the first beat nothing counts.
            frame[0].ip_words = [false; 2];
            frame[0].tcp_words = [false; 2];
            check.send(&frame)?;
        }
        check.idle(4)
    });
}
