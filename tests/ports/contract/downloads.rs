//! The bulk downloads of patients' documents: each patient has its newest one, which is replaced on
//! the condition of its version.

use std::collections::BTreeMap;

use bulk_domain::document::{BulkDownload, Metadata};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_pipeline::ports::{DownloadStore, Write};

use crate::given;

fn download_of(key: (CustomerId, PatientId)) -> BulkDownload {
    let texts = BTreeMap::from([("Ü".to_owned(), "a \"value\"".to_owned())]);
    let metadata = Metadata::try_from(texts).unwrap();
    BulkDownload::new(given::download(), key, metadata, given::at(given::NOW))
}

pub async fn a_download_is_read_as_it_was_stored(ports: &impl DownloadStore) {
    let key @ (customer, patient) = (given::customer(), given::patient());
    assert!(ports.load_download(customer, patient).await.unwrap().is_none());
    let started = download_of(key);
    let documents: Vec<_> = (0..250).map(|_| given::document(9)).collect();
    let ended = started.clone().ended(5000, &documents.iter().collect::<Vec<_>>());
    assert_eq!((ended.messages(), started.messages()), (3, 1));
    for (version, download) in [(None, &started), (Some(1), &ended), (Some(2), &download_of(key))] {
        assert_eq!(ports.store_download(download, version).await.unwrap(), Write::Done);
        let read = ports.load_download(customer, patient).await.unwrap().unwrap();
        assert_eq!((&read.value, read.version), (download, version.unwrap_or(0) + 1));
    }
}

pub async fn a_download_is_stored_on_the_condition_of_its_version(ports: &impl DownloadStore) {
    let download = download_of((given::customer(), given::patient()));
    let store = async |version| ports.store_download(&download, version).await.unwrap();
    assert_eq!(store(Some(1)).await, Write::Conflict);
    assert_eq!(store(None).await, Write::Done);
    assert_eq!(store(None).await, Write::Conflict);
    assert_eq!(store(Some(2)).await, Write::Conflict);
    assert_eq!(store(Some(1)).await, Write::Done);
}

pub async fn patients_and_customers_have_downloads_of_their_own(ports: &impl DownloadStore) {
    let (customer, patient) = (given::customer(), given::patient());
    let keys = [(customer, patient), (customer, given::patient()), (given::customer(), patient)];
    let stored = keys.map(download_of);
    for download in &stored {
        assert_eq!(ports.store_download(download, None).await.unwrap(), Write::Done);
    }
    for download in stored {
        let read = ports.load_download(download.customer, download.patient).await.unwrap();
        assert_eq!(read.unwrap().value, download);
    }
}

pub async fn a_deleted_download_is_gone_and_that_of_another_patient_is_not(
    ports: &impl DownloadStore,
) {
    let (customer, patient, other) = (given::customer(), given::patient(), given::patient());
    for patient in [patient, other] {
        let stored = ports.store_download(&download_of((customer, patient)), None).await;
        assert_eq!(stored.unwrap(), Write::Done);
    }
    for _ in 0..2 {
        ports.delete_download(customer, patient).await.unwrap();
    }
    assert!(ports.load_download(customer, patient).await.unwrap().is_none());
    assert!(ports.load_download(customer, other).await.unwrap().is_some());
    let stored = ports.store_download(&download_of((customer, patient)), Some(1)).await;
    assert_eq!(stored.unwrap(), Write::Conflict);
}

contract!($ downloads:
    a_deleted_download_is_gone_and_that_of_another_patient_is_not,
    a_download_is_read_as_it_was_stored,
    a_download_is_stored_on_the_condition_of_its_version,
    patients_and_customers_have_downloads_of_their_own,
);
