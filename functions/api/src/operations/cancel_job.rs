//! `POST /medical/v1/patient/bulk/{requestId}/cancel`: stops a job as soon as possible.

use axum::extract::State;
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::{CANCELED, Job, JobEvent, JobStatus};
use bulk_pipeline::end_job::end_job;
use bulk_pipeline::messages::FinishedMessage;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::error::ApiError;
use crate::operations::get_job::{BulkRequest, load_job};
use crate::request::Id;

/// Cancel an import
///
/// Rows that have not started are reported as failed with the reason `canceled`. Their result file
/// is still written. Canceling an import again has no effect.
#[utoipa::path(
    post, path = "/medical/v1/patient/bulk/{id}/cancel", operation_id = "cancelBulkRequest", tag = "bulk",
    params(Id<JobId>),
    responses(
        (status = 200, description = "The import. It ends as `failed` with the reason `canceled`.", body = BulkRequest),
        (status = 404, description = "Not found."),
        (status = 409, description = "The import has ended already."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(id): Id<JobId>,
) -> Result<Audited<BulkRequest>, ApiError> {
    let job = cancel_job(backend.ports(), customer, id).await?;
    tracing::info!(job.id = %job.id, job.status = %job.status, "Job cancel requested");
    Ok(Audited(job.into()))
}

/// Cancels a job of this customer. A waiting job ends at once. A processing job ends when all its
/// rows have their outcomes; rows that have not started get the outcome canceled. Document queries
/// that have started go on, but the job does not wait for them.
pub async fn cancel_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: JobId,
) -> Result<Job, ApiError> {
    loop {
        let job = load_job(ports, customer, id).await?;
        match job.status {
            JobStatus::Waiting => {
                let reason = Some(CANCELED.to_owned());
                if let Some(ended) = end_job(ports, &job, JobEvent::Canceled, reason).await? {
                    return Ok(ended);
                }
            }
            JobStatus::Processing if job.cancel_requested => {
                if job.is_complete() {
                    ports.queues().send_finished(&FinishedMessage { job: id }).await?;
                }
                return Ok(job);
            }
            // The next iteration reads what the write led to, also after a conflict.
            JobStatus::Processing => {
                let _ = ports.jobs().request_cancel(id).await?;
            }
            JobStatus::Failed if job.reason.as_deref() == Some(CANCELED) => return Ok(job),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Expired => {
                return Err(ApiError::Conflict("The request has ended and cannot be canceled"));
            }
        }
    }
}
