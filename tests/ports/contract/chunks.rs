//! Chunks: each is counted once, however often its end is repeated, and the call that completes the
//! last one is told so.

use bulk_domain::job::Job;
use bulk_domain::outcome::Tally;
use bulk_pipeline::ports::{ChunkCompletion, JobStore};

use crate::given;

const TALLY: Tally = Tally { created: 4, updated: 2, unchanged: 1, failed: 3, warnings: 2 };
const COUNTED: ChunkCompletion = ChunkCompletion { counted: true, was_last: false };
const COUNTED_AS_LAST: ChunkCompletion = ChunkCompletion { counted: true, was_last: true };
const ENDED_BEFORE: ChunkCompletion = ChunkCompletion { counted: false, was_last: false };
const ENDED_BEFORE_NONE_LEFT: ChunkCompletion = ChunkCompletion { counted: false, was_last: true };

async fn end(ports: &impl JobStore, job: &Job, number: u32) -> ChunkCompletion {
    ports.complete_chunk(job.id, given::chunk(number), TALLY, 0).await.unwrap()
}

pub async fn a_chunk_is_counted_once(ports: &impl JobStore) {
    let job = given::processing(ports, 3).await;
    assert_eq!(end(ports, &job, 1).await, COUNTED);
    for _ in 0..3 {
        assert_eq!(end(ports, &job, 1).await, ENDED_BEFORE);
    }
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    let expected = Job { pending_chunks: given::chunks([0, 2]), tally: TALLY, ..job };
    assert_eq!(stored, expected);
}

pub async fn the_last_end_is_told_and_so_is_every_repetition_after_it(ports: &impl JobStore) {
    let job = given::processing(ports, 2).await;
    assert_eq!(end(ports, &job, 0).await, COUNTED);
    assert_eq!(end(ports, &job, 1).await, COUNTED_AS_LAST);
    assert_eq!(end(ports, &job, 1).await, ENDED_BEFORE_NONE_LEFT);
    assert_eq!(end(ports, &job, 0).await, ENDED_BEFORE_NONE_LEFT);
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    let tally = given::times(TALLY, 2);
    let expected = Job { pending_chunks: given::chunks([]), tally, ..job };
    assert_eq!(stored, expected);
}

pub async fn a_number_is_not_mistaken_for_one_that_contains_it(ports: &impl JobStore) {
    let job = given::processing(ports, 112).await;
    for number in [1, 11, 110] {
        assert_eq!(end(ports, &job, number).await, COUNTED);
    }
    assert_eq!(end(ports, &job, 112).await, ENDED_BEFORE, "the job has no such chunk");
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    let left = (0..112).filter(|number| ![1, 11, 110].contains(number));
    assert_eq!(stored.pending_chunks, given::chunks(left));
    assert_eq!(stored.tally, given::times(TALLY, 3));
}

pub async fn a_job_that_has_no_chunks_yet_counts_none(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    assert_eq!(end(ports, &job, 0).await, ENDED_BEFORE_NONE_LEFT);
    assert_eq!(ports.load_job(job.id).await.unwrap().unwrap(), job);
}

pub async fn a_job_that_is_not_there_counts_nothing(ports: &impl JobStore) {
    let job = given::job();
    assert_eq!(end(ports, &job, 0).await, ENDED_BEFORE);
    assert_eq!(ports.load_job(job.id).await.unwrap(), None);
}

pub async fn of_many_ends_at_the_same_time_each_chunk_counts_one_and_one_is_the_last(
    ports: &impl JobStore,
) {
    const CHUNKS: u32 = 20;
    let job = given::processing(ports, CHUNKS).await;
    let twice = (0..CHUNKS).chain(0..CHUNKS);
    let ends = futures::future::join_all(twice.map(|number| end(ports, &job, number))).await;
    assert_eq!(ends.iter().filter(|end| end.counted).count(), CHUNKS as usize);
    assert_eq!(ends.iter().filter(|end| **end == COUNTED_AS_LAST).count(), 1);
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    let tally = given::times(TALLY, CHUNKS);
    let expected = Job { pending_chunks: given::chunks([]), tally, ..job };
    assert_eq!(stored, expected);
}

/// Ten times the chunks of a file with 100,000 rows.
pub async fn thousands_of_chunks_can_be_pending(ports: &impl JobStore) {
    const CHUNKS: u32 = 4000;
    let job = given::processing(ports, CHUNKS).await;
    assert_eq!(end(ports, &job, CHUNKS - 1).await, COUNTED);
    let stored = ports.load_job(job.id).await.unwrap().unwrap();
    assert_eq!(stored.pending_chunks, given::chunks(0..CHUNKS - 1));
}

contract!($ chunks:
    a_chunk_is_counted_once,
    the_last_end_is_told_and_so_is_every_repetition_after_it,
    a_number_is_not_mistaken_for_one_that_contains_it,
    a_job_that_has_no_chunks_yet_counts_none,
    a_job_that_is_not_there_counts_nothing,
    of_many_ends_at_the_same_time_each_chunk_counts_one_and_one_is_the_last,
    thousands_of_chunks_can_be_pending,
);
