//! Schemas of the values that are texts in JSON. Structs and enums of the API derive theirs.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::csv::ColumnMapping;
use crate::document::DocumentId;
use crate::facility::{Npi, Tin};
use crate::ids::{
    CohortId, CustomerId, DownloadId, FacilityId, JobId, MessageId, PatientId, RequestId,
};
use crate::label::Label;
use crate::patient::{
    AddressText, Country, Dob, Email, ExternalId, Gender, LicenseNumber, Names, Phone, Ssn, State,
    Zip,
};
use crate::time::Timestamp;

/// Describes types by a text for callers, and a format, a pattern or nothing.
macro_rules! texts {
    ($($type:ident: $about:literal $(, $rule:ident $value:literal)?;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some($about));
                $(let text = $rule(text, $value);)?
                text.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }
        }
    )*};
}

fn format(text: ObjectBuilder, format: &str) -> ObjectBuilder {
    text.format(Some(SchemaFormat::Custom(format.to_owned())))
}

fn pattern(text: ObjectBuilder, pattern: &str) -> ObjectBuilder {
    text.pattern(Some(pattern))
}

texts! {
    AddressText: "A line of text.";
    CohortId: "UUID.", format "uuid";
    ColumnMapping: "A column, a colon and the text of a header cell, such as `dob:Birth Day`.", format "column-mapping";
    Country: "Always `USA`.", pattern "^USA$";
    CustomerId: "UUID.", format "uuid";
    Dob: "Date of birth: `YYYY-MM-DD`.", format "date";
    DocumentId: "Id that the gateway has for a document.";
    DownloadId: "UUID.", format "uuid";
    Email: "Email address in lower case.";
    ExternalId: "Id in your own system: up to 255 characters.";
    FacilityId: "UUID.", format "uuid";
    Gender: "`M`, `F`, `O` (other) or `U` (unknown).", pattern "^[MFOU]$";
    JobId: "UUID.", format "uuid";
    Label: "Text of 1 to 255 characters.";
    LicenseNumber: "Number of a driver's license, in upper case.";
    MessageId: "UUID.", format "uuid";
    Names: "One or more names.";
    Npi: "National Provider Identifier: 10 digits.", pattern "^[0-9]{10}$";
    PatientId: "UUID.", format "uuid";
    Phone: "Phone number in the USA: 10 digits.", pattern "^[0-9]{10}$";
    RequestId: "UUID.", format "uuid";
    Ssn: "Social security number: 9 digits.", pattern "^[0-9]{9}$";
    State: "US state: code of two letters.", pattern "^[A-Z]{2}$";
    Timestamp: "Time in UTC with milliseconds.", format "date-time";
    Tin: "Tax identification number: 9 digits.", pattern "^[0-9]{9}$";
    Zip: "Zip code: 5 digits.", pattern "^[0-9]{5}$";
}
