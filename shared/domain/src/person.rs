//! A person: all patients of one bucket, of which there is nearly always one, and how the rows of a
//! job are folded into it.
//!
//! An identity (names, date of birth, gender) can belong to several patients, told apart by where
//! they live: a row's patient is the oldest one of its identity that shares a zip code with it, and
//! a new one if there is none. Because a patient's zip codes grow with every row, the rows of an
//! identity are folded in file order, in one go, and stored by one conditional write.
//!
//! A chunk can be received twice, with another job's rows folded in between. Folding again would
//! then give another answer for rows that already had one. The item therefore remembers what it
//! decided for a job, and the answer to a repeated question is the remembered one. The module
//! [`deletion`] says what it remembers of a deleted patient, and [`correction`] how a patient gets
//! another identity.

pub mod correction;
mod decision;
pub mod deletion;
mod external_ids;
mod folded;
pub mod gone;
mod jobs;
mod patients;
mod stored;
pub mod undo;

use std::collections::BTreeMap;

use crate::hash_key::{Bucket, HashKey, IdentityHash};
use crate::identity::Identity;
use crate::ids::{PatientId, RowNumber};
use crate::mutants::{Bug, has};
use crate::outcome::RowEffect;
use crate::patient::{ExternalId, PatientRow, Zip};
use crate::record::{Merged, PatientRecord, RowsOfJob};
use crate::roster::Roster;
use crate::stored_size::{LARGEST_PATIENTS, LARGEST_PERSON};
use crate::warning::PatientWarnings;

use decision::{DECISION_SIZE, Decision, Place, RUN_SIZE, WARNED_SIZE};
pub use folded::{Folded, FoldedRow};
use gone::{DeletedPatient, MOVED_SIZE, MovedPatient};

/// The patients of one bucket, and the decisions about them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Person {
    identities: Vec<KnownIdentity>,
    /// The patients with an id of this bucket that are in other items.
    moved: Vec<MovedPatient>,
}

/// The patients of one identity, in the order in which they were created. The names, the date of
/// birth and the gender of the first are the identity. Without patients there is a deleted one.
#[derive(Clone, PartialEq, Debug, Default)]
struct KnownIdentity {
    patients: Vec<PatientRecord>,
    decisions: Vec<Decision>,
    /// The patients that were deleted while jobs that still write could have rows about them.
    deleted: Vec<DeletedPatient>,
    /// The hash of the identity, if all its patients were deleted.
    hash: Option<IdentityHash>,
}

/// The rows of one identity in a job.
#[derive(Clone, Debug)]
pub struct Group {
    /// The bucket of the identity.
    pub bucket: Bucket,
    /// The identity of all rows.
    pub identity: Identity,
    /// The rows, in file order.
    pub rows: Vec<(RowNumber, PatientRow)>,
}

impl Person {
    /// Returns the oldest patient of an identity that shares a zip code with `zips`.
    pub fn find(&self, identity: &Identity, zips: &[Zip]) -> Option<&PatientRecord> {
        let known = self.identities.iter().find(|known| known.has_patient(identity))?;
        known.position(zips).map(|index| &known.patients[index])
    }

    /// Returns the size of the patients in the store, in bytes.
    fn patients_size(&self) -> usize {
        self.identities.iter().map(KnownIdentity::patients_size).sum()
    }

    /// Returns the size of the item in the store, in bytes.
    pub fn stored_size(&self) -> usize {
        let moved = MOVED_SIZE * self.moved.len();
        ITEM_SIZE + moved + self.identities.iter().map(KnownIdentity::stored_size).sum::<usize>()
    }

    /// Folds the rows of a group into the item, in file order. A row that does not fit into it is
    /// refused, and the rows behind it go on without it.
    #[must_use]
    pub fn fold(mut self, group: &Group, key: &HashKey, source: RowsOfJob) -> Folded {
        let known = self.identities.iter().position(|known| known.is(&group.identity, key));
        let place = known.unwrap_or(self.identities.len());
        if known.is_none() {
            self.identities.push(KnownIdentity::default());
        }
        let remembered = self.identities[place].remember(source);
        let others = Size {
            patients: self.patients_size() - self.identities[place].patients_size(),
            whole: self.stored_size() - self.identities[place].stored_size() + DECISION_SIZE,
        };
        let mut fold = Fold {
            known: &mut self.identities[place],
            remembered,
            decision: Decision::new(source.job),
            is_open: false,
            before: BTreeMap::new(),
            others,
            room: Size::default(),
            source,
        };
        let mut rows = Vec::with_capacity(group.rows.len());
        for (number, row) in &group.rows {
            let new_id = || key.patient_id(group.bucket, source.job, *number);
            rows.push(fold.row(*number, row, new_id));
        }
        let Finished { is_changed, touched, listed } = fold.finish();
        if self.identities[place].patients.is_empty() && self.identities[place].deleted.is_empty() {
            self.identities.remove(place);
        }
        Folded { person: self, is_changed, rows, place, touched, listed }
    }
}

