//! `POST /medical/v1/patient/match`: the patient that an import would update.

use domain::identity::Identity;
use domain::ids::CustomerId;
use domain::patient::{Dob, Gender, Names, Patient, Zip};

use crate::api::ApiError;
use crate::api::find_patient::{NOT_FOUND, get_patient};
use crate::ports::Ports;
use crate::ports::prelude::*;

/// What matching goes by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonToMatch {
    /// First names.
    pub first_name: Names,
    /// Last names.
    pub last_name: Names,
    /// Date of birth.
    pub dob: Dob,
    /// Gender at birth.
    pub gender_at_birth: Gender,
    /// The zip codes of all addresses.
    pub zips: Vec<Zip>,
}

/// The oldest patient of the customer with these names, birth date and gender that shares a zip code.
pub async fn match_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    person: &PersonToMatch,
) -> Result<Patient, ApiError> {
    let PersonToMatch { first_name, last_name, dob, gender_at_birth, zips } = person;
    let identity = Identity::of(customer, first_name, last_name, *dob, *gender_at_birth);
    let known = ports.patients().load_people(&[identity]).await?;
    let found = known.get(&identity).and_then(|people| people.value.find(zips)).ok_or(NOT_FOUND)?;
    get_patient(ports, customer, found.id).await
}
