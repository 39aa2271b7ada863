//! `bulk-admin deletions replay`: deletes patients again that a restored table has brought back.
//!
//! Point-in-time recovery returns a table as it was, and with it the patients that were deleted
//! after that time. The audit trail is no table, and no restore takes its events back. It has an
//! event of each call that deletes a patient and of each chunk that an undo deletes, which is
//! stored before the patients are deleted. A call that was refused has deleted nothing, which its
//! second event says. No other patient ever gets the id of a deleted one. So every such event can
//! be applied again, in any order and as often as necessary. What an undo has deleted is deleted
//! again only if the undo would still do so.

use std::collections::{BTreeMap, BTreeSet};

use bulk_aws::{AuditLog, AwsPorts, Connection, System};
use bulk_domain::audit::{Action, Actor, AuditEvent, ImportStep, Outcome, Phase};
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::time::Timestamp;
use bulk_domain::undo::KeptReason;
use bulk_pipeline::delete_patient::delete_patient;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::Output;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::audit::Recorder;
use crate::bar::Bar;
use crate::commands::ReplayArguments;
use crate::failed;

/// The call that deletes a patient, as its events name it.
const DELETE_CALL: &str = "DELETE /medical/v1/patient/{id}";
/// The command that deletes a customer, as its events name it.
const DELETE_COMMAND: &str = "customer delete";
/// The step of an undo that deletes patients, as its events name it.
const UNDO_STEP: &str = "undo-chunk";

/// Patients that one event names, and that are deleted before the next event is stored.
const PATIENTS_PER_EVENT: usize = 100;
/// Patients that are deleted at the same time: a few, because nothing waits for this command.
const CONCURRENT_DELETIONS: usize = 10;

/// What was deleted in a time, by the audit trail.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Deletions {
    /// The patients that calls were about to delete, by API Gateway's ids of the calls. A call
    /// without an id has its place among those without.
    calls: BTreeMap<(Option<String>, usize), (CustomerId, BTreeSet<PatientId>)>,
    /// The patients that undos were about to delete, each with its job.
    undone: BTreeMap<(CustomerId, PatientId), JobId>,
    customers: BTreeSet<CustomerId>,
}

/// What became of the deletions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Replayed {
    /// The patients that were there again.
    came_back: u64,
    /// The patients that were not there.
    absent: u64,
    /// The patients of undone imports that are there, and that an undo keeps as they are now.
    kept: u64,
}

/// Deletes what was deleted since a time and is there again.
pub async fn replay(
    arguments: ReplayArguments,
    connection: &Connection,
    directory: String,
    log: &AuditLog,
    recorder: &Recorder,
    output: Output,
) -> anyhow::Result<()> {
    let ReplayArguments { since, dry_run, resources } = arguments;
    let since = System.now().minus(since);
    let deletions = Deletions::read(log, since).await?;
    let ports = AwsPorts::of_operator(connection, resources.names(directory), log.clone());
    let customers = ports.directory().list_customers().await.map_err(failed)?;
    let known: BTreeSet<CustomerId> = customers.into_iter().map(|customer| customer.id).collect();
    let bar = Bar::new("patients", output);
    let (mut replayed, mut gone) = (Replayed::default(), BTreeSet::new());
    for (customer, patients) in &deletions.patients() {
        if !known.contains(customer) {
            gone.insert(*customer);
            continue;
        }
        let key = ports.directory().load_hash_key(*customer).await.map_err(failed)?;
        let patients: Vec<(PatientId, Option<JobId>)> =
            patients.iter().map(|(patient, job)| (*patient, *job)).collect();
        for page in patients.chunks(PATIENTS_PER_EVENT) {
            let to_delete = without_kept(&ports, *customer, page).await?;
            let came_back = if dry_run || to_delete.is_empty() {
                count(&ports, *customer, &to_delete).await?
            } else {
                recorder.before(*customer, &to_delete).await?;
                delete_again(&ports, *customer, &key, &to_delete).await?
            };
            replayed.came_back += came_back;
            replayed.absent += to_delete.len() as u64 - came_back;
            replayed.kept += (page.len() - to_delete.len()) as u64;
            bar.tell(replayed.came_back + replayed.absent + replayed.kept);
        }
    }
    bar.end();
    report(replayed, &deletions.customers, &gone, since, dry_run, output)
}

impl Deletions {
    async fn read(log: &AuditLog, since: Timestamp) -> anyhow::Result<Self> {
        let mut deletions = Self::default();
        for text in [DELETE_CALL, DELETE_COMMAND, UNDO_STEP].map(str::to_owned) {
            let read =
                log.read(since, std::slice::from_ref(&text), |stored| deletions.add(&stored.event));
            read.await.map_err(failed)?;
        }
        Ok(deletions)
    }

