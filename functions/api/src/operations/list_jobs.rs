//! `GET /medical/v1/patient/bulk`: a customer's jobs, newest first, page by page.

use std::pin::pin;

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::{CustomerId, JobId};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::error::ApiError;
use crate::operations::get_job::{BulkRequest, settled};
use crate::page::{Edge, Meta, Page, PageBuilder, PageRequest};
use crate::request_url::RequestUrl;

/// Number of jobs that are checked for an upload at the same time. Few need it, because the sweep
/// expires most jobs before a caller lists them.
const SETTLED_TOGETHER: usize = 8;

/// Jobs that are read to find the one beside an edge: the job at the edge, and the other.
const BESIDE: usize = 2;

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkRequestPage {
    requests: Vec<BulkRequest>,
    meta: Meta,
}

impl NamesObjects for BulkRequestPage {
    fn objects(&self) -> Objects {
        self.requests.objects()
    }
}

/// List imports, newest first
///
/// A page may be shorter than `count` although another page follows, because an answer is limited
/// to 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/patient/bulk", operation_id = "listBulkRequests", tag = "bulk",
    params(PageRequest<JobId>),
    responses(
        (status = 200, description = "A page of imports, without links and columns.", body = BulkRequestPage),
        (status = 400, description = "Invalid parameter. `detail` names it."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    request: PageRequest<JobId>,
    url: RequestUrl,
) -> Result<Audited<BulkRequestPage>, ApiError> {
    let page = list_jobs(backend.ports(), customer, request).await?;
    let meta = url.meta(&page, request.count, &[]);
    Ok(Audited(BulkRequestPage { requests: page.items, meta }))
}

/// Returns a page of the customer's jobs. As for a single job, a job is expired if its upload link
/// ran out.
async fn list_jobs<P: Ports>(
    ports: &P,
    customer: CustomerId,
    request: PageRequest<JobId>,
) -> Result<Page<BulkRequest, JobId>, ApiError> {
    let (jobs, edge) = (ports.jobs(), request.edge);
    // One job more than fits, because another page begins or ends with it.
    let limit = request.count + 1;
    let (found, beside) = match edge {
        Edge::First => (jobs.list_jobs(customer, None, limit).await?, Vec::new()),
        Edge::From(from) => (
            jobs.list_jobs(customer, Some(from), limit).await?,
            jobs.list_jobs_back(customer, from, BESIDE).await?,
        ),
        Edge::To(to) => (
            jobs.list_jobs_back(customer, to, limit).await?,
            jobs.list_jobs(customer, Some(to), BESIDE).await?,
        ),
    };
    let opposite = beside.iter().map(|job| job.id).find(|job| edge.place() != Some(*job));
    let mut page = PageBuilder::new(request.count);
    let mut settled =
        pin!(stream::iter(found).map(|job| settled(ports, job)).buffered(SETTLED_TOGETHER));
    while let Some(job) = settled.try_next().await? {
        let id = job.id;
        if !page.add(BulkRequest::from(job).in_list()) {
            return Ok(page.finish(&edge, Some(id), opposite));
        }
    }
    Ok(page.finish(&edge, None, opposite))
}
