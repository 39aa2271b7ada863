//! API keys, each of which belongs to one customer, and the facilities that the API lists for a
//! customer.

use std::time::Duration;

use bulk_aws::{ApiKey, Directory};
use bulk_domain::facility::Facility;
use bulk_pipeline::ports::Admission;
use bulk_pipeline::ports::prelude::*;

use crate::given::{self, NOW};

/// Only `aws` has to keep these promises about keys, because the operators' tool creates keys in no
/// other directory.
pub async fn a_key_finds_its_customer_and_no_other_text_does(directory: &Directory) {
    let (customer, other) = (given::customer(), given::customer());
    let [key, second, of_other] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; 32]));
    for (customer, key) in [(customer, &key), (customer, &second), (other, &of_other)] {
        directory.create_key(customer, key, given::at(NOW), None).await.unwrap();
    }
    for (key, expected) in [(&key, customer), (&second, customer), (&of_other, other)] {
        let admission = directory.admit_call(key.expose(), given::at(NOW)).await.unwrap();
        assert_eq!(admission, Admission::Admitted(expected));
    }
    let unknown = ApiKey::from_random([9; 32]);
    for text in [unknown.expose(), "", &key.expose()[1..], &key.expose().to_uppercase(), "x\u{0}李"]
    {
        let admission = directory.admit_call(text, given::at(NOW)).await.unwrap();
        assert_eq!(admission, Admission::UnknownKey, "{text:?}");
    }
}

/// Each key has its own number of calls, which starts again with every minute.
pub async fn a_key_makes_as_many_calls_in_a_minute_as_it_may(directory: &Directory) {
    let (customer, few) = (given::customer(), 3);
    let [hurried, other] = [4, 5].map(|byte| ApiKey::from_random([byte; 32]));
    directory.create_key(customer, &hurried, given::at(NOW), Some(few)).await.unwrap();
    directory.create_key(customer, &other, given::at(NOW), None).await.unwrap();
    let start =
        bulk_domain::time::Timestamp::from_millis(given::at(NOW).as_millis() / 60_000 * 60_000);
    for minute in 0..2 {
        let at = start.plus(Duration::from_secs(60 * minute + 20));
        for _ in 0..few {
            let admission = directory.admit_call(hurried.expose(), at).await.unwrap();
            assert_eq!(admission, Admission::Admitted(customer));
        }
        for _ in 0..2 {
            let admission = directory.admit_call(hurried.expose(), at).await.unwrap();
            assert_eq!(admission, Admission::TooMany(customer, Duration::from_secs(40)));
        }
        let admission = directory.admit_call(other.expose(), at).await.unwrap();
        assert_eq!(admission, Admission::Admitted(customer));
    }
    // A machine with a clock that is a minute late must neither start the old minute again nor
    // refuse the call.
    let late = directory.admit_call(hurried.expose(), start).await.unwrap();
    assert_eq!(late, Admission::Admitted(customer));
    let now =
        directory.admit_call(hurried.expose(), start.plus(Duration::from_secs(119))).await.unwrap();
    assert_eq!(now, Admission::TooMany(customer, Duration::from_secs(1)));
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
    a_key_makes_as_many_calls_in_a_minute_as_it_may,
    facilities_are_listed_as_they_were_entered,
);
