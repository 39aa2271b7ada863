//! The stored versions of objects, and until when S3 keeps them by the bucket's own lifecycle.

use std::pin::pin;
use std::time::Duration;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule, ObjectVersion};
use bulk_domain::ids::CustomerId;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::PortResult;
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;

use super::listing::{LIST, pages};
use super::{GET, Objects, stream_of};
use crate::error::{failed, malformed};

const LIFECYCLE: &str = "s3.GetBucketLifecycleConfiguration";
const DAY: Duration = Duration::from_hours(24);

/// A version of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredVersion {
    /// The key of the object.
    pub key: String,
    /// The version, as S3 names it.
    pub version: String,
    /// The size of the content in bytes.
    pub bytes: u64,
    /// When the version was stored.
    pub stored_at: Timestamp,
    /// When a newer version, or the marker of a deletion, took its place; `None` for the newest
    /// version.
    pub replaced_at: Option<Timestamp>,
}

/// How long a bucket keeps objects, by the rules of its lifecycle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retention(Vec<Rule>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    prefix: String,
    /// After how long the newest version of an object expires: a marker takes its place.
    current: Option<Duration>,
    /// How long a version stays after another one took its place.
    replaced: Option<Duration>,
}

impl Rule {
    /// Returns a rule about the end of objects, unless it is for tags or sizes: then it is for some
    /// objects only.
    fn of(rule: LifecycleRule) -> Option<Self> {
        let time = |days: Option<i32>| Some(DAY * days.and_then(|days| u32::try_from(days).ok())?);
        let is_partial = rule.filter.as_ref().is_some_and(|filter| {
            filter.tag.is_some()
                || filter.and.is_some()
                || filter.object_size_greater_than.is_some()
                || filter.object_size_less_than.is_some()
        });
        let current = time(rule.expiration.and_then(|expiration| expiration.days));
        let replaced = rule.noncurrent_version_expiration.and_then(|rule| rule.noncurrent_days);
        let replaced = time(replaced);
        // An older form of a rule has the prefix without a filter.
        #[allow(deprecated)]
        let prefix = rule.filter.and_then(|filter| filter.prefix).or(rule.prefix);
        let prefix = prefix.unwrap_or_default();
        let is_rule = !is_partial && (current.is_some() || replaced.is_some());
        is_rule.then_some(Self { prefix, current, replaced })
    }
}

impl Retention {
    fn of(rules: Vec<LifecycleRule>) -> Self {
        let rules = rules.into_iter().filter(|rule| rule.status == ExpirationStatus::Enabled);
        Self(rules.filter_map(Rule::of).collect())
    }

    /// Returns the time after which S3 removes a version for good, or `None` if it never does.
    pub fn end_of(&self, version: &StoredVersion) -> Option<Timestamp> {
        let (current, replaced) = self.times(&version.key);
        let replaced_at = match (version.replaced_at, current) {
            (Some(at), _) => at,
            (None, Some(current)) => midnight_after(version.stored_at.plus(current)),
            (None, None) => return None,
        };
        Some(midnight_after(replaced_at.plus(replaced?)))
    }

    /// Returns the longest time for which S3 keeps a version with this key that no other one
    /// replaces, or `None` if it keeps one for ever.
    pub fn longest(&self, key: &str) -> Option<Duration> {
        let (current, replaced) = self.times(key);
        // Each end is put off to the next midnight.
        Some(current? + replaced? + 2 * DAY)
    }

    /// Returns the shortest times of the rules for a key, because S3 does what comes first.
    fn times(&self, key: &str) -> (Option<Duration>, Option<Duration>) {
        let rules = || self.0.iter().filter(|rule| key.starts_with(&rule.prefix));
        (
            rules().filter_map(|rule| rule.current).min(),
            rules().filter_map(|rule| rule.replaced).min(),
        )
    }
}

/// Returns the midnight (UTC) to which S3 rounds the end of an object ("Lifecycle configuration
/// elements",
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>).
fn midnight_after(time: Timestamp) -> Timestamp {
    // Days have no more milliseconds than an `i64` holds.
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis((time.as_millis().div_euclid(day) + 1) * day)
}