    /// Adds what an event deletes, if it deletes something. The event from before the deletion
    /// counts, because the one after it is missing if its function died.
    fn add(&mut self, event: &AuditEvent) {
        let Some(customer) = event.customer else { return };
        let AuditEvent { phase, action, actor, objects, outcome, .. } = event;
        match (action, phase) {
            (Action::Call(call), Phase::Begun) if call == DELETE_CALL => {
                let call_id = call_id(actor);
                let place = if call_id.is_some() { 0 } else { self.calls.len() };
                self.calls.insert((call_id, place), (customer, objects.patients.clone()));
            }
            (Action::Call(call), Phase::Ended) if call == DELETE_CALL => {
                if let (Some(Outcome::Status(400..=499)), id @ Some(_)) = (outcome, call_id(actor))
                {
                    self.calls.remove(&(id, 0));
                }
            }
            (Action::Import(ImportStep::UndoChunk), Phase::Begun) => {
                let Some(job) = objects.jobs.first() else { return };
                let undone = objects.patients.iter().map(|patient| ((customer, *patient), *job));
                self.undone.extend(undone);
            }
            (Action::Command(command), Phase::Begun) if command == DELETE_COMMAND => {
                self.customers.insert(customer);
            }
            _ => {}
        }
    }

    /// Returns the patients, each with the job whose undo has deleted it. Without one if a call
    /// has.
    fn patients(&self) -> BTreeMap<CustomerId, BTreeMap<PatientId, Option<JobId>>> {
        let mut all: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((customer, patient), job) in &self.undone {
            all.entry(*customer).or_default().insert(*patient, Some(*job));
        }
        for (customer, patients) in self.calls.values() {
            let patients = patients.iter().map(|patient| (*patient, None));
            all.entry(*customer).or_default().extend(patients);
        }
        all
    }
}

/// Returns API Gateway's id of a call.
fn call_id(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Caller { call_id, .. } => call_id.clone(),
        Actor::Service | Actor::Operator { .. } => None,
    }
}

/// Returns the patients without those that an undo keeps as they are stored now.
async fn without_kept<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patients: &[(PatientId, Option<JobId>)],
) -> anyhow::Result<Vec<PatientId>> {
    let undone: Vec<PatientId> =
        patients.iter().filter_map(|(patient, job)| job.map(|_| *patient)).collect();
    let found = ports.patients().load_patients(customer, &undone).await.map_err(failed)?;
    let is_kept = |patient: &PatientId, job: &Option<JobId>| {
        let record = found.get(patient).zip(*job);
        record.is_some_and(|(record, job)| KeptReason::of(record, job).is_some())
    };
    let others = patients.iter().filter(|(patient, job)| !is_kept(patient, job));
    Ok(others.map(|(patient, _)| *patient).collect())
}

/// Returns how many of these patients are there.
async fn count<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patients: &[PatientId],
) -> anyhow::Result<u64> {
    let found = ports.patients().load_patients(customer, patients).await.map_err(failed)?;
    Ok(found.len() as u64)
}

/// Deletes these patients, and returns how many were there.
async fn delete_again<P: Ports>(
    ports: &P,
    customer: CustomerId,
    key: &HashKey,
    patients: &[PatientId],
) -> anyhow::Result<u64> {
    let deleted: Vec<bool> = stream::iter(patients.to_vec())
        .map(|patient| delete_patient(ports, customer, key, patient))
        .buffer_unordered(CONCURRENT_DELETIONS)
        .try_collect()
        .await?;
    Ok(deleted.into_iter().map(u64::from).sum())
}

