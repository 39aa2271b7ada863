//! `PUT /medical/v1/facility/{id}`: replaces a facility of the customer.

use axum::extract::State;
use bulk_domain::e_tag::ETag;
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CustomerId, FacilityId};
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, Write};
use serde_json::{Map, Value};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::{ApiError, Named as _};
use crate::fields::Fields;
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
    params(
        ("id" = String, Path, format = "uuid", description = "The facility's id."),
        ("If-Match" = Option<String>, Header, description = "The `eTag` that the facility must have. Default: the `eTag` in the body, or any."),
    ),
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
    let mut fields = Fields::of(&body);
    let if_match = if_match.or(fields.optional("eTag"));
    let facility = NewFacility::read(fields)?.with_id(id);
    replace_facility(backend.ports(), customer, &facility, &if_match).await?;
    tracing::info!(facility.id = %facility.id, "Facility replaced");
    Ok(Audited(facility.into()))
}

/// Replaces a facility, if it is as the caller expects it.
async fn replace_facility<P: Ports>(
    ports: &P,
    customer: CustomerId,
    facility: &Facility,
    if_match: &IfMatch,
) -> Result<(), ApiError> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let stored = directory.load_facility(customer, facility.id).await?;
        let stored = stored.ok_or(FacilityId::NOT_FOUND)?;
        // Also by an earlier attempt of this call, if the answer to its write was lost.
        if stored.value == *facility {
            return Ok(());
        }
        if_match.check(&ETag::of(&stored.value))?;
        if directory.replace_facility(customer, facility, stored.version).await? == Write::Done {
            return Ok(());
        }
    }
}
