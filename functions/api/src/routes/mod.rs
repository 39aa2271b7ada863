//! The paths, and the file behind each.

mod cancel_job;
mod cohort_patients;
mod cohorts;
mod create_job;
mod facilities;
mod get_job;
mod get_patient;
mod list_jobs;
mod list_patients;
mod match_patient;
mod settings;
mod webhook_status;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::app::App;
use crate::error::Problem;

/// The largest body that is read, in bytes: 64 KiB, many times a patient with all addresses.
const LARGEST_BODY: usize = 64 * 1024;

/// Every route of the API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/health", get(async || axum::Json(serde_json::json!({"status": "ok"}))))
        .route("/settings", get(settings::read).post(settings::write))
        .route("/settings/webhook", get(webhook_status::read))
        .route("/settings/webhook/retry", axum::routing::post(webhook_status::retry))
        .route("/settings/webhook/rotate", axum::routing::post(settings::rotate))
        .route("/medical/v1/facility", get(facilities::list).post(facilities::create))
        .route("/medical/v1/facility/{id}", get(facilities::get))
        .route("/medical/v1/cohort", get(cohorts::list).post(cohorts::create))
        .route("/medical/v1/cohort/{id}", get(cohorts::get))
        .route("/medical/v1/cohort/{id}/patient", get(cohort_patients::handle))
        .route("/medical/v1/patient", get(list_patients::handle))
        .route("/medical/v1/patient/external-id", get(get_patient::by_external_id))
        .route("/medical/v1/patient/match", axum::routing::post(match_patient::handle))
        .route("/medical/v1/patient/bulk", get(list_jobs::handle).post(create_job::handle))
        .route("/medical/v1/patient/bulk/{id}", get(get_job::handle))
        .route("/medical/v1/patient/bulk/{id}/cancel", axum::routing::post(cancel_job::handle))
        .route("/medical/v1/patient/{id}", get(get_patient::handle))
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app)
}
