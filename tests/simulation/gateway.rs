//! The gateway of a health information exchange: it knows some patients, fails, is slow, or down for a while. It
//! notes who asked about whom, and refuses to be asked what it must not be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use domain::document::{Demographics, DocumentRecord};
use domain::ids::{CustomerId, PatientId};
use domain::query::QueryRequestId;
use domain::record::PatientRecord;
use domain::time::Timestamp;
use memory::Cloud;
use pipeline::messages::QueryMessage;
use pipeline::ports::prelude::*;
use pipeline::ports::{self, GatewayAnswer, GatewayFailure};
use serde_json::json;

use crate::chance::Chance;
use crate::rows::PEOPLE;

/// How long a worker has for a chunk: `Timeout` of `Abandon` in template.yaml, longer than that of `ImportRows`.
const LONGEST_IMPORT: Duration = Duration::from_secs(150);

/// What a seed decides about the gateway.
#[derive(Clone, Debug)]
pub struct Temper {
    /// One query in so many fails, and may succeed later.
    pub fault_in: u64,
    /// One query in so many fails for good.
    pub refusal_in: u64,
    /// When it answers nobody, and for how long; from the start of the story on.
    pub outages: Vec<(Duration, Duration)>,
    /// Queries a second that a customer may start; 0 for as many as it likes.
    pub rate: f64,
    /// How many documents somebody has at most.
    pub most_documents: u64,
}

impl Temper {
    pub fn random(chance: &Chance) -> Self {
        let outages = if chance.once_in(4) { 1 + chance.below(2) } else { 0 };
        Self {
            fault_in: chance.pick(&[2, 5, 20, 1_000_000]),
            refusal_in: chance.pick(&[10, 1_000_000]),
            outages: (0..outages)
                .map(|_| (Duration::from_secs(chance.below(300)), Duration::from_secs(chance.below(1_200))))
                .collect(),
            rate: chance.pick(&[0.0, 0.0, 0.05, 0.5, 5.0]),
            most_documents: chance.pick(&[2, 9]),
        }
    }
}

impl Temper {
    /// The same with a rate at which no job ends before its deadline.
    pub fn too_slow(self) -> Self {
        Self { rate: 0.000_5, ..self }
    }
}

/// What came of a query at the gateway.
#[derive(Clone, PartialEq, Debug)]
pub enum Came {
    /// Whoever asked did not live to see it.
    Nothing,
    Answer(GatewayAnswer),
    /// A failure, and whether the same query may succeed later.
    Failure {
        transient: bool,
    },
}

/// A query that came to the gateway.
#[derive(Clone, Debug)]
pub struct Ask {
    pub customer: CustomerId,
    pub patient: PatientId,
    pub request: QueryRequestId,
    /// The invocation that asked.
    pub task: usize,
    pub at: Timestamp,
    pub came: Came,
    /// The requests that it was made for by the time of its answer.
    pub serves: BTreeSet<QueryRequestId>,
}

/// Everything that was asked, by whichever invocation.
#[derive(Clone, Debug, Default)]
pub struct Exchange(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    asks: Vec<Ask>,
    running: BTreeSet<(CustomerId, PatientId)>,
    /// Invocations so far, and those that ended without an error.
    tasks: usize,
    ended_well: BTreeSet<usize>,
    is_calm: bool,
    /// Patients who cannot be told apart, even by this gateway.
    confused: BTreeSet<PatientId>,
    /// When whoever is polled now wants to be polled again.
    wakes: Option<Timestamp>,
}

impl Exchange {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without faults and delays for what is running now.
    pub fn set_calm(&self, calm: bool) {
        let mut log = self.log();
        (log.is_calm, log.wakes) = (calm, None);
    }

    /// When what was just polled has to be polled again, if it waits for the gateway.
    pub fn wakes(&self) -> Option<Timestamp> {
        self.log().wakes.take()
    }

    pub fn asks(&self) -> Vec<Ask> {
        self.log().asks.clone()
    }

    /// Whether an invocation ended without an error.
    pub fn ended_well(&self, task: usize) -> bool {
        self.log().ended_well.contains(&task)
    }

    /// Whether this gateway ever took the patient for another one.
    pub fn confuses(&self, patient: PatientId) -> bool {
        self.log().confused.contains(&patient)
    }

    /// The gateway for an invocation that begins now.
    pub fn invoked(
        &self,
        message: &QueryMessage,
        cloud: &Cloud,
        chance: &Chance,
        temper: &Temper,
        start: Timestamp,
    ) -> Gateway {
        let mut log = self.log();
        log.tasks += 1;
        Gateway {
            exchange: self.clone(),
            cloud: cloud.clone(),
            chance: chance.clone(),
            temper: temper.clone(),
            start,
            customer: message.customer,
            request: message.asker.request(),
            task: log.tasks,
            invoked: cloud.now(),
        }
    }
}

/// The gateway as one invocation sees it.
#[derive(Debug)]
pub struct Gateway {
    exchange: Exchange,
    cloud: Cloud,
    chance: Chance,
    temper: Temper,
    start: Timestamp,
    customer: CustomerId,
    request: QueryRequestId,
    pub task: usize,
    invoked: Timestamp,
}

