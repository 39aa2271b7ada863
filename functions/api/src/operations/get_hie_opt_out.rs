//! `GET /medical/v1/patient/{id}/hie-opt-out`: whether a patient is opted out of health information
//! exchange.

use axum::extract::State;
use bulk_domain::ids::PatientId;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::ApiError;
use crate::operations::get_patient::get_patient;
use crate::operations::set_hie_opt_out::HieOptOut;
use crate::request::Id;

/// Read whether a patient is opted out of health information exchange
#[utoipa::path(
    get, path = "/medical/v1/patient/{id}/hie-opt-out", operation_id = "getHieOptOut", tag = "patient",
    params(Id<PatientId>),
    responses(
        (status = 200, description = "The state.", body = HieOptOut),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Id(patient): Id<PatientId>,
) -> Result<Audited<HieOptOut>, ApiError> {
    let patient = get_patient(backend.ports(), customer, patient).await?;
    Ok(Audited(HieOptOut::of(patient.id, patient.hie_opt_out)))
}
