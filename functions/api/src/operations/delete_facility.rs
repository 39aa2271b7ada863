//! `DELETE /medical/v1/facility/{id}`: deletes a facility without patients.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CustomerId, FacilityId, JobId, PatientId};
use bulk_domain::roster::Roster;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PortResult, Ports};
use futures::future::try_join_all;

use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::directory_entries::delete_entry;
use crate::error::ApiError;
use crate::if_match::IfMatch;
use crate::request::Id;
use crate::roster_walk::RosterWalk;

/// Reads of 100 patients that are made at the same time.
const READS_TOGETHER: usize = 8;

const HAS_PATIENTS: ApiError = ApiError::BadRequest("The facility has patients");

const HAS_IMPORTS: ApiError =
    ApiError::Conflict("An import for this facility waits for its file or is under way");

/// Delete a facility that has no patients
///
/// All patients are read to find one of the facility. If that takes too long, because there are
/// several hundred thousand, the answer is 503. An import that is created at the same moment may
/// give its patients a facility that does not exist.
#[utoipa::path(
    delete, path = "/medical/v1/facility/{id}", operation_id = "deleteFacility", tag = "facility",
    params(Id<FacilityId>, IfMatch),
    responses(
        (status = 204, description = "The facility is deleted."),
        (status = 400, description = "The facility has patients."),
        (status = 404, description = "Not found, or deleted before."),
        (status = 409, description = "An import for the facility has not ended."),
        (status = 412, description = "The facility has changed since its `eTag` was read."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Id(id): Id<FacilityId>,
    if_match: IfMatch,
) -> Result<StatusCode, ApiError> {
    let ports = backend.ports();
    let check = || check_unused(ports, customer, id);
    delete_entry::<Facility, _>(ports, customer, id, &if_match, check).await?;
    tracing::info!(facility.id = %id, "Facility deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that the facility has no patients and no imports that may give it some.
async fn check_unused<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: FacilityId,
) -> Result<(), ApiError> {
    if has_open_job(ports, customer, id).await? {
        return Err(HAS_IMPORTS);
    }
    if has_patient(ports, customer, id).await? {
        return Err(HAS_PATIENTS);
    }
    // Reading all patients takes seconds, in which an import may have been created.
    if has_open_job(ports, customer, id).await? { Err(HAS_IMPORTS) } else { Ok(()) }
}

/// Returns whether a job that may still write rows gives them this facility.
async fn has_open_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    facility: FacilityId,
) -> PortResult<bool> {
    let now = ports.environment().now();
    let open = ports.jobs().open_jobs(customer, JobId::ALL, now).await?;
    let ids: Vec<JobId> = open.iter().map(|open| open.job).collect();
    let jobs = ports.jobs().load_jobs(&ids).await?;
    Ok(jobs.values().any(|job| job.facility == facility && !job.status.is_final()))
}

async fn has_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    facility: FacilityId,
) -> PortResult<bool> {
    let mut walk = RosterWalk::start();
    loop {
        let mut steps: Vec<Vec<PatientId>> = Vec::new();
        while steps.len() < READS_TOGETHER
            && let Some((_, ids)) = walk.next_patients(ports, customer, Roster::AllPatients).await?
        {
            steps.push(ids.into_iter().map(|(_, id)| id).collect());
        }
        if steps.is_empty() {
            return Ok(false);
        }
        let reads = steps.iter().map(|ids| ports.patients().load_patients(customer, ids));
        let mut records = try_join_all(reads).await?.into_iter().flat_map(HashMap::into_values);
        if records.any(|record| record.patient.facility_ids.contains(&facility)) {
            return Ok(true);
        }
    }
}
