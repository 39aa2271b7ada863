//! The audit trail: what was added can be read by the ids that it names, and nothing is lost in
//! silence.

use std::time::Duration;

use bulk_aws::{AuditLog, System};
use bulk_domain::audit::{Action, AuditEvent, ImportStep, Phase};
use bulk_domain::ids::PatientId;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::prelude::*;

use crate::given;

/// Returns an event of this time about these patients of a new customer.
fn event(time: Timestamp, patients: &[PatientId]) -> AuditEvent {
    let action = Action::Import(ImportStep::WritePatients);
    let event = AuditEvent::of_job(time, Phase::Begun, action, given::customer(), given::job_id());
    event.of_chunk(ChunkNumber::new(0), patients.iter().copied())
}

async fn read(log: &AuditLog, since: Timestamp, ids: &[String]) -> Vec<AuditEvent> {
    let mut found = Vec::new();
    log.read(since, ids, |stored| found.push(stored.event)).await.unwrap();
    found
}

pub async fn events_are_read_as_they_were_added(log: &AuditLog) {
    let now = System::default().now();
    let events = [0, 1, 2].map(|second| event(now.plus(Duration::from_secs(second)), &[]));
    for event in &events {
        log.record(event).await.unwrap();
    }
    assert_eq!(read(log, now, &[]).await, events);
    assert_eq!(read(log, now.plus(Duration::from_secs(1)), &[]).await, events[1..]);
}

pub async fn an_event_is_found_by_all_of_its_ids_and_by_no_other(log: &AuditLog) {
    let now = System::default().now();
    let [first, second, third] = [0; 3].map(|_| given::patient());
    let (one, both) = (event(now, &[first]), event(now, &[first, second]));
    for event in [&one, &both] {
        log.record(event).await.unwrap();
    }
    let ids = |patients: &[PatientId]| patients.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(read(log, now, &ids(&[first])).await.len(), 2);
    assert_eq!(read(log, now, &ids(&[first, second])).await, [both]);
    assert_eq!(read(log, now, &ids(&[third])).await, []);
}

pub async fn all_events_of_some_actions_are_found_in_one_pass(log: &AuditLog) {
    let now = System::default().now();
    let action = |name: &'static str| Action::Call(name.into());
    let wanted = [action("DELETE /medical/v1/patient/{id}"), Action::Import(ImportStep::UndoChunk)];
    let actions = [wanted[0].clone(), wanted[1].clone(), action("GET /medical/v1/patient")];
    let events = actions.map(|action| AuditEvent { action, ..event(now, &[given::patient()]) });
    for event in &events {
        log.record(event).await.unwrap();
    }
    let mut found = Vec::new();
    log.read_actions(now, &wanted, |stored| found.push(stored.event)).await.unwrap();
    // The emulators do not know such a pattern, and return the third one, too.
    found.retain(|event| wanted.contains(&event.action));
    assert_eq!(found, events[..2]);
}

pub async fn an_event_of_several_hundred_patients_is_stored(log: &AuditLog) {
    let patients: Vec<PatientId> = (0..500).map(|_| given::patient()).collect();
    let event = event(System::default().now(), &patients);
    log.record(&event).await.unwrap();
    assert_eq!(read(log, event.time, &[patients[499].to_string()]).await, [event]);
}

contract!($ audit_trail:
    events_are_read_as_they_were_added,
    an_event_is_found_by_all_of_its_ids_and_by_no_other,
    all_events_of_some_actions_are_found_in_one_pass,
    an_event_of_several_hundred_patients_is_stored,
);
