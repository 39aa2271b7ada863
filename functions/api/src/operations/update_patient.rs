//! `PUT /medical/v1/patient/{id}`: corrects a patient of the customer.

use axum::extract;
use bulk_domain::audit::Objects;
use bulk_domain::e_tag::ETag;
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::{
    Contact, DriversLicense, Email, ExternalId, LicenseNumber, Patient, Phone, Ssn, State,
};
use bulk_domain::record::Correction;
use bulk_domain::time::Timestamp;
use bulk_pipeline::correct_patient::{PatientCorrection, correct_patient};
use bulk_pipeline::documents::{Withdrawal, withdraw_documents};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::withdrawal::announce_withdrawal;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::audit::Trail;
use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::directory_entries::get_entry;
use crate::error::{ApiError, Named as _};
use crate::fields::Fields;
use crate::if_match::IfMatch;
use crate::matched_demographics::MatchedDemographics;
use crate::operations::get_patient::PatientWithETag;
use crate::request::{Body, Id, Parameters, facility_id};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CallingFacility {
    /// The facility that makes the call: one of yours. It changes nothing.
    #[param(pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    facility_id: Option<String>,
}

impl CallingFacility {
    /// Checks that the facility is one of the customer's.
    pub async fn check<P: Ports>(&self, ports: &P, customer: CustomerId) -> Result<(), ApiError> {
        if let Some(facility) = facility_id(self.facility_id.as_deref())? {
            get_entry::<Facility>(ports, customer, facility).await?;
        }
        Ok(())
    }
}

/// The demographics of a patient. They replace all that is known.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewDemographics {
    #[serde(flatten)]
    #[schema(inline)]
    matched: MatchedDemographics,
    /// All phone numbers and email addresses. Without this field, the patient has none.
    #[schema(value_type = Option<Vec<NewContact>>)]
    contact: Vec<Contact>,
    /// At most one social security number and one driver's license. Without this field, the patient
    /// has none.
    #[schema(value_type = Option<Vec<NewIdentifier>>)]
    personal_identifiers: (Option<Ssn>, Option<DriversLicense>),
    /// Id in your own system. Default: as it is.
    #[schema(value_type = Option<String>, format = "external-id")]
    external_id: Option<ExternalId>,
    /// Whether the patient is opted out of health information exchange. Default: as it is.
    hie_opt_out: Option<bool>,
}

/// A phone number, an email address, or both.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Fields` reads")]
struct NewContact {
    /// 10 digits, with or without punctuation.
    #[schema(value_type = Option<String>, format = "phone")]
    phone: Option<Phone>,
    #[schema(value_type = Option<String>, format = "patient-email")]
    email: Option<Email>,
}

/// A social security number or a driver's license.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `Fields` reads")]
enum NewIdentifier {
    Ssn {
        /// 9 digits, with or without dashes.
        #[schema(value_type = String, format = "ssn")]
        value: Ssn,
    },
    DriversLicense {
        #[schema(value_type = String, format = "license-number")]
        value: LicenseNumber,
        /// Code of two letters, or name.
        #[schema(value_type = String, format = "state")]
        state: State,
    },
}

