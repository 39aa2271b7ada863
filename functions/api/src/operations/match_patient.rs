//! `POST /medical/v1/patient/match`: the patient that an import would update.

use axum::extract::State;
use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::{Address, Dob, Gender, Names, Patient, Zip};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, Named as _};
use crate::fields::Fields;
use crate::new_address::{NewAddress, one_or_more_addresses};
use crate::operations::get_patient::PatientWithETag;
use crate::request::Body;

/// The values that matching compares.
#[derive(Clone, PartialEq, Eq, Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct PersonToMatch {
    /// First names, separated by commas or spaces.
    #[schema(value_type = String, format = "names")]
    first_name: Names,
    /// Last names, separated by commas or spaces.
    #[schema(value_type = String, format = "names")]
    last_name: Names,
    /// Date of birth: `YYYY-MM-DD`, or another form that an imported file may have. 1900 or later.
    #[schema(value_type = String, format = Date)]
    dob: Dob,
    /// `M`, `F`, `O`, `U`, or the word.
    #[schema(value_type = String, format = "gender")]
    gender_at_birth: Gender,
    #[schema(schema_with = one_or_more_addresses)]
    address: Vec<Address>,
}

/// Find the patient that an import would update
///
/// It is the oldest patient with the same names, date of birth and gender, and with a zip code in
/// common.
#[utoipa::path(
    post, path = "/medical/v1/patient/match", operation_id = "matchPatient", tag = "patient",
    request_body = PersonToMatch,
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
    let person = PersonToMatch::read(&body)?;
    Ok(Audited(match_patient(backend.ports(), customer, &person).await?.into()))
}

impl PersonToMatch {
    fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body);
        let first_name = fields.required("firstName");
        let last_name = fields.required("lastName");
        let dob = fields.required("dob");
        let gender_at_birth = fields.required("genderAtBirth");
        let address = NewAddress::list(&mut fields, "address");
        fields.finish(|| {
            Some(Self {
                first_name: first_name?,
                last_name: last_name?,
                dob: dob?,
                gender_at_birth: gender_at_birth?,
                address,
            })
        })
    }
}

async fn match_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    person: &PersonToMatch,
) -> Result<Patient, ApiError> {
    let PersonToMatch { first_name, last_name, dob, gender_at_birth, address } = person;
    let identity = Identity::of(first_name, last_name, *dob, *gender_at_birth);
    let zips: Vec<Zip> = address.iter().map(|address| address.zip).collect();
    let bucket = ports.directory().load_hash_key(customer).await?.bucket(&identity);
    let known = ports.patients().load_people(customer, &[bucket]).await?;
    let found = known.get(&bucket).and_then(|person| person.value.find(&identity, &zips));
    found.map(|record| record.patient.clone()).ok_or(PatientId::NOT_FOUND)
}
