//! `GET /openapi.json`: the description of the API for programs.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::openapi::DOCUMENT;
use crate::query_parameters::KnownParameters;

/// Read this description as JSON
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getDescription", tag = "service",
    responses((status = 200, description = "This document.", body = Object, content_type = "application/json")),
    security(()),
)]
pub async fn handle(_: KnownParameters) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
