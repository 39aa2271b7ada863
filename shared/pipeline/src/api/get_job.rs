//! `GET /medical/v1/patient/bulk/{requestId}`: a job as of now, with fresh links.

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobEvent, JobStatus};

use crate::api::ApiError;
use crate::deliver_webhook::LINK_VALID;
use crate::end_job::is_expired;
use crate::ports::prelude::*;
use crate::ports::{Ports, ResultFile};

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
pub const NOT_FOUND: ApiError = ApiError::NotFound("Could not find bulk patient create request");

/// Reads a job of this customer. One whose upload link ran out is expired from here on: nobody has to wait
/// for the sweep to be told.
pub async fn get_job<P: Ports>(ports: &P, customer: CustomerId, id: JobId) -> Result<JobView, ApiError> {
    let job = load(ports, customer, id).await?;
    let job = settled(ports, job).await?;
    let files = ports.objects();
    let (mut result, mut failures) = (None, None);
    if job.has_results() {
        result = Some(files.sign_download((&job).into(), ResultFile::Result, LINK_VALID).await?);
        if job.failed > 0 {
            failures = Some(files.sign_download((&job).into(), ResultFile::Failures, LINK_VALID).await?);
        }
    }
    Ok(JobView { job, result, failures })
}

/// The job as it is told: expired from the moment on in which its upload link ran out.
pub(super) async fn settled<P: Ports>(ports: &P, job: Job) -> Result<Job, ApiError> {
    let (clock, jobs) = (ports.environment(), ports.jobs());
    if !is_expired(ports.objects(), clock, &job).await? {
        return Ok(job);
    }
    let (customer, id) = (job.customer, job.id);
    // The job stays on the sweep's list: an upload that is still running may end within the next hour.
    if let Ok(expired) = job.end(JobEvent::UploadExpired, None, clock.now()) {
        let _ = jobs.change_state(JobStatus::Waiting, &expired).await?;
    }
    load(ports, customer, id).await
}

async fn load<P: Ports>(ports: &P, customer: CustomerId, id: JobId) -> Result<Job, ApiError> {
    ports.jobs().load_job(id).await?.filter(|job| job.customer == customer).ok_or(NOT_FOUND)
}
