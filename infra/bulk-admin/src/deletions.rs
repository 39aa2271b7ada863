//! `bulk-admin deletions replay`: deletes patients again that a restored table has brought back.
//!
//! Point-in-time recovery returns a table as it was, and with it the patients that were deleted
//! after that time. The audit trail is no table, and no restore takes its events back. It has an
//! event of each call that deletes a patient, which is stored before the patient is deleted, and
//! only if the caller may delete. No other patient ever gets the id of a deleted one. So every
//! such event can be applied again, in any order and as often as necessary.

use std::collections::{BTreeMap, BTreeSet};

use bulk_aws::{AuditLog, AwsPorts, Connection, System};
use bulk_domain::audit::{Action, AuditEvent, Phase};
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::time::Timestamp;
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

/// Patients that one event names, and that are deleted before the next event is stored.
const PATIENTS_PER_EVENT: usize = 100;
/// Patients that are deleted at the same time: a few, because nothing waits for this command.
const CONCURRENT_DELETIONS: usize = 10;

/// What was deleted in a time, by the audit trail.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Deletions {
    patients: BTreeMap<CustomerId, BTreeSet<PatientId>>,
    customers: BTreeSet<CustomerId>,
}

/// What became of the deletions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Replayed {
    /// The patients that were there again.
    came_back: u64,
    /// The patients that were not there.
    absent: u64,
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
    for (customer, patients) in &deletions.patients {
        if !known.contains(customer) {
            gone.insert(*customer);
            continue;
        }
        let key = ports.directory().load_hash_key(*customer).await.map_err(failed)?;
        let patients: Vec<PatientId> = patients.iter().copied().collect();
        for page in patients.chunks(PATIENTS_PER_EVENT) {
            let came_back = if dry_run {
                count(&ports, *customer, page).await?
            } else {
                recorder.before(*customer, page).await?;
                delete_again(&ports, *customer, &key, page).await?
            };
            replayed.came_back += came_back;
            replayed.absent += page.len() as u64 - came_back;
            bar.tell(replayed.came_back + replayed.absent);
        }
    }
    bar.end();
    report(replayed, &deletions.customers, &gone, since, dry_run, output)
}

impl Deletions {
    async fn read(log: &AuditLog, since: Timestamp) -> anyhow::Result<Self> {
        let mut deletions = Self::default();
        for text in [DELETE_CALL, DELETE_COMMAND].map(str::to_owned) {
            let read =
                log.read(since, std::slice::from_ref(&text), |stored| deletions.add(&stored.event));
            read.await.map_err(failed)?;
        }
        Ok(deletions)
    }

    /// Adds what an event deletes, if it deletes something. The event from before the deletion
    /// counts, because the one after it is missing if its function died.
    fn add(&mut self, event: &AuditEvent) {
        let (Some(customer), Phase::Begun) = (event.customer, event.phase) else { return };
        match &event.action {
            Action::Call(call) if call == DELETE_CALL => {
                self.patients.entry(customer).or_default().extend(&event.objects.patients);
            }
            Action::Command(command) if command == DELETE_COMMAND => {
                self.customers.insert(customer);
            }
            _ => {}
        }
    }
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
    let Replayed { came_back, absent } = replayed;
    if output.json {
        return output.value(&json!({
            "since": since, "dryRun": dry_run, "cameBack": came_back, "absent": absent,
            "unknownCustomers": gone, "deletedCustomers": customers,
        }));
    }
    let done = if dry_run { "are there again" } else { "were there again, and are deleted" };
    output.line(format_args!("Of the patients that calls have deleted since {since}:"))?;
    output.line(format_args!("  {came_back} {done}"))?;
    output.line(format_args!("  {absent} are not there"))?;
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
    use std::sync::Arc;

    use bulk_domain::hash_key::Bucket;
    use bulk_domain::ids::{FacilityId, JobId};
    use bulk_domain::patient::PatientRow;
    use bulk_domain::record::RowsOfJob;
    use bulk_domain::row::Directory;
    use bulk_memory::{Cloud, NoFaults};
    use bulk_pipeline::ports::{WebhookSettings, Write};
    use serde_json::{Value, json};

    use super::*;

    const CUSTOMER: &str = "0199ac1e-0000-7000-8000-000000000001";
    const PATIENT: &str = "6496bec1-d4cd-879b-9f0b-e62698adc474";

    fn event(phase: &str, action: &Value, customer: Option<&str>) -> AuditEvent {
        serde_json::from_value(json!({
            "time": "2027-01-15T08:00:00.000Z", "phase": phase, "action": action,
            "customer": customer, "actor": "caller", "patients": [PATIENT],
        }))
        .unwrap()
    }

    #[test]
    fn calls_that_were_allowed_to_delete_are_applied_and_no_others() {
        let mut deletions = Deletions::default();
        deletions.add(&event(
            "begun",
            &json!({"call": "PUT /medical/v1/patient/{id}"}),
            Some(CUSTOMER),
        ));
        deletions.add(&event("ended", &json!({"call": DELETE_CALL}), Some(CUSTOMER)));
        deletions.add(&event("begun", &json!({"call": DELETE_CALL}), None));
        assert_eq!(deletions, Deletions::default());
        deletions.add(&event("begun", &json!({"call": DELETE_CALL}), Some(CUSTOMER)));
        deletions.add(&event("begun", &json!({"command": DELETE_COMMAND}), Some(CUSTOMER)));
        let (customer, patient) = (CUSTOMER.parse().unwrap(), PATIENT.parse().unwrap());
        assert_eq!(deletions.patients, BTreeMap::from([(customer, BTreeSet::from([patient]))]));
        assert_eq!(deletions.customers, BTreeSet::from([customer]));
    }

    #[test]
    fn the_api_has_the_call_that_is_looked_for() {
        let openapi: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
        let (method, path) = DELETE_CALL.split_once(' ').unwrap();
        assert!(openapi["paths"][path][method.to_lowercase()].is_object());
    }

    #[tokio::test]
    async fn a_patient_that_a_restore_brought_back_is_deleted_again_with_all_that_belongs_to_it() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let cloud = Cloud::new(Arc::new(NoFaults), now, 1);
        let customer = CUSTOMER.parse().unwrap();
        cloud.set_customer(customer, Directory::default(), WebhookSettings::default());
        let row: PatientRow = serde_json::from_value(json!({
            "externalId": "A", "firstName": "Ada", "lastName": "Lovelace", "dob": "1961-12-01",
            "gender": "F", "addresses":
                [{"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"}],
        }))
        .unwrap();
        let (job, facility) = (JobId::first_at(now), FacilityId::new(PATIENT.parse().unwrap()));
        let source = RowsOfJob { job, facility, may_overtake: false, now };
        let patient = cloud.add_patient(customer, source, &[row]).await.unwrap();
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
