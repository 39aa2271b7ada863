//! The index of jobs by customer in memory.

use std::collections::btree_map::Keys;

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::Job;
use bulk_pipeline::ports::{JobStore as _, PortResult};

use crate::call::Billed;
use crate::{Cloud, Operation, Resource};

impl Cloud {
    /// Returns the jobs that `read` takes of the index by customer, in its order.
    pub(super) async fn listed(
        &self,
        read: impl FnOnce(Keys<'_, (CustomerId, JobId), ()>) -> Vec<JobId>,
    ) -> PortResult<Vec<Job>> {
        let listed = self.call(Operation::Query, Resource::JOBS_BY_CUSTOMER, |state| {
            Billed::request(read(state.jobs.by_customer.at(state.now).keys()))
        });
        let ids = listed.await?;
        let mut jobs = self.load_jobs(&ids).await?;
        Ok(ids.iter().filter_map(|id| jobs.remove(id)).collect())
    }
}
