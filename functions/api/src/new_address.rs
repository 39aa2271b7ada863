//! An address in the body of a request.

use bulk_domain::patient::{Address, AddressText, Country, State, Zip};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};

use crate::fields::Fields;

/// An address in the USA.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewAddress {
    /// House number and street. A text with a letter or digit.
    #[schema(value_type = String, format = "address-text")]
    address_line1: AddressText,
    /// Apartment, suite or unit.
    #[schema(value_type = Option<String>, format = "address-text")]
    address_line2: Option<AddressText>,
    /// A text with a letter or digit.
    #[schema(value_type = String, format = "address-text")]
    city: AddressText,
    /// Code of two letters, or name.
    #[schema(value_type = String, format = "state")]
    state: State,
    /// 5 digits, with or without the +4 part.
    #[schema(value_type = String, format = "zip")]
    zip: Zip,
    /// `USA`, which is the default.
    #[schema(value_type = Option<String>, pattern = "^[Uu][Ss][Aa]$")]
    country: Country,
}

const NOT_AN_ADDRESS: &str = "not an address";

impl NewAddress {
    /// Returns the address in a required field.
    pub fn one(fields: &mut Fields<'_>, name: &str) -> Option<Address> {
        fields.object(name, NOT_AN_ADDRESS, Self::read).map(Address::from)
    }

    /// Returns the addresses in a required field: one address, or a list of at least one.
    pub fn list(fields: &mut Fields<'_>, name: &str) -> Vec<Address> {
        let read = fields.one_or_more(name, NOT_AN_ADDRESS, Self::read);
        read.into_iter().map(Address::from).collect()
    }

    /// Returns the address in these fields. None if one of them has a problem, which `fields` then
    /// holds.
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let address_line1 = fields.required("addressLine1");
        let address_line2 = fields.optional("addressLine2");
        let city = fields.required("city");
        let state = fields.required("state");
        let zip = fields.required("zip");
        fields.only("country", "USA");
        Some(Self {
            address_line1: address_line1?,
            address_line2,
            city: city?,
            state: state?,
            zip: zip?,
            country: Country::Usa,
        })
    }
}

impl From<NewAddress> for Address {
    fn from(new: NewAddress) -> Self {
        let NewAddress { address_line1, address_line2, city, state, zip, country } = new;
        Self { address_line1, address_line2, city, state, zip, country }
    }
}

/// Returns the schema of a field with one address or a list of addresses.
pub fn one_or_more_addresses() -> Schema {
    let address = || Ref::from_schema_name(NewAddress::name());
    let list = ArrayBuilder::new().items(address()).min_items(Some(1));
    let about = "One address or a list of addresses. Matching compares the zip codes.";
    OneOfBuilder::new().item(address()).item(list).description(Some(about)).into()
}
