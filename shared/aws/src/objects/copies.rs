//! Copies of documents' contents in S3.

use std::time::Duration;

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_pipeline::ports::{CopyRef, CopyStore, PortResult};

use super::Objects;
use super::keys::copy_key;
use super::object_writer::ObjectWriter;
use crate::error::failed;

const HEAD: &str = "s3.HeadObject";

impl CopyStore for Objects {
    type Writer = ObjectWriter;

    async fn write_copy(&self, copy: CopyRef, media_type: &MediaType) -> PortResult<ObjectWriter> {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        Ok(ObjectWriter::new(client, bucket, copy_key(copy), media_type.to_string()))
    }

    async fn find_copy(&self, copy: CopyRef) -> PortResult<Option<MediaType>> {
        let head = self.client.head_object().bucket(&self.bucket).key(copy_key(copy)).send().await;
        match head {
            Ok(head) => {
                let media_type = head.content_type.as_deref().and_then(MediaType::new);
                Ok(Some(media_type.unwrap_or_else(MediaType::unknown)))
            }
            // S3 says 404 only to callers with `s3:ListBucket`, which no function has, and 403 to
            // others (`HeadObject` in the Amazon S3 API Reference).
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|raw| matches!(raw.status().as_u16(), 403 | 404)) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(HEAD)(error)),
        }
    }

    async fn sign_copy(
        &self,
        copy: CopyRef,
        media_type: &MediaType,
        disposition: &str,
        valid: Duration,
    ) -> PortResult<String> {
        self.sign_get(copy_key(copy), &media_type.to_string(), disposition, valid).await
    }

    async fn delete_copies(&self, customer: CustomerId, patient: PatientId) -> PortResult<()> {
        self.delete_versions(&format!("documents/{customer}/{patient}/"), |_| ()).await
    }
}
