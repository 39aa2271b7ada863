//! `POST /medical/v1/facility`: adds a facility of the customer.

use axum::extract::State;
use bulk_domain::facility::{Facility, Npi, Tin};
use bulk_domain::ids::FacilityId;
use bulk_domain::label::Label;
use bulk_domain::patient::Address;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::new_address::NewAddress;
use crate::operations::get_facility::FacilityWithETag;
use crate::request::Body;

/// A facility to add.
#[derive(Debug, ToSchema)]
pub struct NewFacility {
    /// 1 to 255 characters.
    #[schema(value_type = String, format = "label")]
    name: Label,
    /// National Provider Identifier: 10 digits. The last digit checks the others.
    #[schema(value_type = String, format = "npi")]
    npi: Npi,
    /// Tax identification number: 9 digits, with or without the dash.
    #[schema(value_type = Option<String>, format = "tin")]
    tin: Option<Tin>,
    /// Whether the facility is in use. Default `true`.
    #[schema(value_type = Option<bool>)]
    active: bool,
    #[schema(value_type = NewAddress)]
    address: Address,
}

/// Add a facility that rows can name
#[utoipa::path(
    post, path = "/medical/v1/facility", operation_id = "createFacility", tag = "facility",
    request_body = NewFacility,
    responses(
        (status = 200, description = "The facility.", body = FacilityWithETag),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<FacilityWithETag>, ApiError> {
    let ports = backend.ports();
    let id = FacilityId::new(ports.environment().new_id());
    let facility = NewFacility::read(Fields::of(&body))?.with_id(id);
    ports.directory().create_entry(customer, &facility).await?;
    tracing::info!(facility.id = %facility.id, "Facility created");
    Ok(Audited(facility.into()))
}

impl NewFacility {
    /// Returns the facility in these fields.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, ApiError> {
        let name = fields.required("name");
        let npi = fields.required("npi");
        let tin = fields.optional("tin");
        let active = fields.flag("active").unwrap_or(true);
        let address = NewAddress::one(&mut fields, "address");
        fields.finish(|| Some(Self { name: name?, npi: npi?, tin, active, address: address? }))
    }

    /// Returns the facility with this id.
    pub fn with_id(self, id: FacilityId) -> Facility {
        let Self { name, npi, tin, active, address } = self;
        Facility { id, name, npi, tin, active, address }
    }
}
