//! `GET /medical/v1/cohort/{id}/patient`: the patients of a cohort, page by page.

use axum::extract::State;
use bulk_domain::cohort::Cohort;
use bulk_domain::ids::CohortId;
use bulk_domain::roster::{Roster, RosterPlace};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::directory_entries::get_entry;
use crate::error::ApiError;
use crate::operations::get_patient::PatientWithETag;
use crate::operations::list_patients::{PatientPage, Selection, list_patients};
use crate::page::PageRequest;
use crate::request::Id;
use crate::request_url::RequestUrl;

/// List the patients of a cohort, in the order in which they joined
///
/// A page may be shorter than `count`, or empty, although another page follows, because a call
/// reads up to 5,000 patients in up to 5 seconds, and because an answer is limited to 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/cohort/{id}/patient", operation_id = "listCohortPatients", tag = "cohort",
    params(Id<CohortId>, PageRequest<RosterPlace>),
    responses(
        (status = 200, description = "A page of patients.", body = PatientPage),
        (status = 400, description = "Invalid parameter. `detail` names it."),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Id(id): Id<CohortId>,
    request: PageRequest<RosterPlace>,
    url: RequestUrl,
) -> Result<Audited<PatientPage>, ApiError> {
    let ports = backend.ports();
    get_entry::<Cohort>(ports, customer, id).await?;
    let (roster, all) = (Roster::Cohort(id), Selection::default());
    let page = list_patients(ports, customer, roster, &all, request).await?;
    let meta = url.meta(&page, request.count, &[]);
    let patients = page.items.into_iter().map(PatientWithETag::from).collect();
    Ok(Audited(PatientPage { patients, meta }))
}
