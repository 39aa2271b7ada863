//! The route table: the path and method of each operation.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::audit::{Auditor, audited};
use crate::backend::Backend;
use crate::deadline::in_time;
use crate::error::ApiError;
use crate::operations::{
    cancel_job, change_cohort_patients, create_cohort, create_facility, create_job, delete_cohort,
    delete_facility, delete_patient, get_bulk_download, get_cohort, get_docs, get_document_query,
    get_document_url, get_facility, get_health, get_hie_opt_out, get_job, get_openapi, get_patient,
    get_patient_by_external_id, get_settings, get_webhook_status, list_cohort_patients,
    list_cohorts, list_documents, list_facilities, list_jobs, list_patient_cohorts, list_patients,
    match_patient, open_document_link, retry_webhooks, rotate_webhook_key, set_hie_opt_out,
    start_bulk_download, start_document_query, undo_job, update_cohort, update_facility,
    update_patient, update_settings,
};
use crate::response_headers::{AllowedOrigin, with_headers};

/// The largest body that an operation reads, in bytes: 64 KiB, many times a patient with all
/// addresses.
const LARGEST_BODY: usize = 64 * 1024;

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site that may call the API from its pages, if any.
    pub allowed_origin: AllowedOrigin,
    /// Time after which a request is answered 503.
    pub answer_within: Duration,
    /// Time after which an event of the audit trail counts as not stored.
    pub record_within: Duration,
}

/// Returns the router of all operations.
pub fn router<B: Backend>(backend: B, settings: Settings) -> Router {
    let auditor = Auditor { backend: backend.clone(), record_within: settings.record_within };
    operations::<B>()
        .with_state(backend)
        .fallback(async || ApiError::NoSuchPath)
        .method_not_allowed_fallback(async || ApiError::NoSuchMethod)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(settings.answer_within, in_time))
        .layer(from_fn_with_state(auditor, audited))
        .layer(from_fn_with_state(settings.allowed_origin, with_headers))
}

fn operations<B: Backend>() -> Router<B> {
    Router::new()
        .route(
            "/medical/v1/patient/bulk",
            post(create_job::handle::<B>).get(list_jobs::handle::<B>),
        )
        .route("/medical/v1/patient/bulk/{id}", get(get_job::handle::<B>))
        .route("/medical/v1/patient/bulk/{id}/cancel", post(cancel_job::handle::<B>))
        .route("/medical/v1/patient/bulk/{id}/undo", post(undo_job::handle::<B>))
        .route("/medical/v1/patient", get(list_patients::handle::<B>))
        .route("/medical/v1/patient/external-id", get(get_patient_by_external_id::handle::<B>))
        .route("/medical/v1/patient/match", post(match_patient::handle::<B>))
        .route(
            "/medical/v1/patient/{id}",
            get(get_patient::handle::<B>)
                .put(update_patient::handle::<B>)
                .delete(delete_patient::handle::<B>),
        )
        .route(
            "/medical/v1/patient/{id}/cohort",
            get(list_patient_cohorts::list::<B>).post(list_patient_cohorts::add::<B>),
        )
        .route(
            "/medical/v1/patient/{id}/hie-opt-out",
            get(get_hie_opt_out::handle::<B>).put(set_hie_opt_out::handle::<B>),
        )
        .route("/medical/v1/document", get(list_documents::handle::<B>))
        .route("/medical/v1/document/download", get(open_document_link::handle::<B>))
        .route("/medical/v1/document/download-url", get(get_document_url::handle::<B>))
        .route(
            "/medical/v1/document/download-url/bulk",
            post(start_bulk_download::handle::<B>).get(get_bulk_download::handle::<B>),
        )
        .route(
            "/medical/v1/document/query",
            post(start_document_query::handle::<B>).get(get_document_query::handle::<B>),
        )
        .route(
            "/medical/v1/facility",
            post(create_facility::handle::<B>).get(list_facilities::handle::<B>),
        )
        .route(
            "/medical/v1/facility/{id}",
            get(get_facility::handle::<B>)
                .put(update_facility::handle::<B>)
                .delete(delete_facility::handle::<B>),
        )
        .route(
            "/medical/v1/cohort",
            post(create_cohort::handle::<B>).get(list_cohorts::handle::<B>),
        )
        .route(
            "/medical/v1/cohort/{id}",
            get(get_cohort::handle::<B>)
                .put(update_cohort::replace::<B>)
                .patch(update_cohort::update::<B>)
                .delete(delete_cohort::handle::<B>),
        )
        .route(
            "/medical/v1/cohort/{id}/patient",
            get(list_cohort_patients::handle::<B>)
                .post(change_cohort_patients::add::<B>)
                .delete(change_cohort_patients::remove::<B>),
        )
        .route("/settings", post(update_settings::handle::<B>).get(get_settings::handle::<B>))
        .route("/settings/webhook", get(get_webhook_status::handle::<B>))
        .route("/settings/webhook/retry", post(retry_webhooks::handle::<B>))
        .route("/settings/webhook/rotate", post(rotate_webhook_key::handle::<B>))
        .route("/health", get(get_health::handle))
        .route("/openapi.json", get(get_openapi::handle))
        .route("/docs", get(get_docs::handle))
        .route("/docs/{file}", get(get_docs::asset))
}
