//! Uploads and downloads over signed links. Files are streamed, so memory does not grow with them.

use std::collections::BTreeMap;
use std::io::{self, SeekFrom};

use bytes::{Bytes, BytesMut};
use futures::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::api::Client;
use crate::api::client::describe;

/// Bytes that are read and sent at once.
const PIECE: usize = 256 * 1024;

/// Bytes of an S3 error that are read. Its code is in the first few hundred.
const ERROR_BYTES: usize = 4096;

/// The file that is uploaded.
#[derive(Debug)]
pub struct UploadSource {
    /// The open file. It is read from its beginning.
    pub file: File,
    /// Its size when it was opened, which is what is sent. Bytes that are appended later are not.
    pub bytes: u64,
}

/// Why an upload failed.
#[derive(Debug)]
pub enum UploadError {
    /// S3 does not accept the link any more.
    LinkExpired,
    /// S3 did not answer, or the connection broke.
    Broken(String),
    /// S3 answered another error: its HTTP status, and its code if there is one.
    Refused(u16, Option<String>),
    /// The file could not be read.
    Read(io::Error),
}

/// Why a download failed.
#[derive(Debug)]
pub enum DownloadError {
    /// S3 does not accept the link any more.
    LinkExpired,
    /// S3 did not answer, or the connection broke.
    Broken(String),
    /// S3 answered another error: its HTTP status, and its code if there is one.
    Refused(u16),
    /// The downloaded bytes could not be written.
    Write(anyhow::Error),
}

impl Client {
    /// Uploads a file. `sent` is called with the number of bytes that were handed to the network so
    /// far. A link that has taken an upload already counts as success, because an earlier attempt
    /// lost its answer.
    pub async fn upload(
        &self,
        link: &str,
        headers: &BTreeMap<String, String>,
        source: &UploadSource,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<(), UploadError> {
        let mut file = source.file.try_clone().await.map_err(UploadError::Read)?;
        file.seek(SeekFrom::Start(0)).await.map_err(UploadError::Read)?;
        let mut request = self.files.put(link).header(CONTENT_LENGTH, source.bytes);
        if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
            request = request.header(CONTENT_TYPE, "text/csv");
        }
        for (name, value) in
            headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        {
            request = request.header(name, value);
        }
        let body = Body::wrap_stream(pieces(file, source.bytes, sent));
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(|error| UploadError::Broken(describe(&error)))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            // The link takes one upload only.
            StatusCode::PRECONDITION_FAILED => Ok(()),
            StatusCode::FORBIDDEN => Err(UploadError::LinkExpired),
            status if is_transient(status) => Err(UploadError::Broken(answered(status))),
            status => Err(UploadError::Refused(status.as_u16(), error_code(answer).await)),
        }
    }

    /// Downloads a file, and calls `take` with each piece of it. An error of `take` ends the
    /// download.
    pub async fn download(
        &self,
        link: &str,
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> Result<(), DownloadError> {
        let broken = |error: reqwest::Error| DownloadError::Broken(describe(&error));
        let mut answer = self.files.get(link).send().await.map_err(broken)?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::FORBIDDEN => return Err(DownloadError::LinkExpired),
            status if is_transient(status) => return Err(DownloadError::Broken(answered(status))),
            status => return Err(DownloadError::Refused(status.as_u16())),
        }
        while let Some(piece) = answer.chunk().await.map_err(broken)? {
            take(&piece).map_err(DownloadError::Write)?;
        }
        Ok(())
    }
}

/// Returns whether the same request may succeed later. S3 answers 409 to two uploads at the same
/// time.
fn is_transient(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT | StatusCode::REQUEST_TIMEOUT
        )
}

fn answered(status: StatusCode) -> String {
    format!("the storage answered {}", status.as_u16())
}

/// Returns the first `bytes` bytes of a file as a stream. It ends with an error if the file has
/// become shorter, because the request has announced the size.
fn pieces(
    file: File,
    bytes: u64,
    sent: impl Fn(u64) + Send + Sync + 'static,
) -> impl futures::TryStream<Ok = Bytes, Error = io::Error> + Send + 'static {
    stream::try_unfold((file.take(bytes), sent), move |(mut rest, sent)| async move {
        if rest.limit() == 0 {
            return Ok(None);
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        if rest.read_buf(&mut piece).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was read",
            ));
        }
        sent(bytes - rest.limit());
        Ok(Some((piece.freeze(), (rest, sent))))
    })
}

/// Returns the code of an S3 error, such as `EntityTooLarge`. The message of the error may repeat
/// the request, so it is not used.
async fn error_code(mut answer: reqwest::Response) -> Option<String> {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() >= ERROR_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&body);
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    code.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| code.to_owned())
}
