//! `GET /medical/v1/cohort/{id}`: a cohort with its size.

use std::collections::HashSet;

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::cohort::Cohort;
use bulk_domain::e_tag::ETag;
use bulk_domain::ids::{CohortId, CustomerId, PatientId};
use bulk_domain::roster::Roster;
use bulk_pipeline::ports::{PortResult, Ports};
use bulk_pipeline::roster_entries::RosterEntries;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{AnyScope, Caller};
use crate::cohort_settings::{CohortSettings, PurposeOfUse};
use crate::directory_entries::get_entry;
use crate::error::ApiError;
use crate::request::Id;

/// A cohort with its size.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CohortWithSize {
    #[serde(flatten)]
    pub cohort: Cohort,
    /// Changes with every change of the cohort. Send it as `If-Match` with a change.
    #[schema(value_type = String)]
    e_tag: ETag,
    settings: CohortSettings,
    purpose_of_use: PurposeOfUse,
    /// Number of patients in the cohort. While an import runs, and after a call that was answered
    /// 5xx, it may be ahead of the list of patients.
    pub size: usize,
}

impl CohortWithSize {
    /// Returns a cohort with a size.
    pub fn new(cohort: Cohort, size: usize) -> Self {
        let e_tag = ETag::of(&cohort);
        let (settings, purpose_of_use) = (CohortSettings::default(), PurposeOfUse::default());
        Self { cohort, e_tag, settings, purpose_of_use, size }
    }
}

impl NamesObjects for CohortWithSize {
    fn objects(&self) -> Objects {
        self.cohort.objects()
    }
}

/// Read a cohort with its size
#[utoipa::path(
    get, path = "/medical/v1/cohort/{id}", operation_id = "getCohort", tag = "cohort",
    params(Id<CohortId>),
    responses(
        (status = 200, description = "The cohort.", body = CohortWithSize),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<AnyScope>,
    Id(id): Id<CohortId>,
) -> Result<Audited<CohortWithSize>, ApiError> {
    let ports = backend.ports();
    let cohort = get_entry(ports, customer, id).await?;
    Ok(Audited(with_size(ports, customer, cohort).await?))
}

/// Returns a cohort with its size now.
pub async fn with_size<P: Ports>(
    ports: &P,
    customer: CustomerId,
    cohort: Cohort,
) -> PortResult<CohortWithSize> {
    let size = size(ports, customer, cohort.id).await?;
    Ok(CohortWithSize::new(cohort, size))
}

/// Returns the number of different patients on the cohort's roster. Their records are not read,
/// because that would be a read for each of up to 100,000 patients. A roster is written before its
/// patients, so that the number may be ahead of the list of patients while a job runs.
pub async fn size<P: Ports>(
    ports: &P,
    customer: CustomerId,
    cohort: CohortId,
) -> PortResult<usize> {
    let mut entries = RosterEntries::of(ports, customer, Roster::Cohort(cohort));
    let mut members: HashSet<PatientId> = HashSet::new();
    while let Some(read) = entries.next().await? {
        members.extend(read.into_iter().flat_map(|(_, ids)| ids));
    }
    Ok(members.len())
}