/// What is decided of a row for which the item has no room.
const REFUSED: (Place, PatientWarnings) = (Place::NoRoom, PatientWarnings::NONE);

impl KnownIdentity {
    fn is(&self, identity: &Identity, key: &HashKey) -> bool {
        self.has_patient(identity)
            || self.hash.is_some_and(|hash| hash == key.deleted_identity(identity))
    }

    fn has_patient(&self, identity: &Identity) -> bool {
        let first = self.patients.first();
        first.is_some_and(|record| Identity::of_patient(&record.patient) == *identity)
    }

    /// Returns the place of the oldest patient that shares a zip code with `zips`.
    fn position(&self, zips: &[Zip]) -> Option<usize> {
        self.patients.iter().position(|record| shares_zip(record, zips))
    }

    fn patients_size(&self) -> usize {
        self.patients.iter().map(PatientRecord::stored_size).sum()
    }

    fn stored_size(&self) -> usize {
        let decisions: usize = self.decisions.iter().map(Decision::stored_size).sum();
        let deleted: usize = self.deleted.iter().map(DeletedPatient::stored_size).sum();
        IDENTITY_SIZE + self.patients_size() + decisions + deleted
    }

    /// Returns the remembered decision of a job, and forgets those of jobs that write no more.
    fn remember(&mut self, source: RowsOfJob) -> Option<Decision> {
        self.forget(source.now);
        let place = self.decisions.iter().position(|decision| decision.job == source.job)?;
        let remembered = self.decisions.remove(place);
        (!has(Bug::DecisionForgotten)).then_some(remembered)
    }
}

fn shares_zip(record: &PatientRecord, zips: &[Zip]) -> bool {
    record.zips().any(|zip| zips.contains(&zip))
}

/// A part of an item, in bytes.
#[derive(Default)]
struct Size {
    patients: usize,
    whole: usize,
}

/// The rows of a group on their way into the patients of their identity.
struct Fold<'a> {
    known: &'a mut KnownIdentity,
    remembered: Option<Decision>,
    decision: Decision,
    /// Whether a row got a patient that is not the first of its identity, by a decision that is not
    /// remembered yet.
    is_open: bool,
    /// The touched patients as they were before. `None` for a patient that is new.
    before: BTreeMap<usize, Option<PatientRecord>>,
    /// The size of everything that the rows do not change.
    others: Size,
    /// Bytes that are certainly free. Measured when a row does not fit into them, because most
    /// patients are made of one row.
    room: Size,
    source: RowsOfJob,
}

