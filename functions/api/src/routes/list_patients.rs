//! `GET /medical/v1/patient?count=&fromItem=&facilityId=`

use axum::Json;
use axum::extract::State;
use domain::patient::Patient;
use domain::roster::Roster;
use pipeline::api::facilities::get_facility;
use pipeline::api::list_patients::list_patients;
use pipeline::api::page::Counts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

#[derive(Debug, Serialize, ToSchema)]
pub struct PatientPage {
    #[schema(value_type = Vec<crate::shapes::PatientShape>)]
    pub patients: Vec<Patient>,
    pub meta: Meta,
}

/// List patients, in the order in which they came.
///
/// A page may be shorter than `count` and still have a next one: with `facilityId`, and where patients are so large
/// that the answer would be larger than 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/patient", operation_id = "listPatients", tag = "patient",
    params(
        ("count" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on a page; 100 where nothing is said."),
        ("fromItem" = Option<String>, Query, pattern = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}[.][0-9]{1,9}[.][0-9]{1,9})$", description = "Where the page begins: taken from `meta.nextPage`."),
        ("facilityId" = Option<String>, Query, pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", description = "Only those of this facility."),
    ),
    responses(
        (status = 200, description = "A page of patients.", body = PatientPage),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<PatientQuery>,
    here: Here,
) -> Result<Json<PatientPage>, Problem> {
    let request = PageQuery { count: query.count, from_item: query.from_item }.parse(Counts::PAGED)?;
    let facility = facility(query.facility_id.as_deref())?;
    if let Some(facility) = facility {
        get_facility(&app.ports, customer, facility).await?;
    }
    let page = list_patients(&app.ports, customer, Roster::Everybody, facility, request).await?;
    let others = [("facilityId", facility.map(|id| id.to_string()))];
    let meta = here.meta(page.items.len(), page.next, request.count, &others);
    Ok(Json(PatientPage { patients: page.items, meta }))
}
