//! `GET /medical/v1/document/query?patientId=`: the state of a patient's newest document query.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{PatientQuery, QueryOutcome, QueryRequestId};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::ApiError;
use crate::operations::get_patient::get_patient;
use crate::request::{Parameters, patient_id};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PatientIdQuery {
    /// Id of the patient, which is required.
    #[param(required, value_type = String, format = "uuid")]
    pub patient_id: Option<String>,
}

/// A patient's document query. Empty if the patient never had one.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentQuery {
    /// Id of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    request_id: Option<QueryRequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<DocumentQueryProgress>,
}

/// Progress of a document query. If the gateway does not know the patient, or cannot tell which of
/// several patients it is, the query completes without documents.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentQueryProgress {
    status: DocumentQueryStatus,
    /// Number of documents that the query found. Present once it has completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    /// Number of documents that can be read. Present once the query has completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    successful: Option<u32>,
    /// Attempts that the gateway did not answer. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<u32>,
}

/// Status of a document query.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum DocumentQueryStatus {
    #[default]
    Processing,
    Completed,
    Failed,
}

impl NamesObjects for DocumentQuery {
    fn objects(&self) -> Objects {
        // The query string has named the patient.
        Objects::default()
    }
}

/// Read the state of a patient's document query
#[utoipa::path(
    get, path = "/medical/v1/document/query", operation_id = "getDocumentQuery", tag = "document",
    params(PatientIdQuery),
    responses(
        (status = 200, description = "The newest query. Empty if the patient never had one.", body = DocumentQuery),
        (status = 400, description = "`patientId` is missing."),
        (status = 404, description = "Patient not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<PatientIdQuery>,
) -> Result<Audited<DocumentQuery>, ApiError> {
    let patient = patient_id(query.patient_id.as_deref())?;
    let query = get_document_query(backend.ports(), customer, patient).await?;
    Ok(Audited(query.map(DocumentQuery::from).unwrap_or_default()))
}

/// Returns the newest query of the customer's patient; none if the patient never had one.
pub async fn get_document_query<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<Option<PatientQuery>, ApiError> {
    // The query of a deleted patient may not be deleted yet.
    get_patient(ports, customer, patient).await?;
    let query = ports.documents().load_queries(customer, &[patient]).await?.remove(&patient);
    Ok(query.map(|query| query.value))
}

impl From<PatientQuery> for DocumentQuery {
    fn from(query: PatientQuery) -> Self {
        let errors = (query.failures > 0).then_some(query.failures);
        let progress = |status, found| DocumentQueryProgress {
            status,
            total: found,
            successful: found,
            errors,
        };
        let download = match query.outcome {
            None => progress(DocumentQueryStatus::Processing, None),
            Some(QueryOutcome::Failed) => progress(DocumentQueryStatus::Failed, None),
            Some(QueryOutcome::Documents(total)) => {
                progress(DocumentQueryStatus::Completed, Some(total))
            }
            Some(_) => progress(DocumentQueryStatus::Completed, Some(0)),
        };
        Self { request_id: Some(query.request), download: Some(download) }
    }
}
