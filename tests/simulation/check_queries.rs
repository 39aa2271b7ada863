//! Checks the document queries of a story: which patients a job queries, how often, and with which
//! outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::job::Job;
use bulk_domain::outcome::RowResult;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{PatientQuery, QueryOutcome, QueryPart, QueryRequestId};
use bulk_memory::NoFaults;
use bulk_pipeline::ports::GatewayAnswer;
use bulk_pipeline::ports::prelude::*;
use futures::executor::block_on;

use crate::check::{Outcome, orders};
use crate::gateway::{Ask, Came};
use crate::reference::{Kept, read};
use crate::rows::Ids;
use crate::run::{Change, Import, Played};

/// How long after the deadline of its document queries a job may end, outages of AWS not counted. A
/// poisoned chunk is abandoned after eight receives, each hidden for twelve minutes, and after the
/// receives of its dead letter. Where one call in eight fails, finalize needs dozens of attempts
/// until a run meets no fault.
const PATIENCE: Duration = Duration::from_hours(12);

/// Checks the document queries of a story as far as that needs no reference.
pub fn check_queries(played: &Played) {
    let queries = stored_queries(played);
    let mut requests: BTreeMap<(CustomerId, PatientId), BTreeSet<QueryRequestId>> = BTreeMap::new();
    for import in &played.imports {
        let job = played.cloud.jobs().into_iter().find(|job| job.id == import.job.job).unwrap();
        let asked = asked_for(played, import);
        for (patient, request) in &asked {
            requests.entry((job.customer, *patient)).or_default().insert(*request);
        }
        check_job(played, &job, &asked, &queries);
    }
    let asks = played.exchange.asks();
    for (patient, _) in played.cloud.document_pages() {
        assert!(!played.is_deleted(patient), "documents of a deleted patient are left");
    }
    for (who, query) in &queries {
        assert!(!played.is_deleted(who.1), "the query of a deleted patient is left");
        let of_patient: Vec<&Ask> =
            asks.iter().filter(|ask| (ask.customer, ask.patient) == *who).collect();
        if !played.exchange.confuses(who.1) {
            check_documents(played, *who, query, &of_patient);
            let requests = requests.get(who).map_or(0, BTreeSet::len);
            check_number(played, requests, &of_patient);
        }
        assert!(query.outcome.is_some(), "a query is under way for ever: {query:?}");
    }
    for ask in &asks {
        let requests = requests.get(&(ask.customer, ask.patient));
        let is_confused = played.exchange.confuses(ask.patient);
        assert!(
            is_confused || requests.is_some_and(|known| known.contains(&ask.request)),
            "asked for no job: {ask:?}"
        );
    }
    check_rate(played, &asks);
}

/// Returns the newest document query of each patient.
fn stored_queries(played: &Played) -> BTreeMap<(CustomerId, PatientId), PatientQuery> {
    let customers = played.story.customers.iter().map(|customer| customer.id);
    let queries = customers.flat_map(|customer| {
        let queries = played.cloud.patient_queries(customer).unwrap();
        queries.into_iter().map(move |(patient, query)| ((customer, patient), query))
    });
    queries.collect()
}

/// Returns the patients that a job has queried, each with the request.
pub fn asked_for(played: &Played, import: &Import) -> Vec<(PatientId, QueryRequestId)> {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    let job = cloud.jobs().into_iter().find(|job| job.id == import.job.job).unwrap();
    let chunks = job.file.as_ref().map_or(0, |file| file.chunks);
    let mut asked = Vec::new();
    for chunk in (0..chunks).map(ChunkNumber::new) {
        let outcomes = block_on(cloud.read_outcomes(import.job, chunk)).unwrap();
        let patients: Vec<PatientId> = outcomes
            .iter()
            .filter(|outcome| outcome.starts_query)
            .map(|outcome| match outcome.result {
                RowResult::Succeeded { patient: Some(patient), .. } => patient,
                _ => panic!("a row without a patient starts a query"),
            })
            .collect();
        for (part, patients) in (0..).zip(patients.chunks(played.story.patients_per_part)) {
            let request = QueryRequestId::of_part(QueryPart { job: job.id, chunk, part });
            asked.extend(patients.iter().map(|patient| (*patient, request)));
        }
    }
    asked
}

