//! Chance that is the same every time: splitmix64.

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

/// A generator of numbers that look random.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0) as f64 / u64::MAX as f64
    }

    /// `time`, give or take the part of it that `jitter` says.
    pub fn about(&mut self, time: u64, jitter: f64) -> u64 {
        if jitter == 0.0 {
            return time;
        }
        (time as f64 * (1.0 + jitter * (2.0 * self.unit() - 1.0))) as u64
    }
}
