//! `GET /openapi.json`

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::openapi::DOCUMENT;

/// Read this description
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getDescription", tag = "service",
    responses((status = 200, description = "This document.", body = Object, content_type = "application/json")),
    security(()),
)]
pub async fn handle() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