/// Checks that every document query of a job ended and was counted by its outcome, and that the job
/// ended in time.
fn check_job(
    played: &Played,
    job: &Job,
    asked: &[(PatientId, QueryRequestId)],
    queries: &BTreeMap<(CustomerId, PatientId), PatientQuery>,
) {
    let patients: BTreeSet<&PatientId> = asked.iter().map(|(patient, _)| patient).collect();
    assert_eq!(patients.len(), asked.len(), "a job queries a patient twice");
    assert_eq!(job.queries as usize, asked.len(), "queries of job {}", job.id);
    assert!(job.queries == 0 || (played.story.gateway.is_some() && !job.dry_run));
    let ended = job.queries_ended;
    assert_eq!(
        ended.successful + ended.failed,
        job.queries,
        "queries of job {} have not ended",
        job.id
    );
    assert!(job.pending_queries.is_empty());
    // The query of a deleted patient ends in some way, and leaves nothing.
    let (deleted, asked): (Vec<_>, Vec<_>) =
        asked.iter().partition(|(patient, _)| played.is_deleted(*patient));
    let outcomes: Vec<Option<QueryOutcome>> = asked
        .iter()
        .map(|(patient, request)| queries.get(&(job.customer, *patient))?.outcome_for(*request))
        .collect();
    if played.story.gives_queries_up() {
        let successes = outcomes.iter().flatten().filter(|outcome| outcome.is_success()).count();
        let most = successes + deleted.len();
        assert!(ended.successful as usize <= most, "more queries succeeded than did");
    } else {
        assert!(
            outcomes.iter().all(Option::is_some),
            "a patient of job {} was not queried",
            job.id
        );
        let successes = outcomes.iter().flatten().filter(|outcome| outcome.is_success()).count();
        assert!(
            (successes..=successes + deleted.len()).contains(&(ended.successful as usize)),
            "queries of job {} that succeeded",
            job.id
        );
    }
    if let (Some(started), Some(finished)) = (job.started_at, job.finished_at) {
        let patience = PATIENCE + played.story.away();
        let latest = started.plus(played.story.time_to_query).plus(patience);
        assert!(finished <= latest, "job {} ended {finished}, long after {latest}", job.id);
    }
}

