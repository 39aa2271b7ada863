//! Rows for the tests of several modules.

use uuid::Uuid;

use crate::ids::{CohortId, FacilityId};
use crate::patient::{Address, Contact, Country, DriversLicense, NamesInOneCase, PatientRow};

pub fn address(line1: &str, zip: &str) -> Address {
    Address {
        address_line1: line1.parse().unwrap(),
        address_line2: None,
        city: "Boston".parse().unwrap(),
        state: "MA".parse().unwrap(),
        zip: zip.parse().unwrap(),
        country: Country::Usa,
    }
}

/// A row about Ada, with nothing in it that a row need not have.
pub fn ada() -> PatientRow {
    PatientRow {
        external_id: None,
        first_name: "Ada".parse().unwrap(),
        last_name: "Lovelace".parse().unwrap(),
        names_in_one_case: NamesInOneCase::default(),
        dob: "1985-12-10".parse().unwrap(),
        gender: "F".parse().unwrap(),
        addresses: vec![address("1 Main St", "02110")],
        contacts: Vec::new(),
        ssn: None,
        drivers_license: None,
        cohorts: Vec::new(),
        facility: None,
        hie_opt_out: None,
    }
}

pub fn ada_with_everything() -> PatientRow {
    PatientRow {
        external_id: Some("A-1".parse().unwrap()),
        contacts: vec![Contact {
            phone: Some("6175550100".parse().unwrap()),
            email: Some("ada@example.com".parse().unwrap()),
        }],
        ssn: Some("123456789".parse().unwrap()),
        drivers_license: Some(DriversLicense {
            value: "D1".parse().unwrap(),
            state: "MA".parse().unwrap(),
        }),
        cohorts: vec![CohortId::new(Uuid::from_u128(5))],
        facility: Some(FacilityId::new(Uuid::from_u128(6))),
        hie_opt_out: Some(true),
        ..ada()
    }
}
