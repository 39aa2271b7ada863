//! Signed links: each lets its holder make one request for a limited time, and no other request.
//!
//! "Download and upload objects with presigned URLs" of S3's user guide,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>.

use std::collections::BTreeMap;
use std::time::Duration;

use bulk_aws::Objects;
use bulk_domain::document::{DocumentId, DocumentKey, DocumentName, content_disposition};
use bulk_domain::media_type::MediaType;
use bulk_domain::upload_terms::UploadTerms;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, JobRef, ResultFile, UploadLink};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::given;
use crate::services::http;

const MINUTE: Duration = Duration::from_mins(1);
const FILE: &[u8] = b"firstName\nAda\n";

/// A job with a file of failed rows.
async fn job_with_failures(files: &Objects) -> JobRef {
    let job = JobRef::from(&given::job());
    let mut writer = files.write_results(job, ResultFile::Failures).await.unwrap();
    writer.write(b"a,b\r\n").await.unwrap();
    writer.finish().await.unwrap();
    job
}

async fn get(link: &str) -> reqwest::Response {
    http().get(link).send().await.unwrap()
}

async fn put(link: &UploadLink, file: &'static [u8]) -> StatusCode {
    let request = http().put(&link.url).body(file);
    let given = link.headers.iter().filter(|(name, _)| *name != "content-length");
    let request = given.fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.unwrap().status()
}

/// Uploads with a pause in the middle, and returns the first words of the answer.
async fn put_slowly(url: &str, file: &[u8], pause: Duration) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = file.len();
    let head =
        format!("PUT /{path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
    let (first, second) = file.split_at(length / 2);
    connection.write_all(&[head.as_bytes(), first].concat()).await.unwrap();
    tokio::time::sleep(pause).await;
    connection.write_all(second).await.unwrap();
    let mut status = [0; "HTTP/1.1 200".len()];
    connection.read_exact(&mut status).await.unwrap();
    String::from_utf8(status.to_vec()).unwrap()
}

pub async fn a_download_is_saved_as_a_csv_by_a_browser(files: &Objects) {
    let job = job_with_failures(files).await;
    let answer = get(&files.sign_download(job, ResultFile::Failures, MINUTE).await.unwrap()).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"failures.csv\"");
}

pub async fn a_copy_is_saved_under_its_name_and_with_its_media_type(files: &Objects) {
    let document = DocumentKey::of(&DocumentId::new("1").unwrap());
    let document = DocumentName { patient: given::patient(), document };
    let copy = CopyRef { customer: given::customer(), document };
    let media_type = MediaType::new("text/plain; charset=iso-8859-1").unwrap();
    let mut writer = files.write_copy(copy, &media_type).await.unwrap();
    writer.write(b"content").await.unwrap();
    writer.finish().await.unwrap();
    let disposition = content_disposition(document, &media_type);
    let link = files.sign_copy(copy, &media_type, &disposition, MINUTE).await.unwrap();
    let answer = get(&link).await;
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=iso-8859-1");
    assert_eq!(answer.headers()["content-disposition"], disposition);
    assert_eq!(answer.bytes().await.unwrap(), "content");
}

pub async fn a_link_past_its_time_is_refused(files: &Objects) {
    let job = job_with_failures(files).await;
    let second = Duration::from_secs(1);
    let link = files.sign_download(job, ResultFile::Failures, second).await.unwrap();
    tokio::time::sleep(3 * second).await;
    assert_eq!(get(&link).await.status(), StatusCode::FORBIDDEN);
}

/// S3 checks whether a link has expired when the request begins.
pub async fn a_link_whose_time_ends_during_an_upload_is_good(files: &Objects) {
    let (job, second) = (JobRef::from(&given::job()), Duration::from_secs(1));
    let link = files.sign_upload(job, &UploadTerms::default(), second).await.unwrap();
    assert_eq!(put_slowly(&link.url, FILE, 3 * second).await, "HTTP/1.1 200");
}

pub async fn a_link_to_one_file_opens_no_other(files: &Objects) {
    let job = job_with_failures(files).await;
    let link = files.sign_download(job, ResultFile::Result, MINUTE).await.unwrap();
    assert_eq!(
        get(&link.replace("/result.csv", "/failures.csv")).await.status(),
        StatusCode::FORBIDDEN
    );
}

pub async fn a_link_to_read_does_not_write(files: &Objects) {
    let job = job_with_failures(files).await;
    let url = files.sign_download(job, ResultFile::Failures, MINUTE).await.unwrap();
    let link = UploadLink { url, headers: BTreeMap::new() };
    assert_eq!(put(&link, FILE).await, StatusCode::FORBIDDEN);
}

fn strict() -> UploadTerms {
    UploadTerms { bytes: u32::try_from(FILE.len()).ok(), sha256: Some(Sha256::digest(FILE).into()) }
}

pub async fn a_strict_link_takes_its_file_once(files: &Objects) {
    let job = JobRef::from(&given::job());
    let link = files.sign_upload(job, &strict(), MINUTE).await.unwrap();
    assert_eq!(put(&link, FILE).await, StatusCode::OK);
    assert_eq!(put(&link, FILE).await, StatusCode::PRECONDITION_FAILED);
}

pub async fn a_strict_link_takes_no_file_of_another_checksum(files: &Objects) {
    let job = JobRef::from(&given::job());
    let link = files.sign_upload(job, &strict(), MINUTE).await.unwrap();
    assert_eq!(put(&link, b"firstName\nEva\n").await, StatusCode::BAD_REQUEST);
    assert_eq!(put(&link, FILE).await, StatusCode::OK);
}

pub async fn a_strict_link_takes_no_file_of_another_size(files: &Objects) {
    let job = JobRef::from(&given::job());
    let terms = UploadTerms { sha256: None, ..strict() };
    let link = files.sign_upload(job, &terms, MINUTE).await.unwrap();
    assert_eq!(put(&link, b"firstName\nAda\nEva\n").await, StatusCode::FORBIDDEN);
}

pub async fn what_a_strict_link_signs_has_to_be_sent(files: &Objects) {
    let job = JobRef::from(&given::job());
    let link = files.sign_upload(job, &strict(), MINUTE).await.unwrap();
    let bare = UploadLink { headers: BTreeMap::new(), ..link };
    assert_eq!(put(&bare, FILE).await, StatusCode::FORBIDDEN);
}

contract!($ links:
    a_download_is_saved_as_a_csv_by_a_browser,
    a_copy_is_saved_under_its_name_and_with_its_media_type,
    a_link_past_its_time_is_refused,
    a_link_whose_time_ends_during_an_upload_is_good,
    a_link_to_one_file_opens_no_other,
    a_link_to_read_does_not_write,
    a_strict_link_takes_its_file_once,
    a_strict_link_takes_no_file_of_another_checksum,
    a_strict_link_takes_no_file_of_another_size,
    what_a_strict_link_signs_has_to_be_sent,
);
