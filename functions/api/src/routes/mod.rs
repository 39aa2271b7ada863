//! The paths, and the file behind each.

mod cancel_job;
mod create_job;
mod get_job;
mod get_patient;
mod list_facilities;
mod settings;
mod webhook_status;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::error::Problem;

/// Every route of the API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/health", get(async || axum::Json(serde_json::json!({"status": "ok"}))))
        .route("/settings", get(settings::read).post(settings::write))
        .route("/settings/webhook", get(webhook_status::read))
        .route("/settings/webhook/retry", axum::routing::post(webhook_status::retry))
        .route("/settings/webhook/rotate", axum::routing::post(settings::rotate))
        .route("/medical/v1/facility", get(list_facilities::handle))
        .route("/medical/v1/patient/bulk", axum::routing::post(create_job::handle))
        .route("/medical/v1/patient/bulk/{id}", get(get_job::handle))
        .route("/medical/v1/patient/bulk/{id}/cancel", axum::routing::post(cancel_job::handle))
        .route("/medical/v1/patient/{id}", get(get_patient::handle))
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .with_state(app)
}
