//! The S3 objects of jobs: uploads, plans, outcomes and results, copies of documents, and signed
//! links to them.

mod copies;
mod erasure;
mod keys;
mod listing;
mod object_writer;
mod range;
mod versions;

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::pin;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bulk_domain::job::Upload;
use bulk_domain::outcome::RowOutcome;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::undo::UndonePatient;
use bulk_domain::upload_terms::UploadTerms;
use bulk_pipeline::ports::{
    JobRef, ObjectStore, PortError, PortResult, ResultFile, UploadLink, Write,
};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use url::Url;

use crate::error::{failed, malformed};
use keys::{name_of, outcomes_key, plan_key, result_key, undo_key, upload_key};
use listing::{LIST, pages};
use object_writer::ObjectWriter;
use range::{http_range, slice};

pub use versions::{Retention, StoredVersion};

const GET: &str = "s3.GetObject";
const PUT: &str = "s3.PutObject";

/// The media type of result files.
const CSV: &str = "text/csv; charset=utf-8";

/// The bucket with the objects of jobs, and with copies of documents' contents.
#[derive(Clone, Debug)]
pub struct Objects {
    client: Client,
    bucket: String,
}

impl Objects {
    /// Returns the store on the bucket of this name.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Returns the job that an upload with this key belongs to, or `None` if no upload can have the
    /// key.
    pub fn job_of_upload(key: &str) -> Option<JobRef> {
        let (customer, job) =
            key.strip_prefix("uploads/")?.strip_suffix(".csv")?.split_once('/')?;
        Some(JobRef { customer: customer.parse().ok()?, job: job.parse().ok()? })
    }

    /// Stores an object, unless there is one with the key (`If-None-Match: *`, which S3 answers
    /// with 412).
    async fn put_first(&self, key: String, content_type: &str, body: Vec<u8>) -> PortResult<Write> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        match put.if_none_match("*").body(ByteStream::from(body)).send().await {
            Ok(_) => Ok(Write::Done),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 412) => {
                Ok(Write::Conflict)
            }
            Err(error) => Err(failed(PUT)(error)),
        }
    }

    async fn get(&self, key: String, range: Option<Range<u64>>) -> PortResult<Bytes> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_range(range.as_ref().map(http_range))
            .send()
            .await
            .map_err(failed(GET))?;
        let body = answer.body.collect().await.map_err(|_| interrupted())?;
        Ok(body.into_bytes())
    }

    /// Returns a link that answers `GET` with an object for the time `valid`, and with these values
    /// of `Content-Type` and `Content-Disposition`.
    async fn sign_get(
        &self,
        key: String,
        content_type: &str,
        disposition: &str,
        valid: Duration,
    ) -> PortResult<String> {
        let config = PresigningConfig::expires_in(valid).map_err(|_| malformed(GET, "expiry"))?;
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let get = get.response_content_type(content_type).response_content_disposition(disposition);
        Ok(get.presigned(config).await.map_err(failed(GET))?.uri().to_owned())
    }
}

impl ObjectStore for Objects {
    type Body = BoxStream<'static, PortResult<Bytes>>;

    /// Every read names the upload's etag. A version never changes, unless the bucket keeps no
    /// versions. The version `null` is then the last upload (Amazon S3 User Guide, "How S3
    /// Versioning works"), so that without the etag the rows of two files would be mixed.
    ///
    /// A range is read from the latest version, and the version is named only if the latest is
    /// another one. That costs nothing on AWS, and works on stand-ins that ignore a range if a
    /// version is named.
    async fn read_upload(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Range<u64>,
    ) -> PortResult<Self::Body> {
        let request = || {
            self.client
                .get_object()
                .bucket(&self.bucket)
                .key(upload_key(job))
                .if_match(&upload.etag)
        };
        if range == (0..upload.bytes) {
            let whole = request().version_id(&upload.version).send().await.map_err(failed(GET))?;
            return Ok(stream_of(whole.body));
        }
        let latest = request().range(http_range(&range)).send().await;
        match latest {
            Ok(answer) => Ok(stream_of(answer.body)),
            Err(error) if is_another_version(&error) => {
                let named = request().version_id(&upload.version).range(http_range(&range));
                let answer = named.send().await.map_err(failed(GET))?;
                Ok(if is_partial(&answer) {
                    stream_of(answer.body)
                } else {
                    slice(stream_of(answer.body), range)
                })
            }
            Err(error) => Err(failed(GET)(error)),
        }
    }

