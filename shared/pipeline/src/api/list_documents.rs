//! `GET /medical/v1/document`: the documents that one patient's last successful query found.

use domain::document::Document;
use domain::ids::{CustomerId, PatientId};

use crate::api::ApiError;
use crate::api::get_document_query::get_document_query;
use crate::ports::{LoadPatients, LoadQueries, PortError, ReadDocuments};

/// How often a list is looked for that a newer query replaces in the same moment.
const ATTEMPTS: u32 = 5;

/// The documents of the customer's patient.
pub async fn list_documents(
    patients: &(impl LoadPatients + LoadQueries + ReadDocuments),
    customer: CustomerId,
    patient: PatientId,
) -> Result<Vec<Document>, ApiError> {
    for _ in 0..ATTEMPTS {
        let query = get_document_query(patients, customer, patient).await?;
        let Some(stored) = query.and_then(|query| query.documents) else { return Ok(Vec::new()) };
        if let Some(found) = patients.read_documents(customer, patient, stored).await? {
            return Ok(found.into_iter().map(|record| record.document).collect());
        }
    }
    let code = "documents are replaced again and again".to_owned();
    Err(ApiError::Internal(PortError { operation: "list_documents", code, transient: true }))
}
