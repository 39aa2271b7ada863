//! A simulated gateway of a health information exchange: it knows some patients, and it fails, is
//! slow, or is down for a while. It records which invocation asked about which patient, and panics
//! at a call that must not be made.

mod contents;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulk_domain::document::{Demographics, DocumentName, DocumentRecord};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::QueryRequestId;
use bulk_domain::record::PatientRecord;
use bulk_domain::time::Timestamp;
use bulk_memory::Cloud;
use bulk_pipeline::messages::QueryMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{self, GatewayAnswer, GatewayFailure};
use serde_json::json;

use crate::chance::Chance;
use crate::people::person;
pub use contents::content_of;
use wait::until;

/// How long a worker may work on a chunk: `Timeout` of `Abandon` in template.yaml, which is longer
/// than that of `ImportRows`.
const LONGEST_IMPORT: Duration = Duration::from_secs(150);

/// The behaviour of the gateway in a story, which the seed decides.
#[derive(Clone, Debug)]
pub struct GatewayFaults {
    /// One call in this many has a transient failure, on average.
    pub fault_in: u64,
    /// One call in this many has a permanent failure, on average.
    pub refusal_in: u64,
    /// The outages, each by its beginning, counted from the start of the story, and its duration.
    pub outages: Vec<(Duration, Duration)>,
    /// The rate limit of a customer, in document queries a second; 0 means no limit.
    pub rate: f64,
    /// The largest number of documents of a patient.
    pub most_documents: u64,
}

impl GatewayFaults {
    pub fn random(chance: &Chance) -> Self {
        let outages = if chance.once_in(4) { 1 + chance.below(2) } else { 0 };
        Self {
            fault_in: chance.pick(&[2, 5, 20, 1_000_000]),
            refusal_in: chance.pick(&[10, 1_000_000]),
            outages: (0..outages)
                .map(|_| {
                    (
                        Duration::from_secs(chance.below(300)),
                        Duration::from_secs(chance.below(1_200)),
                    )
                })
                .collect(),
            rate: chance.pick(&[0.0, 0.0, 0.05, 0.5, 5.0]),
            most_documents: chance.pick(&[2, 9]),
        }
    }
}

impl GatewayFaults {
    /// Returns the interval in which a customer may start one document query.
    pub fn query_interval(&self) -> Option<Duration> {
        (self.rate > 0.0).then(|| Duration::from_secs_f64(self.rate.recip()))
    }

    /// Returns the same behaviour with a rate limit so low that jobs reach the deadline of their
    /// document queries.
    pub fn too_slow(self) -> Self {
        Self { rate: 0.000_5, ..self }
    }
}

/// What the gateway answered to a call.
#[derive(Clone, PartialEq, Debug)]
pub enum Came {
    /// No answer, because the invocation died before it.
    Nothing,
    Answer(GatewayAnswer),
    /// A failure, and whether a retry may succeed.
    Failure {
        transient: bool,
    },
}

/// A call that the gateway received.
#[derive(Clone, Debug)]
pub struct Ask {
    pub customer: CustomerId,
    pub patient: PatientId,
    pub request: QueryRequestId,
    /// The invocation that made the call.
    pub task: usize,
    pub at: Timestamp,
    pub came: Came,
    /// The requests that had joined the document query by the time of the answer.
    pub serves: BTreeSet<QueryRequestId>,
}

/// The calls of all invocations to the gateway. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Exchange(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    asks: Vec<Ask>,
    running: BTreeSet<(CustomerId, PatientId)>,
    /// The documents with a content that is being sent.
    fetched: BTreeSet<(CustomerId, DocumentName)>,
    /// The patients with a document that the gateway has said that it does not have.
    gone: BTreeSet<(CustomerId, PatientId)>,
    /// The number of invocations so far. Those in `ended_well` ended without an error.
    tasks: usize,
    ended_well: BTreeSet<usize>,
    is_calm: bool,
    /// The patients that the gateway cannot distinguish from another patient of the same
    /// demographics.
    confused: BTreeSet<PatientId>,
    /// The patients that calls delete, as they were before. An invocation that has read one of them
    /// may still ask about it.
    deleted: Vec<(CustomerId, PatientRecord)>,
    /// When the task that is polled now has to be polled again.
    wakes: Option<Timestamp>,
}

impl Exchange {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether the task that is polled now gets its answers without faults and delays.
    pub fn set_calm(&self, calm: bool) {
        let mut log = self.log();
        (log.is_calm, log.wakes) = (calm, None);
    }

    /// Returns when the task that was just polled has to be polled again, or `None` if it does not
    /// wait for the gateway.
    pub fn wakes(&self) -> Option<Timestamp> {
        self.log().wakes.take()
    }

