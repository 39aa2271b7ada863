//! Deletes the objects of a customer with all their versions.

use std::pin::pin;

use bulk_domain::ids::CustomerId;
use bulk_pipeline::ports::PortResult;
use futures::TryStreamExt as _;

use super::Objects;
use super::listing::pages;

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
            let count = |count| {
                deleted += count;
                told(deleted);
            };
            self.delete_versions(&format!("{folder}{customer}/"), count).await?;
        }
        Ok(deleted)
    }

    /// Returns the folders at the top of the bucket, such as `uploads/`.
    pub async fn folders(&self) -> PortResult<Vec<String>> {
        let mut pages = pin!(pages(self.list().delimiter("/")));
        let mut folders = Vec::new();
        while let Some(page) = pages.try_next().await? {
            let prefixes = page.common_prefixes.into_iter().flatten();
            folders.extend(prefixes.filter_map(|prefix| prefix.prefix));
        }
        Ok(folders)
    }
}
