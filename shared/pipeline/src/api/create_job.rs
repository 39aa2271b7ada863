//! `POST /medical/v1/patient/bulk`: a new job and the link to upload its file with.

use std::time::Duration;

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobStatus, UPLOAD_WINDOW, WAITING_JOBS};

use crate::api::ApiError;
use crate::api::facilities::choose_facility;
use crate::idempotency::{IdempotencyKey, KEPT, Parameters, Promise};
use crate::ports::prelude::*;
use crate::ports::{PortError, Ports, UploadLink, Write};

/// How long a job waits at most, in milliseconds: as long as its link is valid, and a minute for clocks that differ.
const WAITS_FOR_MILLIS: i64 = (UPLOAD_WINDOW.as_secs().cast_signed() + 60) * 1000;

/// Ids that one call draws until no newer job has been accepted meanwhile. A second one is needed only if a job of the
/// same customer was made and its file accepted between two calls to DynamoDB.
const ENTER_ATTEMPTS: u32 = 10;

/// A job as its maker is told of it.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    /// The job.
    pub job: Job,
    /// The link for its file; none of a job that takes no file any more, which happens where an idempotency
    /// key is used again later.
    pub upload: Option<UploadLink>,
}

/// Makes the job, or gives the one that was made with the key before. Fails without a facility to put the
/// patients in.
pub async fn create_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    parameters: Parameters,
    key: Option<&IdempotencyKey>,
) -> Result<NewJob, ApiError> {
    let create = Create { ports };
    match key {
        None => create.create_once(customer, parameters).await,
        Some(key) => create.create_or_recall(customer, parameters, key).await,
    }
}

struct Create<'a, P> {
    ports: &'a P,
}

impl<P: Ports> Create<'_, P> {
    async fn create_once(&self, customer: CustomerId, parameters: Parameters) -> Result<NewJob, ApiError> {
        let facility = self.facility(customer, &parameters).await?;
        let id = self.enter(customer).await?;
        let job = Job::new(id, customer, facility, parameters.dry_run, self.ports.environment().now());
        // Before the job is stored: a link that is signed later would begin uploads after the job has expired.
        let upload =
            self.ports.objects().sign_upload((&job).into(), &parameters.terms, UPLOAD_WINDOW).await?;
        self.ports.jobs().create_job(&job).await?;
        Ok(NewJob { job, upload: Some(upload) })
    }

    async fn create_or_recall(
        &self,
        customer: CustomerId,
        parameters: Parameters,
        key: &IdempotencyKey,
    ) -> Result<NewJob, ApiError> {
        loop {
            let now = self.ports.environment().now();
            if let Some(promise) = self.ports.directory().load_promise(customer, key, now).await? {
                return self.keep(customer, promise, parameters).await;
            }
            let facility = self.facility(customer, &parameters).await?;
            let job = self.enter(customer).await?;
            let promise =
                Promise { job, facility, parameters: parameters.clone(), expires_at: now.plus(KEPT) };
            if self.ports.directory().store_promise(customer, key, &promise, now).await? == Write::Done {
                return self.keep(customer, promise, parameters).await;
            }
            // Another call with the key stored a promise first, or this one did and the answer was lost. In the second
            // case the job is entered anew below the same id when the promise is kept.
            self.ports.jobs().leave(customer, job).await?;
        }
    }

    /// Draws the id of a new job and enters the job among the open ones of the customer.
    ///
    /// Ids order jobs: what a newer job says is not overwritten by an older one. So `fan_out` has to know, when it
    /// accepts the file of a job, of every older job that will be stored. It notes that its job stopped waiting before
    /// it looks for older ones, and this call looks for newer ones after it entered its own. So if `fan_out` missed this
    /// job, this call sees a newer job that does not wait any more, and draws a later id.
    async fn enter(&self, customer: CustomerId) -> Result<JobId, ApiError> {
        for _ in 0..ENTER_ATTEMPTS {
            let now = self.ports.environment().now();
            let id = JobId::new(self.ports.environment().new_id());
            self.ports.jobs().enter_job(customer, id, now).await?;
            let oldest = JobId::first_of_millis(now.as_millis() - WAITS_FOR_MILLIS);
            let open = self.ports.jobs().open_jobs(customer, oldest..=*JobId::ALL.end(), now).await?;
            if open.iter().filter(|open| open.is_waiting).count() > WAITING_JOBS {
                self.ports.jobs().leave(customer, id).await?;
                return Err(ApiError::TooManyWaiting);
            }
            if !open.iter().any(|open| open.job > id && !open.is_waiting) {
                return Ok(id);
            }
            self.ports.jobs().leave(customer, id).await?;
        }
        let code = "newer jobs are accepted again and again".to_owned();
        Err(ApiError::Internal(PortError { operation: "enter_job", code, transient: true }))
    }

    /// Answers with the job of a promise, and makes it if no call has made it yet.
    async fn keep(
        &self,
        customer: CustomerId,
        promise: Promise,
        parameters: Parameters,
    ) -> Result<NewJob, ApiError> {
        if promise.parameters != parameters {
            return Err(ApiError::Conflict("This Idempotency-Key was used with other parameters"));
        }
        let mut stored = self.ports.jobs().load_job(promise.job).await?;
        if stored.is_none() {
            let job = Job::new(
                promise.job,
                customer,
                promise.facility,
                parameters.dry_run,
                self.ports.environment().now(),
            );
            self.ports.jobs().enter_job(customer, job.id, job.created_at).await?;
            self.ports.jobs().create_job(&job).await?;
            // Another call may have made it in the same moment: what is stored counts.
            stored = self.ports.jobs().load_job(promise.job).await?;
        }
        let job = stored.ok_or(super::get_job::NOT_FOUND)?;
        let left = self.time_left(&job);
        let upload = match left {
            Some(left) => {
                Some(self.ports.objects().sign_upload((&job).into(), &parameters.terms, left).await?)
            }
            None => None,
        };
        Ok(NewJob { job, upload })
    }

    /// How long a job takes its file yet, in whole seconds. A link must not outlive its job.
    fn time_left(&self, job: &Job) -> Option<Duration> {
        let millis = job.upload_expires_at.as_millis() - self.ports.environment().now().as_millis();
        let left = u64::try_from(millis / 1000).ok().filter(|seconds| *seconds > 0);
        left.filter(|_| job.status == JobStatus::Waiting).map(Duration::from_secs)
    }

    async fn facility(
        &self,
        customer: CustomerId,
        parameters: &Parameters,
    ) -> Result<domain::ids::FacilityId, ApiError> {
        let known = self.ports.directory().load_directory(customer).await?;
        choose_facility(parameters.facility, known.facilities.iter().copied())
    }
}