    /// Tells the gateway that a call is about to delete a patient.
    pub fn deletes(&self, customer: CustomerId, patient: PatientRecord) {
        self.log().deleted.push((customer, patient));
    }

    pub fn asks(&self) -> Vec<Ask> {
        self.log().asks.clone()
    }

    /// Returns whether an invocation ended without an error.
    pub fn ended_well(&self, task: usize) -> bool {
        self.log().ended_well.contains(&task)
    }

    /// Returns whether the gateway ever confused this patient with another one.
    pub fn confuses(&self, patient: PatientId) -> bool {
        self.log().confused.contains(&patient)
    }

    /// Returns the gateway for an invocation that begins now.
    pub fn invoked(
        &self,
        message: &QueryMessage,
        cloud: &Cloud,
        chance: &Chance,
        behaviour: &GatewayFaults,
        start: Timestamp,
    ) -> Gateway {
        let mut log = self.log();
        log.tasks += 1;
        Gateway {
            exchange: self.clone(),
            cloud: cloud.clone(),
            chance: chance.clone(),
            behaviour: behaviour.clone(),
            start,
            customer: message.customer,
            request: message.asker.request(),
            task: log.tasks,
            invoked: cloud.now(),
        }
    }
}

/// The gateway, as one invocation sees it.
#[derive(Debug)]
pub struct Gateway {
    exchange: Exchange,
    cloud: Cloud,
    chance: Chance,
    behaviour: GatewayFaults,
    start: Timestamp,
    customer: CustomerId,
    request: QueryRequestId,
    pub task: usize,
    invoked: Timestamp,
}

/// A call under way, which ends when this value is dropped, also if its invocation dies.
struct UnderWay<'a> {
    gateway: &'a Gateway,
    patient: PatientId,
    ask: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.gateway.exchange.log().running.remove(&(self.gateway.customer, self.patient));
    }
}

impl Gateway {
    /// Records that the invocation ended without an error.
    pub fn ended_well(exchange: &Exchange, task: usize) {
        exchange.log().ended_well.insert(task);
    }

    /// Returns the patient with these demographics. Patients of one identity have different zip
    /// codes, until a row connects them. If one of them was deleted, they cannot be told apart.
    fn who(&self, asked: &Demographics) -> PatientId {
        let patients = self.cloud.patients(self.customer).unwrap();
        let mut log = self.exchange.log();
        let deleted = log.deleted.iter().filter(|(customer, _)| *customer == self.customer);
        let deleted: Vec<PatientRecord> = deleted.map(|(_, record)| record.clone()).collect();
        let is_one_deleted = deleted.iter().any(|record| record.patient.dob == asked.dob);
        let of_person: Vec<(PatientRecord, Demographics)> = patients
            .into_iter()
            .chain(deleted)
            .map(|record| (Demographics::from(&record.patient), record))
            .filter(|(known, _)| person_of(known) == person_of(asked))
            .map(|(known, record)| (record, known))
            .collect();
        let find = |is_same: &dyn Fn(&Demographics) -> bool| -> Vec<&PatientRecord> {
            of_person.iter().filter(|(_, known)| is_same(known)).map(|(record, _)| record).collect()
        };
        let mut found = find(&|known| known.zips == asked.zips);
        if found.is_empty() {
            // Since this invocation read the patient, a concurrent worker may have added an
            // address.
            found = find(&|known| known.zips.starts_with(&asked.zips));
        }
        if is_one_deleted {
            log.confused.extend(of_person.iter().map(|(record, _)| record.patient.id));
            found.extend(find(&|_| true));
        }
        let record = *found.first().expect("these are the demographics of no patient");
        if found.len() > 1 {
            log.confused.extend(found.iter().map(|record| record.patient.id));
        }
        // Since this invocation read the patient, a worker may have opted the patient out. The time
        // of an update is that of its merge, and the worker may have paused before it stored the
        // record.
        let is_news = record.patient.date_updated.plus(LONGEST_IMPORT) >= self.invoked;
        assert!(
            !record.patient.hie_opt_out || is_news || found.len() > 1 || is_one_deleted,
            "an opted-out patient is asked about"
        );
        record.patient.id
    }

