//! What `aws` finds and deletes of a customer's objects: all versions in all folders.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use bulk_aws::Objects;
use bulk_domain::ids::CustomerId;

use crate::emulator::Bucket;
use crate::given;

/// Stores an object and a second version of it for each folder, and deletes the newest version of
/// the last one. Returns the number of versions and markers.
async fn enter(bucket: &Bucket, customer: CustomerId) -> u64 {
    let mut last = String::new();
    for folder in ["documents", "outcomes", "uploads"] {
        last = format!("{folder}/{customer}/one.csv");
        for content in ["first", "second"] {
            let put = bucket.client.put_object().bucket(&bucket.name).key(&last);
            put.body(ByteStream::from_static(content.as_bytes())).send().await.unwrap();
        }
    }
    bucket.client.delete_object().bucket(&bucket.name).key(last).send().await.unwrap();
    7
}

async fn count(bucket: &Bucket) -> u64 {
    let page = bucket.client.list_object_versions().bucket(&bucket.name).send().await.unwrap();
    (page.versions().len() + page.delete_markers().len()) as u64
}

pub async fn every_version_of_a_customer_is_deleted_and_none_of_another(bucket: &Bucket) {
    let objects = Objects::new(bucket.client.clone(), bucket.name.clone());
    let (customer, other) = (given::customer(), given::customer());
    let (before, others) = (enter(bucket, customer).await, enter(bucket, other).await);
    assert_eq!(count(bucket).await, before + others);
    let mut told = 0;
    let deleted = objects.delete_customer(customer, |count| told = count).await.unwrap();
    assert_eq!((deleted, told), (before, before));
    assert_eq!(count(bucket).await, others);
    assert_eq!(objects.delete_customer(customer, |_| ()).await.unwrap(), 0);
    assert_eq!(objects.delete_customer(other, |_| ()).await.unwrap(), others);
    assert_eq!(count(bucket).await, 0);
}

pub async fn a_customers_versions_are_found_by_the_beginnings_of_their_keys(bucket: &Bucket) {
    let objects = Objects::new(bucket.client.clone(), bucket.name.clone());
    let (customer, other) = (given::customer(), given::customer());
    enter(bucket, customer).await;
    enter(bucket, other).await;
    let folders = objects.folders().await.unwrap();
    assert_eq!(folders, ["documents/", "outcomes/", "uploads/"]);
    for (folder, is_deleted) in [("documents/", false), ("uploads/", true)] {
        let found = objects.versions(customer, folder, "one").await.unwrap();
        let sizes: Vec<u64> = found.iter().map(|version| version.bytes).collect();
        // The newest comes first.
        assert_eq!(sizes, ["second".len() as u64, "first".len() as u64]);
        assert!(found.iter().all(|found| found.key == format!("{folder}{customer}/one.csv")));
        assert_ne!(found[0].version, found[1].version);
        assert_eq!(found[0].replaced_at.is_some(), is_deleted);
        assert!(found[1].replaced_at.is_some());
    }
    assert_eq!(objects.versions(customer, "uploads/", "two").await.unwrap(), []);
}

pub async fn the_retention_of_files_is_read_from_the_bucket(bucket: &Bucket) {
    let objects = Objects::new(bucket.client.clone(), bucket.name.clone());
    assert_eq!(objects.retention().await.unwrap().longest("uploads/"), None);
    let rule = LifecycleRule::builder()
        .id("retention")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .expiration(LifecycleExpiration::builder().days(30).build())
        .noncurrent_version_expiration(
            NoncurrentVersionExpiration::builder().noncurrent_days(3).build(),
        );
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    let put = bucket.client.put_bucket_lifecycle_configuration().bucket(&bucket.name);
    put.lifecycle_configuration(rules.build().unwrap()).send().await.unwrap();
    let longest = Duration::from_hours(24 * (30 + 3 + 2));
    assert_eq!(objects.retention().await.unwrap().longest("uploads/"), Some(longest));
}

contract!($ erased_objects:
    every_version_of_a_customer_is_deleted_and_none_of_another,
    a_customers_versions_are_found_by_the_beginnings_of_their_keys,
    the_retention_of_files_is_read_from_the_bucket,
);
