//! Copies of documents' contents in the bucket.

use std::fmt::Write as _;
use std::time::Duration;

use bulk_domain::document::DocumentName;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_pipeline::ports::{CopyRef, CopyStore, PortResult};
use bytes::Bytes;

use crate::call::{Billed, permanent};
use crate::objects::{Parts, Target};
use crate::{Cloud, Operation, Resource};

impl Cloud {
    /// Returns the documents of a customer that have a copy, each with the bytes of the copy.
    pub fn copies(&self, customer: CustomerId) -> Vec<(DocumentName, Bytes)> {
        let state = self.state();
        let copies = state.objects.copies.iter().filter(|(copy, _)| copy.customer == customer);
        let newest = copies.filter_map(|(copy, versions)| {
            Some((copy.document, versions.last()?.as_ref()?.bytes.clone()))
        });
        newest.collect()
    }

    /// Returns the number of versions that are stored of the copies of a patient's documents.
    pub fn versions_of_copies(&self, customer: CustomerId, patient: PatientId) -> usize {
        let state = self.state();
        let copies = state.objects.copies.iter();
        let of_patient = copies.filter(|(copy, _)| is_of_patient(**copy, customer, patient));
        of_patient.map(|(_, versions)| versions.iter().flatten().count()).sum()
    }

    /// Deletes a copy, as the bucket does after the retention.
    pub fn expire_copy(&self, copy: CopyRef) {
        self.state().objects.copies.entry(copy).or_default().push(None);
    }
}

fn is_of_patient(copy: CopyRef, customer: CustomerId, patient: PatientId) -> bool {
    copy.customer == customer && copy.document.patient == patient
}

impl CopyStore for Cloud {
    type Writer = Parts;

    async fn write_copy(&self, copy: CopyRef, media_type: &MediaType) -> PortResult<Parts> {
        Ok(Parts::new(self, Resource::COPIES, Target::Copy(copy, media_type.to_string())))
    }

    async fn find_copy(&self, copy: CopyRef) -> PortResult<Option<MediaType>> {
        self.call(Operation::GetObject, Resource::COPIES, |state| {
            let newest = state.objects.copies.get(&copy).and_then(|versions| versions.last());
            let stored = newest.and_then(Option::as_ref);
            match stored.map(|stored| MediaType::new(&stored.media_type)) {
                None => Billed::request(None),
                Some(Some(media_type)) => Billed::request(Some(media_type)),
                Some(None) => {
                    Billed::failed(permanent(Operation::GetObject, "malformed content type"))
                }
            }
        })
        .await
    }

    /// The link names its validity and the headers, so that tests can compare them.
    async fn sign_copy(
        &self,
        copy: CopyRef,
        media_type: &MediaType,
        disposition: &str,
        valid: Duration,
    ) -> PortResult<String> {
        self.note(Operation::GetObject, Resource::COPIES);
        let (key, seconds) = (key(copy), valid.as_secs());
        let (media_type, disposition) = (encoded(&media_type.to_string()), encoded(disposition));
        Ok(format!("memory://{key}?expires={seconds}&type={media_type}&disposition={disposition}"))
    }

    async fn delete_copies(&self, customer: CustomerId, patient: PatientId) -> PortResult<()> {
        let found = self
            .call(Operation::ListObjectVersions, Resource::COPIES, |state| {
                let copies = state.objects.copies.iter();
                let of_patient =
                    copies.filter(|(copy, _)| is_of_patient(**copy, customer, patient));
                let versions =
                    of_patient.flat_map(|(copy, versions)| versions.iter().map(|_| *copy));
                Billed::request(versions.collect::<Vec<CopyRef>>())
            })
            .await?;
        if found.is_empty() {
            return Ok(());
        }
        self.call(Operation::DeleteObjects, Resource::COPIES, |state| {
            // Of each copy the versions that were listed, which are the oldest ones.
            for copy in found {
                if let Some(versions) = state.objects.copies.get_mut(&copy) {
                    versions.drain(..versions.len().min(1));
                }
            }
            state.objects.copies.retain(|_, versions| !versions.is_empty());
            Billed::request(())
        })
        .await
    }
}

/// Returns a text as a value of a URL's query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn key(CopyRef { customer, document }: CopyRef) -> String {
    format!("documents/{customer}/{}/{}", document.patient, document.document)
}
