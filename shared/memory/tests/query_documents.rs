//! Document queries: who is asked about, how often, and what ends a query that nobody is at any more.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::document::Demographics;
use domain::ids::{CustomerId, FacilityId, JobId, PatientId};
use domain::patient::PatientRow;
use domain::plan::ChunkNumber;
use domain::query::{LEASE, PatientQuery, QueryOutcome, QueryPart, QueryTally, TRIES};
use domain::record::{PatientRecord, RowsOfJob};
use domain::time::Timestamp;
use futures::executor::block_on;
use memory::{Cloud, NoFaults};
use pipeline::abandon::{AbandonOutcome, abandon};
use pipeline::messages::{DeadLetter, QueryAsker, QueryMessage};
use pipeline::ports::prelude::*;
use pipeline::ports::{self, GatewayAnswer, GatewayFailure, Write};
use pipeline::query_documents::{QueriesOutcome, query_documents};
use serde_json::json;
use uuid::Uuid;

const ONE_WELL: QueriesOutcome = QueriesOutcome::Ended(QueryTally { successful: 1, failed: 0 });
const ONE_FAILED: QueriesOutcome = QueriesOutcome::Ended(QueryTally { successful: 0, failed: 1 });
const ENDED_BEFORE: QueriesOutcome = QueriesOutcome::Ended(QueryTally { successful: 0, failed: 0 });

/// What the gateway does next.
#[derive(Debug)]
enum Next {
    Fails { transient: bool, retry_after: Option<Duration> },
    Hangs,
}

const FAILS: Next = Next::Fails { transient: true, retry_after: None };

/// A gateway that knows everybody and has no documents, but for what a test says.
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

struct World {
    cloud: Cloud,
    gateway: Gateway,
    customer: CustomerId,
    rate: f64,
    patients: u128,
    parts: u32,
}

impl World {
    fn new() -> Self {
        let start = Timestamp::from_millis(1_800_000_000_000);
        Self {
            cloud: Cloud::new(Arc::new(NoFaults), start, 1),
            gateway: Gateway::default(),
            customer: CustomerId::new(Uuid::from_u128(1)),
            rate: 0.0,
            patients: 0,
            parts: 0,
        }
    }

    fn patient(&mut self, opted_out: bool) -> PatientId {
        self.patients += 1;
        let row = json!({
            "firstName": "Ottoline", "lastName": "Vandersloot", "dob": "1961-12-01", "gender": "F",
            "addresses": [{"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"}],
            "hieOptOut": opted_out,
        });
        let row: PatientRow = serde_json::from_slice(&serde_json::to_vec(&row).unwrap()).unwrap();
        let source = RowsOfJob {
            job: job(),
            facility: FacilityId::new(Uuid::from_u128(3)),
            may_overtake: false,
            now: self.cloud.now(),
        };
        let id = PatientId::new(Uuid::from_u128(100 + self.patients));
        let record = PatientRecord::merge(None, id, source, [&row]).record.unwrap();
        let stored = block_on(self.cloud.store_patient(self.customer, &record, None)).unwrap();
        assert_eq!(stored, Write::Done);
        id
    }

    /// A part, in a chunk of its own, of these patients.
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
        block_on(query_documents(&self.cloud, &self.gateway, self.rate, message, attempt)).unwrap()
    }

    /// Runs until the gateway is asked, and dies there.
    fn run_and_die(&self, message: &QueryMessage) {
        self.next([Next::Hangs]);
        let query = query_documents(&self.cloud, &self.gateway, self.rate, message, 1);
        let mut run = std::pin::pin!(query);
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    }

    fn bury(&self, message: &QueryMessage) -> Result<AbandonOutcome, pipeline::Error> {
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
        QueriesOutcome::Ended(_) => panic!("it has ended"),
    }
}

#[test]
fn a_customer_asks_no_more_often_than_its_rate_and_the_others_wait() {
    let mut world = World { rate: 0.5, ..World::new() };
    let parts: Vec<QueryMessage> = (0..2)
        .map(|_| {
            let patients = (0..10).map(|_| world.patient(false)).collect();
            world.part(patients)
        })
        .collect();
    assert_eq!(world.run(&parts[0], 1), QueriesOutcome::Ended(QueryTally { successful: 10, failed: 0 }));
    assert!(seconds(&world.run(&parts[1], 1)) >= 20, "ten queries at a rate of one in two seconds");
    assert_eq!(world.asked(), 10);
    world.later(Duration::from_secs(20));
    assert_eq!(world.run(&parts[1], 2), QueriesOutcome::Ended(QueryTally { successful: 10, failed: 0 }));
    // Another customer has a rate of its own; who is served asks for no slot.
    assert_eq!(world.run(&parts[1], 3), ENDED_BEFORE);
    assert_eq!(world.asked(), 20);
}

#[test]
fn a_gateway_that_is_down_is_asked_by_one_and_nobody_loses_a_try_by_waiting() {
    let mut world = World::new();
    world.next((0..5).map(|_| FAILS));
    for _ in 0..5 {
        let part = world.part_of_one();
        assert!(seconds(&world.run(&part, 1)) > 0);
    }
    let (waits, probes) = (world.part_of_one(), world.part_of_one());
    assert!(seconds(&world.run(&waits, 1)) >= 30);
    assert_eq!(world.asked(), 5);
    world.later(Duration::from_secs(30));
    world.next([FAILS]);
    assert!(seconds(&world.run(&probes, 1)) > 0);
    assert!(seconds(&world.run(&waits, 2)) >= 60, "the second pause is longer");
    assert_eq!(world.asked(), 6);
    assert!(
        !world.cloud.patient_queries(world.customer).unwrap().iter().any(|(id, _)| waits.patients[0] == *id)
    );
    world.later(Duration::from_mins(1));
    assert_eq!(world.run(&probes, 2), ONE_WELL);
    assert_eq!(world.run(&waits, 3), ONE_WELL);
}

