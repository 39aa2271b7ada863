//! Copies of documents' contents in the bucket, and the gateway that they are fetched from.

use std::future::Future;
use std::time::Duration;

use bulk_domain::document::{CopyFailure, DocumentName, DocumentRecord};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::media_type::MediaType;
use bytes::Bytes;

use super::{FileWriter, PortResult};

/// The place of a copy: the document, and the customer of its patient.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CopyRef {
    /// The customer of the patient.
    pub customer: CustomerId,
    /// The document, with its patient.
    pub document: DocumentName,
}

/// The copies of documents' contents. A copy disappears after its retention.
pub trait CopyStore: Send + Sync {
    /// A copy that is being written.
    type Writer: FileWriter;

    /// Starts a copy. It replaces an earlier one when it is finished.
    fn write_copy(
        &self,
        copy: CopyRef,
        media_type: &MediaType,
    ) -> impl Future<Output = PortResult<Self::Writer>> + Send;
    /// Returns the media type of a copy, or `None` if there is no copy.
    fn find_copy(
        &self,
        copy: CopyRef,
    ) -> impl Future<Output = PortResult<Option<MediaType>>> + Send;
    /// Returns a link that answers `GET` with a copy for the time `valid`, and with these values of
    /// `Content-Type` and `Content-Disposition`. Calls no service.
    fn sign_copy(
        &self,
        copy: CopyRef,
        media_type: &MediaType,
        disposition: &str,
        valid: Duration,
    ) -> impl Future<Output = PortResult<String>> + Send;
    /// Deletes all copies of a patient's documents, in all versions that the bucket keeps.
    fn delete_copies(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// The gateway of a health information exchange, as the source of documents' contents.
pub trait DocumentSource: Send + Sync {
    /// A content that is being received.
    type Content: DocumentContent;

    /// Asks for the content of a document.
    fn open(
        &self,
        document: &DocumentRecord,
    ) -> impl Future<Output = Result<Self::Content, FetchError>> + Send;
}

/// A content that is received piece by piece.
pub trait DocumentContent: Send {
    /// Returns the media type that the content is said to have.
    fn media_type(&self) -> &MediaType;
    /// Returns the number of bytes that the content is said to have, or `None` if that is unknown
    /// until its end.
    fn announced_bytes(&self) -> Option<u64> {
        None
    }
    /// Returns the next bytes, or `None` after the last ones.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, FetchError>> + Send;
}

/// A content that could not be fetched. It holds no address and nothing about a patient, because it
/// is logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchError {
    /// What the caller is told.
    pub failure: CopyFailure,
    /// The cause of the failure, for the log.
    pub cause: String,
    /// The pause that the gateway asks for, if it asks for one.
    pub retry_after: Option<Duration>,
}
