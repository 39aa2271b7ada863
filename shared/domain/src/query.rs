//! The document query of a patient: which request started it, where it stands, and how it ended.
//!
//! Parts of jobs (up to 25 patients each) request queries, and customers do by hand. A patient has
//! one query at a time: a request that comes while another one's query runs joins that query. A
//! request that was served is never served again, however often its message is received.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::document::DocumentRecord;
use crate::ids::JobId;
use crate::mutants::{Bug, has};
use crate::plan::ChunkNumber;
use crate::time::Timestamp;

/// How many patients one part of a chunk's document queries has. Then the parts of a chunk of 250
/// rows are sent with one request to SQS, which takes ten messages. The gateway is asked about all
/// of them at the same time, so that more patients would also need more memory.
pub const PATIENTS_PER_PART: usize = 25;

/// How long a worker holds the lease of a query: longer than a worker lives. Then another worker
/// may start the query again.
pub const LEASE: Duration = Duration::from_mins(6);

/// The failed attempts at the gateway after which a query has failed for good.
pub const MOST_ATTEMPTS: u32 = 8;

/// The served requests that a query remembers: more than can be in flight for one patient.
const SERVED_KEPT: usize = 32;

/// Identifies a request for document queries. It is the same each time that its message is
/// received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueryRequestId(Uuid);

impl QueryRequestId {
    /// Returns the request with this id, made by hand.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the request of a part of a chunk.
    pub fn of_part(part: QueryPart) -> Self {
        let name = format!("{}/{}", part.chunk, part.part);
        Self(Uuid::new_v5(&part.job.as_uuid(), name.as_bytes()))
    }

    /// Returns the id as a plain UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// A part of a chunk's document queries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct QueryPart {
    /// The job of the part.
    pub job: JobId,
    /// The chunk of the job.
    pub chunk: ChunkNumber,
    /// The number of the part within the chunk, from 0.
    pub part: u32,
}

/// How a document query ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryOutcome {
    /// The gateway knows the patient and has this many documents.
    Documents(u32),
    /// The gateway does not know the patient.
    NotKnown,
    /// The gateway knows several patients like this one, so that it is not certain which documents
    /// are this patient's.
    Ambiguous,
    /// The patient is opted out, so that the gateway was not asked.
    OptedOut,
    /// The gateway did not answer, or not in a form that can be understood.
    Failed,
}

impl QueryOutcome {
    /// Returns whether the query did what it had to do. Finding no patient is an answer, too.
    pub const fn is_success(self) -> bool {
        !matches!(self, Self::Failed)
    }
}

/// How many document queries ended in which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct QueryTally {
    /// The queries that did what they had to do.
    pub successful: u32,
    /// The queries that failed for good, or did not end in time.
    pub failed: u32,
}

impl QueryTally {
    /// Counts the outcomes of queries.
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

/// One attempt to find a patient's documents. Later attempts have greater ids (UUID version 7), so
/// that the worker that ends a query can tell the documents of earlier attempts from those that a
/// later attempt is storing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueryAttemptId(Uuid);

impl QueryAttemptId {
    /// An id that is greater than that of every attempt.
    pub const AFTER_ALL: Self = Self(Uuid::max());
    /// The id of no attempt.
    const NONE: Self = Self(Uuid::nil());

    /// Returns the attempt with this id.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the greatest id of an attempt that begins at this time, or in 1970 if it is earlier.
    pub fn last_at(time: Timestamp) -> Self {
        let millis = time.as_millis().max(0).unsigned_abs();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[u8::MAX; 10]).into_uuid())
    }
}

impl FromStr for QueryAttemptId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for QueryAttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The documents that the last successful query found. They are stored in pages, of which the first
/// is stored with the query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredDocuments {
    /// The attempt that found the documents.
    #[serde(rename = "attempt")]
    pub found_by: QueryAttemptId,
    /// The number of pages, the first included.
    pub pages: u32,
    /// The documents on the first page.
    pub first: Vec<DocumentRecord>,
}

/// Which attempt holds a query, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The attempt that holds the lease.
    #[serde(rename = "attempt")]
    pub to: QueryAttemptId,
    /// When the lease ends. After that, its worker is taken for dead.
    pub until: Timestamp,
}

/// The newest document query of a patient.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientQuery {
    /// The request that the query is done for.
    pub request: QueryRequestId,
    /// When the query began.
    pub started_at: Timestamp,
    /// The lease of the worker that does the query. None after it ended, or after its worker
    /// returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// How the query ended. None while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<QueryOutcome>,
    /// How many attempts at the gateway failed.
    #[serde(default)]
    pub failures: u32,
    /// The requests that wait for the end of this query.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    joined: Vec<QueryRequestId>,
    /// The requests that earlier queries served, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    served: Vec<(QueryRequestId, QueryOutcome)>,
    /// The documents that can be read until this query succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<StoredDocuments>,
}

/// What the worker of a request has to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestDecision {
    /// The request was served: do nothing.
    Served(QueryOutcome),
    /// Store this query, and ask the gateway if the write succeeds.
    Start(PatientQuery),
    /// Store this query and retry later, because another request's query is running.
    Join(PatientQuery),
    /// Store nothing, and retry later.
    Wait,
}