/// Correct a patient
///
/// The demographics in the body replace all that is known about the patient. Cohorts and facilities
/// stay, and so do `externalId` and `hieOptOut` if the body does not have them. The patient keeps
/// its id, also if its names, date of birth or gender change. Rows of an import that was created
/// before the call do not bring back what it has corrected. A `dob` in the future is refused. Other
/// fields of a patient that was read may be sent back, and are ignored.
#[utoipa::path(
    put, path = "/medical/v1/patient/{id}", operation_id = "updatePatient", tag = "patient",
    params(Id<PatientId>, IfMatch, CallingFacility),
    request_body = NewDemographics,
    responses(
        (status = 200, description = "The patient.", body = PatientWithETag),
        (status = 400, description = "Invalid body. `detail` names the fields."),
        (status = 404, description = "The patient or the facility was not found."),
        (status = 412, description = "The patient has changed since its `eTag` was read."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    extract::State(backend): extract::State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(id): Id<PatientId>,
    Parameters(query): Parameters<CallingFacility>,
    if_match: IfMatch,
    extract::Extension(trail): extract::Extension<Trail>,
    Body(body): Body<Map<String, Value>>,
) -> Result<Audited<PatientWithETag>, ApiError> {
    let ports = backend.ports();
    let (if_match, fields) = if_match.or_in(&body);
    let correction: Correction = NewDemographics::read(fields, ports.environment().now())?.into();
    query.check(ports, customer).await?;
    if let Some(opt_out) = correction.hie_opt_out {
        let objects = Objects { opt_out: Some(opt_out), ..Objects::default() };
        trail.announce(ports, objects).await?;
    }
    let patient = update_patient(ports, customer, id, &correction, &if_match).await?;
    tracing::info!(patient.id = %id, "Patient corrected");
    Ok(Audited(patient.into()))
}

/// Corrects the customer's patient, if it is as the caller expects it.
pub async fn update_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: PatientId,
    correction: &Correction,
    if_match: &IfMatch,
) -> Result<Patient, ApiError> {
    let hash_key = ports.directory().load_hash_key(customer).await?;
    let is_expected = |patient: &Patient| if_match.check(&ETag::of(patient)).is_ok();
    if correction.hie_opt_out == Some(true) {
        announce_withdrawal(ports, customer, vec![id]).await?;
    }
    match correct_patient(ports, customer, &hash_key, id, correction, is_expected).await? {
        PatientCorrection::Done(patient) => {
            if patient.hie_opt_out {
                withdraw_documents(ports, customer, id, Withdrawal::OptedOut).await?;
            }
            Ok(*patient)
        }
        PatientCorrection::NotFound => Err(PatientId::NOT_FOUND),
        PatientCorrection::Unexpected => Err(ApiError::PreconditionFailed),
        PatientCorrection::TooLarge => Err(ApiError::BadRequest("The patient is too large")),
    }
}

/// Fields by which the public API's client asks for more than a correction of the demographics.
const NOT_SERVED: [&str; 5] = ["hie", "status", "cohorts", "networkQuery", "additionalIds"];

impl NewDemographics {
    fn read(mut fields: Fields<'_>, now: Timestamp) -> Result<Self, ApiError> {
        for name in NOT_SERVED {
            if fields.has(name) {
                fields.refuse(name, "not served");
            }
        }
        let matched = MatchedDemographics::read(&mut fields, Some(now));
        let contact = fields.list("contact", "not a contact", |fields| {
            let (phone, email) = (fields.optional("phone"), fields.optional("email"));
            Some(Contact { phone, email })
        });
        let contact =
            contact.into_iter().filter(|contact| *contact != Contact::default()).collect();
        let (mut ssn, mut license) = (None, None);
        let identifiers = fields.list("personalIdentifiers", "not an identifier", |fields| {
            match fields.required::<String>("type")?.as_str() {
                "ssn" => fields.required("value").map(|number| (Some(number), None)),
                "driversLicense" => {
                    let (value, state) = (fields.required("value"), fields.required("state"));
                    Some((None, Some(DriversLicense { value: value?, state: state? })))
                }
                _ => {
                    fields.refuse("type", "not ssn or driversLicense");
                    None
                }
            }
        });
        for (number, other) in identifiers {
            if (ssn.is_some() && number.is_some()) || (license.is_some() && other.is_some()) {
                fields.refuse("personalIdentifiers", "more than one of a type");
            }
            (ssn, license) = (number.or(ssn), other.or(license));
        }
        let external_id = fields.optional("externalId");
        let hie_opt_out = fields.flag("hieOptOut");
        fields.finish(|| {
            Some(Self {
                matched: matched?,
                contact,
                personal_identifiers: (ssn, license),
                external_id,
                hie_opt_out,
            })
        })
    }
}

impl From<NewDemographics> for Correction {
    fn from(new: NewDemographics) -> Self {
        let matched = new.matched;
        let (ssn, drivers_license) = new.personal_identifiers;
        Self {
            first_name: matched.first_name,
            last_name: matched.last_name,
            dob: matched.dob,
            gender: matched.gender_at_birth,
            addresses: matched.address,
            contacts: new.contact,
            ssn,
            drivers_license,
            external_id: new.external_id,
            hie_opt_out: new.hie_opt_out,
        }
    }
}
