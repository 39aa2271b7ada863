//! `POST /medical/v1/patient/bulk/{requestId}/cancel`: stop a job as soon as possible.

use domain::ids::{CustomerId, JobId};
use domain::job::{CANCELED, Job, JobEvent, JobStatus};

use crate::Error;
use crate::api::ApiError;
use crate::end_job::end_job;
use crate::messages::FinishedMessage;
use crate::ports::Ports;
use crate::ports::prelude::*;

/// Cancels a job of this customer. A waiting one ends at once. A processing one ends when its rows have
/// their outcomes: those that were not started are reported as canceled. Document queries that are under way
/// go on, but nobody waits for them.
pub async fn cancel_job<P: Ports>(ports: &P, customer: CustomerId, id: JobId) -> Result<Job, ApiError> {
    let jobs = ports.jobs();
    loop {
        let job = jobs.load_job(id).await?;
        let job = job.filter(|job| job.customer == customer).ok_or(super::get_job::NOT_FOUND)?;
        match job.status {
            JobStatus::Waiting => {
                let reason = Some(CANCELED.to_owned());
                let ended =
                    end_job(jobs, ports.queues(), ports.environment(), &job, JobEvent::Canceled, reason)
                        .await
                        .map_err(internal)?;
                if let Some(ended) = ended {
                    return Ok(ended);
                }
            }
            JobStatus::Processing if job.cancel_requested => {
                if job.is_worked_off() {
                    ports.queues().send_finished(&FinishedMessage { job: id }).await?;
                }
                return Ok(job);
            }
            // Whatever came of it, the job as it is now tells.
            JobStatus::Processing => {
                let _ = jobs.request_cancel(id).await?;
            }
            JobStatus::Failed if job.reason.as_deref() == Some(CANCELED) => return Ok(job),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Expired => {
                return Err(ApiError::Conflict("The request has ended and cannot be canceled"));
            }
        }
    }
}

fn internal(error: Error) -> ApiError {
    match error {
        Error::Port(error) => ApiError::Internal(error),
        other => ApiError::Internal(crate::ports::PortError {
            operation: "cancel",
            code: other.to_string(),
            transient: other.is_transient(),
        }),
    }
}
