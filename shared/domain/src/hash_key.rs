//! The keyed hashes of a customer: keys of tables and ids of patients are made of them, so that
//! neither tells anything to a reader who guesses a name and a birth date.
//!
//! An unkeyed hash does not do that: 45 CFR 164.514(c) asks for codes that are not derived from
//! information about the individual, and names with birth dates can be tried out.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::hidden_debug;
use crate::hmac::hmac_sha256;
use crate::identity::Identity;
use crate::ids::{JobId, PatientId, RowNumber};
use crate::patient::ExternalId;

/// The key of a customer's hashes, made with the customer and never changed.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey([u8; 32]);

impl HashKey {
    /// Returns the key with these random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, to be stored.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the bucket of an identity.
    pub fn bucket(&self, identity: &Identity) -> Bucket {
        let hash = hmac_sha256(&self.0, &[b"identity", identity.as_bytes()]);
        Bucket(u64::from_be_bytes(first(&hash)) >> 4)
    }

    /// Returns the id of the patient that a job creates for a row. Every attempt of the job gives
    /// the patient the same id.
    pub fn patient_id(&self, bucket: Bucket, job: JobId, row: RowNumber) -> PatientId {
        let row = row.get().to_be_bytes();
        let hash = hmac_sha256(&self.0, &[b"patient", job.as_uuid().as_bytes(), &row]);
        bucket.patient(u64::from_be_bytes(first(&hash)))
    }

    /// Returns the hash by which an identity is known after its last patient was deleted.
    pub fn deleted_identity(&self, identity: &Identity) -> IdentityHash {
        let hash = hmac_sha256(&self.0, &[b"deletedIdentity", identity.as_bytes()]);
        IdentityHash(u128::from_be_bytes(first(&hash)))
    }

    /// Returns the hash of an external id.
    pub fn external_id(&self, external_id: &ExternalId) -> ExternalIdHash {
        let hash = hmac_sha256(&self.0, &[b"externalId", external_id.as_str().as_bytes()]);
        ExternalIdHash(u128::from_be_bytes(first(&hash)))
    }
}

/// Returns the first bytes of a hash.
fn first<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    const { assert!(N <= 32) }
    std::array::from_fn(|index| hash[index])
}

hidden_debug!(HashKey);

/// The bucket that an identity hashes to: 60 bits. The patients of a bucket share an item.
///
/// Two identities of a customer share a bucket with a probability of 1 in a billion billion.
/// Matching compares identities, so that they are told apart then, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(u64);

/// The bits of a UUID that are free in its last group (RFC 9562, section 5.8: `custom_c`).
const CUSTOM_C: u128 = (1 << 62) - 1;

impl Bucket {
    /// Returns the patient of this bucket with these 62 bits of `tail`. The id is a UUID of
    /// version 8 (RFC 9562, section 5.8), of which the bucket is `custom_a` and `custom_b`.
    pub fn patient(self, tail: u64) -> PatientId {
        let (custom_a, custom_b) = (u128::from(self.0 >> 12), u128::from(self.0 & 0xfff));
        let id = (custom_a << 80)
            | (0x8 << 76)
            | (custom_b << 64)
            | (0b10 << 62)
            | (u128::from(tail) & CUSTOM_C);
        PatientId::new(Uuid::from_u128(id))
    }

    /// Returns the bucket of a patient. `None` for an id that this service has never given, because
    /// it is a UUID of another version.
    pub fn of(patient: PatientId) -> Option<Self> {
        let uuid = patient.as_uuid();
        let is_ours = uuid.get_version_num() == 8 && uuid.get_variant() == uuid::Variant::RFC4122;
        let (high, _) = uuid.as_u64_pair();
        is_ours.then_some(Self(((high >> 16) << 12) | (high & 0xfff)))
    }
}

impl fmt::Display for Bucket {
    /// 15 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015x}", self.0)
    }
}

/// The hash of an identity without patients: 128 bits, which tell it from others of its bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdentityHash(pub(crate) u128);

/// The hash of an external id: 128 bits, under which its patients are found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExternalIdHash(pub(crate) u128);

impl fmt::Display for ExternalIdHash {
    /// 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::patient::Gender;

    fn identity(first: &str) -> Identity {
        let (first, last) = (first.parse().unwrap(), "Lovelace".parse().unwrap());
        Identity::of(&first, &last, "1985-12-10".parse().unwrap(), Gender::Female)
    }

    #[test]
    fn hashes_are_the_same_on_every_machine_and_in_every_version() {
        // printf 'identityada\0lovelace\0\x07\xc1\x0c\x0aF' | openssl dgst -sha256 -mac HMAC
        let key = HashKey::new([7; 32]);
        let bucket = key.bucket(&identity("Ada"));
        insta::assert_snapshot!(format_args!(
            "{bucket} {} {}",
            key.patient_id(bucket, JobId::new(Uuid::from_u128(1)), RowNumber::new(2)),
            key.external_id(&"MRN-1".parse().unwrap())
        ));
    }

    #[test]
    fn another_key_gives_other_hashes() {
        let (key, other) = (HashKey::new([7; 32]), HashKey::new([8; 32]));
        assert_ne!(key.bucket(&identity("Ada")), other.bucket(&identity("Ada")));
        assert_ne!(key.bucket(&identity("Ada")), key.bucket(&identity("Eve")));
        let id: ExternalId = "MRN-1".parse().unwrap();
        assert_ne!(key.external_id(&id), other.external_id(&id));
        assert_eq!(format!("{key:?}"), "HashKey(…)");
    }

    #[test]
    fn an_id_of_another_version_has_no_bucket() {
        for uuid in [Uuid::nil(), Uuid::max(), Uuid::now_v7(), Uuid::from_u128(8 << 76)] {
            assert_eq!(Bucket::of(PatientId::new(uuid)), None, "{uuid}");
        }
    }

    proptest! {
        #[test]
        fn an_id_carries_its_bucket(bucket in 0..1u64 << 60, tail: u64) {
            let id = Bucket(bucket).patient(tail);
            prop_assert_eq!(Bucket::of(id), Some(Bucket(bucket)));
            prop_assert_eq!(id.as_uuid().get_version_num(), 8);
            prop_assert_eq!(id == Bucket(bucket).patient(tail ^ 1), false);
        }
    }
}
