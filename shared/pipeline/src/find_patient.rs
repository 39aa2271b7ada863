//! Finds what the tables hold about one patient, who may be deleted.
//!
//! Nothing is written. What runs at the same time may change while it is read, so that the answer
//! is that of an operator who looks at one place after the other.

use std::collections::BTreeSet;

use bulk_domain::cohort::Cohort;
use bulk_domain::document::{BulkDownload, CopyState, DocumentName, DocumentRecord};
use bulk_domain::hash_key::{Bucket, ExternalIdHash, HashKey};
use bulk_domain::ids::{CohortId, CustomerId, JobId, PatientId};
use bulk_domain::person::Person;
use bulk_domain::person::gone::DeletedPatient;
use bulk_domain::query::PatientQuery;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};

use crate::Error;
use crate::conflicts::retry_conflicts;
use crate::delete_patient::entries_with;
use crate::document_pages::DocumentPages;
use crate::ports::prelude::*;
use crate::ports::{ExternalIdEntry, PortResult, Ports};

/// Entries of one read.
const ENTRIES_PER_READ: u32 = 100;

/// What the tables hold about a patient.
#[derive(Clone, PartialEq, Debug)]
pub struct FoundPatient {
    /// The bucket of the item that the patient is in, or was in.
    pub bucket: Bucket,
    /// The patient, unless it was deleted or never there.
    pub record: Option<PatientRecord>,
    /// What the item remembers of the patient after its deletion.
    pub deleted: Option<DeletedPatient>,
    /// The jobs that the items name as those with rows about the patient.
    pub jobs: BTreeSet<JobId>,
    /// The calls that changed the patient, as far as its record names them.
    pub calls: BTreeSet<JobId>,
    /// The entries that name the patient under its external id.
    pub external_ids: Vec<(ExternalIdHash, ExternalIdEntry)>,
    /// The entries that name the patient in the list of all patients and in those of cohorts.
    pub rosters: Vec<(Roster, RosterEntry)>,
    /// The patient's newest document query.
    pub query: Option<PatientQuery>,
    /// The documents that the last successful query found.
    pub documents: Vec<DocumentRecord>,
    /// The records of the copies of documents.
    pub copies: Vec<(DocumentName, CopyState)>,
    /// The newest bulk download of the documents.
    pub download: Option<BulkDownload>,
}

/// Returns what is held about a patient, or `None` if this service has never given the id.
pub async fn find_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    hash_key: &HashKey,
    patient: PatientId,
) -> Result<Option<FoundPatient>, Error> {
    let Some(home) = Bucket::of(patient) else { return Ok(None) };
    let item = ports.patients().load_item_of(customer, patient).await?;
    let (bucket, person) =
        item.map_or_else(|| (home, Person::default()), |(bucket, person)| (bucket, person.value));
    let mut jobs = person.jobs_about(patient);
    // The item of the id remembers the jobs with rows about the patient before a correction.
    if bucket != home {
        let left = ports.patients().load_people(customer, &[home]).await?.remove(&home);
        jobs.extend(left.iter().flat_map(|left| left.value.jobs_about(patient)));
    }
    let record = person.patient(patient).cloned();
    let deleted = person.deleted(patient).cloned();
    let external_id = record.as_ref().and_then(|record| record.patient.external_id.as_ref());
    let external_id = external_id.map(|id| hash_key.external_id(id));
    let external_id = external_id.or(deleted.as_ref().and_then(|deleted| deleted.external_id));
    let mut external_ids = Vec::new();
    if let Some(id) = external_id {
        let entries = external_id_entries(ports, customer, id, patient).await?;
        external_ids.extend(entries.into_iter().map(|entry| (id, entry)));
    }
    let (query, documents) = documents(ports, customer, patient).await?;
    Ok(Some(FoundPatient {
        bucket,
        jobs,
        calls: person.calls_about(patient),
        rosters: rosters(ports, customer, patient, record.as_ref(), deleted.as_ref()).await?,
        record,
        deleted,
        external_ids,
        query,
        documents,
        copies: copies(ports, customer, patient).await?,
        download: ports
            .downloads()
            .load_download(customer, patient)
            .await?
            .map(|download| download.value),
    }))
}

/// Returns the records of the copies of a patient's documents, by the documents.
async fn copies<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> PortResult<Vec<(DocumentName, CopyState)>> {
    let copies = ports.documents().load_copies(customer, patient).await?.into_iter();
    let mut copies: Vec<(DocumentName, CopyState)> = copies
        .map(|(document, record)| (DocumentName { patient, document }, record.value))
        .collect();
    copies.sort_unstable_by_key(|(document, _)| document.document);
    Ok(copies)
}

/// Returns the patients that the entries of an external id name, also deleted ones.
pub async fn patients_with<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: ExternalIdHash,
) -> PortResult<BTreeSet<PatientId>> {
    let entries = all_entries(ports, customer, id).await?;
    Ok(entries.into_iter().map(|entry| entry.patient).collect())
}

/// Returns the entries of an external id that name a patient.
async fn external_id_entries<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: ExternalIdHash,
    patient: PatientId,
) -> PortResult<Vec<ExternalIdEntry>> {
    let entries = all_entries(ports, customer, id).await?;
    Ok(entries.into_iter().filter(|entry| entry.patient == patient).collect())
}

async fn all_entries<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: ExternalIdHash,
) -> PortResult<Vec<ExternalIdEntry>> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let entries = ports.external_ids();
        let read = entries.read_external_id(customer, id, after, ENTRIES_PER_READ).await?;
        found.extend(&read);
        if read.len() < ENTRIES_PER_READ as usize {
            return Ok(found);
        }
        after = read.last().copied();
    }
}

/// Looks at the list of all patients, at those of the customer's cohorts, and at those of cohorts
/// that only the patient names.
async fn rosters<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    record: Option<&PatientRecord>,
    deleted: Option<&DeletedPatient>,
) -> PortResult<Vec<(Roster, RosterEntry)>> {
    let cohorts = ports.directory().list_entries::<Cohort>(customer).await?;
    let mut cohorts: BTreeSet<CohortId> = cohorts.into_iter().map(|cohort| cohort.id).collect();
    cohorts.extend(record.iter().flat_map(|record| &record.patient.cohort_ids));
    cohorts.extend(deleted.iter().flat_map(|deleted| &deleted.cohorts));
    let mut found = Vec::new();
    for roster in [Roster::AllPatients].into_iter().chain(cohorts.into_iter().map(Roster::Cohort)) {
        let entries = entries_with(ports, customer, roster, patient).await?;
        found.extend(entries.into_iter().map(|entry| (roster, entry)));
    }
    Ok(found)
}

/// Returns the document query of a patient with all pages of its documents.
async fn documents<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<(Option<PatientQuery>, Vec<DocumentRecord>), Error> {
    retry_conflicts(async || {
        let query = ports.documents().load_queries(customer, &[patient]).await?.remove(&patient);
        let Some(mut query) = query.map(|query| query.value) else {
            return Ok(Some((None, Vec::new())));
        };
        // The documents are told once, page by page.
        let Some(stored) = query.documents.take() else {
            return Ok(Some((Some(query), Vec::new())));
        };
        // The documents are gone after a newer query has ended, which is read in its place.
        let documents = DocumentPages::of(ports, customer, patient, stored).all().await?;
        Ok(documents.map(|documents| (Some(query), documents)))
    })
    .await
}
