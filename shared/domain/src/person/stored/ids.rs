//! How ids are written: those of jobs as places in a list, and each once in base64.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::ids::JobId;

/// The place of a job in the list of jobs.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct JobIndex(usize);

impl JobIndex {
    // `serde` asks with a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn is_first(&self) -> bool {
        self.0 == 0
    }
}

/// A UUID, written as 22 letters and digits.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Id(pub(super) Uuid);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID in base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id, E> {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(E::custom)?;
                Uuid::from_slice(&bytes).map(Id).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// The list of jobs, as it is written.
#[derive(Default)]
pub(super) struct Jobs(pub(super) Vec<Id>);

impl Jobs {
    pub(super) fn index(&mut self, job: JobId) -> JobIndex {
        let id = Id(job.as_uuid());
        JobIndex(self.0.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        }))
    }
}

/// Returns the job at a place in the list, or `None` if the list is shorter.
pub(super) fn job(index: JobIndex, jobs: &[Id]) -> Option<JobId> {
    jobs.get(index.0).map(|id| JobId::new(id.0))
}
