//! Files over signed links: up from the disk, down to the disk, never whole in memory.

use std::collections::BTreeMap;
use std::io::{self, SeekFrom};

use bytes::Bytes;
use futures::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::api::Client;
use crate::api::client::describe;

/// Bytes that are read and sent at a time.
const PIECE: usize = 256 * 1024;

/// Bytes of an error of S3 that are looked at.
const ERROR_BYTES: usize = 4096;

/// A file to upload.
#[derive(Debug)]
pub struct UploadSource {
    /// The open file; reading starts at its beginning, wherever it stands.
    pub file: File,
    /// Its size when it was opened. No more than this is sent.
    pub bytes: u64,
}

/// Why an upload did not happen.
#[derive(Debug)]
pub enum UploadError {
    /// The link is not valid any more.
    LinkExpired,
    /// Nobody answered, or the connection broke.
    Broken(String),
    /// The answer was another error.
    Refused(u16, Option<String>),
    /// The file could not be read.
    Read(io::Error),
}

/// Why a download did not happen.
#[derive(Debug)]
pub enum DownloadError {
    /// The link is not valid any more.
    LinkExpired,
    /// Nobody answered, or the connection broke.
    Broken(String),
    /// The answer was another error.
    Refused(u16),
    /// What came could not be put where it belongs.
    Write(anyhow::Error),
}

impl Client {
    /// Uploads a file. `sent` learns how many bytes have been handed to the network so far.
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
        for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
            request = request.header(name, value);
        }
        let body = Body::wrap_stream(pieces(file, source.bytes, sent));
        let answer =
            request.body(body).send().await.map_err(|error| UploadError::Broken(describe(&error)))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            // The link takes one upload only, and an earlier try of ours came through unnoticed.
            StatusCode::PRECONDITION_FAILED => Ok(()),
            StatusCode::FORBIDDEN => Err(UploadError::LinkExpired),
            status if is_transient(status) => Err(UploadError::Broken(answered(status))),
            status => Err(UploadError::Refused(status.as_u16(), error_code(answer).await)),
        }
    }

    /// Downloads what is behind a link and hands it over piece by piece.
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

/// Whether the storage may answer otherwise in a while. 409 is its answer to two uploads at once.
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

/// The file as a stream of at most `bytes` bytes. A file that became shorter ends the request, since it is
/// not what was announced.
fn pieces(
    file: File,
    bytes: u64,
    sent: impl Fn(u64) + Send + Sync + 'static,
) -> impl futures::TryStream<Ok = Bytes, Error = io::Error> + Send + 'static {
    stream::try_unfold((file, 0_u64, sent), move |(mut file, mut done, sent)| async move {
        let left = usize::try_from(bytes - done).unwrap_or(usize::MAX).min(PIECE);
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; left];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was read",
            ));
        }
        piece.truncate(read);
        done += read as u64;
        sent(done);
        Ok(Some((Bytes::from(piece), (file, done, sent))))
    })
}

/// The code of an error of S3, such as `EntityTooLarge`. Its text may repeat the request, its code does not.
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
