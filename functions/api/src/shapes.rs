//! The shapes of the domain's types in the API's description. The domain writes itself to JSON and knows
//! nothing of descriptions; a test compares the two.

#![allow(dead_code, reason = "shapes are described, never made")]

use utoipa::ToSchema;

/// A patient.
#[derive(ToSchema)]
#[schema(as = Patient, rename_all = "camelCase")]
pub struct PatientShape {
    #[schema(format = "uuid")]
    id: String,
    /// The id in your own system.
    external_id: Option<String>,
    /// First names, with `, ` between several.
    first_name: String,
    /// Last names, with `, ` between several.
    last_name: String,
    #[schema(format = Date)]
    dob: String,
    gender_at_birth: GenderShape,
    address: Vec<AddressShape>,
    contact: Vec<ContactShape>,
    personal_identifiers: Vec<IdentifierShape>,
    facility_ids: Vec<IdShape>,
    cohort_ids: Vec<IdShape>,
    /// Opted out of health information exchange.
    hie_opt_out: bool,
    #[schema(format = DateTime)]
    date_created: String,
    #[schema(format = DateTime)]
    date_updated: String,
}

/// An id.
#[derive(ToSchema)]
#[schema(as = Id, format = "uuid")]
pub struct IdShape(String);

/// A gender.
#[derive(ToSchema)]
#[schema(as = Gender)]
pub enum GenderShape {
    M,
    F,
    O,
    U,
}

/// An address in the USA.
#[derive(ToSchema)]
#[schema(as = Address, rename_all = "camelCase")]
pub struct AddressShape {
    address_line1: String,
    address_line2: Option<String>,
    city: String,
    /// The code with two letters.
    #[schema(pattern = "^[A-Z]{2}$")]
    state: String,
    #[schema(pattern = "^[0-9]{5}$")]
    zip: String,
    #[schema(pattern = "^USA$")]
    country: String,
}

/// A phone number, an e-mail address, or both.
#[derive(ToSchema)]
#[schema(as = Contact)]
pub struct ContactShape {
    #[schema(pattern = "^[0-9]{10}$")]
    phone: Option<String>,
    email: Option<String>,
}

/// A social security number, or a driver's licence with the state that issued it.
#[derive(ToSchema)]
#[schema(as = PersonalIdentifier)]
pub struct IdentifierShape {
    #[schema(rename = "type", pattern = "^(ssn|driversLicense)$")]
    kind: String,
    value: String,
    state: Option<String>,
}

/// Whom to look for.
#[derive(ToSchema)]
#[schema(as = PersonToMatch, rename_all = "camelCase")]
pub struct PersonShape {
    /// First names, with commas or spaces between several.
    #[schema(format = "names")]
    first_name: String,
    /// Last names.
    #[schema(format = "names")]
    last_name: String,
    /// `YYYY-MM-DD`; every other form that a file may have is understood, too. 1900 or later.
    #[schema(format = Date)]
    dob: String,
    /// `M`, `F`, `O`, `U`, or the word.
    #[schema(format = "gender")]
    gender_at_birth: String,
    /// One address, or a list of them. The zip codes count.
    #[schema(schema_with = addresses)]
    address: Vec<NewAddress>,
}

/// One address, or a list of them.
fn addresses() -> utoipa::openapi::schema::Schema {
    let one = || utoipa::openapi::Ref::from_schema_name("NewAddress");
    let list = utoipa::openapi::schema::ArrayBuilder::new().items(one()).min_items(Some(1));
    utoipa::openapi::schema::OneOfBuilder::new().item(one()).item(list).into()
}

/// An address as it is sent.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewAddress {
    #[schema(format = "line")]
    address_line1: String,
    #[schema(format = "optional-line")]
    address_line2: Option<String>,
    #[schema(format = "line")]
    city: String,
    /// The code with two letters, or the name.
    #[schema(format = "state")]
    state: String,
    /// 5 digits, with or without a +4 part.
    #[schema(format = "zip")]
    zip: String,
    /// May be left out.
    #[schema(pattern = "^[Uu][Ss][Aa]$")]
    country: Option<String>,
}

/// What is known of a document without fetching it.
#[derive(ToSchema)]
#[schema(as = Document, rename_all = "camelCase")]
pub struct DocumentShape {
    /// The exchange's id for it.
    id: String,
    /// A name for a file that would hold it.
    file_name: String,
    description: Option<String>,
    #[schema(pattern = "^(current|superseded|entered-in-error)$")]
    status: Option<String>,
    /// When the exchange came to know it.
    #[schema(format = DateTime)]
    indexed: Option<String>,
    mime_type: Option<String>,
    /// Bytes.
    size: Option<u64>,
    #[schema(rename = "type")]
    kind: Option<DocumentTypeShape>,
}

/// The kind of a document, in one or more code systems and in words.
#[derive(ToSchema)]
#[schema(as = DocumentType)]
pub struct DocumentTypeShape {
    coding: Option<Vec<CodingShape>>,
    text: Option<String>,
}

/// A code of a code system, such as LOINC.
#[derive(ToSchema)]
#[schema(as = Coding)]
pub struct CodingShape {
    system: Option<String>,
    code: Option<String>,
    display: Option<String>,
}

/// A facility.
#[derive(ToSchema)]
#[schema(as = Facility)]
pub struct FacilityShape {
    #[schema(format = "uuid")]
    id: String,
    name: String,
    #[schema(pattern = "^[0-9]{10}$")]
    npi: String,
    #[schema(pattern = "^[0-9]{9}$")]
    tin: Option<String>,
    /// Whether it is in use.
    active: bool,
    address: AddressShape,
}

/// A facility to add.
#[derive(ToSchema)]
pub struct NewFacility {
    /// 1 to 255 characters.
    #[schema(format = "label")]
    name: String,
    /// National Provider Identifier: 10 digits, the last of which checks the others.
    #[schema(format = "npi")]
    npi: String,
    /// Tax identification number: 9 digits, with or without its dash.
    #[schema(format = "tin")]
    tin: Option<String>,
    /// Whether it is in use; it is where nothing is said.
    active: Option<bool>,
    address: NewAddress,
}

/// What a cohort is called.
#[derive(ToSchema)]
#[schema(as = CohortFields)]
pub struct CohortShape {
    #[schema(format = "uuid")]
    id: String,
    name: String,
    description: Option<String>,
    color: Option<String>,
}

/// A cohort to add.
#[derive(ToSchema)]
pub struct NewCohort {
    /// 1 to 255 characters.
    #[schema(format = "label")]
    name: String,
    /// Up to 255 characters.
    #[schema(format = "optional-label")]
    description: Option<String>,
    /// Up to 255 characters.
    #[schema(format = "optional-label")]
    color: Option<String>,
}

/// Where an import stands.
#[derive(ToSchema)]
#[schema(as = JobStatus, rename_all = "lowercase")]
pub enum JobStatusShape {
    Waiting,
    Processing,
    Completed,
    Failed,
    Expired,
}

/// Where the delivery of a webhook is.
#[derive(ToSchema)]
#[schema(as = DeliveryState, rename_all = "lowercase")]
pub enum DeliveryStateShape {
    Processing,
    Delivered,
    Failed,
    Skipped,
}

/// One attempt: the status that the receiver answered with, or why there was no answer.
#[derive(ToSchema)]
#[schema(as = Attempt, rename_all = "camelCase")]
pub struct AttemptShape {
    #[schema(format = DateTime)]
    when: String,
    status_code: Option<u16>,
    error: Option<String>,
}
