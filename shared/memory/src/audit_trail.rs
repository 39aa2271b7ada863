//! The audit trail: a list of all events, which tests can read.

use bulk_domain::audit::AuditEvent;
use bulk_pipeline::ports::{AuditTrail, PortResult};

use crate::call::Billed;
use crate::{Cloud, Operation, Resource};

impl Cloud {
    /// Returns the events of the audit trail in the order in which they were stored.
    pub fn audit_events(&self) -> Vec<AuditEvent> {
        self.state().audit_events.clone()
    }
}

impl AuditTrail for Cloud {
    async fn record(&self, event: &AuditEvent) -> PortResult<()> {
        let bytes = serde_json::to_vec(event).map_or(0, |text| text.len());
        self.call(Operation::PutLogEvents, Resource::AuditTrail, |state| {
            state.audit_events.push(event.clone());
            Billed::request(()).with_bytes(bytes)
        })
        .await
    }
}
