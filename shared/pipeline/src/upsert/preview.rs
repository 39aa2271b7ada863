//! What a dry run tells about the rows of a chunk: the outcomes that a real run would have now.
//!
//! The same items are read and the same rows are folded into them as in a real run, and nothing is
//! written. Duplicate rows are in one chunk, so that the rows of a new patient are folded one after
//! the other, as in a real run. Of two new patients in different chunks that would get the same
//! external id, none is warned of the other, because neither is stored.

use bulk_domain::ids::RowNumber;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::RowResult;
use bulk_domain::patient::ExternalId;
use bulk_domain::person::{Group, Person};
use bulk_domain::warning::PatientWarnings;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Attempt, CONCURRENT_UPSERTS, GivenIds, OTHERS_READ, Upsert, UpsertOutcome, UpsertedRow,
};
use crate::Error;
use crate::ports::prelude::*;
use crate::ports::{ExternalIdEntry, Ports};

impl<P: Ports> Upsert<'_, P> {
    /// Returns what [`Upsert::upsert`] would return now. A row has no patient id if its patient
    /// would be new.
    pub async fn preview(&self, groups: &[Group]) -> Result<UpsertOutcome, Error> {
        let known = self.load(groups).await?;
        let fold = |group: &Group| self.fold(group, known.get(&group.bucket).cloned());
        let attempts = groups.iter().map(fold).collect::<Result<Vec<Attempt>, Error>>()?;
        let given = GivenIds::of(groups, &attempts);
        let not_stored = Person::default();
        let previewed: Vec<Vec<(RowNumber, UpsertedRow)>> =
            stream::iter(groups.iter().zip(attempts))
                .map(async |(group, attempt)| {
                    let stored = known.get(&group.bucket).map_or(&not_stored, |known| &known.value);
                    self.preview_group(group, attempt, stored, &given).await
                })
                .buffered(CONCURRENT_UPSERTS)
                .try_collect()
                .await?;
        Ok(UpsertOutcome { rows: previewed.into_iter().flatten().collect(), ..Default::default() })
    }

    async fn preview_group(
        &self,
        group: &Group,
        attempt: Attempt,
        stored: &Person,
        given: &GivenIds<'_>,
    ) -> Result<Vec<(RowNumber, UpsertedRow)>, Error> {
        let mut rows = Vec::with_capacity(group.rows.len());
        for (mut folded, (number, row)) in attempt.folded.rows.into_iter().zip(&group.rows) {
            if folded.creates
                && let (Some(patient), Some(external_id)) = (folded.patient, &row.external_id)
            {
                let others = self.read_external_id(external_id).await?;
                if self.is_taken(external_id, (*number, patient), &others, given).await? {
                    folded.warnings.add(PatientWarnings::OTHER_PATIENT_HAS_ID);
                }
            }
            let mut row = UpsertedRow::from(folded);
            if let RowResult::Succeeded { patient, .. } = &mut row.result
                && !has(Bug::DryRunNamesNewPatients)
            {
                *patient = patient.filter(|id| stored.patient(*id).is_some());
            }
            rows.push((*number, row));
        }
        Ok(rows)
    }

    /// Returns the first entries of an external id.
    async fn read_external_id(
        &self,
        external_id: &ExternalId,
    ) -> Result<Vec<ExternalIdEntry>, Error> {
        let (customer, id) = (self.job.customer, self.hash_key.external_id(external_id));
        let read = self.ports.external_ids().read_external_id(customer, id, None, OTHERS_READ);
        Ok(read.await?)
    }
}
