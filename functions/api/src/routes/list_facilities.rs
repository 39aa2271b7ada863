//! `GET /medical/v1/facility`

use axum::Json;
use axum::extract::State;
use domain::ids::FacilityId;
use pipeline::api::ApiError;
use pipeline::api::directory::ListFacilities as _;
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;

#[derive(Debug, Serialize)]
pub struct Facilities {
    facilities: Vec<Facility>,
}

#[derive(Debug, Serialize)]
struct Facility {
    id: FacilityId,
    name: String,
    npi: String,
}

pub async fn handle(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Facilities>, Problem> {
    let found = app.directory.list_facilities(customer).await.map_err(ApiError::from)?;
    let facilities = found
        .into_iter()
        .map(|facility| Facility { id: facility.id, name: facility.name, npi: facility.npi })
        .collect();
    Ok(Json(Facilities { facilities }))
}