    /// Begins a call, and checks that it may be made: its request holds the lease of the document
    /// query and has no answer yet, and no other call about the patient is under way.
    fn begin(&self, patient: PatientId) -> UnderWay<'_> {
        if self.exchange.confuses(patient) {
            return self.under_way(patient);
        }
        let queries: BTreeMap<_, _> =
            self.cloud.patient_queries(self.customer).unwrap().into_iter().collect();
        let query = queries.get(&patient).expect("the patient has no document query");
        assert_eq!(
            query.outcome_for(self.request),
            None,
            "a request that was served is asked again"
        );
        let now = self.cloud.now();
        let is_ours =
            query.request == self.request && query.lease.is_some_and(|lease| lease.until > now);
        assert!(is_ours, "the request does not hold the lease: {query:?}");
        let is_first = self.exchange.log().running.insert((self.customer, patient));
        assert!(is_first, "two queries of one patient at a time");
        self.under_way(patient)
    }

    fn under_way(&self, patient: PatientId) -> UnderWay<'_> {
        let (mut log, now) = (self.exchange.log(), self.cloud.now());
        let (customer, request, task) = (self.customer, self.request, self.task);
        let (came, serves) = (Came::Nothing, BTreeSet::new());
        log.asks.push(Ask { customer, patient, request, task, at: now, came, serves });
        UnderWay { gateway: self, patient, ask: log.asks.len() - 1 }
    }

    /// Returns the requests that wait for the end of the patient's document query.
    fn joined(&self, patient: PatientId) -> BTreeSet<QueryRequestId> {
        let queries = self.cloud.patient_queries(self.customer).unwrap();
        // A patient that is confused with another one may have no document query of its own.
        let Some((_, query)) = queries.iter().find(|(queried, _)| *queried == patient) else {
            return [self.request].into();
        };
        let query = serde_json::to_value(query).unwrap();
        let joined =
            query.get("joined").map(|joined| serde_json::from_value(joined.clone()).unwrap());
        joined.into_iter().flat_map(|joined: Vec<_>| joined).chain([self.request]).collect()
    }

    /// Returns how long the gateway takes, and its answer after that time.
    fn answer(
        &self,
        asked: &Demographics,
        number: usize,
    ) -> (Duration, Result<GatewayAnswer, GatewayFailure>) {
        let (chance, now) = (&self.chance, self.cloud.now());
        let failure = |cause: &str, transient, retry_after| {
            Err(GatewayFailure { cause: cause.to_owned(), transient, retry_after })
        };
        if self.exchange.log().is_calm {
            return (Duration::ZERO, Ok(self.known(asked, number)));
        }
        let is_down = self.behaviour.outages.iter().any(|(after, lasts)| {
            let from = self.start.plus(*after);
            from <= now && now < from.plus(*lasts)
        });
        let seconds = |end: u64| Duration::from_millis(chance.below(1000 * end));
        let takes = match chance.below(60) {
            0 => seconds(300),
            1..4 => seconds(60),
            _ => seconds(2),
        };
        if is_down {
            return (seconds(10), failure("connection refused", true, None));
        }
        if chance.once_in(self.behaviour.fault_in) {
            return match chance.below(3) {
                0 => (takes, failure("429", true, Some(Duration::from_secs(1) + seconds(90)))),
                1 => (Duration::from_secs(45), failure("timeout", true, None)),
                _ => (takes, failure("502", true, None)),
            };
        }
        if chance.once_in(self.behaviour.refusal_in) {
            return (takes, failure("400", false, None));
        }
        (takes, Ok(self.known(asked, number)))
    }

    /// Returns what the gateway knows about a person. The answers are always the same, except for
    /// the ids of the documents, which distinguish one answer from the next.
    fn known(&self, asked: &Demographics, number: usize) -> GatewayAnswer {
        let documents = match (person_of(asked) as u64, asked.zips.len() as u64) {
            (0, _) => return GatewayAnswer::NotKnown,
            (1, 2) => return GatewayAnswer::Ambiguous,
            (person, places) => (person + places) % (1 + self.behaviour.most_documents),
        };
        let document = |index| {
            let record = json!({
                "id": format!("{number}-{index}"),
                "fileName": format!("{index}.pdf"),
                "description": "x".repeat(100),
            });
            serde_json::from_value::<DocumentRecord>(record).unwrap()
        };
        GatewayAnswer::Documents((0..documents).map(document).collect())
    }
}

/// Returns the index of the person with these demographics.
fn person_of(Demographics { first_name, last_name, dob, gender, .. }: &Demographics) -> usize {
    person(first_name.as_str(), last_name.as_str(), &dob.to_iso(), gender.as_str())
}

impl ports::Gateway for Gateway {
    async fn ask(&self, demographics: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        let under_way = self.begin(self.who(demographics));
        let (takes, answer) = self.answer(demographics, under_way.ask);
        until(&self.cloud, &self.exchange, self.cloud.now().plus(takes)).await;
        let came = match &answer {
            Ok(answer) => Came::Answer(answer.clone()),
            Err(failure) => Came::Failure { transient: failure.transient },
        };
        let serves = self.joined(under_way.patient);
        let mut log = self.exchange.log();
        let ask = &mut log.asks[under_way.ask];
        (ask.came, ask.serves) = (came, serves);
        drop(log);
        answer
    }
}
