//! A person's item as it is stored: JSON with names of one letter, and ids in base64.
//!
//! The ids of jobs stand in a list of their own, and the bookkeeping of the patients refers to them
//! by their place in it, so that a usual patient takes less than the 1 KB of a write unit.

mod ids;

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::decision::{Decision, Place};
use super::gone::{DeletedPatient, Gone, MovedPatient};
use super::{KnownIdentity, Person};
use crate::hash_key::{Bucket, ExternalIdHash, IdentityHash};
use crate::ids::{CohortId, FacilityId, PatientId, RowNumber};
use crate::patient::{
    Address, AddressText, Contact, Country, Dob, DriversLicense, Email, ExternalId, Gender,
    LicenseNumber, Names, Patient, PersonalIdentifier, Phone, Ssn, State, Zip,
};
use crate::record::{PatientRecord, Register};
use crate::time::Timestamp;
use crate::warning::PatientWarnings;
use ids::{Id, JobIndex, Jobs, job};

/// The version of the format.
const FORMAT: u32 = 1;

/// The names mean: version, jobs, persons, moved patients.
#[derive(Serialize, Deserialize)]
struct StoredPerson<'a> {
    v: u32,
    j: Vec<Id>,
    #[serde(borrow)]
    p: Vec<StoredIdentity<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    m: Vec<(Id, Bucket)>,
}

#[derive(Serialize, Deserialize)]
struct StoredIdentity<'a> {
    #[serde(rename = "p", borrow)]
    patients: Vec<StoredPatient<'a>>,
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    decisions: Vec<StoredDecision>,
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    deleted: Vec<StoredDeleted>,
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    hash: Option<Id>,
}

#[derive(Serialize, Deserialize)]
struct StoredDeleted {
    #[serde(rename = "i")]
    id: Id,
    /// In milliseconds since 1970.
    #[serde(rename = "t")]
    at: i64,
    /// The hash of the external id.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    external_id: Option<Id>,
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    cohorts: Vec<Id>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    undone_by: Option<JobIndex>,
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    is_corrected: bool,
}

/// Job, runs, and warned rows.
#[derive(Serialize, Deserialize)]
struct StoredDecision(JobIndex, Vec<(RowNumber, Place)>, Vec<(RowNumber, PatientWarnings)>);

#[derive(Serialize, Deserialize)]
struct StoredPatient<'a> {
    #[serde(rename = "i")]
    id: Id,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    external_id: Option<Cow<'a, ExternalId>>,
    #[serde(rename = "f")]
    first_name: Cow<'a, Names>,
    #[serde(rename = "l")]
    last_name: Cow<'a, Names>,
    #[serde(rename = "b")]
    dob: Dob,
    #[serde(rename = "g")]
    gender: Gender,
    #[serde(rename = "a", borrow)]
    addresses: Vec<StoredAddress<'a>>,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty", borrow)]
    contacts: Vec<StoredContact<'a>>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    ssn: Option<Ssn>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    license: Option<(Cow<'a, LicenseNumber>, State)>,
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    facilities: Vec<Id>,
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    cohorts: Vec<Id>,
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    opt_out: bool,
    /// In milliseconds since 1970.
    #[serde(rename = "t")]
    created_at: i64,
    /// Milliseconds after the creation.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    updated_after: i64,
    #[serde(rename = "j", default, skip_serializing_if = "JobIndex::is_first")]
    created_by: JobIndex,
    #[serde(rename = "k", default, skip_serializing_if = "JobIndex::is_first")]
    changed_by: JobIndex,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    written_by: Vec<(Register, JobIndex)>,
    /// The place of a cohort in the list, and the job.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    joined_by: Vec<(usize, JobIndex)>,
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    left_by: Vec<(Id, JobIndex)>,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    called_by: Option<JobIndex>,
}

#[derive(Serialize, Deserialize)]
struct StoredAddress<'a> {
    #[serde(rename = "1")]
    line1: Cow<'a, AddressText>,
    #[serde(rename = "2", default, skip_serializing_if = "Option::is_none")]
    line2: Option<Cow<'a, AddressText>>,
    #[serde(rename = "c")]
    city: Cow<'a, AddressText>,
    #[serde(rename = "s")]
    state: State,
    #[serde(rename = "z")]
    zip: Zip,
}

