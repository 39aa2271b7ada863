//! The gateway as the pipeline's port: first the search for the patient, then the list of their
//! documents.

use bulk_domain::document::Demographics;
use bulk_pipeline::ports::{self, GatewayAnswer, GatewayFailure};
use tracing::warn;

use crate::discovery::Discovery;
use crate::error::QueryError;
use crate::gateway::Gateway;
use crate::secret::ReadSecret;

impl<S: ReadSecret + std::fmt::Debug> ports::Gateway for Gateway<S> {
    async fn ask(&self, demographics: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        let patient = match self.discover(demographics).await? {
            Discovery::Match(patient) => patient,
            Discovery::NoMatch { incomplete } => {
                if incomplete {
                    warn!("Patient not found at the gateway, not all of its sources answered");
                }
                return Ok(GatewayAnswer::NotKnown);
            }
            Discovery::Ambiguous => return Ok(GatewayAnswer::Ambiguous),
        };
        let list = self.documents(&patient).await?;
        if list.incomplete || list.unreadable > 0 {
            let (found, unreadable) = (list.records.len(), list.unreadable);
            warn!(
                found,
                unreadable,
                list.incomplete,
                "List of documents received from the gateway is incomplete"
            );
        }
        Ok(GatewayAnswer::Documents(list.records))
    }
}

impl From<QueryError> for GatewayFailure {
    fn from(error: QueryError) -> Self {
        Self {
            cause: error.to_string(),
            transient: error.is_transient(),
            retry_after: error.retry_after(),
        }
    }
}
