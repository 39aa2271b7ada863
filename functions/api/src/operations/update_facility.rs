//! `PUT /medical/v1/facility/{id}`: replaces a facility of the customer.

use axum::extract::State;
use bulk_domain::ids::FacilityId;
use serde_json::{Map, Value};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::directory_entries::change_entry;
use crate::error::ApiError;
use crate::if_match::IfMatch;
use crate::operations::create_facility::NewFacility;
use crate::operations::get_facility::FacilityWithETag;
use crate::request::{Body, Id};

/// Replace a facility
///
/// The facility keeps its id and its patients. Every field is replaced, also an optional one that
/// the body does not have.
#[utoipa::path(
    put, path = "/medical/v1/facility/{id}", operation_id = "updateFacility", tag = "facility",
    params(Id<FacilityId>, IfMatch),
    request_body = NewFacility,
    responses(
        (status = 200, description = "The facility.", body = FacilityWithETag),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 404, description = "Not found."),
        (status = 412, description = "The facility has changed since its `eTag` was read."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Id(id): Id<FacilityId>,
    if_match: IfMatch,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<FacilityWithETag>, ApiError> {
    let (if_match, fields) = if_match.or_in(&body);
    let facility = NewFacility::read(fields)?.with_id(id);
    let change = |_| facility.clone();
    let facility = change_entry(backend.ports(), customer, id, &if_match, change).await?;
    tracing::info!(facility.id = %id, "Facility replaced");
    Ok(Audited(facility.into()))
}
