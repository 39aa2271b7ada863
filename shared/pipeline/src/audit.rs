//! Events of what the service does by itself in the course of an import.

use bulk_domain::audit::{Action, AuditEvent, ImportStep, Phase};
use bulk_domain::job::Job;

use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports};

/// Stores the event that a step of a job is about to begin.
pub(crate) async fn record_step<P: Ports>(
    ports: &P,
    job: &Job,
    step: ImportStep,
) -> PortResult<()> {
    let (now, action) = (ports.environment().now(), Action::Import(step));
    let event = AuditEvent::of_job(now, Phase::Begun, action, job.customer, job.id);
    ports.audit_trail().record(&event).await
}
