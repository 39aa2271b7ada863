//! Deletes the objects of a customer with all their versions.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bulk_domain::ids::CustomerId;
use bulk_pipeline::ports::{PortError, PortResult};

use super::Objects;
use crate::error::{failed, malformed};

pub(super) const LIST: &str = "s3.ListObjectVersions";
const DELETE: &str = "s3.DeleteObjects";

impl Objects {
    /// Deletes every version of every object of a customer, and the markers of deleted objects.
    /// Every folder of the bucket has a folder for each customer. Tells after each page how many
    /// are deleted, and returns that number in the end.
    pub async fn delete_customer(
        &self,
        customer: CustomerId,
        mut told: impl FnMut(u64),
    ) -> PortResult<u64> {
        let mut deleted = 0;
        for folder in self.folders().await? {
            let prefix = format!("{folder}{customer}/");
            loop {
                // The first page again, because its objects are gone.
                let list = self.client.list_object_versions().bucket(&self.bucket).prefix(&prefix);
                let page = list.send().await.map_err(failed(LIST))?;
                let versions = page.versions.into_iter().flatten();
                let versions = versions.map(|version| (version.key, version.version_id));
                let markers = page.delete_markers.into_iter().flatten();
                let markers = markers.map(|marker| (marker.key, marker.version_id));
                let found: Vec<_> = versions.chain(markers).collect();
                if found.is_empty() {
                    break;
                }
                deleted += found.len() as u64;
                self.delete_versions(found).await?;
                told(deleted);
            }
        }
        Ok(deleted)
    }

    /// Returns the folders at the top of the bucket, such as `uploads/`.
    pub async fn folders(&self) -> PortResult<Vec<String>> {
        let mut folders = Vec::new();
        let (mut key, mut version) = (None, None);
        loop {
            let list = self.client.list_object_versions().bucket(&self.bucket).delimiter("/");
            let list = list.set_key_marker(key).set_version_id_marker(version);
            let page = list.send().await.map_err(failed(LIST))?;
            let prefixes = page.common_prefixes.into_iter().flatten();
            folders.extend(prefixes.filter_map(|prefix| prefix.prefix));
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
            if key.is_none() {
                return Ok(folders);
            }
        }
    }

    /// Deletes up to a thousand versions, which is what a page of a list has and what S3 deletes by
    /// one call.
    async fn delete_versions(
        &self,
        versions: Vec<(Option<String>, Option<String>)>,
    ) -> PortResult<()> {
        let identifiers = versions.into_iter().map(|(key, version)| {
            let identifier = ObjectIdentifier::builder().set_key(key).set_version_id(version);
            identifier.build().map_err(|_| malformed(DELETE, "key"))
        });
        let delete = Delete::builder()
            .set_objects(Some(identifiers.collect::<PortResult<_>>()?))
            .quiet(true)
            .build()
            .map_err(|_| malformed(DELETE, "keys"))?;
        let request = self.client.delete_objects().bucket(&self.bucket).delete(delete);
        let answer = request.send().await.map_err(failed(DELETE))?;
        match answer.errors.unwrap_or_default().first() {
            None => Ok(()),
            Some(error) => {
                let code = error.code.clone().unwrap_or_else(|| "unknown".to_owned());
                Err(PortError { operation: DELETE, code, transient: true })
            }
        }
    }
}
