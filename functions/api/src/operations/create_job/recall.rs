//! Jobs with an `Idempotency-Key`: a repeated call gets the job of the first call.

use std::time::Duration;

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::time::Timestamp;
use bulk_pipeline::idempotency::{IdempotencyKey, KEPT, Parameters, Promise};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, Write};

use super::{NewJob, choose_facility, open_job};
use crate::error::{ApiError, Named as _};

/// Returns the job that the key stands for. Creates it if the key stands for none.
pub async fn create_or_recall<P: Ports>(
    ports: &P,
    customer: CustomerId,
    parameters: Parameters,
    key: &IdempotencyKey,
) -> Result<NewJob, ApiError> {
    loop {
        let now = ports.environment().now();
        if let Some(promise) = ports.directory().load_promise(customer, key, now).await? {
            return keep(ports, customer, promise, parameters).await;
        }
        let facility = choose_facility(ports, customer, parameters.facility).await?;
        let job = open_job(ports, customer).await?;
        let promise =
            Promise { job, facility, parameters: parameters.clone(), expires_at: now.plus(KEPT) };
        if ports.directory().store_promise(customer, key, &promise, now).await? == Write::Done {
            return keep(ports, customer, promise, parameters).await;
        }
        // Another call with the key stored a promise first, or this call did and the answer was
        // lost. In the second case the job is added again under the same id when the promise is
        // kept.
        ports.jobs().remove_open_job(customer, job).await?;
    }
}

/// Returns the job of a promise, and creates it if no call has created it yet.
async fn keep<P: Ports>(
    ports: &P,
    customer: CustomerId,
    promise: Promise,
    parameters: Parameters,
) -> Result<NewJob, ApiError> {
    if promise.parameters != parameters {
        return Err(ApiError::Conflict("This Idempotency-Key was used with other parameters"));
    }
    let (jobs, environment) = (ports.jobs(), ports.environment());
    let mut stored = jobs.load_job(promise.job).await?;
    if stored.is_none() {
        let Promise { job, facility, .. } = promise;
        let job = parameters.new_job(job, customer, facility, environment.now());
        jobs.add_open_job(customer, job.id, job.created_at).await?;
        jobs.create_job(&job).await?;
        // The stored job counts, because another call may have created it at the same time.
        stored = jobs.load_job(promise.job).await?;
    }
    let job = stored.ok_or(JobId::NOT_FOUND)?;
    let upload = match time_left(&job, environment.now()) {
        Some(left) => {
            Some(ports.objects().sign_upload((&job).into(), &parameters.terms, left).await?)
        }
        None => None,
    };
    Ok(NewJob { job, upload })
}

/// Returns the time in which the job still takes its file, in whole seconds. A link must not
/// outlive its job.
fn time_left(job: &Job, now: Timestamp) -> Option<Duration> {
    let seconds = now.until(job.upload_expires_at).as_secs();
    (job.status == JobStatus::Waiting && seconds > 0).then(|| Duration::from_secs(seconds))
}
