//! `POST /medical/v1/patient/bulk`: a new job and the link to upload its file with.

use std::time::Duration;

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobStatus, UPLOAD_WINDOW};

use crate::api::ApiError;
use crate::api::facilities::choose_facility;
use crate::api::idempotency::{IdempotencyKey, KEPT, LoadPromise, Parameters, Promise, StorePromise};
use crate::ports::{Clock, CreateJob, LoadDirectory, LoadJob, Randomness, SignUpload, UploadLink, Write};

/// A job as its maker is told of it.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    /// The job.
    pub job: Job,
    /// The link for its file; none of a job that takes no file any more, which happens where an idempotency
    /// key is used again later.
    pub upload: Option<UploadLink>,
}

/// What a new job is made with, and where.
#[derive(Debug)]
pub struct CreateJobWith<'a, J, D, F, W> {
    /// The jobs.
    pub jobs: &'a J,
    /// The customer's facilities, and what idempotency keys stand for.
    pub directory: &'a D,
    /// Signs the link.
    pub files: &'a F,
    /// Clock and randomness.
    pub world: &'a W,
}

impl<J, D, F, W> CreateJobWith<'_, J, D, F, W>
where
    J: CreateJob + LoadJob,
    D: LoadDirectory + LoadPromise + StorePromise,
    F: SignUpload,
    W: Clock + Randomness,
{
    /// Makes the job, or gives the one that was made with the key before. Fails without a facility to put the
    /// patients in.
    pub async fn create(
        &self,
        customer: CustomerId,
        parameters: Parameters,
        key: Option<&IdempotencyKey>,
    ) -> Result<NewJob, ApiError> {
        match key {
            None => self.create_once(customer, parameters).await,
            Some(key) => self.create_or_recall(customer, parameters, key).await,
        }
    }

    async fn create_once(&self, customer: CustomerId, parameters: Parameters) -> Result<NewJob, ApiError> {
        let facility = self.facility(customer, &parameters).await?;
        let id = JobId::new(self.world.new_id());
        let job = Job::new(id, customer, facility, parameters.dry_run, self.world.now());
        // First of all: a link that is signed later would take an upload after the job has expired.
        let upload = self.files.sign_upload((&job).into(), &parameters.terms, UPLOAD_WINDOW).await?;
        self.jobs.create_job(&job).await?;
        Ok(NewJob { job, upload: Some(upload) })
    }

    async fn create_or_recall(
        &self,
        customer: CustomerId,
        parameters: Parameters,
        key: &IdempotencyKey,
    ) -> Result<NewJob, ApiError> {
        loop {
            let now = self.world.now();
            if let Some(promise) = self.directory.load_promise(customer, key, now).await? {
                return self.keep(customer, promise, parameters).await;
            }
            let promise = Promise {
                job: JobId::new(self.world.new_id()),
                facility: self.facility(customer, &parameters).await?,
                parameters: parameters.clone(),
                expires_at: now.plus(KEPT),
            };
            if self.directory.store_promise(customer, key, &promise, now).await? == Write::Done {
                return self.keep(customer, promise, parameters).await;
            }
        }
    }

    /// Answers with the job of a promise, and makes it if nobody has yet.
    async fn keep(
        &self,
        customer: CustomerId,
        promise: Promise,
        parameters: Parameters,
    ) -> Result<NewJob, ApiError> {
        if promise.parameters != parameters {
            return Err(ApiError::Conflict("This Idempotency-Key was used with other parameters"));
        }
        let mut stored = self.jobs.load_job(promise.job).await?;
        if stored.is_none() {
            let job = Job::new(promise.job, customer, promise.facility, parameters.dry_run, self.world.now());
            self.jobs.create_job(&job).await?;
            // Another call may have made it in the same moment: what is stored counts.
            stored = self.jobs.load_job(promise.job).await?;
        }
        let job = stored.ok_or(super::get_job::NOT_FOUND)?;
        let left = self.time_left(&job);
        let upload = match left {
            Some(left) => Some(self.files.sign_upload((&job).into(), &parameters.terms, left).await?),
            None => None,
        };
        Ok(NewJob { job, upload })
    }

    /// How long a job takes its file yet, in whole seconds. A link must not outlive its job.
    fn time_left(&self, job: &Job) -> Option<Duration> {
        let millis = job.upload_expires_at.as_millis() - self.world.now().as_millis();
        let left = u64::try_from(millis / 1000).ok().filter(|seconds| *seconds > 0);
        left.filter(|_| job.status == JobStatus::Waiting).map(Duration::from_secs)
    }

    async fn facility(
        &self,
        customer: CustomerId,
        parameters: &Parameters,
    ) -> Result<domain::ids::FacilityId, ApiError> {
        let known = self.directory.load_directory(customer).await?;
        choose_facility(parameters.facility, known.facilities.iter().copied())
    }
}
