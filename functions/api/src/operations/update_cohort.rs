//! `PUT` and `PATCH /medical/v1/cohort/{id}`: changes a cohort of the customer.

use axum::extract::State;
use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::ids::{CohortId, CustomerId};
use bulk_domain::label::Label;
use bulk_pipeline::ports::Ports;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::cohort_settings::{CohortSettings, PurposeOfUse};
use crate::directory_entries::change_entry;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::if_match::IfMatch;
use crate::operations::create_cohort::{NewCohort, check_settings};
use crate::operations::get_cohort::{CohortWithSize, with_size};
use crate::request::{Body, Id};

/// What is changed about a cohort. An absent field stays as it is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct CohortChange {
    /// 1 to 255 characters.
    #[schema(value_type = Option<String>, format = "label")]
    name: Option<Label>,
    /// Up to 255 characters. An empty text removes the description.
    #[schema(value_type = Option<String>, format = "optional-label")]
    #[expect(clippy::option_option, reason = "absent, or given as text or as no text")]
    description: Option<Option<Label>>,
    /// The color in which your programs show the cohort.
    #[schema(value_type = Option<CohortColor>)]
    color: Option<CohortColor>,
    #[schema(value_type = Option<CohortSettings>)]
    #[expect(dead_code, reason = "the only settings are those that every cohort has")]
    settings: (),
    #[schema(value_type = Option<PurposeOfUse>)]
    #[expect(dead_code, reason = "the only purpose is the one that every cohort has")]
    purpose_of_use: (),
}

impl CohortChange {
    fn read(mut fields: Fields<'_>) -> Result<Self, ApiError> {
        let name = fields.has("name").then(|| fields.required("name")).flatten();
        let description = fields.has("description").then(|| fields.optional("description"));
        let color = fields.optional("color");
        check_settings(&mut fields);
        fields.finish(|| Some(Self { name, description, color, settings: (), purpose_of_use: () }))
    }

    fn applied_to(&self, mut cohort: Cohort) -> Cohort {
        if let Some(name) = &self.name {
            cohort.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            cohort.description.clone_from(description);
        }
        cohort.color = self.color.unwrap_or(cohort.color);
        cohort
    }
}

/// Replace a cohort
///
/// The cohort keeps its id and its patients. Every field is replaced, also an optional one that the
/// body does not have.
#[utoipa::path(
    put, path = "/medical/v1/cohort/{id}", operation_id = "replaceCohort", tag = "cohort",
    params(Id<CohortId>, IfMatch),
    request_body = NewCohort,
    responses(
        (status = 200, description = "The cohort.", body = CohortWithSize),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 404, description = "Not found."),
        (status = 412, description = "The cohort has changed since its `eTag` was read."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn replace<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Id(id): Id<CohortId>,
    if_match: IfMatch,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<CohortWithSize>, ApiError> {
    let (if_match, fields) = if_match.or_in(&body);
    let cohort = NewCohort::read(fields)?.with_id(id);
    change_cohort(backend.ports(), customer, id, &if_match, |_| cohort.clone()).await
}

/// Change fields of a cohort
#[utoipa::path(
    patch, path = "/medical/v1/cohort/{id}", operation_id = "updateCohort", tag = "cohort",
    params(Id<CohortId>, IfMatch),
    request_body = CohortChange,
    responses(
        (status = 200, description = "The cohort.", body = CohortWithSize),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 404, description = "Not found."),
        (status = 412, description = "The cohort has changed since its `eTag` was read."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn update<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Id(id): Id<CohortId>,
    if_match: IfMatch,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<CohortWithSize>, ApiError> {
    let (if_match, fields) = if_match.or_in(&body);
    let change = CohortChange::read(fields)?;
    let apply = |cohort| change.applied_to(cohort);
    change_cohort(backend.ports(), customer, id, &if_match, apply).await
}

async fn change_cohort<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: CohortId,
    if_match: &IfMatch,
    change: impl Fn(Cohort) -> Cohort,
) -> Result<Audited<CohortWithSize>, ApiError> {
    let cohort = change_entry(ports, customer, id, if_match, change).await?;
    tracing::info!(cohort.id = %id, "Cohort changed");
    Ok(Audited(with_size(ports, customer, cohort).await?))
}
