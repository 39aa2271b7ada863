//! `GET /medical/v1/facility`, `POST /medical/v1/facility` and `GET /medical/v1/facility/{id}`

use axum::Json;
use axum::extract::State;
use domain::facility::Facility;
use domain::ids::FacilityId;
use pipeline::api::ApiError;
use pipeline::api::directory::{CreateFacility as _, ListFacilities as _};
use pipeline::api::facilities::get_facility;
use pipeline::ports::Randomness as _;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::fields::Fields;
use crate::json::Body;
use crate::query::Id;

#[derive(Debug, Serialize)]
pub struct Facilities {
    facilities: Vec<Facility>,
}

pub async fn list(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Facilities>, Problem> {
    let facilities = app.directory.list_facilities(customer).await.map_err(ApiError::from)?;
    Ok(Json(Facilities { facilities }))
}

pub async fn create(
    State(app): State<App>,
    Caller(customer): Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Facility>, Problem> {
    let facility = read(FacilityId::new(app.world.new_id()), &body)?;
    app.directory.create_facility(customer, &facility).await.map_err(ApiError::from)?;
    tracing::info!(facility.id = %facility.id, "Facility created");
    Ok(Json(facility))
}

pub async fn get(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<FacilityId>,
) -> Result<Json<Facility>, Problem> {
    Ok(Json(get_facility(&app.directory, customer, id).await?))
}

fn read(id: FacilityId, body: &Map<String, Value>) -> Result<Facility, ApiError> {
    let mut fields = Fields::of(body);
    let name = fields.required("name");
    let npi = fields.required("npi");
    let tin = fields.optional("tin");
    let active = fields.flag("active").unwrap_or(true);
    let address = fields.address("address");
    fields.finish()?;
    let (Some(name), Some(npi)) = (name, npi) else { return Err(ApiError::Invalid(Vec::new())) };
    Ok(Facility { id, name, npi, tin, active, address })
}
