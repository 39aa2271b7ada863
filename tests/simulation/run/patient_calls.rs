//! Calls that delete or change a patient, while chunks with rows about it may be under way, and
//! calls that undo an import or ask for documents.

use std::time::Duration;

use bulk_domain::document::DocumentName;
use bulk_domain::ids::{JobId, PatientId};
use bulk_domain::job::JobStatus;
use bulk_domain::patient::{Address, Contact};
use bulk_domain::record::{Correction, PatientRecord};
use bulk_memory::QueueName;
use serde_json::json;

use super::Player;
use super::task::{Cause, Due, Task};
use crate::people::PEOPLE;
use crate::reference::read;
use crate::rows::{Row, ZIPS, address_line, city, email, external_id, ssn};
use crate::story::CallKind;

/// How often a client looks whether an import that it wants to undo has ended, and the pause
/// between the first looks. The later pauses are sixty times as long.
const UNDO_LOOKS: u32 = 300;
const UNDO_PAUSE: Duration = Duration::from_secs(4);

/// A change of a patient that a customer has asked for.
#[derive(Clone, Debug)]
pub struct MadeCall {
    pub patient: PatientId,
    /// The person that the patient was before, as an index into [`PEOPLE`].
    pub from: usize,
    pub change: Change,
    /// Whether the service has answered that the patient is changed.
    pub was_answered: bool,
}

/// How a call changes a patient.
#[derive(Clone, Debug)]
pub enum Change {
    /// The patient is corrected to this row.
    Correction(Row),
    /// The patient is opted out, or in again.
    OptOut(bool),
}

impl Player {
    /// Lets a customer delete one of its patients, if there is one. In one case of four, the call
    /// is made twice. Most deletions wait until a chunk is under way.
    pub(super) fn delete_one(&mut self, index: usize, waits: u32, in_calm: bool) {
        let is_chunk = |task: &Task| matches!(task.cause, Cause::Message(QueueName::Chunks(_), _));
        if waits > 0 && !self.tasks.iter().any(is_chunk) {
            let again = self.now.plus(Duration::from_millis(200));
            self.due.push((again, Due::Deletion(index, waits - 1)));
            return;
        }
        let customer = self.story.customers[index].id;
        let mut patients = self.cloud.patients(customer).unwrap();
        if patients.is_empty() {
            return;
        }
        let record = patients.swap_remove(self.chance.index(patients.len()));
        let patient = record.patient.id;
        self.deleted.insert(patient);
        self.exchange.deletes(customer, record);
        for _ in 0..=usize::from(self.chance.once_in(4)) {
            self.start_task(Cause::Delete(customer, patient), in_calm);
        }
    }

    /// Lets a client undo an import, once its job has ended. In one case of four, the call is made
    /// twice, and in one case of ten before the end, when it is refused.
    pub(super) fn undo_one(&mut self, import: usize, looks: u32, in_calm: bool) {
        let job = self.imports.get(import).map(|import| import.job.job);
        let job = self.cloud.jobs().into_iter().find(|known| Some(known.id) == job);
        let Some(job) = job.filter(|job| job.status.is_final()) else {
            if looks < UNDO_LOOKS {
                let pause = if looks < 60 { UNDO_PAUSE } else { 60 * UNDO_PAUSE };
                self.due.push((self.now.plus(pause), Due::Undo(import, looks + 1)));
            }
            if self.imports.len() > import && self.chance.once_in(10) {
                self.start_task(Cause::Undo(import), in_calm);
            }
            return;
        };
        let records = self.cloud.patients(job.customer).unwrap();
        for record in records.into_iter().filter(|record| record.created_by == job.id) {
            self.exchange.deletes(job.customer, record);
        }
        for _ in 0..=usize::from(self.chance.once_in(4)) {
            self.start_task(Cause::Undo(import), in_calm);
        }
    }

