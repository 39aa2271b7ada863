//! `GET /medical/v1/patient/bulk`: a customer's jobs, newest first, page by page.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::Job;
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
use crate::page::{Meta, Page, PageRequest};
use crate::request_url::RequestUrl;

/// Number of jobs that are checked for an upload at the same time. Few need it, because the sweep
/// expires most jobs before a caller lists them.
const SETTLED_TOGETHER: usize = 8;

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
    let found = list_jobs(backend.ports(), customer, request).await?;
    let requests = found.items.into_iter().map(BulkRequest::from).map(BulkRequest::in_list);
    let page = Page::of(request.count, requests, |job| job.request_id);
    let meta = url.meta(page.items.len(), page.next.or(found.next), request.count, &[]);
    Ok(Audited(BulkRequestPage { requests: page.items, meta }))
}

/// Returns the customer's jobs from a job on. As for a single job, a job is expired if its upload
/// link ran out.
pub async fn list_jobs<P: Ports>(
    ports: &P,
    customer: CustomerId,
    request: PageRequest<JobId>,
) -> Result<Page<Job, JobId>, ApiError> {
    // One job more than fits, because the next page begins with it.
    let mut found = ports.jobs().list_jobs(customer, request.from, request.count + 1).await?;
    let next = found.get(request.count).map(|job| job.id);
    found.truncate(request.count);
    let items = stream::iter(found)
        .map(|job| settled(ports, job))
        .buffered(SETTLED_TOGETHER)
        .try_collect()
        .await?;
    Ok(Page { items, next })
}
