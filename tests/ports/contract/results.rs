//! Result files: written piece by piece, and visible only after they are finished.

use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, ObjectStore, ResultFile};
use bytes::Bytes;

use crate::backend::Customer;
use crate::given;

/// Bytes that `aws` and `memory` send in one part.
const PART: usize = 8 * 1024 * 1024;

fn job_ref() -> JobRef {
    JobRef::from(&given::job())
}

/// Returns a file in which no two parts are alike.
fn file(bytes: usize, salt: usize) -> Bytes {
    (salt..)
        .flat_map(|number| format!("{number},succeeded,\r\n").into_bytes())
        .take(bytes)
        .collect()
}

async fn write(
    ports: &impl ObjectStore,
    job: JobRef,
    file: ResultFile,
    bytes: &Bytes,
    piece: usize,
) {
    let mut writer = ports.write_results(job, file).await.unwrap();
    for piece in bytes.chunks(piece) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap();
}

async fn assert_is(ports: &impl Customer, job: JobRef, file: ResultFile, bytes: &Bytes) {
    let found = ports.download(job, file).await;
    let length = found.as_ref().map(Bytes::len);
    assert!(found.as_ref() == Some(bytes), "{length:?} bytes where {} were written", bytes.len());
}

pub async fn a_file_of_any_size_is_what_was_written(ports: &(impl Customer + ObjectStore)) {
    for (bytes, piece) in
        [(0, 1), (1, 1), (5000, 7), (PART - 1, 100_000), (PART, PART), (PART + 1, 1 << 20)]
    {
        let (job, bytes) = (job_ref(), file(bytes, 0));
        write(ports, job, ResultFile::Result, &bytes, piece).await;
        assert_is(ports, job, ResultFile::Result, &bytes).await;
    }
}

pub async fn a_file_of_many_parts_is_what_was_written(ports: &(impl Customer + ObjectStore)) {
    let (job, bytes) = (job_ref(), file(3 * PART + 12_345, 0));
    for piece in [999_983, 2 * PART] {
        write(ports, job, ResultFile::Failures, &bytes, piece).await;
        assert_is(ports, job, ResultFile::Failures, &bytes).await;
    }
}

pub async fn a_file_is_there_when_it_is_finished_and_not_before(
    ports: &(impl Customer + ObjectStore),
) {
    for bytes in [file(1000, 0), file(PART + 1000, 0)] {
        let job = job_ref();
        assert_eq!(ports.download(job, ResultFile::Result).await, None);
        let mut writer = ports.write_results(job, ResultFile::Result).await.unwrap();
        writer.write(&bytes).await.unwrap();
        assert_eq!(ports.download(job, ResultFile::Result).await, None);
        writer.finish().await.unwrap();
        assert_is(ports, job, ResultFile::Result, &bytes).await;
    }
}

pub async fn a_finished_file_replaces_an_earlier_one_and_an_unfinished_one_does_not(
    ports: &(impl Customer + ObjectStore),
) {
    let (job, first) = (job_ref(), file(PART + 50_000, 0));
    write(ports, job, ResultFile::Result, &first, 1 << 20).await;
    let mut unfinished = ports.write_results(job, ResultFile::Result).await.unwrap();
    unfinished.write(&file(PART + 9, 3)).await.unwrap();
    drop(unfinished);
    assert_is(ports, job, ResultFile::Result, &first).await;
    for bytes in [file(700, 5), file(PART + 60_000, 7)] {
        write(ports, job, ResultFile::Result, &bytes, 1 << 20).await;
        assert_is(ports, job, ResultFile::Result, &bytes).await;
    }
}

pub async fn the_two_files_of_a_job_are_two(ports: &(impl Customer + ObjectStore)) {
    let (job, result, failures) = (job_ref(), file(1000, 0), file(200, 9));
    write(ports, job, ResultFile::Result, &result, 100).await;
    assert_eq!(ports.download(job, ResultFile::Failures).await, None);
    write(ports, job, ResultFile::Failures, &failures, 100).await;
    assert_is(ports, job, ResultFile::Result, &result).await;
    assert_is(ports, job, ResultFile::Failures, &failures).await;
}

contract!($ results:
    a_file_of_any_size_is_what_was_written,
    a_file_of_many_parts_is_what_was_written,
    a_file_is_there_when_it_is_finished_and_not_before,
    a_finished_file_replaces_an_earlier_one_and_an_unfinished_one_does_not,
    the_two_files_of_a_job_are_two,
);
