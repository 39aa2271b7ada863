//! Creates or updates the patients of one identity by conditional writes alone.
//!
//! First the item of the identity decides which patient each row belongs to, then the patients are
//! written. Both writes name the version that was read. A conflict means that another job writes
//! the same identity, so that the decision is made again on what that job stored. A retry after any
//! crash gives the same patients, because the item remembers its decisions, and because merging a
//! row into a patient that has it already changes nothing.

use std::collections::HashMap;

use bulk_domain::identity::Identity;
use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::job::Job;
use bulk_domain::matching::{Matched, People, RowToMatch};
use bulk_domain::patient::{PatientRow, Zip};
use bulk_domain::record::{Merged, PatientRecord, RowsOfJob};

use crate::Error;
use crate::conflicts::retry_conflicts;
use crate::ports::prelude::*;
use crate::ports::{Ports, Versioned, Write};

/// Records of patients by id, each with the version that was read.
type Records = HashMap<PatientId, Versioned<PatientRecord>>;

/// The rows of one identity in a chunk.
pub struct Group {
    /// The identity of the rows.
    pub identity: Identity,
    /// The rows, in file order.
    pub rows: Vec<(RowNumber, PatientRow)>,
}

/// What was read for all groups of a chunk at once, before the first attempt to decide one of them.
#[derive(Default)]
pub struct Known {
    people: HashMap<Identity, Versioned<People>>,
    patients: Records,
}

/// The patient of each row of a group, and the changes that the rows make to these patients.
pub struct Decision {
    /// The patient of each row, or `None` if the item of the row's identity has no room for another
    /// patient.
    pub patients: Vec<Option<PatientId>>,
    /// The patients before the change, as they were read.
    before: Records,
    /// The patients after the change, and the rows that do not fit.
    merged: MergedGroup,
}

/// The outcome of merging the rows of a group.
#[derive(Default)]
struct MergedGroup {
    /// The patients that change, after the change.
    records: Vec<PatientRecord>,
    /// Rows for which the record of their patient has no room.
    refused: Vec<RowNumber>,
}

/// The patients of a group after they were written.
#[derive(Default)]
pub struct UpsertOutcome {
    /// All patients of the rows as they are now. Another job may have changed them, too.
    pub records: Vec<PatientRecord>,
    /// Rows for which the record of their patient had no room.
    pub refused: Vec<RowNumber>,
}

impl Decision {
    /// Returns every patient of the rows, after the change.
    pub fn records(&self) -> impl Iterator<Item = &PatientRecord> {
        self.merged.records.iter().chain(self.unchanged())
    }

    fn unchanged(&self) -> impl Iterator<Item = &PatientRecord> {
        let is_merged =
            |id: &PatientId| self.merged.records.iter().any(|record| record.patient.id == *id);
        let unchanged = self.before.iter().filter(move |(id, _)| !is_merged(id));
        unchanged
            .filter(|(id, _)| self.patients.contains(&Some(**id)))
            .map(|(_, record)| &record.value)
    }
}

/// What the upserts of all groups of a job need.
pub struct Upsert<'a, P> {
    /// Where the patients are stored.
    pub ports: &'a P,
    /// The job of the rows.
    pub job: &'a Job,
}

