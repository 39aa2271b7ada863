//! Uploads: a job reads the version that it is bound to, even if its customer has uploaded other
//! versions since.

use std::ops::Range;

use bulk_domain::job::Upload;
use bulk_pipeline::ports::{JobRef, ObjectStore, PortResult};
use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::backend::Customer;
use crate::given;

fn job_ref() -> JobRef {
    JobRef::from(&given::job())
}

/// Returns a file in which every range is different from every other.
fn file(bytes: usize, salt: u64) -> Bytes {
    (salt..).flat_map(|number| format!("{number:x};ß\n").into_bytes()).take(bytes).collect()
}

async fn read(
    ports: &impl ObjectStore,
    job: JobRef,
    upload: &Upload,
    range: Range<u64>,
) -> PortResult<Vec<u8>> {
    let pieces: Vec<Bytes> = ports.read_upload(job, upload, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

/// Asserts that the whole upload and parts of it are read as they were uploaded.
async fn assert_reads(ports: &impl ObjectStore, job: JobRef, upload: &Upload, bytes: &Bytes) {
    let end = upload.bytes;
    for range in [0..end, 0..1, 0..end - 1, 1..end, end / 3..end / 2, end - 1..end] {
        let (from, to) =
            (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let read = read(ports, job, upload, range.clone()).await.unwrap();
        assert!(read == bytes[from..to], "{range:?} of {end}: {} bytes came", read.len());
    }
}

pub async fn an_upload_is_read_whole_and_in_ranges(ports: &(impl Customer + ObjectStore)) {
    let (job, bytes) = (job_ref(), file(3_000_001, 0));
    let upload = ports.upload(job, bytes.clone()).await;
    assert_eq!(upload.bytes, bytes.len() as u64);
    assert_reads(ports, job, &upload, &bytes).await;
}

pub async fn an_empty_upload_is_read_as_nothing(ports: &(impl Customer + ObjectStore)) {
    let job = job_ref();
    let upload = ports.upload(job, Bytes::new()).await;
    assert_eq!(read(ports, job, &upload, 0..0).await.unwrap(), b"");
    assert_eq!(ports.find_upload(job).await.unwrap(), Some(upload));
}

pub async fn a_later_upload_changes_nothing_of_an_earlier_one(
    ports: &(impl Customer + ObjectStore),
) {
    let job = job_ref();
    let files = [file(500_000, 0), file(400_000, 7), file(500_000, 9), file(500_000, 0)];
    let mut uploads = Vec::new();
    for bytes in &files {
        uploads.push(ports.upload(job, bytes.clone()).await);
    }
    for (upload, bytes) in uploads.iter().zip(&files) {
        assert_reads(ports, job, upload, bytes).await;
    }
}

pub async fn the_first_upload_is_found_as_its_event_named_it(
    ports: &(impl Customer + ObjectStore),
) {
    let (job, other) = (job_ref(), job_ref());
    assert_eq!(ports.find_upload(job).await.unwrap(), None);
    let first = ports.upload(job, file(1000, 1)).await;
    assert_eq!(ports.find_upload(job).await.unwrap().as_ref(), Some(&first));
    for salt in 2..5 {
        let later = ports.upload(job, file(1000, salt)).await;
        assert_ne!(later.version, first.version);
        assert_eq!(ports.find_upload(job).await.unwrap().as_ref(), Some(&first));
    }
    assert_eq!(ports.find_upload(other).await.unwrap(), None);
}

/// S3 lists 1,000 versions at a time.
pub async fn the_first_upload_is_found_behind_a_thousand(ports: &(impl Customer + ObjectStore)) {
    let job = job_ref();
    let first = ports.upload(job, file(10, 1)).await;
    for _ in 0..1005 {
        ports.upload(job, Bytes::from_static(b"later")).await;
    }
    assert_eq!(ports.find_upload(job).await.unwrap(), Some(first));
}

pub async fn a_deleted_upload_is_gone_and_leaves_the_others(ports: &(impl Customer + ObjectStore)) {
    let job = job_ref();
    let (first, bytes) = (ports.upload(job, file(1000, 1)).await, file(1000, 2));
    let second = ports.upload(job, bytes.clone()).await;
    ports.delete_upload(job, &first).await.unwrap();
    assert!(!read(ports, job, &first, 0..1000).await.unwrap_err().transient);
    assert_reads(ports, job, &second, &bytes).await;
    assert_eq!(ports.find_upload(job).await.unwrap().as_ref(), Some(&second));
    ports.delete_upload(job, &first).await.unwrap();
    ports.delete_upload(job, &second).await.unwrap();
    assert_eq!(ports.find_upload(job).await.unwrap(), None);
}

pub async fn what_is_not_there_cannot_be_read_however_often_it_is_attempted(
    ports: &(impl Customer + ObjectStore),
) {
    let (job, other) = (job_ref(), job_ref());
    let upload = ports.upload(job, file(1000, 1)).await;
    let unknown = Upload {
        version: ports.upload(other, file(9, 1)).await.version,
        etag: "\"0\"".into(),
        ..upload
    };
    for range in [0..1000, 5..10] {
        let error = read(ports, job, &unknown, range.clone()).await.unwrap_err();
        assert!(!error.transient, "no such version: {error}");
        let error = read(ports, job_ref(), &unknown, range).await.unwrap_err();
        assert!(!error.transient, "no such upload: {error}");
    }
}

contract!($ uploads:
    an_upload_is_read_whole_and_in_ranges,
    an_empty_upload_is_read_as_nothing,
    a_later_upload_changes_nothing_of_an_earlier_one,
    the_first_upload_is_found_as_its_event_named_it,
    the_first_upload_is_found_behind_a_thousand,
    a_deleted_upload_is_gone_and_leaves_the_others,
    what_is_not_there_cannot_be_read_however_often_it_is_attempted,
);
