//! `GET /medical/v1/patient/external-id?externalId=`: the patient with an id of the customer's own
//! system.

use axum::Json;
use axum::extract::State;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::{ExternalId, Patient};
use bulk_domain::problem::Problem;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::backend::Backend;
use crate::caller::Caller;
use crate::error::{ApiError, FieldProblem, Named as _};
use crate::request::Parameters;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ExternalIdQuery {
    /// The patient's `externalId` in the imported file. Up to 255 characters.
    #[param(required, value_type = String, format = "external-id")]
    external_id: Option<String>,
}

/// Read the patient with an id of your own system
#[utoipa::path(
    get, path = "/medical/v1/patient/external-id", operation_id = "getPatientByExternalId", tag = "patient",
    params(ExternalIdQuery),
    responses(
        (status = 200, description = "The patient.", body = Patient),
        (status = 400, description = "`externalId` is missing or too long, or several patients have it."),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer): Caller,
    Parameters(query): Parameters<ExternalIdQuery>,
) -> Result<Json<Patient>, ApiError> {
    let external_id: ExternalId =
        query.external_id.unwrap_or_default().parse().map_err(|problem: Problem| {
            let field = "externalId".to_owned();
            ApiError::Invalid(vec![FieldProblem { field, problem: problem.to_string() }])
        })?;
    Ok(Json(get_patient_by_external_id(backend.ports(), customer, &external_id).await?))
}

/// Returns the customer's only patient with this external id.
async fn get_patient_by_external_id<P: Ports>(
    ports: &P,
    customer: CustomerId,
    external_id: &ExternalId,
) -> Result<Patient, ApiError> {
    let ids = ports.patients().find_by_external_id(customer, external_id).await?;
    let records = ports.patients().load_patients(customer, &ids).await?;
    // The index lags, so the records decide.
    let mut found = records
        .into_values()
        .map(|record| record.value.patient)
        .filter(|patient| patient.external_id.as_ref() == Some(external_id));
    match (found.next(), found.next()) {
        (None, _) => Err(PatientId::NOT_FOUND),
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            Err(ApiError::BadRequest("More than one patient has this external ID"))
        }
    }
}
