//! The document query of a patient: who asked for it, where it is, and what came of it.
//!
//! Queries are asked for by parts of jobs (up to ten patients each) and by customers by hand. A patient has
//! one query at a time: who asks while another one's is running joins it. A request that was served once is
//! not served again, however often its message comes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::JobId;
use crate::mutants::{Bug, has};
use crate::plan::ChunkNumber;
use crate::time::Timestamp;

/// Patients in one part of a chunk's queries.
pub const PATIENTS_PER_PART: usize = 10;

/// How long a query is its worker's: longer than a worker lives. After that somebody else starts it again.
pub const LEASE: Duration = Duration::from_mins(6);

/// Failed tries of the gateway after which a query has failed for good.
pub const TRIES: u32 = 8;

/// Served requests that a query remembers: more than can be under way for one patient.
const SERVED_KEPT: usize = 32;

/// A request for queries: the same on every delivery of its message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueryRequestId(Uuid);

impl QueryRequestId {
    /// A request by hand.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The request of a part of a chunk.
    pub fn of_part(part: QueryPart) -> Self {
        let name = format!("{}/{}", part.chunk, part.part);
        Self(Uuid::new_v5(&part.job.as_uuid(), name.as_bytes()))
    }

    /// The bare UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// A part of a chunk's queries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct QueryPart {
    /// The job.
    pub job: JobId,
    /// Its chunk.
    pub chunk: ChunkNumber,
    /// The part, from 0.
    pub part: u32,
}

/// How a query ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryOutcome {
    /// The gateway knows the patient and has so many documents.
    Documents(u32),
    /// The gateway knows no such patient.
    NotKnown,
    /// The gateway knows several patients like this one: nobody can tell whose documents these are.
    Ambiguous,
    /// The patient is opted out: nothing was asked.
    OptedOut,
    /// The gateway did not answer, or not in a form that can be understood.
    Failed,
}

impl QueryOutcome {
    /// Whether it did what it was to do; finding nobody is an answer, too.
    pub const fn is_success(self) -> bool {
        !matches!(self, Self::Failed)
    }
}

/// How many queries ended how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct QueryTally {
    /// Queries that did what they were to do.
    pub successful: u32,
    /// Queries that failed for good, or did not end in time.
    pub failed: u32,
}

impl QueryTally {
    /// Counts outcomes.
    pub fn of(outcomes: impl IntoIterator<Item = QueryOutcome>) -> Self {
        outcomes.into_iter().fold(Self::default(), |tally, outcome| {
            if outcome.is_success() {
                Self { successful: tally.successful + 1, ..tally }
            } else {
                Self { failed: tally.failed + 1, ..tally }
            }
        })
    }
}

/// One try to find a patient's documents. Later tries have greater ids (UUID version 7), so that whoever ends a
/// query can tell what earlier ones left from what a later one is just storing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueryTry(Uuid);

impl QueryTry {
    /// The try with this id.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }
}

impl FromStr for QueryTry {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for QueryTry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The documents that the last successful query found, where they are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredDocuments {
    /// The try that found them.
    #[serde(rename = "try")]
    pub found_by: QueryTry,
    /// Items that they are stored in.
    pub pages: u32,
}

/// Whose a query is, for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The try that it is leased to.
    #[serde(rename = "try")]
    pub to: QueryTry,
    /// Until when: after that, its worker is taken for dead.
    pub until: Timestamp,
}

/// A patient's query, the newest one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientQuery {
    /// The request that it is done for.
    pub request: QueryRequestId,
    /// When it began.
    pub started_at: Timestamp,
    /// Whose it is; nobody's once it ended or was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// How it ended, once it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<QueryOutcome>,
    /// Tries of the gateway that failed.
    #[serde(default)]
    pub failures: u32,
    /// Who waits for its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    joined: Vec<QueryRequestId>,
    /// Whom an earlier query served, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    served: Vec<(QueryRequestId, QueryOutcome)>,
    /// What is readable meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<StoredDocuments>,
}

/// What somebody who asks for a query has to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Nothing: the request was served.
    Served(QueryOutcome),
    /// Store this, and if that succeeds query.
    Start(PatientQuery),
    /// Store this, and come again: another one's query is running.
    Join(PatientQuery),
    /// Come again.
    Wait,
}

impl PatientQuery {
    /// The turn of `request`, with what is known about the patient's query. If it may start, then as `this_try`,
    /// which has to be newer than what is known.
    pub fn turn(known: Option<&Self>, request: QueryRequestId, this_try: QueryTry, now: Timestamp) -> Turn {
        let lease = Some(Lease { to: this_try, until: now.plus(LEASE) });
        let Some(known) = known else { return Turn::Start(Self { lease, ..Self::start(request, now) }) };
        if let Some(outcome) = known.outcome_for(request) {
            return Turn::Served(outcome);
        }
        let is_running = !has(Bug::LeaseIgnored)
            && known.outcome.is_none()
            && known.lease.is_some_and(|lease| lease.until > now);
        if !is_running {
            return Turn::Start(Self { lease, ..known.start_again(request, now) });
        }
        if known.request == request || known.joined.contains(&request) {
            return Turn::Wait;
        }
        let mut joined = known.clone();
        joined.joined.push(request);
        Turn::Join(joined)
    }

