//! `GET /medical/v1/patient/bulk`: a customer's jobs, newest first, page by page.

use domain::ids::{CustomerId, JobId};
use domain::job::Job;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::api::ApiError;
use crate::api::get_job::settled;
use crate::api::page::{Page, PageRequest};
use crate::ports::Ports;
use crate::ports::prelude::*;

/// Jobs whose upload is looked for at the same time. Few are ever looked at: those whose link ran out
/// since the sweep was there.
const LOOKED_AT_TOGETHER: usize = 8;

/// The customer's jobs from a job on. As with a single one, a job whose upload link ran out is expired.
pub async fn list_jobs<P: Ports>(
    ports: &P,
    customer: CustomerId,
    page: PageRequest<JobId>,
) -> Result<Page<Job, JobId>, ApiError> {
    // One more than fits, to know where the next page begins, and whether there is one.
    let mut found = ports.jobs().list_jobs(customer, page.from, page.count + 1).await?;
    let next = found.get(page.count).map(|job| job.id);
    found.truncate(page.count);
    let items =
        stream::iter(found).map(|job| settled(ports, job)).buffered(LOOKED_AT_TOGETHER).try_collect().await?;
    Ok(Page { items, next })
}
