//! `GET /health`: whether the service answers.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::query_parameters::KnownParameters;

/// Whether the service answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`, because the service answered.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Check that the service answers
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "service",
    responses((status = 200, description = "The service answers.", body = Health)),
    security(()),
)]
pub async fn handle(_: KnownParameters) -> Json<Health> {
    Json(Health { status: "ok" })
}
