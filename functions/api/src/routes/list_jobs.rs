//! `GET /medical/v1/patient/bulk?count=&fromItem=`

use axum::Json;
use axum::extract::State;
use pipeline::api::get_job::JobView;
use pipeline::api::list_jobs::list_jobs;
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::page::{Here, Meta, PageQuery};
use crate::query::Parameters;
use crate::routes::get_job::JobBody;

#[derive(Debug, Serialize)]
pub struct JobPage {
    requests: Vec<JobBody>,
    meta: Meta,
}

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<PageQuery>,
    here: Here,
) -> Result<Json<JobPage>, Problem> {
    let request = query.parse()?;
    let page = list_jobs(&app.jobs, &app.files, &app.world, customer, request).await?;
    let meta = here.meta(page.items.len(), page.next, request.count, &[]);
    let bare = |job| JobView { job, result: None, failures: None }.into();
    Ok(Json(JobPage { requests: page.items.into_iter().map(bare).collect(), meta }))
}
