//! `bulk-admin replay`: deletes patients again that a restored table has brought back, and repeats
//! the opt-outs that it has lost.
//!
//! Point-in-time recovery returns a table as it was. The audit trail is no table, and no restore
//! takes its events back ([`Since`] reads them). No other patient ever gets the id of a deleted
//! one, so that a deletion can be repeated in any order and as often as necessary. What an undo has
//! deleted is deleted again only if the undo would still do so. Of the opt-outs of a patient the
//! last one counts, with the place among the jobs that its call had.

mod since;

use std::collections::BTreeSet;

use bulk_aws::{AuditLog, AwsPorts, Connection, System};
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::person::undo::reason_to_keep;
use bulk_domain::time::Timestamp;
use bulk_pipeline::change_patient::PatientChange;
use bulk_pipeline::delete_patient::delete_patient;
use bulk_pipeline::documents::{with_documents_left, withdraw_documents_of};
use bulk_pipeline::opt_out::set_opt_out;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::{Failure, Output};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::audit::Recorder;
use crate::bar::Bar;
use crate::commands::ReplayArguments;
use crate::failed;
use since::{OptOut, Since};

/// Patients that one event names, and that are changed before the next event is stored.
const PATIENTS_PER_EVENT: usize = 100;
/// Patients that are changed at the same time: a few, because nothing waits for this command.
const CONCURRENT_CHANGES: usize = 10;

/// What became of the deletions and opt-outs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Replayed {
    /// The patients that were there again.
    came_back: u64,
    /// The deleted patients that were not there.
    absent: u64,
    /// The patients of undone imports that are there, and that an undo keeps as they are now.
    kept: u64,
    /// The patients who were opted out again.
    opted_out: u64,
    /// The patients who were opted in again.
    opted_in: u64,
}

impl Replayed {
    fn all(self) -> u64 {
        let Self { came_back, absent, kept, opted_out, opted_in } = self;
        came_back + absent + kept + opted_out + opted_in
    }
}

/// A run of the command.
struct Replay<'a, P> {
    ports: &'a P,
    recorder: Option<&'a Recorder>,
    replayed: Replayed,
}

/// Repeats what calls and undos have deleted and what calls have opted out or in since a time.
pub async fn replay(
    arguments: ReplayArguments,
    connection: &Connection,
    directory: String,
    log: &AuditLog,
    recorder: &Recorder,
    output: Output,
) -> anyhow::Result<()> {
    let ReplayArguments { since, dry_run, resources } = arguments;
    let since = System::default().now().minus(since);
    let told = Since::read(log, since).await?;
    let ports = AwsPorts::of_operator(connection, resources.names(directory), log.clone());
    let customers = ports.directory().list_customers().await.map_err(failed)?;
    let known: BTreeSet<CustomerId> = customers.into_iter().map(|customer| customer.id).collect();
    let bar = Bar::new("patients", output);
    let recorder = Some(recorder).filter(|_| !dry_run);
    let mut run = Replay { ports: &ports, recorder, replayed: Replayed::default() };
    let mut gone = BTreeSet::new();
    for (customer, patients) in &told.deleted_patients() {
        if !known.contains(customer) {
            gone.insert(*customer);
            continue;
        }
        let key = ports.directory().load_hash_key(*customer).await.map_err(failed)?;
        let patients: Vec<(PatientId, Option<JobId>)> =
            patients.iter().map(|(patient, job)| (*patient, *job)).collect();
        for page in patients.chunks(PATIENTS_PER_EVENT) {
            run.delete(*customer, &key, page).await?;
            bar.tell(run.replayed.all());
        }
    }
    for (customer, opt_outs) in &told.opt_outs() {
        if !known.contains(customer) {
            gone.insert(*customer);
            continue;
        }
        for page in opt_outs.chunks(PATIENTS_PER_EVENT) {
            run.opt_out(*customer, page).await?;
            bar.tell(run.replayed.all());
        }
    }
    bar.end();
    report(run.replayed, &told.customers, &gone, since, dry_run, output)
}