fn report(
    replayed: Replayed,
    customers: &BTreeSet<CustomerId>,
    gone: &BTreeSet<CustomerId>,
    since: Timestamp,
    dry_run: bool,
    output: Output,
) -> anyhow::Result<()> {
    let Replayed { came_back, absent, kept } = replayed;
    if output.json {
        return output.value(&json!({
            "since": since, "dryRun": dry_run, "cameBack": came_back, "absent": absent, "kept": kept,
            "unknownCustomers": gone, "deletedCustomers": customers,
        }));
    }
    let done = if dry_run { "are there again" } else { "were there again, and are deleted" };
    output
        .line(format_args!("Of the patients that calls and undos have deleted since {since}:"))?;
    output.line(format_args!("  {came_back} {done}"))?;
    output.line(format_args!("  {absent} are not there"))?;
    if kept > 0 {
        output.line(format_args!("  {kept} are there and kept, as an undo would keep them now"))?;
    }
    for customer in gone {
        output.warn(format_args!("customer {customer} is not in the directory: not looked at"));
    }
    for customer in customers {
        output.note(format_args!(
            "customer {customer} was deleted: run bulk-admin customer delete {customer} again"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {

    use bulk_domain::hash_key::Bucket;
    use bulk_domain::ids::JobId;

    use bulk_domain::row::Directory;
    use bulk_memory::Cloud;
    use bulk_pipeline::ports::{WebhookSettings, Write};
    use serde_json::{Value, json};

    use super::*;

    const CUSTOMER: &str = "0199ac1e-0000-7000-8000-000000000001";
    const PATIENT: &str = "6496bec1-d4cd-879b-9f0b-e62698adc474";

    fn event(phase: &str, action: &Value, customer: Option<&str>) -> AuditEvent {
        serde_json::from_value(json!({
            "time": "2027-01-15T08:00:00.000Z", "phase": phase, "action": action,
            "customer": customer, "actor": "caller", "callId": "call-1", "patients": [PATIENT],
        }))
        .unwrap()
    }

    fn ended(status: u16) -> AuditEvent {
        let event = event("ended", &json!({"call": DELETE_CALL}), Some(CUSTOMER));
        AuditEvent { outcome: Some(Outcome::Status(status)), ..event }
    }

    /// Returns for each patient the job whose undo has deleted it.
    fn undone_by(deletions: &Deletions) -> Vec<Option<JobId>> {
        deletions.patients().into_values().flat_map(BTreeMap::into_values).collect()
    }

    #[test]
    fn deletions_are_applied_and_no_other_calls() {
        let mut deletions = Deletions::default();
        let put = json!({"call": "PUT /medical/v1/patient/{id}"});
        deletions.add(&event("begun", &put, Some(CUSTOMER)));
        deletions.add(&event("begun", &json!({"call": DELETE_CALL}), None));
        deletions.add(&ended(204));
        assert_eq!(deletions, Deletions::default());
        deletions.add(&event("begun", &json!({"call": DELETE_CALL}), Some(CUSTOMER)));
        deletions.add(&event("begun", &json!({"command": DELETE_COMMAND}), Some(CUSTOMER)));
        assert_eq!(undone_by(&deletions), [None]);
        assert_eq!(deletions.customers, BTreeSet::from([CUSTOMER.parse().unwrap()]));
    }

    #[test]
    fn a_call_that_was_refused_has_deleted_nothing_and_one_that_failed_may_have() {
        for (status, deleted) in
            [(204, true), (404, false), (412, false), (429, false), (500, true), (503, true)]
        {
            let mut deletions = Deletions::default();
            deletions.add(&event("begun", &json!({"call": DELETE_CALL}), Some(CUSTOMER)));
            deletions.add(&ended(status));
            assert_eq!(undone_by(&deletions).len(), usize::from(deleted), "{status}");
        }
    }

    #[test]
    fn undone_patients_are_named_with_their_job_unless_a_call_deleted_them() {
        const JOB: &str = "0199ac1e-0000-7000-8000-000000000002";
        let mut undone = event("begun", &json!({"import": UNDO_STEP}), Some(CUSTOMER));
        assert_eq!(undone.action, Action::Import(ImportStep::UndoChunk));
        undone.objects.jobs.insert(JOB.parse().unwrap());
        let mut deletions = Deletions::default();
        deletions.add(&undone);
        assert_eq!(undone_by(&deletions), [Some(JOB.parse().unwrap())]);
        deletions.add(&event("begun", &json!({"call": DELETE_CALL}), Some(CUSTOMER)));
        deletions.add(&undone);
        assert_eq!(undone_by(&deletions), [None]);
    }

    #[test]
    fn the_api_has_the_call_that_is_looked_for() {
        let openapi: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
        let (method, path) = DELETE_CALL.split_once(' ').unwrap();
        assert!(openapi["paths"][path][method.to_lowercase()].is_object());
    }

    #[tokio::test]
    async fn a_patient_that_a_restore_brought_back_is_deleted_again_with_all_that_belongs_to_it() {
        let cloud = Cloud::calm();
        let customer = CUSTOMER.parse().unwrap();
        cloud.set_customer(customer, Directory::default(), WebhookSettings::default());
        let (now, row) = (cloud.now(), json!({"externalId": "A"}));
        let job = JobId::first_at(now);
        let patient = cloud.add_row(customer, job, &row).await.unwrap();
        // An undo of this job deletes the patient, and one of another job keeps it.
        let other = JobId::first_at(now.plus(std::time::Duration::from_secs(1)));
        for (by, left) in [(None, vec![patient]), (Some(job), vec![patient]), (Some(other), vec![])]
        {
            assert_eq!(without_kept(&cloud, customer, &[(patient, by)]).await.unwrap(), left);
        }
        let (key, bucket) = (Cloud::hash_key(customer), Bucket::of(patient).unwrap());
        let before = cloud.load_people(customer, &[bucket]).await.unwrap().remove(&bucket).unwrap();
        assert_eq!(delete_again(&cloud, customer, &key, &[patient]).await.unwrap(), 1);

        // The restore: the item is as it was before.
        let now = cloud.load_people(customer, &[bucket]).await.unwrap().remove(&bucket).unwrap();
        let version = Some(now.version);
        let write = cloud.store_person(customer, bucket, &before.value, version).await.unwrap();
        assert_eq!(write, Write::Done);
        let patients = [patient, PATIENT.parse().unwrap()];
        assert_eq!(count(&cloud, customer, &patients).await.unwrap(), 1);
        assert_eq!(delete_again(&cloud, customer, &key, &patients).await.unwrap(), 1);
        // A second run, for example after an interruption, finds nothing.
        assert_eq!(delete_again(&cloud, customer, &key, &patients).await.unwrap(), 0);
        assert_eq!(count(&cloud, customer, &patients).await.unwrap(), 0);
        assert!(cloud.external_ids(customer).is_empty());
    }
}
