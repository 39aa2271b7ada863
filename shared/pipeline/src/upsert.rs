//! Create or update: the rows of one identity become patients, by conditional writes alone.
//!
//! First the identity's record decides who each row's patient is, then the patients are written. Both
//! writes are conditional on the version that was read; a conflict means that another job works on the
//! same person, and the decision is made again on what that job left. Repeating all of it, after any
//! crash, gives the same patients: the record remembers its decisions, and merging a row into a patient
//! that has it already changes nothing.

use std::collections::HashMap;

use domain::identity::Identity;
use domain::ids::{PatientId, RowNumber};
use domain::job::Job;
use domain::matching::{Matched, People, RowToMatch};
use domain::patient::{PatientRow, Zip};
use domain::record::{Merged, PatientRecord, RowsOfJob};

use crate::Error;
use crate::ports::{
    Clock, LoadPatients, LoadPeople, Randomness, StorePatient, StorePeople, Versioned, Write,
};

/// Conflicting writes to one identity after which the chunk is left to a later delivery.
const MAX_ATTEMPTS: u32 = 20;

/// The rows of one identity in a chunk, in file order, each with the zip codes it is matched by.
pub struct Group {
    /// The identity that they share.
    pub identity: Identity,
    /// The rows.
    pub rows: Vec<(RowNumber, PatientRow)>,
}

/// What the upsert works with.
pub struct Upsert<'a, P, C> {
    /// Patients and identities.
    pub patients: &'a P,
    /// Time and ids.
    pub world: &'a C,
    /// The job.
    pub job: &'a Job,
}

/// What was read before the first try, for all groups of a chunk at once.
#[derive(Default)]
pub struct Known {
    people: HashMap<Identity, Versioned<People>>,
    patients: HashMap<PatientId, Versioned<PatientRecord>>,
}

/// What the rows of a group come to.
pub struct Decided {
    /// The patient of each row; none for a row that the record of its identity has no room for.
    pub patients: Vec<Option<PatientId>>,
    /// The patients as they were.
    before: HashMap<PatientId, Versioned<PatientRecord>>,
    /// The patients that change, as they are to be.
    merged: MergedGroup,
}

/// What merging the rows of a group comes to.
#[derive(Default)]
struct MergedGroup {
    /// The patients that change, as they are to be.
    records: Vec<PatientRecord>,
    /// Rows that the record of their patient has no room for.
    refused: Vec<RowNumber>,
}

/// What was written of a group.
#[derive(Default)]
pub struct Written {
    /// All patients of the rows as they are now, which another job may have changed, too.
    pub records: Vec<PatientRecord>,
    /// Rows that the record of their patient had no room for.
    pub refused: Vec<RowNumber>,
}

impl Decided {
    /// Every patient of the rows, as it is to be.
    pub fn records(&self) -> impl Iterator<Item = &PatientRecord> {
        self.merged.records.iter().chain(self.unchanged())
    }

    fn unchanged(&self) -> impl Iterator<Item = &PatientRecord> {
        let is_merged = |id: &PatientId| self.merged.records.iter().any(|record| record.patient.id == *id);
        let unchanged = self.before.iter().filter(move |(id, _)| !is_merged(id));
        unchanged.filter(|(id, _)| self.patients.contains(&Some(**id))).map(|(_, record)| &record.value)
    }
}

