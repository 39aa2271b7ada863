//! The outcome of a job: the rows of its upload beside their results.

use std::collections::BTreeSet;

use bulk_domain::outcome::RowEffect;
use bulk_domain::undo::{KeptReason, UndoOutcome};

use super::{CANCELED, INTERNAL, OTHER_PATIENT, REPLACED};
use crate::check_undos::undone_patients;
use crate::rows::Row;
use crate::run::{Import, Played};

/// A row of the result file: the cells of the upload, and the three that the service added.
#[derive(Clone, PartialEq, Debug)]
pub struct ResultRow {
    pub(super) cells: Vec<String>,
    pub id: String,
    pub(super) status: String,
    pub(super) reason: String,
    /// What the row did to its patient, by the stored outcomes; `None` for a row that failed.
    pub effect: Option<RowEffect>,
}

impl ResultRow {
    /// Returns the warnings that the row replaced values of its patient.
    pub fn replaced(&self) -> Vec<&str> {
        self.reason.split("; ").filter(|warning| warning.ends_with(REPLACED)).collect()
    }

    /// Returns whether the row was warned that another patient has its external id.
    pub fn is_warned_of_other(&self) -> bool {
        self.reason.split("; ").any(|warning| warning == OTHER_PATIENT)
    }

    /// Returns whether the row failed for a reason outside of it: its job was canceled, or the row
    /// was abandoned.
    pub fn was_left(&self) -> bool {
        self.reason == CANCELED || self.reason == INTERNAL
    }
}

/// A job with a result file: each row of the upload beside its result.
pub struct Outcome<'a> {
    /// The age of the job, as its index among the jobs of its customer, oldest first.
    pub age: u32,
    pub import: &'a Import,
    pub is_dry_run: bool,
    /// Whether the job is undone.
    pub is_undone: bool,
    /// The patients that an undo could not delete.
    not_deleted: BTreeSet<String>,
    pub rows: Vec<(&'a Row, ResultRow)>,
}

impl<'a> Outcome<'a> {
    pub(super) fn of(
        played: &Played,
        age: u32,
        import: &'a Import,
        rows: Vec<(&'a Row, ResultRow)>,
    ) -> Self {
        let job = played.cloud.jobs().into_iter().find(|job| job.id == import.job.job).unwrap();
        let is_undone = job.undo.is_some();
        let undone = if is_undone { undone_patients(played, &job) } else { Vec::new() };
        let not_deleted = undone
            .iter()
            .filter(|undone| undone.outcome == UndoOutcome::Kept(KeptReason::NotDeleted))
            .map(|undone| undone.patient.to_string());
        Self {
            age,
            import,
            is_dry_run: played.story.plans[import.plan].dry_run,
            is_undone,
            not_deleted: not_deleted.collect(),
            rows,
        }
    }

    /// Returns the patient id of each row about this person.
    pub(super) fn ids(&self, person: usize) -> Vec<&str> {
        let of_person = self.rows.iter().filter(|(row, _)| row.person == person);
        of_person.map(|(_, result)| result.id.as_str()).collect()
    }

    /// Returns whether any row opts this person out, even if a later row opts the person in again.
    pub fn opts_out(&self, person: usize) -> bool {
        self.rows.iter().any(|(row, _)| row.person == person && row.opt_out == Some(true))
    }

    /// Returns whether a valid row about this person was canceled or abandoned, or the undo of one.
    pub fn left(&self, person: usize) -> bool {
        self.rows
            .iter()
            .any(|(row, result)| row.person == person && row.flaw.is_none() && result.was_left())
            || self.ids(person).iter().any(|id| self.not_deleted.contains(*id))
    }
}
