//! A source of chance, and the fault plan that draws from it. One seed decides both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulk_domain::time::Timestamp;
use bulk_memory::{Fault, Faults, Operation, Service};
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

    /// Returns a number below `end`, which must not be 0.
    pub fn below(&self, end: u64) -> u64 {
        self.source().random_range(0..end)
    }

    pub fn index(&self, len: usize) -> usize {
        self.source().random_range(0..len)
    }

    /// Returns `true` once in `times` draws, on average.
    pub fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}

/// An outage, in which one service or all services refuse every call.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// The service that refuses calls; `None` means all services.
    pub service: Option<Service>,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Outage {
    fn covers(&self, service: Service, now: Timestamp) -> bool {
        self.service.is_none_or(|down| down == service) && (self.from..self.until).contains(&now)
    }
}

/// The fault plan of a story. The seed decides how frequent faults are, and chance decides which
/// calls they hit.
#[derive(Debug)]
pub struct FaultPlan {
    chance: Chance,
    /// One call in this many gets a fault, on average.
    fault_in: u64,
    /// The delay of a call is less than this number of polls.
    longest_delay: u64,
    /// The size of the largest piece of a body, in bytes.
    longest_piece: usize,
    /// An index lags behind its table by less than this number of seconds.
    longest_lag: u64,
    /// Whether the task that is polled now meets no faults, except for outages.
    calm: Mutex<bool>,
    outages: Mutex<Vec<Outage>>,
    now: Mutex<Timestamp>,
}

impl FaultPlan {
    pub fn new(chance: &Chance) -> Self {
        let (fault_in, longest_delay) =
            (chance.pick(&[8, 20, 60, 1_000_000]), chance.pick(&[1, 3, 10]));
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

    /// Returns the plan for a large file: larger pieces, and rarer faults, because each of many
    /// pieces can fail.
    pub fn with_large_pieces(self) -> Self {
        Self { fault_in: 300, longest_delay: 1, longest_piece: 64 * 1024, ..self }
    }

    pub fn set_outages(&self, outages: Vec<Outage>) {
        *self.outages.lock().unwrap() = outages;
    }

    pub fn set_time(&self, now: Timestamp) {
        *self.now.lock().unwrap() = now;
    }

    /// Returns the end of the current outage of a service, or `None` if the service answers calls.
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

    fn refuses_statement(&self) -> bool {
        !*self.calm.lock().unwrap() && self.chance.once_in(self.fault_in)
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
