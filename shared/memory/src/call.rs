//! The one place through which every call of a memory store goes.
//!
//! A store says what the service does. Around that are two decorators that no store knows: [`Faults`](crate::Faults) may
//! delay the call, refuse it, or lose its answer, and the recorder notes the call and what AWS bills for it. They decorate
//! calls rather than methods of a store, because one method can make several calls and can fail between any two of them.

use std::collections::BTreeSet;

use pipeline::ports::{PortError, PortResult};

use crate::cloud::{Cloud, State};
use crate::faults::delay;
use crate::{Fault, Operation, Resource, Usage, UsageOf};

/// A call that a function made, or that a link allows which the function signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Call {
    /// The function, as [`Cloud::called_by`] names it.
    pub caller: &'static str,
    /// What was called.
    pub operation: Operation,
    /// The resource that was called.
    pub resource: Resource,
}

/// A call in the log of a cloud.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedCall {
    /// What was called.
    pub operation: Operation,
    /// The resource that was called.
    pub resource: Resource,
    /// The units that AWS bills.
    pub units: u64,
    /// The key of the patient or the identity that was written.
    pub key: Option<String>,
}

/// The calls that were made so far.
#[derive(Default, Debug)]
pub(crate) struct Recorder {
    pub usage: Usage,
    calls: BTreeSet<Call>,
    log: Option<Vec<LoggedCall>>,
}

impl Recorder {
    pub fn is_logging(&self) -> bool {
        self.log.is_some()
    }

    fn record<T>(&mut self, operation: Operation, resource: Resource, served: &mut Billed<T>) {
        self.usage.add(operation, served.usage);
        if let Some(log) = &mut self.log {
            log.push(LoggedCall { operation, resource, units: served.usage.units, key: served.key.take() });
        }
    }
}

impl Cloud {
    /// Makes one call of a service. `serve` is what the service does; it returns its answer with what is billed.
    pub(crate) async fn call<T>(
        &self,
        operation: Operation,
        resource: Resource,
        serve: impl FnOnce(&mut State) -> Billed<T>,
    ) -> PortResult<T> {
        delay(self.faults().delay()).await;
        let fault = self.faults().fault(operation);
        self.note(operation, resource);
        if fault == Some(Fault::Refused) {
            return Err(transient(operation, "throttled"));
        }
        let served = {
            let mut state = self.state();
            state.index_lag = self.faults().index_lag();
            let mut served = serve(&mut state);
            state.recorder.record(operation, resource, &mut served);
            served
        };
        delay(self.faults().delay()).await;
        if fault == Some(Fault::AnswerLost) {
            return Err(transient(operation, "answer lost"));
        }
        served.result
    }

    /// Waits for the next piece of a body, which can break off there.
    pub(crate) async fn next_piece(&self) -> PortResult<()> {
        delay(self.faults().delay()).await;
        match self.faults().fault(Operation::GetObject) {
            None => Ok(()),
            Some(Fault::Refused | Fault::AnswerLost) => Err(transient(Operation::GetObject, "interrupted")),
        }
    }

    /// Records a call. By itself for a signed link, which is used with the rights of the function that signed it.
    pub(crate) fn note(&self, operation: Operation, resource: Resource) {
        if let Some(caller) = self.caller() {
            self.state().recorder.calls.insert(Call { caller, operation, resource });
        }
    }

    /// Returns what AWS bills for the calls so far.
    pub fn usage(&self) -> Usage {
        self.state().recorder.usage.clone()
    }

    /// Returns the calls since this was called last, in their order. The first time, logging starts and there is none.
    pub fn take_log(&self) -> Vec<LoggedCall> {
        self.state().recorder.log.replace(Vec::new()).unwrap_or_default()
    }

    /// Returns the different calls of all functions so far.
    pub fn calls(&self) -> BTreeSet<Call> {
        self.state().recorder.calls.clone()
    }
}

/// The result of a call and what AWS bills for it.
pub(crate) struct Billed<T> {
    pub result: PortResult<T>,
    pub usage: UsageOf,
    pub key: Option<String>,
}

impl<T> Billed<T> {
    pub fn new(value: T, units: u64, items: u64) -> Self {
        Self { result: Ok(value), usage: UsageOf { calls: 1, units, items, ..UsageOf::default() }, key: None }
    }

    /// Returns a call that is billed as one request.
    pub fn request(value: T) -> Self {
        Self::new(value, 1, 1)
    }

    pub fn failed(error: PortError) -> Self {
        Self { result: Err(error), usage: UsageOf { calls: 1, ..UsageOf::default() }, key: None }
    }

    /// Names the key that was written, for the log.
    pub fn with_key(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// Adds the bytes of content that were sent or received.
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.usage.bytes = bytes as u64;
        self
    }
}

pub(crate) fn transient(operation: Operation, code: &str) -> PortError {
    PortError { operation: operation.name(), code: code.to_owned(), transient: true }
}

pub(crate) fn permanent(operation: Operation, code: &str) -> PortError {
    PortError { operation: operation.name(), code: code.to_owned(), transient: false }
}
