//! Lists of versions of objects, page by page, and their deletion.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::operation::list_object_versions::builders::ListObjectVersionsFluentBuilder;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bulk_pipeline::ports::{PortError, PortResult};
use futures::stream::{self, Stream};

use super::Objects;
use crate::error::{failed, malformed};

pub(super) const LIST: &str = "s3.ListObjectVersions";
const DELETE: &str = "s3.DeleteObjects";

/// Returns the pages of a list. The SDK has no paginator for it, because a page begins after a key
/// and a version.
pub(super) fn pages(
    list: ListObjectVersionsFluentBuilder,
) -> impl Stream<Item = PortResult<ListObjectVersionsOutput>> {
    stream::try_unfold(Some(list), |list| async move {
        let Some(list) = list else { return Ok(None) };
        let page = list.clone().send().await.map_err(failed(LIST))?;
        let next = page.next_key_marker.clone().map(|key| {
            list.key_marker(key).set_version_id_marker(page.next_version_id_marker.clone())
        });
        Ok(Some((page, next)))
    })
}

impl Objects {
    /// Returns the request for the versions of all objects.
    pub(super) fn list(&self) -> ListObjectVersionsFluentBuilder {
        self.client.list_object_versions().bucket(&self.bucket)
    }

    /// Deletes all versions of the objects with keys that begin with `prefix`, and the markers of
    /// deleted ones. Tells after each page how many that page had.
    pub(super) async fn delete_versions(
        &self,
        prefix: &str,
        mut told: impl FnMut(u64),
    ) -> PortResult<()> {
        loop {
            // The first page again, because its versions are gone.
            let page = self.list().prefix(prefix).send().await.map_err(failed(LIST))?;
            let is_last = !page.is_truncated.unwrap_or_default();
            let versions = page.versions.into_iter().flatten();
            let versions = versions.map(|version| (version.key, version.version_id));
            let markers = page.delete_markers.into_iter().flatten();
            let markers = markers.map(|marker| (marker.key, marker.version_id));
            let found: Vec<_> = versions.chain(markers).collect();
            if !found.is_empty() {
                let count = found.len() as u64;
                self.delete_page(found).await?;
                told(count);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Deletes up to a thousand versions, which is what a page of a list has and what S3 deletes by
    /// one call. With a version's id, S3 leaves no delete marker ("Deleting object versions from a
    /// versioning-enabled bucket", Amazon S3 User Guide).
    pub(super) async fn delete_page(
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
