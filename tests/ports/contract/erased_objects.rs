//! What `aws` deletes of a customer's objects: all versions in all folders.

use aws_sdk_s3::primitives::ByteStream;
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

contract!($ erased_objects: every_version_of_a_customer_is_deleted_and_none_of_another);
