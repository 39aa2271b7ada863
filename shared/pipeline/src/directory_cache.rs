//! The facilities and cohorts of customers, kept for a minute: a job of 100,000 rows has 400 chunks, and a worker
//! takes one after the other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::ids::CustomerId;
use domain::row::Directory;
use domain::time::Timestamp;

use crate::ports::{LoadDirectory, PortResult};

/// How long a directory is kept. What is deleted meanwhile counts as there for so long; what is added is found at once,
/// because a row that names something unknown has the directory read again.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// What a worker remembers between two chunks.
#[derive(Debug, Default)]
pub struct DirectoryCache(Mutex<HashMap<CustomerId, (Timestamp, Directory)>>);

impl DirectoryCache {
    /// Returns what is kept of a customer's directory, if it is younger than a minute.
    pub fn kept(&self, customer: CustomerId, now: Timestamp) -> Option<Directory> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, directory) = kept.get(&customer)?;
        (now < read_at.plus(KEPT_FOR)).then(|| directory.clone())
    }

    /// Reads a customer's directory and keeps it.
    pub async fn read(
        &self,
        ports: &impl LoadDirectory,
        customer: CustomerId,
        now: Timestamp,
    ) -> PortResult<Directory> {
        let directory = ports.load_directory(customer).await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (read_at, _)| now < read_at.plus(KEPT_FOR));
        kept.insert(customer, (now, directory.clone()));
        Ok(directory)
    }
}
