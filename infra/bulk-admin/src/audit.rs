//! The audit trail: each command stores an event before it begins and one after it has ended, and
//! `bulk-admin audit` reads the events of a stack.

use bulk_aws::{AuditLog, Connection, System};
use bulk_domain::audit::{Action, Actor, AuditEvent, Objects, Outcome, Phase};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::{Failure, Output};

use crate::commands::{
    AuditArguments, CohortCommand, Command, CustomerCommand, FacilityCommand, KeyCommand,
    PatientCommand,
};
use crate::failed;

/// What a command is about. The command adds what it finds or creates.
#[derive(Debug)]
pub struct Note {
    name: &'static str,
    /// The customer of the command, if it is about one.
    pub customer: Option<CustomerId>,
    /// The objects that the command reads or changes.
    pub objects: Objects,
}

impl Note {
    /// Returns what the arguments of a command say.
    pub fn of(command: &Command) -> Self {
        let none = Objects::default();
        let (name, customer, objects) = match command {
            Command::Customer(CustomerCommand::Create { .. }) => ("customer create", None, none),
            Command::Customer(CustomerCommand::List) => ("customer list", None, none),
            Command::Customer(CustomerCommand::Delete { customer, .. }) => {
                ("customer delete", Some(*customer), none)
            }
            Command::Key(KeyCommand::Create { customer, .. }) => {
                ("key create", Some(*customer), none)
            }
            Command::Key(KeyCommand::List { customer }) => ("key list", Some(*customer), none),
            Command::Key(KeyCommand::Rotate { id, .. }) => {
                ("key rotate", None, Objects { keys: [*id].into(), ..none })
            }
            Command::Key(KeyCommand::Revoke { id }) => {
                ("key revoke", None, Objects { keys: [*id].into(), ..none })
            }
            Command::Facility(FacilityCommand::Create { customer, .. }) => {
                ("facility create", Some(*customer), none)
            }
            Command::Facility(FacilityCommand::List { customer }) => {
                ("facility list", Some(*customer), none)
            }
            Command::Cohort(CohortCommand::Create { customer, .. }) => {
                ("cohort create", Some(*customer), none)
            }
            Command::Cohort(CohortCommand::List { customer }) => {
                ("cohort list", Some(*customer), none)
            }
            Command::Patient(command) => {
                let (name, customer, id) = match command {
                    PatientCommand::Show { customer, id, .. } => {
                        ("patient show", customer, Some(*id))
                    }
                    PatientCommand::Find(found) => ("patient find", &found.customer, found.of.id),
                    PatientCommand::Export { arguments: found, .. } => {
                        ("patient export", &found.customer, found.of.id)
                    }
                };
                (name, Some(*customer), Objects { patients: id.into_iter().collect(), ..none })
            }
            Command::Replay(_) => ("replay", None, none),
            Command::Audit(AuditArguments { customer, patient, job, key, .. }) => {
                let patients = patient.iter().copied().collect();
                let (jobs, keys) = (job.iter().copied().collect(), key.iter().copied().collect());
                ("audit", *customer, Objects { patients, jobs, keys, ..none })
            }
        };
        Self { name, customer, objects }
    }
}

/// The two events of a command.
pub struct Recorder {
    log: AuditLog,
    begun: AuditEvent,
}

impl Recorder {
    /// Stores the event that a command is about to begin.
    pub async fn begin(
        connection: &Connection,
        log: AuditLog,
        note: &Note,
    ) -> anyhow::Result<Self> {
        let arn = connection.caller_arn().await.map_err(failed)?;
        let begun = AuditEvent {
            time: System::default().now(),
            phase: Phase::Begun,
            action: Action::Command(note.name.into()),
            customer: note.customer,
            actor: Actor::Operator { arn, call_id: System::default().new_id() },
            objects: note.objects.clone(),
            outcome: None,
        };
        log.record(&begun).await.map_err(failed)?;
        Ok(Self { log, begun })
    }

    /// Stores that the command is about to change these patients of a customer.
    pub async fn before(&self, customer: CustomerId, patients: &[PatientId]) -> anyhow::Result<()> {
        let patients = patients.iter().copied().collect();
        let objects = Objects { patients, ..Objects::default() };
        let (time, customer) = (System::default().now(), Some(customer));
        let event = AuditEvent { time, customer, objects, ..self.begun.clone() };
        self.log.record(&event).await.map_err(failed)
    }

    /// Stores how the command has ended, and returns that.
    pub async fn end(self, note: Note, ended: anyhow::Result<()>) -> anyhow::Result<()> {
        // Not the error's text, which can repeat an argument.
        let event = self.begun.ended(System::default().now(), Outcome::Done(ended.is_ok()));
        let event = AuditEvent { customer: note.customer, objects: note.objects, ..event };
        let recorded = self.log.record(&event).await.map_err(|error| {
            Failure::new(format!("the command has ended, but its audit event is lost: {error}"))
                .into()
        });
        ended.and(recorded)
    }
}

