//! `rtl/rx/host_frame_path.v`: frames that are wanted come out whole, the others leave no trace.

mod frames;

use std::collections::VecDeque;
use std::path::Path;

use frames::{below, random};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_registers::bundles::Transfer;
use toe_sim::models::HostFramePath;
use toe_sim::stalls::Stalls;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

/// Words that the model's memory holds.
const WORDS: usize = 4096 / 8;
const BUFFER_BYTES: u16 = 2000;
const BUFFER_BASE: u64 = 0xffff_ffff_0000;

struct Bench {
    dut: HostFramePath,
    rng: ChaCha8Rng,
    /// Header, data, buffers.
    stalls: [Stalls; 3],
    /// By cycles until they take effect: the frame's bytes, then the wish for it.
    ending: VecDeque<(u64, Vec<u8>, bool)>,
    cycle: u64,
    /// Frames that were kept and did not come out yet.
    kept: VecDeque<Vec<u8>>,
    kept_words: usize,
    transfers: VecDeque<Transfer>,
    words: VecDeque<u64>,
    words_owed: usize,
    words_taken: usize,
    buffers_given: u64,
    buffers_used: u64,
    offers: [Option<Vec<u32>>; 2],
    lost: usize,
    came: usize,
    oversize: usize,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>, chances: [u8; 3]) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = HostFramePath::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_beat_valid(0);
        dut.set_host_wanted(0);
        dut.set_host_frame_buffer_bytes(BUFFER_BYTES);
        for _ in 0..3 {
            dut.cycle()?;
        }
        dut.set_rst(0);
        Ok(Self {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            stalls: [0, 1, 2].map(|stream| Stalls::new(seed, stream, chances[stream as usize])),
            ending: VecDeque::new(),
            cycle: 0,
            kept: VecDeque::new(),
            kept_words: 0,
            transfers: VecDeque::new(),
            words: VecDeque::new(),
            words_owed: 0,
            words_taken: 0,
            buffers_given: 0,
            buffers_used: 0,
            offers: [None, None],
            lost: 0,
            came: 0,
            oversize: 0,
        })
    }

    fn send(&mut self, frame: &[u8], wanted: bool, pause: u32) -> Result<(), Error> {
        let beats = frame.len().div_ceil(8);
        for (place, chunk) in frame.chunks(8).enumerate() {
            while self.rng.next_u32() % 256 < pause {
                self.dut.set_beat_valid(0);
                self.step()?;
            }
            let mut bytes = [0; 8];
            self.rng.fill_bytes(&mut bytes);
            bytes[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_be_bytes(bytes);
            self.dut.set_beat_valid(1);
            self.dut.set_beat_last(u8::from(place + 1 == beats));
            self.dut.set_beat(word >> 16);
            self.dut.set_beat_rest(word as u16);
            if place + 1 == beats {
                self.ending
                    .push_back((self.cycle + 2, frame.to_vec(), wanted));
            }
            self.step()?;
        }
        self.dut.set_beat_valid(0);
        Ok(())
    }

    fn step(&mut self) -> Result<(), Error> {
        let known = self.ending.iter().find(|(at, ..)| *at == self.cycle);
        let noise = self.rng.next_u32() as u16;
        let bytes = known.map_or(noise, |(_, frame, _)| frame.len() as u16);
        self.dut.set_frame_bytes(bytes);
        let due = self
            .ending
            .front()
            .is_some_and(|(at, ..)| *at + 2 == self.cycle);
        let settled = if due { self.ending.pop_front() } else { None };
        let wanted = settled.as_ref().is_some_and(|&(.., wanted)| wanted);
        self.dut.set_host_wanted(u8::from(wanted));
        let [transfer, data, buffer] = self.stalls.each_mut().map(|stalls| !stalls.stall());
        self.dut.set_host_transfer_ready(u8::from(transfer));
        self.dut.set_host_data_ready(u8::from(data));
        let offered = self.dut.host_buffer_valid() == 1 || buffer;
        self.dut.set_host_buffer_valid(u8::from(offered));
        self.dut
            .set_host_buffer_address(BUFFER_BASE + 4096 * self.buffers_given);
        self.dut.set_host_buffer_number(self.buffers_given as u16);
        self.dut.settle()?;

        if let Some((_, frame, wanted)) = settled {
            self.settle_frame(frame, wanted);
        } else {
            let told = self.dut.host_kept() + self.dut.host_oversize() + self.dut.host_overrun();
            assert_eq!(told, 0, "told of no frame");
        }
        self.watch();
        let given = offered && self.dut.host_buffer_ready() == 1;
        self.dut.rise()?;
        if given {
            self.dut.set_host_buffer_valid(0);
            self.buffers_given += 1;
        }
        self.cycle += 1;
        Ok(())
    }

    fn settle_frame(&mut self, frame: Vec<u8>, wanted: bool) {
        let kept = self.dut.host_kept() == 1;
        let oversize = self.dut.host_oversize() == 1;
        let overrun = self.dut.host_overrun() == 1;
        assert_eq!(
            u8::from(kept) + u8::from(oversize) + u8::from(overrun),
            u8::from(wanted)
        );
        if !wanted {
            return;
        }
        assert_eq!(oversize, frame.len() > BUFFER_BYTES.into());
        let words = frame.len().div_ceil(8);
        self.oversize += usize::from(oversize);
        if overrun {
            self.lost += 1;
            let full = self.kept_words - self.words_taken + words;
            assert!(
                full + 2 > WORDS,
                "lost a frame with {full} words of {WORDS} in use"
            );
        }
        if kept {
            self.kept_words += words;
            self.kept.push_back(frame);
        }
    }

    fn hold(&mut self, stream: usize, valid: bool, ready: bool, word: Vec<u32>) {
        if let Some(before) = self.offers[stream].take() {
            assert!(valid && before == word, "stream {stream} changed its word");
        }
        self.offers[stream] = (valid && !ready).then_some(word);
    }

    fn watch(&mut self) {
        let valid = self.dut.host_transfer_valid() == 1;
        let taken = valid && self.dut.host_transfer_ready() == 1;
        let header = *self.dut.host_transfer_header();
        self.hold(0, valid, taken, header.to_vec());
        let transfer = Transfer::unpack(&header).expect("a header of a known kind");
        let words = usize::from(transfer.length).div_ceil(8);
        let shown = self.words_owed + if valid { words } else { 0 };
        if taken {
            self.words_owed = shown;
            assert_eq!(transfer.address, BUFFER_BASE + 4096 * self.buffers_used);
            assert_eq!(transfer.event & 0xffff, transfer.length.into());
            assert_eq!(transfer.event >> 16 & 0xffff, self.buffers_used & 0xffff);
            assert_eq!((transfer.event >> 59, transfer.lane), (2, 0));
            self.buffers_used += 1;
            self.transfers.push_back(transfer);
        }
        let valid = self.dut.host_data_valid() == 1;
        let taken = valid && self.dut.host_data_ready() == 1;
        let data = self.dut.host_data();
        self.hold(1, valid, taken, vec![data as u32, (data >> 32) as u32]);
        assert!(
            !valid || self.words_taken < shown,
            "a word before its header"
        );
        if taken {
            self.words_taken += 1;
            self.words.push_back(data);
        }
        while let Some(length) = self.transfers.front().map(|transfer| transfer.length) {
            let length = usize::from(length);
            if self.words.len() < length.div_ceil(8) {
                return;
            }
            self.transfers.pop_front();
            let words = self.words.drain(..length.div_ceil(8));
            let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
            assert_eq!(self.kept.pop_front().as_deref(), Some(&bytes[..length]));
            self.came += 1;
        }
    }

    /// Lets everything out.
    fn finish(&mut self) -> Result<(), Error> {
        self.stalls = [0, 1, 2].map(|stream| Stalls::new(0, stream, 0));
        let deadline = self.cycle + 4 * WORDS as u64 + 100;
        while !self.ending.is_empty() || !self.kept.is_empty() {
            self.step()?;
            assert!(
                self.cycle < deadline,
                "{} frames do not come",
                self.kept.len()
            );
        }
        for _ in 0..20 {
            self.step()?;
        }
        assert_eq!(self.words_taken, self.kept_words);
        Ok(())
    }
}

