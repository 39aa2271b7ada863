//! Checks that a story had the outcome that it has to have.

mod counts;
mod outcome;
mod patients;
pub mod webhooks;

use bulk_domain::ids::RowNumber;
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::outcome::Tally;
use bulk_pipeline::ports::ResultFile;

use crate::check_audit::check_audit;
use crate::check_copies::{self, check_copies};
use crate::check_downloads::{self, check_downloads};
use crate::check_dry_runs::check_dry_runs;
use crate::check_external_ids;
use crate::check_queries::{self, check_queries, check_who_is_queried};
use crate::check_undos::{self, check_undos};
use crate::header::WIDTH;
use crate::people::PEOPLE;
use crate::rows::{Ids, Row};
use crate::run::{Import, Played};
use crate::story::File;
use counts::{check_tally, effects};
pub use outcome::{Outcome, ResultRow};
pub use patients::{Step, Told, deleted_of, histories, orders, rows_about, stored_patients};
use patients::{check_patients, check_rosters, differs, patients_differ, patients_of};
use webhooks::check_webhooks;

const CANCELED: &str = "canceled";
const OTHER_PATIENT: &str = "warning: externalId: another patient has it";
const REPLACED: &str = "replaced another number";
const INTERNAL: &str = "internal error, try this row again";

/// Checks everything that the service promises. Panics at the first broken promise.
pub fn check(played: &Played) {
    check_states(played);
    check_webhooks(played);
    check_audit(played);
    for (index, customer) in played.story.customers.iter().enumerate() {
        let outcomes = outcomes(played, index);
        let has_earlier = index == 0 && played.story.earlier.is_some();
        check_patients(played, index, &outcomes, has_earlier);
        check_who_is_queried(played, index, &outcomes, has_earlier);
        check_rosters(played, index);
        check_external_ids::check_entries(played, index);
        check_external_ids::check_warnings(played, index, &outcomes, has_earlier);
        check_dry_runs(played, &customer.ids, &outcomes, has_earlier);
    }
    check_queries(played);
    check_copies(played);
    check_downloads(played);
    check_undos(played);
}

/// Checks everything but what the patients are. Returns the outcomes of the first customer's jobs.
pub fn check_all_but_patients(played: &Played) -> Vec<Outcome<'_>> {
    check_states(played);
    check_webhooks(played);
    check_audit(played);
    for index in 0..played.story.customers.len() {
        check_rosters(played, index);
        check_external_ids::check_entries(played, index);
    }
    outcomes(played, 0)
}

/// Checks the files of a customer's jobs. Returns their outcomes, oldest first.
fn outcomes(played: &Played, customer: usize) -> Vec<Outcome<'_>> {
    let customer = &played.story.customers[customer];
    let mut imports: Vec<&Import> =
        played.imports.iter().filter(|import| import.job.customer == customer.id).collect();
    imports.sort_by_key(|import| import.job.job);
    let with_rows = (0..).zip(&imports).filter_map(|(age, import)| {
        let rows = check_job(played, import, &customer.ids)?;
        Some(Outcome::of(played, age, import, rows))
    });
    with_rows.collect()
}

/// Returns what happened in a story and how often, to show that the stories cover every case.
pub fn statistics(played: &Played) -> Vec<(String, u64)> {
    let mut seen =
        vec![("steps".to_owned(), played.steps), ("crashes".to_owned(), played.crashes.into())];
    seen.extend(check_copies::statistics(played));
    seen.extend(check_downloads::statistics(played));
    for job in played.cloud.jobs() {
        let how = match (&job.reason, job.may_overtake) {
            (Some(reason), _) if reason == CANCELED => ", canceled",
            (_, true) => ", with an older one open",
            _ => "",
        };
        let was_expired =
            played.cloud.transitions().iter().any(|transition| {
                transition.job == job.id && transition.from == JobStatus::Expired
            });
        if was_expired {
            seen.push((format!("jobs {} that had expired", job.status), 1));
        }
        seen.push((format!("jobs {}{how}", job.status), 1));
    }
    for import in &played.imports {
        let told = played.story.plans[import.plan].told;
        let failures = import.versions.iter().filter_map(|(_, file)| file.failure(told));
        seen.extend(failures.map(|failure| (format!("files that fail: {failure}"), 1)));
    }
    let results =
        played.imports.iter().filter_map(|import| read_results(played, import, ResultFile::Result));
    for row in results.flatten() {
        let why = if row.was_left() { format!(": {}", row.reason) } else { String::new() };
        seen.push((format!("rows {}{why}", row.status), 1));
    }
    for job in played.cloud.jobs() {
        let what = if job.dry_run { "rows of dry runs" } else { "rows" };
        let Tally { created, updated, unchanged, .. } = job.tally;
        for (effect, count) in
            [("created", created), ("updated", updated), ("unchanged", unchanged)]
        {
            seen.push((format!("{what} {effect}"), count.into()));
        }
    }
    seen.extend(check_queries::statistics(played));
    seen.extend(check_undos::statistics(played));
    seen.push(("patients deleted by calls".to_owned(), played.deleted.len() as u64));
    seen.push(("webhook requests".to_owned(), played.cloud.received().len() as u64));
    seen.push(("answered pings".to_owned(), played.cloud.answered_pings().len() as u64));
    seen
}

