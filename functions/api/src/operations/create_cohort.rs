//! `POST /medical/v1/cohort`: adds a cohort of the customer.

use axum::extract::State;
use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::ids::CohortId;
use bulk_domain::label::Label;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::cohort_settings::{CohortSettings, PurposeOfUse};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::operations::get_cohort::CohortWithSize;
use crate::request::Body;

/// A cohort to add.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewCohort {
    /// 1 to 255 characters.
    #[schema(value_type = String, format = "label")]
    name: Label,
    /// Up to 255 characters.
    #[schema(value_type = Option<String>, format = "optional-label")]
    description: Option<Label>,
    /// The color in which your programs show the cohort. Default `white`.
    #[schema(value_type = Option<CohortColor>)]
    color: CohortColor,
    #[schema(value_type = Option<CohortSettings>)]
    #[expect(dead_code, reason = "the only settings are those that every cohort has")]
    settings: (),
    #[schema(value_type = Option<PurposeOfUse>)]
    #[expect(dead_code, reason = "the only purpose is the one that every cohort has")]
    purpose_of_use: (),
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
    let ports = backend.ports();
    let id = CohortId::new(ports.environment().new_id());
    let cohort = NewCohort::read(Fields::of(&body))?.with_id(id);
    ports.directory().create_entry(customer, &cohort).await?;
    tracing::info!(cohort.id = %cohort.id, "Cohort created");
    Ok(Audited(CohortWithSize::new(cohort, 0)))
}

/// The problem of settings that switch something on.
const NOT_SERVED: &str = "monitoring is not served, so that all of it must be off";

impl NewCohort {
    /// Returns the cohort in these fields.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, ApiError> {
        let name = fields.required("name");
        let description = fields.optional("description");
        let color = fields.optional("color").unwrap_or_default();
        check_settings(&mut fields);
        fields.finish(|| {
            Some(Self { name: name?, description, color, settings: (), purpose_of_use: () })
        })
    }

    /// Returns the cohort with this id.
    pub fn with_id(self, id: CohortId) -> Cohort {
        let Self { name, description, color, .. } = self;
        Cohort { id, name, description, color }
    }
}

/// Checks that the settings and the purpose in these fields are those that every cohort has.
pub fn check_settings(fields: &mut Fields<'_>) {
    fields.only("purposeOfUse", "treatment");
    let settings: Option<CohortSettings> = fields.typed("settings", NOT_SERVED);
    if settings.is_some_and(|settings| settings != CohortSettings::default()) {
        fields.refuse("settings", NOT_SERVED);
    }
}
