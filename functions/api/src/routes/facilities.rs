//! `GET /medical/v1/facility`, `POST /medical/v1/facility` and `GET /medical/v1/facility/{id}`

use axum::Json;
use axum::extract::State;
use domain::facility::Facility;
use domain::ids::FacilityId;
use pipeline::api::ApiError;
use pipeline::api::facilities::{get_facility, list_facilities};
use pipeline::api::page::Counts;
use pipeline::ports::Ports as _;
use pipeline::ports::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::fields::Fields;
use crate::json::Body;
use crate::page::{Here, Meta, PageQuery};
use crate::query::{Id, Parameters};

#[derive(Debug, Serialize, ToSchema)]
pub struct Facilities {
    #[schema(value_type = Vec<crate::shapes::FacilityShape>)]
    facilities: Vec<Facility>,
    meta: Meta,
}

/// List facilities.
///
/// There is a second page only where the answer would be larger than 4 MB, or fewer are asked for.
#[utoipa::path(
    get, path = "/medical/v1/facility", operation_id = "listFacilities", tag = "facility",
    params(
        ("count" = Option<u32>, Query, minimum = 1, maximum = 20_000, description = "Items on a page. Default: all that fit into an answer."),
        ("fromItem" = Option<String>, Query, pattern = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$", description = "Where the page begins: taken from `meta.nextPage`."),
    ),
    responses(
        (status = 200, description = "The facilities.", body = Facilities),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
    ),
)]
pub async fn list(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<PageQuery>,
    here: Here,
) -> Result<Json<Facilities>, Problem> {
    let request = query.parse(Counts::WHOLE)?;
    let page = list_facilities(&app.ports, customer, request).await?;
    let meta = here.meta(page.items.len(), page.next, request.count, &[]);
    Ok(Json(Facilities { facilities: page.items, meta }))
}

/// Add a facility.
#[utoipa::path(
    post, path = "/medical/v1/facility", operation_id = "createFacility", tag = "facility",
    request_body = crate::shapes::NewFacility,
    responses(
        (status = 200, description = "The facility with its id.", body = crate::shapes::FacilityShape),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn create(
    State(app): State<App>,
    Caller(customer): Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Facility>, Problem> {
    let facility = read(FacilityId::new(app.ports.environment().new_id()), &body)?;
    app.ports.directory().create_facility(customer, &facility).await.map_err(ApiError::from)?;
    tracing::info!(facility.id = %facility.id, "Facility created");
    Ok(Json(facility))
}

/// Read a facility.
#[utoipa::path(
    get, path = "/medical/v1/facility/{id}", operation_id = "getFacility", tag = "facility",
    params(
        ("id" = String, Path, format = "uuid", description = "The id."),
    ),
    responses(
        (status = 200, description = "The facility.", body = crate::shapes::FacilityShape),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<FacilityId>,
) -> Result<Json<Facility>, Problem> {
    Ok(Json(get_facility(&app.ports, customer, id).await?))
}

fn read(id: FacilityId, body: &Map<String, Value>) -> Result<Facility, ApiError> {
    let mut fields = Fields::of(body);
    let name = fields.required("name");
    let npi = fields.required("npi");
    let tin = fields.optional("tin");
    let active = fields.flag("active").unwrap_or(true);
    let address = fields.address("address");
    fields.finish()?;
    let (Some(name), Some(npi), Some(address)) = (name, npi, address) else {
        return Err(ApiError::Invalid(Vec::new()));
    };
    Ok(Facility { id, name, npi, tin, active, address })
}
