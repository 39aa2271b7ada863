//! The bulk downloads of patients' documents, in the jobs table: the newest one of each patient, in
//! a partition for each customer.

use bulk_domain::document::BulkDownload;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_pipeline::ports::{DownloadStore, PortResult, Versioned, Write};

use crate::Jobs;
use crate::item::{key, n};
use crate::table::read_document;

impl DownloadStore for Jobs {
    async fn load_download(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> PortResult<Option<Versioned<BulkDownload>>> {
        let item = self.table.get(key(partition(customer), patient)).await?;
        item.as_ref().map(read_document).transpose()
    }

    async fn store_download(
        &self,
        download: &BulkDownload,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let mut item = key(partition(download.customer), download.patient);
        let expires_at = download.started_at.plus(self.retention).as_seconds();
        item.insert("expiresAt".to_owned(), n(expires_at));
        self.table.put_document(item, download, version).await
    }

    async fn delete_download(&self, customer: CustomerId, patient: PatientId) -> PortResult<()> {
        self.table.delete(key(partition(customer), patient)).await
    }
}

/// Returns the partition of a customer's bulk downloads.
pub(crate) fn partition(customer: CustomerId) -> String {
    format!("downloads#{customer}")
}
