//! `GET /medical/v1/patient/{id}`

use axum::Json;
use axum::extract::{Path, State};
use domain::patient::Patient;
use pipeline::api::ApiError;
use pipeline::ports::LoadPatients as _;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Path(id): Path<String>,
) -> Result<Json<Patient>, Problem> {
    const NOT_FOUND: ApiError = ApiError::NotFound("Could not find patient");
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    let mut found = app.patients.load_patients(customer, &[id]).await.map_err(ApiError::from)?;
    let record = found.remove(&id).ok_or(NOT_FOUND)?;
    Ok(Json(record.value.patient))
}
