//! The bulk downloads of patients' documents, in the jobs table.

use bulk_domain::document::BulkDownload;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_pipeline::ports::{DownloadStore, PortResult, Versioned, Write};

use crate::call::Billed;
use crate::{Cloud, Operation, Resource};

impl Cloud {
    /// Returns the newest bulk download of each patient, without a call that a fault can hit.
    pub fn downloads(&self) -> Vec<BulkDownload> {
        self.state().downloads.values().map(|stored| stored.value.clone()).collect()
    }
}

impl DownloadStore for Cloud {
    async fn load_download(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> PortResult<Option<Versioned<BulkDownload>>> {
        self.call(Operation::GetItem, Resource::DOWNLOADS, |state| {
            Billed::request(state.downloads.get(&(customer, patient)).cloned())
        })
        .await
    }

    async fn store_download(
        &self,
        download: &BulkDownload,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::DOWNLOADS, |state| {
            let key = (download.customer, download.patient);
            if state.downloads.get(&key).map(|stored| stored.version) != version {
                return Billed::request(Write::Conflict);
            }
            let stored = Versioned { value: download.clone(), version: version.unwrap_or(0) + 1 };
            state.downloads.insert(key, stored);
            Billed::request(Write::Done)
        })
        .await
    }

    async fn delete_download(&self, customer: CustomerId, patient: PatientId) -> PortResult<()> {
        self.call(Operation::DeleteItem, Resource::DOWNLOADS, |state| {
            state.downloads.remove(&(customer, patient));
            Billed::request(())
        })
        .await
    }
}
