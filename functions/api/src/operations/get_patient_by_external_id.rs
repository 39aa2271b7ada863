//! `GET /medical/v1/patient/external-id?externalId=`: the patient with an id of the customer's own
//! system.

use axum::extract::State;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::job::times::may_write;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::patient::{ExternalId, Patient};
use bulk_domain::problem::Problem;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, FieldProblem, Named as _};
use crate::operations::get_patient::PatientWithETag;
use crate::request::Parameters;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ExternalIdQuery {
    /// The patient's `externalId` in the imported file. Up to 255 characters.
    #[param(required, value_type = String, format = "external-id")]
    external_id: Option<String>,
}

/// Read the patient with an id of your own system
#[utoipa::path(
    get, path = "/medical/v1/patient/external-id", operation_id = "getPatientByExternalId", tag = "patient",
    params(ExternalIdQuery),
    responses(
        (status = 200, description = "The patient.", body = PatientWithETag),
        (status = 400, description = "`externalId` is missing or too long, or several patients have it."),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<ExternalIdQuery>,
) -> Result<Audited<PatientWithETag>, ApiError> {
    let external_id: ExternalId =
        query.external_id.unwrap_or_default().parse().map_err(|problem: Problem| {
            let field = "externalId".to_owned();
            ApiError::Invalid(vec![FieldProblem { field, problem: problem.to_string() }])
        })?;
    Ok(Audited(get_patient_by_external_id(backend.ports(), customer, &external_id).await?.into()))
}

/// Entries of one read. Nearly every external id has one entry.
const ENTRIES_PER_READ: u32 = 20;

/// Returns the customer's only patient with this external id. Deletes the entries that it finds
/// stale, so that the next call does not read them. The first entry stays while there are others,
/// because without it the next patient with the external id would count as the only one.
pub async fn get_patient_by_external_id<P: Ports>(
    ports: &P,
    customer: CustomerId,
    external_id: &ExternalId,
) -> Result<Patient, ApiError> {
    let id = ports.directory().load_hash_key(customer).await?.external_id(external_id);
    let (entries, now) = (ports.external_ids(), ports.environment().now());
    let mut found: Option<Patient> = None;
    let (mut after, mut stale_first, mut has_others) = (None, None, false);
    loop {
        let read = entries.read_external_id(customer, id, after, ENTRIES_PER_READ).await?;
        let patients: Vec<PatientId> = read.iter().map(|entry| entry.patient).collect();
        let mut records = ports.patients().load_patients(customer, &patients).await?;
        records.retain(|_, record| record.patient.external_id.as_ref() == Some(external_id));
        for entry in &read {
            // The entry of a job that may still write patients is kept, because its patient may be
            // about to be stored. That the job has decided about the person proves nothing: a retry
            // can find a row valid that was not, because the customer has added a cohort meanwhile.
            let is_settled = !may_write(entry.job, now) || has(Bug::YoungEntriesDeleted);
            let is_stale = is_settled && !records.contains_key(&entry.patient);
            if is_stale && entry.is_first && !has(Bug::StaleFirstDeleted) {
                stale_first = Some(*entry);
            } else if is_stale {
                entries.delete_external_id(customer, id, *entry).await?;
            }
            has_others |= !is_stale && !entry.is_first;
        }
        for (id, record) in records {
            if found.as_ref().is_some_and(|found| found.id != id) {
                return Err(ApiError::BadRequest("More than one patient has this external ID"));
            }
            found = Some(record.patient);
        }
        if read.len() < ENTRIES_PER_READ as usize {
            if let Some(first) = stale_first.filter(|_| !has_others) {
                entries.delete_external_id(customer, id, first).await?;
            }
            return found.ok_or(PatientId::NOT_FOUND);
        }
        after = read.last().copied();
    }
}
