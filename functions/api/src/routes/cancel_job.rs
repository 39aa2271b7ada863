//! `POST /medical/v1/patient/bulk/{requestId}/cancel`

use axum::Json;
use axum::extract::State;
use domain::ids::JobId;
use pipeline::api::cancel_job::cancel_job;
use pipeline::api::get_job::JobView;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::Id;
use crate::routes::get_job::JobBody;

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<JobId>,
) -> Result<Json<JobBody>, Problem> {
    let job = cancel_job(&app.jobs, &app.webhooks, &app.world, customer, id).await?;
    tracing::info!(job.id = %job.id, job.status = %job.status, "Cancel asked for");
    Ok(Json(JobView { job, result: None, failures: None }.into()))
}
