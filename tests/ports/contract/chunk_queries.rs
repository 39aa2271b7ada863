//! Document queries of jobs. Each part and each chunk is counted once, however often its end is
//! repeated, and a job waits for its queries unless it is canceled.

use std::collections::BTreeSet;

use bulk_domain::ids::JobId;
use bulk_domain::job::Job;
use bulk_domain::outcome::Tally;
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_pipeline::ports::{ChunkCompletion, JobStore, Write};
use futures::future::join_all;

use crate::given;

const ROWS: Tally = Tally { created: 4, updated: 2, unchanged: 1, failed: 3, warnings: 2 };
const TALLY: QueryTally = QueryTally { successful: 4, failed: 1 };
const COUNTED: ChunkCompletion = ChunkCompletion { counted: true, was_last: false };
const COUNTED_AS_LAST: ChunkCompletion = ChunkCompletion { counted: true, was_last: true };
const ENDED_BEFORE: ChunkCompletion = ChunkCompletion { counted: false, was_last: false };
const ENDED_BEFORE_NONE_LEFT: ChunkCompletion = ChunkCompletion { counted: false, was_last: true };

/// Completes a chunk that starts this number of document queries.
async fn end_chunk(ports: &impl JobStore, job: &Job, number: u32, queries: u32) -> ChunkCompletion {
    ports.complete_chunk(job.id, given::chunk(number), ROWS, queries).await.unwrap()
}

async fn end_queries(ports: &impl JobStore, job: &Job, number: u32) -> ChunkCompletion {
    ports.complete_queries(job.id, given::chunk(number), TALLY).await.unwrap()
}

async fn open(ports: &impl JobStore, job: JobId, count: u32) {
    ports.open_query_parts(job, given::chunk(0), count).await.unwrap();
}

async fn open_parts(ports: &impl JobStore, job: JobId) -> BTreeSet<u32> {
    ports.pending_query_parts(job, given::chunk(0)).await.unwrap()
}

async fn end_part(ports: &impl JobStore, job: JobId, part: u32) -> Option<QueryTally> {
    ports.complete_query_part(QueryPart { job, chunk: given::chunk(0), part }, TALLY).await.unwrap()
}

/// Returns the sum of this number of parts.
fn times(parts: u32) -> QueryTally {
    QueryTally { successful: parts * TALLY.successful, failed: parts * TALLY.failed }
}

pub async fn a_chunk_that_starts_queries_is_put_among_those_with_queries_once(
    ports: &impl JobStore,
) {
    let job = given::processing(ports, 3).await;
    assert_eq!(end_chunk(ports, &job, 1, 5).await, COUNTED);
    assert_eq!(end_chunk(ports, &job, 1, 5).await, ENDED_BEFORE);
    assert_eq!(end_chunk(ports, &job, 2, 0).await, COUNTED);
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    let expected = Job {
        pending_chunks: given::chunks([0]),
        pending_queries: given::chunks([1]),
        queries: 5,
        tally: given::times(ROWS, 2),
        ..job
    };
    assert_eq!(stored, expected);
}

pub async fn the_last_chunk_is_not_the_last_thing_while_queries_are_pending(ports: &impl JobStore) {
    let job = given::processing(ports, 2).await;
    assert_eq!(end_chunk(ports, &job, 0, 5).await, COUNTED);
    assert_eq!(end_chunk(ports, &job, 1, 5).await, COUNTED);
    assert_eq!(end_chunk(ports, &job, 1, 5).await, ENDED_BEFORE);
    assert_eq!(end_queries(ports, &job, 1).await, COUNTED);
    assert_eq!(end_queries(ports, &job, 1).await, ENDED_BEFORE);
    assert_eq!(end_queries(ports, &job, 0).await, COUNTED_AS_LAST);
    assert_eq!(end_queries(ports, &job, 0).await, ENDED_BEFORE_NONE_LEFT);
    assert_eq!(end_chunk(ports, &job, 0, 5).await, ENDED_BEFORE_NONE_LEFT);
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    assert!(stored.pending_chunks.is_empty() && stored.pending_queries.is_empty());
    assert_eq!((stored.queries, stored.queries_ended), (10, times(2)));
}

pub async fn queries_that_end_before_the_last_chunk_leave_it_to_be_the_last(ports: &impl JobStore) {
    let job = given::processing(ports, 2).await;
    assert_eq!(end_chunk(ports, &job, 0, 5).await, COUNTED);
    assert_eq!(end_queries(ports, &job, 0).await, COUNTED);
    assert_eq!(end_chunk(ports, &job, 1, 0).await, COUNTED_AS_LAST);
}

pub async fn a_chunk_without_queries_and_a_job_that_is_not_there_count_none(ports: &impl JobStore) {
    let job = given::processing(ports, 1).await;
    assert_eq!(end_queries(ports, &job, 0).await, ENDED_BEFORE);
    assert_eq!(ports.load_job(job.id).await.unwrap().unwrap(), job);
    let nowhere = given::job();
    assert_eq!(end_queries(ports, &nowhere, 0).await, ENDED_BEFORE);
    assert_eq!(ports.load_job(nowhere.id).await.unwrap(), None);
}