#[derive(Serialize, Deserialize)]
struct StoredContact<'a> {
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    phone: Option<Phone>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, Email>>,
}

// `serde` asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Serialize for Person {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut jobs = Jobs::default();
        let p = self.identities.iter().map(|known| stored_identity(known, &mut jobs)).collect();
        let m = self.moved.iter().map(|moved| (Id(moved.id.as_uuid()), moved.to)).collect();
        StoredPerson { v: FORMAT, j: jobs.0, p, m }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredPerson { v, j, p, m } = StoredPerson::deserialize(deserializer)?;
        if v != FORMAT {
            return Err(D::Error::custom("another version of the format"));
        }
        let identities = p.into_iter().map(|stored| read_identity(stored, &j)).collect();
        let identities: Option<Vec<KnownIdentity>> = identities;
        let moved = m.into_iter().map(|(id, to)| MovedPatient { id: PatientId::new(id.0), to });
        let moved = moved.collect();
        identities
            .map(|identities| Self { identities, moved })
            .ok_or_else(|| D::Error::custom("a place in a list that does not exist"))
    }
}

fn stored_identity<'a>(known: &'a KnownIdentity, jobs: &mut Jobs) -> StoredIdentity<'a> {
    let patients = known.patients.iter().map(|record| stored_patient(record, jobs)).collect();
    let decisions = known.decisions.iter().map(|Decision { job, runs, warned }| {
        StoredDecision(jobs.index(*job), runs.clone(), warned.clone())
    });
    let decisions = decisions.collect();
    let deleted = known.deleted.iter().map(|deleted| StoredDeleted {
        id: Id(deleted.id.as_uuid()),
        at: deleted.at.as_millis(),
        external_id: deleted.external_id.map(|hash| Id(Uuid::from_u128(hash.0))),
        cohorts: deleted.cohorts.iter().map(|id| Id(id.as_uuid())).collect(),
        undone_by: deleted.undone_by().map(|job| jobs.index(job)),
        is_corrected: deleted.is_corrected(),
    });
    let deleted = deleted.collect();
    let hash = known.hash.map(|hash| Id(Uuid::from_u128(hash.0)));
    StoredIdentity { patients, decisions, deleted, hash }
}

fn read_identity(stored: StoredIdentity<'_>, jobs: &[Id]) -> Option<KnownIdentity> {
    let patients = stored.patients.into_iter().map(|patient| read_patient(patient, jobs));
    let decisions = stored.decisions.into_iter().map(|StoredDecision(by, runs, warned)| {
        Some(Decision { job: job(by, jobs)?, runs, warned })
    });
    let deleted = stored.deleted.into_iter().map(|deleted| {
        Some(DeletedPatient {
            id: PatientId::new(deleted.id.0),
            at: Timestamp::from_millis(deleted.at),
            external_id: deleted.external_id.map(|id| ExternalIdHash(id.0.as_u128())),
            cohorts: deleted.cohorts.iter().map(|id| CohortId::new(id.0)).collect(),
            by: match deleted.undone_by {
                Some(by) => Gone::Undone(job(by, jobs)?),
                None if deleted.is_corrected => Gone::Corrected,
                None => Gone::Deleted,
            },
        })
    });
    Some(KnownIdentity {
        patients: patients.collect::<Option<_>>()?,
        decisions: decisions.collect::<Option<_>>()?,
        deleted: deleted.collect::<Option<_>>()?,
        hash: stored.hash.map(|id| IdentityHash(id.0.as_u128())),
    })
}

