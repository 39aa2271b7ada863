//! Faults that a test injects into calls.

use std::fmt::Debug;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::Operation;

/// An injected fault of one call. The caller sees a transient error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The call is refused, as under throttling, and has no effect.
    Refused,
    /// The call takes place, but its answer is lost.
    AnswerLost,
}

/// The fault plan of a test. For each call, the cloud asks it for a delay, for a fault and, after
/// the call took place, for the delay of the answer. For each piece of a body, the cloud asks for a
/// delay and a fault.
pub trait Faults: Send + Sync + Debug {
    /// Returns the fault of the next call, if it has one.
    fn fault(&self, operation: Operation) -> Option<Fault>;
    /// Returns how often the caller polls in vain before the next step of the call.
    fn delay(&self) -> u32;
    /// Returns the bytes in the next piece of a body that is being read.
    fn piece(&self) -> usize;
    /// Returns whether the next statement of a batch is refused, as under throttling, while the
    /// others of its batch are executed.
    fn refuses_statement(&self) -> bool {
        false
    }
    /// Returns the time after which an index of a table shows the next write to the table.
    fn index_lag(&self) -> Duration {
        Duration::ZERO
    }
}

/// Calls without faults or delays.
#[derive(Clone, Copy, Debug)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn fault(&self, _: Operation) -> Option<Fault> {
        None
    }

    fn delay(&self) -> u32 {
        0
    }

    fn piece(&self) -> usize {
        64 * 1024
    }
}

/// Lets other tasks run, `times` times.
pub(crate) async fn delay(times: u32) {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
