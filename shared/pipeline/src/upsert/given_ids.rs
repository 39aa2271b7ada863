//! Which external ids the rows of a chunk give to which patients.

use std::collections::{BTreeSet, HashMap};

use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::patient::ExternalId;
use bulk_domain::person::Group;

use super::Attempt;

/// The external ids that the rows of a chunk give to patients.
#[derive(Default)]
pub(super) struct GivenIds<'a> {
    /// The rows that give a patient an external id, in file order.
    rows: HashMap<PatientId, Vec<(RowNumber, &'a ExternalId)>>,
    /// The patients that get an external id. Usually it is one.
    patients: HashMap<&'a ExternalId, BTreeSet<PatientId>>,
}

impl<'a> GivenIds<'a> {
    /// Collects the external ids of the groups, as the attempts have folded them.
    pub(super) fn of(groups: &'a [Group], attempts: &[Attempt]) -> Self {
        let mut given = Self::default();
        for (group, attempt) in groups.iter().zip(attempts) {
            for ((number, row), folded) in group.rows.iter().zip(&attempt.folded.rows) {
                if let (Some(external_id), Some(patient)) = (&row.external_id, folded.patient) {
                    given.rows.entry(patient).or_default().push((*number, external_id));
                    given.patients.entry(external_id).or_default().insert(patient);
                }
            }
        }
        for rows in given.rows.values_mut() {
            rows.sort_unstable_by_key(|(number, _)| *number);
        }
        given
    }

    /// Returns the external id that a patient got last before a row.
    pub(super) fn before(&self, row: RowNumber, patient: PatientId) -> Option<&'a ExternalId> {
        let rows = self.rows.get(&patient)?;
        let earlier = rows.partition_point(|(number, _)| *number < row);
        rows[..earlier].last().map(|(_, id)| *id)
    }

    /// Returns whether a patient other than this one has an external id before a row.
    pub(super) fn have_before(&self, row: RowNumber, id: &ExternalId, except: PatientId) -> bool {
        let patients = self.patients.get(id).into_iter().flatten();
        patients
            .filter(|patient| **patient != except)
            .any(|patient| self.before(row, *patient) == Some(id))
    }

    /// Returns whether the patient gets an external id.
    pub(super) fn has(&self, patient: PatientId) -> bool {
        self.rows.contains_key(&patient)
    }
}
