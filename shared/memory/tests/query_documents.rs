//! Document queries: which patients the gateway is asked about, how often, and what ends a query
//! after its worker died.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bulk_domain::document::Demographics;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{LEASE, MOST_ATTEMPTS, PatientQuery, QueryOutcome, QueryPart, QueryTally};
use bulk_memory::Cloud;
use bulk_pipeline::abandon::{AbandonOutcome, abandon};
use bulk_pipeline::delete_patient::delete_patient;
use bulk_pipeline::messages::{DeadLetter, QueryAsker, QueryMessage};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{self, GatewayAnswer, GatewayFailure};
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const ONE_WELL: QueriesOutcome = QueriesOutcome::Ended(QueryTally { successful: 1, failed: 0 });
const ONE_FAILED: QueriesOutcome = QueriesOutcome::Ended(QueryTally { successful: 0, failed: 1 });
const ENDED_BEFORE: QueriesOutcome = QueriesOutcome::Ended(QueryTally { successful: 0, failed: 0 });

/// How the gateway behaves in its next call, instead of answering.
#[derive(Debug)]
enum Next {
    Fails { transient: bool, retry_after: Option<Duration> },
    Hangs,
}

const FAILS: Next = Next::Fails { transient: true, retry_after: None };

/// A gateway that knows every patient and has no documents, unless a test says what it does next.
/// Counts its calls.
#[derive(Clone, Debug, Default)]
struct Gateway(Arc<Mutex<(u32, VecDeque<Next>)>>);

impl ports::Gateway for Gateway {
    async fn ask(&self, _: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        let next = {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            state.1.pop_front()
        };
        match next {
            None => Ok(GatewayAnswer::Documents(Vec::new())),
            Some(Next::Hangs) => std::future::pending().await,
            Some(Next::Fails { transient, retry_after }) => {
                Err(GatewayFailure { cause: "503".to_owned(), transient, retry_after })
            }
        }
    }
}

/// The stores, a gateway and one customer, who starts document queries.
struct Service {
    cloud: Cloud,
    gateway: Gateway,
    customer: CustomerId,
    interval: Option<Duration>,
    patients: u128,
    parts: u32,
}

impl Service {
    fn new() -> Self {
        Self {
            cloud: Cloud::calm(),
            gateway: Gateway::default(),
            customer: CustomerId::new(Uuid::from_u128(1)),
            interval: None,
            patients: 0,
            parts: 0,
        }
    }

    fn patient(&mut self, opted_out: bool) -> PatientId {
        self.patients += 1;
        let name = format!("Vandersloot {}", self.patients);
        let row = json!({"lastName": name, "hieOptOut": opted_out});
        block_on(self.cloud.add_row(self.customer, job(), &row)).unwrap()
    }

    /// Opens a part of these patients, in a chunk of its own, and returns its message.
    fn part(&mut self, patients: Vec<PatientId>) -> QueryMessage {
        self.parts += 1;
        let part = QueryPart { job: job(), chunk: ChunkNumber::new(self.parts), part: 0 };
        block_on(self.cloud.open_query_parts(part.job, part.chunk, 1)).unwrap();
        QueryMessage { customer: self.customer, asker: QueryAsker::Part(part), patients }
    }

    fn part_of_one(&mut self) -> QueryMessage {
        let patient = self.patient(false);
        self.part(vec![patient])
    }

    fn next(&self, next: impl IntoIterator<Item = Next>) {
        self.gateway.0.lock().unwrap().1.extend(next);
    }

    fn asked(&self) -> u32 {
        self.gateway.0.lock().unwrap().0
    }

    fn run(&self, message: &QueryMessage, attempt: u32) -> QueriesOutcome {
        block_on(query_documents(&self.cloud, &self.gateway, self.interval, message, attempt))
            .unwrap()
    }

    /// Runs a worker until it asks the gateway, where it dies.
    fn run_and_die(&self, message: &QueryMessage) {
        self.next([Next::Hangs]);
        let query = query_documents(&self.cloud, &self.gateway, self.interval, message, 1);
        let mut run = std::pin::pin!(query);
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    }

    fn abandon(&self, message: &QueryMessage) -> Result<AbandonOutcome, bulk_pipeline::Error> {
        block_on(abandon(&self.cloud, &DeadLetter::Query(message.clone())))
    }

    fn later(&self, by: Duration) {
        self.cloud.set_time(self.cloud.now().plus(by));
    }

    fn query(&self, patient: PatientId) -> PatientQuery {
        let queries = self.cloud.patient_queries(self.customer).unwrap();
        queries.into_iter().find(|(queried, _)| *queried == patient).unwrap().1
    }
}

fn job() -> JobId {
    JobId::new(Uuid::from_u128(2))
}

