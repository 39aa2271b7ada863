//! The webhook settings of a customer: replaced only by a caller who has read the version that it
//! replaces.

use bulk_pipeline::ports::{DirectoryStore, WebhookSettings, Write};

use crate::given;

fn settings(url: &str, version: u64) -> WebhookSettings {
    WebhookSettings { url: Some(url.to_owned()), version, ..WebhookSettings::default() }
}

pub async fn settings_are_stored_only_over_the_version_that_was_read(ports: &impl DirectoryStore) {
    let customer = given::customer();
    let store =
        async |url, version| ports.store_settings(customer, &settings(url, version)).await.unwrap();
    assert_eq!(store("https://a.example", 1).await, Write::Conflict, "nothing is stored");
    assert_eq!(ports.load_settings(customer).await.unwrap(), WebhookSettings::default());
    assert_eq!(store("https://b.example", 0).await, Write::Done);
    assert_eq!(ports.load_settings(customer).await.unwrap(), settings("https://b.example", 1));
    for version in [0, 2] {
        assert_eq!(store("https://c.example", version).await, Write::Conflict, "{version}");
    }
    assert_eq!(ports.load_settings(customer).await.unwrap(), settings("https://b.example", 1));
    assert_eq!(store("https://d.example", 1).await, Write::Done);
    assert_eq!(ports.load_settings(customer).await.unwrap(), settings("https://d.example", 2));
}

pub async fn what_is_not_set_any_more_is_gone(ports: &impl DirectoryStore) {
    let customer = given::customer();
    let _ = ports.store_settings(customer, &settings("https://a.example", 0)).await.unwrap();
    let nothing = WebhookSettings { version: 1, ..WebhookSettings::default() };
    assert_eq!(ports.store_settings(customer, &nothing).await.unwrap(), Write::Done);
    let stored = ports.load_settings(customer).await.unwrap();
    assert_eq!(stored, WebhookSettings { version: 2, ..WebhookSettings::default() });
}

contract!($ settings:
    settings_are_stored_only_over_the_version_that_was_read,
    what_is_not_set_any_more_is_gone,
);
