//! Checks the undos of a story: each ends, its counts are those of its patients, and every patient
//! that its job created or updated is deleted or kept for the right reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulk_domain::ids::PatientId;
use bulk_domain::job::Job;
use bulk_domain::outcome::{RowEffect, RowResult};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::record::PatientRecord;
use bulk_domain::undo::{KeptReason, Undo, UndoOutcome, UndoTally, UndonePatient};
use bulk_memory::NoFaults;
use bulk_pipeline::ports::{ObjectStore as _, ResultFile};
use futures::executor::block_on;

use crate::header::WIDTH;
use crate::run::{Change, Import, Played};

/// Checks every undo of a story.
pub fn check_undos(played: &Played) {
    for import in &played.imports {
        let job = played.cloud.jobs().into_iter().find(|job| job.id == import.job.job).unwrap();
        if let Some(undo) = &job.undo {
            check_undo(played, import, &job, undo);
        } else {
            assert!(!import.was_undone, "an undo was accepted and forgotten");
        }
    }
}

fn check_undo(played: &Played, import: &Import, job: &Job, undo: &Undo) {
    assert!(undo.finished_at.is_some(), "the undo of job {} never ends", job.id);
    let patients = undone_patients(played, job);
    let by_id: BTreeMap<PatientId, UndoOutcome> =
        patients.iter().map(|undone| (undone.patient, undone.outcome)).collect();
    // Two chunks have rows about a patient if a call corrected it in between.
    let is_corrected = |patient| played.call.as_ref().is_some_and(|made| made.patient == patient);
    let decided = patients.iter().filter(|undone| !is_corrected(undone.patient)).count();
    let distinct = by_id.keys().filter(|patient| !is_corrected(**patient)).count();
    assert_eq!(distinct, decided, "a patient is decided twice");
    let once: Vec<UndonePatient> = by_id
        .iter()
        .map(|(id, outcome)| UndonePatient { patient: *id, outcome: *outcome })
        .collect();
    assert_eq!(undo.tally, UndoTally::of(&once), "the counts of the undo of {}", job.id);
    check_call(played, &by_id);

    let kept: BTreeMap<PatientId, KeptReason> = by_id
        .iter()
        .filter_map(|(patient, outcome)| match outcome {
            UndoOutcome::Kept(reason) => Some((*patient, *reason)),
            UndoOutcome::Deleted => None,
        })
        .collect();
    let marked: BTreeSet<PatientId> = played
        .undone
        .iter()
        .filter(|(_, by)| **by == job.id)
        .map(|(patient, _)| *patient)
        .collect();
    for (patient, outcome) in &by_id {
        assert!(*outcome != UndoOutcome::Deleted || marked.contains(patient), "not deleted");
    }
    for patient in &marked {
        // A worker may delete a patient while it is abandoned.
        let is_abandoned = kept.get(patient) == Some(&KeptReason::NotDeleted);
        let is_counted = by_id.get(patient) == Some(&UndoOutcome::Deleted);
        assert!(is_counted || is_abandoned, "a patient was deleted and not counted");
    }
    for patient in changed_by_rows(played, job) {
        // A call may have deleted it before, or the undo of the job that created it, unless this
        // job has left a change.
        let is_gone = played.deleted.contains(&patient)
            || played.undone.get(&patient).is_some_and(|by| *by != job.id);
        let is_decided = by_id.contains_key(&patient) || is_gone;
        assert!(
            is_decided,
            "the undo of {} says nothing about {patient}: {:?}",
            job.id,
            played.undone.get(&patient)
        );
    }
    let stored: BTreeMap<PatientId, PatientRecord> = played
        .cloud
        .patients(job.customer)
        .unwrap()
        .into_iter()
        .map(|record| (record.patient.id, record))
        .collect();
    for (patient, reason) in &kept {
        match stored.get(patient) {
            Some(record) => check_reason(job, record, *reason),
            None => assert!(played.is_deleted(*patient), "a kept patient is gone"),
        }
    }
    for (patient, record) in &stored {
        let is_unchanged = (record.created_by, record.changed_by) == (job.id, job.id);
        let is_unchanged = is_unchanged && record.called_by.is_none();
        let is_abandoned = kept.get(patient) == Some(&KeptReason::NotDeleted);
        assert!(!is_unchanged || is_abandoned, "a patient of the undone job {} is left", job.id);
    }
    check_file(played, import, undo, &kept);
}

