//! `DELETE /medical/v1/cohort/{id}`: deletes a cohort without patients.

use axum::extract::State;
use axum::http::StatusCode;
use bulk_domain::e_tag::ETag;
use bulk_domain::ids::{CohortId, CustomerId};
use bulk_domain::roster::Roster;
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, Write};

use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::{ApiError, Named as _};
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
    params(
        ("id" = String, Path, format = "uuid", description = "The cohort's id."),
        ("If-Match" = Option<String>, Header, description = "The `eTag` that the cohort must have. Default: any."),
    ),
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
    delete_cohort(backend.ports(), customer, id, &if_match).await?;
    tracing::info!(cohort.id = %id, "Cohort deleted");
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_cohort<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: CohortId,
    if_match: &IfMatch,
) -> Result<(), ApiError> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    let mut was_written = false;
    loop {
        attempts.begin()?;
        let stored = match directory.load_cohort(customer, id).await? {
            Some(stored) => stored,
            // The write took place, and its answer was lost.
            None if was_written => return Ok(()),
            None => return Err(CohortId::NOT_FOUND),
        };
        if_match.check(&ETag::of(&stored.value))?;
        if has_patient(ports, customer, id).await? {
            return Err(HAS_PATIENTS);
        }
        was_written = true;
        if directory.delete_cohort(customer, id, stored.version).await? == Write::Done {
            return Ok(());
        }
    }
}

/// Returns whether a patient is in the cohort. Its roster alone does not tell, because it may name
/// patients that were never created.
async fn has_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    cohort: CohortId,
) -> Result<bool, ApiError> {
    let (roster, all) = (Roster::Cohort(cohort), Selection::default());
    let mut request = PageRequest::first(1);
    loop {
        let page = list_patients(ports, customer, roster, &all, request).await?;
        match page.next {
            _ if !page.items.is_empty() => return Ok(true),
            None => return Ok(false),
            Some(next) => request = PageRequest::from(next, 1),
        }
    }
}
