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

/// Stop an import.
///
/// Rows that were not started are reported as failed with the reason `canceled`.
#[utoipa::path(
    post, path = "/medical/v1/patient/bulk/{id}/cancel", operation_id = "cancelBulkRequest", tag = "bulk",
    params(
        ("id" = String, Path, format = "uuid", description = "The id."),
    ),
    responses(
        (status = 200, description = "The import, which ends as failed with the reason `canceled`.", body = JobBody),
        (status = 404, description = "There is no such object of yours."),
        (status = 409, description = "The import has ended."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<JobId>,
) -> Result<Json<JobBody>, Problem> {
    let job = cancel_job(&app.ports, customer, id).await?;
    tracing::info!(job.id = %job.id, job.status = %job.status, "Cancel asked for");
    Ok(Json(JobView { job, result: None, failures: None }.into()))
}
