//! `GET /medical/v1/cohort/{id}/patient?count=&fromItem=`

use axum::Json;
use axum::extract::State;
use domain::ids::CohortId;
use domain::roster::Roster;
use pipeline::api::list_patients::list_patients;
use pipeline::api::page::Counts;
use pipeline::api::{ApiError, get_cohort};
use pipeline::ports::Ports as _;
use pipeline::ports::prelude::*;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::page::{Here, PageQuery};
use crate::query::{Id, Parameters};
use crate::routes::list_patients::PatientPage;

/// List a cohort's patients.
///
/// A page may be shorter than `count` and still have a next one: no answer is larger than 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/cohort/{id}/patient", operation_id = "listCohortPatients", tag = "cohort",
    params(
        ("id" = String, Path, format = "uuid", description = "The id."),
        ("count" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on a page; 100 where nothing is said."),
        ("fromItem" = Option<String>, Query, pattern = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}[.][0-9]{1,9}[.][0-9]{1,9})$", description = "Where the page begins: taken from `meta.nextPage`."),
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
    Id(id): Id<CohortId>,
    Parameters(query): Parameters<PageQuery>,
    here: Here,
) -> Result<Json<PatientPage>, Problem> {
    let request = query.parse(Counts::PAGED)?;
    let cohort = app.ports.directory().load_cohort(customer, id).await.map_err(ApiError::from)?;
    let cohort = cohort.ok_or(get_cohort::NOT_FOUND)?;
    let page = list_patients(&app.ports, customer, Roster::Cohort(cohort.id), None, request).await?;
    let meta = here.meta(page.items.len(), page.next, request.count, &[]);
    Ok(Json(PatientPage { patients: page.items, meta }))
}
