//! Chance, and the faults that are drawn from it, all from one seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use memory::{Fault, Faults, Operation, Service};
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

/// An outage: one service, or all of them, refuse every call.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// The service; `None` for all of them.
    pub service: Option<Service>,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Outage {
    fn covers(&self, service: Service, now: Timestamp) -> bool {
        self.service.is_none_or(|down| down == service) && (self.from..self.until).contains(&now)
    }
}

/// The faults of calls. The seed decides how many there are, and chance which calls they hit.
#[derive(Debug)]
pub struct FaultPlan {
    chance: Chance,
    /// One call in so many fails.
    fault_in: u64,
    /// Polls that a call takes at most.
    longest_delay: u64,
    /// Bytes of the largest piece of a body.
    longest_piece: usize,
    /// Seconds by which an index lags behind its table at most.
    longest_lag: u64,
    /// Whether the running task meets no faults.
    calm: Mutex<bool>,
    outages: Mutex<Vec<Outage>>,
    now: Mutex<Timestamp>,
}

impl FaultPlan {
    pub fn new(chance: &Chance) -> Self {
        let (fault_in, longest_delay) = (chance.pick(&[8, 20, 60, 1_000_000]), chance.pick(&[1, 3, 10]));
        Self {
            chance: chance.clone(),
            fault_in,
            longest_delay,
            longest_piece: 900,
            longest_lag: chance.pick(&[1, 1, 5, 150]),
            calm: Mutex::new(false),
            outages: Mutex::default(),
            now: Mutex::new(Timestamp::from_millis(0)),
        }
    }

    /// Returns the plan for a file that is read in hundreds of pieces, so that a fault in a piece has to be rarer.
    pub fn with_large_pieces(self) -> Self {
        Self { fault_in: 300, longest_delay: 1, longest_piece: 64 * 1024, ..self }
    }

    pub fn set_outages(&self, outages: Vec<Outage>) {
        *self.outages.lock().unwrap() = outages;
    }

    pub fn set_time(&self, now: Timestamp) {
        *self.now.lock().unwrap() = now;
    }

    /// Returns the end of the outage of a service, if there is one now.
    pub fn away_until(&self, service: Service) -> Option<Timestamp> {
        let now = *self.now.lock().unwrap();
        let outages = self.outages.lock().unwrap();
        outages.iter().filter(|outage| outage.covers(service, now)).map(|outage| outage.until).max()
    }

    pub fn set_calm(&self, calm: bool) {
        *self.calm.lock().unwrap() = calm;
    }
}

impl Faults for FaultPlan {
    fn fault(&self, operation: Operation) -> Option<Fault> {
        if operation.service().is_some_and(|service| self.away_until(service).is_some()) {
            Some(Fault::Refused)
        } else if *self.calm.lock().unwrap() || !self.chance.once_in(self.fault_in) {
            None
        } else if self.chance.once_in(2) {
            Some(Fault::Refused)
        } else {
            Some(Fault::AnswerLost)
        }
    }

    fn delay(&self) -> u32 {
        u32::try_from(self.chance.below(self.longest_delay)).unwrap()
    }

    fn piece(&self) -> usize {
        1 + self.chance.index(self.longest_piece)
    }

    fn index_lag(&self) -> Duration {
        Duration::from_millis(self.chance.below(self.longest_lag * 1000))
    }
}
