//! `POST /medical/v1/cohort`: adds a cohort of the customer.

use axum::extract::State;
use bulk_domain::cohort::Cohort;
use bulk_domain::ids::CohortId;
use bulk_domain::label::Label;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::operations::get_cohort::CohortWithSize;
use crate::request::Body;

/// A cohort to add.
#[derive(Debug, ToSchema)]
struct NewCohort {
    /// 1 to 255 characters.
    #[schema(value_type = String, format = "label")]
    name: Label,
    /// Up to 255 characters.
    #[schema(value_type = Option<String>, format = "optional-label")]
    description: Option<Label>,
    /// The color in which your programs show the cohort. Up to 255 characters.
    #[schema(value_type = Option<String>, format = "optional-label")]
    color: Option<Label>,
}

/// Add a cohort that rows can name
#[utoipa::path(
    post, path = "/medical/v1/cohort", operation_id = "createCohort", tag = "cohort",
    request_body = NewCohort,
    responses(
        (status = 200, description = "The cohort.", body = CohortWithSize),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<CohortWithSize>, ApiError> {
    let NewCohort { name, description, color } = NewCohort::read(&body)?;
    let ports = backend.ports();
    let cohort =
        Cohort { id: CohortId::new(ports.environment().new_id()), name, description, color };
    ports.directory().create_cohort(customer, &cohort).await?;
    tracing::info!(cohort.id = %cohort.id, "Cohort created");
    Ok(Audited(CohortWithSize { cohort, size: 0 }))
}

impl NewCohort {
    fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body);
        let name = fields.required("name");
        let description = fields.optional("description");
        let color = fields.optional("color");
        fields.finish(|| Some(Self { name: name?, description, color }))
    }
}
