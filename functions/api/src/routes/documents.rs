//! `GET /medical/v1/document?patientId=`

use axum::Json;
use axum::extract::State;
use domain::document::Document;
use pipeline::api::list_documents::list_documents;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::{Parameters, patient};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentsQuery {
    patient_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Documents)]
pub struct DocumentsBody {
    #[schema(value_type = Vec<crate::shapes::DocumentShape>)]
    documents: Vec<Document>,
}

/// Read what is known of a patient's documents.
///
/// They are those of the last query that did not fail.
#[utoipa::path(
    get, path = "/medical/v1/document", operation_id = "listDocuments", tag = "document",
    params(("patientId" = String, Query, format = "uuid", description = "The patient.")),
    responses(
        (status = 200, description = "The documents.", body = DocumentsBody),
        (status = 400, description = "The patient is missing."),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<DocumentsQuery>,
) -> Result<Json<DocumentsBody>, Problem> {
    let patient = patient(query.patient_id.as_deref())?;
    let documents = list_documents(&app.patients, customer, patient).await?;
    Ok(Json(DocumentsBody { documents }))
}