impl<P: Ports> Replay<'_, P> {
    /// Stores the event that patients are about to be changed. Returns whether they are: a dry run
    /// changes none.
    async fn begin(&self, customer: CustomerId, patients: &[PatientId]) -> anyhow::Result<bool> {
        match self.recorder {
            Some(recorder) if !patients.is_empty() => {
                recorder.before(customer, patients).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn delete(
        &mut self,
        customer: CustomerId,
        key: &HashKey,
        page: &[(PatientId, Option<JobId>)],
    ) -> anyhow::Result<()> {
        let to_delete = without_kept(self.ports, customer, page).await?;
        let came_back = if self.begin(customer, &to_delete).await? {
            delete_again(self.ports, customer, key, &to_delete).await?
        } else {
            count(self.ports, customer, &to_delete).await?
        };
        self.replayed.came_back += came_back;
        self.replayed.absent += to_delete.len() as u64 - came_back;
        self.replayed.kept += (page.len() - to_delete.len()) as u64;
        Ok(())
    }

    async fn opt_out(&mut self, customer: CustomerId, page: &[OptOut]) -> anyhow::Result<()> {
        let (lost, is_out) = compare(self.ports, customer, page).await?;
        // An interrupted run may have left them, or a restored point in time.
        let left = with_documents_left(self.ports, customer, &is_out).await.map_err(failed)?;
        let mut patients: Vec<PatientId> = lost.iter().map(|opt_out| opt_out.patient).collect();
        patients.extend(&left);
        if self.begin(customer, &patients).await? {
            set_again(self.ports, customer, &lost).await?;
            withdraw_documents_of(self.ports, customer, &left).await?;
        }
        let out = lost.iter().filter(|opt_out| opt_out.is_out).count() as u64;
        self.replayed.opted_out += out;
        self.replayed.opted_in += lost.len() as u64 - out;
        Ok(())
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
        record.is_some_and(|(record, job)| reason_to_keep(record, job).is_some())
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
        .buffer_unordered(CONCURRENT_CHANGES)
        .try_collect()
        .await?;
    Ok(deleted.into_iter().map(u64::from).sum())
}

/// Returns the opt-outs that the patients' records have lost, and the patients that are opted out
/// as the last call about them said. An opt-out that a younger job has changed is not lost.
async fn compare<P: Ports>(
    ports: &P,
    customer: CustomerId,
    opt_outs: &[OptOut],
) -> anyhow::Result<(Vec<OptOut>, Vec<PatientId>)> {
    let patients: Vec<PatientId> = opt_outs.iter().map(|opt_out| opt_out.patient).collect();
    let found = ports.patients().load_patients(customer, &patients).await.map_err(failed)?;
    let (mut lost, mut is_out) = (Vec::new(), Vec::new());
    for opt_out in opt_outs {
        let Some(record) = found.get(&opt_out.patient) else { continue };
        let mut repeated = record.clone();
        repeated.set_opt_out(opt_out.is_out, call_of(opt_out), opt_out.at);
        if repeated.patient.hie_opt_out != record.patient.hie_opt_out {
            lost.push(*opt_out);
        } else if opt_out.is_out && record.patient.hie_opt_out {
            is_out.push(opt_out.patient);
        }
    }
    Ok((lost, is_out))
}

/// Returns the id that gives a repeated call the place of the first one among the jobs.
fn call_of(opt_out: &OptOut) -> JobId {
    JobId::of_call(JobId::first_at(opt_out.at).as_uuid())
}

/// Opts these patients out or in again.
async fn set_again<P: Ports>(
    ports: &P,
    customer: CustomerId,
    opt_outs: &[OptOut],
) -> anyhow::Result<()> {
    let set: Vec<PatientChange<bool>> = stream::iter(opt_outs.to_vec())
        .map(|opt_out| {
            set_opt_out(ports, customer, opt_out.patient, opt_out.is_out, call_of(&opt_out))
        })
        .buffer_unordered(CONCURRENT_CHANGES)
        .try_collect()
        .await?;
    if set.contains(&PatientChange::TooLarge) {
        let failure = "an item has no room for an opt-out: delete patients of the same identity";
        return Err(Failure::new(failure).into());
    }
    Ok(())
}

fn report(
    replayed: Replayed,
    customers: &BTreeSet<CustomerId>,
    gone: &BTreeSet<CustomerId>,
    since: Timestamp,
    dry_run: bool,
    output: Output,
) -> anyhow::Result<()> {
    let Replayed { came_back, absent, kept, opted_out, opted_in } = replayed;
    if output.json {
        return output.value(&json!({
            "since": since, "dryRun": dry_run, "cameBack": came_back, "absent": absent, "kept": kept,
            "optedOut": opted_out, "optedIn": opted_in,
            "unknownCustomers": gone, "deletedCustomers": customers,
        }));
    }
    let (deleted, set) = if dry_run {
        ("are there again", "have to be")
    } else {
        ("were there again, and are deleted", "are")
    };
    output
        .line(format_args!("Of the patients that calls and undos have deleted since {since}:"))?;
    output.line(format_args!("  {came_back} {deleted}"))?;
    output.line(format_args!("  {absent} are not there"))?;
    if kept > 0 {
        output.line(format_args!("  {kept} are there and kept, as an undo would keep them now"))?;
    }
    output.line("Of the patients that calls have opted out or in since then:")?;
    output.line(format_args!("  {opted_out} {set} opted out again"))?;
    output.line(format_args!("  {opted_in} {set} opted in again"))?;
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
    use std::time::Duration;

    use bulk_domain::hash_key::Bucket;
    use bulk_domain::row::Directory;
    use bulk_memory::Cloud;
    use bulk_pipeline::ports::{WebhookSettings, Write};
    use serde_json::json;

    use super::*;

    const CUSTOMER: &str = "0199ac1e-0000-7000-8000-000000000001";
    const PATIENT: &str = "6496bec1-d4cd-879b-9f0b-e62698adc474";

    /// Returns a cloud with a patient of a job that was created now.
    async fn cloud_with_patient() -> (Cloud, CustomerId, PatientId, JobId) {
        let (cloud, customer) = (Cloud::calm(), CUSTOMER.parse().unwrap());
        cloud.set_customer(customer, Directory::default(), WebhookSettings::default());
        let job = JobId::first_at(cloud.now());
        let patient = cloud.add_row(customer, job, &json!({"externalId": "A"})).await.unwrap();
        (cloud, customer, patient, job)
    }

    #[tokio::test]
    async fn a_patient_that_a_restore_brought_back_is_deleted_again_with_all_that_belongs_to_it() {
        let (cloud, customer, patient, job) = cloud_with_patient().await;
        let now = cloud.now();
        // An undo of this job deletes the patient, and one of another job keeps it.
        let other = JobId::first_at(now.plus(Duration::from_secs(1)));
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

    #[tokio::test]
    async fn an_opt_out_that_a_restore_has_lost_is_repeated_and_no_other() {
        let (cloud, customer, patient, _) = cloud_with_patient().await;
        let at = cloud.now().plus(Duration::from_mins(1));
        let opt_out = |is_out| OptOut { patient, is_out, at };
        let lost = async |is_out| compare(&cloud, customer, &[opt_out(is_out)]).await.unwrap().0;
        assert_eq!(lost(false).await, []);
        assert_eq!(lost(true).await, [opt_out(true)]);
        let gone = OptOut { patient: PATIENT.parse().unwrap(), ..opt_out(true) };
        assert_eq!(compare(&cloud, customer, &[gone]).await.unwrap(), (vec![], vec![]));
        set_again(&cloud, customer, &[opt_out(true)]).await.unwrap();
        assert_eq!(lost(true).await, []);
        let records = cloud.load_patients(customer, &[patient]).await.unwrap();
        let called_by = records[&patient].called_by.unwrap();
        assert!(called_by.is_call());
        assert_eq!(called_by.created_at(), opt_out(true).at);
        let as_told = compare(&cloud, customer, &[opt_out(true)]).await.unwrap();
        assert_eq!(as_told, (vec![], vec![patient]), "documents may be left");
        // What a row of a younger job says is not lost.
        let younger = JobId::first_at(at.plus(Duration::from_mins(1)));
        let row = json!({"externalId": "A", "hieOptOut": false});
        assert_eq!(cloud.add_row(customer, younger, &row).await.unwrap(), patient);
        assert_eq!(lost(true).await, []);
    }
}
