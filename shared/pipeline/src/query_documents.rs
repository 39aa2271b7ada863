//! Searches the gateway for a few patients and for their documents.
//!
//! A document query that fails never fails its row. If the gateway cannot answer now, the message
//! is received again later, so that no function waits. A patient has one query at a time: another
//! request for the same patient joins it, and the message of that request is received again for the
//! outcome. The order of the steps makes it harmless that a message is received twice: a request
//! that was served stays served, and documents beyond the first page are stored beside the old ones
//! before the query names them.

mod limits;

use std::time::Duration;

use bulk_domain::backoff::Backoff;
use bulk_domain::document::Demographics;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::query::{
    PatientQuery, QueryAttemptId, QueryOutcome, QueryRequestId, QueryTally, RequestDecision,
    StoredDocuments,
};
use futures::future::join_all;

use crate::Error;
use crate::audit::event_of_queries;
use crate::conflicts::retry_conflicts;
use crate::documents::delete_documents;
use crate::messages::{QueryAsker, QueryMessage};
use crate::ports::prelude::*;
use crate::ports::{Gateway, GatewayAnswer, GatewayFailure, PortResult, Ports, Versioned, Write};
use crate::query_parts::{complete_part, resume_completed_part};
use limits::{refused_for, tell_circuit_breaker};

/// The pauses before a message is received again, if another message leases the query of one of its
/// patients. Most of these queries end within seconds.
const LEASED: Backoff = Backoff { first: Duration::from_secs(10), longest: Duration::from_mins(2) };

/// The pauses after a failure, if the gateway asks for no pause itself.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(5), longest: Duration::from_mins(10) };

/// The outcome of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueriesOutcome {
    /// All queries of the message have ended, with these counts. The counts are zero if the part
    /// completed before.
    Ended(QueryTally),
    /// Some queries have not ended, and the message has to be retried.
    Retry {
        /// The pause before the retry.
        after: Duration,
        /// The cause, for the log.
        cause: String,
    },
}

/// An attempt to find the documents of one patient.
#[derive(Clone, Copy)]
struct Attempt {
    customer: CustomerId,
    patient: PatientId,
    id: QueryAttemptId,
    /// Whether the patient never had a query before, so that there are no documents to delete.
    is_first: bool,
}

/// The outcome of a message for one patient.
enum PatientOutcome {
    /// The query of the patient has ended.
    Ended(QueryOutcome),
    /// Another attempt leases the query.
    Leased,
    /// The gateway did not answer.
    Failed(GatewayFailure),
}

/// The result of asking the gateway in an attempt.
enum Answer {
    /// The query ends with this outcome, and with these documents stored for it.
    Ended(QueryOutcome, Option<StoredDocuments>),
    /// The gateway did not answer, and may answer a retry.
    Failed(GatewayFailure),
    /// The patient was deleted, so that the gateway was not asked.
    Deleted,
}

