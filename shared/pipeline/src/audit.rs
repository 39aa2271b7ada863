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
    ports.audit_trail().record(&event_of_step(ports, job, step, Phase::Begun)).await
}

/// Returns the event of a step of a job.
pub(crate) fn event_of_step<P: Ports>(
    ports: &P,
    job: &Job,
    step: ImportStep,
    phase: Phase,
) -> AuditEvent {
    let (now, action) = (ports.environment().now(), Action::Import(step));
    AuditEvent::of_job(now, phase, action, job.customer, job.id)
}