impl<P: Ports> Upsert<'_, P> {
    /// Returns what is stored about the identities of all groups, read in batches.
    pub async fn load(&self, groups: &[Group]) -> Result<Known, Error> {
        let identities: Vec<Identity> = groups.iter().map(|group| group.identity).collect();
        let people = self.ports.patients().load_people(&identities).await?;
        let mut wanted: Vec<PatientId> = Vec::new();
        for group in groups {
            if let Some(people) = people.get(&group.identity) {
                let known: Vec<PatientId> =
                    people.value.people().iter().map(|person| person.id).collect();
                let matched = self.matched(group, &people.value);
                wanted.extend(matched.patients.iter().flatten().filter(|id| known.contains(id)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let patients = self.ports.patients().load_patients(self.job.customer, &wanted).await?;
        Ok(Known { people, patients })
    }

    /// Decides which patient each row of a group belongs to. The decision is stored when this
    /// returns, and no patient is written yet.
    pub async fn decide(&self, group: &Group, known: &Known) -> Result<Decision, Error> {
        let mut people = known.people.get(&group.identity).cloned();
        let mut patients = patients_of(people.as_ref(), &known.patients);
        retry_conflicts(async || {
            let empty = People::default();
            let before = people.as_ref().map_or(&empty, |people| &people.value);
            let matched = self.matched(group, before);
            let merged = self.merge(group, &matched.patients, &patients);
            let changes_nothing = merged.records.is_empty() && !matched.changed;
            if !matched.was_decided && !changes_nothing {
                let version = people.as_ref().map(|people| people.version);
                let store =
                    self.ports.patients().store_people(&group.identity, &matched.people, version);
                if store.await? == Write::Conflict {
                    (people, patients) = self.reload(group).await?;
                    return Ok(None);
                }
            }
            let before = std::mem::take(&mut patients);
            Ok(Some(Decision { patients: matched.patients, before, merged }))
        })
        .await
    }

    /// Creates or updates the patients of a group as decided. Returns all of its patients, also
    /// those that do not change.
    pub async fn write(&self, group: &Group, decision: &Decision) -> Result<UpsertOutcome, Error> {
        let mut outcome = UpsertOutcome {
            records: decision.unchanged().cloned().collect(),
            refused: decision.merged.refused.clone(),
        };
        for record in &decision.merged.records {
            self.store(group, decision, record, &mut outcome).await?;
        }
        Ok(outcome)
    }

    fn matched(&self, group: &Group, people: &People) -> Matched {
        let environment = self.ports.environment();
        let zips: Vec<(RowNumber, Vec<Zip>)> =
            group.rows.iter().map(|(number, row)| (*number, zips_of(row))).collect();
        let rows: Vec<RowToMatch<'_>> =
            zips.iter().map(|(number, zips)| RowToMatch { number: *number, zips }).collect();
        people
            .decide(self.job.id, environment.now(), &rows, || PatientId::new(environment.new_id()))
    }

    /// Merges the rows of a group into the records of their patients.
    fn merge(
        &self,
        group: &Group,
        patient_of_row: &[Option<PatientId>],
        patients: &Records,
    ) -> MergedGroup {
        let mut ids: Vec<PatientId> = patient_of_row.iter().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut group_merged = MergedGroup::default();
        for id in ids {
            let (merged, refused) =
                self.merge_patient(group, patient_of_row, id, patients.get(&id));
            group_merged.records.extend(merged);
            group_merged.refused.extend(refused);
        }
        group_merged
    }

    /// Merges the rows of one patient. Returns the record, if it changes, and the rows that do not
    /// fit into it.
    fn merge_patient(
        &self,
        group: &Group,
        patient_of_row: &[Option<PatientId>],
        id: PatientId,
        before: Option<&Versioned<PatientRecord>>,
    ) -> (Option<PatientRecord>, Vec<RowNumber>) {
        let rows =
            group.rows.iter().zip(patient_of_row).filter(|(_, patient)| **patient == Some(id));
        let (numbers, rows): (Vec<RowNumber>, Vec<&PatientRow>) =
            rows.map(|((number, row), _)| (*number, row)).unzip();
        let source = RowsOfJob {
            job: self.job.id,
            facility: self.job.facility,
            may_overtake: self.job.may_overtake,
            now: self.ports.environment().now(),
        };
        let before = before.map(|record| &record.value);
        let Merged { record, refused } = PatientRecord::merge(before, id, source, rows);
        (record, refused.into_iter().filter_map(|place| numbers.get(place).copied()).collect())
    }

    /// Writes one merged patient. After a conflict, merges the rows into the record that the other
    /// job stored.
    async fn store(
        &self,
        group: &Group,
        decision: &Decision,
        record: &PatientRecord,
        outcome: &mut UpsertOutcome,
    ) -> Result<(), Error> {
        let (id, customer) = (record.patient.id, self.job.customer);
        let mut record = record.clone();
        let mut version = decision.before.get(&id).map(|record| record.version);
        // The record that is stored, if the other job has left nothing to change.
        let stored_before = retry_conflicts(async || {
            if self.ports.patients().store_patient(customer, &record, version).await? == Write::Done
            {
                return Ok(Some(None));
            }
            let mut current = self.ports.patients().load_patients(customer, &[id]).await?;
            version = current.get(&id).map(|current| current.version);
            let (merged, refused) =
                self.merge_patient(group, &decision.patients, id, current.get(&id));
            outcome.refused.extend(refused);
            match merged {
                Some(merged) => record = merged,
                None => return Ok(Some(current.remove(&id).map(|current| current.value))),
            }
            Ok(None)
        });
        let stored_before = stored_before.await?;
        outcome.records.push(stored_before.unwrap_or(record));
        Ok(())
    }

    async fn reload(&self, group: &Group) -> Result<(Option<Versioned<People>>, Records), Error> {
        let mut known = self.load(std::slice::from_ref(group)).await?;
        Ok((known.people.remove(&group.identity), known.patients))
    }
}

/// Returns the patients of one identity out of those of a chunk.
fn patients_of(people: Option<&Versioned<People>>, all: &Records) -> Records {
    people
        .into_iter()
        .flat_map(|people| people.value.people())
        .filter_map(|person| all.get(&person.id).map(|record| (person.id, record.clone())))
        .collect()
}

fn zips_of(row: &PatientRow) -> Vec<Zip> {
    row.addresses.iter().map(|address| address.zip).collect()
}
