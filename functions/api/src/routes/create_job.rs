//! `POST /medical/v1/patient/bulk?facilityId=&dryRun=`

use axum::Json;
use axum::extract::{Query, State};
use domain::ids::{FacilityId, JobId};
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::api::ApiError;
use pipeline::api::create_job::{NewJob, create_job};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::routes::get_job::Params;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    #[serde(default)]
    facility_id: String,
    #[serde(default)]
    dry_run: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewJobBody {
    request_id: JobId,
    facility_id: FacilityId,
    status: JobStatus,
    upload_url: String,
    params: Params,
    created_at: Timestamp,
    upload_expires_at: Timestamp,
}

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Query(parameters): Query<Parameters>,
) -> Result<Json<NewJobBody>, Problem> {
    let new = NewJob { facility: facility(&parameters.facility_id)?, dry_run: dry_run(&parameters.dry_run)? };
    let (job, upload_url) =
        create_job(&app.jobs, &app.directory, &app.files, &app.world, customer, new).await?;
    tracing::info!(job.id = %job.id, job.dry_run = job.dry_run, "Job created");
    Ok(Json(NewJobBody {
        request_id: job.id,
        facility_id: job.facility,
        status: job.status,
        upload_url,
        params: Params { dry_run: job.dry_run },
        created_at: job.created_at,
        upload_expires_at: job.upload_expires_at,
    }))
}

fn facility(text: &str) -> Result<Option<FacilityId>, ApiError> {
    match text.trim() {
        "" => Ok(None),
        // What is no id is nobody's facility.
        id => id.parse().map(Some).map_err(|_| ApiError::NotFound("Could not find facility")),
    }
}

/// A mistyped dry run must not create patients, so that everything but the two words is refused.
fn dry_run(text: &str) -> Result<bool, ApiError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(ApiError::BadRequest("dryRun must be true or false")),
    }
}