fn stored_patient<'a>(record: &'a PatientRecord, jobs: &mut Jobs) -> StoredPatient<'a> {
    let PatientRecord {
        patient,
        created_by,
        changed_by,
        written_by,
        joined_by,
        left_by,
        called_by,
    } = record;
    let addresses = patient.address.iter().map(|address| StoredAddress {
        line1: Cow::Borrowed(&address.address_line1),
        line2: address.address_line2.as_ref().map(Cow::Borrowed),
        city: Cow::Borrowed(&address.city),
        state: address.state,
        zip: address.zip,
    });
    let contacts = patient.contact.iter().map(|contact| StoredContact {
        phone: contact.phone,
        email: contact.email.as_ref().map(Cow::Borrowed),
    });
    let (mut ssn, mut license) = (None, None);
    for identifier in &patient.personal_identifiers {
        match identifier {
            PersonalIdentifier::Ssn { value } => ssn = Some(*value),
            PersonalIdentifier::DriversLicense(DriversLicense { value, state }) => {
                license = Some((Cow::Borrowed(value), *state));
            }
        }
    }
    let place = |cohort| patient.cohort_ids.iter().position(|known| *known == cohort);
    let created_at = patient.date_created.as_millis();
    StoredPatient {
        id: Id(patient.id.as_uuid()),
        external_id: patient.external_id.as_ref().map(Cow::Borrowed),
        first_name: Cow::Borrowed(&patient.first_name),
        last_name: Cow::Borrowed(&patient.last_name),
        dob: patient.dob,
        gender: patient.gender_at_birth,
        addresses: addresses.collect(),
        contacts: contacts.collect(),
        ssn,
        license,
        facilities: patient.facility_ids.iter().map(|id| Id(id.as_uuid())).collect(),
        cohorts: patient.cohort_ids.iter().map(|id| Id(id.as_uuid())).collect(),
        opt_out: patient.hie_opt_out,
        created_at,
        updated_after: patient.date_updated.as_millis() - created_at,
        created_by: jobs.index(*created_by),
        changed_by: jobs.index(*changed_by),
        written_by: written_by.iter().map(|(field, job)| (*field, jobs.index(*job))).collect(),
        joined_by: joined_by
            .iter()
            .filter_map(|(cohort, job)| Some((place(*cohort)?, jobs.index(*job))))
            .collect(),
        left_by: left_by
            .iter()
            .map(|(cohort, call)| (Id(cohort.as_uuid()), jobs.index(*call)))
            .collect(),
        called_by: called_by.map(|call| jobs.index(call)),
    }
}

fn read_patient(stored: StoredPatient<'_>, jobs: &[Id]) -> Option<PatientRecord> {
    let address = stored.addresses.into_iter().map(|address| Address {
        address_line1: address.line1.into_owned(),
        address_line2: address.line2.map(Cow::into_owned),
        city: address.city.into_owned(),
        state: address.state,
        zip: address.zip,
        country: Country::Usa,
    });
    let contact = stored
        .contacts
        .into_iter()
        .map(|contact| Contact { phone: contact.phone, email: contact.email.map(Cow::into_owned) });
    let ssn = stored.ssn.map(|value| PersonalIdentifier::Ssn { value });
    let license = stored.license.map(|(value, state)| {
        PersonalIdentifier::DriversLicense(DriversLicense { value: value.into_owned(), state })
    });
    let cohort_ids: Vec<CohortId> = stored.cohorts.iter().map(|id| CohortId::new(id.0)).collect();
    let written_by = stored.written_by.iter().map(|(field, by)| Some((*field, job(*by, jobs)?)));
    let joined_by = stored
        .joined_by
        .iter()
        .map(|(place, by)| Some((*cohort_ids.get(*place)?, job(*by, jobs)?)));
    let left_by =
        stored.left_by.iter().map(|(id, by)| Some((CohortId::new(id.0), job(*by, jobs)?)));
    let called_by = match stored.called_by {
        None => None,
        Some(by) => Some(job(by, jobs)?),
    };
    Some(PatientRecord {
        created_by: job(stored.created_by, jobs)?,
        changed_by: job(stored.changed_by, jobs)?,
        written_by: written_by.collect::<Option<_>>()?,
        joined_by: joined_by.collect::<Option<_>>()?,
        left_by: left_by.collect::<Option<_>>()?,
        called_by,
        patient: Patient {
            id: PatientId::new(stored.id.0),
            external_id: stored.external_id.map(Cow::into_owned),
            first_name: stored.first_name.into_owned(),
            last_name: stored.last_name.into_owned(),
            dob: stored.dob,
            gender_at_birth: stored.gender,
            address: address.collect(),
            contact: contact.collect(),
            personal_identifiers: ssn.into_iter().chain(license).collect(),
            facility_ids: stored.facilities.iter().map(|id| FacilityId::new(id.0)).collect(),
            cohort_ids,
            hie_opt_out: stored.opt_out,
            date_created: Timestamp::from_millis(stored.created_at),
            date_updated: Timestamp::from_millis(stored.created_at + stored.updated_after),
        },
    })
}
