//! The gateway as the pipeline asks it: who the patient is there, and then what there is about them.

use domain::document::Demographics;
use pipeline::ports::{AskGateway, GatewayAnswer, GatewayFailure};
use tracing::warn;

use crate::auth::ReadSecret;
use crate::discovery::Discovery;
use crate::error::QueryError;
use crate::gateway::Gateway;

impl<S: ReadSecret + std::fmt::Debug> AskGateway for Gateway<S> {
    async fn ask(&self, demographics: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        let patient = match self.discover(demographics).await? {
            Discovery::Match(patient) => patient,
            Discovery::NoMatch { incomplete } => {
                if incomplete {
                    warn!("The gateway knows no such patient, but not all of its sources answered");
                }
                return Ok(GatewayAnswer::NotKnown);
            }
            Discovery::Ambiguous => return Ok(GatewayAnswer::Ambiguous),
        };
        let list = self.documents(&patient).await?;
        if list.incomplete || list.unreadable > 0 {
            let (found, unreadable) = (list.records.len(), list.unreadable);
            warn!(found, unreadable, list.incomplete, "The gateway's list of documents has gaps");
        }
        Ok(GatewayAnswer::Documents(list.records))
    }
}

impl From<QueryError> for GatewayFailure {
    fn from(error: QueryError) -> Self {
        Self { cause: error.to_string(), transient: error.is_transient(), retry_after: error.retry_after() }
    }
}
