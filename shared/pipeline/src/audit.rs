//! Events of what the service does by itself in the course of an import.

use std::collections::BTreeSet;

use bulk_domain::audit::{Action, Actor, AuditEvent, ImportStep, Objects, Phase};
use bulk_domain::ids::PatientId;
use bulk_domain::job::Job;
use bulk_domain::time::Timestamp;

use crate::messages::{QueryAsker, QueryMessage};
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

/// Returns the event that the gateway is about to be asked for these patients.
pub(crate) fn event_of_queries(
    message: &QueryMessage,
    patients: BTreeSet<PatientId>,
    now: Timestamp,
) -> AuditEvent {
    let mut objects = Objects { patients, ..Objects::default() };
    if let QueryAsker::Part(part) = message.asker {
        objects.jobs.insert(part.job);
        objects.chunk = Some(part.chunk);
    }
    AuditEvent {
        time: now,
        phase: Phase::Begun,
        action: Action::Import(ImportStep::QueryDocuments),
        customer: Some(message.customer),
        actor: Actor::Service,
        objects,
        outcome: None,
    }
}