impl PatientQuery {
    /// Returns what the worker of `request` has to do, by what is stored about the patient's query.
    /// If the worker may start the query, it does so as `attempt`, which must be newer than every
    /// stored attempt.
    pub fn decide(
        known: Option<&Self>,
        request: QueryRequestId,
        attempt: QueryAttemptId,
        now: Timestamp,
    ) -> RequestDecision {
        let lease = Some(Lease { to: attempt, until: now.plus(LEASE) });
        let Some(known) = known else {
            return RequestDecision::Start(Self { lease, ..Self::start(request, now) });
        };
        if let Some(outcome) = known.outcome_for(request) {
            return RequestDecision::Served(outcome);
        }
        let is_running = !has(Bug::LeaseIgnored)
            && known.outcome.is_none()
            && known.lease.is_some_and(|lease| lease.until > now);
        if !is_running {
            return RequestDecision::Start(Self { lease, ..known.start_again(request, now) });
        }
        if known.request == request || known.joined.contains(&request) {
            return RequestDecision::Wait;
        }
        let mut joined = known.clone();
        joined.joined.push(request);
        RequestDecision::Join(joined)
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

    /// Returns the query of a later request, or the same query once more after its worker died or
    /// returned it.
    fn start_again(&self, request: QueryRequestId, now: Timestamp) -> Self {
        let mut next = Self {
            documents: self.documents.clone(),
            served: self.served.clone(),
            ..Self::start(request, now)
        };
        if let Some(outcome) = self.outcome {
            let requests = self.joined.iter().chain([&self.request]);
            let kept = if has(Bug::ServedForgotten) { 0 } else { usize::MAX };
            next.served.extend(requests.map(|request| (*request, outcome)).take(kept));
            let surplus = next.served.len().saturating_sub(SERVED_KEPT);
            next.served.drain(..surplus);
        } else {
            // Every request that waited before is served by this query.
            next.joined = self.joined.iter().chain([&self.request]).copied().collect();
            next.joined.retain(|joined| *joined != request);
            // A query that still has a lease was not returned: its worker may have died because of
            // it.
            next.failures = self.failures + u32::from(self.lease.is_some());
        }
        next
    }

    /// Returns how the query of a request ended. None if it has not.
    pub fn outcome_for(&self, request: QueryRequestId) -> Option<QueryOutcome> {
        if self.request == request || (self.joined.contains(&request) && !has(Bug::JoinedForgotten))
        {
            return self.outcome;
        }
        self.served.iter().rev().find(|(served, _)| *served == request).map(|(_, outcome)| *outcome)
    }

    /// Returns the query at its end. `documents` are those that it found; a query that failed keeps
    /// those of the query before.
    #[must_use]
    pub fn ended(mut self, outcome: QueryOutcome, documents: Option<StoredDocuments>) -> Self {
        (self.outcome, self.lease) = (Some(outcome), None);
        if outcome.is_success() {
            self.documents = documents;
        }
        self
    }

    /// Returns the query as another than its worker ends it. None if it has ended, or while a
    /// worker holds its lease.
    pub fn abandoned(&self, now: Timestamp) -> Option<Self> {
        let is_idle = self.outcome.is_none() && self.lease.is_none_or(|lease| lease.until <= now);
        is_idle.then(|| self.clone().ended(QueryOutcome::Failed, None))
    }

    /// Returns whether a worker holds the lease of the query.
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.outcome.is_none() && self.lease.is_some_and(|lease| lease.until > now)
    }

    /// Returns the query of a patient who was deleted or opted out: without documents, and leased
    /// to no attempt until a worker that holds the lease has ended, because that worker may store
    /// pages of documents until then.
    #[must_use]
    pub fn withdrawn(&self) -> Self {
        let lease = self.lease.map(|lease| Lease { to: QueryAttemptId::NONE, ..lease });
        Self { documents: None, lease, failures: 0, ..self.clone() }
    }

    /// Returns whether the query had all attempts that it may have.
    pub const fn is_exhausted(&self) -> bool {
        self.failures >= MOST_ATTEMPTS
    }

    /// Returns the query that a customer requests by hand, which waits for a worker. None if a
    /// query has not ended yet, because that one serves as well.
    pub fn asked(known: Option<&Self>, request: QueryRequestId, now: Timestamp) -> Option<Self> {
        match known {
            None => Some(Self::start(request, now)),
            Some(known) if known.outcome.is_some() => Some(known.start_again(request, now)),
            Some(_) => None,
        }
    }

    /// Returns the query after a failed attempt: released for the next attempt, or failed for good.
    #[must_use]
    pub fn failed_once(mut self) -> Self {
        self.failures += 1;
        if self.is_exhausted() {
            return self.ended(QueryOutcome::Failed, None);
        }
        self.given_back()
    }

    /// Returns the query without its lease, so that the next attempt can start.
    #[must_use]
    pub fn given_back(mut self) -> Self {
        self.lease = None;
        self
    }

    /// Returns whether this attempt holds the lease.
    pub fn is_leased_to(&self, attempt: QueryAttemptId) -> bool {
        self.outcome.is_none() && self.lease.is_some_and(|lease| lease.to == attempt)
    }
}

#[cfg(test)]
mod tests;
