//! The document queries of a chunk, in parts of some patients: which there are, and how a part
//! completes or is abandoned.

use bulk_domain::job::{Job, JobStatus};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::{RowOutcome, RowResult};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryOutcome, QueryPart, QueryTally};
use bulk_domain::time::Timestamp;

use crate::Error;
use crate::documents::{Withdrawal, withdraw_documents};
use crate::messages::{FinishedMessage, QueryAsker, QueryMessage};
use crate::ports::prelude::*;
use crate::ports::{Ports, Write};

/// Returns a message for each part of the patients of a chunk that are to be queried. The same
/// outcomes give the same messages, so that every attempt sends the same parts.
pub fn parts_of<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
    outcomes: &[RowOutcome],
) -> Vec<QueryMessage> {
    let (customer, job) = (job.customer, job.id);
    let starts = outcomes.iter().filter(|outcome| outcome.starts_query);
    let patients: Vec<_> = starts
        .filter_map(|outcome| match outcome.result {
            RowResult::Succeeded { patient, .. } => patient,
            RowResult::Failed(_) => None,
        })
        .collect();
    (0..)
        .zip(patients.chunks(ports.environment().patients_per_part()))
        .map(|(part, patients)| QueryMessage {
            customer,
            asker: QueryAsker::Part(QueryPart { job, chunk, part }),
            patients: patients.to_vec(),
        })
        .collect()
}

/// Completes a part. The last part completes the chunk's queries, and the last chunk's queries may
/// complete the job. A retry continues where an earlier attempt died.
pub async fn complete_part<P: Ports>(
    ports: &P,
    part: QueryPart,
    tally: QueryTally,
) -> Result<(), Error> {
    let Some(all) = ports.jobs().complete_query_part(part, tally).await? else { return Ok(()) };
    let completion = ports.jobs().complete_queries(part.job, part.chunk, all).await?;
    if completion.was_last {
        ports.queues().send_finished(&FinishedMessage { job: part.job }).await?;
    }
    Ok(())
}

/// The outcome of abandoning document queries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbandonedQueries {
    /// The counts of all queries of the message, of which some may have ended before.
    pub tally: QueryTally,
    /// The end of the longest lease, if a query is leased to a worker that may still complete it.
    pub leased_until: Option<Timestamp>,
}

/// Abandons the queries of a message, and completes their part. A query without an outcome counts
/// as failed, so that the chunk does not wait for it any longer.
pub async fn abandon_queries<P: Ports>(
    ports: &P,
    message: &QueryMessage,
) -> Result<AbandonedQueries, Error> {
    let abandoned = abandon_open_queries(ports, message).await?;
    if let QueryAsker::Part(part) = message.asker {
        complete_part(ports, part, abandoned.tally).await?;
    }
    Ok(abandoned)
}

/// Handles a message about a part that completed before. The worker that completed the part may
/// have died before it completed the chunk, or before it told `finalize`. If the part was
/// abandoned, a worker that leased one of its queries may have died, too, and only this message
/// ends that query.
///
/// What is done is not done again, because each further call can fail, and each failed message can
/// become two.
pub async fn resume_completed_part<P: Ports>(
    ports: &P,
    message: &QueryMessage,
    part: QueryPart,
) -> Result<AbandonedQueries, Error> {
    let abandoned = abandon_open_queries(ports, message).await?;
    match ports.jobs().load_job(part.job).await? {
        Some(job) if job.pending_queries.contains(&part.chunk) => {
            complete_part(ports, part, abandoned.tally).await?;
        }
        Some(job) if job.status == JobStatus::Processing && job.is_complete() => {
            ports.queues().send_finished(&FinishedMessage { job: part.job }).await?;
        }
        Some(_) | None => {}
    }
    Ok(abandoned)
}

/// Ends the queries of a message that are open, and deletes those of deleted patients. A query that
/// is leased to a worker stays leased, because the worker may still complete it.
async fn abandon_open_queries<P: Ports>(
    ports: &P,
    message: &QueryMessage,
) -> Result<AbandonedQueries, Error> {
    let (request, now) = (message.asker.request(), ports.environment().now());
    let known = ports.documents().load_queries(message.customer, &message.patients).await?;
    let mut outcomes = Vec::with_capacity(message.patients.len());
    let mut leased_until = None;
    for patient in &message.patients {
        let query = known.get(patient);
        outcomes.push(
            query
                .and_then(|query| query.value.outcome_for(request))
                .unwrap_or(QueryOutcome::Failed),
        );
        // A query of another request is abandoned with that request.
        let Some(query) = query.filter(|query| query.value.request == request) else { continue };
        if let Some(abandoned) = query.value.abandoned(now) {
            let (customer, patients) = (message.customer, ports.patients());
            if patients.load_patients(customer, &[*patient]).await?.is_empty()
                && !has(Bug::DeletedQueryKept)
            {
                withdraw_documents(ports, customer, *patient, Withdrawal::Deleted).await?;
                continue;
            }
            let write = ports
                .documents()
                .store_query(message.customer, *patient, &abandoned, Some(query.version))
                .await?;
            if write == Write::Conflict {
                leased_until = leased_until.max(Some(now));
            }
        } else {
            leased_until = leased_until.max(query.value.lease.map(|lease| lease.until));
        }
    }
    Ok(AbandonedQueries { tally: QueryTally::of(outcomes), leased_until })
}
