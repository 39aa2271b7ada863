//! `POST /medical/v1/patient/match`: the patient that an import would update.

use axum::extract::State;
use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::{Patient, Zip};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Map, Value};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, Named as _};
use crate::fields::Fields;
use crate::matched_demographics::MatchedDemographics;
use crate::operations::get_patient::PatientWithETag;
use crate::request::Body;

/// Find the patient that an import would update
///
/// It is the oldest patient with the same names, date of birth and gender, and with a zip code in
/// common.
#[utoipa::path(
    post, path = "/medical/v1/patient/match", operation_id = "matchPatient", tag = "patient",
    request_body = MatchedDemographics,
    responses(
        (status = 200, description = "The patient.", body = PatientWithETag),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 404, description = "Not found."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<PatientWithETag>, ApiError> {
    let mut fields = Fields::of(&body);
    let demographics = MatchedDemographics::read(&mut fields, None);
    let demographics = fields.finish(|| demographics)?;
    Ok(Audited(match_patient(backend.ports(), customer, &demographics).await?.into()))
}

async fn match_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    demographics: &MatchedDemographics,
) -> Result<Patient, ApiError> {
    let MatchedDemographics { first_name, last_name, dob, gender_at_birth, address } = demographics;
    let identity = Identity::of(first_name, last_name, *dob, *gender_at_birth);
    let zips: Vec<Zip> = address.iter().map(|address| address.zip).collect();
    let bucket = ports.directory().load_hash_key(customer).await?.bucket(&identity);
    let known = ports.patients().load_people(customer, &[bucket]).await?;
    let found = known.get(&bucket).and_then(|person| person.value.find(&identity, &zips));
    found.map(|record| record.patient.clone()).ok_or(PatientId::NOT_FOUND)
}
