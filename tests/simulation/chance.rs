//! Everything that is left to chance, from one seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memory::{Fate, Network, Operation};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// A source of chance. Clones draw from the same source, so that a run is one sequence of draws.
#[derive(Clone, Debug)]
pub struct Chance(Arc<Mutex<SmallRng>>);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(SmallRng::seed_from_u64(seed))))
    }

    fn source(&self) -> MutexGuard<'_, SmallRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&self, end: u64) -> u64 {
        self.source().random_range(0..end)
    }

    pub fn index(&self, len: usize) -> usize {
        self.source().random_range(0..len)
    }

    /// Whether something happens that happens once in `times`.
    pub fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}

/// A network with faults: how many is a matter of the seed, and which calls they hit one of chance.
#[derive(Debug)]
pub struct Weather {
    chance: Chance,
    /// One call in so many fails.
    fault_in: u64,
    /// Polls that a call takes at most.
    longest_delay: u64,
    /// No faults for what is running now.
    calm: Mutex<bool>,
}

impl Weather {
    pub fn new(chance: &Chance) -> Self {
        let (fault_in, longest_delay) = (chance.pick(&[8, 20, 60, 1_000_000]), chance.pick(&[1, 3, 10]));
        Self { chance: chance.clone(), fault_in, longest_delay, calm: Mutex::new(false) }
    }

    pub fn set_calm(&self, calm: bool) {
        *self.calm.lock().unwrap() = calm;
    }
}

impl Network for Weather {
    fn fate(&self, _: Operation) -> Fate {
        if *self.calm.lock().unwrap() || !self.chance.once_in(self.fault_in) {
            Fate::Answered
        } else if self.chance.once_in(2) {
            Fate::Refused
        } else {
            Fate::AnswerLost
        }
    }

    fn delay(&self) -> u32 {
        u32::try_from(self.chance.below(self.longest_delay)).unwrap()
    }

    fn piece(&self) -> usize {
        1 + self.chance.index(900)
    }
}