fn seconds(after: &QueriesOutcome) -> u64 {
    match after {
        QueriesOutcome::Retry { after, .. } => after.as_secs(),
        QueriesOutcome::Ended(_) => panic!("the message will not be retried"),
    }
}

#[test]
fn queries_over_the_rate_of_their_customer_wait() {
    let mut service = Service { interval: Some(Duration::from_secs(2)), ..Service::new() };
    let parts: Vec<QueryMessage> = (0..2)
        .map(|_| {
            let patients = (0..10).map(|_| service.patient(false)).collect();
            service.part(patients)
        })
        .collect();
    assert_eq!(
        service.run(&parts[0], 1),
        QueriesOutcome::Ended(QueryTally { successful: 10, failed: 0 })
    );
    assert!(
        seconds(&service.run(&parts[1], 1)) >= 20,
        "ten queries at a rate of one in two seconds take 20 s"
    );
    assert_eq!(service.asked(), 10);
    service.later(Duration::from_secs(20));
    assert_eq!(
        service.run(&parts[1], 2),
        QueriesOutcome::Ended(QueryTally { successful: 10, failed: 0 })
    );
    // A part that was served needs no permit, so that its retry does not wait for one.
    assert_eq!(service.run(&parts[1], 3), ENDED_BEFORE);
    assert_eq!(service.asked(), 20);
}

#[test]
fn a_gateway_that_is_down_is_asked_by_one_worker_and_waiting_costs_no_attempt() {
    let mut service = Service::new();
    service.next((0..5).map(|_| FAILS));
    for _ in 0..5 {
        let part = service.part_of_one();
        assert!(seconds(&service.run(&part, 1)) > 0);
    }
    let (waits, probes) = (service.part_of_one(), service.part_of_one());
    assert!(seconds(&service.run(&waits, 1)) >= 30);
    assert_eq!(service.asked(), 5);
    service.later(Duration::from_secs(30));
    service.next([FAILS]);
    assert!(seconds(&service.run(&probes, 1)) > 0);
    assert!(seconds(&service.run(&waits, 2)) >= 60, "the second pause is longer");
    assert_eq!(service.asked(), 6);
    assert!(
        !service
            .cloud
            .patient_queries(service.customer)
            .unwrap()
            .iter()
            .any(|(id, _)| waits.patients[0] == *id)
    );
    service.later(Duration::from_mins(1));
    assert_eq!(service.run(&probes, 2), ONE_WELL);
    assert_eq!(service.run(&waits, 3), ONE_WELL);
}

#[test]
fn a_query_fails_for_good_with_its_last_attempt_and_its_part_ends() {
    let mut service = Service::new();
    let part = service.part_of_one();
    service.next((0..MOST_ATTEMPTS).map(|_| FAILS));
    for attempt in 1..MOST_ATTEMPTS {
        assert!(seconds(&service.run(&part, attempt)) > 0, "attempt {attempt}");
        service.later(Duration::from_mins(10));
    }
    assert_eq!(service.run(&part, MOST_ATTEMPTS), ONE_FAILED);
    assert_eq!(service.run(&part, MOST_ATTEMPTS + 1), ENDED_BEFORE);
    assert_eq!(
        (service.asked(), service.query(part.patients[0]).outcome),
        (MOST_ATTEMPTS, Some(QueryOutcome::Failed))
    );
}

#[test]
fn a_query_that_kills_its_workers_is_not_attempted_for_ever() {
    let mut service = Service::new();
    let part = service.part_of_one();
    for _ in 0..MOST_ATTEMPTS {
        service.run_and_die(&part);
        service.later(LEASE);
    }
    assert_eq!(service.run(&part, MOST_ATTEMPTS + 1), ONE_FAILED);
    assert_eq!(service.asked(), MOST_ATTEMPTS);
}

#[test]
fn the_gateway_decides_how_long_to_wait_and_whether_a_retry_makes_sense() {
    let mut service = Service::new();
    let (part, hopeless) = (service.part_of_one(), service.part_of_one());
    service.next([
        Next::Fails { transient: true, retry_after: Some(Duration::from_secs(77)) },
        Next::Fails { transient: false, retry_after: None },
    ]);
    assert_eq!(seconds(&service.run(&part, 1)), 77);
    assert_eq!(service.run(&hopeless, 1), ONE_FAILED);
    assert_eq!(service.run(&part, 2), ONE_WELL);
}

#[test]
fn a_retry_of_a_part_does_not_repeat_its_ended_queries() {
    let mut service = Service::new();
    let patients = (0..3).map(|_| service.patient(false)).collect();
    let part = service.part(patients);
    service.next([FAILS]);
    assert!(seconds(&service.run(&part, 1)) > 0);
    assert_eq!(service.asked(), 3);
    assert_eq!(
        service.run(&part, 2),
        QueriesOutcome::Ended(QueryTally { successful: 3, failed: 0 })
    );
    assert_eq!(service.asked(), 4);
}

