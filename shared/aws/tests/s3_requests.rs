//! What S3 is asked for, and what the documented answers of S3 lead to.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::Range;
use std::sync::{Arc, Mutex};

use aws_config::BehaviorVersion;
use bulk_aws::{Connection, Objects, Program};
use bulk_domain::job::Upload;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, PortResult};
use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ID: &str = "018f3f5e-0000-7000-8000-000000000001";

/// A bucket that gives these answers in turn, and notes the requests that it received.
struct Bucket {
    objects: Objects,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Bucket {
    async fn answering(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let defaults = aws_config::defaults(BehaviorVersion::latest());
        let url = format!("http://{}", listener.local_addr().unwrap());
        let loader = defaults.region("us-east-1").endpoint_url(url).test_credentials();
        let connection = Connection::open_with(Program::ImportRows, loader).await;
        let config =
            aws_sdk_s3::config::Builder::from(connection.sdk()).force_path_style(true).build();
        let objects = Objects::new(aws_sdk_s3::Client::from_conf(config), "bucket".to_owned());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&asked);
        tokio::spawn(async move {
            for (status, body) in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = request(&mut socket).await;
                noted.lock().unwrap().push(request);
                let answer = format!(
                    "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n{body}",
                    body.len(),
                    if status == 206 { "content-range: bytes 2-4/9\r\n" } else { "" },
                );
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { objects, asked }
    }

    async fn read(&self, upload: &Upload, range: Range<u64>) -> PortResult<Vec<u8>> {
        let pieces: Vec<Bytes> =
            self.objects.read_upload(job(), upload, range).await?.try_collect().await?;
        Ok(pieces.concat())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Receives a request, and returns its head and body in lower case.
async fn request(socket: &mut TcpStream) -> String {
    let mut received = Vec::new();
    loop {
        socket.read_buf(&mut received).await.unwrap();
        let text = String::from_utf8(received.clone()).unwrap().to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn job() -> JobRef {
    JobRef { customer: ID.parse().unwrap(), job: ID.parse().unwrap() }
}

fn upload(version: &str) -> Upload {
    Upload { version: version.to_owned(), etag: "\"5d41\"".to_owned(), bytes: 9 }
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, format!("<Error><Code>{code}</Code><Message>Ada Lovelace</Message></Error>"))
}

fn part() -> (u16, String) {
    (206, "abc".to_owned())
}

#[tokio::test]
async fn the_whole_is_read_from_the_version_if_its_etag_is_the_right_one() {
    let bucket = Bucket::answering(vec![(200, "abcdefghi".to_owned())]).await;
    assert_eq!(bucket.read(&upload("v1"), 0..9).await.unwrap(), b"abcdefghi");
    let [asked] = &bucket.asked()[..] else { panic!("{:?}", bucket.asked()) };
    assert!(asked.contains("versionid=v1") && asked.contains("if-match: \"5d41\""), "{asked}");
}

/// S3 answers 412 if there is a later upload. If there is a delete marker or no object, it answers
/// 404 to callers that may list the bucket, and 403 to other ones.
#[tokio::test]
async fn a_part_is_read_from_the_version_where_that_is_not_the_latest() {
    for answer in
        [error(412, "PreconditionFailed"), error(404, "NoSuchKey"), error(403, "AccessDenied")]
    {
        let bucket = Bucket::answering(vec![answer.clone(), part()]).await;
        assert_eq!(bucket.read(&upload("v1"), 2..5).await.unwrap(), b"abc", "{answer:?}");
        let [latest, named] = &bucket.asked()[..] else { panic!("{:?}", bucket.asked()) };
        assert!(!latest.contains("versionid"), "{latest}");
        assert!(named.contains("versionid=v1"), "{named}");
        for asked in [latest, named] {
            assert!(
                asked.contains("if-match: \"5d41\"") && asked.contains("range: bytes=2-4"),
                "{asked}"
            );
        }
    }
}

/// S3 answers 403 about a version that is gone to a role that may not list the bucket, as it does
/// about a right that an operator forgot to give. So that answer is retried for as long as the job
/// has time.
#[tokio::test]
async fn a_version_that_is_gone_is_retried_only_where_it_may_be_a_missing_right() {
    for (status, code, transient) in [(403, "AccessDenied", true), (404, "NoSuchVersion", false)] {
        let bucket = Bucket::answering(vec![error(403, "AccessDenied"), error(status, code)]).await;
        let failed = bucket.read(&upload("v1"), 2..5).await.unwrap_err();
        assert!(failed.transient == transient && failed.code.contains(code), "{failed}");
    }
}

/// In a bucket that keeps no versions, `null` names the last upload.
#[tokio::test]
async fn rows_of_an_upload_that_was_overwritten_are_not_read_from_another() {
    let changed = || error(412, "PreconditionFailed");
    for (range, answers) in [(2..5, vec![changed(), changed()]), (0..9, vec![changed()])] {
        let bucket = Bucket::answering(answers).await;
        let failed = bucket.read(&upload("null"), range).await.unwrap_err();
        assert!(!failed.transient, "{failed}");
        assert!(bucket.asked().iter().all(|asked| asked.contains("if-match: \"5d41\"")));
    }
}

/// Returns a page of a list with these versions, and with markers if another page follows.
fn page(versions: &[(&str, &str)], next: Option<(&str, &str)>) -> (u16, String) {
    let markers = next.map(|(key, version)| {
        format!(
            "<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{version}</NextVersionIdMarker>"
        )
    });
    let version = |(key, version): &(&str, &str)| {
        format!(
            "<Version><Key>{key}</Key><VersionId>{version}</VersionId><ETag>&quot;5d41&quot;</ETag>\
             <Size>9</Size></Version>"
        )
    };
    let page = format!(
        "<ListVersionsResult><IsTruncated>{}</IsTruncated>{}{}</ListVersionsResult>",
        next.is_some(),
        markers.unwrap_or_default(),
        versions.iter().map(version).collect::<String>(),
    );
    (200, page)
}

#[tokio::test]
async fn only_versions_of_the_upload_itself_are_found() {
    let key = format!("uploads/{ID}/{ID}.csv");
    let other = format!("{key}.bak");
    let versions = [(&*key, "v2"), (&*key, "v1"), (&*other, "other")];
    let bucket = Bucket::answering(vec![page(&versions, None)]).await;
    assert_eq!(bucket.objects.find_upload(job()).await.unwrap(), Some(upload("v1")));
}

#[tokio::test]
async fn the_first_version_of_an_upload_may_be_on_the_last_page() {
    let key = format!("uploads/{ID}/{ID}.csv");
    let pages = vec![page(&[(&key, "v3")], Some((&key, "v3"))), page(&[(&key, "v1")], None)];
    let bucket = Bucket::answering(pages).await;
    assert_eq!(bucket.objects.find_upload(job()).await.unwrap(), Some(upload("v1")));
    let [first, second] = &bucket.asked()[..] else { panic!("{:?}", bucket.asked()) };
    assert!(!first.contains("marker"), "{first}");
    assert!(second.contains("key-marker=uploads") && second.contains("version-id-marker=v3"));
}

#[tokio::test]
async fn the_copies_of_a_patient_are_deleted_by_one_request_a_page() {
    let deleted = || (200, "<DeleteResult></DeleteResult>".to_owned());
    let (a, b) = (format!("documents/{ID}/{ID}/a"), format!("documents/{ID}/{ID}/b"));
    let first = page(&[(&a, "v2"), (&a, "v1")], Some((&a, "v1")));
    let answers = vec![first, deleted(), page(&[(&b, "v3")], None), deleted()];
    let bucket = Bucket::answering(answers).await;
    bucket.objects.delete_copies(job().customer, ID.parse().unwrap()).await.unwrap();
    let [_, delete, next, rest] = &bucket.asked()[..] else { panic!("{:?}", bucket.asked()) };
    for version in ["v1", "v2"] {
        assert!(delete.contains(&format!("<versionid>{version}</versionid>")), "{delete}");
    }
    assert!(!next.contains("marker"), "the first page again: {next}");
    assert!(rest.contains("<versionid>v3</versionid>") && !rest.contains("v1"), "{rest}");
}

#[tokio::test]
async fn a_copy_that_s3_does_not_delete_is_an_error_and_without_copies_nothing_is_deleted() {
    let key = format!("documents/{ID}/{ID}/a");
    let failed =
        "<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error></DeleteResult>";
    let bucket =
        Bucket::answering(vec![page(&[(&key, "v1")], None), (200, failed.to_owned())]).await;
    let failed = bucket.objects.delete_copies(job().customer, ID.parse().unwrap()).await;
    assert!(failed.is_err_and(|error| error.transient && error.code == "InternalError"));
    let bucket = Bucket::answering(vec![page(&[], None)]).await;
    bucket.objects.delete_copies(job().customer, ID.parse().unwrap()).await.unwrap();
    assert_eq!(bucket.asked().len(), 1);
}
