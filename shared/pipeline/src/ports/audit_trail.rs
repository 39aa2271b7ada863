//! The audit trail: events that can be added and not changed.

use std::future::Future;

use bulk_domain::audit::AuditEvent;

use super::PortResult;

/// The audit trail. Functions add events to it. They can neither read nor delete them.
pub trait AuditTrail: Send + Sync {
    /// Adds an event. After an answer without an error, the event is stored. A repeated event is
    /// stored twice.
    fn record(&self, event: &AuditEvent) -> impl Future<Output = PortResult<()>> + Send;
}
