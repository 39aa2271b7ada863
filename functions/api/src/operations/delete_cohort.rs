//! `DELETE /medical/v1/cohort/{id}`: deletes a cohort without patients.

use axum::extract::State;
use axum::http::StatusCode;
use bulk_domain::cohort::Cohort;
use bulk_domain::ids::{CohortId, CustomerId};
use bulk_domain::roster::Roster;
use bulk_pipeline::ports::Ports;

use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::directory_entries::delete_entry;
use crate::error::ApiError;
use crate::if_match::IfMatch;
use crate::operations::list_patients::{Selection, list_patients};
use crate::page::PageRequest;
use crate::request::Id;

const HAS_PATIENTS: ApiError =
    ApiError::BadRequest("The cohort has patients, please remove them first");

/// Delete a cohort that has no patients
///
/// Remove its patients first. An import that is running, or a call at the same time, can add
/// patients to a cohort for a minute after it was deleted; such a patient names a cohort that does
/// not exist.
#[utoipa::path(
    delete, path = "/medical/v1/cohort/{id}", operation_id = "deleteCohort", tag = "cohort",
    params(Id<CohortId>, IfMatch),
    responses(
        (status = 204, description = "The cohort is deleted."),
        (status = 400, description = "The cohort has patients."),
        (status = 404, description = "Not found, or deleted before."),
        (status = 412, description = "The cohort has changed since its `eTag` was read."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Id(id): Id<CohortId>,
    if_match: IfMatch,
) -> Result<StatusCode, ApiError> {
    let ports = backend.ports();
    let check = || check_empty(ports, customer, id);
    delete_entry::<Cohort, _>(ports, customer, id, &if_match, check).await?;
    tracing::info!(cohort.id = %id, "Cohort deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that no patient is in the cohort. Its roster alone does not tell, because it may name
/// patients that were never created.
async fn check_empty<P: Ports>(
    ports: &P,
    customer: CustomerId,
    cohort: CohortId,
) -> Result<(), ApiError> {
    let (roster, all) = (Roster::Cohort(cohort), Selection::default());
    let mut request = PageRequest::first(1);
    loop {
        let page = list_patients(ports, customer, roster, &all, request).await?;
        match page.next {
            _ if !page.items.is_empty() => return Err(HAS_PATIENTS),
            None => return Ok(()),
            Some(next) => request = PageRequest::from(next, 1),
        }
    }
}
