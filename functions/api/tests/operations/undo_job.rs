//! The undo of an import: which patients it deletes and keeps, and which imports it refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use bulk_api::operations::cancel_job::cancel_job;
use bulk_api::operations::delete_patient::delete_patient;
use bulk_api::operations::get_job::get_job;
use bulk_api::operations::undo_job::undo_job;
use bulk_api::{ApiError, IfMatch};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::job::undo::UndoRefusal;
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::record::Correction;
use bulk_domain::undo::{UndoStatus, UndoTally};
use bulk_memory::{Cloud, QueueName};
use bulk_pipeline::correct_patient::{PatientCorrection, correct_patient};
use bulk_pipeline::finalize::finalize;
use bulk_pipeline::messages::{FinishedMessage, UndoMessage};
use bulk_pipeline::ports::ResultFile;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::undo_chunk::undo_chunk;
use futures::executor::block_on;
use uuid::Uuid;

use crate::imports::Imports;

const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip,phone\n";

fn row(name: &str, phone: &str) -> String {
    format!("{name},King,1985-12-10,F,1 Main St,Boston,MA,02108,{phone}\n")
}

fn file(rows: &[(&str, &str)]) -> String {
    let rows: String = rows.iter().map(|(name, phone)| row(name, phone)).collect();
    format!("{HEADER}{rows}")
}

fn undo(imports: &Imports, job: JobId) -> Result<Job, ApiError> {
    block_on(undo_job(&imports.cloud, imports.customer, job))
}

/// Handles what an undo sends, each message twice.
fn work(imports: &Imports) {
    let cloud = &imports.cloud;
    let receive = |name| {
        let now = cloud.now();
        cloud.with_queues(|queues| {
            let received = queues.get(name).receive(now, 0)?;
            queues.get(name).delete(received.receipt);
            Some(received.body)
        })
    };
    while let Some(body) = receive(QueueName::UndoneChunks) {
        let message: UndoMessage = serde_json::from_str(&body).unwrap();
        for _ in 0..2 {
            block_on(undo_chunk(cloud, &message)).unwrap();
        }
    }
    while let Some(body) = receive(QueueName::Finished) {
        let message: FinishedMessage = serde_json::from_str(&body).unwrap();
        for _ in 0..2 {
            block_on(finalize(cloud, &message)).unwrap();
        }
    }
}

fn ids(imports: &Imports) -> BTreeMap<String, PatientId> {
    let patients = imports.patients().into_iter();
    patients
        .map(|patient| {
            let names = serde_json::to_value(&patient.first_name).unwrap();
            (names.as_str().unwrap_or_default().to_owned(), patient.id)
        })
        .collect()
}

