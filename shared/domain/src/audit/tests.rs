use serde_json::{Value, json};

use super::*;

const ID: &str = "0199ac1e-0000-7000-8000-000000000001";

fn call() -> AuditEvent {
    AuditEvent {
        time: Timestamp::from_millis(1_800_000_000_000),
        phase: Phase::Ended,
        action: Action::Call("GET /medical/v1/patient/{id}".into()),
        customer: Some(ID.parse().unwrap()),
        actor: Actor::Caller {
            key: Some(KeyId::of("abc")),
            source_address: Some("203.0.113.7".parse().unwrap()),
            call_id: Some("c6af9ac6".to_owned()),
        },
        objects: Objects {
            patients: BTreeSet::from([ID.parse().unwrap()]),
            links: BTreeSet::from([Link::Result]),
            ..Objects::default()
        },
        outcome: Some(Outcome::Status(200)),
    }
}

fn written(event: &AuditEvent) -> Value {
    serde_json::to_value(event).unwrap()
}

#[test]
fn an_event_of_a_call_is_one_flat_object() {
    let expected = json!({
        "time": "2027-01-15T08:00:00.000Z",
        "phase": "ended",
        "action": {"call": "GET /medical/v1/patient/{id}"},
        "customer": ID,
        "actor": "caller",
        "key": "ba7816bf8f01cfea",
        "sourceAddress": "203.0.113.7",
        "callId": "c6af9ac6",
        "patients": [ID],
        "links": ["result"],
        "status": 200,
    });
    assert_eq!(written(&call()), expected);
}

#[test]
fn an_event_of_the_service_names_job_and_chunk() {
    let action = Action::Import(ImportStep::CompleteChunk);
    let (customer, job) = (ID.parse().unwrap(), ID.parse().unwrap());
    let mut event = AuditEvent::of_job(call().time, Phase::Ended, action, customer, job);
    event.objects.chunk = Some(ChunkNumber::new(3));
    let expected = json!({
        "time": "2027-01-15T08:00:00.000Z",
        "phase": "ended",
        "action": {"import": "complete-chunk"},
        "customer": ID,
        "actor": "service",
        "jobs": [ID],
        "chunk": 3,
    });
    assert_eq!(written(&event), expected);
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let actors = [
        call().actor,
        Actor::Caller { key: None, source_address: None, call_id: None },
        Actor::Service,
        Actor::Operator { arn: "arn:aws:iam::1:user/a".to_owned(), call_id: Uuid::nil() },
    ];
    let outcomes = [
        None,
        Some(Outcome::Status(404)),
        Some(Outcome::Error("no connection".to_owned())),
        Some(Outcome::Done(true)),
    ];
    for (actor, outcome) in actors.into_iter().zip(outcomes) {
        let event = AuditEvent { actor, outcome, ..call() };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<AuditEvent>(&text).unwrap(), event);
    }
}
