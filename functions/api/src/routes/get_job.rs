//! `GET /medical/v1/patient/bulk/{requestId}`

use axum::Json;
use axum::extract::State;
use domain::ids::{FacilityId, JobId};
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::api::get_job::{JobView, get_job};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::Id;

/// The parameters that a job was made with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkRequestParams)]
pub struct Params {
    pub dry_run: bool,
}

/// How many document queries an import has started, and how those that have ended did. One that failed, or had
/// not ended in time, has failed no row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkRequestQueries)]
struct QueriesBody {
    total: u32,
    successful: u32,
    failed: u32,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkRequest)]
pub struct JobBody {
    #[schema(value_type = String, format = "uuid")]
    pub request_id: JobId,
    #[schema(value_type = String, format = "uuid")]
    facility_id: FacilityId,
    #[schema(value_type = crate::shapes::JobStatusShape)]
    status: JobStatus,
    params: Params,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    upload_expires_at: Timestamp,
    total: u32,
    successful: u32,
    failed: u32,
    /// The share of rows that have their outcome.
    #[schema(minimum = 0, maximum = 1)]
    progress: f64,
    /// Once rows have started document queries. While some of them have not ended, the import is processing.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_queries: Option<QueriesBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Why it failed.
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Link to the result file.
    #[schema(format = "uri")]
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Link to the failed rows.
    #[schema(format = "uri")]
    failures: Option<String>,
}

/// See how an import stands, and get fresh links to its files.
#[utoipa::path(
    get, path = "/medical/v1/patient/bulk/{id}", operation_id = "getBulkRequest", tag = "bulk",
    params(
        ("id" = String, Path, format = "uuid", description = "The id."),
    ),
    responses(
        (status = 200, description = "The import. Links are valid for 3 minutes.", body = JobBody),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<JobId>,
) -> Result<Json<JobBody>, Problem> {
    Ok(Json(get_job(&app.ports, customer, id).await?.into()))
}

impl From<JobView> for JobBody {
    fn from(JobView { job, result, failures }: JobView) -> Self {
        Self {
            request_id: job.id,
            facility_id: job.facility,
            status: job.status,
            params: Params { dry_run: job.dry_run },
            created_at: job.created_at,
            upload_expires_at: job.upload_expires_at,
            total: job.total(),
            successful: job.successful,
            failed: job.failed,
            progress: job.progress(),
            document_queries: (job.queries > 0).then_some(QueriesBody {
                total: job.queries,
                successful: job.queries_ended.successful,
                failed: job.queries_ended.failed,
            }),
            started_at: job.started_at,
            finished_at: job.finished_at,
            reason: job.reason,
            result,
            failures,
        }
    }
}
