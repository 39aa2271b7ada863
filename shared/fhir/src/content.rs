//! The content of a document (MHD Retrieve Document, ITI-68): behind a link, or inside of a
//! resource.
//!
//! The answer is a stream, because a document may be larger than the function's memory. A content
//! inside of JSON, as base64 of a `Binary` or an `Attachment`, is read as a whole, within the limit
//! of all answers.

use std::time::Instant;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bulk_domain::document::{CopyFailure, DocumentRecord};
use bulk_domain::media_type::MediaType;
use bulk_pipeline::ports::{DocumentContent, DocumentSource, FetchError};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, TRANSFER_ENCODING,
};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::answer::{broken, bytes, refusal};
use crate::document_reference::{Attachment, DocumentReference};
use crate::error::Fault;
use crate::gateway::Gateway;
use crate::lenient::lenient;
use crate::search::Request;
use crate::secret::ReadSecret;
use crate::trust::TrustedUrl;

/// Redirects that are followed: from the gateway to a repository, and once or twice within it.
const MOST_REDIRECTS: usize = 4;

/// FHIR's base64 may have line breaks, which are removed before, and may lack its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A content that is being received.
pub struct Content {
    media_type: MediaType,
    body: Body,
}

bulk_domain::hidden_debug!(Content);

enum Body {
    /// The content is here as a whole, and `None` once it was taken.
    Whole(Option<Bytes>),
    /// The content follows in pieces.
    Answer {
        answer: Response,
        received: u64,
        /// The number of bytes that there have to be, if only the list of documents says it.
        expected: Option<u64>,
    },
}

/// A `Binary`, in which a FHIR server may wrap a content although it was asked for the content
/// itself.
#[derive(Deserialize)]
struct Binary {
    #[serde(default, rename = "resourceType", deserialize_with = "lenient")]
    resource_type: String,
    #[serde(default, rename = "contentType", deserialize_with = "lenient")]
    content_type: String,
    #[serde(default, deserialize_with = "lenient")]
    data: String,
}

impl<S: ReadSecret + std::fmt::Debug> DocumentSource for Gateway<S> {
    type Content = Content;

    async fn open(&self, document: &DocumentRecord) -> Result<Content, FetchError> {
        let listed = document.document.mime_type.as_deref();
        match &document.url {
            Some(link) => {
                let deadline = self.deadline();
                self.behind_link(link, listed, document.document.size, deadline).await
            }
            None => self.inside(document).await,
        }
    }
}

impl DocumentContent for Content {
    fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    fn announced_bytes(&self) -> Option<u64> {
        match &self.body {
            Body::Whole(bytes) => bytes.as_ref().map(|bytes| bytes.len() as u64),
            Body::Answer { answer, .. } => answer.content_length(),
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        match &mut self.body {
            Body::Whole(bytes) => Ok(bytes.take()),
            Body::Answer { answer, received, expected } => {
                let piece = answer.chunk().await.map_err(|error| failed(broken(&error)))?;
                *received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
                match (&piece, expected) {
                    (None, Some(expected)) if received != expected => {
                        Err(failed(Fault::Interrupted))
                    }
                    _ => Ok(piece),
                }
            }
        }
    }
}

impl<S: ReadSecret> Gateway<S> {
    /// Returns until when a content has to be here, its redirects and a second attempt with another
    /// token included.
    fn deadline(&self) -> Instant {
        Instant::now() + self.limits.content_timeout
    }

    /// Fetches the content that a link leads to.
    async fn behind_link(
        &self,
        link: &str,
        listed: Option<&str>,
        size: Option<u64>,
        deadline: Instant,
    ) -> Result<Content, FetchError> {
        let not_allowed = || fetch_error(CopyFailure::AddressNotAllowed, "address not allowed");
        let mut target = self.trusted.resolve(link).ok_or_else(not_allowed)?;
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.request(&target, listed, deadline).await?;
            match answer.status() {
                StatusCode::OK => return self.received(answer, listed, size).await,
                status if status.is_redirection() => {
                    let Some(link) = header(&answer, &LOCATION) else {
                        return Err(failed(refusal(&answer)));
                    };
                    target = self.trusted.follow(link, &target.url).ok_or_else(not_allowed)?;
                }
                _ => return Err(failed(refusal(&answer))),
            }
        }
        Err(fetch_error(CopyFailure::Refused, "too many redirects"))
    }

