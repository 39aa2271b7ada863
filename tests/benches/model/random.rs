//! Random numbers that are the same on every run: splitmix64.

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads numbers evenly, as the hash of a partition key does.
pub fn hash(parts: [u64; 4]) -> u64 {
    parts.into_iter().fold(0, |hash, part| mixed((hash ^ part).wrapping_add(STEP)))
}

fn mixed(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Returns a generator. The same seed gives the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0) as f64 / u64::MAX as f64
    }

    /// Returns `time`, shortened or lengthened by up to the share `jitter` of it.
    pub fn about(&mut self, time: u64, jitter: f64) -> u64 {
        if jitter == 0.0 {
            return time;
        }
        (time as f64 * (1.0 + jitter * (2.0 * self.unit() - 1.0))) as u64
    }
}