/// Checks that every job has ended, that its transitions form a chain, and that no final status
/// changed.
fn check_states(played: &Played) {
    for job in played.cloud.jobs() {
        let has_ended = job.status.is_final() || job.status == JobStatus::Expired;
        assert!(has_ended, "job {} is {} for ever", job.id, job.status);
        assert!(
            job.pending_chunks.is_empty() || job.status == JobStatus::Failed,
            "chunks left pending"
        );
        let mut status = JobStatus::Waiting;
        for transition in
            played.cloud.transitions().iter().filter(|transition| transition.job == job.id)
        {
            assert_eq!(transition.from, status);
            assert!(!status.is_final(), "a final state changed");
            status = transition.to;
        }
        assert_eq!(status, job.status);
    }
}

/// Checks a job and its files. Returns the rows of a job that accepted a file, each with its
/// result.
fn check_job<'a>(
    played: &Played,
    import: &'a Import,
    ids: &Ids,
) -> Option<Vec<(&'a Row, ResultRow)>> {
    let job = played.cloud.jobs().into_iter().find(|job| job.id == import.job.job).unwrap();
    let Some(accepted) = &job.file else {
        check_job_without_file(played, &job, import);
        return None;
    };
    let (_, file) = import
        .versions
        .iter()
        .find(|(version, _)| version.version == accepted.upload.version)
        .expect("a job is bound to an upload that was made");
    let told = played.story.plans[import.plan].told;
    assert_eq!(file.failure(told), None, "a file that cannot be imported was accepted");
    assert_eq!(job.total() as usize, file.rows.len());
    let rows = check_rows(played, &job, file, ids);
    let all: Vec<ResultRow> = rows.iter().map(|(_, result)| result.clone()).collect();
    let failed: Vec<ResultRow> = all.iter().filter(|row| row.status == "failed").cloned().collect();
    check_tally(&job, &all);
    let columns = accepted.columns.report().into_iter();
    let columns = columns.map(|cell| (cell.header, cell.column.map(|column| column.to_string())));
    let header = file.writing.header;
    let expected = header.cells().into_iter().zip(header.columns(told.mappings()).unwrap());
    let expected = expected.map(|(text, column)| (text.to_owned(), column.map(str::to_owned)));
    assert!(columns.eq(expected), "the report of columns");
    match read_results(played, import, ResultFile::Failures) {
        Some(failures) => assert_eq!(failures, failed, "the failed-rows file"),
        None => assert!(failed.is_empty(), "no failed-rows file"),
    }
    assert!(
        !(import.was_canceled && job.status == JobStatus::Completed),
        "a request to cancel was answered with success, and the job completed"
    );
    if job.status == JobStatus::Failed {
        assert!(import.was_canceled && job.reason.as_deref() == Some(CANCELED), "{:?}", job.reason);
    } else {
        assert!(all.iter().all(|row| row.reason != CANCELED), "a completed job with canceled rows");
    }
    let is_poisoned = played.story.is_poisoned;
    assert!(
        is_poisoned || all.iter().all(|row| row.reason != INTERNAL),
        "a row was abandoned needlessly"
    );
    Some(rows)
}

fn check_job_without_file(played: &Played, job: &Job, import: &Import) {
    match job.status {
        JobStatus::Expired => {
            assert!(import.versions.is_empty(), "an upload that S3 accepted was dropped");
            assert!(!import.was_canceled, "a canceled job expired");
        }
        JobStatus::Failed if job.reason.as_deref() == Some(CANCELED) => {
            assert!(import.was_canceled);
        }
        JobStatus::Failed => {
            let told = played.story.plans[import.plan].told;
            let reason = job.reason.as_deref().unwrap().to_lowercase();
            let mut failures = import.versions.iter().filter_map(|(_, file)| file.failure(told));
            assert!(
                failures.any(|failure| reason.contains(&failure.to_lowercase())),
                "{reason:?} is wrong with no upload"
            );
        }
        status => panic!("a job without a file is {status}"),
    }
}

/// Checks that the result has every row of the file once, in order and unchanged, with the outcome
/// that the row requires. Returns the rows with their results.
fn check_rows<'a>(
    played: &Played,
    job: &Job,
    file: &'a File,
    ids: &Ids,
) -> Vec<(&'a Row, ResultRow)> {
    let import = played.imports.iter().find(|import| import.job.job == job.id).unwrap();
    let mut results =
        read_results(played, import, ResultFile::Result).expect("a job that ran has a result");
    assert_eq!(results.len(), file.rows.len(), "rows in the result");
    let effects = effects(played, job);
    for (number, result) in (1..).zip(&mut results) {
        result.effect = effects.get(&RowNumber::new(number)).copied();
        assert_eq!(result.effect.is_some(), result.status == "succeeded", "row {number}");
    }
    for (number, (row, result)) in (1..).zip(file.rows.iter().zip(&results)) {
        assert_eq!(
            result.cells,
            file.writing.cells_in_result(row, ids, number),
            "the cells of row {number}"
        );
        match row.flaw {
            _ if result.was_left() => {
                assert_eq!((result.status.as_str(), result.id.as_str()), ("failed", ""));
            }
            Some(flaw) => assert_eq!(
                (result.status.as_str(), result.reason.as_str(), result.id.as_str()),
                ("failed", flaw.reason(), "")
            ),
            None => {
                assert_eq!(result.status, "succeeded");
                let (said, of_row) = (result.reason.as_str(), row.warnings());
                assert!(said.starts_with(&of_row), "{said}");
                assert!(job.dry_run || !result.id.is_empty(), "the id of row {number}");
            }
        }
    }
    file.rows.iter().zip(results).collect()
}