impl<P, C> Upsert<'_, P, C>
where
    P: LoadPeople + StorePeople + LoadPatients + StorePatient,
    C: Clock + Randomness,
{
    /// Reads what is known about all groups, in batches.
    pub async fn load(&self, groups: &[Group]) -> Result<Known, Error> {
        let identities: Vec<Identity> = groups.iter().map(|group| group.identity).collect();
        let people = self.patients.load_people(&identities).await?;
        let mut wanted: Vec<PatientId> = Vec::new();
        for group in groups {
            if let Some(people) = people.get(&group.identity) {
                let known: Vec<PatientId> = people.value.people().iter().map(|person| person.id).collect();
                let matched = self.matched(group, &people.value);
                wanted.extend(matched.patients.iter().flatten().filter(|id| known.contains(id)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let patients = self.patients.load_patients(self.job.customer, &wanted).await?;
        Ok(Known { people, patients })
    }

    /// Decides whose each row of one group is. When this is done the decision stands, whatever happens
    /// then; no patient is written yet.
    pub async fn decide(&self, group: &Group, known: &Known) -> Result<Decided, Error> {
        let mut people = known.people.get(&group.identity).cloned();
        let mut patients = patients_of(people.as_ref(), &known.patients);
        for _ in 0..MAX_ATTEMPTS {
            let empty = People::default();
            let before = people.as_ref().map_or(&empty, |people| &people.value);
            let matched = self.matched(group, before);
            let merged = self.merge(group, &matched.patients, &patients);
            let is_nothing_new = merged.records.is_empty() && !matched.changed;
            if !matched.was_decided && !is_nothing_new {
                let version = people.as_ref().map(|people| people.version);
                let stored = self.patients.store_people(&group.identity, &matched.people, version).await?;
                if stored == Write::Conflict {
                    (people, patients) = self.reload(group).await?;
                    continue;
                }
            }
            return Ok(Decided { patients: matched.patients, before: patients, merged });
        }
        Err(Error::Contended { attempts: MAX_ATTEMPTS })
    }

    /// Creates or updates the patients of a group whose rows are decided.
    pub async fn write(&self, group: &Group, decided: &Decided) -> Result<Written, Error> {
        let mut written = Written {
            records: decided.unchanged().cloned().collect(),
            refused: decided.merged.refused.clone(),
        };
        for record in &decided.merged.records {
            self.store(group, decided, record, &mut written).await?;
        }
        Ok(written)
    }

    fn matched(&self, group: &Group, people: &People) -> Matched {
        let zips: Vec<(RowNumber, Vec<Zip>)> =
            group.rows.iter().map(|(number, row)| (*number, zips_of(row))).collect();
        let rows: Vec<RowToMatch<'_>> =
            zips.iter().map(|(number, zips)| RowToMatch { number: *number, zips }).collect();
        people.decide(self.job.id, self.world.now(), &rows, || PatientId::new(self.world.new_id()))
    }

    /// Folds all rows into their patients.
    fn merge(
        &self,
        group: &Group,
        patient_of_row: &[Option<PatientId>],
        patients: &HashMap<PatientId, Versioned<PatientRecord>>,
    ) -> MergedGroup {
        let mut ids: Vec<PatientId> = patient_of_row.iter().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut group_merged = MergedGroup::default();
        for id in ids {
            let (merged, refused) = self.merge_patient(group, patient_of_row, id, patients.get(&id));
            group_merged.records.extend(merged);
            group_merged.refused.extend(refused);
        }
        group_merged
    }

    /// Folds the rows of one patient. Returns the record, if it changes, and the rows that do not fit into it.
    fn merge_patient(
        &self,
        group: &Group,
        patient_of_row: &[Option<PatientId>],
        id: PatientId,
        before: Option<&Versioned<PatientRecord>>,
    ) -> (Option<PatientRecord>, Vec<RowNumber>) {
        let rows = group.rows.iter().zip(patient_of_row).filter(|(_, patient)| **patient == Some(id));
        let (numbers, rows): (Vec<RowNumber>, Vec<&PatientRow>) =
            rows.map(|((number, row), _)| (*number, row)).unzip();
        let source = RowsOfJob {
            job: self.job.id,
            facility: self.job.facility,
            may_overtake: self.job.may_overtake,
            now: self.world.now(),
        };
        let before = before.map(|record| &record.value);
        let Merged { record, refused } = PatientRecord::merge(before, id, source, rows);
        (record, refused.into_iter().filter_map(|place| numbers.get(place).copied()).collect())
    }

    /// Writes one merged patient. On a conflict the rows are merged into what the other job left.
    async fn store(
        &self,
        group: &Group,
        decided: &Decided,
        record: &PatientRecord,
        written: &mut Written,
    ) -> Result<(), Error> {
        let id = record.patient.id;
        let mut record = record.clone();
        let mut version = decided.before.get(&id).map(|record| record.version);
        for _ in 0..MAX_ATTEMPTS {
            if self.patients.store_patient(self.job.customer, &record, version).await? == Write::Done {
                written.records.push(record);
                return Ok(());
            }
            let mut current = self.patients.load_patients(self.job.customer, &[id]).await?;
            version = current.get(&id).map(|current| current.version);
            let (merged, refused) = self.merge_patient(group, &decided.patients, id, current.get(&id));
            written.refused.extend(refused);
            let Some(merged) = merged else {
                written.records.extend(current.remove(&id).map(|current| current.value));
                return Ok(());
            };
            record = merged;
        }
        Err(Error::Contended { attempts: MAX_ATTEMPTS })
    }

    async fn reload(
        &self,
        group: &Group,
    ) -> Result<(Option<Versioned<People>>, HashMap<PatientId, Versioned<PatientRecord>>), Error> {
        let mut known = self.load(std::slice::from_ref(group)).await?;
        Ok((known.people.remove(&group.identity), known.patients))
    }
}

/// The patients of one identity out of those of a chunk.
fn patients_of(
    people: Option<&Versioned<People>>,
    all: &HashMap<PatientId, Versioned<PatientRecord>>,
) -> HashMap<PatientId, Versioned<PatientRecord>> {
    people
        .into_iter()
        .flat_map(|people| people.value.people())
        .filter_map(|person| all.get(&person.id).map(|record| (person.id, record.clone())))
        .collect()
}

fn zips_of(row: &PatientRow) -> Vec<Zip> {
    row.addresses.iter().map(|address| address.zip).collect()
}
