//! `GET /medical/v1/patient?count=&fromItem=&facilityId=`

use axum::Json;
use axum::extract::State;
use domain::patient::Patient;
use domain::roster::Roster;
use pipeline::api::facilities::get_facility;
use pipeline::api::list_patients::list_patients;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::page::{Here, Meta, PageQuery};
use crate::query::{Parameters, facility};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientQuery {
    count: Option<String>,
    from_item: Option<String>,
    facility_id: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct PatientPage {
    pub patients: Vec<Patient>,
    pub meta: Meta,
}

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<PatientQuery>,
    here: Here,
) -> Result<Json<PatientPage>, Problem> {
    let request = PageQuery { count: query.count, from_item: query.from_item }.parse()?;
    let facility = facility(query.facility_id.as_deref())?;
    if let Some(facility) = facility {
        get_facility(&app.directory, customer, facility).await?;
    }
    let page = list_patients(&app.patients, customer, Roster::Everybody, facility, request).await?;
    let others = [("facilityId", facility.map(|id| id.to_string()))];
    let meta = here.meta(page.items.len(), page.next, request.count, &others);
    Ok(Json(PatientPage { patients: page.items, meta }))
}