/// Handles one message, in its attempt number `attempt`, counted from 1. Safe to repeat,
/// concurrently and late.
///
/// A customer may start one query in every `interval`, or any number if that is `None`.
pub async fn query_documents<P: Ports, G: Gateway>(
    ports: &P,
    gateway: &G,
    interval: Option<Duration>,
    message: &QueryMessage,
    attempt: u32,
) -> Result<QueriesOutcome, Error> {
    if let QueryAsker::Part(part) = message.asker
        && !ports.jobs().pending_query_parts(part.job, part.chunk).await?.contains(&part.part)
    {
        if has(Bug::AbandonedQueryLeft) {
            complete_part(ports, part, QueryTally::default()).await?;
            return Ok(QueriesOutcome::Ended(QueryTally::default()));
        }
        let abandoned = resume_completed_part(ports, message, part).await?;
        return Ok(match abandoned.leased_until {
            None => QueriesOutcome::Ended(QueryTally::default()),
            Some(until) => QueriesOutcome::Retry {
                after: ports.environment().now().until(until).max(LEASED.first),
                cause: "an abandoned query is still leased".to_owned(),
            },
        });
    }
    let known = ports.documents().load_queries(message.customer, &message.patients).await?;
    let (request, now) = (message.asker.request(), ports.environment().now());
    let decisions: Vec<(Attempt, Option<u64>, RequestDecision)> = message
        .patients
        .iter()
        .map(|patient| {
            let query = known.get(patient);
            let id = QueryAttemptId::new(ports.environment().new_id());
            let decision = PatientQuery::decide(query.map(|query| &query.value), request, id, now);
            let (customer, patient) = (message.customer, *patient);
            let attempt = Attempt { customer, patient, id, is_first: query.is_none() };
            (attempt, query.map(|query| query.version), decision)
        })
        .collect();
    let starts = decisions
        .iter()
        .filter(|(.., decision)| matches!(decision, RequestDecision::Start(_)))
        .map(|_| 1)
        .sum();
    if starts > 0
        && let Some(after) = refused_for(ports, interval, message.customer, starts).await?
    {
        // The backoff is added, so that many waiting messages do not all ask again when there are
        // permits for a few.
        let after = after.max(pause_after(request, attempt));
        let cause = "the rate limit or the circuit breaker allows no call yet".to_owned();
        return Ok(QueriesOutcome::Retry { after, cause });
    }
    if starts > 0 {
        let asked = decisions.iter().filter_map(|(attempt, _, decision)| {
            matches!(decision, RequestDecision::Start(_)).then_some(attempt.patient)
        });
        let event = event_of_queries(message, asked.collect(), now);
        ports.audit_trail().record(&event).await?;
    }
    let patients = decisions
        .into_iter()
        .map(|(attempt, version, decision)| patient(ports, gateway, attempt, version, decision));
    // All queries run to their end, even if the outcome of one cannot be stored, because a query
    // that is dropped half-way stays leased for minutes.
    let patients =
        join_all(patients).await.into_iter().collect::<Result<Vec<PatientOutcome>, Error>>()?;
    tell_circuit_breaker(ports, &patients).await?;
    let retries = patients.iter().filter_map(|patient| match patient {
        PatientOutcome::Ended(_) => None,
        PatientOutcome::Leased => Some((
            LEASED.pause(attempt.saturating_sub(1)),
            "another query of the patient is running",
        )),
        PatientOutcome::Failed(failure) => Some((
            failure.retry_after.unwrap_or_else(|| pause_after(request, attempt)),
            failure.cause.as_str(),
        )),
    });
    if let Some((after, cause)) = retries.max_by_key(|(after, _)| *after) {
        return Ok(QueriesOutcome::Retry { after, cause: cause.to_owned() });
    }
    let tally = QueryTally::of(patients.iter().filter_map(|patient| match patient {
        PatientOutcome::Ended(outcome) => Some(*outcome),
        PatientOutcome::Leased | PatientOutcome::Failed(_) => None,
    }));
    if let QueryAsker::Part(part) = message.asker {
        complete_part(ports, part, tally).await?;
    }
    Ok(QueriesOutcome::Ended(tally))
}

async fn patient<P: Ports, G: Gateway>(
    ports: &P,
    gateway: &G,
    attempt: Attempt,
    version: Option<u64>,
    decision: RequestDecision,
) -> Result<PatientOutcome, Error> {
    let Attempt { customer, patient, .. } = attempt;
    let mut query = match decision {
        RequestDecision::Served(outcome) => return Ok(PatientOutcome::Ended(outcome)),
        RequestDecision::Wait => return Ok(PatientOutcome::Leased),
        RequestDecision::Join(joined) => {
            // After a conflict, the retry of the message joins the query.
            let _ = ports.documents().store_query(customer, patient, &joined, version).await?;
            return Ok(PatientOutcome::Leased);
        }
        RequestDecision::Start(query) => {
            Versioned { value: query, version: version.unwrap_or(0) + 1 }
        }
    };
    if ports.documents().store_query(customer, patient, &query.value, version).await?
        == Write::Conflict
    {
        // The conflict may be with this attempt itself, if the answer to its write was lost.
        match leased(ports, attempt).await? {
            Some(leased) => query = leased,
            None => return Ok(PatientOutcome::Leased),
        }
    }
    let outcome = ask(ports, gateway, attempt, query).await;
    if outcome.is_err() {
        // Without a release, the retry of the message has to wait for the end of the lease. A
        // release that fails costs no more than that.
        let _ = release(ports, attempt).await;
    }
    outcome
}

/// Returns the query, if this attempt has its lease.
async fn leased<P: Ports>(
    ports: &P,
    attempt: Attempt,
) -> PortResult<Option<Versioned<PatientQuery>>> {
    let Attempt { customer, patient, id, .. } = attempt;
    let query = ports.documents().load_queries(customer, &[patient]).await?.remove(&patient);
    Ok(query.filter(|query| query.value.is_leased_to(id)))
}

/// Ends the lease of this attempt, so that a retry can start.
async fn release<P: Ports>(ports: &P, attempt: Attempt) -> Result<(), Error> {
    let Attempt { customer, patient, .. } = attempt;
    retry_conflicts(async || {
        let Some(leased) = leased(ports, attempt).await? else { return Ok(Some(())) };
        let released = leased.value.given_back();
        let write =
            ports.documents().store_query(customer, patient, &released, Some(leased.version));
        Ok((write.await? == Write::Done).then_some(()))
    })
    .await
}

