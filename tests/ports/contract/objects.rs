//! Plans and outcomes: the first one that is stored counts, so that every retry reads the same.

use bulk_domain::ids::RowNumber;
use bulk_domain::job::Upload;
use bulk_domain::outcome::{FailureReason, RowEffect, RowOutcome, RowResult};
use bulk_domain::undo::{KeptReason, UndoOutcome, UndonePatient};
use bulk_pipeline::ports::{JobRef, ObjectStore, Write};
use bytes::Bytes;

use crate::given;

fn job_ref() -> JobRef {
    JobRef::from(&given::job())
}

/// Returns one outcome of each kind, with row numbers from this row on.
fn outcomes(from: u32) -> Vec<RowOutcome> {
    let problems = "dob: no such day; zip-2: missing".parse().unwrap();
    let results = [
        RowResult::Succeeded { patient: Some(given::patient()), effect: RowEffect::Updated },
        RowResult::Succeeded { patient: None, effect: RowEffect::Created },
        RowResult::Succeeded { patient: None, effect: RowEffect::Unchanged },
        RowResult::Failed(FailureReason::Problems(problems)),
        RowResult::Failed(FailureReason::Canceled),
        RowResult::Failed(FailureReason::Internal),
    ];
    (from..)
        .zip(results)
        .map(|(row, result)| RowOutcome::new(RowNumber::new(row), result))
        .collect()
}

pub async fn a_plan_is_read_whole_and_in_ranges(ports: &impl ObjectStore) {
    let (job, upload) = (job_ref(), given::upload());
    let lines = Bytes::from("[0,[1,2,3,4]]\n".repeat(5000));
    assert_eq!(ports.store_plan(job, &upload, lines.clone()).await.unwrap(), Write::Done);
    assert!(ports.read_plan(job, &upload, None).await.unwrap() == lines);
    for range in [0..14, 14..28, 69_986..70_000, 0..70_000] {
        let (from, to) =
            (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let read = ports.read_plan(job, &upload, Some(range.clone())).await.unwrap();
        assert!(read == lines[from..to], "{range:?}");
    }
}

pub async fn a_plan_is_of_one_version_of_the_upload_and_the_first_one_counts(
    ports: &impl ObjectStore,
) {
    let (job, upload) = (job_ref(), given::upload());
    let other = Upload { version: "other".to_owned(), ..upload.clone() };
    let store = async |upload, lines| {
        ports.store_plan(job, upload, Bytes::from_static(lines)).await.unwrap()
    };
    assert_eq!(store(&upload, b"plan\n").await, Write::Done);
    assert_eq!(store(&other, b"of another upload\n").await, Write::Done);
    assert_eq!(store(&upload, b"plan of another release\n").await, Write::Conflict);
    assert_eq!(ports.read_plan(job, &upload, None).await.unwrap(), "plan\n");
    assert_eq!(ports.read_plan(job, &other, None).await.unwrap(), "of another upload\n");
}

pub async fn the_first_outcomes_of_a_chunk_count(ports: &impl ObjectStore) {
    let (job, first) = (job_ref(), outcomes(1));
    assert_eq!(ports.store_outcomes(job, given::chunk(1), &first).await.unwrap(), Write::Done);
    for later in [outcomes(1), Vec::new(), first.clone()] {
        assert_eq!(
            ports.store_outcomes(job, given::chunk(1), &later).await.unwrap(),
            Write::Conflict
        );
        assert_eq!(ports.read_outcomes(job, given::chunk(1)).await.unwrap(), first);
    }
}

pub async fn of_outcomes_stored_at_the_same_time_one_counts(ports: &impl ObjectStore) {
    let job = job_ref();
    let candidates: Vec<_> = (0..8).map(|number| outcomes(number * 10)).collect();
    let writes =
        candidates.iter().map(|outcomes| ports.store_outcomes(job, given::chunk(0), outcomes));
    let writes = futures::future::try_join_all(writes).await.unwrap();
    let done: Vec<_> = (0..8).filter(|&index| writes[index] == Write::Done).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(ports.read_outcomes(job, given::chunk(0)).await.unwrap(), candidates[done[0]]);
}

pub async fn outcomes_are_of_one_chunk_of_one_job(ports: &impl ObjectStore) {
    let (job, other) = (job_ref(), job_ref());
    let places = [(job, 1), (job, 11), (other, 1)].map(|(job, number)| (job, given::chunk(number)));
    let stored = [outcomes(1), outcomes(20), Vec::new()];
    for ((job, chunk), outcomes) in places.into_iter().zip(&stored) {
        assert_eq!(ports.store_outcomes(job, chunk, outcomes).await.unwrap(), Write::Done);
    }
    assert!(!ports.has_outcomes(other, given::chunk(11)).await.unwrap());
    for ((job, chunk), outcomes) in places.into_iter().zip(&stored) {
        assert!(ports.has_outcomes(job, chunk).await.unwrap());
        assert_eq!(&ports.read_outcomes(job, chunk).await.unwrap(), outcomes);
    }
}

pub async fn what_was_never_stored_cannot_be_read_however_often_it_is_attempted(
    ports: &impl ObjectStore,
) {
    let job = job_ref();
    assert!(!ports.has_outcomes(job, given::chunk(0)).await.unwrap());
    let plan = ports.read_plan(job, &given::upload(), Some(0..10)).await.unwrap_err();
    let outcomes = ports.read_outcomes(job, given::chunk(0)).await.unwrap_err();
    assert!(!plan.transient && !outcomes.transient, "{plan}, {outcomes}");
}

pub async fn the_first_outcomes_of_an_undo_count_beside_those_of_the_rows(
    ports: &impl ObjectStore,
) {
    let (job, chunk, rows) = (job_ref(), given::chunk(1), outcomes(1));
    let undone = |outcome| UndonePatient { patient: given::patient(), outcome };
    let first = [
        undone(UndoOutcome::Deleted),
        undone(UndoOutcome::Kept(KeptReason::ExistedBefore)),
        undone(UndoOutcome::Kept(KeptReason::ChangedByJob)),
        undone(UndoOutcome::Kept(KeptReason::ChangedByCall)),
        undone(UndoOutcome::Kept(KeptReason::NotDeleted)),
    ];
    assert!(!ports.read_undo(job, chunk).await.unwrap_err().transient);
    assert_eq!(ports.store_undo(job, chunk, &first).await.unwrap(), Write::Done);
    assert!(!ports.has_outcomes(job, chunk).await.unwrap(), "those are of rows");
    assert_eq!(ports.store_outcomes(job, chunk, &rows).await.unwrap(), Write::Done);
    assert_eq!(ports.store_undo(job, chunk, &first[..1]).await.unwrap(), Write::Conflict);
    assert_eq!(ports.read_undo(job, chunk).await.unwrap(), first);
    assert_eq!(ports.read_outcomes(job, chunk).await.unwrap(), rows);
}

contract!($ objects:
    a_plan_is_read_whole_and_in_ranges,
    a_plan_is_of_one_version_of_the_upload_and_the_first_one_counts,
    the_first_outcomes_of_a_chunk_count,
    the_first_outcomes_of_an_undo_count_beside_those_of_the_rows,
    of_outcomes_stored_at_the_same_time_one_counts,
    outcomes_are_of_one_chunk_of_one_job,
    what_was_never_stored_cannot_be_read_however_often_it_is_attempted,
);
