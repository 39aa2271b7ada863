//! Everything outside a function, behind one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use pipeline::ports::{Clock, PortError, PortResult, Randomness};
use uuid::Uuid;

use crate::directory::DirectoryState;
use crate::files::FilesState;
use crate::gateway_care::GatewayCareState;
use crate::jobs::JobsState;
use crate::network::wait;
use crate::patients::PatientsState;
use crate::webhooks::WebhooksState;
use crate::{Fate, Network, Operation, Queues, Usage, UsageOf};

/// All ports in memory. Clones share what is stored.
#[derive(Clone, Debug)]
pub struct Cloud {
    network: Arc<dyn Network>,
    state: Arc<Mutex<State>>,
    has_gateway: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub now: Timestamp,
    /// The time after which indexes show what the present call writes.
    index_lag: Duration,
    /// State of a linear congruential generator: ids are unique, not unpredictable.
    seed: u64,
    pub usage: Usage,
    pub directory: DirectoryState,
    pub files: FilesState,
    pub jobs: JobsState,
    pub patients: PatientsState,
    pub queues: Queues,
    pub gateway_care: GatewayCareState,
    pub webhooks: WebhooksState,
}

impl Cloud {
    /// An empty cloud at this time; the same `seed` gives the same ids.
    pub fn new(network: Arc<dyn Network>, now: Timestamp, seed: u64) -> Self {
        let state = State {
            now,
            index_lag: Duration::ZERO,
            seed,
            usage: Usage::default(),
            directory: DirectoryState::default(),
            files: FilesState::default(),
            jobs: JobsState::default(),
            patients: PatientsState::default(),
            queues: Queues::default(),
            gateway_care: GatewayCareState::default(),
            webhooks: WebhooksState::default(),
        };
        Self { network, state: Arc::new(Mutex::new(state)), has_gateway: true }
    }

    /// The same cloud behind another network.
    #[must_use]
    pub fn with_network(&self, network: Arc<dyn Network>) -> Self {
        Self { network, ..self.clone() }
    }

    /// The same cloud without a gateway to ask for documents.
    #[must_use]
    pub fn without_gateway(&self) -> Self {
        Self { has_gateway: false, ..self.clone() }
    }

    pub(crate) fn has_gateway(&self) -> bool {
        self.has_gateway
    }

    /// Sets the time; it never goes back.
    pub fn set_time(&self, now: Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(now);
    }

    /// What was called so far.
    pub fn usage(&self) -> Usage {
        self.state().usage.clone()
    }

    /// Works with the queues as SQS does when it feeds a function.
    pub fn with_queues<T>(&self, work: impl FnOnce(&mut Queues) -> T) -> T {
        work(&mut self.state().queues)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked inside has failed anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn piece(&self) -> usize {
        self.network.piece().max(1)
    }

    /// Makes one call: `deed` is what the service does, and the network decides how the call goes. `deed` gives
    /// its result with what is billed.
    pub(crate) async fn call<T>(
        &self,
        operation: Operation,
        deed: impl FnOnce(&mut State) -> Billed<T>,
    ) -> PortResult<T> {
        wait(self.network.delay()).await;
        let fate = self.network.fate(operation);
        if fate == Fate::Refused {
            return Err(transient(operation, "throttled"));
        }
        let done = {
            let mut state = self.state();
            state.index_lag = self.network.index_lag();
            let done = deed(&mut state);
            state.usage.add(operation, done.usage);
            done
        };
        wait(self.network.delay()).await;
        if fate == Fate::AnswerLost {
            return Err(transient(operation, "answer lost"));
        }
        done.result
    }
}

impl Cloud {
    /// What a body that is being read waits for between two of its pieces; it can break off there.
    pub(crate) async fn interruption(&self) -> PortResult<()> {
        wait(self.network.delay()).await;
        match self.network.fate(Operation::GetObject) {
            Fate::Answered => Ok(()),
            Fate::Refused | Fate::AnswerLost => Err(transient(Operation::GetObject, "interrupted")),
        }
    }
}

/// The result of a call and what it costs.
pub(crate) struct Billed<T> {
    pub result: PortResult<T>,
    pub usage: UsageOf,
}

impl<T> Billed<T> {
    pub fn new(value: T, units: u64, items: u64) -> Self {
        Self { result: Ok(value), usage: UsageOf { calls: 1, units, items, ..UsageOf::default() } }
    }

    /// A call that is billed as one request.
    pub fn request(value: T) -> Self {
        Self::new(value, 1, 1)
    }

    pub fn failed(error: PortError) -> Self {
        Self { result: Err(error), usage: UsageOf { calls: 1, ..UsageOf::default() } }
    }

    /// So many bytes of content went either way.
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.usage.bytes = bytes as u64;
        self
    }
}

pub(crate) fn transient(operation: Operation, code: &str) -> PortError {
    PortError { operation: operation.name(), code: code.to_owned(), transient: true }
}

pub(crate) fn permanent(operation: Operation, code: &str) -> PortError {
    PortError { operation: operation.name(), code: code.to_owned(), transient: false }
}

impl Clock for Cloud {
    fn now(&self) -> Timestamp {
        self.state().now
    }
}

impl Randomness for Cloud {
    fn new_id(&self) -> Uuid {
        let mut state = self.state();
        let millis = u64::try_from(state.now.as_millis()).unwrap_or(0);
        let mut random = [0; 10];
        for part in random.chunks_mut(5) {
            part.copy_from_slice(&state.random().to_be_bytes()[..5]);
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn secret(&self) -> [u8; 32] {
        let mut state = self.state();
        let mut secret = [0; 32];
        for part in secret.chunks_mut(8) {
            part.copy_from_slice(&state.random().to_be_bytes());
        }
        secret
    }
}

impl State {
    /// When indexes show what the present call writes.
    pub fn shown_by_indexes(&self) -> Timestamp {
        self.now.plus(self.index_lag)
    }

    /// Knuth's MMIX generator, with its better upper half in both halves.
    pub fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = self.seed ^ (self.seed >> 33);
        mixed.wrapping_mul(0xff51_afd7_ed55_8ccd) ^ (mixed >> 29)
    }
}
