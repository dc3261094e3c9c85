//! Random stalls: when a bus model holds `ready` or `valid` back.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How often the bus models stall, as chances out of 256 for each clock cycle and channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StallProfile {
    /// The frame stream towards the adapter pauses between beats.
    pub frame: u8,
    /// `awready` is low.
    pub write_address: u8,
    /// `wready` is low.
    pub write_data: u8,
    /// `bvalid` is held back, beyond the response latency.
    pub write_response: u8,
    /// The register port pauses before each of its transfers.
    pub register: u8,
}

impl StallProfile {
    /// No stall anywhere.
    pub const NONE: Self = Self {
        frame: 0,
        write_address: 0,
        write_data: 0,
        write_response: 0,
        register: 0,
    };

    /// Heavy stalls on every channel: each is held back in half of all cycles.
    pub const HEAVY: Self = Self {
        frame: 128,
        write_address: 128,
        write_data: 128,
        write_response: 128,
        register: 128,
    };
}

/// A seeded source of stalls for one channel.
///
/// With a chance of 0 it costs one comparison and draws nothing.
#[derive(Debug, Clone)]
pub struct Stalls {
    chance: u8,
    rng: ChaCha8Rng,
    pool: u64,
    left: u8,
}

impl Stalls {
    /// Stalls with `chance` out of 256 per cycle. Channels of one run share a seed and differ in `stream`.
    pub fn new(seed: u64, stream: u64, chance: u8) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self {
            chance,
            rng,
            pool: 0,
            left: 0,
        }
    }

    /// Whether the channel is held back in this cycle.
    #[inline(always)]
    pub fn stall(&mut self) -> bool {
        self.chance != 0 && self.draw()
    }

    fn draw(&mut self) -> bool {
        if self.left == 0 {
            self.pool = self.rng.next_u64();
            self.left = 8;
        }
        let byte = (self.pool & 0xff) as u8;
        self.pool >>= 8;
        self.left -= 1;
        byte < self.chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_stalls_in_the_same_cycles() {
        let draw = |seed, stream| {
            let mut stalls = Stalls::new(seed, stream, 128);
            (0..200).map(|_| stalls.stall()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn a_chance_of_zero_never_stalls_and_half_stalls_half_the_time() {
        let mut never = Stalls::new(1, 1, 0);
        assert!((0..1000).all(|_| !never.stall()));
        let mut half = Stalls::new(1, 1, 128);
        let stalls = (0..10_000).filter(|_| half.stall()).count();
        assert!((4_500..5_500).contains(&stalls), "{stalls} of 10000");
    }
}
