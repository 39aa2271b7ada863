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

/// Returns the paths of all fields of a value: `action.call`.
fn fields(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                fields(member, &format!("{prefix}{name}."), found);
            }
        }
        _ => {
            found.insert(prefix.trim_end_matches('.').to_owned());
        }
    }
}

#[test]
fn the_guide_has_every_field_and_every_step() {
    const GUIDE: &str = include_str!("../../../../infra/docs/audit.md");
    let id = ID.parse().unwrap();
    let all = Objects {
        patients: [PatientId::new(id)].into(),
        jobs: [JobId::new(id)].into(),
        facilities: [FacilityId::new(id)].into(),
        cohorts: [CohortId::new(id)].into(),
        keys: [KeyId::of("abc")].into(),
        links: [Link::Upload, Link::Result, Link::Failures].into(),
        chunk: Some(ChunkNumber::new(1)),
        message: Some(MessageId::new(id)),
        opt_out: Some(true),
        documents: 1,
        deliveries: 1,
    };
    let operator = Actor::Operator { arn: "arn".to_owned(), call_id: id };
    let events = [
        call(),
        AuditEvent { objects: all, action: Action::webhook("https://a.example/secret"), ..call() },
        AuditEvent { action: Action::Command("key create".into()), actor: operator, ..call() },
        AuditEvent { outcome: Some(Outcome::Error("timeout".to_owned())), ..call() },
        AuditEvent {
            outcome: Some(Outcome::Done(true)),
            action: Action::Import(ImportStep::ReadFile),
            ..call()
        },
    ];
    let mut found = BTreeSet::new();
    for event in &events {
        fields(&written(event), "", &mut found);
    }
    let table =
        GUIDE.split("## Fields").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let documented: BTreeSet<String> = rows
        .flat_map(|names| names.split('`'))
        .filter(|name| !name.trim_matches([',', ' ']).is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(found, documented);
    for step in [
        ImportStep::ReadFile,
        ImportStep::WritePatients,
        ImportStep::CompleteChunk,
        ImportStep::QueryDocuments,
        ImportStep::WriteResults,
        ImportStep::EndJob,
    ] {
        let name = serde_json::to_value(step).unwrap();
        assert!(table.contains(&format!("`{}`", name.as_str().unwrap())), "{name}");
    }
}
