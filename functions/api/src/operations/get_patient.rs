//! `GET /medical/v1/patient/{id}`: one patient of the customer.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::e_tag::ETag;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::Patient;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, Named as _};
use crate::request::Id;

/// A patient with its entity tag.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatientWithETag {
    #[serde(flatten)]
    pub patient: Patient,
    /// Changes with every change of the patient. Send it as `If-Match` with a correction.
    #[schema(value_type = String)]
    e_tag: ETag,
}

impl From<Patient> for PatientWithETag {
    fn from(patient: Patient) -> Self {
        Self { e_tag: ETag::of(&patient), patient }
    }
}

impl NamesObjects for PatientWithETag {
    fn objects(&self) -> Objects {
        self.patient.objects()
    }
}

/// Read a patient by its id
#[utoipa::path(
    get, path = "/medical/v1/patient/{id}", operation_id = "getPatient", tag = "patient",
    params(Id<PatientId>),
    responses(
        (status = 200, description = "The patient.", body = PatientWithETag),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Id(id): Id<PatientId>,
) -> Result<Audited<PatientWithETag>, ApiError> {
    Ok(Audited(get_patient(backend.ports(), customer, id).await?.into()))
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
