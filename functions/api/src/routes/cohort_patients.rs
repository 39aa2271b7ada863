//! `GET /medical/v1/cohort/{id}/patient?count=&fromItem=`

use axum::Json;
use axum::extract::State;
use domain::ids::CohortId;
use domain::roster::Roster;
use pipeline::api::directory::LoadCohort as _;
use pipeline::api::list_patients::list_patients;
use pipeline::api::{ApiError, get_cohort};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::page::{Here, PageQuery};
use crate::query::{Id, Parameters};
use crate::routes::list_patients::PatientPage;

pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<CohortId>,
    Parameters(query): Parameters<PageQuery>,
    here: Here,
) -> Result<Json<PatientPage>, Problem> {
    let request = query.parse()?;
    let cohort = app.directory.load_cohort(customer, id).await.map_err(ApiError::from)?;
    let cohort = cohort.ok_or(get_cohort::NOT_FOUND)?;
    let page = list_patients(&app.patients, customer, Roster::Cohort(cohort.id), None, request).await?;
    let meta = here.meta(page.items.len(), page.next, request.count, &[]);
    Ok(Json(PatientPage { patients: page.items, meta }))
}
