//! What tests put into a cloud before they begin.

use std::sync::Arc;

use bulk_domain::document::DocumentRecord;
use bulk_domain::ids::{CustomerId, FacilityId, JobId, PatientId};
use bulk_domain::query::{
    PatientQuery, QueryAttemptId, QueryOutcome, QueryRequestId, StoredDocuments,
};
use bulk_domain::record::RowsOfJob;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::{DocumentStore as _, Environment as _, PortResult, Write};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::permanent;
use crate::{Cloud, NoFaults, Operation};

/// The facility of the rows that [`Cloud::add_row`] stores, unless they name another one.
const FACILITY: FacilityId = FacilityId::new(Uuid::from_u128(3));

impl Cloud {
    /// Returns an empty cloud without faults, at 2027-01-15T08:00:00Z.
    pub fn calm() -> Self {
        Self::new(Arc::new(NoFaults), Timestamp::from_millis(1_800_000_000_000), 1)
    }

    /// Stores a row as [`Cloud::add_patient`] does. `fields` are the fields of the row, beside
    /// those that every row has to have. Returns the patient.
    ///
    /// # Errors
    ///
    /// Returns an error if `fields` are no fields of a row, and those of [`Cloud::add_patient`].
    pub async fn add_row(
        &self,
        customer: CustomerId,
        job: JobId,
        fields: &Value,
    ) -> PortResult<PatientId> {
        let mut row = json!({
            "firstName": "Ottoline", "lastName": "Vandersloot", "dob": "1961-12-01", "gender": "F",
            "addresses": [{"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"}],
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        let malformed = |_| permanent(Operation::PutItem, "malformed row");
        let row = serde_json::from_str(&row.to_string()).map_err(malformed)?;
        let source = RowsOfJob { job, facility: FACILITY, may_overtake: false, now: self.now() };
        self.add_patient(customer, source, &[row]).await
    }

    /// Stores a document query of a patient that found these documents, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// Returns an error if a fault hits a call, or if the patient has a query that has not ended.
    pub async fn add_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        documents: &[DocumentRecord],
    ) -> PortResult<StoredDocuments> {
        let refused = || permanent(Operation::PutItem, "refused");
        let known = self.load_queries(customer, &[patient]).await?.remove(&patient);
        let (known, version) = known.map(|known| (known.value, known.version)).unzip();
        let request = QueryRequestId::new(self.new_id());
        let query = PatientQuery::asked(known.as_ref(), request, self.now()).ok_or_else(refused)?;
        let found_by = QueryAttemptId::new(self.new_id());
        let stored = self.store_documents(customer, patient, found_by, documents).await?;
        let count = u32::try_from(documents.len()).map_err(|_| refused())?;
        let query = query.ended(QueryOutcome::Documents(count), Some(stored.clone()));
        if self.store_query(customer, patient, &query, version).await? == Write::Conflict {
            return Err(refused());
        }
        self.drop_documents_before(customer, patient, found_by).await?;
        Ok(stored)
    }
}