impl Objects {
    /// Returns how long the bucket keeps objects. A bucket without a lifecycle keeps all of them.
    pub async fn retention(&self) -> PortResult<Retention> {
        let request = self.client.get_bucket_lifecycle_configuration().bucket(&self.bucket);
        match request.send().await {
            Ok(answer) => Ok(Retention::of(answer.rules.unwrap_or_default())),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404) => {
                Ok(Retention(Vec::new()))
            }
            Err(error) => Err(failed(LIFECYCLE)(error)),
        }
    }

    /// Returns all versions of a customer's objects with keys that begin with
    /// `{folder}/{customer}/` and this text. The newest version of an object comes first.
    pub async fn versions(
        &self,
        customer: CustomerId,
        folder: &str,
        begins: &str,
    ) -> PortResult<Vec<StoredVersion>> {
        let list = self.list().prefix(format!("{folder}{customer}/{begins}"));
        let (mut versions, mut ends) = (Vec::new(), Vec::new());
        let mut pages = pin!(pages(list));
        while let Some(page) = pages.try_next().await? {
            for version in page.versions.into_iter().flatten() {
                versions.push(stored_version(version).ok_or_else(|| malformed(LIST, "version"))?);
            }
            for marker in page.delete_markers.into_iter().flatten() {
                ends.extend(marker.key.zip(marker.last_modified.and_then(timestamp)));
            }
        }
        note_replacements(&mut versions, &ends);
        Ok(versions)
    }

    /// Returns the content of a version, piece by piece. Only operators may read it.
    pub async fn read_version(
        &self,
        version: &StoredVersion,
    ) -> PortResult<BoxStream<'static, PortResult<Bytes>>> {
        let get = self.client.get_object().bucket(&self.bucket).key(&version.key);
        let answer = get.version_id(&version.version).send().await.map_err(failed(GET))?;
        Ok(stream_of(answer.body))
    }
}

fn stored_version(version: ObjectVersion) -> Option<StoredVersion> {
    Some(StoredVersion {
        key: version.key?,
        version: version.version_id?,
        bytes: version.size.and_then(|size| u64::try_from(size).ok())?,
        stored_at: version.last_modified.and_then(timestamp)?,
        replaced_at: None,
    })
}

fn timestamp(time: DateTime) -> Option<Timestamp> {
    time.to_millis().ok().map(Timestamp::from_millis)
}

/// Notes when each version was replaced: by the version before it in the list, which S3 sorts by
/// keys and by age, or by a marker of a deletion if that came between them.
fn note_replacements(versions: &mut [StoredVersion], ends: &[(String, Timestamp)]) {
    let mut newer: Option<(String, Timestamp)> = None;
    for version in versions {
        let next = newer.take().filter(|(key, _)| *key == version.key).map(|(_, at)| at);
        let of_key =
            ends.iter().filter(|(key, at)| *key == version.key && *at >= version.stored_at);
        version.replaced_at = of_key.map(|(_, at)| *at).chain(next).min();
        newer = Some((version.key.clone(), version.stored_at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: u32) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(DAY * days)
    }

    fn version(key: &str, stored: u32, replaced: Option<u32>) -> StoredVersion {
        StoredVersion {
            key: key.to_owned(),
            version: stored.to_string(),
            bytes: 1,
            stored_at: at(stored),
            replaced_at: replaced.map(at),
        }
    }

    fn rule(prefix: &str, current: Option<u32>, replaced: Option<u32>) -> Rule {
        let time = |days: Option<u32>| days.map(|days| DAY * days);
        Rule { prefix: prefix.to_owned(), current: time(current), replaced: time(replaced) }
    }

    #[test]
    fn a_version_is_replaced_by_the_next_one_or_by_the_marker_between_them() {
        let mut found = [
            version("a", 7, None),
            version("a", 3, None),
            version("a", 1, None),
            version("b", 2, None),
            version("c", 9, None),
        ];
        note_replacements(&mut found, &[("a".to_owned(), at(2)), ("b".to_owned(), at(4))]);
        let replaced: Vec<_> = found.iter().map(|version| version.replaced_at).collect();
        assert_eq!(replaced, [None, Some(at(7)), Some(at(2)), Some(at(4)), None]);
    }

    #[test]
    fn the_newest_version_expires_first_and_a_replaced_one_does_not() {
        let retention =
            Retention(vec![rule("", Some(30), Some(3)), rule("documents/", Some(7), None)]);
        // The first day of these tests ends at midnight, 16 hours later.
        let midnight = |days| midnight_after(at(days));
        let end = |version| retention.end_of(&version).unwrap();
        assert_eq!(end(version("uploads/a", 0, None)), midnight(34));
        assert_eq!(end(version("uploads/a", 0, Some(5))), midnight(8));
        assert_eq!(end(version("documents/a", 0, None)), midnight(11));
        assert_eq!(retention.longest("uploads/a"), Some(DAY * 35));
    }

    #[test]
    fn without_a_rule_a_version_stays() {
        for rules in [vec![], vec![rule("", Some(30), None)], vec![rule("x", Some(1), Some(1))]] {
            let retention = Retention(rules);
            assert_eq!(retention.end_of(&version("uploads/a", 0, None)), None);
            assert_eq!(retention.longest("uploads/"), None);
        }
    }
}
