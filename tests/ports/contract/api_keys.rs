//! Whose an API key is, and what facilities a customer has to show.

use aws::{ApiKey, Directory};
use domain::facility::Facility;
use pipeline::api::directory::{Admission, AdmitCall as _, CreateFacility as _, ListFacilities as _};

use crate::given::{self, NOW};

/// Keys are made by operators, whose tool knows no other directory.
pub async fn a_key_finds_its_customer_and_no_other_text_does(directory: &Directory) {
    let (customer, other) = (given::customer(), given::customer());
    let [key, second, of_other] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; 32]));
    for (customer, key) in [(customer, &key), (customer, &second), (other, &of_other)] {
        directory.create_key(customer, key, given::at(NOW)).await.unwrap();
    }
    for (key, expected) in [(&key, customer), (&second, customer), (&of_other, other)] {
        let admission = directory.admit_call(key.expose(), given::at(NOW)).await.unwrap();
        assert_eq!(admission, Admission::Admitted(expected));
    }
    let unknown = ApiKey::from_random([9; 32]);
    for text in [unknown.expose(), "", &key.expose()[1..], &key.expose().to_uppercase(), "x\u{0}李"] {
        let admission = directory.admit_call(text, given::at(NOW)).await.unwrap();
        assert_eq!(admission, Admission::UnknownKey, "{text:?}");
    }
}

pub async fn facilities_are_listed_as_they_were_entered(directory: &Directory) {
    let (customer, other) = (given::customer(), given::customer());
    let mut facilities: Vec<Facility> =
        ["Main Street", "Łódź “West”", "李"].map(given::facility_named).into();
    for facility in &facilities {
        directory.create_facility(customer, facility).await.unwrap();
    }
    let mut listed = directory.list_facilities(customer).await.unwrap();
    facilities.sort_by_key(|facility| facility.id);
    listed.sort_by_key(|facility| facility.id);
    assert_eq!(listed, facilities);
    assert_eq!(directory.list_facilities(other).await.unwrap(), []);
}

contract!($ api_keys:
    a_key_finds_its_customer_and_no_other_text_does,
    facilities_are_listed_as_they_were_entered,
);
