//! `GET /medical/v1/cohort`, `POST /medical/v1/cohort` and `GET /medical/v1/cohort/{id}`

use axum::Json;
use axum::extract::State;
use domain::cohort::Cohort;
use domain::ids::CohortId;
use pipeline::api::ApiError;
use pipeline::api::get_cohort::{CohortView, get_cohort, list_cohorts};
use pipeline::api::page::{Counts, Page};
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
pub struct Cohorts {
    cohorts: Vec<CohortBody>,
    meta: Meta,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cohort)]
pub struct CohortBody {
    #[serde(flatten)]
    #[schema(value_type = crate::shapes::CohortShape)]
    cohort: Cohort,
    /// Patients in it. While an import runs it may be ahead of the list.
    size: usize,
}

impl From<CohortView> for CohortBody {
    fn from(CohortView { cohort, size }: CohortView) -> Self {
        Self { cohort, size }
    }
}

/// List cohorts with their sizes.
///
/// There is a second page only where the answer would be larger than 4 MB, or fewer are asked for.
#[utoipa::path(
    get, path = "/medical/v1/cohort", operation_id = "listCohorts", tag = "cohort",
    params(
        ("count" = Option<u32>, Query, minimum = 1, maximum = 20_000, description = "Items on a page. Default: all that fit into an answer."),
        ("fromItem" = Option<String>, Query, pattern = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$", description = "Where the page begins: taken from `meta.nextPage`."),
    ),
    responses(
        (status = 200, description = "The cohorts.", body = Cohorts),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
    ),
)]
pub async fn list(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<PageQuery>,
    here: Here,
) -> Result<Json<Cohorts>, Problem> {
    let request = query.parse(Counts::WHOLE)?;
    let found = list_cohorts(&app.ports, customer, request).await?;
    let bodies = found.items.into_iter().map(CohortBody::from);
    let page = Page::of(request.count, bodies, |body| body.cohort.id);
    let meta = here.meta(page.items.len(), page.next.or(found.next), request.count, &[]);
    Ok(Json(Cohorts { cohorts: page.items, meta }))
}

/// Add a cohort.
#[utoipa::path(
    post, path = "/medical/v1/cohort", operation_id = "createCohort", tag = "cohort",
    request_body = crate::shapes::NewCohort,
    responses(
        (status = 200, description = "The cohort with its id.", body = CohortBody),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn create(
    State(app): State<App>,
    Caller(customer): Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<CohortBody>, Problem> {
    let cohort = read(CohortId::new(app.ports.environment().new_id()), &body)?;
    app.ports.directory().create_cohort(customer, &cohort).await.map_err(ApiError::from)?;
    tracing::info!(cohort.id = %cohort.id, "Cohort created");
    Ok(Json(CohortBody { cohort, size: 0 }))
}

/// Read a cohort.
#[utoipa::path(
    get, path = "/medical/v1/cohort/{id}", operation_id = "getCohort", tag = "cohort",
    params(
        ("id" = String, Path, format = "uuid", description = "The id."),
    ),
    responses(
        (status = 200, description = "The cohort.", body = CohortBody),
        (status = 404, description = "There is no such object of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(customer): Caller,
    Id(id): Id<CohortId>,
) -> Result<Json<CohortBody>, Problem> {
    Ok(Json(get_cohort(&app.ports, customer, id).await?.into()))
}

fn read(id: CohortId, body: &Map<String, Value>) -> Result<Cohort, ApiError> {
    let mut fields = Fields::of(body);
    let name = fields.required("name");
    let description = fields.optional("description");
    let color = fields.optional("color");
    fields.finish()?;
    let Some(name) = name else { return Err(ApiError::Invalid(Vec::new())) };
    Ok(Cohort { id, name, description, color })
}