#[test]
fn wanted_frames_come_out_whole_and_in_order_and_the_others_leave_no_trace() {
    trials("host_frame_path_order", 0..40, |seed, wave| {
        let chance = |shift: u64| [0, 16, 100, 200][(seed >> shift) as usize % 4];
        let mut bench = Bench::new(seed, wave, [chance(0), chance(2), chance(1)])?;
        let pause = [0, 0, 128][seed as usize % 3];
        for _ in 0..400 {
            let bytes = match below(&mut bench.rng, 8) {
                0 => 1 + below(&mut bench.rng, 59),
                1 => 60 + below(&mut bench.rng, 1455),
                2 => 1900 + below(&mut bench.rng, 200),
                _ => 60 + below(&mut bench.rng, 40),
            };
            let frame = random(&mut bench.rng, bytes);
            // Frames under 60 bytes are never wanted.
            let wanted = bytes >= 60 && bench.rng.next_u32() % 3 != 0;
            bench.send(&frame, wanted, pause)?;
        }
        bench.finish()?;
        assert!(bench.came > 50 && bench.oversize > 5);
        Ok::<(), Error>(())
    });
}

#[test]
fn frames_are_lost_only_for_want_of_room_and_never_in_part() {
    trials("host_frame_path_room", 0..10, |seed, wave| {
        let mut bench = Bench::new(seed, wave, [0, 255, 0])?;
        for round in 0..6 {
            for _ in 0..80 {
                let bytes = [60, 64, 68, 1000][below(&mut bench.rng, 4)];
                let frame = random(&mut bench.rng, bytes);
                let wanted = bench.rng.next_u32() % 4 != 0;
                bench.send(&frame, wanted, 0)?;
            }
            // The last of them is settled only now.
            bench.finish()?;
            let lost = bench.lost;
            assert!(lost > 0, "round {round} lost nothing");
            // All the room is there again.
            let bytes = 8 * below(&mut bench.rng, 200) + 64;
            let frame = random(&mut bench.rng, bytes);
            bench.send(&frame, true, 0)?;
            bench.finish()?;
            assert_eq!(bench.lost, lost);
            bench.stalls[1] = Stalls::new(seed, 1, 255);
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn minimum_frames_pass_one_word_a_cycle() {
    trials("host_frame_path_rate", 0..1, |seed, wave| {
        let mut bench = Bench::new(seed, wave, [0; 3])?;
        for _ in 0..500 {
            let frame = random(&mut bench.rng, 60);
            bench.send(&frame, true, 0)?;
        }
        bench.finish()?;
        assert_eq!((bench.came, bench.lost), (500, 0));
        assert!(bench.cycle < 500 * 8 + 60);
        Ok::<(), Error>(())
    });
}