    fn start(request: QueryRequestId, now: Timestamp) -> Self {
        Self {
            request,
            started_at: now,
            lease: None,
            outcome: None,
            failures: 0,
            joined: Vec::new(),
            served: Vec::new(),
            documents: None,
        }
    }

    /// The query of a later request, or the same query once more after its worker died or gave it back.
    fn start_again(&self, request: QueryRequestId, now: Timestamp) -> Self {
        let mut next =
            Self { documents: self.documents, served: self.served.clone(), ..Self::start(request, now) };
        if let Some(outcome) = self.outcome {
            let requests = self.joined.iter().chain([&self.request]);
            let kept = if has(Bug::ServedForgotten) { 0 } else { usize::MAX };
            next.served.extend(requests.map(|request| (*request, outcome)).take(kept));
            let surplus = next.served.len().saturating_sub(SERVED_KEPT);
            next.served.drain(..surplus);
        } else {
            // Whoever asked before is served by this one.
            next.joined = self.joined.iter().chain([&self.request]).copied().collect();
            next.joined.retain(|joined| *joined != request);
            // A query that is still somebody's was not given back: its worker died of it, perhaps.
            next.failures = self.failures + u32::from(self.lease.is_some());
        }
        next
    }

    /// How the query of a request ended, if it did.
    pub fn outcome_for(&self, request: QueryRequestId) -> Option<QueryOutcome> {
        if self.request == request || (self.joined.contains(&request) && !has(Bug::JoinedForgotten)) {
            return self.outcome;
        }
        self.served.iter().rev().find(|(served, _)| *served == request).map(|(_, outcome)| *outcome)
    }

    /// The query at its end. `documents` are the ones that it found; a query that failed leaves those of the
    /// one before.
    #[must_use]
    pub fn ended(mut self, outcome: QueryOutcome, documents: Option<StoredDocuments>) -> Self {
        (self.outcome, self.lease) = (Some(outcome), None);
        if outcome.is_success() {
            self.documents = documents;
        }
        self
    }

    /// The query as somebody else than its worker ends it; none if it has ended, or somebody is at it.
    pub fn given_up(&self, now: Timestamp) -> Option<Self> {
        let is_idle = self.outcome.is_none() && self.lease.is_none_or(|lease| lease.until <= now);
        is_idle.then(|| self.clone().ended(QueryOutcome::Failed, None))
    }

    /// Whether it was tried as often as it may be.
    pub const fn is_exhausted(&self) -> bool {
        self.failures >= TRIES
    }

    /// The query that a customer asks for by hand, waiting for a worker; none if one has not ended yet, which
    /// serves as well.
    pub fn asked(known: Option<&Self>, request: QueryRequestId, now: Timestamp) -> Option<Self> {
        match known {
            None => Some(Self::start(request, now)),
            Some(known) if known.outcome.is_some() => Some(known.start_again(request, now)),
            Some(_) => None,
        }
    }

    /// The query after a try that failed: given back, for the next try, or failed for good.
    #[must_use]
    pub fn failed_once(mut self) -> Self {
        self.failures += 1;
        if self.is_exhausted() {
            return self.ended(QueryOutcome::Failed, None);
        }
        self.given_back()
    }

    /// The query for whoever comes next to try.
    #[must_use]
    pub fn given_back(mut self) -> Self {
        self.lease = None;
        self
    }

