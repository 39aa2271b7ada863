//! Deletes a patient.
//!
//! One conditional write of the person's item takes the patient out of it, and from then on no
//! caller finds the patient. What is stored elsewhere is cleaned up after that: the document query
//! with its documents and copies, the entry of the external id, and the rosters of cohorts. The
//! item remembers for some days what there is to clean up, so that a retry finishes what an attempt
//! that died left behind ([`bulk_domain::person::deletion`]).

use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::ids::{CohortId, CustomerId, PatientId};
use bulk_domain::patient::Patient;
use bulk_domain::person::gone::DeletedPatient;
use bulk_domain::roster::{Roster, RosterEntry};

use crate::Error;
use crate::conflicts::WriteAttempts;
use crate::documents::{Withdrawal, withdraw_documents};
use crate::ports::prelude::*;
use crate::ports::{ExternalIdEntry, PortResult, Ports, Write};
use crate::roster_entries::RosterEntries;

/// Entries of one read.
const ENTRIES_PER_READ: u32 = 1_000;

/// What became of a patient that is to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatientDeletion {
    /// The patient was there, and is deleted.
    Done,
    /// The patient was not there. What an earlier attempt has left of it is cleaned up.
    NotFound,
    /// The patient is not as the caller expects it, and stays.
    Unexpected,
}

/// Deletes a patient in any state, or finishes the clean-up of an earlier attempt. Returns whether
/// the patient was there. Safe to repeat, concurrently and late.
pub async fn delete_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    hash_key: &HashKey,
    patient: PatientId,
) -> Result<bool, Error> {
    let deletion = delete_expected_patient(ports, customer, hash_key, patient, |_| true).await?;
    Ok(deletion == PatientDeletion::Done)
}

/// Deletes a patient, if it is as the caller expects it. Otherwise as [`delete_patient`].
pub async fn delete_expected_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    hash_key: &HashKey,
    patient: PatientId,
    is_expected: impl Fn(&Patient) -> bool,
) -> Result<PatientDeletion, Error> {
    let mut was_there = false;
    let mut attempts = WriteAttempts::default();
    let deleted = loop {
        attempts.begin()?;
        let known = ports.patients().load_item_of(customer, patient).await?;
        let Some((bucket, mut known)) = known else { break None };
        if known.value.patient(patient).is_some_and(|record| !is_expected(&record.patient)) {
            return Ok(PatientDeletion::Unexpected);
        }
        let now = ports.environment().now();
        if !known.value.delete(patient, hash_key, None, now) {
            break known.value.deleted(patient).cloned();
        }
        // After a conflict the patient may be gone, by this write if its answer was lost.
        was_there = true;
        let (person, version) = (&known.value, Some(known.version));
        let write = ports.patients().store_person(customer, bucket, person, version).await?;
        if write == Write::Done {
            break known.value.deleted(patient).cloned();
        }
    };
    // A call may ask for documents of a patient while the patient is deleted.
    withdraw_documents(ports, customer, patient, Withdrawal::Deleted).await?;
    if let Some(deleted) = deleted {
        forget_external_id(ports, customer, &deleted).await?;
        for cohort in &deleted.cohorts {
            leave_cohort(ports, customer, patient, *cohort).await?;
        }
    }
    forget_move(ports, customer, patient).await?;
    Ok(if was_there { PatientDeletion::Done } else { PatientDeletion::NotFound })
}

/// Forgets where a deleted patient was. This is the last step of the clean-up, because an earlier
/// attempt that died is continued from there.
async fn forget_move<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<(), Error> {
    let Some(home) = Bucket::of(patient) else { return Ok(()) };
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let known = ports.patients().load_people(customer, &[home]).await?.remove(&home);
        let Some(mut known) = known else { return Ok(()) };
        if !known.value.note_move(patient, None) {
            return Ok(());
        }
        let (person, version) = (&known.value, Some(known.version));
        let write = ports.patients().store_person(customer, home, person, version).await?;
        if write == Write::Done {
            return Ok(());
        }
    }
}

/// Deletes the entry of a deleted patient's external id. The first entry stays while there are
/// others, because without it the next patient with the external id would count as the only one.
pub(crate) async fn forget_external_id<P: Ports>(
    ports: &P,
    customer: CustomerId,
    deleted: &DeletedPatient,
) -> PortResult<()> {
    let Some(id) = deleted.external_id else { return Ok(()) };
    let entries = ports.external_ids();
    let mut after: Option<ExternalIdEntry> = None;
    loop {
        let read = entries.read_external_id(customer, id, after, ENTRIES_PER_READ).await?;
        let is_only = after.is_none() && read.len() == 1;
        let of_patient = |entry: &&ExternalIdEntry| entry.patient == deleted.id;
        for entry in read.iter().filter(of_patient).filter(|entry| is_only || !entry.is_first) {
            entries.delete_external_id(customer, id, *entry).await?;
        }
        if read.len() < ENTRIES_PER_READ as usize {
            return Ok(());
        }
        after = read.last().copied();
    }
}

/// Removes a patient from every entry of a cohort's roster.
async fn leave_cohort<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    cohort: CohortId,
) -> Result<(), Error> {
    let roster = Roster::Cohort(cohort);
    for entry in entries_with(ports, customer, roster, patient).await? {
        ports.patients().remove_from_roster(customer, roster, entry, &[patient]).await?;
    }
    Ok(())
}

/// Returns the entries of a roster that name a patient.
pub(crate) async fn entries_with<P: Ports>(
    ports: &P,
    customer: CustomerId,
    roster: Roster,
    patient: PatientId,
) -> PortResult<Vec<RosterEntry>> {
    let mut entries = RosterEntries::of(ports, customer, roster);
    let mut found = Vec::new();
    while let Some(read) = entries.next().await? {
        let naming = read.iter().filter(|(_, members)| members.contains(&patient));
        found.extend(naming.map(|(entry, _)| *entry));
    }
    Ok(found)
}
