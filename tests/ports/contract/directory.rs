//! The directory: what belongs to a customer.

use domain::ids::CohortId;
use domain::row::Directory;
use domain::webhook::WebhookKey;
use pipeline::api::directory::Facility;
use pipeline::ports::{LoadDirectory, LoadSettings, WebhookSettings};

use crate::backend::Operator;
use crate::given;

const NOTHING_SET: WebhookSettings = WebhookSettings { url: None, key: None };

fn facilities(count: usize) -> Vec<Facility> {
    let facility = |_| Facility {
        id: given::facility(),
        name: format!("Łódź Klinik “{}”", "Straße ".repeat(60)),
        npi: "1234567893".to_owned(),
    };
    (0..count).map(facility).collect()
}

fn directory(facilities: &[Facility], cohorts: &[CohortId]) -> Directory {
    Directory {
        facilities: facilities.iter().map(|facility| facility.id).collect(),
        cohorts: cohorts.iter().copied().collect(),
    }
}

pub async fn a_customer_has_its_own_facilities_and_cohorts_and_no_others(
    ports: &(impl Operator + LoadDirectory),
) {
    let (first, second) = (given::customer(), given::customer());
    let (mine, cohorts) = (facilities(3), [given::cohort(), given::cohort()]);
    let theirs = facilities(1);
    ports.enter(first, &mine, &cohorts, &NOTHING_SET).await;
    ports.enter(second, &theirs, &[], &NOTHING_SET).await;
    assert_eq!(ports.load_directory(first).await.unwrap(), directory(&mine, &cohorts));
    assert_eq!(ports.load_directory(second).await.unwrap(), directory(&theirs, &[]));
}

pub async fn an_unknown_customer_has_nothing(ports: &(impl LoadDirectory + LoadSettings)) {
    let customer = given::customer();
    assert_eq!(ports.load_directory(customer).await.unwrap(), Directory::default());
    assert_eq!(ports.load_settings(customer).await.unwrap(), NOTHING_SET);
}

/// DynamoDB answers a query with 1 MB at most.
pub async fn thousands_of_facilities_are_all_found(ports: &(impl Operator + LoadDirectory)) {
    let (customer, facilities) = (given::customer(), facilities(2500));
    ports.enter(customer, &facilities, &[], &NOTHING_SET).await;
    assert_eq!(ports.load_directory(customer).await.unwrap(), directory(&facilities, &[]));
}

pub async fn settings_are_loaded_as_they_were_stored(ports: &(impl Operator + LoadSettings)) {
    let key = WebhookKey::from_random(&[7; 32]);
    let url = Some("https://example.com/hooks?für=Zoë&x=%20".to_owned());
    for settings in [
        NOTHING_SET,
        WebhookSettings { url: url.clone(), key: Some(key.clone()) },
        WebhookSettings { url: None, key: Some(key) },
    ] {
        let customer = given::customer();
        ports.enter(customer, &[], &[], &settings).await;
        assert_eq!(ports.load_settings(customer).await.unwrap(), settings);
    }
}

contract!($ directory:
    a_customer_has_its_own_facilities_and_cohorts_and_no_others,
    an_unknown_customer_has_nothing,
    thousands_of_facilities_are_all_found,
    settings_are_loaded_as_they_were_stored,
);
