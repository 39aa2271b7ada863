//! `GET /medical/v1/patient/bulk?count=&fromItem=`

use axum::Json;
use axum::extract::State;
use pipeline::api::get_job::JobView;
use pipeline::api::list_jobs::list_jobs;
use pipeline::api::page::{Counts, Page};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::page::{Here, Meta, PageQuery};
use crate::query::Parameters;
use crate::routes::get_job::JobBody;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkRequestPage)]
pub struct JobPage {
    requests: Vec<JobBody>,
    meta: Meta,
}

/// List imports, newest first.
///
/// A page may be shorter than `count` and still have a next one: no answer is larger than 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/patient/bulk", operation_id = "listBulkRequests", tag = "bulk",
    params(
        ("count" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on a page; 100 where nothing is said."),
        ("fromItem" = Option<String>, Query, pattern = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$", description = "Where the page begins: taken from `meta.nextPage`."),
    ),
    responses(
        (status = 200, description = "A page of imports, without links.", body = JobPage),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<PageQuery>,
    here: Here,
) -> Result<Json<JobPage>, Problem> {
    let request = query.parse(Counts::PAGED)?;
    let found = list_jobs(&app.ports, customer, request).await?;
    let bare = |job| JobBody::from(JobView { job, result: None, failures: None });
    let page = Page::of(request.count, found.items.into_iter().map(bare), |job| job.request_id);
    let meta = here.meta(page.items.len(), page.next.or(found.next), request.count, &[]);
    Ok(Json(JobPage { requests: page.items, meta }))
}