    /// Whether this try is at it.
    pub fn is_leased_to(&self, this_try: QueryTry) -> bool {
        self.outcome.is_none() && self.lease.is_some_and(|lease| lease.to == this_try)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u128) -> QueryRequestId {
        QueryRequestId::new(Uuid::from_u128(number))
    }

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_mins(minute))
    }

    fn a_try() -> QueryTry {
        QueryTry::new(Uuid::now_v7())
    }

    fn started(by: u128, minute: u64) -> PatientQuery {
        match PatientQuery::turn(None, request(by), a_try(), at(minute)) {
            Turn::Start(query) => query,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_served_once_however_often_it_comes() {
        let ended = started(1, 0).ended(QueryOutcome::Documents(3), None);
        let served = Turn::Served(QueryOutcome::Documents(3));
        assert_eq!(PatientQuery::turn(Some(&ended), request(1), a_try(), at(1)), served);
        let Turn::Start(second) = PatientQuery::turn(Some(&ended), request(2), a_try(), at(2)) else {
            panic!()
        };
        assert_eq!(PatientQuery::turn(Some(&second), request(1), a_try(), at(3)), served);
        let ended = second.ended(QueryOutcome::NotKnown, None);
        assert_eq!(PatientQuery::turn(Some(&ended), request(1), a_try(), at(4)), served);
    }

    #[test]
    fn who_asks_while_a_query_is_running_joins_it() {
        let running = started(1, 0);
        let Turn::Join(joined) = PatientQuery::turn(Some(&running), request(2), a_try(), at(1)) else {
            panic!()
        };
        assert_eq!(PatientQuery::turn(Some(&joined), request(2), a_try(), at(2)), Turn::Wait);
        assert_eq!(PatientQuery::turn(Some(&joined), request(1), a_try(), at(2)), Turn::Wait);
        let ended = joined.ended(QueryOutcome::Ambiguous, None);
        for asker in [1, 2] {
            let turn = PatientQuery::turn(Some(&ended), request(asker), a_try(), at(3));
            assert_eq!(turn, Turn::Served(QueryOutcome::Ambiguous));
        }
    }

    #[test]
    fn a_query_whose_worker_died_is_started_by_whoever_comes_and_serves_everybody() {
        let running = started(1, 0);
        let Turn::Start(again) = PatientQuery::turn(Some(&running), request(2), a_try(), at(7)) else {
            panic!()
        };
        let ended = again.ended(QueryOutcome::Documents(0), None);
        let turn = PatientQuery::turn(Some(&ended), request(1), a_try(), at(8));
        assert_eq!(turn, Turn::Served(QueryOutcome::Documents(0)));
    }

    #[test]
    fn a_query_that_was_given_back_is_for_whoever_comes_next_and_no_failure() {
        let mine = a_try();
        let Turn::Start(running) = PatientQuery::turn(None, request(1), mine, at(0)) else { panic!() };
        assert!(running.is_leased_to(mine) && !running.is_leased_to(a_try()));
        let given_back = running.given_back();
        assert!(!given_back.is_leased_to(mine));
        let next = a_try();
        let Turn::Start(again) = PatientQuery::turn(Some(&given_back), request(1), next, at(0)) else {
            panic!()
        };
        assert!(again.is_leased_to(next));
        assert_eq!(again.failures, 0);
        assert!(!again.ended(QueryOutcome::NotKnown, None).is_leased_to(next));
    }

    #[test]
    fn a_query_fails_for_good_after_as_many_tries_as_it_has() {
        let mut query = started(1, 0);
        for minute in 1..u64::from(TRIES) {
            let given_back = query.failed_once();
            assert_eq!(given_back.outcome, None);
            let Turn::Start(again) = PatientQuery::turn(Some(&given_back), request(1), a_try(), at(minute))
            else {
                panic!()
            };
            query = again;
        }
        assert_eq!(query.failed_once().outcome, Some(QueryOutcome::Failed));
    }

    #[test]
    fn a_query_that_its_workers_die_of_is_exhausted_after_as_many_tries() {
        let mut query = started(1, 0);
        for minute in (10..).step_by(10).take(TRIES as usize) {
            assert!(!query.is_exhausted());
            let Turn::Start(again) = PatientQuery::turn(Some(&query), request(1), a_try(), at(minute)) else {
                panic!()
            };
            query = again;
        }
        assert!(query.is_exhausted());
    }

    #[test]
    fn a_query_is_given_up_only_while_nobody_is_at_it() {
        let running = started(1, 0);
        assert_eq!(running.given_up(at(1)), None);
        let given_up = running.given_up(at(7)).unwrap();
        assert_eq!(given_up.outcome_for(request(1)), Some(QueryOutcome::Failed));
        assert_eq!(given_up.given_up(at(8)), None);
    }

    #[test]
    fn a_query_by_hand_waits_for_a_worker_and_there_is_only_one_at_a_time() {
        let asked = PatientQuery::asked(None, request(1), at(0)).unwrap();
        assert_eq!(PatientQuery::asked(Some(&asked), request(2), at(1)), None);
        assert!(matches!(PatientQuery::turn(Some(&asked), request(1), a_try(), at(1)), Turn::Start(_)));
        let ended = asked.ended(QueryOutcome::NotKnown, None);
        assert!(PatientQuery::asked(Some(&ended), request(2), at(2)).is_some());
    }

    #[test]
    fn documents_stay_readable_until_a_later_query_succeeds() {
        let stored = StoredDocuments { found_by: QueryTry::new(Uuid::from_u128(1)), pages: 2 };
        let first = started(1, 0).ended(QueryOutcome::Documents(9), Some(stored));
        let Turn::Start(second) = PatientQuery::turn(Some(&first), request(2), a_try(), at(1)) else {
            panic!()
        };
        assert_eq!(second.documents, Some(stored));
        assert_eq!(second.clone().ended(QueryOutcome::Failed, None).documents, Some(stored));
        assert_eq!(second.ended(QueryOutcome::NotKnown, None).documents, None);
    }

    #[test]
    fn a_part_asks_with_the_same_request_on_every_delivery() {
        let part = QueryPart { job: JobId::new(Uuid::from_u128(1)), chunk: ChunkNumber::new(2), part: 3 };
        assert_eq!(QueryRequestId::of_part(part), QueryRequestId::of_part(part));
        let other = QueryPart { part: 4, ..part };
        assert_ne!(QueryRequestId::of_part(part), QueryRequestId::of_part(other));
    }
}
