//! The undo of a job: it begins once, each of its chunks is counted once, and it ends once.

use std::time::Duration;

use bulk_domain::job::{Job, JobEvent, JobStatus};
use bulk_domain::undo::UndoTally;
use bulk_pipeline::ports::{ChunkCompletion, JobStore, Watched, Write};

use crate::given::{self, NOW, at};

const TALLY: UndoTally = UndoTally { deleted: 4, kept: 2 };
const DUE: i64 = NOW + 900_000;

/// Returns a completed job with this number of chunks, which is not watched any more.
async fn completed(ports: &impl JobStore, chunks: u32) -> Job {
    let job = given::processing(ports, chunks).await;
    let ended = given::ended(&job, JobEvent::Finalized, None);
    assert_eq!(ports.change_state(JobStatus::Processing, &ended).await.unwrap(), Write::Done);
    ports.unwatch(job.id).await.unwrap();
    ports.load_job(job.id).await.unwrap().unwrap()
}

async fn begun(ports: &impl JobStore, chunks: u32) -> Job {
    let job = completed(ports, chunks).await;
    let undo = job.new_undo(at(NOW));
    assert_eq!(ports.begin_undo(&job, &undo, at(DUE)).await.unwrap(), Write::Done);
    Job { undo: Some(undo), ..job }
}

async fn stored(ports: &impl JobStore, job: &Job) -> Job {
    ports.load_job(job.id).await.unwrap().unwrap()
}

async fn is_watched(ports: &impl JobStore, job: &Job) -> Option<Watched> {
    let due = ports.due_jobs(at(DUE + 1), None, 100).await.unwrap();
    due.into_iter().find(|watched| watched.job == job.id)
}

pub async fn an_undo_begins_once_with_every_chunk_pending_and_is_watched(ports: &impl JobStore) {
    let job = begun(ports, 3).await;
    assert_eq!(stored(ports, &job).await, job);
    let watched = Watched { job: job.id, due: at(DUE), pending: Some(3) };
    assert_eq!(is_watched(ports, &job).await, Some(watched));
    let later = job.new_undo(at(NOW + 1));
    assert_eq!(ports.begin_undo(&job, &later, at(DUE)).await.unwrap(), Write::Conflict);
    assert_eq!(stored(ports, &job).await, job);
}

pub async fn no_undo_begins_before_the_job_has_ended_and_left_the_watchlist(ports: &impl JobStore) {
    let processing = given::processing(ports, 1).await;
    let ended = given::ended(&processing, JobEvent::Finalized, None);
    let undo = ended.new_undo(at(NOW));
    assert_eq!(ports.begin_undo(&ended, &undo, at(DUE)).await.unwrap(), Write::Conflict);
    assert_eq!(ports.change_state(JobStatus::Processing, &ended).await.unwrap(), Write::Done);
    assert_eq!(ports.begin_undo(&ended, &undo, at(DUE)).await.unwrap(), Write::Conflict);
    ports.unwatch(ended.id).await.unwrap();
    assert_eq!(ports.begin_undo(&ended, &undo, at(DUE)).await.unwrap(), Write::Done);
    let missing = given::job();
    assert_eq!(ports.begin_undo(&missing, &undo, at(DUE)).await.unwrap(), Write::Conflict);
}

pub async fn a_chunk_of_an_undo_is_counted_once_and_the_last_one_is_told(ports: &impl JobStore) {
    let job = begun(ports, 2).await;
    let end = async |number| {
        ports.complete_undo_chunk(job.id, given::chunk(number), TALLY).await.unwrap()
    };
    assert_eq!(end(1).await, ChunkCompletion { counted: true, was_last: false });
    assert_eq!(end(1).await, ChunkCompletion { counted: false, was_last: false });
    assert_eq!(end(0).await, ChunkCompletion { counted: true, was_last: true });
    assert_eq!(end(0).await, ChunkCompletion { counted: false, was_last: true });
    let undo = stored(ports, &job).await.undo.unwrap();
    assert_eq!(undo.tally, UndoTally { deleted: 8, kept: 4 });
    assert!(undo.is_decided());
}

pub async fn no_chunk_is_counted_for_a_job_without_an_undo(ports: &impl JobStore) {
    let job = completed(ports, 1).await;
    for id in [job.id, given::job_id()] {
        let ended = ports.complete_undo_chunk(id, given::chunk(0), TALLY).await.unwrap();
        assert_eq!(ended, ChunkCompletion { counted: false, was_last: false });
    }
    assert_eq!(stored(ports, &job).await, job);
}

pub async fn the_number_of_patients_in_the_file_replaces_the_sum_of_the_chunks(
    ports: &impl JobStore,
) {
    for (in_file, kept) in [(None, 4), (Some(3), 3)] {
        let job = begun(ports, 2).await;
        for number in [0, 1] {
            ports.complete_undo_chunk(job.id, given::chunk(number), TALLY).await.unwrap();
        }
        assert_eq!(ports.end_undo(job.id, in_file, at(NOW)).await.unwrap(), Write::Done);
        let undo = stored(ports, &job).await.undo.unwrap();
        assert_eq!(undo.has_kept_file, in_file.is_some());
        assert_eq!(undo.tally, UndoTally { deleted: 8, kept });
    }
}

pub async fn an_undo_ends_once_after_its_last_chunk(ports: &impl JobStore) {
    let job = begun(ports, 1).await;
    let end = async || ports.end_undo(job.id, Some(2), at(NOW + 5)).await.unwrap();
    assert_eq!(end().await, Write::Conflict);
    ports.unwatch(job.id).await.unwrap();
    assert!(is_watched(ports, &job).await.is_some(), "an undo under way stays watched");
    ports.complete_undo_chunk(job.id, given::chunk(0), TALLY).await.unwrap();
    assert_eq!(end().await, Write::Done);
    assert_eq!(end().await, Write::Conflict);
    assert_eq!(is_watched(ports, &job).await, None);
    let undo = stored(ports, &job).await.undo.unwrap();
    assert_eq!((undo.finished_at, undo.has_kept_file), (Some(at(NOW + 5)), true));
    let late = ports.complete_undo_chunk(job.id, given::chunk(0), TALLY).await.unwrap();
    assert_eq!(late, ChunkCompletion { counted: false, was_last: false });
    let later = at(NOW).plus(Duration::from_mins(1));
    assert_eq!(ports.begin_undo(&job, &job.new_undo(later), later).await.unwrap(), Write::Conflict);
}

contract!($ undos:
    an_undo_begins_once_with_every_chunk_pending_and_is_watched,
    no_undo_begins_before_the_job_has_ended_and_left_the_watchlist,
    a_chunk_of_an_undo_is_counted_once_and_the_last_one_is_told,
    no_chunk_is_counted_for_a_job_without_an_undo,
    the_number_of_patients_in_the_file_replaces_the_sum_of_the_chunks,
    an_undo_ends_once_after_its_last_chunk,
);