    async fn request(
        &self,
        target: &TrustedUrl,
        listed: Option<&str>,
        deadline: Instant,
    ) -> Result<Response, FetchError> {
        // With its media type in front, a FHIR server answers a content itself, and not as JSON.
        let accept = match listed.and_then(MediaType::new) {
            Some(kind) => format!("{}, */*;q=0.5", kind.essence()),
            None => "*/*".to_owned(),
        };
        let TrustedUrl { url, is_gateway } = target;
        let send = |builder: reqwest::RequestBuilder| {
            let left = deadline.saturating_duration_since(Instant::now());
            builder.timeout(left).header(ACCEPT, &accept)
        };
        let request = Request::page(url.clone());
        self.http.send_authorized(&request, *is_gateway, send).await.map_err(failed)
    }

    /// Returns the content of an answer with the status 200.
    async fn received(
        &self,
        answer: Response,
        listed: Option<&str>,
        size: Option<u64>,
    ) -> Result<Content, FetchError> {
        let encoding = header(&answer, &CONTENT_ENCODING).unwrap_or("identity");
        if !encoding.eq_ignore_ascii_case("identity") {
            let cause = "the content is encoded, which was not asked for";
            return Err(fetch_error(CopyFailure::NotTheDocument, cause));
        }
        let answered = header(&answer, &CONTENT_TYPE).map(str::to_owned);
        let media_type = media_type(listed, answered.as_deref())?;
        if may_be_binary(listed, answered.as_deref()) {
            let whole = bytes(answer, self.limits.answer_bytes).await.map_err(failed)?;
            return unwrapped(whole, listed, media_type);
        }
        // A body of HTTP/1 that ends with its connection may have been cut off.
        let is_delimited = answer.version() > reqwest::Version::HTTP_11
            || answer.headers().contains_key(CONTENT_LENGTH)
            || answer.headers().contains_key(TRANSFER_ENCODING);
        let expected = if is_delimited { None } else { size };
        Ok(Content { media_type, body: Body::Answer { answer, received: 0, expected } })
    }

    /// Fetches a content that is part of its `DocumentReference`. The list of documents does not
    /// keep it, because it may be large, so that the resource is read again.
    async fn inside(&self, document: &DocumentRecord) -> Result<Content, FetchError> {
        let (listed, deadline) = (document.document.mime_type.as_deref(), self.deadline());
        let url = self.base.join(&["DocumentReference", document.document.id.as_str()]);
        let body = self.in_time_of_search(self.http.fetch(&Request::page(url))).await;
        let reference: DocumentReference =
            serde_json::from_slice(&body.map_err(failed)?).map_err(|_| failed(Fault::Malformed))?;
        for Attachment { content_type, url, data, .. } in reference.into_attachments() {
            let stated = Some(&*content_type).filter(|kind| !kind.is_empty()).or(listed);
            if !data.is_empty() {
                return whole(decode(&data)?, stated, None);
            }
            if let Some((kind, bytes)) = data_url(&url) {
                return whole(bytes?, stated, kind.as_deref());
            }
            if !url.is_empty() {
                return self.behind_link(&url, stated, None, deadline).await;
            }
        }
        Err(fetch_error(CopyFailure::Gone, "the document has no content"))
    }
}

/// Returns whether an answer may be a content inside of a `Binary`: any FHIR JSON, and other JSON
/// in the place of a document that is not JSON.
fn may_be_binary(listed: Option<&str>, answered: Option<&str>) -> bool {
    let is_json =
        |text: Option<&str>| text.and_then(MediaType::new).is_some_and(|kind| kind.is_json());
    answered.and_then(MediaType::new).is_some_and(|kind| {
        matches!(kind.essence(), "application/fhir+json" | "application/json+fhir")
    }) || (is_json(answered) && !is_json(listed))
}

