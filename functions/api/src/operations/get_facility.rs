//! `GET /medical/v1/facility/{id}`: one facility of the customer.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::e_tag::ETag;
use bulk_domain::facility::Facility;
use bulk_domain::ids::FacilityId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{AnyScope, Caller};
use crate::directory_entries::get_entry;
use crate::error::ApiError;
use crate::request::Id;

/// A facility with its entity tag.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacilityWithETag {
    #[serde(flatten)]
    pub facility: Facility,
    /// Changes with every change of the facility. Send it as `If-Match` with a change.
    #[schema(value_type = String)]
    e_tag: ETag,
}

impl From<Facility> for FacilityWithETag {
    fn from(facility: Facility) -> Self {
        Self { e_tag: ETag::of(&facility), facility }
    }
}

impl NamesObjects for FacilityWithETag {
    fn objects(&self) -> Objects {
        self.facility.objects()
    }
}

/// Read a facility by its id
#[utoipa::path(
    get, path = "/medical/v1/facility/{id}", operation_id = "getFacility", tag = "facility",
    params(Id<FacilityId>),
    responses(
        (status = 200, description = "The facility.", body = FacilityWithETag),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<AnyScope>,
    Id(id): Id<FacilityId>,
) -> Result<Audited<FacilityWithETag>, ApiError> {
    Ok(Audited(get_entry::<Facility>(backend.ports(), customer, id).await?.into()))
}