#[test]
fn a_query_fails_for_good_with_its_last_try_and_its_part_ends() {
    let mut world = World::new();
    let part = world.part_of_one();
    world.next((0..TRIES).map(|_| FAILS));
    for delivery in 1..TRIES {
        assert!(seconds(&world.run(&part, delivery)) > 0, "try {delivery}");
        world.later(Duration::from_mins(10));
    }
    assert_eq!(world.run(&part, TRIES), ONE_FAILED);
    assert_eq!(world.run(&part, TRIES + 1), ENDED_BEFORE);
    assert_eq!((world.asked(), world.query(part.patients[0]).outcome), (TRIES, Some(QueryOutcome::Failed)));
}

#[test]
fn a_query_of_which_every_worker_dies_is_not_tried_for_ever() {
    let mut world = World::new();
    let part = world.part_of_one();
    for _ in 0..TRIES {
        world.run_and_die(&part);
        world.later(LEASE);
    }
    assert_eq!(world.run(&part, TRIES + 1), ONE_FAILED);
    assert_eq!(world.asked(), TRIES);
}

#[test]
fn the_gateway_says_how_long_to_wait_and_what_is_no_use_to_ask_again() {
    let mut world = World::new();
    let (part, hopeless) = (world.part_of_one(), world.part_of_one());
    world.next([
        Next::Fails { transient: true, retry_after: Some(Duration::from_secs(77)) },
        Next::Fails { transient: false, retry_after: None },
    ]);
    assert_eq!(seconds(&world.run(&part, 1)), 77);
    assert_eq!(world.run(&hopeless, 1), ONE_FAILED);
    assert_eq!(world.run(&part, 2), ONE_WELL);
}

#[test]
fn who_ended_is_not_asked_about_again_when_the_others_of_the_part_are() {
    let mut world = World::new();
    let patients = (0..3).map(|_| world.patient(false)).collect();
    let part = world.part(patients);
    world.next([FAILS]);
    assert!(seconds(&world.run(&part, 1)) > 0);
    assert_eq!(world.asked(), 3);
    assert_eq!(world.run(&part, 2), QueriesOutcome::Ended(QueryTally { successful: 3, failed: 0 }));
    assert_eq!(world.asked(), 4);
}

#[test]
fn nobody_asks_about_somebody_who_opted_out_or_was_deleted_meanwhile() {
    let mut world = World::new();
    let (opted_out, deleted) = (world.patient(true), PatientId::new(Uuid::from_u128(99)));
    let part = world.part(vec![opted_out, deleted]);
    assert_eq!(world.run(&part, 1), QueriesOutcome::Ended(QueryTally { successful: 2, failed: 0 }));
    assert_eq!(world.asked(), 0);
    assert_eq!(world.query(opted_out).outcome, Some(QueryOutcome::OptedOut));
    assert_eq!(world.query(deleted).outcome, Some(QueryOutcome::NotKnown));
}

#[test]
fn a_query_that_was_given_up_while_its_worker_died_ends_when_its_message_comes_again() {
    let mut world = World::new();
    let part = world.part_of_one();
    world.run_and_die(&part);
    // The deadline: the part is counted, and the query left to whoever is at it.
    let given_up = QueryTally { successful: 0, failed: 1 };
    block_on(world.cloud.complete_query_part(part.part().unwrap(), given_up)).unwrap();
    world.later(Duration::from_mins(1));
    assert_eq!(seconds(&world.run(&part, 2)), 5 * 60, "until the end of the lease");
    world.later(Duration::from_mins(5));
    assert_eq!(world.run(&part, 3), ENDED_BEFORE);
    assert_eq!((world.asked(), world.query(part.patients[0]).outcome), (1, Some(QueryOutcome::Failed)));
}

#[test]
fn a_dead_letter_waits_for_whoever_is_at_its_query() {
    let mut world = World::new();
    let part = world.part_of_one();
    world.run_and_die(&part);
    assert!(world.bury(&part).unwrap_err().is_transient());
    world.later(LEASE);
    assert_eq!(world.bury(&part).unwrap(), AbandonOutcome::Queries(QueryTally { successful: 0, failed: 1 }));
    assert_eq!(world.query(part.patients[0]).outcome, Some(QueryOutcome::Failed));
    assert_eq!(world.run(&part, 2), ENDED_BEFORE);
}

#[test]
fn who_joins_a_query_is_served_by_it() {
    let mut world = World::new();
    let first = world.part_of_one();
    let second = world.part(first.patients.clone());
    world.run_and_die(&first);
    assert_eq!(seconds(&world.run(&second, 1)), 10, "somebody is at it");
    world.later(LEASE);
    assert_eq!(world.run(&first, 2), ONE_WELL);
    assert_eq!(world.run(&second, 2), ONE_WELL);
    assert_eq!(world.asked(), 2);
}
