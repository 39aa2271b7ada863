//! The state of all services, behind one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulk_domain::audit::AuditEvent;
use bulk_domain::document::BulkDownload;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::PATIENTS_PER_PART;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::{Environment, Versioned};
use uuid::Uuid;

use crate::call::Recorder;
use crate::directory::DirectoryState;
use crate::gateway_limits::GatewayLimitsState;
use crate::jobs::JobsState;
use crate::objects::ObjectsState;
use crate::patients::PatientsState;
use crate::webhooks::WebhooksState;
use crate::{Faults, Queues};

/// All ports in memory. Clones share what is stored, and may differ in faults, gateway and caller.
#[derive(Clone, Debug)]
pub struct Cloud {
    faults: Arc<dyn Faults>,
    state: Arc<Mutex<State>>,
    has_gateway: bool,
    caller: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub now: Timestamp,
    /// Time that passes until indexes show what the present call writes.
    pub index_lag: Duration,
    pub patients_per_part: usize,
    /// State of a linear congruential generator. Its numbers make ids unique, but not
    /// unpredictable.
    seed: u64,
    pub recorder: Recorder,
    pub audit_events: Vec<AuditEvent>,
    pub directory: DirectoryState,
    pub objects: ObjectsState,
    pub jobs: JobsState,
    pub patients: PatientsState,
    pub queues: Queues,
    pub gateway_limits: GatewayLimitsState,
    pub webhooks: WebhooksState,
    pub downloads: BTreeMap<(CustomerId, PatientId), Versioned<BulkDownload>>,
}

/// The base URL of the API.
const API_URL: &str = "https://api.example.com";

impl Cloud {
    /// Returns an empty cloud with the time `now`. The same `seed` gives the same ids.
    pub fn new(faults: Arc<dyn Faults>, now: Timestamp, seed: u64) -> Self {
        let state = State {
            now,
            index_lag: Duration::ZERO,
            patients_per_part: PATIENTS_PER_PART,
            seed,
            recorder: Recorder::default(),
            audit_events: Vec::new(),
            directory: DirectoryState::default(),
            objects: ObjectsState::default(),
            jobs: JobsState::default(),
            patients: PatientsState::default(),
            queues: Queues::default(),
            gateway_limits: GatewayLimitsState::default(),
            webhooks: WebhooksState::default(),
            downloads: BTreeMap::new(),
        };
        Self { faults, state: Arc::new(Mutex::new(state)), has_gateway: true, caller: None }
    }

    /// Returns a clone with a fault plan of its own for its calls.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self { faults, ..self.clone() }
    }

    /// Returns a clone that behaves as in a deployment without a gateway.
    #[must_use]
    pub fn without_gateway(&self) -> Self {
        Self { has_gateway: false, ..self.clone() }
    }

    /// Returns a clone that records its calls as those of this function.
    #[must_use]
    pub fn called_by(&self, function: &'static str) -> Self {
        Self { caller: Some(function), ..self.clone() }
    }

    /// Sets the time, unless that would set it back.
    pub fn set_time(&self, now: Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(now);
    }

    /// Sets how many patients a part of a chunk's document queries has, so that a test needs few
    /// patients for many parts.
    pub fn set_patients_per_part(&self, patients: usize) {
        self.state().patients_per_part = patients;
    }

    /// Gives access to the queues without a call that is billed or that a fault can hit, as Lambda
    /// reads queues for a function.
    pub fn with_queues<T>(&self, work: impl FnOnce(&mut Queues) -> T) -> T {
        work(&mut self.state().queues)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> &dyn Faults {
        &*self.faults
    }

    pub(crate) fn has_gateway(&self) -> bool {
        self.has_gateway
    }

    pub(crate) fn caller(&self) -> Option<&'static str> {
        self.caller
    }
}

impl Environment for Cloud {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn new_id(&self) -> Uuid {
        let mut state = self.state();
        let millis = state.now.as_millis().max(0).unsigned_abs();
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

    fn api_url(&self) -> &str {
        API_URL
    }

    fn patients_per_part(&self) -> usize {
        self.state().patients_per_part
    }
}

impl State {
    /// Returns the time from which indexes show what the present call writes.
    pub fn shown_by_indexes(&self) -> Timestamp {
        self.now.plus(self.index_lag)
    }

    /// Returns the next number of Knuth's MMIX generator, with its better upper half in both
    /// halves.
    pub fn random(&mut self) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = self.seed ^ (self.seed >> 33);
        mixed.wrapping_mul(0xff51_afd7_ed55_8ccd) ^ (mixed >> 29)
    }
}