/// Prints the events that the arguments ask for, oldest first.
pub async fn audit(
    arguments: &AuditArguments,
    log: &AuditLog,
    output: Output,
) -> anyhow::Result<()> {
    let AuditArguments { customer, patient, job, key, since } = arguments;
    let ids = [
        customer.map(|id| id.to_string()),
        patient.map(|id| id.to_string()),
        job.map(|id| id.to_string()),
        key.map(|id| id.to_string()),
    ];
    let ids: Vec<String> = ids.into_iter().flatten().collect();
    let since = System::default().now().minus(*since);
    let mut printed = Ok(());
    let read = log.read(since, &ids, |stored| {
        if printed.is_ok() && arguments.asks_for(&stored.event) {
            let line = if output.json { stored.text } else { line(&stored.event) };
            printed = output.line(line);
        }
    });
    read.await.map_err(failed)?;
    Ok(printed?)
}

impl AuditArguments {
    /// Returns whether an event is about all objects of the arguments.
    fn asks_for(&self, event: &AuditEvent) -> bool {
        let Objects { patients, jobs, keys, .. } = &event.objects;
        self.customer.is_none_or(|id| event.customer == Some(id))
            && self.patient.is_none_or(|id| patients.contains(&id))
            && self.job.is_none_or(|id| jobs.contains(&id))
            && self.key.is_none_or(|id| keys.contains(&id) || event.key() == Some(id))
    }
}

/// Returns an event as a line of text. An event with more than a few ids has their number.
fn line(event: &AuditEvent) -> String {
    let actor = match &event.actor {
        Actor::Caller { key, source_address, .. } => {
            let key = key.map_or_else(|| "unknown key".to_owned(), |key| format!("key {key}"));
            let from = source_address.map(|address| format!(" from {address}"));
            key + &from.unwrap_or_default()
        }
        Actor::Service => "service".to_owned(),
        Actor::Operator { arn, .. } => arn.clone(),
    };
    let action = match &event.action {
        Action::Call(route) => route.to_string(),
        Action::Import(step) => {
            let step = serde_json::to_value(step).unwrap_or_default();
            format!("import: {}", step.as_str().unwrap_or_default())
        }
        Action::Webhook(host) => format!("webhook to {host}"),
        Action::Command(command) => format!("bulk-admin {command}"),
    };
    let outcome = match &event.outcome {
        None => "begun".to_owned(),
        Some(Outcome::Status(status)) => status.to_string(),
        Some(Outcome::Error(error)) => error.clone(),
        Some(Outcome::Done(true)) => "done".to_owned(),
        Some(Outcome::Done(false)) => "failed".to_owned(),
    };
    let customer = event.customer.map_or_else(|| "-".to_owned(), |customer| customer.to_string());
    format!("{}  {customer}  {actor}  {action}  {outcome}{}", event.time, objects(&event.objects))
}

fn objects(objects: &Objects) -> String {
    let sets = [
        ids("patient", &objects.patients),
        ids("job", &objects.jobs),
        ids("facility", &objects.facilities),
        ids("cohort", &objects.cohorts),
        ids("key", &objects.keys),
    ];
    sets.concat()
}

fn ids<'a, T: ToString + 'a>(
    kind: &str,
    ids: impl IntoIterator<Item = &'a T, IntoIter: ExactSizeIterator>,
) -> String {
    let mut ids = ids.into_iter();
    match (ids.len(), ids.next()) {
        (1, Some(id)) => format!("  {kind} {}", id.to_string()),
        (0, _) => String::new(),
        (number, _) => format!("  {number} of kind {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_id_of_one_object_and_the_number_of_many() {
        let event: AuditEvent = serde_json::from_value(serde_json::json!({
            "time": "2027-01-15T08:00:00.000Z",
            "phase": "ended",
            "action": {"call": "GET /medical/v1/patient"},
            "customer": "0199ac1e-0000-7000-8000-000000000001",
            "actor": "caller",
            "key": "ba7816bf8f01cfea",
            "sourceAddress": "203.0.113.7",
            "patients": ["0199ac1e-0000-7000-8000-000000000002", "0199ac1e-0000-7000-8000-000000000003"],
            "facilities": ["0199ac1e-0000-7000-8000-000000000004"],
            "status": 200,
        }))
        .unwrap();
        let expected = "2027-01-15T08:00:00.000Z  0199ac1e-0000-7000-8000-000000000001  \
            key ba7816bf8f01cfea from 203.0.113.7  GET /medical/v1/patient  200  2 of kind patient  \
            facility 0199ac1e-0000-7000-8000-000000000004";
        assert_eq!(line(&event), expected);
    }
}
