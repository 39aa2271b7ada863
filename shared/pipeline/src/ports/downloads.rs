//! The bulk downloads of patients' documents.

use std::future::Future;

use bulk_domain::document::BulkDownload;
use bulk_domain::ids::{CustomerId, PatientId};

use super::{PortResult, Versioned, Write};

/// The newest bulk download of each patient. A record expires after the retention time.
pub trait DownloadStore: Send + Sync {
    /// Returns the newest bulk download of a patient's documents, if there is one.
    fn load_download(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> impl Future<Output = PortResult<Option<Versioned<BulkDownload>>>> + Send;
    /// Stores a bulk download in the place of the patient's former one.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_download(
        &self,
        download: &BulkDownload,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Deletes the bulk download of a patient's documents, if there is one.
    fn delete_download(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
