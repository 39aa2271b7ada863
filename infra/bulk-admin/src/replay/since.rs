//! What calls and undos have done since a time, by the audit trail.
//!
//! The trail has an event of each call that deletes a patient or opts one out, and of each chunk
//! that an undo deletes, which is stored before the patients are changed. A call that was refused
//! has changed nothing, which its second event says.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bulk_aws::AuditLog;
use bulk_domain::audit::{Action, Actor, AuditEvent, ImportStep, Outcome, Phase};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::time::Timestamp;

use crate::failed;

/// The call that deletes a patient, and those that opt one out or in, as their events name them.
const DELETE_CALL: &str = "DELETE /medical/v1/patient/{id}";
const OPT_OUT_CALL: &str = "PUT /medical/v1/patient/{id}/hie-opt-out";
const CORRECT_CALL: &str = "PUT /medical/v1/patient/{id}";
/// The command that deletes a customer, as its events name it.
const DELETE_COMMAND: &str = "customer delete";

/// What a call has last said about the opt-out of a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptOut {
    pub patient: PatientId,
    pub is_out: bool,
    /// The time of the call.
    pub at: Timestamp,
}

/// What a call was about to do. A call with a body can have two events.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Call {
    Delete(BTreeSet<PatientId>),
    OptOut(OptOut),
}

/// What was done since a time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Since {
    /// The calls in the order of their events, each with its customer and API Gateway's id of it.
    calls: Vec<(CustomerId, Option<String>, Call)>,
    /// API Gateway's ids of the calls that were refused, and have changed nothing.
    refused: HashSet<String>,
    /// The patients that undos were about to delete, each with its job.
    undone: BTreeMap<(CustomerId, PatientId), JobId>,
    /// The customers that were about to be deleted.
    pub customers: BTreeSet<CustomerId>,
}

impl Since {
    /// Reads the audit trail once.
    pub async fn read(log: &AuditLog, since: Timestamp) -> anyhow::Result<Self> {
        let mut told = Self::default();
        let call = |name: &'static str| Action::Call(name.into());
        let actions = [
            call(DELETE_CALL),
            call(OPT_OUT_CALL),
            call(CORRECT_CALL),
            Action::Command(DELETE_COMMAND.into()),
            Action::Import(ImportStep::UndoChunk),
        ];
        let read = log.read_actions(since, &actions, |stored| told.add(&stored.event));
        read.await.map_err(failed)?;
        Ok(told)
    }

    /// Adds what an event is about to change, if it changes something. The event from before the
    /// change counts, because the one after it is missing if its function died.
    fn add(&mut self, event: &AuditEvent) {
        let Some(customer) = event.customer else { return };
        let AuditEvent { time, phase, action, actor, objects, outcome, .. } = event;
        match (action, phase) {
            (Action::Call(call), Phase::Begun) if call == DELETE_CALL => {
                let call = Call::Delete(objects.patients.clone());
                self.calls.push((customer, call_id(actor), call));
            }
            (Action::Call(call), Phase::Begun) if call == OPT_OUT_CALL || call == CORRECT_CALL => {
                if let (Some(patient), Some(is_out)) = (objects.patients.first(), objects.opt_out) {
                    let opt_out = OptOut { patient: *patient, is_out, at: *time };
                    self.calls.push((customer, call_id(actor), Call::OptOut(opt_out)));
                }
            }
            (Action::Call(_), Phase::Ended) => {
                if let (Some(Outcome::Status(400..=499)), ended @ Some(_)) =
                    (outcome, call_id(actor))
                {
                    self.refused.extend(ended);
                }
            }
            (Action::Import(ImportStep::UndoChunk), Phase::Begun) => {
                let Some(job) = objects.jobs.first() else { return };
                let undone = objects.patients.iter().map(|patient| ((customer, *patient), *job));
                self.undone.extend(undone);
            }
            (Action::Command(command), Phase::Begun) if command == DELETE_COMMAND => {
                self.customers.insert(customer);
            }
            _ => {}
        }
    }

    /// Returns the calls that were not refused, in their order.
    fn effective(&self) -> impl Iterator<Item = (&CustomerId, &Call)> {
        let is_refused =
            |id: &Option<String>| id.as_ref().is_some_and(|id| self.refused.contains(id));
        let effective = self.calls.iter().filter(move |(_, id, _)| !is_refused(id));
        effective.map(|(customer, _, call)| (customer, call))
    }

    /// Returns the deleted patients, each with the job of the undo that has deleted it. Without a
    /// job if a call has.
    pub fn deleted_patients(&self) -> BTreeMap<CustomerId, BTreeMap<PatientId, Option<JobId>>> {
        let mut all: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((customer, patient), job) in &self.undone {
            all.entry(*customer).or_default().insert(*patient, Some(*job));
        }
        for (customer, call) in self.effective() {
            if let Call::Delete(patients) = call {
                let patients = patients.iter().map(|patient| (*patient, None));
                all.entry(*customer).or_default().extend(patients);
            }
        }
        all
    }

    /// Returns the last opt-out of each patient.
    pub fn opt_outs(&self) -> BTreeMap<CustomerId, Vec<OptOut>> {
        let mut last: BTreeMap<CustomerId, BTreeMap<PatientId, OptOut>> = BTreeMap::new();
        for (customer, call) in self.effective() {
            if let Call::OptOut(opt_out) = call {
                last.entry(*customer).or_default().insert(opt_out.patient, *opt_out);
            }
        }
        last.into_iter().map(|(customer, of)| (customer, of.into_values().collect())).collect()
    }
}

