//! Checks that the audit trail has every action of a story, also after crashes and outages.

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::audit::{Action, AuditEvent, ImportStep, Phase};
use bulk_domain::ids::{CustomerId, JobId, MessageId, PatientId};

use crate::check::webhooks::job_webhooks;
use crate::people::names_a_person;
use crate::run::Played;

/// Checks that no patient was written or undone, no webhook posted and no job ended without an
/// event before.
pub fn check_audit(played: &Played) {
    let events = played.cloud.audit_events();
    check_patients(played, &events);
    check_undos(played, &events);
    check_webhooks(played, &events);
    check_jobs(played, &events);
    let text = serde_json::to_string(&events).unwrap();
    assert!(!names_a_person(&text), "PHI in an event");
}

fn check_patients(played: &Played, events: &[AuditEvent]) {
    let mut written: BTreeSet<(Option<CustomerId>, PatientId, JobId)> = BTreeSet::new();
    for event in events {
        if event.action == Action::Import(ImportStep::WritePatients) {
            let of_job = event.objects.jobs.iter().flat_map(|job| {
                event.objects.patients.iter().map(|patient| (event.customer, *patient, *job))
            });
            written.extend(of_job);
        }
    }
    for customer in &played.story.customers {
        for record in played.cloud.patients(customer.id).unwrap() {
            for job in [record.created_by, record.changed_by] {
                let write = (Some(customer.id), record.patient.id, job);
                assert!(written.contains(&write), "no event of the write {write:?}");
            }
        }
    }
}

fn check_undos(played: &Played, events: &[AuditEvent]) {
    for (patient, job) in &played.undone {
        let announces = |event: &AuditEvent| {
            event.action == Action::Import(ImportStep::UndoChunk)
                && event.objects.jobs.contains(job)
                && event.objects.patients.contains(patient)
        };
        assert!(events.iter().any(announces), "no event of the undo that deleted {patient}");
    }
}

fn check_webhooks(played: &Played, events: &[AuditEvent]) {
    let mut announced: BTreeMap<MessageId, usize> = BTreeMap::new();
    for event in events {
        if let (Action::Webhook(_), Phase::Begun, Some(message)) =
            (&event.action, event.phase, event.objects.message)
        {
            *announced.entry(message).or_default() += 1;
        }
    }
    let mut posted: BTreeMap<MessageId, usize> = BTreeMap::new();
    for (_, request) in job_webhooks(played) {
        let (_, id) = request.headers.iter().find(|(name, _)| *name == "webhook-id").unwrap();
        *posted.entry(id.parse().unwrap()).or_default() += 1;
    }
    for (message, posts) in posted {
        let events = announced.get(&message).copied().unwrap_or_default();
        assert!(events >= posts, "{posts} posts of webhook {message}, and {events} events");
    }
}

fn check_jobs(played: &Played, events: &[AuditEvent]) {
    let ended: BTreeSet<JobId> = events
        .iter()
        .filter(|event| event.action == Action::Import(ImportStep::EndJob))
        .flat_map(|event| event.objects.jobs.iter().copied())
        .collect();
    for job in played.cloud.jobs().iter().filter(|job| job.status.is_final()) {
        assert!(ended.contains(&job.id), "no event of the end of job {}", job.id);
    }
}
