//! `GET /medical/v1/patient/bulk/{requestId}`: a job as of now, with fresh links.

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobEvent, JobStatus};

use crate::api::ApiError;
use crate::deliver_webhook::LINK_VALID;
use crate::end_job::is_expired;
use crate::ports::{ChangeState, Clock, FindUpload, LoadJob, ResultFile, SignDownload};

/// A job with links to the files that it left.
#[derive(Debug)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// Link to the result file of a job that ran to its end.
    pub result: Option<String>,
    /// Link to its failed rows, if it has any.
    pub failures: Option<String>,
}

/// What is said of a job that is not there, or another customer's.
pub(super) const NOT_FOUND: ApiError = ApiError::NotFound("Could not find bulk patient create request");

/// Reads a job of this customer. One whose upload link ran out is expired from here on: nobody has to wait
/// for the sweep to be told.
pub async fn get_job(
    jobs: &(impl LoadJob + ChangeState),
    files: &(impl SignDownload + FindUpload),
    clock: &impl Clock,
    customer: CustomerId,
    id: JobId,
) -> Result<JobView, ApiError> {
    let mut job = load(jobs, customer, id).await?;
    if is_expired(files, clock, &job).await? {
        if let Ok(expired) = job.clone().end(JobEvent::UploadExpired, None, clock.now()) {
            let _ = jobs.change_state(JobStatus::Waiting, &expired).await?;
        }
        job = load(jobs, customer, id).await?;
    }
    let (mut result, mut failures) = (None, None);
    if job.has_results() {
        result = Some(files.sign_download((&job).into(), ResultFile::Result, LINK_VALID).await?);
        if job.failed > 0 {
            failures = Some(files.sign_download((&job).into(), ResultFile::Failures, LINK_VALID).await?);
        }
    }
    Ok(JobView { job, result, failures })
}

async fn load(jobs: &impl LoadJob, customer: CustomerId, id: JobId) -> Result<Job, ApiError> {
    jobs.load_job(id).await?.filter(|job| job.customer == customer).ok_or(NOT_FOUND)
}
