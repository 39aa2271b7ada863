//! What becomes of an item and of rows that are folded into it.

use std::collections::BTreeMap;

use super::Person;
use crate::ids::{PatientId, RowNumber};
use crate::mutants::{Bug, has};
use crate::outcome::{FailureReason, RowEffect, RowResult};
use crate::patient::ExternalId;
use crate::problem::{Problem, RowProblems};
use crate::record::PatientRecord;
use crate::roster::Roster;
use crate::warning::PatientWarnings;

/// A person after the rows of a job.
#[derive(Clone, PartialEq, Debug)]
pub struct Folded {
    /// The item as it has to be stored.
    pub person: Person,
    /// Whether the item has to be stored: the rows change a patient, or a later attempt could
    /// decide otherwise.
    pub is_changed: bool,
    /// The outcome of each row, in file order.
    pub rows: Vec<FoldedRow>,
    /// The index of the identity in the item.
    pub(super) place: usize,
    /// The indexes of the rows' patients among those of the identity, each with the external id
    /// that the patient had before the rows.
    pub(super) touched: BTreeMap<usize, Option<ExternalId>>,
    /// The rosters that the rows put patients on. A patient is not named again if its stored record
    /// says that this job has put it on the roster, because the roster's entry was stored before
    /// the record.
    pub listed: Vec<(Roster, PatientId)>,
}

/// The outcome of a row.
#[derive(Clone, PartialEq, Debug)]
pub struct FoldedRow {
    /// The number of the row.
    pub number: RowNumber,
    /// The patient of the row. `None` if the item has no room for the row.
    pub patient: Option<PatientId>,
    /// What the row did to its patient, by this write or by that of an earlier attempt.
    pub effect: RowEffect,
    /// What the row is warned of.
    pub warnings: PatientWarnings,
    /// Whether the row creates its patient by the write that this fold asks for.
    pub creates: bool,
}

impl FoldedRow {
    /// Returns how the row ended, once its person is stored.
    pub fn result(&self) -> RowResult {
        if self.patient.is_none() {
            let problems = RowProblems::of_row(Problem::TooLarge);
            return RowResult::Failed(FailureReason::Problems(problems));
        }
        RowResult::Succeeded { patient: self.patient, effect: self.effect }
    }
}

impl Folded {
    /// Returns the patients of the rows, after the rows.
    pub fn records(&self) -> impl Iterator<Item = &PatientRecord> {
        let known = self.person.identities.get(self.place);
        known.into_iter().flat_map(|known| self.touched.keys().map(|index| &known.patients[*index]))
    }

    /// Returns the patients that are opted out after the rows, and that were there before.
    pub fn opted_out(&self) -> impl Iterator<Item = PatientId> {
        let is_new =
            |id: PatientId| self.rows.iter().any(|row| row.creates && row.patient == Some(id));
        let opted_out = self.records().filter(|record| record.patient.hie_opt_out);
        let announced = !has(Bug::WithdrawalByRowsNotAnnounced);
        opted_out.map(|record| record.patient.id).filter(move |id| announced && !is_new(*id))
    }

    /// Returns the patients to which the rows give an external id that they did not have.
    pub fn new_external_ids(&self) -> impl Iterator<Item = (PatientId, &ExternalId)> {
        let is_new = |(record, before): &(&PatientRecord, &Option<ExternalId>)| {
            record.patient.external_id != **before
        };
        self.records().zip(self.touched.values()).filter(is_new).filter_map(|(record, _)| {
            Some((record.patient.id, record.patient.external_id.as_ref()?))
        })
    }

    /// Returns whether another patient of the item had this external id before the rows.
    pub fn had_other_with(&self, external_id: &ExternalId, patient: PatientId) -> bool {
        self.person.identities.iter().enumerate().any(|(place, known)| {
            known.patients.iter().enumerate().any(|(index, record)| {
                let touched = self.touched.get(&index).filter(|_| place == self.place);
                let before = touched.unwrap_or(&record.patient.external_id);
                record.patient.id != patient && before.as_ref() == Some(external_id)
            })
        })
    }

    /// Returns the patients that the rows created or updated in an earlier attempt, and that a call
    /// has corrected since then. [`Folded::records`] does not have them.
    pub fn corrected_since(&self) -> impl Iterator<Item = PatientId> {
        let changed = self.rows.iter().filter(|row| row.effect != RowEffect::Unchanged);
        let patients = changed.filter_map(|row| row.patient);
        patients.filter(|patient| self.person.was_corrected(*patient))
    }

    /// Warns a row that creates a patient under an external id that another patient has.
    pub fn warn_of_other_patient(&mut self, row: RowNumber) {
        let warning = PatientWarnings::OTHER_PATIENT_HAS_ID;
        if let Some(folded) = self.rows.iter_mut().find(|folded| folded.number == row) {
            folded.warnings.add(warning);
        }
        let known = self.person.identities.get_mut(self.place);
        if let Some(decision) = known.and_then(|known| known.decisions.last_mut()) {
            decision.warn(row, warning);
        }
    }
}
