//! The settings of a cohort, in the shape of the public API.
//!
//! The public API monitors the patients of a cohort at networks. This service does not, so that it
//! answers that all of it is off, and refuses a call that switches any of it on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The settings of a cohort. Monitoring is not served, so that all of it is off.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CohortSettings {
    monitoring: Monitoring,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Monitoring {
    adt: Switch,
    hie: Schedule,
    pharmacy: Pharmacy,
    laboratory: Notifications,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Switch {
    #[schema(schema_with = off)]
    enabled: bool,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Schedule {
    #[schema(schema_with = off)]
    enabled: bool,
    frequency: Frequency,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Pharmacy {
    #[schema(schema_with = off)]
    notifications: bool,
    schedule: Schedule,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Notifications {
    #[schema(schema_with = off)]
    notifications: bool,
}

/// How often a network is asked, if it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Frequency {
    #[default]
    Monthly,
}

/// What the data of a cohort's patients is used for. The service asks its gateway for the purpose
/// of treatment only.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PurposeOfUse {
    #[default]
    Treatment,
}

fn off() -> Schema {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])).into()
}
