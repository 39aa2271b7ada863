//! API keys, each of which belongs to one customer, and the facilities that the API lists for a
//! customer.

use std::time::Duration;

use bulk_aws::{Directory, KeyTerms};
use bulk_domain::api_key::ApiKey;
use bulk_domain::facility::Facility;
use bulk_domain::key_rights::{KeyRights, Scope};
use bulk_pipeline::ports::Admission;
use bulk_pipeline::ports::prelude::*;

use crate::given::{self, NOW};

/// Only `aws` has to keep these promises about keys, because the operators' tool creates keys in no
/// other directory.
pub async fn a_key_finds_its_customer_and_no_other_key_does(directory: &Directory) {
    let (customer, other) = (given::customer(), given::customer());
    let [key, second, of_other] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; 32]));
    for (customer, key) in [(customer, &key), (customer, &second), (other, &of_other)] {
        directory.create_key(key, given::at(NOW), KeyTerms::of(customer)).await.unwrap();
    }
    for (key, expected) in [(&key, customer), (&second, customer), (&of_other, other)] {
        let admission = directory.admit_call(key, given::at(NOW)).await.unwrap();
        assert_eq!(admission, Admission::Admitted(expected, KeyRights::default()));
    }
    let unknown = ApiKey::from_random([9; 32]);
    let admission = directory.admit_call(&unknown, given::at(NOW)).await.unwrap();
    assert_eq!(admission, Admission::UnknownKey);
}

/// Each key has its own number of calls, which starts again with every minute.
pub async fn a_key_makes_as_many_calls_in_a_minute_as_it_may(directory: &Directory) {
    let (customer, few) = (given::customer(), 3);
    let limited = KeyTerms { calls_per_minute: Some(few), ..KeyTerms::of(customer) };
    let [hurried, other] = [4, 5].map(|byte| ApiKey::from_random([byte; 32]));
    directory.create_key(&hurried, given::at(NOW), limited).await.unwrap();
    directory.create_key(&other, given::at(NOW), KeyTerms::of(customer)).await.unwrap();
    let start =
        bulk_domain::time::Timestamp::from_millis(given::at(NOW).as_millis() / 60_000 * 60_000);
    for minute in 0..2 {
        let at = start.plus(Duration::from_secs(60 * minute + 20));
        for _ in 0..few {
            let admission = directory.admit_call(&hurried, at).await.unwrap();
            assert_eq!(admission, Admission::Admitted(customer, KeyRights::default()));
        }
        for _ in 0..2 {
            let admission = directory.admit_call(&hurried, at).await.unwrap();
            assert_eq!(admission, Admission::TooMany(customer, Duration::from_secs(40)));
        }
        let admission = directory.admit_call(&other, at).await.unwrap();
        assert_eq!(admission, Admission::Admitted(customer, KeyRights::default()));
    }
    // A machine with a clock that is a minute late must neither start the old minute again nor
    // refuse the call.
    let late = directory.admit_call(&hurried, start).await.unwrap();
    assert_eq!(late, Admission::Admitted(customer, KeyRights::default()));
    let now = directory.admit_call(&hurried, start.plus(Duration::from_secs(119))).await.unwrap();
    assert_eq!(now, Admission::TooMany(customer, Duration::from_secs(1)));
}

/// A key's terms come back with each of its calls, and in the operators' list.
pub async fn a_key_has_the_rights_that_it_was_created_with(directory: &Directory) {
    let (customer, key) = (given::customer(), ApiKey::from_random([6; 32]));
    let rights = KeyRights {
        scopes: [Scope::Import, Scope::Delete].into(),
        valid_until: Some(given::at(NOW + 90_000)),
        addresses: ["203.0.113.0/24", "2001:db8::/32"].map(|text| text.parse().unwrap()).into(),
    };
    let label = Some("Nightly import".parse().unwrap());
    let terms = KeyTerms {
        label,
        rights: rights.clone(),
        calls_per_minute: Some(9),
        ..KeyTerms::of(customer)
    };
    directory.create_key(&key, given::at(NOW), terms.clone()).await.unwrap();
    let listed = directory.list_keys(customer).await.unwrap();
    assert_eq!((listed[0].terms.clone(), listed[0].last_used), (terms.clone(), None));

    let admission = directory.admit_call(&key, given::at(NOW)).await.unwrap();
    assert_eq!(admission, Admission::Admitted(customer, rights));
    let listed = directory.list_keys(customer).await.unwrap();
    let minute = given::at(NOW / 60_000 * 60_000);
    assert_eq!((listed[0].terms.clone(), listed[0].last_used), (terms, Some(minute)));
}

/// A replaced key works beside the new one until its end, which is never put off.
pub async fn a_key_that_is_replaced_ends_at_the_earlier_time(directory: &Directory) {
    let (customer, key) = (given::customer(), ApiKey::from_random([8; 32]));
    directory.create_key(&key, given::at(NOW), KeyTerms::of(customer)).await.unwrap();
    for (asked, end) in [(20_000, 20_000), (30_000, 20_000), (10_000, 10_000)] {
        let before = directory.end_key(key.id(), given::at(NOW + asked)).await.unwrap();
        assert_eq!(before.unwrap().terms.customer, customer);
        let stored = directory.list_keys(customer).await.unwrap();
        assert_eq!(stored[0].terms.rights.valid_until, Some(given::at(NOW + end)));
    }
    let unknown = ApiKey::from_random([9; 32]).id();
    assert_eq!(directory.end_key(unknown, given::at(NOW)).await.unwrap(), None);
}

pub async fn facilities_are_listed_as_they_were_entered(directory: &Directory) {
    let (customer, other) = (given::customer(), given::customer());
    let mut facilities: Vec<Facility> =
        ["Main Street", "Łódź “West”", "李"].map(given::facility_named).into();
    for facility in &facilities {
        directory.create_entry(customer, facility).await.unwrap();
    }
    let mut listed = directory.list_entries::<Facility>(customer).await.unwrap();
    facilities.sort_by_key(|facility| facility.id);
    listed.sort_by_key(|facility| facility.id);
    assert_eq!(listed, facilities);
    assert_eq!(directory.list_entries::<Facility>(other).await.unwrap(), []);
}

contract!($ api_keys:
    a_key_finds_its_customer_and_no_other_key_does,
    a_key_makes_as_many_calls_in_a_minute_as_it_may,
    a_key_has_the_rights_that_it_was_created_with,
    a_key_that_is_replaced_ends_at_the_earlier_time,
    facilities_are_listed_as_they_were_entered,
);