    /// Lets a caller ask for a bulk download of a patient's documents, if a patient has any. In one
    /// case of four, the call is made twice.
    pub(super) fn bulk_download(&mut self, import: usize, in_calm: bool) {
        let customer = self.imports[import].job.customer;
        let Some(DocumentName { patient, .. }) = self.any_document(customer) else { return };
        for _ in 0..=usize::from(self.chance.once_in(4)) {
            self.start_task(Cause::BulkDownload(customer, patient), in_calm);
        }
    }

    /// Lets the first customer change one of its patients, if there is one: in half of the cases
    /// one that a job has just changed, which is under way. One correction of three leaves the
    /// identity as it is. Most calls wait until a chunk is under way.
    pub(super) fn change_one(&mut self, kind: CallKind, waits: u32, in_calm: bool) {
        let is_chunk = |task: &Task| {
            let queue = match &task.cause {
                Cause::Message(queue, _) => *queue,
                _ => return false,
            };
            matches!(queue, QueueName::Chunks(_) | QueueName::UndoneChunks)
        };
        if waits > 0 && !self.tasks.iter().any(is_chunk) {
            let again = self.now.plus(Duration::from_millis(200));
            self.due.push((again, Due::Call(kind, waits - 1)));
            return;
        }
        let customer = self.story.customers[0].id;
        let mut patients = self.cloud.patients(customer).unwrap();
        if patients.is_empty() {
            return;
        }
        let jobs = self.cloud.jobs().into_iter();
        let open: Vec<JobId> =
            jobs.filter(|job| job.status == JobStatus::Processing).map(|job| job.id).collect();
        let is_new = |record: &PatientRecord| open.contains(&record.changed_by);
        if patients.iter().any(is_new) && self.chance.once_in(2) {
            patients.retain(is_new);
        }
        let record = patients.swap_remove(self.chance.index(patients.len()));
        let (from, _) = read(&serde_json::to_value(&record.patient).unwrap());
        let change = match kind {
            CallKind::Correction => {
                let is_same = self.chance.once_in(3);
                let person = if is_same { from } else { self.chance.index(PEOPLE.len()) };
                Change::Correction(Row::correction(person, &self.chance))
            }
            CallKind::OptOut => Change::OptOut(!self.chance.once_in(4)),
        };
        let patient = record.patient.id;
        self.call = Some(MadeCall { patient, from, change, was_answered: false });
        self.start_task(Cause::Change(customer, patient), in_calm);
    }
}

impl MadeCall {
    /// Returns the person that the patient is after the call.
    pub const fn to(&self) -> usize {
        match &self.change {
            Change::Correction(row) => row.person,
            Change::OptOut(_) => self.from,
        }
    }
}

impl Row {
    /// Returns the row as a correction.
    pub(super) fn as_correction(&self) -> Correction {
        let (row, person) = (self, &PEOPLE[self.person]);
        let address = |&(zip, house): &(usize, u64)| -> Address {
            let address = json!({
                "addressLine1": address_line(house), "city": city(zip), "state": "IL", "zip": ZIPS[zip],
            });
            serde_json::from_str(&address.to_string()).unwrap()
        };
        let phone = row.phone().map(|phone| phone.parse().unwrap());
        let email = row.email.map(|number| email(number).parse().unwrap());
        let contact = Contact { phone, email };
        Correction {
            first_name: row.first_name.written().parse().unwrap(),
            last_name: row.last_name.written().parse().unwrap(),
            dob: person.dob.parse().unwrap(),
            gender: person.gender.parse().unwrap(),
            addresses: row.homes.iter().map(address).collect(),
            contacts: Some(contact).into_iter().filter(|it| *it != Contact::default()).collect(),
            ssn: row.ssn.map(|serial| ssn(serial).parse().unwrap()),
            drivers_license: None,
            external_id: row.external_id.map(|number| external_id(number).parse().unwrap()),
            hie_opt_out: row.opt_out,
        }
    }
}
