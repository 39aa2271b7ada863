//! `GET /medical/v1/patient/{id}` and `GET /medical/v1/patient/external-id?externalId=`

use axum::Json;
use axum::extract::State;
use domain::ids::PatientId;
use domain::patient::{ExternalId, Patient};
use domain::problem::Problem as ValueProblem;
use pipeline::api::find_patient::{find_by_external_id, get_patient};
use pipeline::api::{ApiError, FieldProblem};
use serde::Deserialize;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::{Id, Parameters};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalIdQuery {
    external_id: Option<String>,
}

/// Read a patient.
#[utoipa::path(
    get, path = "/medical/v1/patient/{id}", operation_id = "getPatient", tag = "patient",
    params(
        ("id" = String, Path, format = "uuid", description = "The id."),
    ),
    responses(
        (status = 200, description = "The patient.", body = crate::shapes::PatientShape),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<PatientId>,
) -> Result<Json<Patient>, Problem> {
    Ok(Json(get_patient(&app.ports, customer, id).await?))
}

/// Read the patient with an id of your own.
#[utoipa::path(
    get, path = "/medical/v1/patient/external-id", operation_id = "getPatientByExternalId", tag = "patient",
    params(
        ("externalId" = String, Query, format = "external-id", description = "What the file had as externalId."),
    ),
    responses(
        (status = 200, description = "The patient.", body = crate::shapes::PatientShape),
        (status = 400, description = "The id is missing or too long, or more than one patient has it."),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn by_external_id(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<ExternalIdQuery>,
) -> Result<Json<Patient>, Problem> {
    let external_id: ExternalId =
        query.external_id.unwrap_or_default().parse().map_err(|problem: ValueProblem| {
            let field = "externalId".to_owned();
            ApiError::Invalid(vec![FieldProblem { field, problem: problem.to_string() }])
        })?;
    Ok(Json(find_by_external_id(&app.ports, customer, &external_id).await?))
}
