//! `GET /medical/v1/patient/bulk/{requestId}`: a job as of now, with fresh links.

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobStatus};

use crate::api::ApiError;
use crate::deliver_webhook::LINK_VALID;
use crate::ports::{LoadJob, ResultFile, SignDownload};

/// A job with links to the files that it left.
#[derive(Debug)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// Link to the result file of a completed job.
    pub result: Option<String>,
    /// Link to the failed rows of a completed job that has any.
    pub failures: Option<String>,
}

/// Reads a job of this customer.
pub async fn get_job(
    jobs: &impl LoadJob,
    files: &impl SignDownload,
    customer: CustomerId,
    id: JobId,
) -> Result<JobView, ApiError> {
    let job = jobs
        .load_job(id)
        .await?
        .filter(|job| job.customer == customer)
        .ok_or(ApiError::NotFound("Could not find bulk patient create request"))?;
    let (mut result, mut failures) = (None, None);
    if job.status == JobStatus::Completed {
        result = Some(files.sign_download((&job).into(), ResultFile::Result, LINK_VALID).await?);
        if job.failed > 0 {
            failures = Some(files.sign_download((&job).into(), ResultFile::Failures, LINK_VALID).await?);
        }
    }
    Ok(JobView { job, result, failures })
}
