//! The paths, and the file behind each.

mod cancel_job;
mod cohort_patients;
mod cohorts;
mod create_job;
mod document_query;
mod documents;
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
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::Problem;
use crate::openapi::Description;
use crate::respond::{AllowedOrigin, with_headers};
use crate::{docs, openapi};

/// The largest body that is read, in bytes: 64 KiB, many times a patient with all addresses.
const LARGEST_BODY: usize = 64 * 1024;

/// Every operation with its description.
pub fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(openapi::health))
        .routes(routes!(openapi::handle))
        .routes(routes!(docs::handle))
        .routes(routes!(settings::read, settings::write))
        .routes(routes!(settings::rotate))
        .routes(routes!(webhook_status::read))
        .routes(routes!(webhook_status::retry))
        .routes(routes!(facilities::list, facilities::create))
        .routes(routes!(facilities::get))
        .routes(routes!(cohorts::list, cohorts::create))
        .routes(routes!(cohorts::get))
        .routes(routes!(cohort_patients::handle))
        .routes(routes!(list_patients::handle))
        .routes(routes!(get_patient::by_external_id))
        .routes(routes!(match_patient::handle))
        .routes(routes!(get_patient::handle))
        .routes(routes!(document_query::read, document_query::start))
        .routes(routes!(documents::handle))
        .routes(routes!(list_jobs::handle, create_job::handle))
        .routes(routes!(get_job::handle))
        .routes(routes!(cancel_job::handle))
}

/// Every route of the API.
pub fn router(app: App, allowed: AllowedOrigin) -> Router {
    let (router, _) = described().split_for_parts();
    router
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::from_fn_with_state(allowed, with_headers))
        .with_state(app)
}