    async fn find_upload(&self, job: JobRef) -> PortResult<Option<Upload>> {
        let key = upload_key(job);
        let mut pages = pin!(pages(self.list().prefix(&key)));
        let mut first = None;
        // Versions come latest first, so that the last one of the last page is the first upload.
        while let Some(page) = pages.try_next().await? {
            // Longer keys can have the same prefix.
            let mut versions = page.versions.unwrap_or_default();
            versions.retain(|version| version.key.as_deref() == Some(&key));
            first = versions.pop().or(first);
        }
        Ok(first.and_then(|version| {
            Some(Upload {
                version: version.version_id?,
                etag: format!("\"{}\"", version.e_tag?.trim_matches('"')),
                bytes: version.size.and_then(|size| u64::try_from(size).ok())?,
            })
        }))
    }

    async fn delete_upload(&self, job: JobRef, upload: &Upload) -> PortResult<()> {
        self.delete_page(vec![(Some(upload_key(job)), Some(upload.version.clone()))]).await
    }

    async fn store_plan(&self, job: JobRef, upload: &Upload, lines: Bytes) -> PortResult<Write> {
        self.put_first(plan_key(job, upload), "application/jsonl", lines.into()).await
    }

    async fn read_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Option<Range<u64>>,
    ) -> PortResult<Bytes> {
        self.get(plan_key(job, upload), range).await
    }

    async fn store_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> PortResult<Write> {
        let json = serde_json::to_vec(outcomes).map_err(|_| malformed(PUT, "outcomes"))?;
        self.put_first(outcomes_key(job, chunk), "application/json", json).await
    }

    async fn has_outcomes(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<bool> {
        // `GetObject` answers 403 about an object that does not exist, unless the function may list
        // the whole bucket (API reference, GetObject, "Permissions").
        let key = outcomes_key(job, chunk);
        let list = self.list().prefix(&key).max_keys(1);
        let page = list.send().await.map_err(failed(LIST))?;
        let versions = page.versions.unwrap_or_default();
        Ok(versions.iter().any(|version| version.key.as_deref() == Some(&key)))
    }

    async fn read_outcomes(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<Vec<RowOutcome>> {
        let json = self.get(outcomes_key(job, chunk), None).await?;
        serde_json::from_slice(&json).map_err(|_| malformed(GET, "outcomes"))
    }

    async fn store_undo(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        patients: &[UndonePatient],
    ) -> PortResult<Write> {
        let json = serde_json::to_vec(patients).map_err(|_| malformed(PUT, "outcomes"))?;
        self.put_first(undo_key(job, chunk), "application/json", json).await
    }

    async fn read_undo(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<Vec<UndonePatient>> {
        let json = self.get(undo_key(job, chunk), None).await?;
        serde_json::from_slice(&json).map_err(|_| malformed(GET, "outcomes"))
    }

    type Writer = ObjectWriter;

    async fn write_results(&self, job: JobRef, file: ResultFile) -> PortResult<ObjectWriter> {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        Ok(ObjectWriter::new(client, bucket, result_key(job, file), CSV.to_owned()))
    }

    async fn sign_upload(
        &self,
        job: JobRef,
        terms: &UploadTerms,
        valid: Duration,
    ) -> PortResult<UploadLink> {
        let config = PresigningConfig::expires_in(valid).map_err(|_| malformed(PUT, "expiry"))?;
        let mut request = self.client.put_object().bucket(&self.bucket).key(upload_key(job));
        // The signature covers what is set here, so that S3 refuses a request in which it is
        // missing or different.
        if terms.are_strict() {
            let bytes =
                terms.bytes.map(i64::try_from).transpose().map_err(|_| malformed(PUT, "size"))?;
            request = request
                .if_none_match("*")
                .set_content_length(bytes)
                .set_checksum_sha256(terms.sha256_base64());
        }
        let signed = request.presigned(config).await.map_err(failed(PUT))?;
        Ok(UploadLink {
            url: signed.uri().to_owned(),
            headers: signed_headers(signed.uri(), signed.headers())?,
        })
    }

    async fn sign_download(
        &self,
        job: JobRef,
        file: ResultFile,
        valid: Duration,
    ) -> PortResult<String> {
        let disposition = format!("attachment; filename=\"{}.csv\"", name_of(file));
        self.sign_get(result_key(job, file), CSV, &disposition, valid).await
    }
}

/// Returns those of a request's headers that its link cannot be used without, because the signature
/// covers them: `X-Amz-SignedHeaders` lists them, separated by `;` (Amazon S3 API Reference,
/// "Authenticating Requests: Using Query Parameters"). Every client sends its own `Host`.
///
/// The request can have further headers: in Lambda the SDK adds `x-amzn-trace-id`, which it does
/// not sign.
fn signed_headers<'a>(
    link: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
) -> PortResult<BTreeMap<String, String>> {
    let unreadable = || malformed(PUT, "signed link");
    let url = Url::parse(link).map_err(|_| unreadable())?;
    let (_, names) =
        url.query_pairs().find(|(name, _)| name == "X-Amz-SignedHeaders").ok_or_else(unreadable)?;
    let headers: BTreeMap<_, _> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    names
        .split(';')
        .map(str::to_ascii_lowercase)
        .filter(|name| name != "host")
        .map(|name| headers.get_key_value(&name).map(|(name, value)| (name.clone(), value.clone())))
        .collect::<Option<_>>()
        .ok_or_else(unreadable)
}

/// Returns whether a read of the latest version failed because the upload has another version.
///
/// 412: the latest version has another etag. 403 or 404: there is no latest version, because the
/// upload was deleted and only its versions are left. S3 says 404 only to callers with
/// `s3:ListBucket`, which no function has (`GetObject` in the Amazon S3 API Reference).
fn is_another_version<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 403 | 404 | 412))
}