/// Checks that the undo keeps a patient for a call that was made, and deletes none that a call has
/// corrected.
fn check_call(played: &Played, by_id: &BTreeMap<PatientId, UndoOutcome>) {
    for (patient, outcome) in by_id {
        let made = played.call.as_ref().filter(|made| made.patient == *patient);
        let is_kept = *outcome == UndoOutcome::Kept(KeptReason::ChangedByCall);
        assert!(!is_kept || made.is_some(), "kept for a call that no client made");
        let is_corrected = made
            .is_some_and(|made| made.was_answered && matches!(made.change, Change::Correction(_)));
        assert!(
            !is_corrected || *outcome != UndoOutcome::Deleted,
            "a corrected patient is deleted"
        );
    }
}

fn check_reason(job: &Job, record: &PatientRecord, reason: KeptReason) {
    let (created_by, changed_by) = (record.created_by, record.changed_by);
    let is_right = match reason {
        KeptReason::ExistedBefore => created_by != job.id,
        KeptReason::ChangedByJob => created_by == job.id && changed_by != job.id,
        KeptReason::ChangedByCall => created_by == job.id && record.called_by.is_some(),
        // Another job may change the patient later.
        KeptReason::NotDeleted => created_by == job.id,
    };
    assert!(is_right, "{reason}: created by {created_by}, changed by {changed_by:?}");
}

/// Checks that the file of kept patients names each of them once, with its reason.
fn check_file(
    played: &Played,
    import: &Import,
    undo: &Undo,
    kept: &BTreeMap<PatientId, KeptReason>,
) {
    assert_eq!(undo.has_kept_file, !kept.is_empty(), "the file of kept patients");
    if !undo.has_kept_file {
        return;
    }
    let bytes = played.cloud.result(import.job, ResultFile::Kept).expect("a file of kept patients");
    let accepted = crate::check::accepted_file(played, import).unwrap();
    let rows = accepted.writing.read_result(&bytes);
    let listed: Vec<[String; 3]> = rows[1..]
        .iter()
        .map(|cells| cells[WIDTH..WIDTH + 3].to_vec().try_into().unwrap())
        .collect();
    let expected: BTreeSet<[String; 3]> = kept
        .iter()
        .map(|(patient, reason)| [patient.to_string(), "kept".to_owned(), reason.to_string()])
        .collect();
    assert_eq!(listed.len(), expected.len(), "a kept patient is listed twice");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

/// Returns what the undo of a job did with each patient.
pub fn undone_patients(played: &Played, job: &Job) -> Vec<UndonePatient> {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    let chunks = job.file.as_ref().map_or(0, |file| file.chunks);
    let of_chunk = |chunk| block_on(cloud.read_undo(job.into(), chunk)).expect("a decided chunk");
    (0..chunks).map(ChunkNumber::new).flat_map(of_chunk).collect()
}

/// Returns the patients that the rows of a job created or updated, by their outcomes.
fn changed_by_rows(played: &Played, job: &Job) -> BTreeSet<PatientId> {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    let chunks = job.file.as_ref().map_or(0, |file| file.chunks);
    let outcomes = (0..chunks)
        .map(ChunkNumber::new)
        .flat_map(|chunk| block_on(cloud.read_outcomes(job.into(), chunk)).unwrap());
    let changed = |result| match result {
        RowResult::Succeeded { patient, effect } if effect != RowEffect::Unchanged => patient,
        RowResult::Succeeded { .. } | RowResult::Failed(_) => None,
    };
    outcomes.filter_map(|outcome| changed(outcome.result)).collect()
}

/// Returns what happened in the undos of a story and how often.
pub fn statistics(played: &Played) -> Vec<(String, u64)> {
    let mut seen = Vec::new();
    for job in played.cloud.jobs().iter().filter(|job| job.undo.is_some()) {
        seen.push((format!("undos of {} jobs", job.status), 1));
        let undone = undone_patients(played, job);
        let distinct: BTreeSet<PatientId> = undone.iter().map(|undone| undone.patient).collect();
        let twice = undone.len() - distinct.len();
        seen.push(("patients of undone jobs in two chunks".to_owned(), twice as u64));
        for undone in undone {
            let what = match undone.outcome {
                UndoOutcome::Deleted => "deleted".to_owned(),
                UndoOutcome::Kept(reason) => format!("kept: {reason}"),
            };
            seen.push((format!("patients of undone jobs {what}"), 1));
        }
    }
    seen
}