fn read_results(played: &Played, import: &Import, kind: ResultFile) -> Option<Vec<ResultRow>> {
    let bytes = played.cloud.result(import.job, kind)?;
    let file = accepted_file(played, import)?;
    let mut rows = file.writing.read_result(&bytes).into_iter();
    let header = file.writing.header.cells().into_iter().chain(["metriportId", "status", "reason"]);
    assert!(rows.next().unwrap().into_iter().eq(header), "the header of the result");
    let read = |mut cells: Vec<String>| {
        let added: Vec<String> = cells.drain(WIDTH..WIDTH + 3).collect();
        let [id, status, reason] = added.try_into().unwrap();
        ResultRow { cells, id, status, reason, effect: None }
    };
    Some(rows.map(read).collect())
}

/// Imports the file of a customer's only job a second time, without faults. Checks that the second
/// job completes all abandoned rows, and that it writes nothing if the file changes nothing.
pub fn check_second_upload(played: &mut Played) {
    let customer = played.story.customers.len() - 1;
    let who = played.story.customers[customer].clone();
    let of_customer: Vec<usize> = (0..played.imports.len())
        .filter(|&index| played.imports[index].job.customer == who.id)
        .collect();
    let [first] = of_customer[..] else { return };
    let Some(file) = accepted_file(played, &played.imports[first]) else { return };
    let before = played.cloud.patient_writes();
    played.import_once_more(customer, file);
    let written = played.cloud.patient_writes() - before;
    check_states(played);
    check_webhooks(played);
    check_queries(played);

    check_rosters(played, customer);
    check_external_ids::check_entries(played, customer);
    let first = &played.imports[first];
    let outcome = |age, import| {
        let rows = check_job(played, import, &who.ids).unwrap();
        Outcome::of(played, age, import, rows)
    };
    let (once, twice) = (outcome(0, first), outcome(1, played.imports.last().unwrap()));
    assert!(twice.rows.iter().all(|(_, result)| !result.was_left()));
    let both = [once, twice];
    check_who_is_queried(played, customer, &both, true);
    let [once, twice] = both;
    if once.is_dry_run {
        return check_patients(played, customer, &[twice], false);
    }
    let stored = stored_patients(played, customer);
    let mut changes = 0;
    for person in 0..PEOPLE.len() {
        let patients = stored.get(&person).cloned().unwrap_or_default();
        let deleted = deleted_of(played, person, &[&once]);
        let is_undone = |id: &str| id.parse().is_ok_and(|id| played.undone.contains_key(&id));
        changes += deleted.len() + usize::from(once.ids(person).into_iter().any(is_undone));
        if once.left(person) && !deleted.is_empty() {
            continue;
        }
        if once.left(person) {
            // The first job may have stored this person or not. If several patients share the
            // identity, it may have stored some of them, and the reference cannot tell which.
            let alone = patients_differ(&who.ids, person, &[Step::Job(&twice)], &patients, false);
            let is_told_apart = patients_of(&who.ids, person, &twice) < 2;
            assert!(
                !is_told_apart || alone.is_none(),
                "person {person} after the second upload: {alone:?}"
            );
            changes += 1;
            continue;
        }
        let firsts = histories(&[&once], &deleted);
        let differences: Option<Vec<String>> = firsts
            .iter()
            .map(|first| {
                let both = [&first[..], &[Step::Job(&twice)]].concat();
                differs(&who.ids, person, &both, &patients, true)
            })
            .collect();
        if let Some(differences) = differences {
            panic!("person {person} after the second upload:\n{}", differences.join("\n"));
        }
        let is_same =
            |first: &Vec<Step<'_, '_>>| differs(&who.ids, person, first, &patients, true).is_none();
        changes += usize::from(!firsts.iter().any(is_same));
        changes += usize::from(once.ids(person) != twice.ids(person));
    }
    // Where several patients share an identity, the item remembers which of them a row is about.
    let shared = stored.values().filter(|patients| patients.len() > 1).count();
    assert!(
        changes > 0 || written <= shared as u64,
        "{written} items written for a file that changes nothing"
    );
}

/// Returns the file that a job accepted.
pub fn accepted_file(played: &Played, import: &Import) -> Option<File> {
    let job = played.cloud.jobs().into_iter().find(|job| job.id == import.job.job)?;
    let version = job.file?.upload.version;
    import.versions.iter().find(|(known, _)| known.version == version).map(|(_, file)| file.clone())
}
