//! Copies of documents' contents in the bucket.

use std::fmt::Write as _;
use std::time::Duration;

use bulk_domain::document::DocumentName;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_pipeline::ports::{CopyRef, CopyStore, PortResult};
use bytes::Bytes;

use crate::call::{Billed, permanent};
use crate::objects::Parts;
use crate::{Cloud, Operation, Resource};

impl Cloud {
    /// Returns the documents of a customer that have a copy, each with the bytes of the copy.
    pub fn copies(&self, customer: CustomerId) -> Vec<(DocumentName, Bytes)> {
        let state = self.state();
        let copies = state.objects.copies.keys().filter(|copy| copy.customer == customer);
        let bytes = |copy: &CopyRef| state.objects.objects.get(&key(*copy)).cloned();
        copies.filter_map(|copy| Some((copy.document, bytes(copy)?))).collect()
    }

    /// Deletes a copy, as the bucket does after the retention.
    pub fn expire_copy(&self, copy: CopyRef) {
        self.state().objects.objects.remove(&key(copy));
    }
}

impl CopyStore for Cloud {
    type Writer = Parts;

    async fn write_copy(&self, copy: CopyRef, media_type: &MediaType) -> PortResult<Parts> {
        self.state().objects.copies.insert(copy, media_type.to_string());
        Ok(Parts::new(self, Resource::COPIES, key(copy)))
    }

    async fn find_copy(&self, copy: CopyRef) -> PortResult<Option<MediaType>> {
        self.call(Operation::GetObject, Resource::COPIES, |state| {
            let copies = &state.objects.copies;
            let media_type =
                copies.get(&copy).filter(|_| state.objects.objects.contains_key(&key(copy)));
            match media_type.map(|media_type| MediaType::new(media_type)) {
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
        let is_of_patient =
            |copy: &CopyRef| copy.customer == customer && copy.document.patient == patient;
        let found = self
            .call(Operation::ListObjectVersions, Resource::COPIES, |state| {
                let copies = state.objects.copies.keys().copied();
                Billed::request(copies.filter(is_of_patient).collect::<Vec<CopyRef>>())
            })
            .await?;
        if found.is_empty() {
            return Ok(());
        }
        self.call(Operation::DeleteObjects, Resource::COPIES, |state| {
            for copy in found {
                state.objects.objects.remove(&key(copy));
                state.objects.copies.remove(&copy);
            }
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
