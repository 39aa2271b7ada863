//! The patients table: patients, and the identity items by which a row finds its patient.
//!
//! Both kinds are one JSON document and a version. Keys spread over the whole table: the customer is
//! only the first part of the partition key, so that no customer is one hot partition.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use domain::identity::Identity;
use domain::ids::{CustomerId, PatientId};
use domain::matching::People;
use domain::patient::ExternalId;
use domain::record::PatientRecord;
use pipeline::ports::{LoadPatients, LoadPeople, PortResult, StorePatient, StorePeople, Versioned, Write};
use sha2::{Digest as _, Sha256};

use crate::batch::read_many;
use crate::document::{read_document, store_document};
use crate::error::malformed;
use crate::item::{Item, key, s, text};

/// The index of patients by the hash of the id that the customer has for them.
pub(crate) const BY_EXTERNAL_ID: &str = "by-external-id";

const PATIENT: &str = "patient";
const IDENTITY: &str = "identity";

/// The patients table.
#[derive(Clone, Debug)]
pub struct Patients {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl Patients {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl LoadPeople for Patients {
    async fn load_people(&self, identities: &[Identity]) -> PortResult<HashMap<Identity, Versioned<People>>> {
        let by_key: HashMap<String, Identity> =
            identities.iter().map(|identity| (identity.to_string(), *identity)).collect();
        let items =
            read_many(&self.client, &self.table, by_key.keys().map(|pk| key(pk, IDENTITY)).collect()).await?;
        items
            .iter()
            .map(|item| {
                let identity = text(item, "pk").and_then(|pk| by_key.get(pk));
                let identity = identity.ok_or_else(|| malformed("dynamodb.read", "pk"))?;
                Ok((*identity, read_document(item)?))
            })
            .collect()
    }
}

impl StorePeople for Patients {
    async fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> PortResult<Write> {
        store_document(&self.client, &self.table, key(identity, IDENTITY), people, version).await
    }
}

impl LoadPatients for Patients {
    async fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientRecord>>> {
        // DynamoDB refuses a batch that names a key twice.
        let patients: BTreeSet<PatientId> = patients.iter().copied().collect();
        let keys = patients.into_iter().map(|patient| patient_key(customer, patient)).collect();
        let items = read_many(&self.client, &self.table, keys).await?;
        items
            .iter()
            .map(|item| {
                let record: Versioned<PatientRecord> = read_document(item)?;
                Ok((record.value.patient.id, record))
            })
            .collect()
    }
}

impl StorePatient for Patients {
    async fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let mut item = patient_key(customer, record.patient.id);
        if let Some(external_id) = &record.patient.external_id {
            item.insert("externalKey".to_owned(), s(external_key(customer, external_id)));
        }
        store_document(&self.client, &self.table, item, record, version).await
    }
}

fn patient_key(customer: CustomerId, patient: PatientId) -> Item {
    key(patient_partition(customer, patient), PATIENT)
}

/// The partition of a patient and what belongs to it.
pub(crate) fn patient_partition(customer: CustomerId, patient: PatientId) -> String {
    format!("{customer}#{patient}")
}

/// What an external id is found by: a hash, since keys hold nothing that a row says.
pub(crate) fn external_key(customer: CustomerId, external_id: &ExternalId) -> String {
    let mut hash = Sha256::new_with_prefix(customer.as_uuid().as_bytes());
    hash.update(external_id.as_str().as_bytes());
    hash.finalize().iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}
