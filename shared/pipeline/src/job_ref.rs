//! The name of a job outside the jobs table.

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::Job;

/// A job with its customer, because the keys of S3 objects begin with the customer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct JobRef {
    /// The customer of the job.
    pub customer: CustomerId,
    /// The id of the job.
    pub job: JobId,
}

impl From<&Job> for JobRef {
    fn from(job: &Job) -> Self {
        Self { customer: job.customer, job: job.id }
    }
}
