//! The directory: the facilities, cohorts and webhook settings of a customer.

use bulk_domain::delivery::{AttemptOutcome, NoAnswer};
use bulk_domain::document::LinkKey;
use bulk_domain::facility::Facility;
use bulk_domain::ids::CohortId;
use bulk_domain::row::Directory;
use bulk_domain::webhook::WebhookKey;
use bulk_pipeline::ports::{DirectoryStore, PingReport, ReplacedKey, WebhookSettings};

use crate::backend::Operator;
use crate::given;

/// Settings that were stored once, but set nothing.
const NOTHING_SET: WebhookSettings = WebhookSettings {
    url: None,
    key: None,
    link_key: None,
    replaced: Vec::new(),
    patient_webhooks: false,
    ping: None,
    is_verified: false,
    version: 1,
};

fn facilities(count: usize, words: usize) -> Vec<Facility> {
    let name = format!("Łódź Klinik “{}”", "Straße ".repeat(words));
    (0..count).map(|_| given::facility_named(&name)).collect()
}

fn directory(facilities: &[Facility], cohorts: &[CohortId]) -> Directory {
    Directory {
        facilities: facilities.iter().map(|facility| facility.id).collect(),
        cohorts: cohorts.iter().copied().collect(),
    }
}

pub async fn a_customer_has_its_own_facilities_and_cohorts_and_no_others(
    ports: &(impl Operator + DirectoryStore),
) {
    let (first, second) = (given::customer(), given::customer());
    let (mine, cohorts) = (facilities(3, 1), [given::cohort(), given::cohort()]);
    let theirs = facilities(1, 1);
    ports.enter(first, &mine, &cohorts, &NOTHING_SET).await;
    ports.enter(second, &theirs, &[], &NOTHING_SET).await;
    assert_eq!(ports.load_directory(first).await.unwrap().ids, directory(&mine, &cohorts));
    assert_eq!(ports.load_directory(second).await.unwrap().ids, directory(&theirs, &[]));
}

pub async fn a_customer_keeps_the_key_of_its_hashes(ports: &(impl Operator + DirectoryStore)) {
    let customers = [given::customer(), given::customer()];
    for customer in customers {
        ports.enter(customer, &facilities(1, 1), &[], &NOTHING_SET).await;
    }
    let keys = customers.map(|customer| ports.load_hash_key(customer));
    let keys = futures::future::try_join_all(keys).await.unwrap();
    assert_ne!(keys[0], keys[1]);
    ports.rename(customers[0], "Another name").await;
    assert_eq!(ports.load_hash_key(customers[0]).await.unwrap(), keys[0]);
    assert_eq!(ports.load_directory(customers[0]).await.unwrap().hash_key, keys[0]);
}

pub async fn an_unknown_customer_has_nothing(ports: &impl DirectoryStore) {
    let customer = given::customer();
    assert_eq!(ports.load_settings(customer).await.unwrap(), WebhookSettings::default());
}

/// A DynamoDB Query answers with 1 MB at most, so that a longer list takes several.
pub async fn facilities_of_more_than_1_mb_are_all_found(ports: &(impl Operator + DirectoryStore)) {
    let (customer, facilities) = (given::customer(), facilities(4_000, 33));
    ports.enter(customer, &facilities, &[], &NOTHING_SET).await;
    assert_eq!(ports.load_directory(customer).await.unwrap().ids, directory(&facilities, &[]));
}

pub async fn settings_are_loaded_as_they_were_stored(ports: &(impl Operator + DirectoryStore)) {
    let key = WebhookKey::from_random(&[7; 32]);
    let url = Some("https://example.com/hooks?für=Zoë&x=%20".to_owned());
    let replaced = [1, 2].map(|byte| ReplacedKey {
        key: WebhookKey::from_random(&[byte; 32]),
        valid_until: given::at(given::NOW + i64::from(byte)),
    });
    let pinged = |failure| Some(PingReport { when: given::at(given::NOW), failure });
    let (ping, unreachable) = (
        pinged(Some(AttemptOutcome::StatusCode(500))),
        pinged(Some(AttemptOutcome::Error(NoAnswer::NoPong))),
    );
    for settings in [
        NOTHING_SET,
        WebhookSettings { url: url.clone(), key: Some(key.clone()), ..NOTHING_SET },
        WebhookSettings { link_key: Some(LinkKey::new([9; 32])), ..NOTHING_SET },
        WebhookSettings { key: Some(key.clone()), replaced: replaced.to_vec(), ..NOTHING_SET },
        WebhookSettings { url: url.clone(), ping: unreachable, ..NOTHING_SET },
        WebhookSettings { url: url.clone(), ping: pinged(None), is_verified: true, ..NOTHING_SET },
        WebhookSettings { patient_webhooks: true, ..NOTHING_SET },
        WebhookSettings { url, key: Some(key), replaced: replaced.to_vec(), ping, ..NOTHING_SET },
    ] {
        let customer = given::customer();
        ports.enter(customer, &[], &[], &settings).await;
        assert_eq!(ports.load_settings(customer).await.unwrap(), settings);
    }
}

contract!($ directory:
    a_customer_has_its_own_facilities_and_cohorts_and_no_others,
    a_customer_keeps_the_key_of_its_hashes,
    an_unknown_customer_has_nothing,
    facilities_of_more_than_1_mb_are_all_found,
    settings_are_loaded_as_they_were_stored,
);
