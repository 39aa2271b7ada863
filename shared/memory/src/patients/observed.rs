//! What tests store of patients and see of them, beside the port.

use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, PatientId, RowNumber};
use bulk_domain::patient::PatientRow;
use bulk_domain::person::{Group, Person};
use bulk_domain::record::{PatientRecord, RowsOfJob};
use bulk_pipeline::ports::{
    Environment as _, ExternalIdStore as _, PatientStore as _, PortResult, Versioned, Write,
};

use super::KEYS_SIZE;
use crate::call::permanent;
use crate::{Cloud, Operation};

impl Cloud {
    /// Returns every stored patient of a customer, without a call that is billed or that a fault
    /// can hit.
    pub fn patients(&self, customer: CustomerId) -> PortResult<Vec<PatientRecord>> {
        Ok(self.people(customer)?.into_iter().flat_map(Person::into_patients).collect())
    }

    /// Returns every person of a customer, without a call that is billed or that a fault can hit.
    pub fn people(&self, customer: CustomerId) -> PortResult<Vec<Person>> {
        let patients = &self.state().patients;
        let people = patients.people.iter().filter(|((owner, _), _)| *owner == customer);
        people.map(|(_, document)| Ok(patients.read(document)?.value)).collect()
    }

    /// Stores these rows of one identity as an import does, without a roster entry. Returns the
    /// patient of the first row.
    ///
    /// # Errors
    ///
    /// Returns an error if a fault hits a call, or if another worker writes the person meanwhile.
    pub async fn add_patient(
        &self,
        customer: CustomerId,
        source: RowsOfJob,
        rows: &[PatientRow],
    ) -> PortResult<PatientId> {
        let refused = || permanent(Operation::PutItem, "refused");
        let (hash_key, first) = (Self::hash_key(customer), rows.first().ok_or_else(refused)?);
        let identity = Identity::of_row(first);
        let bucket = hash_key.bucket(&identity);
        let rows = (1..).map(RowNumber::new).zip(rows.iter().cloned()).collect();
        let group = Group { bucket, identity, rows };
        let known = self.load_people(customer, &[bucket]).await?.remove(&bucket);
        let (person, version) = known.map(|known| (known.value, known.version)).unzip();
        let folded = person.unwrap_or_default().fold(&group, &hash_key, source);
        for (patient, external_id) in folded.new_external_ids() {
            let id = hash_key.external_id(external_id);
            self.add_external_id(customer, id, patient, source.job, 0).await?;
        }
        match self.store_person(customer, bucket, &folded.person, version).await? {
            Write::Done => folded.rows[0].patient.ok_or_else(refused),
            Write::Conflict => Err(refused()),
        }
    }

    /// Deletes the items of persons that the table deletes by now, because nothing of them is
    /// needed any more. DynamoDB does so within days.
    pub fn expire_people(&self) -> PortResult<()> {
        let now = self.now();
        let mut state = self.state();
        let patients = &mut state.patients;
        let mut expired = Vec::new();
        for (key, document) in &patients.people {
            let person: Versioned<Person> = patients.read(document)?;
            if person.value.forgotten_at().is_some_and(|at| at < now) {
                expired.push(*key);
            }
        }
        for key in expired {
            patients.people.remove(&key);
        }
        Ok(())
    }

    /// Returns the sizes of all items of persons, in bytes as DynamoDB counts them.
    pub fn person_sizes(&self) -> Vec<usize> {
        let people = &self.state().patients.people;
        people.values().map(|document| document.stored_len + KEYS_SIZE).collect()
    }

    /// Returns the number of items written to the table or deleted from it so far, refused writes
    /// included.
    pub fn patient_writes(&self) -> u64 {
        self.state().patients.writes
    }
}
