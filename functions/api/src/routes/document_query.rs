//! `GET` and `POST /medical/v1/document/query?patientId=`

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use domain::query::{PatientQuery, QueryOutcome, QueryRequestId};
use pipeline::api::get_document_query::get_document_query;
use pipeline::api::start_document_query::start_document_query;
use pipeline::api::{ApiError, FieldProblem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::{Parameters, facility, patient};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentQuery {
    patient_id: Option<String>,
    facility_id: Option<String>,
}

/// How the document query of a patient stands. Empty if there never was one.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DocumentQuery)]
pub struct QueryBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    request_id: Option<QueryRequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Progress>,
}

/// A gateway that does not know the patient, or cannot tell which of several it is, leaves a completed query
/// without documents.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DocumentQueryProgress)]
pub struct Progress {
    status: Status,
    /// Documents that were found.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    /// Documents that are there to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    successful: Option<u32>,
    /// Tries that the gateway did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<u32>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DocumentQueryStatus)]
enum Status {
    #[default]
    Processing,
    Completed,
    Failed,
}

/// See how a patient's document query stands.
#[utoipa::path(
    get, path = "/medical/v1/document/query", operation_id = "getDocumentQuery", tag = "document",
    params(("patientId" = String, Query, format = "uuid", description = "The patient.")),
    responses(
        (status = 200, description = "The newest query; empty if there never was one.", body = QueryBody),
        (status = 400, description = "The patient is missing."),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn read(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<DocumentQuery>,
) -> Result<Json<QueryBody>, Problem> {
    let patient = patient(query.patient_id.as_deref())?;
    let query = get_document_query(&app.ports, customer, patient).await?;
    Ok(Json(query.map(QueryBody::from).unwrap_or_default()))
}

/// Look for a patient's documents now.
///
/// A patient has one query at a time: while one has not ended, it is the one that is answered.
#[utoipa::path(
    post, path = "/medical/v1/document/query", operation_id = "startDocumentQuery", tag = "document",
    params(
        ("patientId" = String, Query, format = "uuid", description = "The patient."),
        ("facilityId" = Option<String>, Query, pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", description = "The facility that asks. Optional if the patient has exactly one."),
    ),
    responses(
        (status = 200, description = "The query.", body = QueryBody),
        (status = 400, description = "The patient is missing, or the facility of a patient who has several; or the body asks to leave out networks (`hie`)."),
        (status = 404, description = "There is no such object of yours."),
        (status = 409, description = "The patient is opted out, or there is no gateway to ask."),
    ),
)]
pub async fn start(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<DocumentQuery>,
    body: Bytes,
) -> Result<Json<QueryBody>, Problem> {
    refuse_choice_of_networks(&body)?;
    let patient = patient(query.patient_id.as_deref())?;
    let facility = facility(query.facility_id.as_deref())?;
    let query = start_document_query(&app.ports, customer, patient, facility).await?;
    tracing::info!(patient.id = %patient, request.id = %query.request.as_uuid(), "Document query asked for");
    Ok(Json(query.into()))
}

/// Refuses a body that says which networks to leave out, as a caller of the public API can: there is one gateway, and a
/// query that ignored the wish would tell a network of the patient that is not to know.
fn refuse_choice_of_networks(body: &[u8]) -> Result<(), ApiError> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    if told["hie"].is_null() {
        return Ok(());
    }
    let problem = "there is one gateway, which cannot be told what to leave out".to_owned();
    Err(ApiError::Invalid(vec![FieldProblem { field: "hie".to_owned(), problem }]))
}

impl From<PatientQuery> for QueryBody {
    fn from(query: PatientQuery) -> Self {
        let errors = (query.failures > 0).then_some(query.failures);
        let download = match query.outcome {
            None => Progress { errors, ..Progress::default() },
            Some(QueryOutcome::Failed) => Progress { status: Status::Failed, errors, ..Progress::default() },
            Some(outcome) => {
                let total = match outcome {
                    QueryOutcome::Documents(total) => total,
                    _ => 0,
                };
                Progress { status: Status::Completed, total: Some(total), successful: Some(total), errors }
            }
        };
        Self { request_id: Some(query.request), download: Some(download) }
    }
}