fn is_partial(answer: &GetObjectOutput) -> bool {
    answer.content_range.is_some()
}

fn interrupted() -> PortError {
    PortError { operation: GET, code: "interrupted".to_owned(), transient: true }
}

fn stream_of(body: ByteStream) -> BoxStream<'static, PortResult<Bytes>> {
    stream::unfold(body, |mut body| async move {
        let next = body.next().await?;
        Some((next.map_err(|_| interrupted()), body))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_uploads_name_a_job() {
        let customer = "018f3f5e-0000-7000-8000-000000000001";
        let job = "018f3f5e-0000-7000-8000-000000000002";
        let found = Objects::job_of_upload(&format!("uploads/{customer}/{job}.csv")).unwrap();
        assert_eq!(
            (found.customer.to_string(), found.job.to_string()),
            (customer.into(), job.into())
        );
        for other in ["uploads/x.csv", "results/a/b.csv", "uploads/a/b.csv", ""] {
            assert!(Objects::job_of_upload(other).is_none(), "{other}");
        }
    }

    fn needed(signed: &str, headers: &[(&str, &str)]) -> PortResult<Vec<(String, String)>> {
        let link = format!(
            "https://s3.example.com/key?X-Amz-Date=1&X-Amz-SignedHeaders={signed}&x-id=PutObject"
        );
        Ok(signed_headers(&link, headers.iter().copied())?.into_iter().collect())
    }

    #[test]
    fn a_link_needs_the_headers_that_it_is_signed_for_and_no_others() {
        let headers =
            [("Content-Length", "5"), ("if-none-match", "*"), ("x-amzn-trace-id", "Root=1")];
        assert_eq!(needed("host", &headers).unwrap(), []);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            needed("content-length%3Bhost%3Bif-none-match", &headers).unwrap(),
            [pair("content-length", "5"), pair("if-none-match", "*")]
        );
        assert_eq!(
            needed("host;x-amzn-trace-id", &headers).unwrap(),
            [pair("x-amzn-trace-id", "Root=1")]
        );
        assert!(needed("host;content-md5", &headers).is_err());
    }
}
