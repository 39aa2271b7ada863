//! The one place through which every call of a memory store goes.
//!
//! A store's method says what the service does. Around it are two decorators that no store knows:
//! [`Faults`](crate::Faults) may delay the call, refuse it, or lose its answer, and the recorder
//! notes the call and what AWS bills for it. They decorate calls rather than methods of a store,
//! because one method can make several calls and can fail between any two of them.

use std::collections::BTreeSet;

use bulk_pipeline::ports::{PortError, PortResult};

use crate::cloud::{Cloud, State};
use crate::faults::delay;
use crate::{Fault, Operation, Resource, Usage, UsageOf};

/// Statements of a `BatchExecuteStatement` (AWS limit).
const STATEMENTS_PER_BATCH: usize = 25;

/// A call that a function made, or a call that a link allows because the function signed it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Call {
    /// The function, as [`Cloud::called_by`] names it.
    pub caller: &'static str,
    /// The operation, which the function's role has to allow unless it is [`Operation::Post`].
    pub operation: Operation,
    /// The resource that the operation is called on.
    pub resource: Resource,
}

/// A call in the log of a cloud, which has it only if the service did not refuse it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedCall {
    /// The operation that was called, whether or not its answer arrived.
    pub operation: Operation,
    /// The resource that was called, as roles name it.
    pub resource: Resource,
    /// The units that AWS bills, in the sense of [`UsageOf::units`]: those of each statement of a
    /// batch, and those of any other call as one number.
    pub units: Vec<u64>,
    /// The keys of the persons and queries that were written.
    pub keys: Vec<String>,
}

/// The calls that were made so far, and while logging is on, their log.
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
            log.push(LoggedCall {
                operation,
                resource,
                units: std::mem::take(&mut served.statements)
                    .unwrap_or_else(|| vec![served.usage.units]),
                keys: std::mem::take(&mut served.keys),
            });
        }
    }
}

impl Cloud {
    /// Makes one call of a service. `serve` is what the service does, and returns the answer with
    /// what AWS bills for it.
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

    /// Executes a statement for each of these items, in batches as `aws` makes them. A statement
    /// inserts its item, and fails if there is one already. Returns which statements succeeded.
    ///
    /// A fault can hit a batch as any other call, and can refuse single statements.
    pub(crate) async fn insert_all<T>(
        &self,
        resource: Resource,
        items: &[T],
        insert: impl Fn(&mut State, &T) -> Statement,
    ) -> PortResult<Vec<bool>> {
        let mut all = Vec::with_capacity(items.len());
        for batch in items.chunks(STATEMENTS_PER_BATCH) {
            let is_refused: Vec<bool> =
                batch.iter().map(|_| self.faults().refuses_statement()).collect();
            let call = self.call(Operation::BatchExecuteStatement, resource, |state| {
                Statement::billed(batch.iter().zip(is_refused).map(|(item, is_refused)| {
                    if is_refused { Statement::default() } else { insert(state, item) }
                }))
            });
            all.extend(call.await?);
        }
        Ok(all)
    }

    /// Waits for the next piece of a body, and fails if a fault interrupts the body there.
    pub(crate) async fn next_piece(&self) -> PortResult<()> {
        delay(self.faults().delay()).await;
        match self.faults().fault(Operation::GetObject) {
            None => Ok(()),
            Some(Fault::Refused | Fault::AnswerLost) => {
                Err(transient(Operation::GetObject, "interrupted"))
            }
        }
    }

    /// Records a call as one that the caller's role has to allow. Called alone for a signed link,
    /// because a link is used with the rights of the function that signed it.
    pub(crate) fn note(&self, operation: Operation, resource: Resource) {
        if let Some(caller) = self.caller() {
            self.state().recorder.calls.insert(Call { caller, operation, resource });
        }
    }

    /// Returns what AWS bills for the calls so far.
    pub fn usage(&self) -> Usage {
        self.state().recorder.usage.clone()
    }

    /// Returns the calls since the last call of this function, in their order. The first call
    /// starts logging and returns none.
    pub fn take_log(&self) -> Vec<LoggedCall> {
        self.state().recorder.log.replace(Vec::new()).unwrap_or_default()
    }

    /// Returns the different calls of all functions so far, without their number and order.
    pub fn calls(&self) -> BTreeSet<Call> {
        self.state().recorder.calls.clone()
    }
}

/// The result of a call and what AWS bills for it.
pub(crate) struct Billed<T> {
    pub result: PortResult<T>,
    pub usage: UsageOf,
    /// The units of each statement, if the call is a batch of them.
    pub statements: Option<Vec<u64>>,
    /// The keys that were written, if the calls are logged.
    pub keys: Vec<String>,
}

impl<T> Billed<T> {
    pub fn new(value: T, units: u64, items: u64) -> Self {
        Self::with(Ok(value), UsageOf { calls: 1, units, items, ..UsageOf::default() })
    }

    /// Returns a call that is billed as one request.
    pub fn request(value: T) -> Self {
        Self::new(value, 1, 1)
    }

    pub fn failed(error: PortError) -> Self {
        Self::with(Err(error), UsageOf { calls: 1, ..UsageOf::default() })
    }

    pub const fn with(result: PortResult<T>, usage: UsageOf) -> Self {
        Self { result, usage, statements: None, keys: Vec::new() }
    }

    /// Names the key that was written, so that the log has it.
    pub fn with_key(self, key: Option<String>) -> Self {
        Self { keys: key.into_iter().collect(), ..self }
    }

    /// Sets the bytes of content that were sent or received.
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.usage.bytes = bytes as u64;
        self
    }
}

/// A statement of a batch.
#[derive(Default)]
pub(crate) struct Statement {
    pub has_succeeded: bool,
    /// The units that are billed, also if the statement failed. A refused one is not billed.
    pub units: u64,
    /// Bytes of content that were sent.
    pub bytes: usize,
    /// The key that was written, if the calls are logged.
    pub key: Option<String>,
}

impl Statement {
    /// Returns the call that executes these statements.
    fn billed(statements: impl Iterator<Item = Self>) -> Billed<Vec<bool>> {
        let (mut billed, mut units) = (Billed::new(Vec::new(), 0, 0), Vec::new());
        let mut results = Vec::new();
        for statement in statements {
            results.push(statement.has_succeeded);
            units.push(statement.units);
            billed.usage.units += statement.units;
            billed.usage.items += u64::from(statement.units > 0);
            billed.usage.bytes += statement.bytes as u64;
            billed.keys.extend(statement.key);
        }
        Billed { result: Ok(results), statements: Some(units), ..billed }
    }
}

pub(crate) fn transient(operation: Operation, code: &str) -> PortError {
    PortError { operation: operation.name(), code: code.to_owned(), transient: true }
}

pub(crate) fn permanent(operation: Operation, code: &str) -> PortError {
    PortError { operation: operation.name(), code: code.to_owned(), transient: false }
}