/// Returns the content of a `Binary`, or the whole answer if it is none and may be the document.
fn unwrapped(
    answer: Vec<u8>,
    listed: Option<&str>,
    answered: MediaType,
) -> Result<Content, FetchError> {
    let read: Binary = serde_json::from_slice(&answer).map_err(|_| failed(Fault::Malformed))?;
    if read.resource_type == "Binary" {
        let stated = Some(&*read.content_type).filter(|kind| !kind.is_empty());
        return whole(decode(&read.data)?, listed, stated);
    }
    let listed = listed.and_then(MediaType::new);
    if read.resource_type == "OperationOutcome" || listed.is_some_and(|kind| !kind.is_json()) {
        return Err(failed(Fault::ContentType));
    }
    Ok(Content { media_type: answered, body: Body::Whole(Some(answer.into())) })
}

fn whole(
    bytes: Vec<u8>,
    listed: Option<&str>,
    stated: Option<&str>,
) -> Result<Content, FetchError> {
    let media_type = media_type(listed, stated)?;
    // An empty content has no pieces, as that of an answer.
    let bytes = Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty());
    Ok(Content { media_type, body: Body::Whole(bytes) })
}

/// Returns the media type and the content of a `data:` URL (RFC 2397); `None` for another URL.
#[expect(clippy::type_complexity, reason = "a URL that is read in two steps")]
fn data_url(url: &str) -> Option<(Option<String>, Result<Vec<u8>, FetchError>)> {
    let (scheme, rest) = url.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("data") {
        return None;
    }
    let (head, data) = rest.split_once(',').unwrap_or((rest, ""));
    let (kind, is_base64) = match head.rsplit_once(';') {
        Some((kind, last)) if last.trim().eq_ignore_ascii_case("base64") => (kind, true),
        _ => (head, false),
    };
    let data: Vec<u8> = percent_decode_str(data).collect();
    let bytes = if is_base64 { decode(&String::from_utf8_lossy(&data)) } else { Ok(data) };
    Some((Some(kind.to_owned()).filter(|kind| !kind.is_empty()), bytes))
}

fn decode(text: &str) -> Result<Vec<u8>, FetchError> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(compact).map_err(|_| {
        fetch_error(CopyFailure::NotTheDocument, "the content is not the base64 that it should be")
    })
}

fn media_type(listed: Option<&str>, answered: Option<&str>) -> Result<MediaType, FetchError> {
    MediaType::of_answer(listed, answered)
        .map_err(|page| fetch_error(CopyFailure::NotTheDocument, &format!("the answer is {page}")))
}

fn header<'a>(answer: &'a Response, name: &HeaderName) -> Option<&'a str> {
    answer.headers().get(name).and_then(|value| value.to_str().ok())
}

fn fetch_error(failure: CopyFailure, cause: &str) -> FetchError {
    FetchError {
        failure,
        cause: format!("document retrieval (ITI-68): {cause}"),
        retry_after: None,
    }
}

fn failed(fault: Fault) -> FetchError {
    let failure = match fault {
        Fault::Status { status: 404 | 410, .. } => CopyFailure::Gone,
        Fault::TooLarge => CopyFailure::TooLarge,
        Fault::ContentType | Fault::Malformed | Fault::Reported => CopyFailure::NotTheDocument,
        fault if fault.is_transient() => CopyFailure::Unavailable,
        _ => CopyFailure::Refused,
    };
    let retry_after = match fault {
        Fault::Status { retry_after, .. } | Fault::Token { retry_after, .. } => retry_after,
        _ => None,
    };
    FetchError { retry_after, ..fetch_error(failure, &fault.to_string()) }
}

#[cfg(test)]
mod tests;
