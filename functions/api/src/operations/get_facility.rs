//! `GET /medical/v1/facility/{id}`: one facility of the customer.

use axum::extract::State;
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CustomerId, FacilityId};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{AnyScope, Caller};
use crate::error::{ApiError, Named as _};
use crate::request::Id;

/// Read a facility by its id
#[utoipa::path(
    get, path = "/medical/v1/facility/{id}", operation_id = "getFacility", tag = "facility",
    params(("id" = String, Path, format = "uuid", description = "The facility's id.")),
    responses(
        (status = 200, description = "The facility.", body = Facility),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<AnyScope>,
    Id(id): Id<FacilityId>,
) -> Result<Audited<Facility>, ApiError> {
    Ok(Audited(get_facility(backend.ports(), customer, id).await?))
}

/// Returns the customer's facility with this id.
pub async fn get_facility<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: FacilityId,
) -> Result<Facility, ApiError> {
    ports.directory().load_facility(customer, id).await?.ok_or(FacilityId::NOT_FOUND)
}
