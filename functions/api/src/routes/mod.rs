//! The paths, and the file behind each.

mod cancel_job;
mod create_job;
mod get_job;
mod get_patient;
mod list_facilities;
mod settings;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::error::Problem;

/// Every route of the API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/health", get(async || axum::Json(serde_json::json!({"status": "ok"}))))
        .route("/settings", get(settings::read).post(settings::write))
        .route("/medical/v1/facility", get(list_facilities::handle))
        .route("/medical/v1/patient/bulk", axum::routing::post(create_job::handle))
        .route("/medical/v1/patient/bulk/{id}", get(get_job::handle))
        .route("/medical/v1/patient/bulk/{id}/cancel", axum::routing::post(cancel_job::handle))
        .route("/medical/v1/patient/{id}", get(get_patient::handle))
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .with_state(app)
}