#[test]
fn the_gateway_is_not_asked_about_patients_who_opted_out_or_were_deleted_meanwhile() {
    let mut service = Service::new();
    let (opted_out, deleted) = (service.patient(true), PatientId::new(Uuid::from_u128(99)));
    let part = service.part(vec![opted_out, deleted]);
    assert_eq!(
        service.run(&part, 1),
        QueriesOutcome::Ended(QueryTally { successful: 2, failed: 0 })
    );
    assert_eq!(service.asked(), 0);
    assert_eq!(service.query(opted_out).outcome, Some(QueryOutcome::OptedOut));
    let queries = service.cloud.patient_queries(service.customer).unwrap();
    assert_eq!(queries.len(), 1, "the query of the deleted patient is left");
}

#[test]
fn a_query_that_was_abandoned_while_its_worker_died_ends_when_its_message_is_received_again() {
    let mut service = Service::new();
    let part = service.part_of_one();
    service.run_and_die(&part);
    // At the deadline the part is counted, but the query is left to the worker that has its lease.
    let abandoned = QueryTally { successful: 0, failed: 1 };
    block_on(service.cloud.complete_query_part(part.part().unwrap(), abandoned)).unwrap();
    service.later(Duration::from_mins(1));
    assert_eq!(seconds(&service.run(&part, 2)), 5 * 60, "until the end of the lease");
    service.later(Duration::from_mins(5));
    assert_eq!(service.run(&part, 3), ENDED_BEFORE);
    assert_eq!(
        (service.asked(), service.query(part.patients[0]).outcome),
        (1, Some(QueryOutcome::Failed))
    );
}

#[test]
fn a_dead_letter_waits_for_the_lease_of_its_query() {
    let mut service = Service::new();
    let part = service.part_of_one();
    service.run_and_die(&part);
    assert!(service.abandon(&part).unwrap_err().is_transient());
    service.later(LEASE);
    assert_eq!(
        service.abandon(&part).unwrap(),
        AbandonOutcome::Queries(QueryTally { successful: 0, failed: 1 })
    );
    assert_eq!(service.query(part.patients[0]).outcome, Some(QueryOutcome::Failed));
    assert_eq!(service.run(&part, 2), ENDED_BEFORE);
}

#[test]
fn a_request_that_joins_a_query_is_served_by_it() {
    let mut service = Service::new();
    let first = service.part_of_one();
    let second = service.part(first.patients.clone());
    service.run_and_die(&first);
    assert_eq!(seconds(&service.run(&second, 1)), 10, "another request has the lease");
    service.later(LEASE);
    assert_eq!(service.run(&first, 2), ONE_WELL);
    assert_eq!(service.run(&second, 2), ONE_WELL);
    assert_eq!(service.asked(), 2);
}

/// A worker that read the patient may store documents until its lease ends, and may die after that.
#[test]
fn the_query_of_a_deleted_patient_stays_until_its_worker_has_ended_and_no_longer() {
    let mut service = Service::new();
    let part = service.part_of_one();
    let (patient, customer) = (part.patients[0], service.customer);
    let hash_key = Cloud::hash_key(customer);
    service.run_and_die(&part);
    let deleted = delete_patient(&service.cloud, customer, &hash_key, patient);
    assert!(block_on(deleted).unwrap());
    assert_eq!(service.query(patient).documents, None);
    assert!(seconds(&service.run(&part, 2)) > 0, "the worker may still store documents");
    let other = service.part(vec![patient]);
    assert!(seconds(&service.run(&other, 1)) > 0);
    service.later(LEASE + Duration::from_secs(1));
    assert_eq!(service.run(&part, 3), ONE_WELL);
    assert!(service.cloud.patient_queries(customer).unwrap().is_empty());
    assert_eq!(service.run(&other, 2), ONE_WELL);
    assert!(service.cloud.patient_queries(customer).unwrap().is_empty());
    assert_eq!(service.asked(), 1);
}

#[test]
fn an_abandoned_query_of_a_deleted_patient_leaves_nothing() {
    let mut service = Service::new();
    let part = service.part_of_one();
    let (patient, customer) = (part.patients[0], service.customer);
    service.run_and_die(&part);
    let hash_key = Cloud::hash_key(customer);
    block_on(delete_patient(&service.cloud, customer, &hash_key, patient)).unwrap();
    assert!(service.abandon(&part).is_err(), "the worker may still store documents");
    service.later(LEASE + Duration::from_secs(1));
    service.abandon(&part).unwrap();
    assert!(service.cloud.patient_queries(customer).unwrap().is_empty());
}
