//! What `aws` takes for granted of S3: its versions, conditional writes and multipart uploads.
//!
//! The rules are from S3's API reference, <https://docs.aws.amazon.com/AmazonS3/latest/API/>.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::emulator::Bucket;
use crate::services::code;

const KEY: &str = "folder/object";

/// Stores an object and returns its version.
async fn put(bucket: &Bucket, bytes: &'static [u8]) -> String {
    let put = bucket
        .client
        .put_object()
        .bucket(&bucket.name)
        .key(KEY)
        .body(ByteStream::from_static(bytes));
    put.send().await.unwrap().version_id.unwrap()
}

/// `API_GetObject.html`: a request can have both `Range` and `versionId`.
pub async fn a_range_of_a_named_version_is_that_range(bucket: &Bucket) {
    let first = put(bucket, b"0123456789").await;
    put(bucket, b"later").await;
    let get = bucket.client.get_object().bucket(&bucket.name).key(KEY).version_id(first);
    let answer = get.range("bytes=2-4").send().await.unwrap();
    assert_eq!(answer.body.collect().await.unwrap().into_bytes(), "234");
}

/// `API_GetObject.html`: a range that begins past the end is refused.
pub async fn a_range_past_the_end_is_refused(bucket: &Bucket) {
    put(bucket, b"0123456789").await;
    let get = bucket.client.get_object().bucket(&bucket.name).key(KEY).range("bytes=10-12");
    assert_eq!(code(get.send().await), Err("InvalidRange".to_owned()));
}

/// `API_ListObjectVersions.html`, and "Listing objects in a versioning-enabled bucket" of the user
/// guide.
pub async fn versions_are_listed_latest_first(bucket: &Bucket) {
    let mut stored = Vec::new();
    for bytes in [&b"1"[..], b"2", b"3"] {
        stored.insert(0, put(bucket, bytes).await);
    }
    let list =
        bucket.client.list_object_versions().bucket(&bucket.name).prefix(KEY).send().await.unwrap();
    let versions: Vec<_> =
        list.versions().iter().filter_map(|version| version.version_id.clone()).collect();
    assert_eq!(versions, stored);
    assert_eq!(list.versions()[0].is_latest, Some(true));
}

/// `API_CompleteMultipartUpload.html`: every part but the last has 5 MiB at least.
pub async fn a_part_of_less_than_5_mib_is_the_last(bucket: &Bucket) {
    let (client, name) = (&bucket.client, &bucket.name);
    for (bytes, expected) in [(5 * 1024 * 1024, Ok(())), (1024, Err("EntityTooSmall".to_owned()))] {
        let upload =
            client.create_multipart_upload().bucket(name).key(KEY).send().await.unwrap().upload_id;
        let mut parts = Vec::new();
        for (number, bytes) in [(1, bytes), (2, 7)] {
            let part = client.upload_part().bucket(name).key(KEY).set_upload_id(upload.clone());
            let part = part.part_number(number).body(ByteStream::from(vec![b'x'; bytes]));
            let etag = part.send().await.unwrap().e_tag;
            parts.push(CompletedPart::builder().part_number(number).set_e_tag(etag).build());
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete =
            client.complete_multipart_upload().bucket(name).key(KEY).set_upload_id(upload);
        assert_eq!(code(complete.multipart_upload(parts).send().await), expected, "{bytes}");
    }
}

/// "How to prevent object overwrites with conditional writes" of the user guide: `If-None-Match`
/// compares with the current object, and a deleted object is none.
pub async fn an_object_that_was_deleted_is_not_in_the_way(bucket: &Bucket) {
    let (client, name) = (&bucket.client, &bucket.name);
    let create =
        async || code(client.put_object().bucket(name).key(KEY).if_none_match("*").send().await);
    assert_eq!(create().await, Ok(()));
    assert_eq!(create().await, Err("PreconditionFailed".to_owned()));
    client.delete_object().bucket(name).key(KEY).send().await.unwrap();
    assert_eq!(create().await, Ok(()));
}

contract!($ s3:
    a_range_of_a_named_version_is_that_range,
    a_range_past_the_end_is_refused,
    versions_are_listed_latest_first,
    a_part_of_less_than_5_mib_is_the_last,
    an_object_that_was_deleted_is_not_in_the_way,
);
