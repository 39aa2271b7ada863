//! The facilities, cohorts and hash keys of customers, cached for a minute, because a worker
//! imports many of the 400 chunks that a job of 100,000 rows has.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bulk_domain::ids::CustomerId;
use bulk_domain::time::Timestamp;

use crate::ports::prelude::*;
use crate::ports::{CustomerDirectory, PortResult, Ports};

/// How long a directory is cached. A worker still finds a deleted facility for that long. It finds
/// an added one at once, because a row that names an unknown id makes it read the directory again.
const CACHED_FOR: Duration = Duration::from_mins(1);

/// The directories that a worker keeps between two chunks.
#[derive(Debug, Default)]
pub struct DirectoryCache(Mutex<HashMap<CustomerId, (Timestamp, CustomerDirectory)>>);

impl DirectoryCache {
    /// Returns the cached directory of a customer, if it is younger than a minute.
    pub(crate) fn cached(&self, customer: CustomerId, now: Timestamp) -> Option<CustomerDirectory> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, directory) = cached.get(&customer)?;
        (now < read_at.plus(CACHED_FOR)).then(|| directory.clone())
    }

    /// Returns the directory of a customer as it is stored now, and caches it.
    pub async fn read<P: Ports>(
        &self,
        ports: &P,
        customer: CustomerId,
        now: Timestamp,
    ) -> PortResult<CustomerDirectory> {
        let directory = ports.directory().load_directory(customer).await?;
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.retain(|_, (read_at, _)| now < read_at.plus(CACHED_FOR));
        cached.insert(customer, (now, directory.clone()));
        Ok(directory)
    }
}
