//! Identifiers: one newtype for each kind of object, so that no two can be mixed up.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

            /// The bare UUID.
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
    /// A customer: the tenant that owns facilities, cohorts, patients and jobs.
    CustomerId
);
id!(
    /// One bulk import, called `requestId` by the API. UUIDv7: ids sort by creation time, which is
    /// what makes "the newer job wins" decidable from the ids alone.
    JobId
);
id!(
    /// A patient, called `metriportId` in result files. UUIDv7.
    PatientId
);
id!(
    /// A facility of a customer: the place where a patient receives care.
    FacilityId
);
id!(
    /// A cohort of a customer: a named set of patients.
    CohortId
);
id!(
    /// A webhook message; the same on every delivery attempt.
    MessageId
);

impl JobId {
    /// When the job was made, in milliseconds since 1970-01-01T00:00:00Z, as its UUIDv7 says; 0 for
    /// an id of another kind.
    pub fn created_millis(self) -> i64 {
        self.0.get_timestamp().map_or(0, |time| {
            let (seconds, nanos) = time.to_unix();
            i64::try_from(seconds).unwrap_or(i64::MAX / 1000) * 1000 + i64::from(nanos / 1_000_000)
        })
    }

    /// The least and the greatest id.
    pub const ALL: RangeInclusive<Self> = Self(Uuid::nil())..=Self(Uuid::max());

    /// Returns the ids of all jobs that are older than this one.
    pub fn older(self) -> RangeInclusive<Self> {
        *Self::ALL.start()..=Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }

    /// The least id that a job can have that is made at this time, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub fn first_of_millis(millis: i64) -> Self {
        let millis = u64::try_from(millis).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}

/// The number of a data row in the uploaded file: 1 is the first row after the header. Blank lines
/// are not rows and have no number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowNumber(u32);

impl RowNumber {
    /// The first data row.
    pub const FIRST: Self = Self(1);

    /// A row number from its 1-based value.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The 1-based number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The row after this one.
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
