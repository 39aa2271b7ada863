//! `GET` and `POST /medical/v1/patient/{id}/cohort`: the cohorts of a patient, and new ones.

use std::collections::BTreeSet;

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::cohort::Cohort;
use bulk_domain::ids::{CohortId, CustomerId, PatientId};
use bulk_domain::plan::ChunkNumber;
use bulk_pipeline::cohort_members::CohortMembers;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, Import, ReadPatients};
use crate::directory_entries::get_entry;
use crate::error::ApiError;
use crate::operations::get_cohort::{CohortWithSize, with_size};
use crate::operations::get_patient::get_patient;
use crate::request::{Body, Id};

/// The largest number of cohorts that a call names, as of a row.
const MOST_COHORTS: usize = 10;

/// The cohorts of a patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientCohorts {
    cohorts: Vec<CohortWithSize>,
    #[serde(skip)]
    patient: PatientId,
}

impl NamesObjects for PatientCohorts {
    fn objects(&self) -> Objects {
        let mut objects = self.cohorts.objects();
        objects.patients.insert(self.patient);
        objects
    }
}

/// Cohorts to put a patient into.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewCohorts {
    /// Ids of up to 10 cohorts.
    #[schema(max_items = 10)]
    cohort_ids: Vec<CohortId>,
}

/// List the cohorts of a patient
#[utoipa::path(
    get, path = "/medical/v1/patient/{id}/cohort", operation_id = "listPatientCohorts", tag = "cohort",
    params(Id<PatientId>),
    responses(
        (status = 200, description = "The cohorts.", body = PatientCohorts),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn list<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Id(patient): Id<PatientId>,
) -> Result<Audited<PatientCohorts>, ApiError> {
    cohorts_of(backend.ports(), customer, patient).await.map(Audited)
}

/// Put a patient into cohorts
///
/// The patient stays in its other cohorts.
#[utoipa::path(
    post, path = "/medical/v1/patient/{id}/cohort", operation_id = "addPatientToCohorts", tag = "cohort",
    params(Id<PatientId>),
    request_body = NewCohorts,
    responses(
        (status = 200, description = "All cohorts of the patient.", body = PatientCohorts),
        (status = 400, description = "Invalid body. `detail` names the problem."),
        (status = 404, description = "The patient or a cohort was not found. Nothing was changed."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn add<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(patient): Id<PatientId>,
    Body(NewCohorts { cohort_ids }): Body<NewCohorts>,
) -> Result<Audited<PatientCohorts>, ApiError> {
    let ports = backend.ports();
    if cohort_ids.len() > MOST_COHORTS {
        return Err(ApiError::BadRequest("cohortIds has more than 10 ids"));
    }
    get_patient(ports, customer, patient).await?;
    for cohort in &cohort_ids {
        get_entry::<Cohort>(ports, customer, *cohort).await?;
    }
    for cohort in cohort_ids {
        let members = CohortMembers::new(ports, customer, cohort);
        let membership = members.add(ChunkNumber::new(0), &BTreeSet::from([patient])).await?;
        if !membership.too_large.is_empty() {
            return Err(ApiError::BadRequest("The patient is too large for another cohort"));
        }
    }
    cohorts_of(ports, customer, patient).await.map(Audited)
}

/// Returns the cohorts of a patient, except those that were deleted.
async fn cohorts_of<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<PatientCohorts, ApiError> {
    let mut cohorts = Vec::new();
    for id in get_patient(ports, customer, patient).await?.cohort_ids {
        if let Some(stored) = ports.directory().load_entry::<Cohort>(customer, id).await? {
            cohorts.push(with_size(ports, customer, stored.value).await?);
        }
    }
    Ok(PatientCohorts { cohorts, patient })
}
