//! `GET /medical/v1/patient/bulk/{requestId}`

use axum::Json;
use axum::extract::State;
use domain::ids::{FacilityId, JobId};
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::api::get_job::{JobView, get_job};
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::Id;

/// The parameters that a job was made with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    pub dry_run: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobBody {
    request_id: JobId,
    facility_id: FacilityId,
    status: JobStatus,
    params: Params,
    created_at: Timestamp,
    upload_expires_at: Timestamp,
    total: u32,
    successful: u32,
    failed: u32,
    progress: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<JobId>,
) -> Result<Json<JobBody>, Problem> {
    Ok(Json(get_job(&app.jobs, &app.files, &app.world, customer, id).await?.into()))
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
            started_at: job.started_at,
            finished_at: job.finished_at,
            reason: job.reason,
            result,
            failures,
        }
    }
}
