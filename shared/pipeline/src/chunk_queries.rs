//! The document queries of a chunk: what is to be sent, what follows when a part of them has ended, and how they
//! are given up.

use domain::ids::{CustomerId, JobId};
use domain::outcome::{RowOutcome, RowResult};
use domain::plan::ChunkNumber;
use domain::query::{PATIENTS_PER_PART, QueryOutcome, QueryPart, QueryTally};
use domain::time::Timestamp;

use crate::Error;
use crate::messages::{FinishedMessage, QueryAsker, QueryMessage};
use crate::ports::{ChunkQueries, Clock, LoadQueries, SendFinished, StoreQuery, Write};

/// The messages about the patients of a chunk that are to be queried: the same ones from the same outcomes.
pub fn parts_of(
    customer: CustomerId,
    job: JobId,
    chunk: ChunkNumber,
    outcomes: &[RowOutcome],
) -> Vec<QueryMessage> {
    let starts = outcomes.iter().filter(|outcome| outcome.starts_query);
    let patients: Vec<_> = starts
        .filter_map(|outcome| match outcome.result {
            RowResult::Succeeded(patient) => patient,
            RowResult::Failed(_) => None,
        })
        .collect();
    (0..)
        .zip(patients.chunks(PATIENTS_PER_PART))
        .map(|(part, patients)| QueryMessage {
            customer,
            asker: QueryAsker::Part(QueryPart { job, chunk, part }),
            patients: patients.to_vec(),
        })
        .collect()
}

/// Ends a part of a chunk's queries, and with the last one the chunk's, and with that perhaps the job. Repeating
/// it goes on where it died.
pub async fn end_part(
    jobs: &impl ChunkQueries,
    finished: &impl SendFinished,
    part: QueryPart,
    tally: QueryTally,
) -> Result<(), Error> {
    let Some(all) = jobs.end_part(part, tally).await? else { return Ok(()) };
    let end = jobs.end_queries(part.job, part.chunk, all).await?;
    if end.was_last {
        finished.send_finished(&FinishedMessage { job: part.job }).await?;
    }
    Ok(())
}

/// What came of giving queries up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GivenUp {
    /// How all of them ended.
    pub tally: QueryTally,
    /// Until when somebody may be at one of them, who will say how it ended, or die before that.
    pub busy_until: Option<Timestamp>,
}

/// Gives the queries of a message up, as far as nobody is at them: they failed, and what waits for them does not
/// wait any longer.
pub async fn give_up(
    jobs: &impl ChunkQueries,
    patients: &(impl LoadQueries + StoreQuery),
    finished: &impl SendFinished,
    clock: &impl Clock,
    message: &QueryMessage,
) -> Result<GivenUp, Error> {
    let (request, now) = (message.asker.request(), clock.now());
    let known = patients.load_queries(message.customer, &message.patients).await?;
    let mut outcomes = Vec::with_capacity(message.patients.len());
    let mut busy_until = None;
    for patient in &message.patients {
        let query = known.get(patient);
        outcomes
            .push(query.and_then(|query| query.value.outcome_for(request)).unwrap_or(QueryOutcome::Failed));
        // One that another request asks for is for that one to end.
        let Some(query) = query.filter(|query| query.value.request == request) else { continue };
        if let Some(given_up) = query.value.given_up(now) {
            let write =
                patients.store_query(message.customer, *patient, &given_up, Some(query.version)).await?;
            if write == Write::Conflict {
                busy_until = busy_until.max(Some(now));
            }
        } else {
            busy_until = busy_until.max(query.value.lease.map(|lease| lease.until));
        }
    }
    let tally = QueryTally::of(outcomes);
    if let QueryAsker::Part(part) = message.asker {
        end_part(jobs, finished, part, tally).await?;
    }
    Ok(GivenUp { tally, busy_until })
}