pub async fn a_canceled_job_does_not_wait_for_its_queries_and_counts_them_all_the_same(
    ports: &impl JobStore,
) {
    let job = given::processing(ports, 2).await;
    assert_eq!(end_chunk(ports, &job, 0, 5).await, COUNTED);
    assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Done);
    assert_eq!(end_chunk(ports, &job, 1, 5).await, COUNTED_AS_LAST);
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    assert!(stored.is_complete() && stored.pending_queries == given::chunks([0, 1]));
    assert_eq!(end_queries(ports, &job, 0).await, COUNTED_AS_LAST);
    assert_eq!(end_queries(ports, &job, 0).await, ENDED_BEFORE_NONE_LEFT);
    assert_eq!(ports.load_job(job.id).await.unwrap().unwrap().queries_ended, TALLY);
}

pub async fn a_part_is_open_until_it_has_ended_and_the_last_one_tells_the_sum(
    ports: &impl JobStore,
) {
    let job = given::job_id();
    open(ports, job, 3).await;
    assert_eq!(open_parts(ports, job).await, [0, 1, 2].into());
    assert_eq!(end_part(ports, job, 1).await, None);
    assert_eq!(end_part(ports, job, 1).await, None, "a repeated end");
    assert_eq!(open_parts(ports, job).await, [0, 2].into());
    assert_eq!(end_part(ports, job, 0).await, None);
    assert_eq!(end_part(ports, job, 2).await, Some(times(3)));
    assert_eq!(open_parts(ports, job).await, [].into());
}

pub async fn a_repeated_end_of_a_part_is_told_the_sum_if_none_is_left(ports: &impl JobStore) {
    let job = given::job_id();
    open(ports, job, 2).await;
    assert_eq!(end_part(ports, job, 0).await, None);
    for part in [1, 0, 1, 7] {
        assert_eq!(end_part(ports, job, part).await, Some(times(2)));
    }
}

pub async fn parts_that_were_opened_are_not_opened_again(ports: &impl JobStore) {
    let job = given::job_id();
    open(ports, job, 3).await;
    assert_eq!(end_part(ports, job, 1).await, None);
    open(ports, job, 3).await;
    assert_eq!(open_parts(ports, job).await, [0, 2].into());
    for part in [0, 2] {
        let _ = end_part(ports, job, part).await;
    }
    open(ports, job, 3).await;
    assert_eq!(open_parts(ports, job).await, [].into());
    assert_eq!(end_part(ports, job, 1).await, Some(times(3)));
}

pub async fn a_part_that_was_never_opened_ends_nothing(ports: &impl JobStore) {
    let job = given::job_id();
    assert_eq!(open_parts(ports, job).await, [].into());
    assert_eq!(end_part(ports, job, 0).await, None);
    open(ports, job, 2).await;
    assert_eq!(end_part(ports, job, 2).await, None);
    assert_eq!(open_parts(ports, job).await, [0, 1].into());
}

pub async fn chunks_and_jobs_have_parts_of_their_own(ports: &impl JobStore) {
    let (job, other) = (given::job_id(), given::job_id());
    open(ports, job, 1).await;
    open(ports, other, 1).await;
    ports.open_query_parts(job, given::chunk(1), 1).await.unwrap();
    assert_eq!(end_part(ports, job, 0).await, Some(TALLY));
    assert_eq!(open_parts(ports, other).await, [0].into());
    assert_eq!(ports.pending_query_parts(job, given::chunk(1)).await.unwrap(), [0].into());
}

pub async fn a_part_is_not_mistaken_for_one_whose_number_contains_it(ports: &impl JobStore) {
    let job = given::job_id();
    open(ports, job, 112).await;
    for part in [1, 11, 110] {
        assert_eq!(end_part(ports, job, part).await, None);
    }
    let left = (0..112).filter(|number| ![1, 11, 110].contains(number));
    assert_eq!(open_parts(ports, job).await, left.collect());
}

pub async fn of_many_ends_at_the_same_time_each_part_counts_once_and_the_sum_is_told(
    ports: &impl JobStore,
) {
    const PARTS: u32 = 20;
    let job = given::job_id();
    open(ports, job, PARTS).await;
    let ends = join_all((0..PARTS).chain(0..PARTS).map(|part| end_part(ports, job, part))).await;
    let sums: Vec<QueryTally> = ends.into_iter().flatten().collect();
    assert!(!sums.is_empty() && sums.iter().all(|sum| *sum == times(PARTS)), "{sums:?}");
}

/// A chunk has thousands of parts if its file has a row for each visit of a patient with thousands
/// of them.
pub async fn thousands_of_parts_can_be_open(ports: &impl JobStore) {
    const PARTS: u32 = 5000;
    let job = given::job_id();
    open(ports, job, PARTS).await;
    assert_eq!(end_part(ports, job, PARTS - 1).await, None);
    assert_eq!(open_parts(ports, job).await, (0..PARTS - 1).collect());
}

contract!($ chunk_queries:
    a_chunk_that_starts_queries_is_put_among_those_with_queries_once,
    the_last_chunk_is_not_the_last_thing_while_queries_are_pending,
    queries_that_end_before_the_last_chunk_leave_it_to_be_the_last,
    a_chunk_without_queries_and_a_job_that_is_not_there_count_none,
    a_canceled_job_does_not_wait_for_its_queries_and_counts_them_all_the_same,
    a_part_is_open_until_it_has_ended_and_the_last_one_tells_the_sum,
    a_repeated_end_of_a_part_is_told_the_sum_if_none_is_left,
    parts_that_were_opened_are_not_opened_again,
    a_part_that_was_never_opened_ends_nothing,
    chunks_and_jobs_have_parts_of_their_own,
    a_part_is_not_mistaken_for_one_whose_number_contains_it,
    of_many_ends_at_the_same_time_each_part_counts_once_and_the_sum_is_told,
    thousands_of_parts_can_be_open,
);
