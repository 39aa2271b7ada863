//! The copy of a document's content: whether it is stored, being fetched, or could not be fetched.
//!
//! A copy is fetched when a caller first asks for it. Its record sees to it that one worker fetches
//! it while many callers ask, and that a failing gateway is not asked again by every call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::query::{Lease, QueryAttemptId};
use crate::time::Timestamp;

/// How long a worker holds the lease of a copy: longer than the function runs, which is four
/// minutes.
const LEASE: Duration = Duration::from_mins(5);

/// The pause after a failure that a retry does not mend, for example because the gateway no longer
/// has the document.
const PERMANENT_PAUSE: Duration = Duration::from_mins(1);

/// The pause after a transient failure, if the gateway asks for none.
const PAUSE: Duration = Duration::from_secs(5);

/// The shortest pause. Callers that wait for the copy look at its record at shorter intervals, so
/// that each of them sees the failure.
const SHORTEST_PAUSE: Duration = Duration::from_secs(3);

/// The longest pause that the gateway can ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// The state of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyState {
    /// A worker fetches the content.
    Leased(Lease),
    /// The content was stored at this time. Its bytes may have been deleted since, after their
    /// retention.
    Stored(Timestamp),
    /// The content could not be fetched. The gateway is not asked again before this time.
    Failed(CopyFailure, Timestamp),
}

/// Why a content could not be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyFailure {
    /// The gateway does not have the document any more, or has no content for it.
    Gone,
    /// The gateway did not answer, or could not answer now.
    Unavailable,
    /// The gateway refused to give the content to this service.
    Refused,
    /// The content is at an address that this service must not fetch from.
    AddressNotAllowed,
    /// The content has more bytes than this service stores.
    TooLarge,
    /// The answer is not the document: it is empty, a web page, or of another format than its media
    /// type says.
    NotTheDocument,
}

/// What to do for a caller who asks for a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyDecision {
    /// The copy has to be fetched.
    Fetch,
    /// A worker is fetching the copy.
    Wait,
    /// The copy was stored.
    Stored,
    /// The copy could not be fetched, and the gateway is to be left alone for this time.
    Failed(CopyFailure, Duration),
}

impl CopyState {
    /// Returns the state in which an attempt that begins now holds the lease.
    pub fn leased(to: QueryAttemptId, now: Timestamp) -> Self {
        Self::Leased(Lease { to, until: now.plus(LEASE) })
    }

    /// Returns the state after a failure, if the gateway asks for a pause of `retry_after`.
    pub fn failed(failure: CopyFailure, retry_after: Option<Duration>, now: Timestamp) -> Self {
        let pause = match failure {
            CopyFailure::Unavailable => retry_after.unwrap_or(PAUSE),
            _ => PERMANENT_PAUSE,
        };
        Self::Failed(failure, now.plus(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)))
    }

    /// Returns whether this attempt holds the lease.
    pub fn is_leased_to(self, attempt: QueryAttemptId) -> bool {
        matches!(self, Self::Leased(lease) if lease.to == attempt)
    }

    /// Returns what to do for a caller, who finds this state or none.
    pub fn decide(state: Option<Self>, now: Timestamp) -> CopyDecision {
        match state {
            Some(Self::Stored(_)) => CopyDecision::Stored,
            Some(Self::Leased(lease)) if now < lease.until => CopyDecision::Wait,
            Some(Self::Failed(failure, until)) if now < until => {
                CopyDecision::Failed(failure, now.until(until))
            }
            None | Some(Self::Leased(_) | Self::Failed(..)) => CopyDecision::Fetch,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    fn after(seconds: u64) -> Timestamp {
        now().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_copy_is_fetched_unless_it_is_stored_or_being_fetched() {
        let leased = CopyState::leased(QueryAttemptId::new(Uuid::nil()), now());
        assert_eq!(CopyState::decide(None, now()), CopyDecision::Fetch);
        assert_eq!(CopyState::decide(Some(CopyState::Stored(now())), now()), CopyDecision::Stored);
        assert_eq!(CopyState::decide(Some(leased), after(299)), CopyDecision::Wait);
        assert_eq!(CopyState::decide(Some(leased), after(300)), CopyDecision::Fetch);
    }

    #[test]
    fn after_a_failure_the_gateway_is_left_alone_for_a_while() {
        let unavailable = CopyFailure::Unavailable;
        for (failure, asked_for, pause) in [
            (unavailable, None, 5),
            (unavailable, Some(30), 30),
            (unavailable, Some(0), 3),
            (unavailable, Some(86_400), 600),
            (CopyFailure::Gone, None, 60),
            (CopyFailure::TooLarge, Some(1), 60),
        ] {
            let state = CopyState::failed(failure, asked_for.map(Duration::from_secs), now());
            let told = CopyDecision::Failed(failure, Duration::from_secs(pause));
            assert_eq!(CopyState::decide(Some(state), now()), told);
            assert_eq!(CopyState::decide(Some(state), after(pause)), CopyDecision::Fetch);
        }
    }
}
