//! `DELETE /medical/v1/patient/{id}`: deletes a patient.

use axum::extract::State;
use axum::http::StatusCode;
use bulk_domain::e_tag::ETag;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::Patient;
use bulk_pipeline::delete_patient::{PatientDeletion, delete_expected_patient};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::withdrawal::announce_withdrawal;

use crate::backend::Backend;
use crate::caller::{Caller, DeletePatients};
use crate::error::{ApiError, Named as _};
use crate::if_match::IfMatch;
use crate::operations::update_patient::CallingFacility;
use crate::request::{Id, Parameters};

/// Delete a patient
///
/// The patient is deleted with its document query and its documents, and is on no list any more. A
/// later row about the same person creates a new patient with a new id. Repeat a call that was not
/// answered with 204 or 404, because its clean-up may not be complete. Imported files and their
/// results keep their rows until their retention ends.
#[utoipa::path(
    delete, path = "/medical/v1/patient/{id}", operation_id = "deletePatient", tag = "patient",
    params(Id<PatientId>, CallingFacility, IfMatch),
    responses(
        (status = 204, description = "The patient is deleted."),
        (status = 404, description = "The patient was not found, or was deleted before, or the facility was not found."),
        (status = 412, description = "The patient has changed since its `eTag` was read."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<DeletePatients>,
    Id(id): Id<PatientId>,
    Parameters(query): Parameters<CallingFacility>,
    if_match: IfMatch,
) -> Result<StatusCode, ApiError> {
    query.check(backend.ports(), customer).await?;
    delete_patient(backend.ports(), customer, id, &if_match).await?;
    tracing::info!(patient.id = %id, "Patient deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a patient of the customer, if it is as the caller expects it.
pub async fn delete_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: PatientId,
    if_match: &IfMatch,
) -> Result<(), ApiError> {
    let hash_key = ports.directory().load_hash_key(customer).await?;
    let is_expected = |patient: &Patient| if_match.check(&ETag::of(patient)).is_ok();
    // A caller may repeat the call every few seconds while AWS is disturbed. The first one has
    // announced the deletion before it stored it.
    if ports.patients().load_patients(customer, &[id]).await?.contains_key(&id) {
        announce_withdrawal(ports, customer, vec![id]).await?;
    }
    match delete_expected_patient(ports, customer, &hash_key, id, is_expected).await? {
        PatientDeletion::Done => Ok(()),
        PatientDeletion::NotFound => Err(PatientId::NOT_FOUND),
        PatientDeletion::Unexpected => Err(ApiError::PreconditionFailed),
    }
}
