//! S3: errors as its reference lists them, and what `aws` makes of each.

use bulk_aws::Objects;
use bulk_domain::job::Upload;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, ResultFile, Write};
use bytes::Bytes;
use futures::TryStreamExt as _;

use super::server::Server;
use super::{SECRET, assert_error};
use crate::given;

fn error(status: u16, code: &str) -> (u16, String) {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{SECRET}</Message>\
         <Resource>/bucket/{SECRET}</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    (status, body)
}

async fn assert_is(status: u16, code: &str, transient: bool) {
    let server = Server::answering([error(status, code)]).await;
    let files = Objects::new(server.endpoint.s3(), "bucket".to_owned());
    let (job, upload) = (JobRef::from(&given::job()), given::upload());
    assert_error(&files.find_upload(job).await.unwrap_err(), transient, code);
    assert_error(&files.read_plan(job, &upload, None).await.unwrap_err(), transient, code);
    let store = files.store_plan(job, &upload, Bytes::from_static(b"plan")).await;
    assert_error(&store.unwrap_err(), transient, code);
    assert_error(
        &files.store_outcomes(job, given::chunk(0), &[]).await.unwrap_err(),
        transient,
        code,
    );
    for bytes in [10, 9 * 1024 * 1024] {
        let mut writer = files.write_results(job, ResultFile::Result).await.unwrap();
        let write = match writer.write(&vec![b'x'; bytes]).await {
            Ok(()) => writer.finish().await,
            Err(error) => Err(error),
        };
        assert_error(&write.unwrap_err(), transient, code);
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_transient() {
    for (status, code) in [
        (503, "SlowDown"),
        (503, "ServiceUnavailable"),
        (500, "InternalError"),
        (400, "RequestTimeout"),
        (409, "OperationAborted"),
        // S3 answers so if two conditional writes of one object arrive at the same time.
        (409, "ConditionalRequestConflict"),
        // An operator corrects these, so that the same request succeeds later.
        (403, "AccessDenied"),
        (404, "NoSuchBucket"),
    ] {
        assert_is(status, code, true).await;
    }
}

#[tokio::test]
async fn what_the_same_request_would_meet_again_is_not_transient() {
    for (status, code) in [(400, "InvalidArgument"), (400, "EntityTooLarge")] {
        assert_is(status, code, false).await;
    }
}

#[tokio::test]
async fn outcomes_that_are_there_already_are_an_answer() {
    let server = Server::answering([error(412, "PreconditionFailed")]).await;
    let files = Objects::new(server.endpoint.s3(), "bucket".to_owned());
    let write =
        files.store_outcomes(JobRef::from(&given::job()), given::chunk(0), &[]).await.unwrap();
    assert_eq!(write, Write::Conflict);
}

/// `API_GetObject.html`: a missing object is answered 404 if the role may list the bucket, and 403
/// otherwise. The roles of this project may not.
#[tokio::test]
async fn a_version_is_read_by_its_name_where_the_latest_is_another_or_gone() {
    for (status, code) in [(403, "AccessDenied"), (404, "NoSuchKey"), (412, "PreconditionFailed")] {
        let server = Server::answering([error(status, code), (200, "0123456789".to_owned())]).await;
        let files = Objects::new(server.endpoint.s3(), "bucket".to_owned());
        let upload = Upload { bytes: 10, ..given::upload() };
        let read = files.read_upload(JobRef::from(&given::job()), &upload, 2..5).await.unwrap();
        let pieces: Vec<Bytes> = read.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), b"234", "{code}");
    }
}

/// S3 answers both with 403: a role that lacks a right, which an operator corrects, and a version
/// that is gone, which the job's deadline ends.
#[tokio::test]
async fn a_version_that_may_not_be_read_is_retried() {
    let server = Server::answering([error(403, "AccessDenied")]).await;
    let files = Objects::new(server.endpoint.s3(), "bucket".to_owned());
    let read = files.read_upload(JobRef::from(&given::job()), &given::upload(), 2..5).await;
    assert_error(&read.err().unwrap(), true, "AccessDenied");
}
