//! `GET /medical/v1/cohort`: a customer's cohorts with their sizes, page by page.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::cohort::Cohort;
use bulk_domain::ids::{CohortId, CustomerId};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{AnyScope, Caller};
use crate::error::ApiError;
use crate::operations::get_cohort::{CohortWithSize, with_size};
use crate::page::{Meta, Page, PageRequest};
use crate::request_url::RequestUrl;

/// Number of cohorts that are counted at the same time.
const COUNTED_TOGETHER: usize = 8;

/// A page of cohorts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cohorts {
    cohorts: Vec<CohortWithSize>,
    meta: Meta,
}

impl NamesObjects for Cohorts {
    fn objects(&self) -> Objects {
        self.cohorts.objects()
    }
}

/// List cohorts with their sizes
///
/// All cohorts are on one page unless you ask for fewer, or the answer would be larger than 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/cohort", operation_id = "listCohorts", tag = "cohort",
    params(PageRequest<CohortId>),
    responses(
        (status = 200, description = "The cohorts.", body = Cohorts),
        (status = 400, description = "Invalid parameter. `detail` names it."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<AnyScope>,
    request: PageRequest<CohortId>,
    url: RequestUrl,
) -> Result<Audited<Cohorts>, ApiError> {
    let page = list_cohorts(backend.ports(), customer, request).await?;
    let meta = url.meta(&page, request.count, &[]);
    Ok(Audited(Cohorts { cohorts: page.items, meta }))
}

async fn list_cohorts<P: Ports>(
    ports: &P,
    customer: CustomerId,
    request: PageRequest<CohortId>,
) -> Result<Page<CohortWithSize, CohortId>, ApiError> {
    let mut cohorts = ports.directory().list_entries::<Cohort>(customer).await?;
    cohorts.sort_by_key(|cohort| cohort.id);
    let uncounted = cohorts.into_iter().map(|cohort| CohortWithSize::new(cohort, 0)).collect();
    let page = Page::of(request, uncounted, |listed: &CohortWithSize| listed.cohort.id);
    let counted = stream::iter(page.items).map(|it| with_size(ports, customer, it.cohort));
    let items = counted.buffered(COUNTED_TOGETHER).try_collect().await?;
    Ok(Page { items, next: page.next, previous: page.previous })
}
