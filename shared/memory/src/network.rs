//! How calls go: what a test decides, and a benchmark leaves alone.

use std::fmt::Debug;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::Operation;

/// How one call goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is refused, as under throttling, and nothing has happened.
    Refused,
    /// It is carried out, but its answer is lost: the caller sees an error.
    AnswerLost,
}

/// Decides how calls go. It is asked, for each call, for a delay, for its fate, and, once the call has been carried
/// out, for the delay of the answer; for each piece of a body, for a delay and its fate.
pub trait Network: Send + Sync + Debug {
    /// The fate of the next call.
    fn fate(&self, operation: Operation) -> Fate;
    /// How often whoever waits for a call is asked again before there is news of it.
    fn delay(&self) -> u32;
    /// Bytes in the next piece of a body that is being read.
    fn piece(&self) -> usize;
    /// The time after which an index of a table shows the next write to the table.
    fn index_lag(&self) -> Duration {
        Duration::ZERO
    }
}

/// A network without faults or delays.
#[derive(Clone, Copy, Debug)]
pub struct Reliable;

impl Network for Reliable {
    fn fate(&self, _: Operation) -> Fate {
        Fate::Answered
    }

    fn delay(&self) -> u32 {
        0
    }

    fn piece(&self) -> usize {
        64 * 1024
    }
}

/// Lets others run, `times` times.
pub(crate) async fn wait(times: u32) {
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
