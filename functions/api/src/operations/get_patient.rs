//! `GET /medical/v1/patient/{id}`: one patient of the customer.

use axum::extract::State;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::Patient;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, Named as _};
use crate::request::Id;

/// Read a patient by its id
#[utoipa::path(
    get, path = "/medical/v1/patient/{id}", operation_id = "getPatient", tag = "patient",
    params(("id" = String, Path, format = "uuid", description = "The patient's id: `metriportId` in result files. A UUID of version 8.")),
    responses(
        (status = 200, description = "The patient.", body = Patient),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Id(id): Id<PatientId>,
) -> Result<Audited<Patient>, ApiError> {
    Ok(Audited(get_patient(backend.ports(), customer, id).await?))
}

/// Returns the customer's patient with this id.
pub async fn get_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: PatientId,
) -> Result<Patient, ApiError> {
    let mut found = ports.patients().load_patients(customer, &[id]).await?;
    found.remove(&id).map(|record| record.patient).ok_or(PatientId::NOT_FOUND)
}