fn detail(refused: Result<Job, ApiError>) -> String {
    match refused {
        Err(ApiError::Conflict(detail)) => detail.to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn created_patients_are_deleted_and_those_that_something_else_wrote_stay_with_the_reason() {
    let imports = Imports::new();
    imports.import(&file(&[("Old", "")]), &[]);
    let wrong = imports.import(
        &file(&[
            ("Old", "6175550100"),
            ("Ann", ""),
            ("Bea", ""),
            ("Cleo", ""),
            ("Cleo", "6175550101"),
        ]),
        &[],
    );
    imports.import(&file(&[("Ann", "6175550102"), ("Bea", ""), ("Dora", "")]), &[]);
    let (job, before) = (wrong.job.job.id, ids(&imports));
    let begun = undo(&imports, job).unwrap();
    assert_eq!(begun.undo.as_ref().unwrap().status(), UndoStatus::Processing);
    work(&imports);
    let left: Vec<String> = ids(&imports).into_keys().collect();
    assert_eq!(left, ["Ann", "Dora", "Old"], "Bea was not changed by the later import");

    let read = block_on(get_job(&imports.cloud, imports.customer, job)).unwrap();
    let undone = read.job.undo.unwrap();
    assert_eq!(undone.status(), UndoStatus::Completed);
    assert_eq!(undone.tally, UndoTally { deleted: 2, kept: 2 });
    assert_eq!((read.job.status, read.job.tally.created), (JobStatus::Completed, 3));
    assert!(read.kept.is_some() && read.result.is_some());
    let job_ref = bulk_pipeline::ports::JobRef { customer: imports.customer, job };
    let kept = imports.cloud.result(job_ref, ResultFile::Kept).unwrap();
    let kept = String::from_utf8(kept.to_vec()).unwrap();
    let expected = format!(
        "{},metriportId,status,reason\r\n{},{},kept,existed before\r\n{},{},kept,changed by a later job\r\n",
        HEADER.trim_end(),
        row("Old", "6175550100").trim_end(),
        before["Old"],
        row("Ann", "").trim_end(),
        before["Ann"],
    );
    assert_eq!(kept, expected);

    let again = undo(&imports, job).unwrap();
    assert_eq!(again.undo.unwrap(), undone, "a second call changes nothing");
    work(&imports);
    assert_eq!(imports.patients().len(), 3);
}

#[test]
fn a_corrected_patient_is_kept_in_the_item_of_its_new_identity() {
    let imports = Imports::new();
    let wrong = imports.import(&file(&[("Ann", ""), ("Bea", "")]), &[]);
    let id = ids(&imports)["Ann"];
    let ann = imports.patients().into_iter().find(|patient| patient.id == id).unwrap();
    let correction = Correction {
        first_name: "Annabel".parse().unwrap(),
        last_name: ann.last_name,
        dob: ann.dob,
        gender: ann.gender_at_birth,
        addresses: ann.address,
        contacts: ann.contact,
        ssn: None,
        drivers_license: None,
        external_id: None,
        hie_opt_out: None,
    };
    let key = Cloud::hash_key(imports.customer);
    let cloud = &imports.cloud;
    let corrected = correct_patient(cloud, imports.customer, &key, ann.id, &correction, |_| true);
    assert!(matches!(block_on(corrected).unwrap(), PatientCorrection::Done(_)));
    let job = wrong.job.job.id;
    undo(&imports, job).unwrap();
    work(&imports);
    assert_eq!(ids(&imports), [("Annabel".to_owned(), ann.id)].into());
    let undone = block_on(get_job(cloud, imports.customer, job)).unwrap().job.undo.unwrap();
    assert_eq!(undone.tally, UndoTally { deleted: 1, kept: 1 });
    let job_ref = bulk_pipeline::ports::JobRef { customer: imports.customer, job };
    let kept = cloud.result(job_ref, ResultFile::Kept).unwrap();
    let kept = String::from_utf8(kept.to_vec()).unwrap();
    assert!(kept.contains(&format!("{},kept,changed by a call", ann.id)), "{kept}");
}

#[test]
fn a_row_after_the_undo_creates_a_new_patient() {
    let imports = Imports::new();
    let first = imports.import(&file(&[("Ann", "")]), &[]);
    let before = ids(&imports)["Ann"];
    undo(&imports, first.job.job.id).unwrap();
    work(&imports);
    assert!(imports.patients().is_empty());
    imports.import(&file(&[("Ann", "")]), &[]);
    assert_ne!(ids(&imports)["Ann"], before);
}

#[test]
fn a_patient_that_a_call_deleted_counts_neither_as_deleted_nor_as_kept() {
    let imports = Imports::new();
    let first = imports.import(&file(&[("Ann", ""), ("Bea", "")]), &[]);
    block_on(delete_patient(
        &imports.cloud,
        imports.customer,
        ids(&imports)["Ann"],
        &IfMatch::any(),
    ))
    .unwrap();
    undo(&imports, first.job.job.id).unwrap();
    work(&imports);
    let read = block_on(get_job(&imports.cloud, imports.customer, first.job.job.id)).unwrap();
    assert_eq!(read.job.undo.unwrap().tally, UndoTally { deleted: 1, kept: 0 });
    assert_eq!(read.kept, None, "there is no file without a kept patient");
}

#[test]
fn an_import_is_refused_until_it_has_ended_and_if_it_has_created_nothing() {
    let imports = Imports::new();
    let (job, chunks) = imports.begin(file(&[("Ann", "")]).as_bytes(), &[]);
    assert_eq!(detail(undo(&imports, job)), UndoRefusal::NotEnded.text());
    imports.end(job, &chunks);
    assert!(undo(&imports, job).is_ok());

    let failed = imports.import("no,patient,list\n1,2,3\n", &[]);
    assert_eq!(failed.job.job.status, JobStatus::Failed);
    let refusal = detail(undo(&imports, failed.job.job.id));
    assert_eq!(refusal, UndoRefusal::NothingImported.text());

    let other = CustomerId::new(Uuid::from_u128(99));
    let foreign = block_on(undo_job(&imports.cloud, other, job));
    assert!(matches!(foreign, Err(ApiError::NotFound(_))));
    let unknown = undo(&imports, JobId::new(Uuid::from_u128(98)));
    assert!(matches!(unknown, Err(ApiError::NotFound(_))));
}

#[test]
fn a_dry_run_and_an_import_without_its_files_are_refused() {
    let imports = Imports::new();
    let stored = |dry_run: bool, number: u128| {
        let ended = imports.import(&file(&[("Ann", "")]), &[]).job.job;
        let job = Job { id: JobId::new(Uuid::from_u128(number)), dry_run, ..ended };
        block_on(imports.cloud.create_job(&job)).unwrap();
        detail(undo(&imports, job.id))
    };
    assert_eq!(stored(true, 51), UndoRefusal::DryRun.text());
    assert_eq!(stored(false, 52), UndoRefusal::TooOld.text());
}

#[test]
fn a_canceled_import_is_undone_once_no_worker_of_it_can_be_alive() {
    let imports = Imports::new();
    let rows = [("Ann", ""), ("Bea", ""), ("Cleo", ""), ("Dora", ""), ("Eve", "")];
    let (job, chunks) = imports.begin(file(&rows).as_bytes(), &[]);
    imports.end(job, &chunks[..1]);
    block_on(cancel_job(&imports.cloud, imports.customer, job)).unwrap();
    let ended = imports.end(job, &chunks);
    assert_eq!(ended.job.job.status, JobStatus::Failed);
    let created = imports.patients().len();
    assert!(created > 0);
    undo(&imports, job).unwrap();
    let chunk = chunks[1].chunk;
    let message = UndoMessage { customer: imports.customer, job, chunk };
    let early = block_on(undo_chunk(&imports.cloud, &message));
    assert!(early.is_err_and(|error| error.is_transient()), "its rows count as failed");
    imports.wait(Duration::from_mins(4));
    work(&imports);
    assert!(imports.patients().is_empty());
    let read = block_on(get_job(&imports.cloud, imports.customer, job)).unwrap();
    let tally = read.job.undo.unwrap().tally;
    assert_eq!((tally.deleted as usize, tally.kept), (created, 0));
    assert_eq!(read.job.reason.as_deref(), Some("canceled"));
}
