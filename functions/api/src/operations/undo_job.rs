//! `POST /medical/v1/patient/bulk/{requestId}/undo`: deletes the patients that a job created.

use axum::extract::State;
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::Job;
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::undo_job::{UndoRequest, request_undo};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, DeletePatients};
use crate::error::ApiError;
use crate::operations::get_job::{BulkRequest, load_job};
use crate::request::Id;

/// Undo an import
///
/// Deletes every patient that the import created and that no later import and no call has changed
/// since, as `DELETE /medical/v1/patient/{id}` does. All other patients stay as they are: values
/// that the import changed in patients that existed before are not changed back. `undo` counts
/// both, and `GET` of the import has a link to the kept patients with the reason of each. A later
/// import that had the same person and changed nothing keeps no patient: import its file again
/// after the undo. Calling the operation again has no effect. The import's own `status` stays.
#[utoipa::path(
    post, path = "/medical/v1/patient/bulk/{id}/undo", operation_id = "undoBulkRequest", tag = "bulk",
    params(Id<JobId>),
    responses(
        (status = 200, description = "The import. `undo` says how far the undo is.", body = BulkRequest),
        (status = 404, description = "Not found."),
        (status = 409, description = "The import has not ended, was a dry run, has imported no rows, or its files have been deleted after their retention. `detail` says which."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<DeletePatients>,
    Id(id): Id<JobId>,
) -> Result<Audited<BulkRequest>, ApiError> {
    let job = undo_job(backend.ports(), customer, id).await?;
    tracing::info!(job.id = %job.id, "Job undo requested");
    Ok(Audited(job.into()))
}

/// Begins the undo of a job of this customer. A job that is undone already stays as it is.
pub async fn undo_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: JobId,
) -> Result<Job, ApiError> {
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let job = load_job(ports, customer, id).await?;
        match request_undo(ports, job).await? {
            UndoRequest::Accepted(job) => return Ok(*job),
            UndoRequest::Refused(refusal) => return Err(ApiError::Conflict(refusal.text())),
            UndoRequest::Changed => {}
        }
    }
}
