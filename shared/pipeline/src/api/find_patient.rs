//! `GET /medical/v1/patient/{id}` and `GET /medical/v1/patient/external-id`: one patient.

use domain::ids::{CustomerId, PatientId};
use domain::patient::{ExternalId, Patient};

use crate::api::ApiError;
use crate::ports::Ports;
use crate::ports::prelude::*;

/// What is said of a patient that is not there, or another customer's.
pub const NOT_FOUND: ApiError = ApiError::NotFound("Could not find patient");

/// The customer's patient with this id.
pub async fn get_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: PatientId,
) -> Result<Patient, ApiError> {
    let mut found = ports.patients().load_patients(customer, &[id]).await?;
    found.remove(&id).map(|record| record.value.patient).ok_or(NOT_FOUND)
}

/// The customer's patient with this external id, of which there has to be one only.
pub async fn find_by_external_id<P: Ports>(
    ports: &P,
    customer: CustomerId,
    external_id: &ExternalId,
) -> Result<Patient, ApiError> {
    let ids = ports.patients().find_by_external_id(customer, external_id).await?;
    let records = ports.patients().load_patients(customer, &ids).await?;
    // The index lags behind: who has the id, the records say.
    let mut found = records
        .into_values()
        .map(|record| record.value.patient)
        .filter(|patient| patient.external_id.as_ref() == Some(external_id));
    match (found.next(), found.next()) {
        (None, _) => Err(NOT_FOUND),
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(ApiError::BadRequest("More than one patient has this external ID")),
    }
}