/// Asks the gateway about a patient, while this attempt leases the patient's query, and stores the
/// outcome.
async fn ask<P: Ports, G: Gateway>(
    ports: &P,
    gateway: &G,
    attempt: Attempt,
    query: Versioned<PatientQuery>,
) -> Result<PatientOutcome, Error> {
    if has(Bug::OldDocumentsDroppedEarly) {
        let Attempt { customer, patient, id, .. } = attempt;
        ports.documents().drop_documents_before(customer, patient, id).await?;
    }
    let answer = if query.value.is_exhausted() {
        Answer::Ended(QueryOutcome::Failed, None)
    } else {
        answer(ports, gateway, attempt).await?
    };
    conclude(ports, attempt, query, answer).await
}

async fn answer<P: Ports, G: Gateway>(
    ports: &P,
    gateway: &G,
    attempt: Attempt,
) -> Result<Answer, Error> {
    let Attempt { customer, patient: id, id: found_by, .. } = attempt;
    let record = ports.patients().load_patients(customer, &[id]).await?.remove(&id);
    let Some(patient) = record.map(|record| record.patient) else {
        return Ok(if has(Bug::DeletedQueryKept) {
            Answer::Ended(QueryOutcome::NotKnown, None)
        } else {
            Answer::Deleted
        });
    };
    if patient.hie_opt_out && !has(Bug::OptedOutAsked) {
        return Ok(Answer::Ended(QueryOutcome::OptedOut, None));
    }
    Ok(match gateway.ask(&Demographics::from(&patient)).await {
        Ok(GatewayAnswer::Documents(documents)) => {
            let stored =
                ports.documents().store_documents(customer, id, found_by, &documents).await?;
            let count = documents.iter().map(|_| 1).sum();
            Answer::Ended(QueryOutcome::Documents(count), Some(stored))
        }
        Ok(GatewayAnswer::NotKnown) => Answer::Ended(QueryOutcome::NotKnown, None),
        Ok(GatewayAnswer::Ambiguous) => Answer::Ended(QueryOutcome::Ambiguous, None),
        Err(failure) if failure.transient => Answer::Failed(failure),
        Err(_) => Answer::Ended(QueryOutcome::Failed, None),
    })
}

/// Stores the outcome of a query, which other requests may have joined meanwhile. If another
/// attempt has taken the query over, because the lease of this one expired, that attempt's outcome
/// counts. The query of a deleted patient is deleted, with all its documents.
async fn conclude<P: Ports>(
    ports: &P,
    attempt: Attempt,
    mut query: Versioned<PatientQuery>,
    answer: Answer,
) -> Result<PatientOutcome, Error> {
    let Attempt { customer, patient, id, .. } = attempt;
    let stored = retry_conflicts(async || {
        let after = match &answer {
            Answer::Ended(outcome, stored) => {
                Some(query.value.clone().ended(*outcome, stored.clone()))
            }
            Answer::Failed(_) => Some(query.value.clone().failed_once()),
            Answer::Deleted => None,
        };
        let (documents, version) = (ports.documents(), query.version);
        let write = if let Some(after) = &after {
            documents.store_query(customer, patient, after, Some(version)).await?
        } else {
            delete_documents(ports, customer, patient, QueryAttemptId::AFTER_ALL).await?;
            documents.delete_query(customer, patient, version).await?
        };
        if write == Write::Done {
            let outcome = after.map_or(Some(QueryOutcome::NotKnown), |after| after.outcome);
            return Ok(Some(Some(outcome)));
        }
        match leased(ports, attempt).await? {
            // Another request has joined.
            Some(leased) => query = leased,
            None => return Ok(Some(None)),
        }
        Ok(None)
    });
    let Some(outcome) = stored.await? else { return Ok(PatientOutcome::Leased) };
    let is_deleted = matches!(answer, Answer::Deleted);
    if outcome.is_some_and(QueryOutcome::is_success) && !attempt.is_first && !is_deleted {
        let new = || QueryAttemptId::new(ports.environment().new_id());
        let first_kept = if has(Bug::NewDocumentsDropped) { new() } else { id };
        ports.documents().drop_documents_before(customer, patient, first_kept).await?;
    }
    Ok(match (outcome, answer) {
        (None, Answer::Failed(failure)) => PatientOutcome::Failed(failure),
        (outcome, _) => outcome.map_or(PatientOutcome::Leased, PatientOutcome::Ended),
    })
}

/// Returns the pause after so many attempts. It is longer or shorter by up to a half, so that
/// messages that failed at the same time are not retried at the same time.
fn pause_after(request: QueryRequestId, attempt: u32) -> Duration {
    let pause = BACKOFF.pause(attempt.saturating_sub(1));
    let jitter =
        request.as_uuid().as_bytes()[15].wrapping_add(attempt.to_le_bytes()[0].wrapping_mul(97));
    pause / 2 + pause * u32::from(jitter) / 255
}