/// A query under way, also if whoever asked dies of it.
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
    /// Notes that the invocation ended without an error.
    pub fn ended_well(exchange: &Exchange, task: usize) {
        exchange.log().ended_well.insert(task);
    }

    /// Whose demographics these are. Patients of one identity live in different places, for as long as rows do not
    /// bring them together.
    fn who(&self, asked: &Demographics) -> PatientId {
        let patients = self.cloud.patients(self.customer).unwrap();
        let mut log = self.exchange.log();
        let of_person: Vec<(PatientRecord, Demographics)> = patients
            .into_iter()
            .map(|record| (Demographics::from(&record.patient), record))
            .filter(|(known, _)| known.dob == asked.dob)
            .map(|(known, record)| (record, known))
            .collect();
        let find = |is_same: &dyn Fn(&Demographics) -> bool| -> Vec<&PatientRecord> {
            of_person.iter().filter(|(_, known)| is_same(known)).map(|(record, _)| record).collect()
        };
        let mut found = find(&|known| known.zips == asked.zips);
        if found.is_empty() {
            // Since the patient was read, somebody may have added a place.
            found = find(&|known| known.zips.starts_with(&asked.zips));
        }
        let record = *found.first().expect("somebody is asked about who is no patient");
        if found.len() > 1 {
            log.confused.extend(found.iter().map(|record| record.patient.id));
        }
        // A worker may have opted the patient out since it was read here. The time of an update is that of its merge,
        // and the worker may have stood still before it stored the record.
        let is_news = record.patient.date_updated.plus(LONGEST_IMPORT) >= self.invoked;
        assert!(
            !record.patient.hie_opt_out || is_news || found.len() > 1,
            "an opted-out patient is asked about"
        );
        record.patient.id
    }

    /// What may be asked: nothing about somebody who is being asked about, nothing that was answered.
    fn begin(&self, patient: PatientId) -> UnderWay<'_> {
        if self.exchange.confuses(patient) {
            return self.under_way(patient);
        }
        let queries: BTreeMap<_, _> =
            self.cloud.patient_queries(self.customer).unwrap().into_iter().collect();
        let query = queries.get(&patient).expect("nobody wrote down that the patient is asked about");
        assert_eq!(query.outcome_for(self.request), None, "a request that was served is asked again");
        let now = self.cloud.now();
        let is_ours = query.request == self.request && query.lease.is_some_and(|lease| lease.until > now);
        assert!(is_ours, "somebody asks whose query it is not: {query:?}");
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

    /// Who waits for the end of the patient's query.
    fn joined(&self, patient: PatientId) -> BTreeSet<QueryRequestId> {
        let queries = self.cloud.patient_queries(self.customer).unwrap();
        // A patient that is confused with another one may have no query of its own.
        let Some((_, query)) = queries.iter().find(|(queried, _)| *queried == patient) else {
            return [self.request].into();
        };
        let query = serde_json::to_value(query).unwrap();
        let joined = query.get("joined").map(|joined| serde_json::from_value(joined.clone()).unwrap());
        joined.into_iter().flat_map(|joined: Vec<_>| joined).chain([self.request]).collect()
    }

    /// How long the gateway takes, and what comes then.
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
        let is_down = self.temper.outages.iter().any(|(after, lasts)| {
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
        if chance.once_in(self.temper.fault_in) {
            return match chance.below(3) {
                0 => (takes, failure("429", true, Some(Duration::from_secs(1) + seconds(90)))),
                1 => (Duration::from_secs(45), failure("timeout", true, None)),
                _ => (takes, failure("502", true, None)),
            };
        }
        if chance.once_in(self.temper.refusal_in) {
            return (takes, failure("400", false, None));
        }
        (takes, Ok(self.known(asked, number)))
    }

    /// What the gateway knows about somebody: always the same, but for the ids of the documents, which tell one
    /// answer from the next.
    fn known(&self, asked: &Demographics, number: usize) -> GatewayAnswer {
        let date = serde_json::to_value(asked.dob).unwrap();
        let person = PEOPLE.iter().position(|(_, _, dob, _)| date == *dob).unwrap() as u64;
        let documents = match (person, asked.zips.len() as u64) {
            (0, _) => return GatewayAnswer::NotKnown,
            (1, 2) => return GatewayAnswer::Ambiguous,
            (person, places) => (person + places) % (1 + self.temper.most_documents),
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

    async fn until(&self, at: Timestamp) {
        poll_fn(|context| {
            if self.cloud.now() >= at {
                return Poll::Ready(());
            }
            let mut log = self.exchange.log();
            log.wakes = Some(log.wakes.map_or(at, |wakes| wakes.min(at)));
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl ports::Gateway for Gateway {
    async fn ask(&self, demographics: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        let under_way = self.begin(self.who(demographics));
        let (takes, answer) = self.answer(demographics, under_way.ask);
        self.until(self.cloud.now().plus(takes)).await;
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