/// Checks that a job queries the patients that it created or changed, except those who are opted
/// out, and no others.
pub fn check_who_is_queried(
    played: &Played,
    customer: usize,
    outcomes: &[Outcome<'_>],
    has_earlier: bool,
) {
    if played.story.gateway.is_none() {
        return;
    }
    let who = &played.story.customers[customer];
    let jobs: Vec<&Outcome<'_>> = outcomes.iter().filter(|outcome| !outcome.is_dry_run).collect();
    let asked: Vec<BTreeSet<String>> = jobs
        .iter()
        .map(|outcome| {
            asked_for(played, outcome.import).iter().map(|(id, _)| id.to_string()).collect()
        })
        .collect();
    let at_the_same_time = jobs.len().saturating_sub(usize::from(has_earlier)) > 1;
    for record in played.cloud.patients(who.id).unwrap() {
        let id = record.patient.id.to_string();
        let (person, _) = read(&serde_json::to_value(&record.patient).unwrap());
        if jobs.iter().any(|outcome| outcome.left(person)) {
            // Abandoned rows may have been stored or not.
            continue;
        }
        let orders: Vec<Vec<Fold>> =
            orders(&jobs, has_earlier).iter().map(|order| folds(&id, order, &who.ids)).collect();
        let is_opted_out = jobs.iter().any(|outcome| outcome.opts_out(person));
        for (outcome, asked) in jobs.iter().zip(&asked) {
            let (job, is_asked) = (outcome.import.job.job, asked.contains(&id));
            let must = orders.iter().all(|folds| {
                folds
                    .iter()
                    .any(|fold| fold.age == outcome.age && fold.has_changed && !fold.is_opted_out)
            });
            // While this job still works on a patient, a concurrent job may opt the patient in.
            let may = orders.iter().any(|folds| {
                let later = folds.iter().skip_while(|fold| fold.age != outcome.age);
                let has_changed = later.clone().next().is_some_and(|fold| fold.has_changed);
                let states = if at_the_same_time { folds.len() } else { 1 };
                has_changed && later.take(states).any(|fold| !fold.is_opted_out)
            });
            assert!(may || !is_asked, "job {job} queries patient {id}, which it did not change");
            // If a concurrent job changes the patient while this job still works on it, this job
            // may leave the document query to the other job, or may find the patient opted out.
            let is_left = at_the_same_time
                && (is_opted_out || ![record.created_by, record.changed_by].contains(&job));
            assert!(
                !must || is_asked || is_left,
                "job {job} does not query patient {id}, which it changed"
            );
        }
    }
}

/// The effect of a job on a patient.
struct Fold {
    /// The age of the job, as its index among the jobs of its customer.
    age: u32,
    has_changed: bool,
    is_opted_out: bool,
}

/// Returns the effect of each job on a patient, if the jobs store their rows in this order.
fn folds(id: &str, order: &[&Outcome<'_>], ids: &Ids) -> Vec<Fold> {
    let mut kept = Kept::default();
    let fold = |outcome: &&Outcome<'_>| {
        let before = kept.patient.clone();
        for (row, _) in outcome.rows.iter().filter(|(_, result)| result.id == id) {
            let _ = kept.fold(row, outcome.age, ids);
        }
        let (has_changed, is_opted_out) = (kept.patient != before, kept.patient.opt_out);
        Fold { age: outcome.age, has_changed, is_opted_out }
    };
    order.iter().map(fold).collect()
}

/// Checks that the readable documents are all those that the last successful document query found,
/// or none if the patient was opted out since, and perhaps opted in again by a call. That starts no
/// query.
fn check_documents(
    played: &Played,
    (customer, patient): (CustomerId, PatientId),
    query: &PatientQuery,
    asks: &[&Ask],
) {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    let readable = query.documents.as_ref().map(|stored| {
        let pages = (1..stored.pages).flat_map(|page| {
            let read =
                block_on(cloud.read_documents(customer, patient, stored.found_by, page)).unwrap();
            read.expect("documents that a query names are not there")
        });
        stored.first.iter().cloned().chain(pages).collect::<Vec<_>>()
    });
    let answered: Vec<&GatewayAnswer> = asks
        .iter()
        .filter_map(|ask| match &ask.came {
            Came::Answer(answer) => Some(answer),
            Came::Nothing | Came::Failure { .. } => None,
        })
        .collect();
    let documents_of = |answer: &GatewayAnswer| match answer {
        GatewayAnswer::Documents(documents) => Some(documents.clone()),
        GatewayAnswer::NotKnown | GatewayAnswer::Ambiguous => None,
    };
    let record = block_on(cloud.load_patients(customer, &[patient])).unwrap().remove(&patient);
    let is_opted_out = record.is_some_and(|record| record.patient.hie_opt_out);
    match query.outcome {
        _ if is_opted_out => assert_eq!(readable, None, "documents of an opted-out patient"),
        Some(QueryOutcome::Documents(count)) => {
            if readable.is_none() && is_opted_in_by_call(played, patient) {
                return;
            }
            let last = answered.last().and_then(|answer| documents_of(answer));
            assert_eq!(readable, last, "the documents of the last query");
            assert_eq!(readable.map(|documents| documents.len()), Some(count as usize));
        }
        Some(QueryOutcome::NotKnown) => {
            assert_eq!((readable, answered.last()), (None, Some(&&GatewayAnswer::NotKnown)));
        }
        Some(QueryOutcome::Ambiguous) => {
            assert_eq!((readable, answered.last()), (None, Some(&&GatewayAnswer::Ambiguous)));
        }
        Some(QueryOutcome::OptedOut) => assert_eq!(readable, None),
        Some(QueryOutcome::Failed) | None => {
            let is_earlier = readable.is_none()
                || answered.iter().any(|answer| documents_of(answer) == readable);
            assert!(is_earlier, "documents that no query found");
        }
    }
}

/// Returns whether the call of the story opts a patient in.
fn is_opted_in_by_call(played: &Played, patient: PatientId) -> bool {
    let call = played.call.as_ref().filter(|call| call.patient == patient);
    call.is_some_and(|call| match &call.change {
        Change::OptOut(value) => !value,
        Change::Correction(row) => row.opt_out == Some(false),
    })
}

/// Checks how often the gateway is asked about a patient: once for each request, and again for each
/// transient failure and for each answer that was lost with its invocation. A request that had
/// joined the document query by then does not ask again.
fn check_number(played: &Played, requests: usize, asks: &[&Ask]) {
    let again = asks.iter().filter(|ask| {
        ask.came == Came::Failure { transient: true } || !played.exchange.ended_well(ask.task)
    });
    let most = requests + again.count();
    for (index, ask) in asks.iter().enumerate() {
        let is_concluded = !matches!(ask.came, Came::Nothing | Came::Failure { transient: true })
            && played.exchange.ended_well(ask.task);
        let again = asks[index + 1..].iter().find(|later| ask.serves.contains(&later.request));
        assert!(!is_concluded || again.is_none(), "{again:?} was served by {ask:?}");
    }
    assert!(asks.len() <= most, "asked {} times, {most} are explained: {asks:?}", asks.len());
}

/// Checks that no customer exceeds the rate limit. A call may be made an invocation's lifetime
/// after its permit was taken, so that a period can have the permits of an earlier one, too.
fn check_rate(played: &Played, asks: &[Ask]) {
    let Some(rate) =
        played.story.gateway.as_ref().map(|gateway| gateway.rate).filter(|rate| *rate > 0.0)
    else {
        return;
    };
    for customer in &played.story.customers {
        let mut times: Vec<i64> = asks
            .iter()
            .filter(|ask| ask.customer == customer.id)
            .map(|ask| ask.at.as_millis())
            .collect();
        times.sort_unstable();
        for (first, from) in times.iter().enumerate() {
            for (last, to) in times.iter().enumerate().skip(first) {
                let seconds =
                    Duration::from_millis((to - from).unsigned_abs()).as_secs_f64() + 240.0 + 1.0;
                let most = rate * seconds + played.story.patients_per_part as f64;
                assert!((last - first + 1) as f64 <= most, "more than {rate} queries a second");
            }
        }
    }
}

/// Returns what happened and how often, to show that the stories cover every case.
pub fn statistics(played: &Played) -> Vec<(String, u64)> {
    let mut seen = Vec::new();
    for ask in played.exchange.asks() {
        let what = match ask.came {
            Came::Answer(GatewayAnswer::Documents(_)) => "documents found",
            Came::Answer(GatewayAnswer::NotKnown) => "patient not known",
            Came::Answer(GatewayAnswer::Ambiguous) => "patient ambiguous",
            Came::Failure { transient: true } => "failed for now",
            Came::Failure { transient: false } => "failed for good",
            Came::Nothing => "no answer, the invocation died",
        };
        seen.push((format!("asked the gateway: {what}"), 1));
    }
    for job in played.cloud.jobs() {
        seen.push(("queries of jobs, successful".to_owned(), job.queries_ended.successful.into()));
        seen.push(("queries of jobs, failed".to_owned(), job.queries_ended.failed.into()));
        if let (true, Some(started), Some(finished)) =
            (job.queries > 0, job.started_at, job.finished_at)
            && finished > started.plus(played.story.time_to_query)
        {
            seen.push(("jobs that ended past the deadline of their queries".to_owned(), 1));
        }
    }
    for (_, query) in stored_queries(played) {
        let how = match query.outcome {
            Some(QueryOutcome::Documents(_)) => "documents",
            Some(QueryOutcome::NotKnown) => "not known",
            Some(QueryOutcome::Ambiguous) => "ambiguous",
            Some(QueryOutcome::OptedOut) => "opted out",
            Some(QueryOutcome::Failed) => "failed",
            None => "none",
        };
        seen.push((format!("last query of a patient: {how}"), 1));
        let pages = query.documents.map_or(0, |documents| documents.pages);
        if pages > 1 {
            seen.push(("document lists of several pages".to_owned(), 1));
        }
    }
    seen
}
