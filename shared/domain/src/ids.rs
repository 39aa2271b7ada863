//! Identifiers: one newtype for each kind of object, so that the compiler tells them apart.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to be of this kind.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the id as a plain UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Reads the hyphenated form, in any case, and nothing else.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<uuid::fmt::Hyphenated>().map(|id| Self(id.into_uuid()))
            }
        }
    };
}

id!(
    /// Identifies a customer: the tenant that owns facilities, cohorts, patients and jobs.
    CustomerId
);
id!(
    /// Identifies a job, which the API calls `requestId`. UUIDv7: ids sort by creation time, so
    /// that the ids alone decide which of two jobs is newer. A call that changes a patient has such
    /// an id, too, which gives it a place among the jobs ([`JobId::of_call`]).
    JobId
);
id!(
    /// Identifies a patient, called `metriportId` in result files. A UUID of version 8, of which
    /// the first 60 free bits are the patient's [bucket](crate::hash_key::Bucket).
    PatientId
);
id!(
    /// Identifies a facility of a customer: the place where a patient receives care.
    FacilityId
);
id!(
    /// Identifies a cohort of a customer: a named set of patients.
    CohortId
);
id!(
    /// Identifies a bulk download of a patient's documents, which the API calls `requestId`.
    /// UUIDv7.
    DownloadId
);
id!(
    /// Identifies what a webhook is about: a job or a bulk download. UUIDv7.
    RequestId
);
id!(
    /// Identifies a webhook message. It is the same for every attempt at its delivery.
    MessageId
);

impl RequestId {
    /// Returns when the job or bulk download was created, as the first 48 bits of the id say.
    pub fn created_at(self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0.as_bytes()[..6]);
        Timestamp::from_millis(i64::from_be_bytes(millis))
    }
}

impl From<JobId> for RequestId {
    fn from(job: JobId) -> Self {
        Self(job.0)
    }
}

impl From<DownloadId> for RequestId {
    fn from(download: DownloadId) -> Self {
        Self(download.0)
    }
}

impl JobId {
    /// Returns when the job was created, as its UUIDv7 says.
    pub fn created_at(self) -> Timestamp {
        RequestId::from(self).created_at()
    }

    /// Returns the id of a call that changes patients, by a UUIDv7 of the time of the call. It
    /// sorts among the ids of jobs by that time. It is a UUID of version 8, which tells it from
    /// them.
    pub fn of_call(id: Uuid) -> Self {
        let id = uuid::Builder::from_bytes(*id.as_bytes()).with_version(uuid::Version::Custom);
        Self(id.into_uuid())
    }

    /// Returns whether the id is that of a call, and not of a job.
    pub fn is_call(self) -> bool {
        self.0.get_version() == Some(uuid::Version::Custom)
    }

    /// The least and the greatest id.
    pub const ALL: RangeInclusive<Self> = Self(Uuid::nil())..=Self(Uuid::max());

    /// Returns the ids of all jobs that are older than this one.
    pub fn older(self) -> RangeInclusive<Self> {
        *Self::ALL.start()..=Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }

    /// Returns the least id of a job that is created at this time, or in 1970 if it is earlier.
    pub fn first_at(time: Timestamp) -> Self {
        let millis = time.as_millis().max(0).unsigned_abs();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}

/// The number of a data row in the uploaded file: 1 is the first row after the header. Blank rows
/// have no number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowNumber(u32);

impl RowNumber {
    /// The number of the first data row.
    pub const FIRST: Self = Self(1);

    /// Returns the row number of a 1-based value.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the 1-based value.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the number of the next row.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for RowNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_job_says_when_it_was_created() {
        // RFC 9562, appendix A.6
        let id: JobId = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().unwrap();
        assert_eq!(id.created_at().to_string(), "2022-02-22T19:22:22.000Z");
        let first = JobId::first_at(id.created_at());
        assert!(first < id && first.created_at() == id.created_at());
    }

    #[test]
    fn the_id_of_a_call_is_told_from_that_of_a_job_and_has_its_place_among_them() {
        let time = Timestamp::from_millis(1_800_000_000_000);
        let at = |millis| JobId::first_at(Timestamp::from_millis(time.as_millis() + millis));
        let call = JobId::of_call(at(5).as_uuid());
        assert!(call.is_call() && !at(5).is_call());
        assert_eq!(call.created_at(), at(5).created_at());
        assert!(at(4) < call && call < at(6));
    }
}