impl Fold<'_> {
    fn row(
        &mut self,
        number: RowNumber,
        row: &PatientRow,
        new_id: impl FnOnce() -> PatientId,
    ) -> FoldedRow {
        let zips: Vec<Zip> = row.addresses.iter().map(|address| address.zip).collect();
        let remembered = self.remembered.as_ref().and_then(|decision| decision.of(number));
        // The rows of a remembered decision are in their patients. A row that became valid since
        // then is not, and shows it by its zip codes.
        let remembered = remembered.filter(|(place, _)| match place {
            // The zip codes of a deleted patient are not known any more, so that a row of its run
            // counts as in it.
            Place::NoRoom | Place::Deleted(..) => true,
            Place::At(index, _) => {
                self.known.patients.get(*index).is_some_and(|record| shares_zip(record, &zips))
            }
        });
        let is_remembered = remembered.is_some();
        let (place, warnings) = match remembered {
            Some((Place::NoRoom, _)) => REFUSED,
            Some((place @ Place::Deleted(..), warnings)) => (place, warnings),
            Some((Place::At(index, effect), warnings)) => match self.merge(index, row) {
                Some(new) if has(Bug::WarningsForgotten) => {
                    (Place::At(index, effect), new.warnings)
                }
                Some(new) if has(Bug::EffectsForgotten) => {
                    (Place::At(index, new.effect()), warnings)
                }
                Some(_) => (Place::At(index, effect), warnings),
                None => REFUSED,
            },
            None => {
                let decided = self.decide(row, &zips, new_id);
                self.is_open |= matches!(decided.0, Place::At(index, _) if index > 0);
                decided
            }
        };
        self.decision.add(number, place, warnings);
        let (patient, effect) = match place {
            Place::At(index, effect) => (Some(self.known.patients[index].patient.id), effect),
            Place::Deleted(index, effect) => {
                (self.known.deleted.get(index).map(|deleted| deleted.id), effect)
            }
            Place::NoRoom => (None, RowEffect::Unchanged),
        };
        let creates = effect == RowEffect::Created && !is_remembered;
        FoldedRow { number, patient, effect, warnings, creates }
    }

    /// Decides the patient of a row, and adds the row to it.
    fn decide(
        &mut self,
        row: &PatientRow,
        zips: &[Zip],
        new_id: impl FnOnce() -> PatientId,
    ) -> (Place, PatientWarnings) {
        if !self.has_room(0, RUN_SIZE + WARNED_SIZE) {
            return REFUSED;
        }
        if let Some(index) = self.known.position(zips) {
            return match self.merge(index, row) {
                Some(merged) => (Place::At(index, merged.effect()), merged.warnings),
                None => REFUSED,
            };
        }
        if !self.has_room(row.stored_size(), 0) {
            return REFUSED;
        }
        self.known.patients.push(PatientRecord::create(new_id(), self.source, row));
        self.known.hash = None;
        let index = self.known.patients.len() - 1;
        self.before.insert(index, None);
        (Place::At(index, RowEffect::Created), PatientWarnings::default())
    }

    /// Adds a row to a patient. Returns `None` if there is no room.
    fn merge(&mut self, index: usize, row: &PatientRow) -> Option<Merged> {
        let record = &self.known.patients[index];
        self.before.entry(index).or_insert_with(|| Some(record.clone()));
        if self.has_room(row.stored_size(), 0) {
            return Some(self.known.patients[index].update(self.source, row));
        }
        let without = self.known.patients[index].mark();
        let merged = self.known.patients[index].update(self.source, row);
        if self.free().is_none() {
            self.known.patients[index].go_back_to(without);
            return None;
        }
        Some(merged)
    }

    /// Takes so many bytes for patients and for the decision, if there is room for them.
    fn has_room(&mut self, patients: usize, decision: usize) -> bool {
        let fits = |room: &Size| patients <= room.patients && patients + decision <= room.whole;
        if !fits(&self.room) {
            self.room = self.free().unwrap_or_default();
        }
        let has_room = fits(&self.room);
        if has_room {
            self.room.patients -= patients;
            self.room.whole -= patients + decision;
        }
        has_room
    }

    /// Returns the bytes that are free. `None` if the item is too large.
    fn free(&self) -> Option<Size> {
        let patients = self.others.patients + self.known.patients_size();
        let whole = self.others.whole + self.known.stored_size() + self.decision.stored_size();
        Some(Size {
            patients: LARGEST_PATIENTS.checked_sub(patients)?,
            whole: LARGEST_PERSON.checked_sub(whole)?,
        })
    }

    /// Adds the decision. Returns whether the item has to be stored, and what is new about the
    /// touched patients.
    ///
    /// A decision about rows that change nothing is stored only if another job could change it, by
    /// giving the zip code of a row to an older patient, before this job stores its outcomes. Then
    /// a second attempt would decide for the older patient and write it, although the outcomes of
    /// the first attempt, which count, name the other. No patient is older than the first of an
    /// identity, which nearly always is the only one.
    ///
    /// The decision could be derived without this write only if each address remembered its job,
    /// and if no older job were open: then a second attempt could ignore what came later.
    fn finish(self) -> Finished {
        let (mut is_changed, job) = (self.is_open, self.source.job);
        let (mut touched, mut listed) = (BTreeMap::new(), Vec::new());
        for (index, before) in self.before {
            let record = &mut self.known.patients[index];
            is_changed |= record.note_change(before.as_ref(), self.source);
            let is_new = |roster: &Roster| {
                before.as_ref().is_none_or(|before| before.listed_by(*roster) != Some(job))
            };
            let new = record.rosters_by(job).filter(is_new);
            listed.extend(new.map(|roster| (roster, record.patient.id)));
            touched.insert(index, before.and_then(|before| before.patient.external_id));
        }
        self.known.decisions.push(self.decision);
        Finished { is_changed, touched, listed }
    }
}

/// What a fold has made of the patients.
struct Finished {
    is_changed: bool,
    touched: BTreeMap<usize, Option<ExternalId>>,
    listed: Vec<(Roster, PatientId)>,
}

/// The size of an item without anything in it: `{"v":1,"j":[],"p":[]}` and some room.
const ITEM_SIZE: usize = 64;

/// The size of an identity without patients and decisions: `{"p":[],"d":[],"g":[]},`, and of its
/// hash, which it has instead of patients.
const IDENTITY_SIZE: usize = 24;

#[cfg(test)]
mod tests;