/// Returns API Gateway's id of a call.
fn call_id(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Caller { call_id, .. } => call_id.clone(),
        Actor::Service | Actor::Operator { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CUSTOMER: &str = "0199ac1e-0000-7000-8000-000000000001";
    const PATIENT: &str = "6496bec1-d4cd-879b-9f0b-e62698adc474";

    fn event(phase: &str, action: &Value, customer: Option<&str>) -> AuditEvent {
        serde_json::from_value(json!({
            "time": "2027-01-15T08:00:00.000Z", "phase": phase, "action": action,
            "customer": customer, "actor": "caller", "callId": "call-1", "patients": [PATIENT],
        }))
        .unwrap()
    }

    fn begun(call: &str) -> AuditEvent {
        event("begun", &json!({ "call": call }), Some(CUSTOMER))
    }

    fn ended(call: &str, status: u16) -> AuditEvent {
        let event = event("ended", &json!({ "call": call }), Some(CUSTOMER));
        AuditEvent { outcome: Some(Outcome::Status(status)), ..event }
    }

    /// Returns the event of a call with its own id and time that opts the patient out or in.
    fn opt_out(call: &str, id: u8, is_out: Option<bool>) -> AuditEvent {
        let mut event = begun(call);
        let call_id = Some(format!("call-{id}"));
        event.actor = Actor::Caller { key: None, source_address: None, call_id };
        event.time = Timestamp::from_millis(1_800_000_000_000 + i64::from(id));
        event.objects.opt_out = is_out;
        event
    }

    fn told(events: &[AuditEvent]) -> Since {
        let mut told = Since::default();
        for event in events {
            told.add(event);
        }
        told
    }

    /// Returns for each deleted patient the job of the undo that has deleted it.
    fn undone_by(told: &Since) -> Vec<Option<JobId>> {
        told.deleted_patients().into_values().flat_map(BTreeMap::into_values).collect()
    }

    /// Returns whether each patient is out by its last opt-out.
    fn is_out(told: &Since) -> Vec<bool> {
        told.opt_outs().into_values().flatten().map(|opt_out| opt_out.is_out).collect()
    }

    #[test]
    fn deletions_are_repeated_and_no_other_calls() {
        let without_key = event("begun", &json!({"call": DELETE_CALL}), None);
        let nothing = [begun(CORRECT_CALL), without_key, ended(DELETE_CALL, 204)];
        assert_eq!(told(&nothing), Since::default());
        let command = event("begun", &json!({"command": DELETE_COMMAND}), Some(CUSTOMER));
        let told = told(&[begun(DELETE_CALL), command]);
        assert_eq!(undone_by(&told), [None]);
        assert_eq!(told.customers, BTreeSet::from([CUSTOMER.parse().unwrap()]));
    }

    #[test]
    fn a_call_that_was_refused_has_changed_nothing_and_one_that_failed_may_have() {
        for (status, counts) in
            [(200, true), (404, false), (412, false), (429, false), (500, true), (503, true)]
        {
            let deletion = told(&[begun(DELETE_CALL), ended(DELETE_CALL, status)]);
            assert_eq!(undone_by(&deletion).len(), usize::from(counts), "{status}");
            let out = opt_out(OPT_OUT_CALL, 1, Some(true));
            let out = told(&[out, ended(OPT_OUT_CALL, status)]);
            assert_eq!(is_out(&out).len(), usize::from(counts), "{status}");
        }
    }

    #[test]
    fn of_the_opt_outs_of_a_patient_the_last_one_counts() {
        let out = |id, is_out| opt_out(OPT_OUT_CALL, id, Some(is_out));
        assert_eq!(is_out(&told(&[out(1, true), out(2, false)])), [false]);
        assert_eq!(is_out(&told(&[out(1, false), out(2, true)])), [true]);
        // Of the two events of a correction, one tells what its body says.
        let correction = |is_out| opt_out(CORRECT_CALL, 3, is_out);
        let corrected = [out(1, true), correction(None), correction(Some(false))];
        assert_eq!(is_out(&told(&corrected)), [false]);
        assert_eq!(is_out(&told(&[out(1, true), correction(None)])), [true]);
        let last = told(&corrected).opt_outs().into_values().flatten().next().unwrap();
        assert_eq!(last.at, correction(None).time);
    }

    #[test]
    fn undone_patients_are_named_with_their_job_unless_a_call_deleted_them() {
        const JOB: &str = "0199ac1e-0000-7000-8000-000000000002";
        let mut undone = event("begun", &json!({"import": "undo-chunk"}), Some(CUSTOMER));
        assert_eq!(undone.action, Action::Import(ImportStep::UndoChunk));
        undone.objects.jobs.insert(JOB.parse().unwrap());
        assert_eq!(undone_by(&told(&[undone.clone()])), [Some(JOB.parse().unwrap())]);
        assert_eq!(undone_by(&told(&[begun(DELETE_CALL), undone])), [None]);
    }

    #[test]
    fn the_api_has_the_calls_that_are_looked_for() {
        let openapi: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
        for call in [DELETE_CALL, OPT_OUT_CALL, CORRECT_CALL] {
            let (method, path) = call.split_once(' ').unwrap();
            assert!(openapi["paths"][path][method.to_lowercase()].is_object(), "{call}");
        }
    }
}
